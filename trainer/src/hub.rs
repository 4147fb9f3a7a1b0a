//! The base model of a run: a local directory in Hugging Face's layout, or a repository of the hub.

mod download;
mod origin;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use ner::Tokenizer;
use ner::model::Config;
use serde::Serialize;

use crate::pickle;
use origin::Origin;

/// What a run begins with.
pub struct Base {
    /// The base's configuration, with its own labels if it has some.
    pub config: Config,
    /// Its tokenizer, with neither truncation nor padding.
    pub tokenizer: Tokenizer,
    /// Its weights on the CPU, with the names of a token classifier; heads of other tasks are left
    /// out.
    pub weights: HashMap<String, Tensor>,
}

/// Whether texts are lower-cased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lowercase {
    /// As Hugging Face's AutoTokenizer does: by do_lower_case in tokenizer_config.json, and always
    /// where there is none
    #[default]
    Auto,
    /// Always
    True,
    /// Never
    False,
}

/// What a base must have, for error messages.
const LAYOUT: &str = "config.json, model.safetensors (or pytorch_model.bin), and tokenizer.json \
                      (or vocab.txt, with tokenizer_config.json where the model has one)";

/// Whether the environment asks to stay off the network, in the words that Hugging Face's own
/// library takes for yes.
pub fn offline() -> bool {
    std::env::var("HF_HUB_OFFLINE")
        .is_ok_and(|value| ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str()))
}

/// Reads the base from a directory of that name or else from the hub; `offline` restricts the hub
/// to what was downloaded before.
///
/// # Errors
/// Names the file that is missing or wrong, and for the hub what failed and how to do without it.
pub fn load(base: &str, lowercase: Lowercase, offline: bool) -> Result<Base> {
    let origin = Origin::find(base, offline)?;
    let (path, config) = origin.required_text("config.json")?;
    let config = Config::from_json(&config).with_context(|| path.display().to_string())?;
    let tokenizer = tokenizer(&origin, lowercase)?;
    if tokenizer.vocab_size() > config.vocab_size {
        bail!(
            "{base}: the tokenizer has {} tokens, the model embeds {}: they do not belong together",
            tokenizer.vocab_size(),
            config.vocab_size
        );
    }
    Ok(Base {
        config,
        tokenizer,
        weights: weights(&origin)?,
    })
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn tokenizer(origin: &Origin, lowercase: Lowercase) -> Result<Tokenizer> {
    let config = origin
        .file("tokenizer_config.json")?
        .map(|path| read_text(&path))
        .transpose()?;
    let (path, tokenizer) = match origin.file("tokenizer.json")? {
        Some(path) => {
            let tokenizer = Tokenizer::from_json(&read_text(&path)?);
            (
                path,
                tokenizer.and_then(|tokenizer| tokenizer.with_config(config.as_deref())),
            )
        }
        None => {
            let (path, vocabulary) = origin.required_text("vocab.txt")?;
            (path, Tokenizer::from_vocab(&vocabulary, config.as_deref()))
        }
    };
    let tokenizer = match lowercase {
        Lowercase::Auto => tokenizer,
        Lowercase::True => tokenizer.and_then(|tokenizer| tokenizer.with_lowercase(true)),
        Lowercase::False => tokenizer.and_then(|tokenizer| tokenizer.with_lowercase(false)),
    };
    tokenizer.with_context(|| path.display().to_string())
}

fn weights(origin: &Origin) -> Result<HashMap<String, Tensor>> {
    let (path, tensors) = if let Some(path) = origin.file("model.safetensors")? {
        refuse_pointer(&path)?;
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu)
            .with_context(|| format!("{} is no safetensors file", path.display()))?;
        (path, tensors)
    } else if let Some(path) = origin.file("pytorch_model.bin")? {
        refuse_pointer(&path)?;
        let tensors = pickle::read(&path, |name| classifier_name(name).is_some())?;
        (path, tensors)
    } else {
        bail!(origin.lacks("model.safetensors and no pytorch_model.bin"));
    };
    let mut weights = HashMap::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let Some(name) = classifier_name(&name) else {
            continue;
        };
        if let Some(previous) = weights.insert(name.clone(), tensor) {
            bail!(
                "{}: {name} {:?} stands twice",
                path.display(),
                previous.dims()
            );
        }
    }
    Ok(weights)
}

/// What git leaves in the place of a large file where git-lfs is missing.
fn refuse_pointer(path: &Path) -> Result<()> {
    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
    let mut head = Vec::new();
    let file = File::open(path).with_context(|| path.display().to_string())?;
    file.take(POINTER.len() as u64).read_to_end(&mut head)?;
    if head == POINTER {
        bail!(
            "{} is not the file but a pointer of Git LFS to it: install git-lfs and run `git lfs pull` there",
            path.display()
        );
    }
    Ok(())
}

/// The name of a base's tensor in a token classifier, which has no pooler and no head of
/// pre-training. A bare encoder's file lacks the `bert.` prefix, and files made from the original
/// TensorFlow ones call LayerNorm's weight and bias gamma and beta.
fn classifier_name(name: &str) -> Option<String> {
    let name = match name.strip_suffix("gamma") {
        Some(module) => format!("{module}weight"),
        None => name
            .strip_suffix("beta")
            .map_or_else(|| name.to_owned(), |module| format!("{module}bias")),
    };
    let encoder = name.strip_prefix("bert.").unwrap_or(&name);
    if encoder.starts_with("embeddings.") || encoder.starts_with("encoder.") {
        (encoder != "embeddings.position_ids").then(|| format!("bert.{encoder}"))
    } else {
        name.starts_with("classifier.").then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_those_of_a_token_classifier() {
        let table = [
            (
                "embeddings.word_embeddings.weight",
                Some("bert.embeddings.word_embeddings.weight"),
            ),
            (
                "bert.embeddings.LayerNorm.gamma",
                Some("bert.embeddings.LayerNorm.weight"),
            ),
            (
                "bert.encoder.layer.0.output.LayerNorm.beta",
                Some("bert.encoder.layer.0.output.LayerNorm.bias"),
            ),
            ("classifier.bias", Some("classifier.bias")),
            ("embeddings.position_ids", None),
            ("bert.embeddings.position_ids", None),
            ("pooler.dense.weight", None),
            ("bert.pooler.dense.weight", None),
            ("cls.predictions.bias", None),
        ];
        for (name, expected) in table {
            assert_eq!(classifier_name(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_base_that_is_not_there_is_explained() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let message = |base: &str| {
            format!(
                "{:#}",
                load(base, Lowercase::Auto, true).err().expect("an error")
            )
        };
        assert!(
            message(path).contains("has no config.json"),
            "{}",
            message(path)
        );
        let offline = message("no-such-owner/no-such-model");
        assert!(
            offline.contains("was not downloaded before") && offline.contains("model.safetensors"),
            "{offline}"
        );
        let missing = message(&format!("{path}/missing"));
        assert!(missing.contains("no such directory"), "{missing}");
        let file = directory.path().join("model.bin");
        std::fs::write(&file, "").unwrap();
        let file = message(file.to_str().unwrap());
        assert!(file.contains("is a file"), "{file}");
    }
}
