//! A small fine-tuned directory whose model labels the words of a lexicon.
//!
//! The embedding of a word is 1 at its label's place and the classifier picks that place; between
//! them one layer of small random weights blurs it, so that quantization changes the logits and not
//! the labels.

use std::fs;
use std::path::Path;

use ner::Labels;
use ner::model::Config;
use ner::model::tensors::{Role, specs};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

const TOKENS: [(&str, &str); 7] = [
    ("[PAD]", "O"),
    ("[UNK]", "O"),
    ("[CLS]", "O"),
    ("[SEP]", "O"),
    ("pelvic", "B-Symptoms"),
    ("pain", "I-Symptoms"),
    ("estrogen", "B-Hormones"),
];
/// Tokens of the tokenizer.
pub(crate) const VOCABULARY: usize = TOKENS.len();
const HIDDEN: usize = 16;

/// Writes config.json, vocab.txt and model.safetensors. Another seed gives another model.
pub(crate) fn write(directory: &Path, seed: u32) {
    let labels = Labels::guide();
    let config = json!({
        "model_type": "bert", "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": HIDDEN, "max_position_embeddings": 32
    });
    let config = Config::from_json(&config.to_string())
        .unwrap()
        .with_labels(&labels);
    let mut state = seed;
    let mut small = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * 0.1
    };
    let tensors: Vec<_> = specs(&config, labels.len())
        .into_iter()
        .map(|spec| {
            let mut values = vec![0.0_f32; spec.len()];
            match (spec.role, spec.name.as_str()) {
                (Role::Linear, _) => values.fill_with(&mut small),
                (_, "bert.embeddings.word_embeddings.weight") => {
                    for (row, (_, label)) in TOKENS.iter().enumerate() {
                        values[row * HIDDEN + labels.id(label).unwrap()] = 1.0;
                    }
                }
                (_, "classifier.weight") => {
                    (0..labels.len()).for_each(|label| values[label * (HIDDEN + 1)] = 3.0)
                }
                (_, name) if name.ends_with("LayerNorm.weight") => values.fill(1.0),
                _ => {}
            }
            let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
            (spec.name, spec.shape, bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    let vocab: String = TOKENS
        .iter()
        .map(|(token, _)| format!("{token}\n"))
        .collect();
    fs::create_dir(directory).unwrap();
    fs::write(directory.join("config.json"), config.to_json()).unwrap();
    fs::write(directory.join("vocab.txt"), vocab).unwrap();
    fs::write(
        directory.join("model.safetensors"),
        safetensors::serialize(views, None).unwrap(),
    )
    .unwrap();
}
