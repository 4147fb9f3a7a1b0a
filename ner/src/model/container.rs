//! The header of a safetensors file: every tensor and metadata field is taken out once, checked.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::bundle::floats;
use crate::Error;

/// CRC-32 by name of tensor or metadata field.
pub(super) type Checksums = BTreeMap<String, u32>;

/// A header whose parts have yet to be taken out.
#[derive(Debug)]
pub(super) struct Container {
    file: String,
    fields: HashMap<String, String>,
    tensors: BTreeMap<String, TensorInfo>,
}

/// A tensor of the type and shape that were expected.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) dtype: Dtype,
    /// Its bytes, counted from the end of the header.
    pub(super) place: Range<usize>,
}

impl Container {
    pub(super) fn new(file: &str, metadata: &Metadata) -> Self {
        let tensors = metadata.tensors().into_iter();
        Self {
            file: file.to_owned(),
            fields: metadata.metadata().clone().unwrap_or_default(),
            tensors: tensors.map(|(name, info)| (name, info.clone())).collect(),
        }
    }

    pub(super) fn tensor_error(&self, tensor: &str, problem: String) -> Error {
        Error::Tensor {
            file: self.file.clone(),
            tensor: tensor.to_owned(),
            problem,
        }
    }

    pub(super) fn metadata_error(&self, field: &str, problem: String) -> Error {
        Error::ModelMetadata {
            file: self.file.clone(),
            field: field.to_owned(),
            problem,
        }
    }

    /// Refuses a file of another format or version, and says what to do.
    pub(super) fn check_format(&self, format: &str, version: &str) -> Result<(), Error> {
        let error = |problem| Error::ModelFile {
            file: self.file.clone(),
            problem,
        };
        match self.fields.get("format") {
            Some(found) if found == format => {}
            _ => {
                return Err(error(format!(
                    "a safetensors file, but no exported model (metadata `format` is not \"{format}\"); \
                     make one with `model-export quantize`"
                )));
            }
        }
        match self.fields.get("format_version") {
            Some(found) if found == version => Ok(()),
            found => Err(error(format!(
                "has format version {}, this program reads version {version}; export the model again with the \
                 `model-export` of this release, or use the release that wrote the file",
                found.map_or("(none)", String::as_str)
            ))),
        }
    }

    pub(super) fn checksums(&mut self) -> Result<Checksums, Error> {
        let json = self.take_field("checksums")?;
        serde_json::from_str(&json).map_err(|e| self.metadata_error("checksums", e.to_string()))
    }

    fn check(&self, name: &str, found: u32, checksums: &Checksums) -> Result<(), String> {
        match checksums.get(name) {
            None => Err("has no checksum".into()),
            Some(&expected) if found == expected => Ok(()),
            Some(expected) => Err(format!(
                "is damaged: its checksum is {found:08x}, expected {expected:08x}; fetch or export the file again"
            )),
        }
    }

    pub(super) fn check_field(&self, name: &str, checksums: &Checksums) -> Result<(), Error> {
        let value = self
            .fields
            .get(name)
            .ok_or_else(|| self.metadata_error(name, "is missing".into()))?;
        self.check(name, crc32fast::hash(value.as_bytes()), checksums)
            .map_err(|problem| self.metadata_error(name, problem))
    }

    pub(super) fn take_field(&mut self, name: &str) -> Result<String, Error> {
        self.fields
            .remove(name)
            .ok_or_else(|| self.metadata_error(name, "is missing".into()))
    }

    /// Takes out a field that need not be there, checked.
    pub(super) fn take_optional_field(
        &mut self,
        name: &str,
        checksums: &Checksums,
    ) -> Result<Option<String>, Error> {
        if !self.fields.contains_key(name) {
            return Ok(None);
        }
        self.check_field(name, checksums)?;
        self.take_field(name).map(Some)
    }

    /// Takes out a tensor.
    pub(super) fn take(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: &[usize],
    ) -> Result<Part, Error> {
        let info = self
            .tensors
            .remove(name)
            .ok_or_else(|| self.tensor_error(name, "is missing".into()))?;
        if info.dtype != dtype {
            let problem = format!("has type {}, expected {dtype}", info.dtype);
            return Err(self.tensor_error(name, problem));
        }
        if info.shape != shape {
            let problem = format!("has shape {:?}, the config asks for {shape:?}", info.shape);
            return Err(self.tensor_error(name, problem));
        }
        let (start, end) = info.data_offsets;
        Ok(Part {
            name: name.to_owned(),
            dtype,
            place: start..end,
        })
    }

    /// Checks the CRC-32 that was found of a tensor.
    pub(super) fn check_checksum(
        &self,
        part: &Part,
        found: u32,
        checksums: &Checksums,
    ) -> Result<(), Error> {
        self.check(&part.name, found, checksums)
            .map_err(|problem| self.tensor_error(&part.name, problem))
    }

    /// Checks that every float is a number, and every int8 value in -127..=127.
    pub(super) fn check_values(&self, part: &Part, bytes: &[u8]) -> Result<(), Error> {
        let problem = if part.dtype == Dtype::I8 {
            let least = i8::MIN.cast_unsigned();
            // Asked first: this goes by words of bytes.
            let broken = bytes.contains(&least).then(|| {
                let at = bytes.iter().position(|&byte| byte == least);
                at.unwrap_or_default()
            });
            broken.map(|at| format!("value {at} is -128, outside -127..=127"))
        } else {
            let broken = floats(bytes).position(|value| !value.is_finite());
            broken.map(|at| format!("value {at} is NaN or infinite"))
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(self.tensor_error(&part.name, problem)),
        }
    }

    /// Leaves out tensors that the network does not use.
    pub(super) fn ignore(&mut self, unused: impl Fn(&str) -> bool) {
        self.tensors.retain(|name, _| !unused(name));
    }

    /// Refuses a tensor that nothing asked for: the file holds another network than the
    /// configuration says.
    pub(super) fn check_nothing_left(&self) -> Result<(), Error> {
        match self.tensors.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.tensor_error(
                name,
                "is no part of the network that the config describes".into(),
            )),
        }
    }
}

/// Checks that as many bytes follow the header as it tells of. safetensors has checked that the
/// tensors follow one another.
pub(super) fn check_length(file: &str, expected: usize, received: usize) -> Result<(), Error> {
    if received == expected {
        return Ok(());
    }
    let what = if received < expected {
        "is truncated"
    } else {
        "is damaged, or no exported model"
    };
    Err(Error::ModelFile {
        file: file.to_owned(),
        problem: format!(
            "{what}: its header tells of {expected} bytes of tensors, {received} follow"
        ),
    })
}

/// As safetensors has it: no header is longer.
const MAX_HEADER: u64 = 100_000_000;

/// Where the header ends, as the first bytes tell; `None` while there are too few.
pub(super) fn header_end(bytes: &[u8]) -> Option<u64> {
    let (length, _) = bytes.split_first_chunk()?;
    Some(u64::from_le_bytes(*length).saturating_add(8))
}

/// As [`header`], with an error that names the file.
pub(super) fn read_header(file: &str, bytes: &[u8]) -> Result<(usize, Metadata), Error> {
    header(bytes).map_err(|problem| Error::ModelFile {
        file: file.to_owned(),
        problem,
    })
}

/// Reads the header at the beginning of `bytes`, and returns where it ends. What is wrong is said
/// for whoever knows files, not only safetensors.
pub(super) fn header(bytes: &[u8]) -> Result<(usize, Metadata), String> {
    if bytes.is_empty() {
        return Err("is empty".into());
    }
    let Some(end) = header_end(bytes) else {
        return Err(format!(
            "is truncated: {} bytes are too few for a safetensors file",
            bytes.len()
        ));
    };
    let refused =
        |reason: &dyn fmt::Display| format!("not a safetensors file, or a damaged one: {reason}");
    // A header that cannot be one is no sign of truncation but of another kind of file.
    if end > MAX_HEADER || bytes.get(8).is_some_and(|first| *first != b'{') {
        return Err(refused(&"it does not begin with a header"));
    }
    let end = end as usize;
    let Some(header) = bytes.get(8..end) else {
        return Err(format!(
            "is truncated: its header has {} bytes, the file goes on for {}",
            end - 8,
            bytes.len() - 8
        ));
    };
    let metadata = serde_json::from_slice(header).map_err(|error| refused(&error))?;
    Ok((end, metadata))
}

/// The token ids of a `tokenizer.json`, without the tokens.
#[derive(Deserialize)]
pub(super) struct TokenizerIds {
    model: Vocabulary,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Deserialize)]
struct Vocabulary {
    vocab: LargestId,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
}

struct LargestId(Option<u32>);

impl TokenizerIds {
    /// The largest id; none for an empty vocabulary.
    pub(super) fn largest(&self) -> Option<u32> {
        self.added_tokens
            .iter()
            .map(|token| token.id)
            .max()
            .max(self.model.vocab.0)
    }
}

impl<'de> Deserialize<'de> for LargestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;
        impl<'de> Visitor<'de> for Ids {
            type Value = Option<u32>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a map from tokens to ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut largest = None;
                while let Some((IgnoredAny, id)) = map.next_entry()? {
                    largest = largest.max(Some(id));
                }
                Ok(largest)
            }
        }
        deserializer.deserialize_map(Ids).map(Self)
    }
}
