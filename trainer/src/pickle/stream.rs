//! `torch.save` before PyTorch 1.6: pickles one after the other, then the storages.
//!
//! The pickles are a magic number, a version, what kind of machine wrote it, the object, and the
//! list of the storages' keys. Each storage is its count of elements in eight bytes and then the
//! elements, both in little-endian order whatever the machine was: the order that the third pickle
//! names is not that of the file (`torch/csrc/serialization.cpp`, `THPStorage_writeFileRaw`).

use std::collections::HashMap;
use std::io::{BufRead, Seek, SeekFrom};

use anyhow::{Context, Result, bail};

use super::input::Input;
use super::machine::{Pickle, Value};
use super::view::Storage;
use super::{Extent, Layout};

/// `torch.serialization.MAGIC_NUMBER`
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;

/// `torch.serialization.PROTOCOL_VERSION`, since 2017.
const VERSION: i128 = 1001;

/// Whether a file that begins so can be one: protocol 2 or later.
pub(super) fn is_stream(head: &[u8]) -> bool {
    head.first() == Some(&0x80)
}

/// Finds the object and the storages of a file of `length` bytes, which is at its beginning.
///
/// # Errors
/// Says what is wrong, and at which byte.
pub(super) fn open<R: BufRead + Seek>(reader: &mut R, length: u64) -> Result<Layout> {
    let mut input = Input::new(&mut *reader, 0, length);
    match Pickle::read(&mut input)?.root() {
        Value::Int(MAGIC) => {}
        _ => bail!(
            "a pickle, but none that torch.save has written; {}",
            super::ADVICE
        ),
    }
    match Pickle::read(&mut input)?.root() {
        Value::Int(VERSION) => {}
        Value::Int(version) => {
            bail!("version {version} of the format, of which {VERSION} is known")
        }
        other => bail!("a version of the format that is {}", other.kind()),
    }
    Pickle::read(&mut input).context("what kind of machine wrote it")?;
    let pickle = Pickle::read(&mut input)?;
    let keys = Pickle::read(&mut input).context("the list of its storages")?;
    let Value::List(list) = keys.root() else {
        bail!("the list of its storages is {}", keys.root().kind());
    };

    let known = known(&pickle)?;
    let mut storages = HashMap::new();
    let mut at = input.position();
    for &key in list {
        let Value::Text(key) = keys.get(key) else {
            bail!("a storage whose key is {}", keys.get(key).kind());
        };
        let Some(storage) = known.get(key.as_str()) else {
            bail!("byte {at}: no tensor names the storage {key:.80}");
        };
        reader.seek(SeekFrom::Start(at))?;
        let mut numel = [0; 8];
        reader
            .read_exact(&mut numel)
            .with_context(|| format!("byte {at}: storage {key}"))?;
        let numel = i64::from_le_bytes(numel);
        if u64::try_from(numel) != Ok(storage.numel) {
            bail!(
                "byte {at}: storage {key} has {numel} elements, its tensors count on {}",
                storage.numel
            );
        }
        let extent = Extent {
            start: at + 8,
            bytes: storage.bytes()?,
            crc: None,
        };
        at = extent
            .end(length)
            .with_context(|| format!("storage {key}"))?;
        if storages.insert(key.clone(), extent).is_some() {
            bail!("the storage {key} stands twice");
        }
    }
    Ok(Layout {
        pickle,
        storages,
        big_endian: false,
    })
}

/// The storages that the object names, by their keys.
fn known(pickle: &Pickle) -> Result<HashMap<&str, &Storage>> {
    let mut known: HashMap<&str, &Storage> = HashMap::new();
    for value in &pickle.values {
        let Value::Storage(storage) = value else {
            continue;
        };
        let first = known.entry(&storage.key).or_insert(storage);
        if first.numel != storage.numel || first.dtype != storage.dtype {
            bail!(
                "two tensors disagree on the size of storage {}",
                storage.key
            );
        }
    }
    Ok(known)
}
