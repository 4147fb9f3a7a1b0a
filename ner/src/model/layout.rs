//! What an exported file holds: its header is checked before a tensor is looked at.

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::bundle::{Bundle, FORMAT, FORMAT_VERSION, QUANTIZATION, floats};
use super::container::{Checksums, Container, Part, TokenizerIds};
use super::tensors::{Role, scale_name, specs};
use super::{Card, Config};
use crate::Error;

/// Metadata keys with a checksum.
const FIELDS: [&str; 7] = [
    "config",
    "format",
    "format_version",
    "labels",
    "quantization",
    "source_sha256",
    "tokenizer",
];

/// The tensors of an exported file.
#[derive(Debug)]
pub(super) struct Layout {
    container: Container,
    checksums: Checksums,
    /// In the order of the file, which is that in which they arrive: of several faults the same one is
    /// found first, however the file is read.
    pub(super) parts: Vec<Part>,
}

impl Layout {
    /// Reads a header, and returns with it the model that the tensors are to be put into.
    pub(super) fn read(file: &str, metadata: &Metadata) -> Result<(Self, Bundle<'static>), Error> {
        let mut container = Container::new(file, metadata);
        container.check_format(FORMAT, FORMAT_VERSION)?;
        let checksums = container.checksums()?;
        for field in FIELDS {
            container.check_field(field, &checksums)?;
        }
        let mut field = |name| container.take_field(name);
        if field("quantization")? != QUANTIZATION {
            let problem = format!("expected {QUANTIZATION}");
            return Err(container.metadata_error("quantization", problem));
        }
        let (config, labels) = (field("config")?, field("labels")?);
        let (tokenizer_json, source_sha256) = (field("tokenizer")?, field("source_sha256")?);

        let card = match container.take_optional_field("card", &checksums)? {
            Some(json) => {
                Card::from_json(&json).map_err(|e| container.metadata_error("card", e))?
            }
            None => Card::default(),
        };

        let config = Config::from_json(&config)
            .map_err(|e| container.metadata_error("config", e.to_string()))?;
        let names = config
            .labels()
            .map_err(|e| container.metadata_error("config", e.to_string()))?;
        if serde_json::from_str::<Vec<String>>(&labels).ok().as_deref() != Some(names.names()) {
            return Err(container.metadata_error("labels", "not the labels of the config".into()));
        }
        check_tokenizer(&tokenizer_json, &config)
            .map_err(|e| container.metadata_error("tokenizer", e))?;

        let mut parts = Vec::new();
        for spec in specs(&config, names.len()) {
            if spec.role == Role::Float {
                parts.push(container.take(&spec.name, Dtype::F32, &spec.shape)?);
            } else {
                let scale = scale_name(&spec.name);
                parts.push(container.take(&scale, Dtype::F32, &spec.shape[..1])?);
                parts.push(container.take(&spec.name, Dtype::I8, &spec.shape)?);
            }
        }
        container.check_nothing_left()?;
        parts.sort_by_key(|part| part.place.start);
        let layout = Self {
            container,
            checksums,
            parts,
        };
        let mut bundle = Bundle::empty(config, tokenizer_json, source_sha256);
        bundle.set_card(card)?;
        Ok((layout, bundle))
    }

    /// Checks a tensor's bytes, whose CRC-32 was found to be `checksum`.
    pub(super) fn check(&self, part: &Part, bytes: &[u8], checksum: u32) -> Result<(), Error> {
        let container = &self.container;
        container.check_checksum(part, checksum, &self.checksums)?;
        container.check_values(part, bytes)?;
        if part.name.ends_with(&scale_name(""))
            && let Some(row) = floats(bytes).position(|scale| scale < 0.0)
        {
            let problem = format!("the scale of row {row} is negative");
            return Err(container.tensor_error(&part.name, problem));
        }
        Ok(())
    }
}

/// Whether every id that the tokenizer can produce has a row in the word embedding. Only the ids
/// are read: the tokenizer itself is built when it is asked for.
pub(super) fn check_tokenizer(json: &str, config: &Config) -> Result<(), String> {
    let ids: TokenizerIds =
        serde_json::from_str(json).map_err(|e| format!("not a WordPiece tokenizer: {e}"))?;
    match ids.largest() {
        Some(id) if id as usize >= config.vocab_size => Err(format!(
            "has token id {id}, the model's embedding has only {} rows",
            config.vocab_size
        )),
        Some(_) => Ok(()),
        None => Err("has no tokens".into()),
    }
}
