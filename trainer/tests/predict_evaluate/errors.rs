//! What `trainer evaluate --errors` lists.

use std::fs;

use serde_json::{Value, json};

use crate::model::Models;
use crate::{check_refused, printed, trainer};

/// Every kind of error, in texts that HTML and a terminal would obey; the model knows the words of
/// [`crate::model`]. `😀` is one code point and four bytes.
const DATA: &str = r#"{"id": "<b>1</b>", "text": "😀 <script>alert(1)</script> chronic pelvic pain &\u001b[31m scan", "entities": [
  {"entity_group": "Symptoms", "word": "chronic pelvic pain", "start": 28, "end": 47},
  {"entity_group": "Procedures", "word": "scan", "start": 55, "end": 59}]}
{"id": "2", "text": "estrogen low, then letrozole 5 mg\nand Clomid, irregular periods", "entities": [
  {"entity_group": "Medications", "word": "estrogen", "start": 0, "end": 8},
  {"entity_group": "Hormones", "word": "letrozole 5 mg", "start": 19, "end": 33},
  {"entity_group": "Medications", "word": "Clomid", "start": 38, "end": 44}]}
"#;

fn models() -> Models {
    let models = Models::new();
    // An object on each line.
    let data = DATA
        .replace("[\n", "[")
        .replace("},\n", "},")
        .replace("\n  {", " {");
    fs::write(models.root.path().join("dev.jsonl"), data).unwrap();
    models
}

fn listed(models: &Models, name: &str) -> String {
    let fixed = "evaluate --model model.safetensors --data dev.jsonl --errors";
    let output = trainer(models.root.path(), fixed.split(' ').chain([name]));
    printed(&output);
    fs::read_to_string(models.root.path().join(name)).unwrap()
}

#[test]
fn every_error_is_a_line_of_json() {
    let models = models();
    let listing = listed(&models, "errors.jsonl");
    let found: Vec<Value> = listing
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let entity = |kind: &str, word: &str, start: usize| json!({"entity_group": kind, "word": word, "start": start, "end": start + word.chars().count()});
    let expected = [
        (
            "wrong_boundary",
            1,
            Some(("Symptoms", "chronic pelvic pain", 28)),
            Some(("Symptoms", "pelvic pain", 36)),
        ),
        (
            "wrong_type",
            2,
            Some(("Medications", "estrogen", 0)),
            Some(("Hormones", "estrogen", 0)),
        ),
        (
            "wrong_type_and_boundary",
            2,
            Some(("Hormones", "letrozole 5 mg", 19)),
            Some(("Medications", "letrozole", 19)),
        ),
        ("missed", 2, Some(("Medications", "Clomid", 38)), None),
        (
            "spurious",
            2,
            None,
            Some(("Symptoms", "irregular periods", 46)),
        ),
    ];
    assert_eq!(found.len(), expected.len(), "{listing}");
    for (mut found, (category, line, gold, predicted)) in found.into_iter().zip(expected) {
        let place = format!("dev.jsonl:{line}");
        assert_eq!(
            (&found["category"], &found["place"]),
            (&json!(category), &json!(place))
        );
        let whole = found["context"].as_str().unwrap().to_owned();
        for (key, expected) in [("gold", gold), ("predicted", predicted)] {
            if let Some(score) = found[key]
                .as_object_mut()
                .and_then(|entity| entity.remove("score"))
            {
                assert_eq!(key, "predicted");
                assert!((0.4..=1.0).contains(&score.as_f64().unwrap()), "{score}");
            }
            let expected = expected.map(|(kind, word, start)| {
                assert!(whole.contains(word), "{whole}");
                entity(kind, word, start)
            });
            assert_eq!(found[key], json!(expected), "{category}");
        }
    }
}

#[test]
fn text_begins_with_the_place() {
    let listing = listed(&models(), "errors.txt");
    let begin = "model.safetensors on dev.jsonl\n\n\
        1 correct; 1 missed, 1 spurious, 1 wrong type, 1 wrong boundary, 1 wrong type and boundary\n\n\
        gold \\ predicted";
    assert!(listing.starts_with(begin), "{listing}");
    let errors: Vec<&str> = listing.split("\n\n").skip(3).collect();
    let check = |at: usize, first: &str, lines: &[(&str, &str)]| {
        let mut found = errors[at].lines();
        assert_eq!(found.next(), Some(first));
        for ((begin, end), found) in lines.iter().zip(found.by_ref()) {
            assert!(
                found.starts_with(begin) && found.ends_with(end),
                "{found:?}"
            );
        }
        assert_eq!(found.next(), None, "{listing}");
    };
    assert_eq!(errors.len(), 5, "{listing}");
    check(
        0,
        "dev.jsonl:1: wrong boundary in document `<b>1</b>`",
        &[
            (
                "  gold       Symptoms 28..47  ",
                "</script> [chronic pelvic pain] &\\u{1b}[31m scan",
            ),
            (
                "  predicted  Symptoms 36..47  ",
                "chronic [pelvic pain] &\\u{1b}[31m scan",
            ),
        ],
    );
    check(
        3,
        "dev.jsonl:2: missed in document `2`",
        &[(
            "  gold       Medications 38..44  ",
            " 5 mg and [Clomid], irregular periods",
        )],
    );
}

#[test]
fn page_counts_what_it_lists_and_runs_nothing() {
    let page = listed(&models(), "errors.html");
    for (anchor, name) in [
        ("missed", "missed"),
        ("spurious", "spurious"),
        ("wrong-type", "wrong type"),
        ("wrong-boundary", "wrong boundary"),
        ("wrong-type-and-boundary", "wrong type and boundary"),
    ] {
        let row = format!("<a href=\"#{anchor}\">{name}</a></th><td class=\"number\">1</td>");
        assert!(page.contains(&row), "{page}\nlacks: {row}");
        let section = format!("<h2 id=\"{anchor}\">{name}: 1</h2>");
        assert!(page.contains(&section), "{page}\nlacks: {section}");
    }
    for text in [
        "<mark class=\"gold\">chronic pelvic pain</mark>",
        "chronic <mark class=\"predicted\">pelvic pain</mark> &amp;",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "document <b>&lt;b&gt;1&lt;/b&gt;</b>",
        "<th scope=\"col\" class=\"number\">none</th>",
    ] {
        assert!(page.contains(text), "{page}\nlacks: {text}");
    }
    assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("https:"));
    assert_eq!(page.matches("<li>").count(), 5);
    // The last cell of the matrix, neither gold nor predicted, is empty.
    assert!(page.contains("<td></td></tr>\n</tbody>\n</table>\n</div>"));
}

#[test]
fn other_names_are_refused() {
    let models = models();
    let run = |name: &str| {
        let fixed = "evaluate --model model.safetensors --data dev.jsonl --errors";
        trainer(models.root.path(), fixed.split(' ').chain([name]))
    };
    for name in ["errors.csv", "errors", ".html", ""] {
        check_refused(&run(name), &["--errors", ".txt, .html and .jsonl"]);
    }
    check_refused(&run("no/such/errors.html"), &["no/such"]);
}
