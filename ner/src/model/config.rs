//! The one configuration struct, read from and written to Hugging Face's `config.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::calibration::Calibration;
use crate::{Error, Labels};

/// A BERT token classifier's configuration, with Hugging Face's names. Unknown fields of a
/// `config.json` are ignored.
///
/// Fields that a `config.json` may leave out have the defaults of transformers' `BertConfig`. Only
/// [`Config::from_json`] checks the values; a configuration read in another way has not been
/// checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `bert`.
    pub model_type: String,
    /// Rows of the word embedding.
    pub vocab_size: usize,
    /// H.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// A; divides H.
    pub num_attention_heads: usize,
    /// F.
    pub intermediate_size: usize,
    /// `gelu` (the erf form).
    #[serde(default = "defaults::hidden_act")]
    pub hidden_act: String,
    /// Longest input.
    #[serde(default = "defaults::max_position_embeddings")]
    pub max_position_embeddings: usize,
    /// Rows of the token type embedding.
    #[serde(default = "defaults::type_vocab_size")]
    pub type_vocab_size: usize,
    /// Epsilon of every LayerNorm.
    #[serde(default = "defaults::layer_norm_eps")]
    pub layer_norm_eps: f64,
    /// Dropout after embeddings, attention output and feed-forward output.
    #[serde(default = "defaults::dropout")]
    pub hidden_dropout_prob: f64,
    /// Dropout of the attention probabilities.
    #[serde(default = "defaults::dropout")]
    pub attention_probs_dropout_prob: f64,
    /// Dropout before the classifier; `hidden_dropout_prob` where it is null.
    #[serde(default)]
    pub classifier_dropout: Option<f64>,
    /// Standard deviation of new weights.
    #[serde(default = "defaults::initializer_range")]
    pub initializer_range: f64,
    /// Id of `[PAD]`.
    #[serde(default)]
    pub pad_token_id: u32,
    /// Label names by id.
    #[serde(default, serialize_with = "by_key")]
    pub id2label: BTreeMap<String, String>,
    /// Ids by label name.
    #[serde(default, serialize_with = "by_value")]
    pub label2id: BTreeMap<String, usize>,
    /// What stands behind the classifier; a field of this project, which others ignore.
    #[serde(default, skip_serializing_if = "Head::is_softmax")]
    pub classifier_head: Head,
    /// From an entity's probability to its score; a field of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// What stands behind the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// Nothing: words are independent of each other but for BIO's rules.
    #[default]
    Softmax,
    /// A linear-chain CRF, [`crate::crf`].
    Crf,
}

impl Head {
    fn is_softmax(&self) -> bool {
        *self == Self::Softmax
    }
}

/// What transformers' `BertConfig` assumes for a field that is not there.
mod defaults {
    pub(super) fn hidden_act() -> String {
        "gelu".into()
    }
    pub(super) fn max_position_embeddings() -> usize {
        512
    }
    pub(super) fn type_vocab_size() -> usize {
        2
    }
    pub(super) fn layer_norm_eps() -> f64 {
        1e-12
    }
    pub(super) fn dropout() -> f64 {
        0.1
    }
    pub(super) fn initializer_range() -> f64 {
        0.02
    }
}

/// Fields whose other values change the network. They are no part of [`Config`] because only one
/// value can be run.
#[derive(Deserialize)]
struct Variants {
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    add_cross_attention: bool,
}

/// Most values that the tensors of a model may have together (8 GiB as F32). BERT-large has 0.34e9.
const MAX_PARAMETERS: u64 = 1 << 31;

/// Most labels of a model. Decoding takes the square of their number, per word in time and once in
/// memory.
const MAX_LABELS: usize = 1 << 9;

impl Config {
    /// Reads and checks a `config.json`. A configuration without labels (that of a base model)
    /// passes; [`Self::labels`] refuses it.
    ///
    /// # Errors
    /// [`Error::Config`] names the field that is missing, contradicts another, or asks for a
    /// network that is not a plain BERT encoder of a size that can be held in memory.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let not_bert = |e| Error::Config(format!("not a BERT configuration: {e}"));
        let mut config: Self = serde_json::from_str(json).map_err(not_bert)?;
        let variants: Variants = serde_json::from_str(json).map_err(not_bert)?;
        config
            .check_architecture(&variants)
            .map_err(Error::Config)?;
        config.check_sizes().map_err(Error::Config)?;
        config.check_labels().map_err(Error::Config)?;
        if config.label2id.is_empty() {
            config.label2id = ids(&config.id2label);
        }
        Ok(config)
    }

    /// The text of a `config.json`, with `architectures` and `model_type` as Hugging Face's
    /// `AutoModelForTokenClassification` wants them.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct File<'a> {
            architectures: [&'a str; 1],
            #[serde(flatten)]
            config: &'a Config,
        }
        let file = File {
            architectures: ["BertForTokenClassification"],
            config: self,
        };
        serde_json::to_string_pretty(&file)
            .expect("strings, numbers and maps with string keys are JSON")
    }

    /// The label set of `id2label`.
    ///
    /// # Errors
    /// [`Error::Config`] for a configuration without labels, [`Error::Labels`] for names that are
    /// no BIO set.
    pub fn labels(&self) -> Result<Labels, Error> {
        if self.id2label.is_empty() {
            return Err(Error::Config(
                "`id2label` is missing: this is no token classifier, fine-tune it first".into(),
            ));
        }
        let names = (0..self.id2label.len()).map(|id| self.id2label.get(&id.to_string()).cloned());
        let names = names.collect::<Option<Vec<_>>>();
        Labels::new(
            names.ok_or_else(|| {
                Error::Config("`id2label` must have the keys 0, 1, 2, ...".into())
            })?,
        )
    }

    /// The same configuration with another label set.
    pub fn with_labels(mut self, labels: &Labels) -> Self {
        self.id2label = labels
            .names()
            .iter()
            .enumerate()
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect();
        self.label2id = ids(&self.id2label);
        self
    }

    fn check_architecture(&self, variants: &Variants) -> Result<(), String> {
        if self.model_type != "bert" {
            return Err(format!(
                "`model_type` is \"{}\", only \"bert\" can be run",
                self.model_type
            ));
        }
        if self.hidden_act != "gelu" {
            return Err(format!(
                "`hidden_act` is \"{}\", only \"gelu\" (the erf form) can be run",
                self.hidden_act
            ));
        }
        if let Some(kind) = variants
            .position_embedding_type
            .as_deref()
            .filter(|kind| *kind != "absolute")
        {
            return Err(format!(
                "`position_embedding_type` is \"{kind}\", only \"absolute\" can be run"
            ));
        }
        if variants.is_decoder || variants.add_cross_attention {
            return Err(
                "`is_decoder` or `add_cross_attention` is set, only encoders can be run".into(),
            );
        }
        Ok(())
    }

    /// Sizes are bounded before anything is computed from them, so that no product below overflows
    /// and a hostile file cannot ask for memory that it does not fill.
    fn check_sizes(&self) -> Result<(), String> {
        for (field, size, most) in [
            ("vocab_size", self.vocab_size, 1 << 21),
            ("hidden_size", self.hidden_size, 1 << 14),
            ("num_hidden_layers", self.num_hidden_layers, 1 << 8),
            ("num_attention_heads", self.num_attention_heads, 1 << 8),
            ("intermediate_size", self.intermediate_size, 1 << 16),
            (
                "max_position_embeddings",
                self.max_position_embeddings,
                1 << 16,
            ),
            ("type_vocab_size", self.type_vocab_size, 1 << 10),
        ] {
            if !(1..=most).contains(&size) {
                return Err(format!("`{field}` is {size}, expected 1 to {most}"));
            }
        }
        if self.max_position_embeddings < 3 {
            // [CLS], one token, [SEP].
            return Err(format!(
                "`max_position_embeddings` is {}, expected at least 3",
                self.max_position_embeddings
            ));
        }
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        if !hidden.is_multiple_of(heads) {
            return Err(format!(
                "`hidden_size` {hidden} is not a multiple of `num_attention_heads` {heads}"
            ));
        }
        let (h, f) = (hidden as u64, self.intermediate_size as u64);
        let tables =
            (self.vocab_size + self.max_position_embeddings + self.type_vocab_size) as u64 * h;
        let parameters = tables + self.num_hidden_layers as u64 * (4 * h * h + 2 * h * f);
        if parameters > MAX_PARAMETERS {
            return Err(format!(
                "the model has {parameters} parameters, at most {MAX_PARAMETERS} can be held"
            ));
        }
        if self.pad_token_id as usize >= self.vocab_size {
            return Err(format!(
                "`pad_token_id` {} is outside the {} tokens",
                self.pad_token_id, self.vocab_size
            ));
        }
        if !(self.layer_norm_eps.is_finite() && self.layer_norm_eps > 0.0) {
            return Err(format!(
                "`layer_norm_eps` is {}, expected a positive number",
                self.layer_norm_eps
            ));
        }
        if let Some(Calibration { slope, intercept }) = self.calibration
            && !(slope.is_finite() && slope > 0.0 && intercept.is_finite())
        {
            return Err(format!(
                "`calibration` is a slope of {slope} and an intercept of {intercept}, expected finite numbers, the \
                 slope positive"
            ));
        }
        if !(self.initializer_range.is_finite() && self.initializer_range >= 0.0) {
            return Err(format!(
                "`initializer_range` is {}, expected 0 or more",
                self.initializer_range
            ));
        }
        for (field, probability) in [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            (
                "attention_probs_dropout_prob",
                self.attention_probs_dropout_prob,
            ),
            ("classifier_dropout", self.classifier_dropout.unwrap_or(0.0)),
        ] {
            if !(0.0..1.0).contains(&probability) {
                return Err(format!(
                    "`{field}` is {probability}, expected 0 up to but not 1"
                ));
            }
        }
        Ok(())
    }

    fn check_labels(&self) -> Result<(), String> {
        let labels = self.id2label.len();
        if labels > MAX_LABELS {
            return Err(format!(
                "`id2label` has {labels} labels, at most {MAX_LABELS} are read"
            ));
        }
        if let Some(id) = (0..labels).find(|id| !self.id2label.contains_key(&id.to_string())) {
            return Err(format!(
                "`id2label` has {labels} labels and none with id {id}; the keys must be 0, 1, 2, ..."
            ));
        }
        if self.label2id.is_empty() {
            return Ok(());
        }
        for (id, name) in &self.id2label {
            if self.label2id.get(name).map(usize::to_string).as_ref() != Some(id) {
                return Err(format!(
                    "`id2label` says that {id} is \"{name}\", `label2id` says something else"
                ));
            }
        }
        if self.label2id.len() != labels {
            return Err(format!(
                "`label2id` has {} labels, `id2label` has {labels}",
                self.label2id.len()
            ));
        }
        Ok(())
    }
}

/// `label2id` of an `id2label` whose keys are numbers.
fn ids(id2label: &BTreeMap<String, String>) -> BTreeMap<String, usize> {
    id2label
        .iter()
        .filter_map(|(id, name)| Some((name.clone(), id.parse().ok()?)))
        .collect()
}

/// Writes `id2label` in the order of the ids: 2 before 10.
fn by_key<S: Serializer>(
    id2label: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut entries: Vec<_> = id2label.iter().collect();
    entries.sort_by_key(|(id, _)| id.parse().unwrap_or(usize::MAX));
    serializer.collect_map(entries)
}

/// Writes `label2id` in the order of the ids.
fn by_value<S: Serializer>(
    label2id: &BTreeMap<String, usize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut entries: Vec<_> = label2id.iter().collect();
    entries.sort_by_key(|(_, id)| **id);
    serializer.collect_map(entries)
}
