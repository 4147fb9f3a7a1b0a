use ner::formats::jsonl::{self, annotation, record};
use ner::formats::read;
use ner::tokenize::words;
use ner::{Document, Entity, Labels, Span};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::span;

fn documents(content: &str, labels: &Labels) -> Vec<Document> {
    let imported = read("a.jsonl", content, labels).unwrap();
    let documents = imported.iter().map(|imported| &imported.document);
    documents.map(Document::from).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Document -> line -> document, whatever the text is.
    #[test]
    fn json_lines_are_lossless(
        text in any::<String>(),
        ids in prop::collection::vec(0_usize..5, 0..20),
    ) {
        let labels = Labels::of_types(&["S", "H"]);
        let mut words = words(&text);
        words.truncate(ids.len());
        let spans = ner::decode::spans(&words, &ids[..words.len()], &labels);
        let document = Document { id: "x".into(), text, spans };
        let content = jsonl::write(&[annotation(&document)]);
        prop_assert_eq!(content.matches('\n').count(), 1);
        prop_assert_eq!(documents(&content, &labels), [document]);
    }
}

#[test]
fn records_count_code_points() {
    let text = "😀 naïve café\0 月经 pain";
    let entity = |marked: &str, score: f32| Entity {
        span: span(text, marked, "Symptoms"),
        score,
    };
    let record = record(
        json!("n1"),
        text,
        &[
            entity("pain", 0.5),
            entity("café", 0.25),
            entity("月经", 1.0),
        ],
    );
    let points: Vec<(usize, usize)> = record
        .entities
        .iter()
        .map(|entity| (entity.start, entity.end))
        .collect();
    assert_eq!(points, [(17, 21), (8, 12), (14, 16)]);
    let line = jsonl::write(std::slice::from_ref(&record));
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["text"].as_str(), Some(text));
    let expected =
        json!({"entity_group": "Symptoms", "score": 0.5, "word": "pain", "start": 17, "end": 21});
    assert_eq!(value["entities"][0], expected);
    assert!(line.starts_with(r#"{"id":"n1","text":"#), "{line}");
}

#[test]
fn many_entities_are_converted_in_one_pass() {
    let text = "é ".repeat(100_000);
    let spans = words(&text)
        .into_iter()
        .map(|range| Span {
            range,
            label: "S".into(),
        })
        .collect();
    let document = Document {
        id: "x".into(),
        text,
        spans,
    };
    let record = annotation(&document);
    assert_eq!(
        record
            .entities
            .last()
            .map(|entity| (entity.start, entity.end)),
        Some((199_998, 199_999))
    );
    let line = jsonl::write(&[record]);
    assert_eq!(documents(&line, &Labels::of_types(&["S"])), [document]);
}
