//! A model to run: an exported file or a fine-tuned directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use engine::{Model, Scratch};
use ner::model::{Bundle, Config};
use ner::{Decoder, Entity, Tokenizer, window};

/// A model with all that it takes to go from text to entities.
#[derive(Debug)]
pub struct Source {
    /// The network.
    pub model: Model,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// From its logits to entities.
    pub decoder: Decoder,
    /// Its configuration.
    pub config: Config,
    /// SHA-256 (hex) of the fine-tuned weights.
    pub sha256: String,
    /// Longest input that a text is cut into, special tokens included.
    pub max_tokens: usize,
}

/// The model that lies in the repository, wherever the command is called from.
pub fn shipped_model() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir
        .parent()
        .unwrap_or(crate_dir)
        .join("www/models/default/model.safetensors")
}

impl Source {
    /// Loads a file that `model-export quantize` wrote, or a directory that `trainer fine-tune` or
    /// Hugging Face's `save_pretrained` wrote; without a path the shipped model.
    ///
    /// # Errors
    /// Names the file, and the tensor or field in it, that is missing or damaged.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) if path.is_dir() => Self::from_directory(path),
            Some(path) if path.exists() => Self::from_file(path),
            Some(path) => bail!("--model {}: no such file or directory", path.display()),
            None if shipped_model().exists() => Self::from_file(&shipped_model()),
            None => bail!(
                "the shipped model is missing: {} is not there; give another with --model FILE|DIR",
                shipped_model().display()
            ),
        }
    }

    fn from_file(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let bytes = fs::read(path).with_context(|| file.clone())?;
        Self::from_bundle(Bundle::read(&file, &bytes)?).context(file)
    }

    fn from_directory(path: &Path) -> Result<Self> {
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
        let config =
            text(&config)?.with_context(|| format!("{}: no such file", config.display()))?;
        let weights = path.join("model.safetensors");
        let weights = fs::read(&weights).with_context(|| weights.display().to_string())?;
        let directory = path.display().to_string();
        let bundle = Bundle::from_fine_tuned(&directory, &config, &tokenizer, &weights)?;
        Self::from_bundle(bundle).context(directory)
    }

    fn from_bundle(bundle: Bundle) -> Result<Self> {
        let config = bundle.config().clone();
        Ok(Self {
            tokenizer: bundle.tokenizer()?,
            decoder: bundle.decoder()?,
            sha256: bundle.source_sha256().to_owned(),
            model: Model::new(bundle)?,
            max_tokens: window::MAX_TOKENS.min(config.max_position_embeddings),
            config,
        })
    }

    /// The entities of a text.
    ///
    /// # Errors
    /// What the network refuses; no text does that to a checked model, but weights that overflow
    /// do.
    pub fn recognize(&self, text: &str, scratch: &mut Scratch) -> Result<Vec<Entity>> {
        ner::recognize(
            text,
            &self.tokenizer,
            &self.decoder,
            self.max_tokens,
            |ids| self.forward(ids, scratch),
        )
    }

    /// Logits `[T, L]` of one input.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn forward(&self, ids: &[u32], scratch: &mut Scratch) -> Result<Vec<f32>> {
        Ok(self.model.forward(ids, scratch)?.to_vec())
    }
}

/// A text file's content; none where there is no such file.
fn text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
