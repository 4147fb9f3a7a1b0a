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

/// Bytes that a visitor downloads from a folder so compressed: of the page, and of one build of the
/// worker, whose files' names begin so.
pub(super) fn weight(folder: &Path, worker: &str) -> Result<[u64; 2]> {
    let [mut of_page, mut of_worker] = [0, 0];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_copy = name.ends_with(".br") || name.ends_with(".gz");
        if is_copy || name.starts_with(['_', '.']) || !path.is_file() {
            continue;
        }
        let copy = folder.join(format!("{name}.br"));
        let bytes = fs::metadata(if copy.is_file() { &copy } else { &path })?.len();
        if name.starts_with(worker) {
            of_worker += bytes;
        } else if !name.starts_with("worker-") {
            of_page += bytes;
        }
    }
    Ok([of_page, of_worker])
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
        write("worker-a-1.wasm", &text);
        write("worker-b-1.wasm", "12");
        let [page, worker] = weight(folder.path(), "worker-b-").unwrap();
        let copy = fs::metadata(folder.path().join("a.js.br")).unwrap().len();
        assert_eq!((page, worker), (copy + text.len() as u64 + 1, 2));
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
