//! Bases in a directory.

use std::fs;

use candle_core::Device;
use ner::Labels;
use trainer::bert::Bert;
use trainer::hub::{self, Lowercase};

use crate::{WEIGHTS, write_base};

#[test]
fn an_older_file_has_every_weight_of_the_encoder() {
    let directory = tempfile::tempdir().unwrap();
    write_base(directory.path());
    let base = hub::load(directory.path().to_str().unwrap(), Lowercase::Auto, false).unwrap();
    assert!(!base.tokenizer.lowercase());
    for (name, tensor) in &base.weights {
        let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        for (k, value) in values.iter().enumerate() {
            let expected = (k as f32 % 7.0 - 3.0) / 8.0 + values.len() as f32 / 1024.0;
            assert_eq!(*value, expected, "{name}[{k}]");
        }
    }
    let config = base.config.with_labels(&Labels::guide());
    let (_, drawn) = Bert::new(config, base.weights, 0, &Device::Cpu).unwrap();
    assert_eq!(drawn, ["classifier.weight", "classifier.bias"]);
}

#[test]
fn a_base_that_lacks_a_file_says_which() {
    for (missing, expected) in [
        ("config.json", "config.json"),
        (
            "pytorch_model.bin",
            "no model.safetensors and no pytorch_model.bin",
        ),
        ("vocab.txt", "vocab.txt"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        write_base(directory.path());
        fs::remove_file(directory.path().join(missing)).unwrap();
        let error = hub::load(directory.path().to_str().unwrap(), Lowercase::Auto, false).err();
        let message = format!("{:#}", error.expect("an error"));
        assert!(message.contains(expected), "{missing}: {message}");
    }
    let directory = tempfile::tempdir().unwrap();
    write_base(directory.path());
    fs::write(directory.path().join("pytorch_model.bin"), &WEIGHTS[..500]).unwrap();
    let error = hub::load(directory.path().to_str().unwrap(), Lowercase::Auto, false).err();
    let message = format!("{:#}", error.expect("an error"));
    assert!(message.contains("pytorch_model.bin"), "{message}");
}

#[test]
fn a_pointer_of_git_lfs_is_told_from_the_file() {
    let directory = tempfile::tempdir().unwrap();
    write_base(directory.path());
    for name in ["pytorch_model.bin", "model.safetensors"] {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 435778770\n";
        fs::write(directory.path().join(name), pointer).unwrap();
        let error = hub::load(directory.path().to_str().unwrap(), Lowercase::Auto, false).err();
        let message = format!("{:#}", error.expect("an error"));
        assert!(
            message.contains(name) && message.contains("git lfs pull"),
            "{message}"
        );
    }
}
