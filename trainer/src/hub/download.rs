//! A model of the Hugging Face hub, fetched into Hugging Face's own cache.
//!
//! `hf-hub` knows the addresses, follows redirects and continues a file that was fetched in part.
//! What it leaves open is done here: all files are of one commit, a broken connection is tried again,
//! and a file counts as fetched once its size and SHA-256 are those that the hub names.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use hf_hub::Cache;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo, Metadata};
use indicatif::{BinaryBytes, ProgressBar};
use sha2::{Digest, Sha256};

/// How often a file is asked for in a row where connections break.
const TRIES: u64 = 5;

/// Hugging Face's cache: `HF_HUB_CACHE`, or `hub` in `HF_HOME` or in `~/.cache/huggingface`.
pub(super) fn cache() -> Cache {
    match std::env::var_os("HF_HUB_CACHE").filter(|path| !path.is_empty()) {
        Some(path) => Cache::new(path.into()),
        None => Cache::from_env(),
    }
}

/// A model of the hub.
pub(super) struct Remote {
    pub(super) id: String,
    cache: Cache,
    api: Api,
    repository: ApiRepo,
    /// What all files are of.
    commit: String,
    files: HashSet<String>,
}

impl Remote {
    /// Asks the hub for the model.
    ///
    /// # Errors
    /// What the hub answers, or that it does not.
    pub(super) fn open(id: &str) -> Result<Self> {
        let cache = cache();
        let token = std::env::var("HF_TOKEN")
            .ok()
            .filter(|token| !token.is_empty());
        let mut builder = ApiBuilder::from_cache(cache.clone());
        if let Ok(endpoint) = std::env::var("HF_ENDPOINT") {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
        }
        if token.is_some() {
            builder = builder.with_token(token);
        }
        let api = builder.build().map_err(|error| explain(&error))?;
        let repository = api.model(id.to_owned());
        let info = repository.info().map_err(|error| explain(&error))?;
        if !is_plain(&info.sha) {
            bail!("the hub names a commit {:?}, which is no hash", info.sha);
        }
        Ok(Self {
            id: id.to_owned(),
            cache,
            api,
            repository,
            commit: info.sha,
            files: info
                .siblings
                .into_iter()
                .map(|file| file.rfilename)
                .collect(),
        })
    }

    /// The path of a file in the cache, to which it is fetched where it is not there; `None` where
    /// the model does not have it.
    ///
    /// # Errors
    /// What the hub or the file system answers, and a file that is not what the hub names.
    pub(super) fn file(&self, name: &str) -> Result<Option<PathBuf>> {
        if !self.files.contains(name) {
            return Ok(None);
        }
        let model = self.cache.model(self.id.clone());
        let place = model.pointer_path(&self.commit).join(name);
        if place.exists() {
            verify(&place)?;
            model.create_ref(&self.commit)?;
            return Ok(Some(place));
        }
        let file = self.api.metadata(&self.repository.url(name));
        let file = file.map_err(|error| explain(&error))?;
        if file.commit_hash() != self.commit {
            bail!("the model was changed meanwhile; run the command again");
        }
        if !is_plain(file.etag()) {
            bail!("the hub names it by {:?}, which is no hash", file.etag());
        }
        let blob = model.blob_path(file.etag());
        // Another commit may have had the same file.
        let size = |path: &Path| fs::metadata(path).map(|file| file.len()).ok();
        if size(&blob) == Some(file.size() as u64) {
            link(&blob, &place)?;
            model.create_ref(&self.commit)?;
        } else {
            self.fetch(name, &file, &blob)?;
        }
        let checked = match size(&place) {
            Some(size) if size == file.size() as u64 => verify(&place),
            size => {
                let size = size.unwrap_or(0);
                let problem = anyhow!("{size} bytes arrived, the hub names {}", file.size());
                remove(&place)?;
                Err(problem.context("removed; run the command again"))
            }
        };
        checked.map(|()| Some(place))
    }

    fn fetch(&self, name: &str, file: &Metadata, blob: &Path) -> Result<()> {
        let part = blob.with_extension("part");
        let there = || fs::metadata(&part).map_or(0, |part| part.len());
        // hf-hub would ask for what comes after the end.
        if there() >= file.size() as u64 {
            remove_file(&part)?;
        }
        if !io::stderr().is_terminal() {
            let size = BinaryBytes(file.size() as u64);
            eprintln!("fetching {name} of {}, {size}", self.id);
        }
        for tries in 1.. {
            let fetched = self
                .repository
                .download_with_progress(name, ProgressBar::new(0));
            let Err(error) = fetched else {
                break;
            };
            if tries == TRIES || !is_passing(&error) {
                let kept = match there() {
                    0 => String::new(),
                    bytes => format!(
                        "; {} of {} are kept, from which the same command goes on",
                        BinaryBytes(bytes),
                        BinaryBytes(file.size() as u64)
                    ),
                };
                return Err(anyhow!("{:#}{kept}", explain(&error)));
            }
            eprintln!("{name}: {:#}; trying again", explain(&error));
            std::thread::sleep(Duration::from_secs(tries));
        }
        Ok(())
    }
}

/// Whether a hash of the hub can be the name of a file in the cache, and no path out of it.
fn is_plain(hash: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    !hash.is_empty() && hash.chars().all(plain)
}

/// Whether the same request may be answered a little later.
fn is_passing(error: &ApiError) -> bool {
    match (error, status(error)) {
        (_, Some(status)) => status == 429 || status >= 500,
        (ApiError::RequestError(_) | ApiError::IoError(_), None) => true,
        _ => false,
    }
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

/// An error of the hub with its causes, each said once.
fn explain(error: &ApiError) -> anyhow::Error {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |error| error.source());
    let mut parts: Vec<String> = causes.map(ToString::to_string).collect();
    parts.dedup();
    let message = parts.join(": ");
    match status(error) {
        Some(401 | 403) => anyhow!(
            "{message}; there is no such model, or it wants a token: set HF_TOKEN to one of \
             https://huggingface.co/settings/tokens that may read it"
        ),
        Some(404) => anyhow!("{message}; there is no such model"),
        _ => anyhow!(message),
    }
}

/// Checks a file of the cache against the SHA-256 that its name there is, as the hub gives one for
/// all large files; a file that is another one is removed.
///
/// # Errors
/// Says that it was removed.
pub(super) fn verify(place: &Path) -> Result<()> {
    let blob = fs::canonicalize(place).with_context(|| place.display().to_string())?;
    let name = blob.file_name().unwrap_or_default().to_string_lossy();
    if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let found = sha256(&blob).with_context(|| blob.display().to_string())?;
    if !found.eq_ignore_ascii_case(&name) {
        remove(place)?;
        bail!(
            "{} is damaged, its SHA-256 is {found}, the hub names {name}; it was removed, so run the \
             command again to fetch it anew",
            place.display()
        );
    }
    Ok(())
}

/// In hexadecimal digits.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    let digits = hash.finalize();
    Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Gives a file a place in a snapshot, as hf-hub does.
fn link(blob: &Path, place: &Path) -> io::Result<()> {
    fs::create_dir_all(place.parent().unwrap_or(place))?;
    #[cfg(unix)]
    return std::os::unix::fs::symlink(
        Path::new("../../blobs").join(blob.file_name().unwrap_or_default()),
        place,
    );
    #[cfg(not(unix))]
    return fs::copy(blob, place).map(drop);
}

/// Removes a file of the cache with what it points to.
fn remove(place: &Path) -> Result<()> {
    if let Ok(blob) = fs::canonicalize(place) {
        remove_file(&blob)?;
    }
    match fs::symlink_metadata(place) {
        Ok(_) => remove_file(place),
        Err(_) => Ok(()),
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
