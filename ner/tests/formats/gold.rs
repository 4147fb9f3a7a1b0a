//! What is trained on and evaluated on.

use ner::Labels;
use ner::formats::{brat, read_annotated, read_annotated_any_type};
use ner::{Document, Error};

#[test]
fn what_is_trained_on_is_annotated() {
    let check = |name: &str, content: &str, message: &str| {
        let labels = Labels::of_types(&["S", "H"]);
        let error = read_annotated(name, content, &labels).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
    };
    let marked = "{\"text\": \"a\", \"entities\": []}\n";
    let plain = "{\"text\": \"a\"}\n";
    let unmarked =
        "has a text without marks; leave it out, or give it `entities`, `label` or `spans`";
    check(
        "a.jsonl",
        &format!("{marked}\n{plain}"),
        &format!("a.jsonl:3: {unmarked}"),
    );
    check(
        "a.jsonl",
        &format!("{plain}{marked}"),
        &format!("a.jsonl:1: {unmarked}"),
    );
    check(
        "a.json",
        &format!("[{marked},{plain}]"),
        &format!("a.json:2: {unmarked}"),
    );
    check("a.csv", "text\nlow\n", &format!("a.csv:2: {unmarked}"));
    check("a.csv", "text\n", "a.csv: holds no documents");
    let span = r#"{"start": 0, "end": 1, "label": "S"}"#;
    let binary =
        format!(r#"{{"text": "a b", "spans": [{span}], "_view_id": "ner", "answer": "accept"}}"#);
    check(
        "a.jsonl",
        &format!("{marked}{binary}"),
        "a.jsonl:2: an answer about one mark (`_view_id` \"ner\") says nothing of other entities; annotate",
    );
    assert!(read_annotated("a.jsonl", marked, &Labels::guide()).is_ok());
}

/// Where types may be any, a document is what it is where they are known, and an error is one of something
/// else.
#[test]
fn types_need_not_be_known() {
    let known = Labels::of_types(&["B-side", "S"]);
    let check = |name: &str, content: &str, expected: &[(&str, usize, usize)]| {
        let found = read_annotated_any_type(name, content).unwrap();
        assert_eq!(
            found,
            read_annotated(name, content, &known).unwrap(),
            "{name}"
        );
        let document = Document::from(&found[0].document);
        let marks = document.spans.iter();
        let marks = marks.map(|span| (span.label.as_str(), span.range.start, span.range.end));
        assert_eq!(marks.collect::<Vec<_>>(), expected, "{name}");
        let error = read_annotated(name, content, &Labels::of_types(&["H"])).unwrap_err();
        assert!(error.to_string().contains(":1: "), "{error}");
    };
    let marks = [("S", 0, 3), ("B-side", 4, 7)];
    check("a.bio", "one B-S\ntwo B-B-side\n", &marks);
    check("a.conll", "one\tNN\tB-S\r\ntwo\tNN\tB-B-side\r\n", &marks);
    let json = r#"{"text": "one two", "label": [[0, 3, "S"], [4, 7, "B-side"]]}"#;
    check("a.jsonl", json, &marks);
    check("a.json", &format!("[{json}]"), &marks);

    let annotations = "T1\tS 0 3\tone\nT2\tB-side 4 7\ttwo\n";
    let found = brat::read_any_type("a", "one two", annotations).unwrap();
    assert_eq!(
        found,
        brat::read("a", "one two", annotations, &known).unwrap()
    );

    let refused = |name: &str, content: &str, expected: &str| {
        let error: Error = read_annotated_any_type(name, content).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    refused(
        "a.bio",
        "one B-S\ntwo I-T\n",
        "a.bio:2: `I-T` after a word that is not of its entity: an entity begins with `B-T`; where the file is IOB1, convert it to IOB2",
    );
    refused(
        "a.bio",
        "one B-S\ntwo B-\n",
        "a.bio:2: `B-` is not a label; the labels are O, B-S, I-S",
    );
    refused(
        "a.jsonl",
        &json.replace("[4, 7", "[2, 7"),
        "a.jsonl:1: entities `one` and `e two` overlap",
    );
    refused(
        "a.jsonl",
        &json.replace("B-side", ""),
        "a.jsonl:1: entity `two`: its type has no name",
    );
}
