//! The base model of a run: a local directory in Hugging Face's layout, or a repository of the hub.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use candle_core::{Device, Tensor};
use hf_hub::Cache;
use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use ner::Tokenizer;
use ner::model::Config;

use crate::pickle;

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

/// What a base must have, for error messages.
const LAYOUT: &str = "config.json, model.safetensors (or pytorch_model.bin), and tokenizer.json \
                      (or vocab.txt, with tokenizer_config.json where the model has one)";

/// What to do where the hub is out of reach.
fn without_hub() -> String {
    format!("To do without the hub, put {LAYOUT} into a directory and give its path as --base")
}

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
pub fn load(base: &str, offline: bool) -> Result<Base> {
    let origin = Origin::find(base, offline)?;
    let (path, config) = origin.required_text("config.json")?;
    let config = Config::from_json(&config).with_context(|| path.display().to_string())?;
    let tokenizer = tokenizer(&origin)?;
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

/// Where the base's files are.
enum Origin {
    Directory(PathBuf),
    Hub {
        id: String,
        repository: Box<ApiRepo>,
        files: HashSet<String>,
    },
    /// What was downloaded before.
    Cache {
        id: String,
        cache: Cache,
    },
}

impl Origin {
    fn find(base: &str, offline: bool) -> Result<Self> {
        let path = Path::new(base);
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        if path.exists() {
            bail!("--base {base} is a file; it takes the directory of a model: {LAYOUT}");
        }
        if !is_hub_id(base) {
            bail!("--base {base}: there is no such directory, and it is no hub id (`owner/name`)");
        }
        let id = base.to_owned();
        if offline {
            return Ok(Self::Cache {
                id,
                cache: Cache::from_env(),
            });
        }
        let repository = ApiBuilder::from_env()
            .build()
            .map(|api| api.model(id.clone()));
        let found = repository.and_then(|repository| Ok((repository.info()?, repository)));
        let (info, repository) = found.map_err(|error| {
            anyhow!(
                "--base {base}: there is no such directory, and the Hugging Face hub does not \
                 answer for a model of that name ({}). {}",
                chain(&error),
                without_hub()
            )
        })?;
        let files = info
            .siblings
            .into_iter()
            .map(|file| file.rfilename)
            .collect();
        Ok(Self::Hub {
            id,
            repository: Box::new(repository),
            files,
        })
    }

    /// The path of a file; `None` where the model does not have it.
    fn file(&self, name: &str) -> Result<Option<PathBuf>> {
        match self {
            Self::Directory(directory) => {
                Ok(Some(directory.join(name)).filter(|path| path.is_file()))
            }
            Self::Hub {
                id,
                repository,
                files,
            } => {
                let path = files
                    .contains(name)
                    .then(|| repository.get(name))
                    .transpose();
                path.map_err(|error| {
                    anyhow!(
                        "cannot fetch {name} of {id} from the Hugging Face hub ({}). {}",
                        chain(&error),
                        without_hub()
                    )
                })
            }
            Self::Cache { id, cache } => {
                let model = cache.model(id.clone());
                if model.get("config.json").is_none() {
                    bail!(
                        "{id} was not downloaded before, and this run is offline. {}",
                        without_hub()
                    );
                }
                Ok(model.get(name))
            }
        }
    }

    fn required(&self, name: &str) -> Result<PathBuf> {
        self.file(name)?
            .with_context(|| format!("{self} has no {name}; a base model is {LAYOUT}"))
    }

    fn required_text(&self, name: &str) -> Result<(PathBuf, String)> {
        let path = self.required(name)?;
        let text = read_text(&path)?;
        Ok((path, text))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Hub { id, .. } | Self::Cache { id, .. } => f.write_str(id),
        }
    }
}

/// `name` or `owner/name` of letters, digits and `-_.`, which no relative path of a directory that
/// exists is.
fn is_hub_id(base: &str) -> bool {
    let parts: Vec<&str> = base.split('/').collect();
    let legal = |part: &&str| {
        let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(word)
    };
    parts.len() <= 2 && parts.iter().all(legal)
}

/// An error with its causes, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let causes =
        std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let mut parts: Vec<String> = causes.collect();
    parts.dedup();
    parts.join(": ")
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn tokenizer(origin: &Origin) -> Result<Tokenizer> {
    if let Some(path) = origin.file("tokenizer.json")? {
        return Tokenizer::from_json(&read_text(&path)?)
            .with_context(|| path.display().to_string());
    }
    let (path, vocabulary) = origin.required_text("vocab.txt")?;
    let config = origin
        .file("tokenizer_config.json")?
        .map(|path| read_text(&path))
        .transpose()?;
    Tokenizer::from_vocab(&vocabulary, config.as_deref())
        .with_context(|| path.display().to_string())
}

fn weights(origin: &Origin) -> Result<HashMap<String, Tensor>> {
    let (path, tensors) = if let Some(path) = origin.file("model.safetensors")? {
        let tensors = candle_core::safetensors::load(&path, &Device::Cpu)
            .with_context(|| format!("{} is no safetensors file", path.display()))?;
        (path, tensors)
    } else if let Some(path) = origin.file("pytorch_model.bin")? {
        let tensors = pickle::read(&path, |name| classifier_name(name).is_some())?;
        (path, tensors)
    } else {
        bail!(
            "{origin} has no model.safetensors and no pytorch_model.bin; a base model is {LAYOUT}"
        );
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
    fn hub_ids_are_told_from_paths() {
        for id in [
            "bert-base-uncased",
            "emilyalsentzer/Bio_ClinicalBERT",
            "a/b.c",
        ] {
            assert!(is_hub_id(id), "{id}");
        }
        for path in [
            "",
            "./model",
            "../model",
            "/models/base",
            "a/b/c",
            "models/",
            "~/x",
            "C:\\models",
        ] {
            assert!(!is_hub_id(path), "{path}");
        }
    }

    #[test]
    fn a_base_that_is_not_there_is_explained() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let message = |base: &str| format!("{:#}", load(base, true).err().expect("an error"));
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
