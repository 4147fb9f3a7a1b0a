//! The shipped model gives in the terminal what it gives on the page, where the end-to-end tests
//! check the same fixtures.

use std::collections::HashSet;
use std::path::PathBuf;

use engine::Scratch;
use ner::Labels;
use ner::formats::read;
use trainer::data::{read_documents, to_marked};
use trainer::source::Source;

use crate::{printed, trainer};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

/// Checks what `trainer predict` prints, run where neither model nor corpus lies.
fn check(args: &[&str], expected: &str) {
    let elsewhere = tempfile::tempdir().unwrap();
    let output = trainer(elsewhere.path(), [&["predict"], args].concat());
    assert_eq!(printed(&output), expected);
}

#[test]
fn stored_answers() {
    let texts = fixture("texts.jsonl");
    let answers = std::fs::read_to_string(fixture("answers.jsonl")).unwrap();
    check(
        &["--format", "jsonl", "--input", texts.to_str().unwrap()],
        &answers,
    );
}

#[test]
fn example_of_the_readme() {
    for (text, expected) in [
        (
            "Patient reports irregular periods and low estrogen.",
            "[('irregular periods', 'Symptoms'), ('estrogen', 'Hormones')]\n",
        ),
        (
            "Low estrogen and irregular periods were reported by the patient.",
            "[('estrogen', 'Hormones'), ('irregular periods', 'Symptoms')]\n",
        ),
        (
            "Patient denies irregular periods; estradiol normal.",
            "[('irregular periods', 'Symptoms'), ('estradiol', 'Hormones')]\n",
        ),
    ] {
        check(&[text], expected);
    }
}

/// Lines that everybody would try first. Their texts are among those whose stored answers the page
/// must give, so that they hold there too.
#[test]
fn sanity() {
    let cases = read_documents(&fixture("sanity.txt"), &Labels::guide()).unwrap();
    assert!(cases.len() > 40);
    let texts = std::fs::read_to_string(fixture("texts.jsonl")).unwrap();
    let texts = read("texts.jsonl", &texts, &Labels::guide()).unwrap();
    let texts = texts.iter().map(|text| text.document.text.as_str());
    let on_the_page: HashSet<&str> = texts.collect();
    let source = Source::load(None).unwrap();
    let mut scratch = Scratch::default();
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(on_the_page.contains(case.text.as_str()), "{}", case.id);
        let found = source.recognize(&case.text, &mut scratch).unwrap();
        let mut answer = case.clone();
        answer.spans = found.into_iter().map(|entity| entity.span).collect();
        if answer != *case {
            wrong.push(to_marked(&answer).unwrap());
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.concat()
    );
}
