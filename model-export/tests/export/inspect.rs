use std::fs;

use serde::Deserialize;

use crate::{check, exported, model, model_export};

/// The documented object of `inspect --format json`, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inspection {
    file: String,
    bytes: usize,
    format_version: String,
    source_sha256: String,
    card: serde_json::Value,
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
    assert_eq!(found.card, serde_json::json!({}));
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
                .sum::<usize>()
        );
        assert_eq!(
            total.bytes,
            of_type().map(|tensor| tensor.bytes).sum::<usize>()
        );
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
