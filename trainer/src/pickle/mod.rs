//! Reads the tensors of a `pytorch_model.bin` without running anything that is in it.
//!
//! `torch.save` writes a pickle, a program for a machine that can call any function of Python. Ours
//! knows only what the state dict of a model consists of, and refuses everything else by name. Both
//! containers are read, the zip archive of PyTorch 1.6 and later ([`archive`]) and the stream of
//! before ([`stream`]), which models of 2019 have.
//!
//! Files are not trusted: whatever a file says of sizes is compared with its length before memory is
//! asked for.

mod archive;
mod globals;
mod input;
mod machine;
mod stream;
mod view;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::Tensor;

use machine::{Pickle, Value};
use view::View;

/// What to do with a file that is refused.
const ADVICE: &str = "where you trust the file, load it in Python with transformers and write \
                      the model anew by save_pretrained, as model.safetensors";

/// How many times the bytes of the file its tensors may take. Tied weights are one tensor; only
/// views that overlap, or repeat values by strides of 0, take more than the file has.
const MAX_SHARING: u64 = 4;

/// Reads the tensors whose names are wanted onto the CPU, in the type that they are stored in.
///
/// # Errors
/// Names the file, and the byte, entry or tensor that is wrong.
pub fn read(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<HashMap<String, Tensor>> {
    let tensors = File::open(path)
        .map_err(Into::into)
        .and_then(|file| read_from(BufReader::new(file), wanted));
    tensors.with_context(|| path.display().to_string())
}

/// As [`read`], from anything that can be read like a file.
///
/// # Errors
/// As [`read`], without the name of the file.
pub fn read_from<R: BufRead + Seek>(
    mut reader: R,
    wanted: impl Fn(&str) -> bool,
) -> Result<HashMap<String, Tensor>> {
    let length = reader.seek(SeekFrom::End(0))?;
    reader.rewind()?;
    let head = reader.fill_buf()?;
    let layout = if archive::is_archive(head) {
        archive::open(&mut reader, length)?
    } else if stream::is_stream(head) {
        stream::open(&mut reader, length)?
    } else {
        bail!(
            "no file of torch.save, neither the zip archive of PyTorch 1.6 and later nor the \
             stream of before"
        );
    };
    let mut views = layout.views(&wanted)?;
    // Those of one storage stand together, so that it is read once, and equal views are one tensor.
    views.sort_unstable_by_key(|(_, view)| *view);
    let distinct = views.chunk_by(|(_, a), (_, b)| a == b);
    let total = distinct.fold(0_u64, |sum, equal| sum.saturating_add(equal[0].1.bytes()));
    if total > length.saturating_mul(MAX_SHARING) {
        bail!("its tensors would take {total} bytes, more than {MAX_SHARING} times the file");
    }
    let swap = layout.big_endian != cfg!(target_endian = "big");
    let mut tensors = HashMap::with_capacity(views.len());
    for of_storage in views.chunk_by(|(_, a), (_, b)| a.storage.key == b.storage.key) {
        let (name, view) = of_storage[0];
        let bytes = layout
            .extent(view)
            .and_then(|extent| read_extent(&mut reader, extent))
            .with_context(|| name.to_owned())?;
        for equal in of_storage.chunk_by(|(_, a), (_, b)| a == b) {
            let (name, view) = equal[0];
            // Each view says for itself how large the storage is.
            let tensor = layout
                .extent(view)
                .and_then(|_| view.tensor(&bytes, swap))
                .with_context(|| name.to_owned())?;
            let names = equal.iter().map(|(name, _)| (*name).to_owned());
            tensors.extend(names.map(|name| (name, tensor.clone())));
        }
    }
    Ok(tensors)
}

/// Where things are in a file.
struct Layout {
    pickle: Pickle,
    /// By their keys.
    storages: HashMap<String, Extent>,
    /// Whether elements have their highest byte first.
    big_endian: bool,
}

impl Layout {
    /// The tensors whose names are wanted.
    fn views(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<(&str, &View)>> {
        let Value::Dict(items) = self.pickle.root() else {
            let kind = self.pickle.root().kind();
            bail!("it holds {kind} and not the state dict of a model; {ADVICE}");
        };
        let mut views = Vec::new();
        let mut names = HashSet::new();
        for &(key, value) in items {
            let Value::Text(name) = self.pickle.get(key) else {
                bail!("a tensor whose name is {}", self.pickle.get(key).kind());
            };
            if !wanted(name) {
                continue;
            }
            if !names.insert(name) {
                bail!("{name:.200} stands twice");
            }
            match self.pickle.get(value) {
                Value::Tensor(view) => views.push((name.as_str(), view.as_ref())),
                other => bail!("{name:.200} is {} and no tensor", other.kind()),
            }
        }
        Ok(views)
    }

    /// Where a view's whole storage is, which is as large as the pickle says.
    fn extent(&self, view: &View) -> Result<&Extent> {
        let storage = &view.storage;
        let extent = self.storages.get(&storage.key);
        let extent = extent.with_context(|| format!("its storage {} is missing", storage.key))?;
        let expected = storage.bytes()?;
        if extent.bytes != expected {
            bail!(
                "its storage {} has {} bytes, {} elements of {:?} take {expected}",
                storage.key,
                extent.bytes,
                storage.numel,
                storage.dtype
            );
        }
        Ok(extent)
    }
}

/// A range of a file.
struct Extent {
    start: u64,
    bytes: u64,
    /// The CRC-32 that its content has, where the file tells one.
    crc: Option<u32>,
}

impl Extent {
    /// The byte behind it.
    ///
    /// # Errors
    /// Where the file, of `length` bytes, ends before.
    fn end(&self, length: u64) -> Result<u64> {
        let end = self
            .start
            .checked_add(self.bytes)
            .filter(|&end| end <= length);
        end.with_context(|| {
            let Self { start, bytes, .. } = self;
            format!(
                "{bytes} bytes from byte {start} on are more than the file has, {length}: it is cut \
                 off or damaged"
            )
        })
    }
}

/// Reads a range that was found to be in the file.
fn read_extent<R: BufRead + Seek>(reader: &mut R, extent: &Extent) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(extent.bytes)?];
    reader.seek(SeekFrom::Start(extent.start))?;
    reader.read_exact(&mut bytes)?;
    if extent.crc.is_some_and(|crc| crc32fast::hash(&bytes) != crc) {
        bail!("its checksum is wrong: the file is damaged, fetch it anew");
    }
    Ok(bytes)
}
