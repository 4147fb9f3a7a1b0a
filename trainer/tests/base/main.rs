//! Bases of every layout: a directory with PyTorch's file, the hub, the hub's cache.

mod directory;
mod hub;
mod lowercase;
mod server;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const WEIGHTS: &[u8] = include_bytes!("../goldens/base.bin");

const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 11, "hidden_size": 4,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
    "max_position_embeddings": 16}"#;

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nNo\nno\ncramps\n.\ntoday\n##s\n";

/// A cased model: without this file a vocabulary counts as lower-cased.
const TOKENIZER_CONFIG: &str = r#"{"do_lower_case": false}"#;

fn files() -> HashMap<&'static str, &'static [u8]> {
    HashMap::from([
        ("config.json", CONFIG.as_bytes()),
        ("pytorch_model.bin", WEIGHTS),
        ("tokenizer_config.json", TOKENIZER_CONFIG.as_bytes()),
        ("vocab.txt", VOCABULARY.as_bytes()),
    ])
}

fn write_base(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (name, content) in files() {
        fs::write(directory.join(name), content).unwrap();
    }
}

/// A directory in which the trainer runs.
struct Workplace {
    directory: tempfile::TempDir,
}

impl Workplace {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Trains one epoch; returns exit code and standard error.
    fn fine_tune(&self, base: &str, output: &str, endpoint: &str, extra: &[&str]) -> (i32, String) {
        fs::write(self.path("data.bio"), "No O\ncramps B-Symptoms\ntoday O\n").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args([
                "fine-tune",
                "--epochs",
                "1",
                "--max-length",
                "16",
                "--base",
                base,
            ])
            .args([
                "--train", "data.bio", "--dev", "data.bio", "--output", output,
            ])
            .args(extra)
            .current_dir(self.directory.path())
            .env("HF_ENDPOINT", endpoint)
            .env("HF_HOME", self.path("cache"))
            .env("HF_TOKEN", "secret")
            .env_remove("HF_HUB_CACHE")
            .env_remove("HF_HUB_OFFLINE")
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}
