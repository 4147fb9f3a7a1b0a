//! Every tensor of a BERT token classifier: name, shape, role.

use super::Config;
use super::config::Head;

/// How a tensor is stored in an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `[rows, H]` table: int8 with one scale per row.
    Embedding,
    /// `[out, in]` matrix of an encoder layer: int8 with one scale per row, that is per output
    /// channel.
    Linear,
    /// Kept in F32: biases, LayerNorm, the classifier, the CRF.
    Float,
}

/// One tensor that a model must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Hugging Face's name, such as `bert.encoder.layer.0.attention.self.query.weight`.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// How it is stored.
    pub role: Role,
}

impl Spec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no values; false for every tensor of a checked [`Config`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All tensors of a model in the order of the forward pass, with the names and shapes of
/// transformers' `BertForTokenClassification` (which has no pooler); behind them those of a CRF, with
/// the names of pytorch-crf and one of our own.
pub fn specs(config: &Config, labels: usize) -> Vec<Spec> {
    let (h, f) = (config.hidden_size, config.intermediate_size);
    let mut specs = Vec::with_capacity(7 + 16 * config.num_hidden_layers);
    let mut push = |name: String, shape: &[usize], role| {
        specs.push(Spec {
            name,
            shape: shape.to_vec(),
            role,
        })
    };

    for (table, rows) in [
        ("word_embeddings", config.vocab_size),
        ("position_embeddings", config.max_position_embeddings),
        ("token_type_embeddings", config.type_vocab_size),
    ] {
        push(
            format!("bert.embeddings.{table}.weight"),
            &[rows, h],
            Role::Embedding,
        );
    }
    for part in ["weight", "bias"] {
        push(
            format!("bert.embeddings.LayerNorm.{part}"),
            &[h],
            Role::Float,
        );
    }
    for layer in 0..config.num_hidden_layers {
        for (module, shape) in [
            ("attention.self.query", Some([h, h])),
            ("attention.self.key", Some([h, h])),
            ("attention.self.value", Some([h, h])),
            ("attention.output.dense", Some([h, h])),
            ("attention.output.LayerNorm", None),
            ("intermediate.dense", Some([f, h])),
            ("output.dense", Some([h, f])),
            ("output.LayerNorm", None),
        ] {
            let name = |part| format!("bert.encoder.layer.{layer}.{module}.{part}");
            match shape {
                Some(shape) => {
                    push(name("weight"), &shape, Role::Linear);
                    push(name("bias"), &shape[..1], Role::Float);
                }
                None => {
                    push(name("weight"), &[h], Role::Float);
                    push(name("bias"), &[h], Role::Float);
                }
            }
        }
    }
    push("classifier.weight".into(), &[labels, h], Role::Float);
    push("classifier.bias".into(), &[labels], Role::Float);
    if config.classifier_head == Head::Crf {
        for (name, shape) in CRF.into_iter().zip([1, 2, 1, 1]) {
            push(name.into(), &[labels, labels][..shape], Role::Float);
        }
    }
    specs
}

/// A CRF's scores of each label: at a paragraph's first word `[L]`, (columns) after each other (rows)
/// `[L, L]`, at a paragraph's last word `[L]`, at a line's first word `[L]`.
pub const CRF: [&str; 4] = [
    "crf.start_transitions",
    "crf.transitions",
    "crf.end_transitions",
    "crf.line_starts",
];

/// Name of the scales of an int8 tensor.
pub fn scale_name(name: &str) -> String {
    format!("{name}_scale")
}
