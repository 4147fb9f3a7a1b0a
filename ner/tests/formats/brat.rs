use ner::formats::{Exported, Format, Mark, Source, brat, write};
use ner::tokenize::words;
use ner::{Labels, Span};

use crate::{collection, exported, provenance};

const MODEL: &str = "model=models/default version=clinical-ner%201.2.3";

#[test]
fn files_are_written() {
    let files = write::files(
        Format::Brat,
        "notes",
        &collection(),
        &provenance(),
        &Labels::guide(),
    )
    .unwrap();
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "annotation.conf",
            "visit_1_2.txt",
            "visit_1_2.ann",
            "1_1.txt",
            "1_1.ann",
            "script.txt",
            "script.ann",
        ]
    );
    let hash = "00ff".repeat(16);
    let about = format!("{MODEL} sha256={hash} threshold=0.4");
    assert_eq!(
        files[0].content,
        format!(
            "# {about}\n\n[entities]\nSymptoms\nHormones\nProcedures\nMedications\nUltrasound\n\n\
             [relations]\n\n[events]\n\n[attributes]\n"
        )
    );
    assert_eq!(files[1].content, collection()[0].text);
    assert_eq!(
        files[2].content,
        format!(
            "T1\tSymptoms 9 15;17 21\tpelvic pain\n\
             #1\tAnnotatorNotes T1\ttype=Symptoms start=9 end=21 score=0.984 source=model accepted=false {about}\n\
             T2\tHormones 30 40\toestradiol\n\
             #2\tAnnotatorNotes T2\ttype=Hormones start=30 end=40 score=0.5 source=model accepted=true {about}\n"
        )
    );
    assert_eq!(files[4].content, "");
}

/// Offsets of the pieces and text of a mark over the whole text.
#[test]
fn marks_are_split_at_line_ends() {
    let check = |text: &str, expected: &str| {
        let document = exported("a", text, &[(text, "S", None, Source::Person, true)]);
        let content = brat::annotations(&document, &provenance()).unwrap();
        let first = content.lines().next().unwrap();
        assert_eq!(first, format!("T1\tS {expected}"), "{text:?}");
        let read = brat::read("a", text, &content, &Labels::of_types(&["S"])).unwrap();
        assert_eq!(read.document, document);
    };
    check("pelv\npain", "0 4;5 9\tpelv pain");
    check("é😀\r\npain", "0 2;4 8\té😀 pain");
    check("a \n\r\n \n b c", "0 1;8 11\ta b c");
    check("a\u{2028}b\u{c}c\rd", "0 1;2 3;4 5;6 7\ta b c d");
    check("a\u{1c}b", "0 3\ta\u{1c}b");
    check("a\tb", "0 3\ta\tb");
}

fn read(text: &str, annotations: &str) -> Result<Exported, ner::Error> {
    Ok(brat::read("n", text, annotations, &Labels::of_types(&["S", "H"]))?.document)
}

#[test]
fn marks_of_people_are_read() {
    // Text, annotations, then the marks as bytes, type and source.
    let check =
        |text: &str, annotations: &str, expected: &[(usize, usize, &str, Option<f32>, Source)]| {
            let document = read(text, annotations).unwrap();
            let marks: Vec<_> = document
                .marks
                .iter()
                .map(|mark| {
                    let range = &mark.span.range;
                    (
                        range.start,
                        range.end,
                        mark.span.label.as_str(),
                        mark.score,
                        mark.source,
                    )
                })
                .collect();
            assert_eq!(marks, expected, "{annotations:?}");
        };
    let person = Source::Person;
    check("no", "", &[]);
    check("é LH", "T1\tH 2 4\tLH\r\n", &[(3, 5, "H", None, person)]);
    check(
        "a LH",
        "T2\tH 2 4\tLH\nR1\tX Arg1:T1 Arg2:T2\t\nA1\tNegation T2\n#1\tAnnotatorNotes R1\tscore=1\nT1\tS 0 1\ta\n*\tEquiv T1 T2\n",
        &[(0, 1, "S", None, person), (2, 4, "H", None, person)],
    );
    check(
        "LH",
        "\u{feff}T1\tH 0 2\tLH\n \n",
        &[(0, 2, "H", None, person)],
    );
    check(
        "\u{feff} LH",
        "T1\tH 2 4\tLH\n",
        &[(4, 6, "H", None, person)],
    );
    // Pieces in any order, with and without a space between them, and a text that is left out.
    for mark in [
        "0 4;5 9\tpelv pain",
        "0 4;5 9\tpelvpain",
        "0 4;5 9\t ",
        "0 4;5 9",
        "5 9;0 4\tpelv pain",
        "5 9;0 4\tpain pelv",
        "5 9;0 4\tpainpelv",
    ] {
        let line = format!("T1\tS {mark}");
        check("pelv\npain", &line, &[(0, 9, "S", None, person)]);
    }
    check(
        "pelv\npain",
        "T1\tS 0 9\tpelv pain",
        &[(0, 9, "S", None, person)],
    );
    // A note is of the mark as it was written.
    let note =
        "#1\tAnnotatorNotes T1\ttype=H start=0 end=2 score=0.5 source=model accepted=false\n";
    let model = Source::Model;
    check(
        "LH 5",
        &format!("T1\tH 0 2\tLH\n{note}"),
        &[(0, 2, "H", Some(0.5), model)],
    );
    check(
        "LH 5",
        &format!("{note}T1\tS 0 2\tLH\n"),
        &[(0, 2, "S", None, person)],
    );
    check(
        "LH 5",
        &format!("T1\tH 0 4\tLH 5\n{note}"),
        &[(0, 4, "H", None, person)],
    );
    check(
        "LH 5",
        &format!("T11\tH 0 2\tLH\n{note}"),
        &[(0, 2, "H", None, person)],
    );
}

#[test]
fn broken_annotations_name_file_and_line() {
    let check = |text: &str, line: &str, message: &str| {
        let error = read(text, &format!("#1\tAnnotatorNotes T9\tx\n{line}\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("n.ann:2: {message}"), "{line:?}");
    };
    let shape = "a mark is `T1`, a tab, type, start and end with spaces, a tab, and its text";
    for line in [
        "T1",
        "T1\tS 0",
        "T1\tS\ta",
        "T1 S 0 1 a",
        "T1\tS 0 x\ta",
        "T1\tS 0 1;\ta",
        "T1\tS -1 1\ta",
    ] {
        check("a b", line, shape);
    }
    check(
        "a b",
        "T1\tS 0 9\ta",
        "entity `a` at 0..9 is not within the text",
    );
    check("a b", "T1\tS 1 1\t", "entity at 1..1 is empty");
    check("a b", "T1\tS 3 0\ta b", "entity `a b` at 3..0 is empty");
    // Each piece counts, also those that the first and the last surround.
    for (pieces, problem) in [
        ("0 1;9 12;2 3", "at 9..12 is not within the text"),
        ("0 1;2 9", "at 2..9 is not within the text"),
        ("0 1;3 2;2 3", "at 3..2 is empty"),
        ("0 1;1 1;2 3", "at 1..1 is empty"),
        ("0 3;2 3", "is in pieces that overlap"),
        ("2 3;0 3", "is in pieces that overlap"),
    ] {
        let line = format!("T1\tS {pieces}\ta b");
        check("a b", &line, &format!("entity `a b` {problem}"));
    }
    let foreign = "is no line of brat's, which begin with T, R, E, A, M, N, # or *; take the .ann file as \
                   brat has written it";
    for line in ["Symptoms 0 1 a", "t1\tS 0 1\ta", " T1\tS 0 1\ta", "{}"] {
        check("a b", line, foreign);
    }
    check(
        "é b",
        "T1\tS 2 3\té",
        "entity `é`: `b` stands at 2..3 of the text (offsets are code points)",
    );
    check(
        "a b c",
        "T1\tS 0 1;4 5\ta c",
        "entity `a c` is in pieces with text between them; a mark is one stretch of text",
    );
    check(
        "abc",
        "T1\tS 0 1\ta",
        "an entity of type `S`: `a` does not begin and end on a word",
    );
    check(
        "a b",
        "T1\tX 0 1\ta",
        "an entity of type `X`: the type is not one of S, H",
    );
    let error = read("a b c", "T1\tS 2 5\tb c\n\nT2\tH 0 3\ta b\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "n.ann:3: entities `a b` and `b c` overlap"
    );
}

#[test]
fn one_text_holds_one_document() {
    let error = write::write(Format::Brat, &collection(), &provenance()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "document `=1+1`: brat has two files for each document; write them into a folder"
    );
    let one = write::write(Format::Brat, &collection()[2..], &provenance()).unwrap();
    assert!(one.starts_with("T1\tSymptoms 0 9\t-5 cramps\n"));
}

#[test]
fn types_that_brat_cannot_have_are_refused() {
    for label in ["Lab result", "#S", "[S", "!S"] {
        let problem = format!(
            "brat has no type like `{label}`; rename the type, without white space and not beginning with \
             `#`, `[` or `!`"
        );
        let document = exported("a", "b", &[("b", label, None, Source::Person, true)]);
        let error = brat::annotations(&document, &provenance()).unwrap_err();
        assert_eq!(error.to_string(), format!("document `a`: {problem}"));
        let labels = Labels::of_types(&["S", label]);
        let error = brat::configuration(&labels, &provenance()).unwrap_err();
        assert_eq!(error.to_string(), format!("labels: {problem}"));
    }
}

#[test]
fn many_marks_are_converted_in_one_pass() {
    let text = "é ".repeat(100_000);
    let marks = words(&text).into_iter().map(|range| {
        Mark::by_person(Span {
            range,
            label: "S".into(),
        })
    });
    let document = Exported {
        id: "n".into(),
        marks: marks.collect(),
        text: text.clone(),
    };
    let content = brat::annotations(&document, &provenance()).unwrap();
    assert!(content.contains("\nT100000\tS 199998 199999\té\n"));
    assert_eq!(read(&text, &content).unwrap(), document);
}
