//! A base model with random weights that knows the words of a corpus.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ner::Labels;
use ner::model::Config;
use ner::model::tensors::specs;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Writes the base's config.json, vocab.txt and model.safetensors.
pub(crate) fn write<'a>(folder: &Path, words: impl IntoIterator<Item = &'a str>) {
    let words: BTreeSet<String> = words.into_iter().map(str::to_lowercase).collect();
    let words = words.iter().map(String::as_str);
    let vocabulary: Vec<&str> = SPECIAL.into_iter().chain(words).collect();
    let config = json!({
        "model_type": "bert", "vocab_size": vocabulary.len(), "hidden_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
        "max_position_embeddings": 64, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    });
    let labels = Labels::guide();
    let parsed = Config::from_json(&config.to_string())
        .unwrap()
        .with_labels(&labels);
    // Of the base alone: a head is the trainer's to make.
    let specs = specs(&parsed, labels.len()).into_iter();
    let specs = specs.filter(|spec| spec.name.starts_with("bert."));
    let mut state = 1_u32;
    let tensors: Vec<_> = specs
        .map(|spec| {
            let mut value = || {
                // Numerical Recipes' generator; the upper bits as a number from -0.1 to 0.1.
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) * 0.2
            };
            let values: Vec<f32> = match spec.name.as_str() {
                name if name.ends_with("LayerNorm.weight") => vec![1.0; spec.len()],
                name if name.ends_with(".bias") => vec![0.0; spec.len()],
                _ => (0..spec.len()).map(|_| value()).collect(),
            };
            let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
            (spec.name, spec.shape, bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (name, view.unwrap())
    });
    let weights = safetensors::serialize(views, None).unwrap();
    fs::create_dir(folder).unwrap();
    for (name, content) in [
        ("config.json", config.to_string().as_bytes()),
        ("vocab.txt", (vocabulary.join("\n") + "\n").as_bytes()),
        ("model.safetensors", &weights),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
}
