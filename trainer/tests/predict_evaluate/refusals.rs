//! Input that `trainer predict` refuses.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::model::Models;
use crate::predict::predict;
use crate::{check_refused, printed, trainer};

/// The lines before a broken one have been answered, the error says where it is.
#[test]
fn broken_line_is_named() {
    let models = Models::new();
    let good = "{\"text\": \"low estrogen\"}\n";
    for (broken, expected) in [
        (
            &b"{\"text\": \"open"[..],
            &["notes.jsonl:4", "column 14"][..],
        ),
        (b"nonsense", &["notes.jsonl:4", "column 2"]),
        (b"[1]", &["notes.jsonl:4"]),
        (b"{\"id\": 1}", &["notes.jsonl:4", "missing field `text`"]),
        (b"{\"text\": 5}", &["notes.jsonl:4", "string"]),
        (b"{\"text\": null}", &["notes.jsonl:4"]),
        (b"{\"text\": \"a\"} {}", &["notes.jsonl:4", "trailing"]),
        (b"{\"text\": \"\\ud800\"}", &["notes.jsonl:4"]),
        (
            b"{\"text\": \"ab\xFF\"}",
            &["notes.jsonl:4", "not UTF-8 at byte 63"],
        ),
    ] {
        let content = [
            good.as_bytes(),
            b"\n",
            good.as_bytes(),
            broken,
            b"\n",
            good.as_bytes(),
        ]
        .concat();
        fs::write(models.root.path().join("notes.jsonl"), content).unwrap();
        for (format, count) in [("text", 2), ("jsonl", 2), ("json", 2)] {
            let output = predict(&models, &["--input", "notes.jsonl", "--format", format]);
            check_refused(&output, expected);
            let answered = String::from_utf8(output.stdout).unwrap();
            assert_eq!(
                answered.matches("Hormones").count(),
                count,
                "{format}: {answered}"
            );
            assert!(
                format != "json" || serde_json::from_str::<Value>(&answered).is_err(),
                "the array is left open"
            );
        }
    }
}

#[test]
fn refuses_bad_usage_and_input() {
    let models = Models::new();
    let root = models.root.path();
    fs::write(root.join("note.md"), "estrogen").unwrap();
    fs::write(root.join("latin.txt"), b"caf\xE9 estrogen").unwrap();
    let check = |args: &[&str], expected: &[&str]| check_refused(&predict(&models, args), expected);
    check(&[], &["<TEXT>"]);
    check(&["text", "--input", "note.md"], &["cannot be used with"]);
    check(&["two", "texts"], &["unexpected argument"]);
    check(&["text", "--input-format", "txt"], &["cannot be used with"]);
    check(&["text", "--format", "xml"], &["text, json, jsonl"]);
    check(&["--input", "note.md"], &["note.md", "--input-format"]);
    check(&["--input", "absent.txt"], &["absent.txt", "No such file"]);
    check(
        &["--input", "absent.jsonl"],
        &["absent.jsonl", "No such file"],
    );
    check(
        &["--input", "latin.txt"],
        &["latin.txt:1: not UTF-8 at byte 3"],
    );
    assert_eq!(
        printed(&predict(
            &models,
            &["--input", "note.md", "--input-format", "txt"]
        )),
        "[('estrogen', 'Hormones')]\n"
    );
}

#[test]
fn refuses_a_damaged_model() {
    let models = Models::new();
    let root = models.root.path();
    let check = |model: &Path, expected: &[&str]| {
        check_refused(
            &trainer(
                root,
                ["predict", "estrogen", "--model", model.to_str().unwrap()],
            ),
            expected,
        );
    };
    check(
        Path::new("absent"),
        &["absent", "no such file or directory"],
    );
    let mut file = fs::read(&models.file).unwrap();
    fs::write(root.join("short"), &file[..file.len() - 1]).unwrap();
    check(Path::new("short"), &["short", "truncated"]);
    *file.last_mut().unwrap() ^= 1;
    fs::write(root.join("flipped"), &file).unwrap();
    check(
        Path::new("flipped"),
        &[
            "flipped",
            "tensor `bert.encoder.layer.0.output.dense.weight`",
            "is damaged",
        ],
    );
    check(
        &models.directory.join("model.safetensors"),
        &["model-export quantize"],
    );
    fs::remove_file(models.directory.join("vocab.txt")).unwrap();
    check(&models.directory, &["neither tokenizer.json nor vocab.txt"]);
    fs::remove_file(models.directory.join("config.json")).unwrap();
    fs::write(models.directory.join("tokenizer.json"), "{}").unwrap();
    check(&models.directory, &["config.json: no such file"]);
}
