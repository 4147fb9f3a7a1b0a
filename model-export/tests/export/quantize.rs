use std::fs;
use std::path::Path;

use ner::model::Card;
use serde::Deserialize;

use crate::{check, exported, model_export};

/// Names in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn quantize_writes_one_file_and_always_the_same() {
    let directory = exported();
    let first = fs::read(directory.path().join("model.safetensors")).unwrap();
    check(
        &model_export(&directory, ["quantize", "tuned", "-o", "model.safetensors"]),
        0,
        &[],
        &[],
    );
    assert!(
        fs::read(directory.path().join("model.safetensors")).unwrap() == first,
        "a second export differs"
    );
    assert_eq!(
        names(directory.path()),
        ["dev.bio", "model.safetensors", "tuned"],
        "nothing is left behind"
    );
}

/// A tokenizer.json counts, where there is none the vocab.txt does: both give the same file.
#[test]
fn quantize_reads_either_tokenizer() {
    let directory = exported();
    let tuned = directory.path().join("tuned");
    let vocab = fs::read_to_string(tuned.join("vocab.txt")).unwrap();
    let json = ner::Tokenizer::from_vocab(&vocab, None).unwrap().to_json();
    fs::write(tuned.join("tokenizer.json"), json).unwrap();
    fs::remove_file(tuned.join("vocab.txt")).unwrap();
    check(
        &model_export(&directory, ["quantize", "tuned", "-o", "again"]),
        0,
        &[],
        &[],
    );
    let read = |name| fs::read(directory.path().join(name)).unwrap();
    assert!(read("again") == read("model.safetensors"));
}

#[test]
fn quantize_refuses_and_leaves_what_was_there() {
    let directory = exported();
    let tuned = directory.path().join("tuned");
    let before = fs::read(directory.path().join("model.safetensors")).unwrap();
    let refused = |expected: &[&str]| {
        let output = model_export(&directory, ["quantize", "tuned", "-o", "model.safetensors"]);
        check(&output, 2, &[], expected);
        assert!(fs::read(directory.path().join("model.safetensors")).unwrap() == before);
        assert_eq!(
            names(directory.path()),
            ["dev.bio", "model.safetensors", "tuned"]
        );
    };
    let weights = fs::read(tuned.join("model.safetensors")).unwrap();
    fs::write(
        tuned.join("model.safetensors"),
        &weights[..weights.len() / 2],
    )
    .unwrap();
    refused(&["tuned/model.safetensors"]);
    fs::remove_file(tuned.join("model.safetensors")).unwrap();
    refused(&["tuned/model.safetensors", "No such file"]);
    fs::write(tuned.join("model.safetensors"), &weights).unwrap();

    let vocab = fs::read(tuned.join("vocab.txt")).unwrap();
    fs::write(
        tuned.join("vocab.txt"),
        [&vocab, &b"one\nmore\n"[..]].concat(),
    )
    .unwrap();
    refused(&["tokenizer", "the model's embedding has only"]);
    fs::write(tuned.join("vocab.txt"), b"[PAD]\n\xFF\n").unwrap();
    refused(&["tuned/vocab.txt", "not UTF-8 at byte 6"]);
    fs::remove_file(tuned.join("vocab.txt")).unwrap();
    refused(&["neither tokenizer.json nor vocab.txt"]);
    fs::write(tuned.join("tokenizer.json"), "{").unwrap();
    refused(&["tuned/tokenizer.json"]);
    fs::remove_file(tuned.join("config.json")).unwrap();
    refused(&["tuned/config.json: no such file"]);

    let output = model_export(&directory, ["quantize", "model.safetensors", "-o", "x"]);
    check(&output, 2, &[], &["model.safetensors: not a directory"]);
    check(
        &model_export(&directory, ["quantize", "tuned"]),
        2,
        &[],
        &["--output"],
    );
}

#[test]
fn quantize_names_the_file_that_cannot_be_written() {
    let directory = exported();
    let output = model_export(&directory, ["quantize", "tuned", "-o", "no/such/place"]);
    check(&output, 2, &[], &["no/such/place", "No such file"]);
    // A directory cannot be replaced by a file.
    check(
        &model_export(&directory, ["quantize", "tuned", "-o", "tuned"]),
        2,
        &[],
        &["tuned"],
    );
    assert_eq!(
        names(directory.path()),
        ["dev.bio", "model.safetensors", "tuned"],
        "nothing is left behind"
    );
}

/// The documented object of `quantize --format json`, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    file: String,
    bytes: u64,
    weight_bytes: u64,
    source_sha256: String,
    card: Card,
}

#[test]
fn export_is_printed_as_json() {
    let directory = exported();
    let args = [
        "quantize", "tuned", "-o", "again", "--base", "a/bert", "--format", "json",
    ];
    let printed = check(&model_export(&directory, args), 0, &[], &[]);
    let export: Export = serde_json::from_str(&printed).unwrap();
    assert_eq!(export.file, "again");
    let size = |name| fs::metadata(directory.path().join(name)).unwrap().len();
    let sizes = [size("again"), size("tuned/model.safetensors")];
    assert_eq!([export.bytes, export.weight_bytes], sizes);
    assert_eq!(export.source_sha256.len(), 64);
    assert_eq!(export.card.base.as_deref(), Some("a/bert"));
}

/// A full disk is no wrong input.
#[test]
#[cfg(target_os = "linux")]
fn full_disk_has_an_exit_code_of_its_own() {
    let directory = exported();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_model-export"))
        .current_dir(directory.path())
        .args(["inspect", "model.safetensors"])
        .stdout(full)
        .output()
        .unwrap();
    check(&output, 1, &[], &["standard output"]);
}
