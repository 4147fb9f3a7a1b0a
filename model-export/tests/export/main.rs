//! `model-export`, run as a user runs it.

mod model;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;
use tempfile::TempDir;

/// Annotated words of the model's lexicon; its words are found, the last entity is not.
const DATA: &str =
    "low O\nestrogen B-Hormones\n\npelvic B-Symptoms\npain I-Symptoms\n\nClomid B-Medications\n";

fn model_export<const N: usize>(directory: &TempDir, args: [&str; N]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_model-export"))
        .current_dir(directory.path())
        .args(args)
        .output()
        .unwrap()
}

/// What a command printed that ended with this exit code.
fn check(output: &Output, code: i32, printed: &[&str], errors: &[&str]) -> String {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    for expected in printed {
        assert!(stdout.contains(expected), "{stdout}\nlacks: {expected}");
    }
    for expected in errors {
        assert!(stderr.contains(expected), "{stderr}\nlacks: {expected}");
    }
    assert!(!errors.is_empty() || stderr.is_empty(), "{stderr}");
    stdout
}

/// A directory with the fine-tuned model `tuned`, exported to `model.safetensors`, and `dev.bio`.
fn exported() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    model::write(&directory.path().join("tuned"), 1);
    fs::write(directory.path().join("dev.bio"), DATA).unwrap();
    let output = model_export(
        &directory,
        ["quantize", "tuned", "--output", "model.safetensors"],
    );
    check(
        &output,
        0,
        &["model.safetensors: ", " bytes, ", "SHA-256 "],
        &[],
    );
    directory
}

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

/// The documented object of `verify --format json`, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Comparison {
    documents: usize,
    words: usize,
    mean_logit_error: f64,
    max_logit_error: f64,
    agreement: f64,
    f1_float: f64,
    f1_quantized: f64,
    f1_drop: f64,
    support: usize,
    failures: Vec<String>,
}

#[test]
fn verify_compares_and_fails_past_a_limit() {
    let directory = exported();
    let verify = |extra: &[&str]| {
        let args = [
            "verify",
            "model.safetensors",
            "--against",
            "tuned",
            "--data",
            "dev.bio",
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_model-export"));
        command
            .current_dir(directory.path())
            .args(args)
            .args(extra)
            .output()
            .unwrap()
    };
    check(
        &verify(&[]),
        0,
        &[
            "3 documents, 5 words, 3 entities",
            "float 0.8000, quantized 0.8000",
            "within the limits",
        ],
        &[],
    );
    let json = check(&verify(&["--format", "json"]), 0, &[], &[]);
    let found: Comparison = serde_json::from_str(&json).unwrap();
    assert_eq!((found.documents, found.words, found.support), (3, 5, 3));
    assert!(0.0 < found.mean_logit_error && found.mean_logit_error <= found.max_logit_error);
    assert!(found.max_logit_error < 0.5, "{}", found.max_logit_error);
    assert_eq!((found.agreement, found.f1_drop), (1.0, 0.0));
    // Two of three entities found, nothing else: precision 1, recall 2/3.
    assert!((found.f1_float - 0.8).abs() < 1e-12 && (found.f1_quantized - 0.8).abs() < 1e-12);
    assert!(found.failures.is_empty());

    check(
        &verify(&["--max-logit-error", "0"]),
        1,
        &["FAILED: logit error", "over the limit of 0"],
        &[],
    );
    let json = check(
        &verify(&["--max-logit-error", "0", "--format", "json"]),
        1,
        &[],
        &[],
    );
    assert_eq!(
        serde_json::from_str::<Comparison>(&json)
            .unwrap()
            .failures
            .len(),
        1
    );
    for (option, value) in [
        ("--max-logit-error", "-1"),
        ("--min-agreement", "1.1"),
        ("--max-f1-drop", "NaN"),
    ] {
        check(&verify(&[&format!("{option}={value}")]), 2, &[], &[option]);
    }
}

#[test]
fn verify_reads_records() {
    let directory = exported();
    let record = "{\"text\":\"low estrogen\",\"entities\":[{\"entity_group\":\"Hormones\",\"word\":\"estrogen\",\"start\":4,\"end\":12}]}\n";
    fs::write(directory.path().join("dev.jsonl"), record).unwrap();
    let args = [
        "verify",
        "model.safetensors",
        "--against",
        "tuned",
        "--data",
        "dev.jsonl",
    ];
    check(
        &model_export(&directory, args),
        0,
        &["1 documents, 2 words, 1 entities", "float 1.0000"],
        &[],
    );
    fs::write(
        directory.path().join("dev.jsonl"),
        record.replace("Hormones", "Allergies"),
    )
    .unwrap();
    check(
        &model_export(&directory, args),
        2,
        &[],
        &["dev.jsonl", "Allergies"],
    );
    fs::write(
        directory.path().join("dev.jsonl"),
        format!("\n{}", record.replace("12", "13")),
    )
    .unwrap();
    check(&model_export(&directory, args), 2, &[], &["dev.jsonl:2"]);
}

#[test]
fn verify_refuses_what_does_not_belong_together() {
    let directory = exported();
    let verify = |against: &str, data: &str| {
        model_export(
            &directory,
            [
                "verify",
                "model.safetensors",
                "--against",
                against,
                "--data",
                data,
            ],
        )
    };
    model::write(&directory.path().join("another"), 2);
    check(
        &verify("another", "dev.bio"),
        2,
        &[],
        &["was not made from another", "SHA-256"],
    );
    check(&verify("tuned", "absent.bio"), 2, &[], &["absent.bio"]);
    fs::write(directory.path().join("empty.bio"), "\n").unwrap();
    check(
        &verify("tuned", "empty.bio"),
        2,
        &[],
        &["empty.bio: holds no documents"],
    );
    fs::write(directory.path().join("bad.bio"), "low O\nestrogen\n").unwrap();
    check(&verify("tuned", "bad.bio"), 2, &[], &["bad.bio:2"]);
}

/// The documented object of `inspect --format json`, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inspection {
    file: String,
    bytes: usize,
    format_version: String,
    source_sha256: String,
    config: serde_json::Value,
    labels: Vec<String>,
    tokenizer: Tokenizer,
    tensors: Vec<Tensor>,
    totals: Vec<Total>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokenizer {
    tokens: usize,
    lowercase: bool,
    bytes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    bytes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Total {
    dtype: String,
    tensors: usize,
    values: usize,
    bytes: usize,
}

#[test]
fn inspect_shows_what_is_in_the_file() {
    let directory = exported();
    let json = check(
        &model_export(
            &directory,
            ["inspect", "model.safetensors", "--format", "json"],
        ),
        0,
        &[],
        &[],
    );
    let found: Inspection = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (found.file.as_str(), found.format_version.as_str()),
        ("model.safetensors", "1")
    );
    assert_eq!(
        found.bytes as u64,
        fs::metadata(directory.path().join("model.safetensors"))
            .unwrap()
            .len()
    );
    assert_eq!((found.source_sha256.len(), found.labels.len()), (64, 11));
    assert_eq!(found.config["id2label"]["10"], "I-Ultrasound");
    let Tokenizer {
        tokens,
        lowercase,
        bytes,
    } = found.tokenizer;
    assert!(tokens == model::VOCABULARY && lowercase && bytes > 0);

    // One layer: 3 tables and 6 matrices with their scales; 6 biases, 3 LayerNorms, the
    // classifier's two.
    let of_type = |dtype: &str| {
        found
            .tensors
            .iter()
            .filter(|tensor| tensor.dtype == dtype)
            .count()
    };
    assert_eq!((of_type("I8"), of_type("F32")), (9, 9 + 6 + 6 + 2));
    let words = found
        .tensors
        .iter()
        .find(|tensor| tensor.name == "bert.embeddings.word_embeddings.weight")
        .unwrap();
    assert_eq!(
        (words.shape.as_slice(), words.bytes),
        (&[tokens, 16][..], tokens * 16)
    );
    for total in &found.totals {
        let of_type = || {
            found
                .tensors
                .iter()
                .filter(|tensor| tensor.dtype == total.dtype)
        };
        assert_eq!(total.tensors, of_type().count());
        assert_eq!(
            total.values,
            of_type()
                .map(|tensor| tensor.shape.iter().product::<usize>())
                .sum()
        );
        assert_eq!(total.bytes, of_type().map(|tensor| tensor.bytes).sum());
    }

    let text = model_export(&directory, ["inspect", "model.safetensors"]);
    check(
        &text,
        0,
        &[
            "classifier.bias",
            "I-Ultrasound",
            &found.source_sha256,
            "total of 9 tensors",
        ],
        &[],
    );
}

#[test]
fn inspect_refuses_a_damaged_file() {
    let directory = exported();
    let path = directory.path().join("model.safetensors");
    let mut file = fs::read(&path).unwrap();
    *file.last_mut().unwrap() ^= 1;
    fs::write(&path, &file).unwrap();
    let damaged = [
        "model.safetensors",
        "tensor `bert.encoder.layer.0.output.dense.weight`",
        "is damaged",
    ];
    check(
        &model_export(&directory, ["inspect", "model.safetensors"]),
        2,
        &[],
        &damaged,
    );
    check(
        &model_export(&directory, ["inspect", "absent"]),
        2,
        &[],
        &["absent", "No such file"],
    );
    check(
        &model_export(&directory, ["inspect", "dev.bio"]),
        2,
        &[],
        &["dev.bio: not a safetensors file"],
    );
}
