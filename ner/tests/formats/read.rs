use ner::Labels;
use ner::formats::read::Kind;
use ner::formats::{Source, read, read_texts};

/// Id, whether it is annotated, line, text, and text, type, score, source and acceptance of its marks.
type Expected<'a> = (
    &'a str,
    bool,
    usize,
    &'a str,
    &'a [(&'a str, &'a str, Option<f32>, Source, bool)],
);

fn check(name: &str, content: &str, expected: &[Expected]) {
    let documents = read(name, content, &Labels::of_types(&["S", "H"])).unwrap();
    assert_eq!(documents.len(), expected.len(), "{content:?}");
    for (imported, (id, annotated, line, text, marks)) in documents.iter().zip(expected) {
        let document = &imported.document;
        let found: Vec<_> = document
            .marks
            .iter()
            .map(|mark| {
                let marked = &document.text[mark.span.range.clone()];
                (
                    marked,
                    mark.span.label.as_str(),
                    mark.score,
                    mark.source,
                    mark.accepted,
                )
            })
            .collect();
        assert_eq!(
            (
                document.id.as_str(),
                imported.annotated,
                imported.line,
                document.text.as_str()
            ),
            (*id, *annotated, *line, *text),
            "{name}: {content:?}"
        );
        assert_eq!(found, *marks, "{name}: {content:?}");
    }
}

use Source::{Model, Person};

#[test]
fn plain_texts_are_not_annotated() {
    check(
        "C:\\notes\\visit.1.TXT",
        "\u{feff}LH 5\r\n",
        &[("visit.1", false, 1, "\u{feff}LH 5\r\n", &[])],
    );
    check("/notes/.txt.txt", "", &[(".txt", false, 1, "", &[])]);
    check(
        "a.txt",
        "Type O\nno pain",
        &[("a", false, 1, "Type O\nno pain", &[])],
    );
    check(
        "a.txt",
        "{\"text\": \"LH\"}",
        &[("a", false, 1, "{\"text\": \"LH\"}", &[])],
    );
    check(
        "a.jsonl",
        "\u{feff}{\"text\": \"a\"}\r\n\n{\"id\": 7, \"text\": \"b\", \"label\": \"good\", \"spans\": {}}\n",
        &[("1", false, 1, "a", &[]), ("7", false, 3, "b", &[])],
    );
}

#[test]
fn words_and_labels_are_read() {
    let content = "low O\nLH B-H\n";
    let expected: &[Expected] = &[("1", true, 1, "low LH", &[("LH", "H", None, Person, true)])];
    for name in ["a.bio", "a.CONLL", "a.tsv", "a.iob", "a.txt", "a", "a.md"] {
        check(name, content, expected);
        check(name, &format!("\u{feff}{content}"), expected);
    }
    check("a.bio", "Type O\n", &[("1", true, 1, "Type", &[])]);
}

#[test]
fn our_json_is_read() {
    let lines = r#"{"id": "x", "text": "é LH\n5", "entities": [{"entity_group": "H", "word": "LH", "start": 2, "end": 4}]}

{"text": "LH", "entities": []}
{"id": null, "text": "a LH", "entities": [
 {"entity_group": "H", "word": "LH", "start": 2, "end": 4, "score": 0.5, "accepted": true},
 {"entity_group": "S", "word": "a", "start": 0, "end": 1, "score": 0.25}], "model": "any"}
"#;
    let expected: &[Expected] = &[
        ("x", true, 1, "é LH\n5", &[("LH", "H", None, Person, true)]),
        ("3", true, 3, "LH", &[]),
        (
            "4",
            true,
            4,
            "a LH",
            &[
                ("a", "S", Some(0.25), Model, false),
                ("LH", "H", Some(0.5), Model, true),
            ],
        ),
    ];
    // One value after another, as in an array, may take several lines; a line holds just one.
    check("a.json", lines, expected);
    check(
        "a.json",
        &format!("[{}]", lines.trim().replace("\n{", "\n,{")),
        expected,
    );
    let one_line = lines.replace("\n ", " ");
    for name in ["a.jsonl", "a.ndjson", "a", "a.log"] {
        check(name, &one_line, expected);
    }
    check("a.json", " [ ]\n", &[]);
    check("a.json", "", &[]);
    check("a.jsonl", "\n\n", &[]);
}

#[test]
fn doccano_is_read() {
    check(
        "a.jsonl",
        r#"{"id": 12, "text": "low LH", "label": [[4, 6, "H"], [0, 3, "S"]], "Comments": []}
{"id": 13, "text": "low LH", "labels": []}
{"id": 14, "text": "low LH", "label": [[4, 6, "H"], [0, 3, "S"]], "meta": {"id": "n", "marks": [
{"start": 4, "end": 6, "label": "H", "score": 0.5, "source": "model", "accepted": false},
{"start": 0, "end": 3, "label": "H", "score": 0.5, "source": "model", "accepted": false}]}}"#
            .replace("\n{\"start", "{\"start")
            .as_str(),
        &[
            (
                "12",
                true,
                1,
                "low LH",
                &[
                    ("low", "S", None, Person, true),
                    ("LH", "H", None, Person, true),
                ],
            ),
            ("13", true, 2, "low LH", &[]),
            // The label that somebody has changed is that person's.
            (
                "n",
                true,
                3,
                "low LH",
                &[
                    ("low", "S", None, Person, true),
                    ("LH", "H", Some(0.5), Model, false),
                ],
            ),
        ],
    );
}

/// doccano's projects with relations have their own entities under the key of ours.
#[test]
fn doccano_with_relations_is_read() {
    let entity = r#"{"id": 3, "label": "H", "start_offset": 4, "end_offset": 6}"#;
    let meta = r#"{"id": 7, "marks": [5, {"x": 1}, {"start": 4, "end": 6, "label": "H", "score": 0.5, "source": "model", "accepted": false}]}"#;
    let content = format!(
        r#"{{"id": 12, "text": "low LH", "entities": [{entity}], "relations": [], "Comments": []}}
{{"id": 13, "text": "low LH", "entities": [], "relations": [], "meta": {meta}}}
{{"id": 14, "text": "low LH", "entities": [{entity}], "meta": {meta}}}
{{"id": 15, "text": "low LH", "label": [], "meta": {{"id": null, "marks": {{}}}}}}
{{"id": 16, "text": "low LH", "entities": [{{"entity_group": "H", "word": "LH", "start": 4, "end": 6}}], "relations": []}}"#
    );
    check(
        "a.jsonl",
        &content,
        &[
            ("12", true, 1, "low LH", &[("LH", "H", None, Person, true)]),
            ("7", true, 2, "low LH", &[]),
            (
                "7",
                true,
                3,
                "low LH",
                &[("LH", "H", Some(0.5), Model, false)],
            ),
            ("15", true, 4, "low LH", &[]),
            ("16", true, 5, "low LH", &[("LH", "H", None, Person, true)]),
        ],
    );
}

#[test]
fn ids_of_any_kind_are_kept() {
    for id in [
        "12345678901234567890123",
        "-1.50",
        "true",
        r#"["a", 1e400]"#,
    ] {
        for name in ["a.jsonl", "a.json"] {
            let content = format!("{{\"text\": \"\", \"entities\": [], \"id\": {id}}}");
            check(name, &content, &[(id, true, 1, "", &[])]);
            let texts = read_texts(Kind::Json, name, &content).unwrap();
            assert_eq!(texts[0].id.get(), id);
        }
    }
}

/// What is marked, and how, does not matter to whoever wants texts.
#[test]
fn texts_are_read_past_their_marks() {
    let check = |kind: Kind, name: &str, content: &str, expected: &[(&str, &str, usize)]| {
        let texts = read_texts(kind, name, content).unwrap();
        let found: Vec<_> = texts
            .iter()
            .map(|found| (found.id.get(), found.text.as_str(), found.line))
            .collect();
        assert_eq!(found, expected, "{name}: {content:?}");
    };
    let records = r#"{"id": 1, "text": "a", "entities": [{"entity_group": "X", "start": 9}]}
{"text": "b", "answer": "reject", "spans": 5}"#;
    let expected = &[("1", "a", 1), ("2", "b", 2)];
    check(Kind::JsonLines, "a.jsonl", records, expected);
    check(Kind::Json, "a.json", records, expected);
    check(
        Kind::Words,
        "a.conll",
        "-DOCSTART- id=x O\n\nlow I-X\nLH B-Y\n\n-DOCSTART- -X- O\n\nno O\n",
        &[("\"x\"", "low LH", 1), ("\"8\"", "no", 8)],
    );
    check(
        Kind::Table,
        "a.csv",
        "text\npain\n",
        &[("\"2\"", "pain", 2)],
    );
    check(
        Kind::Text,
        "a.txt",
        "\u{feff}LH",
        &[("\"a\"", "\u{feff}LH", 1)],
    );
    let error = read_texts(Kind::Words, "a.bio", "low O\nLH no\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.bio:2: `no` is not a label; the labels are O, B-TYPE, I-TYPE"
    );
}

#[test]
fn prodigy_is_read() {
    let span = r#"{"start": 4, "end": 6, "label": "H", "token_start": 1, "token_end": 1"#;
    let content = format!(
        r#"{{"text": "low LH", "spans": [{span}}}], "_task_hash": 5, "answer": "accept"}}
{{"text": "low LH", "spans": [{span}, "source": "en_core", "score": 0.5}}], "meta": {{"id": "n"}}}}
{{"text": "low LH", "spans": [{span}, "source": "en_core"}}], "answer": "accept"}}
{{"text": "low LH", "spans": [{span}}}], "answer": "reject"}}
{{"text": "low LH", "answer": "ignore"}}
{{"text": "low LH", "answer": "accept", "_view_id": "ner_manual"}}
{{"text": "low LH", "answer": 42}}
{{"text": "low LH", "answer": "accept", "_view_id": "spans_manual", "spans": null}}
{{"text": "low LH", "answer": "accept", "tokens": []}}
{{"text": "low LH", "answer": "accept"}}
{{"text": "low LH", "answer": "accept", "tokens": [], "options": [], "accept": ["H"]}}
{{"text": "low LH", "answer": "reject", "_view_id": "classification", "label": "H"}}
{{"text": "low LH", "answer": "accept", "_view_id": "ner", "spans": [{span}}}]}}"#
    );
    check(
        "a.jsonl",
        &content,
        &[
            ("1", true, 1, "low LH", &[("LH", "H", None, Person, true)]),
            (
                "n",
                true,
                2,
                "low LH",
                &[("LH", "H", Some(0.5), Model, false)],
            ),
            ("3", true, 3, "low LH", &[("LH", "H", None, Model, true)]),
            ("6", true, 6, "low LH", &[]),
            ("7", false, 7, "low LH", &[]),
            ("8", true, 8, "low LH", &[]),
            ("9", true, 9, "low LH", &[]),
            // Nothing says that marks were asked for.
            ("10", false, 10, "low LH", &[]),
            ("11", false, 11, "low LH", &[]),
            ("12", false, 12, "low LH", &[]),
            ("13", true, 13, "low LH", &[("LH", "H", None, Person, true)]),
        ],
    );
}

#[test]
fn broken_files_name_file_and_line() {
    let check = |name: &str, content: &str, message: &str| {
        let error = read(name, content, &Labels::of_types(&["S", "H"]))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(message), "{error}\nis not {message}");
    };
    let good = "{\"text\": \"\"}\n";
    let lines = |line: &str| format!("{good}\n{line}\n{good}");
    let expected = "expected an object with a `text`";
    for (line, problem) in [
        (
            "{",
            format!("column 1: EOF while parsing an object; {expected}"),
        ),
        (
            "{\"id\": 1}",
            format!("column 9: missing field `text`; {expected}"),
        ),
        (
            r#"{"text": "a", "label": [[0, 1]]}"#,
            "`label`: invalid length 2".into(),
        ),
        (
            r#"{"text": "a", "labels": [1]}"#,
            "`labels`: invalid type".into(),
        ),
        (
            r#"{"text": "a", "spans": [{"start": 0}]}"#,
            "`spans`: missing field `end`".into(),
        ),
        (
            r#"{"text": "a", "entities": [{"start": 0}]}"#,
            "`entities`: missing field `entity_group`".into(),
        ),
        (
            r#"{"text": "a", "entities": {}}"#,
            "`entities`: invalid type".into(),
        ),
        (
            r#"{"text": "a", "entities": [{"label": "S", "start_offset": 0}]}"#,
            "`entities`: missing field `end_offset`".into(),
        ),
        (
            r#"{"text": "a", "label": [], "meta": {"marks": [{"start": 0, "end": "1", "label": "S", "source": "model", "accepted": true}]}}"#,
            "`meta`: invalid type".into(),
        ),
        (
            r#"{"text": "a", "label": [[0, 2, "S"]]}"#,
            "entity at 0..2 is not within the text".into(),
        ),
        (
            r#"{"text": "a", "label": [[1, 1, "S"]]}"#,
            "entity at 1..1 is empty".into(),
        ),
        (
            r#"{"text": "a", "label": [[0, 1, "X"]]}"#,
            "an entity of type `X`: the type is not one of S, H".into(),
        ),
        (
            r#"{"text": "ab", "label": [[0, 1, "S"]]}"#,
            "an entity of type `S`: `a` does not begin and end on a word".into(),
        ),
        (
            r#"{"text": "a b", "label": [[0, 3, "S"], [2, 3, "S"]]}"#,
            "entities `a b` and `b` overlap".into(),
        ),
        (
            r#"{"text": "a", "entities": [{"entity_group": "S", "word": "b", "start": 0, "end": 1}]}"#,
            "entity `b`: text[0:1] is `a` (offsets are code points)".into(),
        ),
        (
            r#"{"text": "a", "spans": [{"start": 0, "end": 1, "label": "S", "score": 1.5}]}"#,
            "entity `a`: score 1.5 is not from 0 to 1".into(),
        ),
    ] {
        check(
            "d/a.jsonl",
            &lines(line),
            &format!("d/a.jsonl:3: {problem}"),
        );
        if !line.ends_with('{') {
            let array = format!("[{{\"text\": \"\"}},\n\n  {line}]");
            check("a.json", &array, &format!("a.json:3: {problem}"));
        }
    }
    check(
        "a.json",
        "[{\"text\": \"\"},\n{\"text\": ]",
        "a.json:2: expected value",
    );
    check(
        "a.json",
        "{\n\"text\": \"a\",\n\"entities\": [\n{}]}",
        "a.json:4: `entities`: missing field `entity_group`",
    );
    check("a.json", "LH", "a.json:1: ");
    check("a.bio", "low O\nLH\n", "a.bio:2: `LH` has no label");
    let table =
        "a.tsv:1: is a table of texts, and a .tsv is read as words and labels; name it .csv";
    check("a.tsv", "id\tText\n1\tlow LH\n", table);
    check("a.tsv", "text\nlow LH\n", table);
    check("a.tsv", "text\tO\nLH\n", "a.tsv:2: `LH` has no label");
    // What begins as words and labels has to go on so.
    check(
        "a.txt",
        "low O\nLH B-H\nno more of this\n",
        "a.txt:3: `this` is not a label",
    );
    check(
        "a.ann",
        "",
        "a.ann: has marks but no text; give it together with its .txt file",
    );
    for (name, content) in [
        ("a.pdf", "%PDF"),
        ("notes", "no pain"),
        ("", ""),
        ("a.md", "{\"id\": 1}"),
    ] {
        check(
            name,
            content,
            &format!("{name}: is not known by its name; name it .txt, .jsonl,"),
        );
    }
}
