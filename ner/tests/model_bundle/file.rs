//! A small model file, and a way to change it.

use std::collections::{BTreeMap, HashMap};

use ner::model::tensors::specs;
use ner::model::{Bundle, Config, bundle};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::json;

pub(crate) fn config() -> Config {
    let json = json!({
        "model_type": "bert", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 6, "max_position_embeddings": 5, "classifier_head": "crf", "id2label": {"0": "O", "1": "B-X", "2": "I-X"}
    });
    Config::from_json(&json.to_string()).unwrap()
}

/// The vocabulary is all that reading a bundle looks at; white space and escapes are there to be
/// kept or left out.
pub(crate) fn tokenizer() -> String {
    let vocab: BTreeMap<String, usize> = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a b", "\"", "\\", "##\\\" ", "é\n",
    ]
    .map(String::from)
    .into_iter()
    .zip(0..)
    .collect();
    let added = json!([{"id": 0, "content": "[PAD]"}]);
    serde_json::to_string_pretty(
        &json!({"model": {"type": "WordPiece", "vocab": vocab}, "added_tokens": added}),
    )
    .unwrap()
}

/// A safetensors file in parts that can be changed.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) fields: HashMap<String, String>,
    pub(crate) tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
}

impl Parts {
    pub(crate) fn of(file: &[u8]) -> Self {
        let (_, metadata) = SafeTensors::read_metadata(file).unwrap();
        let tensors = SafeTensors::deserialize(file).unwrap();
        let parts = |(name, view): (&str, TensorView)| {
            (
                name.to_owned(),
                (view.dtype(), view.shape().to_vec(), view.data().to_vec()),
            )
        };
        Self {
            fields: metadata.metadata().clone().unwrap_or_default(),
            tensors: tensors.iter().map(parts).collect(),
        }
    }

    pub(crate) fn file(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, (dtype, shape, bytes))| {
            (
                name.as_str(),
                TensorView::new(*dtype, shape.clone(), bytes).unwrap(),
            )
        });
        safetensors::serialize(views, Some(self.fields.clone())).unwrap()
    }

    /// Gives every part the checksum of what it is now.
    pub(crate) fn sealed(mut self) -> Self {
        self.fields.remove("checksums");
        let tensors = self
            .tensors
            .iter()
            .map(|(name, (.., bytes))| (name, crc32fast::hash(bytes)));
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (name, crc32fast::hash(value.as_bytes())));
        let checksums: BTreeMap<_, _> = tensors.chain(fields).collect();
        let checksums = serde_json::to_string(&checksums).unwrap();
        self.fields.insert("checksums".into(), checksums);
        self
    }

    pub(crate) fn bytes(&mut self, tensor: &str) -> &mut Vec<u8> {
        &mut self
            .tensors
            .get_mut(tensor)
            .unwrap_or_else(|| panic!("no tensor {tensor}"))
            .2
    }
}

/// `model.safetensors` of a fine-tuned directory, with values that differ everywhere.
pub(crate) fn fine_tuned() -> Parts {
    let mut state = 1_u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let config = config();
    let tensors = specs(&config, 3).into_iter().map(|spec| {
        let bytes = (0..spec.len())
            .flat_map(|_| value().to_le_bytes())
            .collect();
        (spec.name, (Dtype::F32, spec.shape, bytes))
    });
    Parts {
        fields: HashMap::from([("format".into(), "pt".into())]),
        tensors: tensors.collect(),
    }
}

pub(crate) fn exported() -> Vec<u8> {
    let file = fine_tuned().file();
    bundle::write(
        &Bundle::from_fine_tuned("dir", &config().to_json(), &tokenizer(), &file).unwrap(),
    )
    .unwrap()
}
