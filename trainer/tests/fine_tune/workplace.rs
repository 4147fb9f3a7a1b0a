//! A folder with a tiny base model and sentences that it can learn by heart.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use candle_core::Device;
use clap::Parser;
use ner::model::Config;
use ner::{Labels, Tokenizer};
use serde_json::{Value, json};
use trainer::bert::Bert;
use trainer::checkpoint::{self, Contents};
use trainer::cli::{Cli, run};

const SENTENCES: &str = include_str!("sentences.bio");

/// Files of a fine-tuned directory.
pub(crate) const FILES: [&str; 8] = [
    "config.json",
    "eval_metrics.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "trainer_state.json",
    "training_args.json",
    "vocab.txt",
];

/// A base model with random weights, whose words are those of the sentences, and the sentences.
pub(crate) fn workplace() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let mut words: Vec<String> = SENTENCES
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words.dedup();
    let vocabulary: Vec<&str> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect();
    let tokenizer = Tokenizer::from_vocab(&(vocabulary.join("\n") + "\n"), None).unwrap();
    let config = json!({
        "model_type": "bert", "vocab_size": vocabulary.len(), "hidden_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 64,
    });
    let config = Config::from_json(&config.to_string())
        .unwrap()
        .with_labels(&Labels::guide());
    let (bert, _) = Bert::new(config, HashMap::new(), 1, &Device::Cpu).unwrap();
    let base = place.path().join("base");
    fs::create_dir(&base).unwrap();
    let (arguments, state) = (Value::Null, Value::Null);
    checkpoint::save(
        &base,
        &Contents {
            bert: &bert,
            calibration: None,
            tokenizer: &tokenizer,
            arguments,
            state,
            metrics: None,
        },
    )
    .unwrap();
    fs::write(place.path().join("data.bio"), SENTENCES).unwrap();
    place
}

pub(crate) fn arguments(place: &Path, base: &str, output: &str, extra: &[&str]) -> Vec<String> {
    let path = |name: &str| place.join(name).to_str().unwrap().to_owned();
    let mut arguments: Vec<String> = [
        "trainer",
        "fine-tune",
        "--max-length",
        "48",
        "--batch-size",
        "4",
    ]
    .map(String::from)
    .into();
    for (flag, value) in [
        ("--base", base),
        ("--train", "data.bio"),
        ("--dev", "data.bio"),
        ("--output", output),
    ] {
        arguments.extend([flag.to_owned(), path(value)]);
    }
    arguments.extend(extra.iter().map(ToString::to_string));
    arguments
}

pub(crate) fn fine_tune(
    place: &Path,
    base: &str,
    output: &str,
    extra: &[&str],
) -> anyhow::Result<PathBuf> {
    run(&Cli::parse_from(arguments(place, base, output, extra)))?;
    Ok(place.join(output))
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn run_binary(arguments: &[String]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(&arguments[1..])
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
