//! The shipped model gives in the terminal what it gives on the page, where the end-to-end tests
//! check the same fixtures.

use std::path::PathBuf;

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
