//! What is trained on and evaluated on.

use ner::Labels;
use ner::formats::read_annotated;

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
