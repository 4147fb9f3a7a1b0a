//! The model in parts that any static host takes, named by its content.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Hosts limit the size of a file; the strictest known one takes 25 MiB.
const MOST_BYTES: usize = 24 << 20;

/// Replaces the model at `path` in the site by its parts, and tells what `www/analysis.js` has to
/// know: name, size, SHA-256, and address and size of each part.
pub(super) fn split(site: &Path, path: &str) -> Result<Value> {
    let whole = site.join(path);
    let bytes = fs::read(&whole)
        .with_context(|| format!("cannot read {}, which the page copies", whole.display()))?;
    fs::remove_file(&whole).with_context(|| format!("cannot remove {}", whole.display()))?;
    let stem = path.trim_end_matches(".safetensors");
    let hash = super::hash(&bytes);
    let count = bytes.len().div_ceil(MOST_BYTES);
    let mut parts = Vec::with_capacity(count);
    for (index, part) in bytes.chunks(MOST_BYTES).enumerate() {
        let url = match count {
            1 => format!("{stem}-{hash}.safetensors"),
            _ => format!("{stem}-{hash}-{}-of-{count}.safetensors", index + 1),
        };
        super::write(&site.join(&url), part)?;
        parts.push(json!({"url": url, "bytes": part.len()}));
    }
    Ok(json!({"name": path, "bytes": bytes.len(), "sha256": sha256(&bytes), "parts": parts}))
}

/// In lower-case hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let check = |length: usize, expected: &[&str]| {
            let site = tempfile::tempdir().unwrap();
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            fs::create_dir(site.path().join("m")).unwrap();
            fs::write(site.path().join("m/model.safetensors"), &bytes).unwrap();
            let model = split(site.path(), "m/model.safetensors").unwrap();
            assert!(!site.path().join("m/model.safetensors").exists());
            assert_eq!(model["bytes"], length);
            let mut joined = Vec::new();
            let mut endings = Vec::new();
            for part in model["parts"].as_array().unwrap() {
                let url = part["url"].as_str().unwrap();
                let bytes = fs::read(site.path().join(url)).unwrap();
                assert_eq!(part["bytes"], bytes.len());
                assert!(bytes.len() <= MOST_BYTES);
                joined.extend(bytes);
                endings.push(url.strip_prefix("m/model-").unwrap()[16..].to_owned());
            }
            assert_eq!(endings, expected);
            assert!(joined == bytes);
        };
        check(10, &[".safetensors"]);
        check(MOST_BYTES, &[".safetensors"]);
        check(
            MOST_BYTES + 1,
            &["-1-of-2.safetensors", "-2-of-2.safetensors"],
        );
    }
}
