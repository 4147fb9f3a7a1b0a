//! Outcomes against those that nervaluate counts.

use ner::evaluate::confusion::{Outcomes, confusion};
use ner::{Document, Entity, Span};
use serde::Deserialize;

const GOLDEN: &str = include_str!("goldens/outcomes.json");

/// Sentences of codes: `Ss.H` is an entity of type `S` and two words, a word of none, and one of `H`.
#[derive(Deserialize)]
struct Case {
    gold: Vec<String>,
    predicted: Vec<String>,
    outcomes: Outcomes,
}

/// A word is a byte here.
fn spans(codes: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (at, code) in codes.char_indices() {
        if code.is_ascii_uppercase() {
            spans.push(Span {
                range: at..at + 1,
                label: code.to_string(),
            });
        } else if code != '.' {
            spans
                .last_mut()
                .expect("an entity begins in upper case")
                .range
                .end = at + 1;
        }
    }
    spans
}

#[test]
fn outcomes_are_those_of_nervaluate() {
    let cases: Vec<Case> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(cases.len(), 200);
    for case in cases {
        let sentences = case.gold.iter().zip(&case.predicted);
        let documents: Vec<(Document, Vec<Entity>)> = sentences
            .map(|(gold, predicted)| {
                let document = Document {
                    spans: spans(gold),
                    ..Document::default()
                };
                let entity = |span| Entity { span, score: 1.0 };
                (document, spans(predicted).into_iter().map(entity).collect())
            })
            .collect();
        let pairs = documents
            .iter()
            .map(|(document, found)| (document, &found[..]));
        let found = confusion(pairs, &[]).outcomes();
        assert_eq!(found, case.outcomes, "{:?} {:?}", case.gold, case.predicted);
    }
}
