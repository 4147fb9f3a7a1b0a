//! Where the files of a base are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use hf_hub::CacheRepo;

use super::download::{self, Remote};
use super::{LAYOUT, read_text};

/// What to do where the hub is out of reach.
fn without_hub() -> String {
    format!("To do without the hub, put {LAYOUT} into a directory and give its path as --base")
}

/// Where the base's files are.
pub(super) enum Origin {
    Directory(PathBuf),
    Hub(Box<Remote>),
    /// What was downloaded before.
    Cache(String, CacheRepo),
}

impl Origin {
    /// A directory of that name, or else a model of the hub.
    ///
    /// # Errors
    /// Says why it is neither, and how to do without the hub.
    pub(super) fn find(base: &str, offline: bool) -> Result<Self> {
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
        let model = download::cache().model(base.to_owned());
        if offline {
            return Ok(Self::Cache(base.to_owned(), model));
        }
        let remote = Remote::open(base).map_err(|error| {
            let downloaded = match model.get("config.json") {
                Some(_) => "It was downloaded before, which --offline takes. ",
                None => "",
            };
            anyhow!(
                "--base {base}: there is no such directory, and the Hugging Face hub does not \
                 answer for a model of that name ({error:#}). {downloaded}{}",
                without_hub()
            )
        })?;
        Ok(Self::Hub(Box::new(remote)))
    }

    /// The path of a file; `None` where the model does not have it.
    ///
    /// # Errors
    /// Says what kept it from arriving, and how to do without the hub.
    pub(super) fn file(&self, name: &str) -> Result<Option<PathBuf>> {
        match self {
            Self::Directory(directory) => {
                Ok(Some(directory.join(name)).filter(|path| path.is_file()))
            }
            Self::Hub(remote) => remote.file(name).map_err(|error| {
                anyhow!(
                    "cannot fetch {name} of {self} from the Hugging Face hub ({error:#}). {}",
                    without_hub()
                )
            }),
            Self::Cache(id, model) => {
                if model.get("config.json").is_none() {
                    bail!(
                        "{id} was not downloaded before, and this run is offline. {}",
                        without_hub()
                    );
                }
                let path = model.get(name);
                path.as_deref().map_or(Ok(()), download::verify)?;
                Ok(path)
            }
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<PathBuf> {
        self.file(name)?.with_context(|| self.lacks(name))
    }

    /// The message for files of which it has none.
    pub(super) fn lacks(&self, names: &str) -> String {
        let cached = match self {
            Self::Cache(..) => {
                ", or was not downloaded as a whole: without --offline the rest is fetched"
            }
            _ => "",
        };
        format!("{self} has no {names}{cached}; a base model is {LAYOUT}")
    }

    pub(super) fn required_text(&self, name: &str) -> Result<(PathBuf, String)> {
        let path = self.required(name)?;
        let text = read_text(&path)?;
        Ok((path, text))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Hub(remote) => f.write_str(&remote.id),
            Self::Cache(id, _) => f.write_str(id),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
