//! A model whose answers can be told without it: every word of a lexicon has one label, all others
//! are `O`.
//!
//! The embedding of a word is 1 at its label's place and 0 elsewhere. Attention and feed-forward
//! are zero, so that only the LayerNorms stand between it and the classifier, which is the
//! identity.

use std::fs;
use std::path::{Path, PathBuf};

use ner::Labels;
use ner::model::tensors::specs;
use ner::model::{Bundle, Config, bundle};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

/// The words of `goldens/predict.py` and their labels.
const LEXICON: [(&str, &str); 9] = [
    ("irregular", "B-Symptoms"),
    ("periods", "I-Symptoms"),
    ("pelvic", "B-Symptoms"),
    ("pain", "I-Symptoms"),
    ("estrogen", "B-Hormones"),
    ("letrozole", "B-Medications"),
    ("scan", "B-Procedures"),
    ("follicle", "B-Ultrasound"),
    ("痛", "B-Symptoms"),
];
const SPECIAL: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
const HIDDEN: usize = 16;
/// What the classifier multiplies with; large enough for a decided softmax.
const GAIN: f32 = 3.0;

/// A fine-tuned directory and the file exported from it.
pub(crate) struct Models {
    pub(crate) root: tempfile::TempDir,
    pub(crate) directory: PathBuf,
    pub(crate) file: PathBuf,
}

impl Models {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("fine tuned");
        let file = root.path().join("model.safetensors");
        fs::create_dir(&directory).unwrap();
        fs::write(&file, write(&directory)).unwrap();
        Self {
            directory,
            file,
            root,
        }
    }
}

fn vocab() -> String {
    SPECIAL
        .into_iter()
        .chain(LEXICON.map(|(word, _)| word))
        .map(|token| token.to_owned() + "\n")
        .collect()
}

/// Writes the directory; returns the exported file.
fn write(directory: &Path) -> Vec<u8> {
    let labels = Labels::guide();
    let vocab = vocab();
    let config = json!({
        "model_type": "bert", "vocab_size": vocab.lines().count(), "hidden_size": HIDDEN, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": HIDDEN
    });
    let config = Config::from_json(&config.to_string())
        .unwrap()
        .with_labels(&labels);
    let tensors: Vec<_> = specs(&config, labels.len())
        .into_iter()
        .map(|spec| {
            let mut values = vec![0.0_f32; spec.len()];
            match spec.name.as_str() {
                "bert.embeddings.word_embeddings.weight" => {
                    for (row, token) in vocab.lines().enumerate() {
                        let label = LEXICON
                            .iter()
                            .find(|(word, _)| *word == token)
                            .map_or("O", |(_, label)| label);
                        values[row * HIDDEN + labels.id(label).unwrap()] = 1.0;
                    }
                }
                "classifier.weight" => {
                    (0..labels.len()).for_each(|label| values[label * (HIDDEN + 1)] = GAIN)
                }
                name if name.ends_with("LayerNorm.weight") => values.fill(1.0),
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
    let weights = safetensors::serialize(views, None).unwrap();

    let tokenizer = ner::Tokenizer::from_vocab(&vocab, None).unwrap().to_json();
    // The directory has a vocab.txt only, as many have: the tokenizer is made from it.
    for (name, content) in [
        ("config.json", config.to_json().as_bytes()),
        ("vocab.txt", vocab.as_bytes()),
        ("model.safetensors", &weights),
    ] {
        fs::write(directory.join(name), content).unwrap();
    }
    bundle::write(&Bundle::from_fine_tuned("", &config.to_json(), &tokenizer, &weights).unwrap())
        .unwrap()
}
