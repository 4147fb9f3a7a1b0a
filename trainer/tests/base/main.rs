//! Bases of every layout: a directory with PyTorch's file, the hub, the hub's cache.

mod directory;
mod hub;
mod lowercase;
mod server;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

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
    for (name, content) in files() {
        fs::write(directory.join(name), content).unwrap();
    }
}
