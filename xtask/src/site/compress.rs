//! Compressed copies beside the site's files, for servers that can send them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Files that are text or code; the model's bytes are too random to be worth it.
const ENDINGS: [&str; 7] = ["css", "html", "js", "json", "svg", "wasm", "webmanifest"];

/// Below this a copy saves less than looking for it costs.
const LEAST_BYTES: usize = 1024;

/// Brotli's best, and the largest window that browsers take, as a power of two.
const QUALITY: u32 = 11;
const WINDOW: u32 = 24;

/// Writes `NAME.br` and `NAME.gz` beside each file in a folder that they are worth it for.
pub(super) fn all(folder: &Path) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            continue;
        }
        let bytes = super::read(&path)?;
        if bytes.len() < LEAST_BYTES {
            continue;
        }
        let copy = |ending: &str, bytes: Vec<u8>| {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            super::write(Path::new(&name), &bytes)
        };
        copy(".br", brotli(&bytes)?)?;
        copy(".gz", gzip(&bytes)?)?;
    }
    Ok(())
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 1 << 16, QUALITY, WINDOW);
    writer.write_all(bytes)?;
    drop(writer);
    Ok(compressed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    // Its header has no time: the same file gives the same bytes.
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn copies_hold_what_they_are_of() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..1000).map(|number| format!("{number} ")).collect();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("a.js", &text);
        write("small.js", "1");
        write("a.safetensors", &text);
        all(folder.path()).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["a.js", "a.js.br", "a.js.gz", "a.safetensors", "small.js"]
        );
        let read = |name: &str| fs::File::open(folder.path().join(name)).unwrap();
        let check = |mut compressed: Box<dyn std::io::Read>| {
            let mut found = String::new();
            compressed.read_to_string(&mut found).unwrap();
            assert!(found == text);
        };
        check(Box::new(brotli::Decompressor::new(read("a.js.br"), 4096)));
        check(Box::new(flate2::read::GzDecoder::new(read("a.js.gz"))));
    }
}
