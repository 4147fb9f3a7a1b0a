//! The files of a fine-tuned directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ner::Tokenizer;
use ner::model::Bundle;

/// The contents of the files that make a model.
pub(crate) struct Directory {
    path: PathBuf,
    config: String,
    tokenizer: String,
    weights: Vec<u8>,
}

impl Directory {
    /// Reads `config.json`, `model.safetensors` and the tokenizer, which `tokenizer.json` holds or
    /// else `vocab.txt` with `tokenizer_config.json` describes.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            bail!(
                "{}: not a directory; expected the output of `trainer fine-tune`",
                path.display()
            );
        }
        let tokenizer = match text(&path.join("tokenizer.json"))? {
            Some(json) => json,
            None => {
                let vocab = text(&path.join("vocab.txt"))?.with_context(|| {
                    format!(
                        "{}: has neither tokenizer.json nor vocab.txt",
                        path.display()
                    )
                })?;
                let config = text(&path.join("tokenizer_config.json"))?;
                Tokenizer::from_vocab(&vocab, config.as_deref())
                    .with_context(|| path.join("vocab.txt").display().to_string())?
                    .to_json()
            }
        };
        let config = path.join("config.json");
        let weights = path.join("model.safetensors");
        Ok(Self {
            path: path.to_owned(),
            config: text(&config)?
                .with_context(|| format!("{}: no such file", config.display()))?,
            tokenizer,
            weights: fs::read(&weights).with_context(|| weights.display().to_string())?,
        })
    }

    /// The model, checked.
    pub(crate) fn bundle(&self) -> Result<Bundle<'_>> {
        let path = self.path.display().to_string();
        Ok(Bundle::from_fine_tuned(
            &path,
            &self.config,
            &self.tokenizer,
            &self.weights,
        )?)
    }

    /// Size of `model.safetensors`.
    pub(crate) fn weight_bytes(&self) -> usize {
        self.weights.len()
    }
}

/// A text file's content; none where there is no such file.
fn text(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => bail!(
                "{}: not UTF-8 at byte {}",
                path.display(),
                error.utf8_error().valid_up_to()
            ),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
