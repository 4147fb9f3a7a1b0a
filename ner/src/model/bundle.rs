//! The container: one safetensors file with configuration, labels and tokenizer in its metadata.
//!
//! Any safetensors reader opens an exported file. Every [`Role::Embedding`] and [`Role::Linear`]
//! tensor is I8 of its usual shape with an F32 tensor `<name>_scale` `[rows]` beside it (see
//! [`super::quant`]), every other one is F32. The header is padded with spaces and F32 comes before
//! I8, so that floats are aligned to 4 bytes. Metadata, all strings:
//!
//! | key | value |
//! |---|---|
//! | `format` | `clinical-ner` |
//! | `format_version` | [`FORMAT_VERSION`] |
//! | `quantization` | `int8-rows` |
//! | `config` | the text of `config.json`, with `id2label` |
//! | `labels` | the label names in id order, a JSON array |
//! | `tokenizer` | the text of `tokenizer.json` |
//! | `source_sha256` | SHA-256 of the `model.safetensors` that was quantized, lower-case hex |
//! | `card` | a [`Card`] as JSON; may be absent |
//! | `checksums` | a JSON object: CRC-32 (IEEE) of every tensor's bytes and of every other metadata value, by name |
//!
//! The same model gives the same bytes. A change of one bit anywhere is found when the file is
//! read.
//!
//! A fine-tuned directory reads as the same type with F32 tensors, so the engine knows one source
//! only.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use safetensors::Dtype;
use safetensors::tensor::TensorInfo;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::config::Head;
use super::container::{Container, Part, check_length, read_header};
use super::layout::{self, Layout};
use super::tensors::{Role, Spec, scale_name, specs};
use super::{Card, Config, quant};
use crate::{Decoder, Error, Tokenizer};

/// Version of the file format that this crate writes and reads.
pub const FORMAT_VERSION: &str = "1";

pub(super) const FORMAT: &str = "clinical-ner";
pub(super) const QUANTIZATION: &str = "int8-rows";

/// A tensor's values where they lie in the file.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Little-endian F32 bytes, not necessarily aligned.
    F32(&'a [u8]),
    /// int8 values and the little-endian F32 bytes of one scale per row.
    I8 {
        /// Row-major values, -127 to 127.
        values: &'a [u8],
        /// One F32 per row.
        scales: &'a [u8],
    },
}

impl Values<'_> {
    /// The values as floats, row-major; int8 rows times their scales.
    pub fn to_f32(self) -> Vec<f32> {
        match self {
            Self::F32(bytes) => floats(bytes).collect(),
            Self::I8 { values, scales } => {
                let cols = values.len() / (scales.len() / 4).max(1);
                let values: Vec<i8> = values.iter().map(|byte| byte.cast_signed()).collect();
                quant::dequantize_rows(&values, &floats(scales).collect::<Vec<_>>(), cols)
            }
        }
    }
}

/// A tensor's values as a bundle holds them.
#[derive(Debug, Clone)]
pub enum Tensor<'a> {
    /// As [`Values::F32`].
    F32(Cow<'a, [u8]>),
    /// As [`Values::I8`].
    I8 {
        /// As there.
        values: Cow<'a, [u8]>,
        /// As there.
        scales: Cow<'a, [u8]>,
    },
}

impl Tensor<'_> {
    /// The values.
    pub fn values(&self) -> Values<'_> {
        match self {
            Self::F32(bytes) => Values::F32(bytes),
            Self::I8 { values, scales } => Values::I8 { values, scales },
        }
    }
}

/// A model read from bytes: of the right shapes, of this version, and complete unless it is still
/// [`super::Incoming`].
///
/// It borrows the file, or owns each tensor by itself.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    config: Config,
    tokenizer_json: String,
    source_sha256: String,
    card: Card,
    /// Types and bytes by name, those of [`scale_name`] too.
    tensors: HashMap<String, (Dtype, Cow<'a, [u8]>)>,
}

impl<'a> Bundle<'a> {
    /// Reads an exported file. `file` names it in errors.
    ///
    /// # Errors
    /// Names the file and the tensor or metadata field that is missing, truncated, of another type,
    /// shape or version, or that does not have its checksum.
    pub fn read(file: &str, bytes: &'a [u8]) -> Result<Self, Error> {
        let (end, metadata) = read_header(file, bytes)?;
        let data = &bytes[end..];
        check_length(file, metadata.data_len(), data.len())?;
        let (layout, mut bundle) = Layout::read(file, &metadata)?;
        for part in &layout.parts {
            let bytes = &data[part.place.clone()];
            layout.check(part, bytes, crc32fast::hash(bytes))?;
            bundle.insert(part, Cow::Borrowed(bytes));
        }
        Ok(bundle)
    }

    /// A model that has no tensors yet.
    pub(super) fn empty(config: Config, tokenizer_json: String, source_sha256: String) -> Self {
        Self {
            config,
            tokenizer_json,
            source_sha256,
            card: Card::default(),
            tensors: HashMap::new(),
        }
    }

    /// Puts in a tensor that has been checked.
    pub(super) fn insert(&mut self, part: &Part, bytes: Cow<'a, [u8]>) {
        self.tensors.insert(part.name.clone(), (part.dtype, bytes));
    }

    /// Reads the three files of a fine-tuned directory (`config.json`, `tokenizer.json`,
    /// `model.safetensors`), as Hugging Face's `save_pretrained` of a `BertForTokenClassification`
    /// writes them. A pooler and `position_ids`, which the network does not use, may be there.
    ///
    /// # Errors
    /// Names the file and the field or tensor that is missing, of another type or shape, or not a
    /// number.
    pub fn from_fine_tuned(
        dir: &str,
        config_json: &str,
        tokenizer_json: &str,
        safetensors: &'a [u8],
    ) -> Result<Self, Error> {
        let file = |name: &str| {
            if dir.is_empty() {
                name.to_owned()
            } else {
                format!("{dir}/{name}")
            }
        };
        let in_file = |name, problem| Error::ModelFile {
            file: file(name),
            problem,
        };
        let config =
            Config::from_json(config_json).map_err(|e| in_file("config.json", e.to_string()))?;
        let labels = config
            .labels()
            .map_err(|e| in_file("config.json", e.to_string()))?;
        layout::check_tokenizer(tokenizer_json, &config)
            .map_err(|e| in_file("tokenizer.json", e))?;

        let weights = file("model.safetensors");
        let (end, metadata) = read_header(&weights, safetensors)?;
        let data = &safetensors[end..];
        check_length(&weights, metadata.data_len(), data.len())?;
        let mut container = Container::new(&weights, &metadata);
        let source_sha256 =
            Sha256::digest(safetensors)
                .iter()
                .fold(String::new(), |mut hex, byte| {
                    write!(hex, "{byte:02x}").expect("writing to a string does not fail");
                    hex
                });
        let mut bundle = Self::empty(config, tokenizer_json.to_owned(), source_sha256);
        for Spec { name, shape, .. } in specs(&bundle.config, labels.len()) {
            let part = container.take(&name, Dtype::F32, &shape)?;
            let bytes = &data[part.place.clone()];
            container.check_values(&part, bytes)?;
            bundle.insert(&part, Cow::Borrowed(bytes));
        }
        container.ignore(|name| {
            name.starts_with("bert.pooler.") || name == "bert.embeddings.position_ids"
        });
        container.check_nothing_left()?;
        Ok(bundle)
    }

    /// The configuration, labels included.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> Result<Tokenizer, Error> {
        Tokenizer::from_json(&self.tokenizer_json)
    }

    /// What turns the network's logits into entities.
    ///
    /// # Errors
    /// As [`Config::labels`]; none for a bundle that was read from a file.
    pub fn decoder(&self) -> Result<Decoder, Error> {
        let labels = self.config.labels()?;
        let mut decoder = match self.config.classifier_head {
            Head::Softmax => Decoder::bio(labels),
            Head::Crf => Decoder::crf(labels, |name| Ok::<_, Error>(self.tensor(name).to_f32()))?,
        };
        decoder.calibration = self.config.calibration;
        Ok(decoder)
    }

    /// The text of the `tokenizer.json`.
    pub fn tokenizer_json(&self) -> &str {
        &self.tokenizer_json
    }

    /// SHA-256 (hex) of the `model.safetensors` that an exported file was made from; of the file
    /// itself for a directory.
    pub fn source_sha256(&self) -> &str {
        &self.source_sha256
    }

    /// Where the model comes from and how it did, as far as the file tells.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Changes what the file is to tell of itself.
    ///
    /// # Errors
    /// As [`Card::check`].
    pub fn set_card(&mut self, card: Card) -> Result<(), Error> {
        card.check().map_err(|problem| Error::ModelFile {
            file: "card".into(),
            problem,
        })?;
        self.card = card;
        Ok(())
    }

    /// Whether a tensor of [`super::tensors::specs`] is there, and was not taken.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.get(name).is_some_and(|&(dtype, _)| {
            dtype != Dtype::I8 || self.tensors.contains_key(&scale_name(name))
        })
    }

    /// Values of a tensor of [`super::tensors::specs`].
    ///
    /// # Panics
    /// For any other name, and for one that was taken.
    pub fn tensor(&self, name: &str) -> Values<'_> {
        match &self.tensors[name] {
            (Dtype::I8, values) => Values::I8 {
                values,
                scales: &self.tensors[&scale_name(name)].1,
            },
            (_, bytes) => Values::F32(bytes),
        }
    }

    /// Takes a tensor of [`super::tensors::specs`] out.
    ///
    /// # Panics
    /// As [`Bundle::tensor`].
    pub fn take(&mut self, name: &str) -> Tensor<'a> {
        let mut take = |name: &str| {
            let tensor = self.tensors.remove(name);
            tensor.unwrap_or_else(|| panic!("no tensor {name}"))
        };
        match take(name) {
            (Dtype::I8, values) => Tensor::I8 {
                values,
                scales: take(&scale_name(name)).1,
            },
            (_, bytes) => Tensor::F32(bytes),
        }
    }
}

/// Writes an exported file: quantizes every [`super::tensors::Role::Embedding`] and
/// [`super::tensors::Role::Linear`] that is not quantized yet.
///
/// # Errors
/// [`Error::Tensor`] for a tensor whose values cannot be quantized.
pub fn write(model: &Bundle) -> Result<Vec<u8>, Error> {
    let labels = model.config.labels()?;
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    for Spec { name, shape, role } in specs(&model.config, labels.len()) {
        let error = |problem| Error::Tensor {
            file: "model".into(),
            tensor: name.clone(),
            problem,
        };
        let (values, scales) = match model.tensor(&name) {
            Values::F32(bytes) if role == Role::Float => {
                tensors.push((name, Dtype::F32, shape, bytes.to_vec()));
                continue;
            }
            Values::F32(bytes) => {
                let values: Vec<f32> = floats(bytes).collect();
                let (values, scales) = quant::quantize_rows(&values, shape[0], shape[1])
                    .map_err(|e| error(e.to_string()))?;
                let values = values.into_iter().map(i8::cast_unsigned).collect();
                let scales = scales.iter().flat_map(|scale| scale.to_le_bytes());
                (values, scales.collect())
            }
            Values::I8 { values, scales } => (values.to_vec(), scales.to_vec()),
        };
        tensors.push((scale_name(&name), Dtype::F32, shape[..1].to_vec(), scales));
        tensors.push((name, Dtype::I8, shape, values));
    }
    // F32 first: a header of whole 8 bytes then leaves every float aligned.
    tensors.sort_by_key(|(_, dtype, ..)| *dtype != Dtype::F32);

    let mut fields = BTreeMap::from([
        ("config", model.config.to_json()),
        ("format", FORMAT.to_owned()),
        ("format_version", FORMAT_VERSION.to_owned()),
        (
            "labels",
            serde_json::to_string(labels.names()).expect("strings are JSON"),
        ),
        ("quantization", QUANTIZATION.to_owned()),
        ("source_sha256", model.source_sha256.clone()),
        ("tokenizer", without_white_space(&model.tokenizer_json)),
    ]);
    if !model.card.is_empty() {
        fields.insert(
            "card",
            serde_json::to_string(&model.card).expect("a card is JSON"),
        );
    }
    let mut checksums: BTreeMap<&str, u32> = tensors
        .iter()
        .map(|(name, .., bytes)| (name.as_str(), crc32fast::hash(bytes)))
        .collect();
    checksums.extend(
        fields
            .iter()
            .map(|(name, value)| (*name, crc32fast::hash(value.as_bytes()))),
    );
    let checksums = serde_json::to_string(&checksums).expect("strings and numbers are JSON");
    fields.insert("checksums", checksums);
    Ok(serialize(&fields, &tensors))
}

/// The safetensors container. The crate's own writer holds the metadata in a hash map and so writes
/// it in another order each time.
fn serialize(
    fields: &BTreeMap<&str, String>,
    tensors: &[(String, Dtype, Vec<usize>, Vec<u8>)],
) -> Vec<u8> {
    #[derive(Serialize)]
    struct Header<'a> {
        #[serde(rename = "__metadata__")]
        fields: &'a BTreeMap<&'a str, String>,
        #[serde(flatten)]
        tensors: BTreeMap<&'a str, TensorInfo>,
    }
    let mut end = 0;
    let place = |(name, dtype, shape, bytes): &'_ (String, Dtype, Vec<usize>, Vec<u8>)| {
        let start = end;
        end += bytes.len();
        (
            name.clone(),
            TensorInfo {
                dtype: *dtype,
                shape: shape.clone(),
                data_offsets: (start, end),
            },
        )
    };
    let placed: Vec<(String, TensorInfo)> = tensors.iter().map(place).collect();
    let tensors_by_name = placed
        .iter()
        .map(|(name, info)| (name.as_str(), info.clone()))
        .collect();
    let mut header = serde_json::to_vec(&Header {
        fields,
        tensors: tensors_by_name,
    })
    .expect("the header is JSON");
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut file = Vec::with_capacity(8 + header.len() + end);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header);
    for (.., bytes) in tensors {
        file.extend(bytes);
    }
    file
}

/// JSON without the white space between its tokens.
fn without_white_space(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            let keep = in_string || !matches!(c, ' ' | '\t' | '\n' | '\r');
            in_string ^= c == '"' && !escaped;
            escaped = in_string && c == '\\' && !escaped;
            keep
        })
        .collect()
}

/// Little-endian floats.
pub(super) fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&chunk| f32::from_le_bytes(chunk))
}
