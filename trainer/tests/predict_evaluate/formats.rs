//! What `trainer predict` writes in each format, and where.

use std::fs;

use ner::Labels;
use ner::formats::{Format, Imported, brat, read};
use serde_json::Value;

use crate::model::Models;
use crate::predict::{pipe, predict};
use crate::{check_refused, printed};

/// Notes with an emoji, a line break in a mark, an id that is no file name, and nothing to find.
const NOTES: &str = r#"{"id": "a/1", "text": "😀 irregular\r\nperiods, low estrogen"}
{"id": 2, "text": "nothing"}

{"text": "denies pelvic pain; scan, letrozole"}
"#;

const MARKS: [&[(&str, &str)]; 3] = [
    &[
        ("irregular\r\nperiods", "Symptoms"),
        ("estrogen", "Hormones"),
    ],
    &[],
    &[
        ("pelvic pain", "Symptoms"),
        ("scan", "Procedures"),
        ("letrozole", "Medications"),
    ],
];

fn models() -> Models {
    let models = Models::new();
    fs::write(models.root.path().join("notes.jsonl"), NOTES).unwrap();
    models
}

/// The ids of documents, and their marks' texts and types.
fn marks(documents: &[Imported]) -> Vec<(&str, Vec<(&str, &str)>)> {
    documents
        .iter()
        .map(|imported| {
            let document = &imported.document;
            let marked = document.marks.iter().map(|mark| {
                (
                    &document.text[mark.span.range.clone()],
                    mark.span.label.as_str(),
                )
            });
            (document.id.as_str(), marked.collect())
        })
        .collect()
}

fn expected() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    ["a/1", "2", "4"]
        .into_iter()
        .zip(MARKS.map(<[_]>::to_vec))
        .collect()
}

#[test]
fn what_holds_marks_reads_back() {
    let models = models();
    let labels = Labels::guide();
    for format in ["json", "jsonl", "doccano-jsonl", "prodigy-jsonl", "conll"] {
        let output = predict(&models, &["--input", "notes.jsonl", "--format", format]);
        let content = printed(&output);
        let extension = Format::from_name(format).unwrap().extension();
        let documents = read(&format!("a.{extension}"), content, &labels).unwrap();
        let mut expected = expected();
        if format == "conll" {
            expected[0].1[0].0 = "irregular periods";
        }
        assert_eq!(marks(&documents), expected, "{format}");
    }
}

#[test]
fn brat_is_written_into_a_folder() {
    let models = models();
    let root = models.root.path();
    let output = predict(
        &models,
        &[
            "--input",
            "notes.jsonl",
            "--format",
            "brat",
            "--output",
            "new/folder",
        ],
    );
    assert_eq!(printed(&output), "");
    let folder = root.join("new/folder");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "2.ann",
            "2.txt",
            "4.ann",
            "4.txt",
            "a_1.ann",
            "a_1.txt",
            "annotation.conf"
        ]
    );
    let file = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let documents: Vec<Imported> = ["a_1", "2", "4"]
        .map(|id| {
            let (text, annotations) = (file(&format!("{id}.txt")), file(&format!("{id}.ann")));
            brat::read(id, &text, &annotations, &Labels::guide()).unwrap()
        })
        .into();
    let mut expected = expected();
    expected[0].0 = "a_1";
    assert_eq!(marks(&documents), expected);
    assert!(file("annotation.conf").contains("[entities]\nSymptoms\nHormones\n"));

    // What is there stays unless it is the same.
    let again = [
        "--input",
        "notes.jsonl",
        "--format",
        "brat",
        "--output",
        "new/folder",
    ];
    assert_eq!(printed(&predict(&models, &again)), "");
    for name in ["annotation.conf", "2.txt", "a_1.ann"] {
        let content = file(name);
        fs::write(folder.join(name), "corrected").unwrap();
        let refused = format!("{name}: is there with other content; name an empty folder");
        check_refused(&predict(&models, &again), &[&refused]);
        assert_eq!(file(name), "corrected");
        fs::write(folder.join(name), content).unwrap();
    }

    // One document's annotations go to standard output too, those of two would have no text.
    let output = predict(&models, &["low estrogen", "--format", "brat"]);
    assert!(printed(&output).starts_with("T1\tHormones 4 12\testrogen\n#1\tAnnotatorNotes T1\t"));
    let output = predict(&models, &["--input", "notes.jsonl", "--format", "brat"]);
    check_refused(
        &output,
        &["notes.jsonl:2", "--format brat", "two files", "folder"],
    );
}

#[test]
fn every_format_goes_to_a_file_as_to_standard_output() {
    let models = models();
    let root = models.root.path();
    fs::create_dir(root.join("out")).unwrap();
    let formats = Format::ALL
        .into_iter()
        .filter(|&format| format != Format::Brat);
    let formats = formats.map(|format| (format.name(), format.extension()));
    for (format, extension) in formats.chain([("text", "txt")]) {
        let args = ["--input", "notes.jsonl", "--format", format];
        let expected = predict(&models, &args);
        let expected = printed(&expected);
        assert!(!expected.is_empty());
        for (target, written) in [
            ("some.file", "some.file".to_owned()),
            ("out", format!("out/notes.{extension}")),
        ] {
            let output = predict(&models, &[&args[..], &["--output", target]].concat());
            assert_eq!(printed(&output), "");
            assert_eq!(
                fs::read_to_string(root.join(written)).unwrap(),
                expected,
                "{format}"
            );
        }
    }
    let output = predict(&models, &["estrogen", "--output", "out"]);
    assert_eq!(printed(&output), "");
    assert_eq!(
        fs::read_to_string(root.join("out/entities.txt")).unwrap(),
        "[('estrogen', 'Hormones')]\n"
    );
}

#[test]
fn no_output_is_left_half_or_written_over_its_input() {
    let models = models();
    let root = models.root.path();
    fs::write(root.join("broken.jsonl"), format!("{NOTES}{{\n")).unwrap();
    fs::write(root.join("kept.json"), "kept").unwrap();
    let check = |args: &[&str], expected: &[&str]| {
        check_refused(&predict(&models, args), expected);
    };
    check(
        &[
            "--input",
            "broken.jsonl",
            "--format",
            "json",
            "--output",
            "kept.json",
        ],
        &["broken.jsonl:5"],
    );
    assert_eq!(fs::read_to_string(root.join("kept.json")).unwrap(), "kept");
    check(
        &[
            "--input",
            "notes.jsonl",
            "--format",
            "jsonl",
            "--output",
            ".",
        ],
        &["--output", "notes.jsonl is the input"],
    );
    check(
        &[
            "--input",
            "notes.jsonl",
            "--format",
            "jsonl",
            "--output",
            "absent/file",
        ],
        &["--output absent/file", "No such file"],
    );
    let partial = |entry: fs::DirEntry| entry.file_name().to_string_lossy().contains("partial");
    assert!(
        !fs::read_dir(root)
            .unwrap()
            .any(|entry| partial(entry.unwrap()))
    );
    // A file is whole before it takes its input's place.
    let args = ["--input", "notes.jsonl", "--format", "jsonl"];
    let expected = predict(&models, &args);
    let output = predict(&models, &[&args[..], &["--output", "notes.jsonl"]].concat());
    assert_eq!(printed(&output), "");
    assert_eq!(
        fs::read_to_string(root.join("notes.jsonl")).unwrap(),
        printed(&expected)
    );
}

/// Links stay links, and what is no file is not replaced by one.
#[cfg(unix)]
#[test]
fn output_goes_into_what_is_there() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::process::Command;

    const FOUND: &str = "[('estrogen', 'Hormones')]\n";
    let models = models();
    let root = models.root.path();
    fs::create_dir(root.join("kept")).unwrap();
    fs::write(root.join("kept/file"), "before").unwrap();
    symlink("kept/file", root.join("link")).unwrap();
    symlink("kept/new", root.join("dangling")).unwrap();
    for (link, target) in [("link", "kept/file"), ("dangling", "kept/new")] {
        let output = predict(&models, &["estrogen", "--output", link]);
        assert_eq!(printed(&output), "");
        assert_eq!(fs::read_to_string(root.join(target)).unwrap(), FOUND);
        assert!(root.join(link).is_symlink());
    }
    let pipe = root.join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    let output = predict(&models, &["estrogen", "--output", "pipe"]);
    assert_eq!(printed(&output), "");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(reader.join().unwrap(), FOUND);
}

/// Marks of an input, what was made of it, and types that no model knows are nothing to whoever wants
/// them found anew; ids stay what they are.
#[test]
fn marks_of_inputs_are_passed_over() {
    let models = models();
    let records = r#"{"id": 12345678901234567890123, "text": "low estrogen", "entities": [{"start": "x"}]}
{"id": "b", "text": "low estrogen", "spans": [{"start": 0, "end": 99, "label": "X"}], "answer": "reject"}"#;
    let words = "low B-X\nestrogen I-Y\n\n-DOCSTART- id=b O\n\nlow O\nestrogen B-Hormones\n";
    for (name, content, ids) in [
        ("a.jsonl", records, ["12345678901234567890123", "\"b\""]),
        ("a.json", records, ["12345678901234567890123", "\"b\""]),
        ("a.conll", words, ["\"1\"", "\"b\""]),
    ] {
        fs::write(models.root.path().join(name), content).unwrap();
        let output = predict(&models, &["--input", name, "--format", "jsonl"]);
        let lines: Vec<&str> = printed(&output).lines().collect();
        assert_eq!(lines.len(), 2, "{name}");
        for (line, id) in lines.iter().zip(ids) {
            let begin = format!("{{\"id\":{id},\"text\":\"low estrogen\",\"entities\":[{{");
            assert!(line.starts_with(&begin), "{line}");
        }
    }
}

#[test]
fn model_is_named() {
    let models = models();
    let hash = {
        let bytes = fs::read(&models.file).unwrap();
        let bundle = ner::model::Bundle::read("model", &bytes).unwrap();
        bundle.source_sha256().to_owned()
    };
    let check = |args: &[&str], name: &str, threshold: f64| {
        let output = crate::trainer(
            models.root.path(),
            [&["predict", "estrogen", "--format", "jsonl"], args].concat(),
        );
        let record: Value = serde_json::from_str(printed(&output)).unwrap();
        let model = &record["model"];
        assert_eq!(model["name"], name);
        assert_eq!(
            model["version"],
            format!("clinical-ner {}", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(model["threshold"], threshold);
        let sha256 = model["sha256"].as_str().unwrap();
        assert_eq!(sha256 == hash, name != "models/default");
        assert_eq!(sha256.len(), 64);
    };
    check(&["--model", "model.safetensors"], "model.safetensors", 0.0);
    check(
        &["--model", "fine tuned/", "--threshold", "0.25"],
        "fine tuned",
        0.25,
    );
    check(&[], "models/default", 0.4);
    check(&["--threshold", "0.1"], "models/default", 0.4);
    check(&["--threshold", "0.9"], "models/default", 0.9);
}

#[test]
fn threshold_leaves_out_what_scores_less() {
    let models = models();
    let check = |threshold: &str, expected: &str| {
        let output = predict(&models, &["low estrogen", "--threshold", threshold]);
        assert_eq!(printed(&output), expected);
    };
    check("0", "[('estrogen', 'Hormones')]\n");
    check("0.99", "[('estrogen', 'Hormones')]\n");
    check("1", "[]\n");
    for wrong in ["-0.1", "1.1", "NaN", "high"] {
        let output = predict(&models, &["text", &format!("--threshold={wrong}")]);
        check_refused(&output, &["--threshold", "not a number from 0 to 1"]);
    }
}

#[test]
fn other_inputs_are_read() {
    const FOUND: &str = "[('estrogen', 'Hormones')]\n[]\n";
    let models = models();
    let inputs = [
        ("a.csv", "csv", "id,text\nx,low estrogen\ny,no\n"),
        (
            "a.json",
            "json",
            "[{\"id\": \"x\", \"text\": \"low estrogen\"},\n{\"id\": \"y\", \"text\": \"no\"}]",
        ),
        (
            "a.bio",
            "conll",
            "-DOCSTART- id=x O\n\nlow B-Symptoms\nestrogen O\n\n-DOCSTART- id=y O\n\nno O\n",
        ),
    ];
    for (name, kind, content) in inputs {
        fs::write(models.root.path().join(name), content).unwrap();
        fs::write(models.root.path().join("a"), content).unwrap();
        assert_eq!(
            printed(&predict(&models, &["--input", name])),
            FOUND,
            "{name}"
        );
        let named = ["--input", "a", "--input-format", kind, "--format", "jsonl"];
        let lines = predict(&models, &named);
        let ids: Vec<Value> = printed(&lines)
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].take())
            .collect();
        assert_eq!(ids, ["x", "y"]);
        let piped = pipe(&models, &["--input-format", kind], content.as_bytes());
        assert_eq!(printed(&piped), FOUND);
    }
    let check = |name: &str, content: &[u8], expected: &[&str]| {
        fs::write(models.root.path().join(name), content).unwrap();
        check_refused(&predict(&models, &["--input", name]), expected);
    };
    check(
        "b.csv",
        b"note\npain\n",
        &["b.csv:1", "no column is named `text`"],
    );
    check(
        "b.json",
        b"[{\"text\": \"a\"},\n{}]",
        &["b.json:2", "missing field `text`"],
    );
    check("b.bio", b"low O\npain\n", &["b.bio:2", "has no label"]);
    check("b.csv", b"text\n\xFF\n", &["b.csv:2: not UTF-8 at byte 5"]);
}

#[test]
fn many_documents_are_written_in_order() {
    const DOCUMENTS: usize = 150;
    let models = models();
    let rows: String = (0..DOCUMENTS)
        .map(|n| format!("{n},{}estrogen\n", "pain ".repeat(n % 7)))
        .collect();
    fs::write(
        models.root.path().join("many.csv"),
        format!("id,text\n{rows}"),
    )
    .unwrap();
    let output = predict(&models, &["--input", "many.csv", "--format", "fhir"]);
    let bundle: Value = serde_json::from_str(printed(&output)).unwrap();
    let mut found: Vec<&str> = Vec::new();
    for entry in bundle["entry"].as_array().unwrap() {
        let id = &entry["resource"]["extension"][0]["extension"][0]["valueString"];
        let id = id.as_str().unwrap();
        if found.last() != Some(&id) {
            found.push(id);
        }
    }
    assert_eq!(
        found,
        (0..DOCUMENTS).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}
