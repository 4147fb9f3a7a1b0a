//! Files in which one thing is wrong, each with the error that names it.

use ner::model::Bundle;
use ner::model::tensors::scale_name;
use safetensors::Dtype;

use crate::file::{Parts, config, exported, fine_tuned, tokenizer};
use crate::{FILE, read};

/// Reads a file after a change and compares the error.
fn check_exported(change: impl FnOnce(&mut Parts), seal: bool, expected: &[&str]) {
    let mut parts = Parts::of(&exported());
    change(&mut parts);
    let parts = if seal { parts.sealed() } else { parts };
    let error = read(&parts.file()).expect_err(expected[0]).to_string();
    for expected in [FILE].iter().chain(expected) {
        assert!(error.contains(expected), "{error}\nlacks: {expected}");
    }
}

const QUERY: &str = "bert.encoder.layer.0.attention.self.query.weight";
const WORDS: &str = "bert.embeddings.word_embeddings.weight";
const BIAS: &str = "bert.encoder.layer.0.output.dense.bias";

#[test]
fn unchanged_parts_read_in_any_order() {
    let parts = Parts::of(&exported());
    read(&parts.file()).unwrap();
    read(&parts.sealed().file()).unwrap();
}

#[test]
fn refuses_other_files() {
    let float = fine_tuned().file();
    for (bytes, expected) in [
        (&b""[..], "is empty"),
        (b"\x89PNG\r\n\x1a\n....", "not a safetensors file"),
        (
            b"<!doctype html><html><body>Not found</body></html>",
            "not a safetensors file",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "not a safetensors file",
        ),
        (&float, "model-export quantize"),
    ] {
        let error = read(bytes).unwrap_err().to_string();
        assert!(
            error.starts_with(FILE) && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn refuses_a_damaged_crf() {
    const STEPS: &str = "crf.transitions";
    check_exported(
        |parts| drop(parts.tensors.remove(STEPS)),
        true,
        &[STEPS, "missing"],
    );
    let flat = |parts: &mut Parts| {
        parts.tensors.get_mut(STEPS).unwrap().1 = vec![9];
    };
    check_exported(flat, true, &[STEPS, "[9]", "[3, 3]"]);
    let not_a_number = |parts: &mut Parts| {
        parts.bytes(STEPS)[8..12].copy_from_slice(&f32::NAN.to_le_bytes());
    };
    check_exported(not_a_number, true, &[STEPS, "value 2 is NaN"]);
    // A model without a CRF has no place for its tensors.
    let without = |parts: &mut Parts| {
        let config = parts.fields["config"].replace("\"crf\"", "\"softmax\"");
        parts.fields.insert("config".into(), config);
    };
    check_exported(without, true, &["crf."]);
}

#[test]
fn refuses_damaged_metadata() {
    let set = |field: &'static str, value: &str| {
        let value = value.to_owned();
        move |parts: &mut Parts| drop(parts.fields.insert(field.into(), value))
    };
    check_exported(set("format", "another"), true, &["no exported model"]);
    check_exported(
        set("format_version", "2"),
        true,
        &[
            "format version 2",
            "reads version 1",
            "export the model again",
        ],
    );
    check_exported(set("format_version", "2"), false, &["format version 2"]);
    check_exported(
        set("quantization", "int4"),
        true,
        &["`quantization`", "int8-rows"],
    );
    check_exported(set("config", "{}"), true, &["`config`", "model_type"]);
    check_exported(
        set("config", &config().to_json().replace("I-X", "I-Y")),
        true,
        &["`config`", "`I-X`"],
    );
    check_exported(set("labels", r#"["O","I-X","B-X"]"#), true, &["`labels`"]);
    check_exported(set("labels", "no JSON"), true, &["`labels`"]);
    check_exported(set("tokenizer", "{"), true, &["`tokenizer`"]);
    check_exported(
        set("tokenizer", r#"{"model":{"vocab":[["a",0.5]]}}"#),
        true,
        &["`tokenizer`", "a map from tokens"],
    );
    check_exported(
        set("tokenizer", r#"{"model":{"vocab":{}}}"#),
        true,
        &["`tokenizer`", "no tokens"],
    );
    check_exported(
        set("tokenizer", r#"{"model":{"vocab":{"a":9}}}"#),
        true,
        &["token id 9", "only 9 rows"],
    );
    let added = r#"{"model":{"vocab":{"a":0}},"added_tokens":[{"id":70}]}"#;
    check_exported(set("tokenizer", added), true, &["token id 70"]);
    check_exported(set("checksums", "{}"), false, &["`config`", "no checksum"]);
    check_exported(set("checksums", "[]"), false, &["`checksums`"]);
    for field in [
        "checksums",
        "config",
        "labels",
        "quantization",
        "source_sha256",
        "tokenizer",
    ] {
        let remove = |parts: &mut Parts| drop(parts.fields.remove(field));
        check_exported(remove, false, &[&format!("`{field}`"), "is missing"]);
    }
    for field in [
        "config",
        "labels",
        "tokenizer",
        "source_sha256",
        "quantization",
    ] {
        let append = |parts: &mut Parts| parts.fields.get_mut(field).unwrap().push(' ');
        check_exported(append, false, &[&format!("`{field}`"), "is damaged"]);
    }
}

#[test]
fn refuses_damaged_tensors() {
    let scale = scale_name(QUERY);
    let put = |tensor: &str, at: usize, value: f32| {
        let tensor = tensor.to_owned();
        move |parts: &mut Parts| {
            parts.bytes(&tensor)[4 * at..][..4].copy_from_slice(&value.to_le_bytes())
        }
    };
    for tensor in [QUERY, BIAS, &scale] {
        check_exported(
            |parts| drop(parts.tensors.remove(tensor)),
            true,
            &[tensor, "is missing"],
        );
        check_exported(
            |parts| parts.bytes(tensor)[3] ^= 1,
            false,
            &[tensor, "is damaged"],
        );
    }
    // Of two, the one that comes first in the file, where F32 comes before I8.
    let both = |parts: &mut Parts| {
        for tensor in [WORDS, "classifier.bias"] {
            parts.bytes(tensor)[0] ^= 1;
        }
    };
    check_exported(both, false, &["classifier.bias", "is damaged"]);
    check_exported(put(&scale, 2, f32::NAN), true, &[&scale, "value 2"]);
    check_exported(put(&scale, 2, f32::INFINITY), true, &[&scale, "value 2"]);
    check_exported(put(&scale, 3, -0.5), true, &[&scale, "row 3 is negative"]);
    check_exported(put(BIAS, 1, f32::NAN), true, &[BIAS, "value 1"]);
    check_exported(
        put("classifier.weight", 11, f32::NEG_INFINITY),
        true,
        &["classifier.weight", "value 11"],
    );
    check_exported(
        |parts| parts.bytes(QUERY)[5] = 0x80,
        true,
        &[QUERY, "value 5 is -128"],
    );

    let add = |parts: &mut Parts| {
        drop(
            parts
                .tensors
                .insert("crf.unknown".into(), (Dtype::U8, vec![1], vec![0])),
        )
    };
    check_exported(add, true, &["crf.unknown", "no part of the network"]);
    let reshape = |parts: &mut Parts| parts.tensors.get_mut(QUERY).unwrap().1 = vec![2, 8];
    check_exported(reshape, true, &[QUERY, "[2, 8]", "[4, 4]"]);
    let retype = |parts: &mut Parts| parts.tensors.get_mut(QUERY).unwrap().0 = Dtype::U8;
    check_exported(retype, true, &[QUERY, "U8", "I8"]);
    let deeper = |parts: &mut Parts| {
        let config = parts.fields.get_mut("config").unwrap();
        *config = config.replace("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2");
    };
    check_exported(
        deeper,
        true,
        &[
            "bert.encoder.layer.1.attention.self.query.weight",
            "is missing",
        ],
    );
}

/// Reads a fine-tuned directory after a change of its weights and compares the error.
fn check_fine_tuned(change: impl FnOnce(&mut Parts), expected: &[&str]) {
    let mut parts = fine_tuned();
    change(&mut parts);
    let file = parts.file();
    let error = Bundle::from_fine_tuned("dir", &config().to_json(), &tokenizer(), &file)
        .expect_err(expected[0]);
    for expected in ["dir/model.safetensors"].iter().chain(expected) {
        assert!(
            error.to_string().contains(expected),
            "{error}\nlacks: {expected}"
        );
    }
}

#[test]
fn refuses_a_wrong_directory() {
    check_fine_tuned(
        |parts| drop(parts.tensors.remove(QUERY)),
        &[QUERY, "is missing"],
    );
    check_fine_tuned(
        |parts| parts.tensors.get_mut(BIAS).unwrap().1 = vec![2, 2],
        &[BIAS, "[2, 2]", "[4]"],
    );
    for (dtype, bytes) in [(Dtype::F16, 2), (Dtype::BF16, 2), (Dtype::F64, 8)] {
        let retype = |parts: &mut Parts| {
            drop(
                parts
                    .tensors
                    .insert(BIAS.into(), (dtype, vec![4], vec![0; 4 * bytes])),
            )
        };
        check_fine_tuned(retype, &[BIAS, &dtype.to_string(), "F32"]);
    }
    check_fine_tuned(
        |parts| parts.bytes(BIAS)[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
        &[BIAS, "value 0"],
    );
    let add = |parts: &mut Parts| {
        drop(
            parts
                .tensors
                .insert("cls.predictions.bias".into(), (Dtype::U8, vec![1], vec![0])),
        )
    };
    check_fine_tuned(add, &["cls.predictions.bias", "no part of the network"]);

    let file = fine_tuned().file();
    for (config_json, tokenizer_json, weights, expected) in [
        ("{}", &tokenizer()[..], &file[..], "dir/config.json"),
        (&config().to_json(), "{}", &file, "dir/tokenizer.json"),
        (
            &config().to_json(),
            &tokenizer(),
            b"nothing",
            "dir/model.safetensors",
        ),
        (
            &config().to_json(),
            &tokenizer(),
            &file[..file.len() - 1],
            "dir/model.safetensors",
        ),
    ] {
        let error =
            Bundle::from_fine_tuned("dir", config_json, tokenizer_json, weights).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn ignores_what_the_network_does_not_use() {
    let mut parts = fine_tuned();
    for (name, dtype, size) in [
        ("bert.pooler.dense.weight", Dtype::F32, 4),
        ("bert.embeddings.position_ids", Dtype::I64, 8),
    ] {
        parts
            .tensors
            .insert(name.into(), (dtype, vec![5], vec![0; 5 * size]));
    }
    let file = parts.file();
    Bundle::from_fine_tuned("dir", &config().to_json(), &tokenizer(), &file).unwrap();
}
