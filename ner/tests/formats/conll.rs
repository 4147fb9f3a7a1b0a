use ner::Labels;
use ner::formats::{Format, conll, write};

use crate::{collection, exported, provenance};

const HEADING: &str = "model=models/default version=clinical-ner%201.2.3";

#[test]
fn conll_is_written() {
    let content = write::write(Format::Conll, &collection(), &provenance()).unwrap();
    let expected = format!(
        "-DOCSTART- id=visit%201/2 {HEADING} sha256={0} threshold=0.4 O

😀 O
Denies O
pelvic B-Symptoms
pain I-Symptoms
. O

Low O
oestradiol B-Hormones
— O
café O
< O
b O
> O
\u{301} O

-DOCSTART- id==1+1 {HEADING} sha256={0} threshold=0.4 O

-DOCSTART- id=<script>\"&' {HEADING} sha256={0} threshold=0.4 O

- B-Symptoms
5 I-Symptoms
cramps I-Symptoms
, O
LH B-Hormones
; O
scan B-Procedures
: O
follicle B-Ultrasound
. O
Letrozole B-Medications

",
        "00ff".repeat(16)
    );
    assert_eq!(content, expected);
}

#[test]
fn documents_are_named_by_id_or_line() {
    let check = |content: &str, expected: &[(&str, usize, &str)]| {
        let documents = conll::read("f", content, &Labels::guide()).unwrap();
        let found: Vec<(&str, usize, &str)> = documents
            .iter()
            .map(|found| {
                (
                    found.document.id.as_str(),
                    found.line,
                    found.document.text.as_str(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{content:?}");
    };
    check("", &[]);
    check("a O\n\nb O\n", &[("1", 1, "a"), ("3", 3, "b")]);
    check(
        "-DOCSTART- -X- O O\n\na O\n\nb O\n",
        &[("3", 3, "a"), ("5", 5, "b")],
    );
    check(
        "z O\n-DOCSTART- id=x%20y O\na O\n\nb O\n-DOCSTART- id= O\n",
        &[("1", 1, "z"), ("x y", 2, "a\n\nb"), ("", 6, "")],
    );
}

/// Over a mark no blank line is written, as none may be inside of one.
#[test]
fn marks_over_blank_lines_stay_whole() {
    use ner::formats::Source::Person;
    let document = exported(
        "a",
        "no\n\nheavy\n\nflow",
        &[("heavy\n\nflow", "Symptoms", None, Person, true)],
    );
    let content = conll::document(&document, &provenance()).unwrap();
    assert!(
        content.ends_with("O\n\nno O\n\nheavy B-Symptoms\nflow I-Symptoms\n\n"),
        "{content}"
    );
}

#[test]
fn what_columns_cannot_hold_is_refused() {
    use ner::formats::Source::Person;
    let check = |marked: &str, label: &str, message: &str| {
        let document = exported("a", "heavy flow", &[(marked, label, None, Person, true)]);
        let error = conll::document(&document, &provenance()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("document `a`: {message}")),
            "{error}"
        );
    };
    check("heavy", "Lab result", "`Lab result` cannot be a label");
    check("heavy", "", "`` cannot be a label");
    check(
        "eavy",
        "Symptoms",
        "span 1..5 of type `Symptoms`: `eavy` does not begin and end on a word",
    );
}

#[test]
fn notes_are_not_taken_for_labels() {
    let check = |content: &str, expected: bool| {
        assert_eq!(
            conll::is_likely(content, &Labels::guide()),
            expected,
            "{content:?}"
        );
    };
    check("pelvic B-Symptoms\npain I-Symptoms\n", true);
    check("\n \nno O\n\npelvic\tB-Symptoms\r\n", true);
    check("no\tO\r\npain B-Symptoms x\npain B-Symptoms\n", true);
    check("-DOCSTART- -X- -X- O\n\nno NN I-NP O\n", true);
    check("-DOCSTART-", true);
    check("", false);
    check("Type O\n", false);
    check("Type O\nRhesus positive\nB-Symptoms were discussed", false);
    check("Group O\nNo pain B-Symptoms today.\n", false);
    check("pain B-Symptom\n", false);
    check("Patient reports pain\npain B-Symptoms\n", false);
    check("B-Symptoms\n", false);
}
