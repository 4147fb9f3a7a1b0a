use ner::Entity;
use ner::formats::python;

use crate::span;

#[test]
fn literals_are_pythons() {
    let golden: Vec<[String; 2]> =
        serde_json::from_str(include_str!("../goldens/python_repr.json")).unwrap();
    assert!(golden.len() > 300);
    for [text, expected] in golden {
        assert_eq!(python::repr(&text), expected);
    }
}

#[test]
fn the_seed_prints_tuples() {
    let text = "Patient reports irregular periods and low estrogen.";
    let entity = |marked: &str, label: &str| Entity {
        span: span(text, marked, label),
        score: 1.0,
    };
    let found = [
        entity("irregular periods", "Symptoms"),
        entity("estrogen", "Hormones"),
    ];
    assert_eq!(
        python::tuples(text, &found),
        "[('irregular periods', 'Symptoms'), ('estrogen', 'Hormones')]"
    );
    assert_eq!(python::tuples(text, &[]), "[]");
}
