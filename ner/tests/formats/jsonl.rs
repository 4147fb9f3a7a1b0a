use ner::formats::jsonl::{self, DocumentRecord, EntityRecord, annotation, record};
use ner::tokenize::words;
use ner::{Document, Entity, Error, Labels, Span};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::span;

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
        prop_assert_eq!(jsonl::documents("f", &content).unwrap(), [document]);
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
    assert_eq!(jsonl::read("f", &line).unwrap(), [record]);
}

#[test]
fn json_lines_are_read() {
    let content = "\u{feff}{\"text\": \"a\"}\r\n\n{\"id\": 7, \"text\": \"b\", \"more\": 1}\n{\"id\": \"x\", \"text\": \"\"}";
    let records = jsonl::read("f", content).unwrap();
    let ids: Vec<&Value> = records.iter().map(|record| &record.id).collect();
    assert_eq!(ids, [&json!(1), &json!(7), &json!("x")]);
    let document = jsonl::document("f", 3, records[1].clone()).unwrap();
    assert_eq!((document.id.as_str(), document.text.as_str()), ("7", "b"));
    let documents = jsonl::documents("f", content).unwrap();
    assert_eq!(
        documents
            .iter()
            .map(|document| document.id.as_str())
            .collect::<Vec<_>>(),
        ["1", "7", "x"]
    );
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
    assert_eq!(jsonl::document("f", 1, record).unwrap(), document);
}

#[test]
fn broken_json_lines_name_file_and_line() {
    let check = |line: &str, message: &str| {
        let error =
            jsonl::read("data/notes.jsonl", &format!("{{\"text\": \"\"}}\n{line}")).unwrap_err();
        assert!(matches!(error, Error::Line { line: 2, .. }));
        let error = error.to_string();
        assert!(
            error.starts_with(&format!("data/notes.jsonl:2: {message}")),
            "{error}"
        );
    };
    let entity = |word: &str, start: usize, end: usize| {
        let entity = json!({"entity_group": "S", "word": word, "start": start, "end": end});
        json!({"text": "a née b", "entities": [entity]}).to_string()
    };
    check("{", "EOF");
    check("[]", "");
    check(r#"{"id": 1}"#, "missing field `text`");
    check(r#"{"text": "\ud800"}"#, "");
    check(
        r#"{"text": "a", "entities": [{"word": "a", "start": 0, "end": 1}]}"#,
        "missing field `entity_group`",
    );
    check(
        &entity("née", 2, 8),
        "entity `née` at 2..8 is not within the text",
    );
    check(
        &entity("née", 8, 9),
        "entity `née` at 8..9 is not within the text",
    );
    check(&entity("", 2, 2), "entity `` at 2..2 is empty");
    check(&entity("née", 5, 2), "entity `née` at 5..2 is empty");
    check(
        &entity("née", 2, 6),
        "entity `née`: text[2:6] is `née ` (offsets are code points)",
    );

    let entity = |word: &str, start, end| EntityRecord {
        entity_group: "S".into(),
        score: None,
        word: word.into(),
        start,
        end,
        source: None,
        accepted: None,
    };
    let record = DocumentRecord {
        id: json!(1),
        text: "a b c".into(),
        entities: vec![entity("b c", 2, 5), entity("a b", 0, 3)],
    };
    let error = jsonl::document("f", 4, record).unwrap_err();
    assert_eq!(error.to_string(), "f:4: entities `a b` and `b c` overlap");
}
