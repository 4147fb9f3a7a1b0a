//! `torch.save` since PyTorch 1.6: a zip archive of a pickle and one file for each storage.
//!
//! A small part of zip is enough, as PyTorch compresses and encrypts nothing: every entry is a range
//! of the file, and memory is asked for once the range is known to be in it.

use std::collections::HashMap;
use std::io::{BufRead, Seek, SeekFrom};

use anyhow::{Context, Result, bail};

use super::input::Input;
use super::machine::Pickle;
use super::{Extent, Layout, read_extent};

/// Signature of a local header, with which an archive begins.
const LOCAL: &[u8] = b"PK\x03\x04";
/// Signature and length of an entry of the directory, without its names.
const ENTRY: (&[u8], usize) = (b"PK\x01\x02", 46);
/// Signature and length of what stands at the end of the file.
const END: (&[u8], usize) = (b"PK\x05\x06", 22);
/// Signature and length of what stands before it and has sizes of 64 bits, and of the pointer to it.
const END_64: (&[u8], usize) = (b"PK\x06\x06", 56);
const LOCATOR_64: (&[u8], usize) = (b"PK\x06\x07", 20);
/// Longest comment at the end of a file.
const MAX_COMMENT: u64 = 0xffff;
/// Longest directory in bytes, enough for a hundred thousand entries.
const MAX_DIRECTORY: u64 = 16 << 20;

/// Whether a file that begins so can be an archive.
pub(super) fn is_archive(head: &[u8]) -> bool {
    head.starts_with(LOCAL)
}

/// Finds the object and the storages of a file of `length` bytes.
///
/// # Errors
/// Says what is wrong, and with which entry.
pub(super) fn open<R: BufRead + Seek>(reader: &mut R, length: u64) -> Result<Layout> {
    let entries = directory(reader, length)?;
    let mut pickles = entries.iter().filter(|(name, _)| {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        file == "data.pkl" && !folder.contains('/')
    });
    let (Some((name, entry)), None) = (pickles.next(), pickles.next()) else {
        bail!("a zip archive without the one data.pkl that torch.save writes");
    };
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();

    let extent = entry.extent(reader, length).with_context(|| name.clone())?;
    let bytes = match extent.bytes {
        bytes if bytes > super::input::MAX_BYTES => bail!("{name} has {bytes} bytes"),
        _ => read_extent(reader, &extent).with_context(|| name.clone())?,
    };
    let mut input = Input::new(bytes.as_slice(), 0, bytes.len() as u64);
    let pickle = Pickle::read(&mut input).with_context(|| name.clone())?;

    let byteorder = format!("{folder}byteorder");
    let big_endian = match entries.get(&byteorder) {
        None => false,
        Some(entry) => {
            let extent = entry
                .extent(reader, length)
                .with_context(|| byteorder.clone())?;
            match (extent.bytes, read_extent(reader, &extent)) {
                (3, Ok(order)) if order == b"big" => true,
                (6, Ok(order)) if order == b"little" => false,
                _ => bail!("{byteorder} says neither `little` nor `big`"),
            }
        }
    };
    let mut storages = HashMap::new();
    let data = format!("{folder}data/");
    for (name, entry) in &entries {
        if let Some(key) = name.strip_prefix(&data) {
            let extent = entry.extent(reader, length).with_context(|| name.clone())?;
            storages.insert(key.to_owned(), extent);
        }
    }
    Ok(Layout {
        pickle,
        storages,
        big_endian,
    })
}

/// What the directory says of a file.
struct Entry {
    /// Where its local header begins.
    header: u64,
    bytes: u64,
    crc: u32,
}

impl Entry {
    /// The range of its content, which begins behind a header of its own.
    fn extent<R: BufRead + Seek>(&self, reader: &mut R, length: u64) -> Result<Extent> {
        reader.seek(SeekFrom::Start(self.header))?;
        let mut header = [0; 30];
        reader.read_exact(&mut header).context("cut off")?;
        if !header.starts_with(LOCAL) {
            bail!("byte {}: no header of a file", self.header);
        }
        let names = u64::from(short(&header, 26)) + u64::from(short(&header, 28));
        let extent = Extent {
            start: self.header.saturating_add(header.len() as u64 + names),
            bytes: self.bytes,
            crc: Some(self.crc),
        };
        extent.end(length)?;
        Ok(extent)
    }
}

/// All entries by their names.
fn directory<R: BufRead + Seek>(reader: &mut R, length: u64) -> Result<HashMap<String, Entry>> {
    let mut bytes = directory_bytes(reader, length)?;
    let mut entries = HashMap::new();
    let mut rest = bytes.as_mut_slice();
    while !rest.is_empty() {
        let Some((entry, behind)) = rest.split_at_mut_checked(ENTRY.1) else {
            bail!("the directory of the archive is cut off");
        };
        if !entry.starts_with(ENTRY.0) {
            bail!("the directory of the archive has no entry where one should be");
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(short(entry, at)));
        let Some((names, behind)) = behind.split_at_mut_checked(name + extra + comment) else {
            bail!("the directory of the archive is cut off");
        };
        rest = behind;
        let name_bytes = &names[..name];
        let extra = &names[name..name + extra];
        let name = std::str::from_utf8(name_bytes).context("an entry whose name is no UTF-8")?;
        if short(entry, 8) & 1 != 0 || short(entry, 10) != 0 {
            bail!("{name:.80} is compressed or encrypted, which torch.save does not do");
        }
        let mut wide = wide(extra);
        let mut field = |at| match long(entry, at) {
            u32::MAX => wide
                .next()
                .with_context(|| format!("{name:.80} has no size")),
            value => Ok(u64::from(value)),
        };
        // Their order is that of the fields of 64 bits.
        let [bytes, stored, header] = [field(24)?, field(20)?, field(42)?];
        if bytes != stored {
            bail!("{name:.80} has {bytes} bytes, of which {stored} are stored");
        }
        let crc = long(entry, 16);
        let entry = Entry { header, bytes, crc };
        if entries.insert(name.to_owned(), entry).is_some() {
            bail!("{name:.80} stands twice in the archive");
        }
    }
    Ok(entries)
}

/// The directory, which the end of the file says the place of.
fn directory_bytes<R: BufRead + Seek>(reader: &mut R, length: u64) -> Result<Vec<u8>> {
    let tail = length.min(END.1 as u64 + MAX_COMMENT);
    let tail = range(reader, length, length - tail, tail)?;
    let is_end = |&at: &usize| {
        let end = &tail[at..];
        end.starts_with(END.0) && end.len() == END.1 + usize::from(short(end, 20))
    };
    let last = tail.len().checked_sub(END.1);
    let at = last.and_then(|last| (0..=last).rev().find(is_end));
    let at = at.context("a zip archive that is cut off: its directory is missing")?;
    let end = &tail[at..];
    let (mut bytes, mut start) = (u64::from(long(end, 12)), u64::from(long(end, 16)));
    if [bytes, start].contains(&u32::MAX.into()) {
        let end = length - (tail.len() - at) as u64;
        let at = end
            .checked_sub(LOCATOR_64.1 as u64)
            .context("a zip archive that is cut off")?;
        let locator = range(reader, length, at, LOCATOR_64.1 as u64)?;
        if !locator.starts_with(LOCATOR_64.0) {
            bail!("a zip archive without a place of its directory");
        }
        let end = range(reader, length, longest(&locator, 8), END_64.1 as u64)?;
        if !end.starts_with(END_64.0) {
            bail!("a zip archive without a directory where it should be");
        }
        (bytes, start) = (longest(&end, 40), longest(&end, 48));
    }
    if bytes > MAX_DIRECTORY {
        bail!("a zip archive with a directory of {bytes} bytes");
    }
    range(reader, length, start, bytes).context("the directory of the archive")
}

/// Bytes of the file, of which there are `length`.
fn range<R: BufRead + Seek>(
    reader: &mut R,
    length: u64,
    start: u64,
    bytes: u64,
) -> Result<Vec<u8>> {
    let extent = Extent {
        start,
        bytes,
        crc: None,
    };
    extent.end(length)?;
    read_extent(reader, &extent)
}

/// The numbers of an entry's field of 64-bit sizes.
fn wide(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut found: &[u8] = &[];
    while extra.len() >= 4 {
        let (kind, size) = (short(extra, 0), usize::from(short(extra, 2)));
        let Some((field, behind)) = extra[4..].split_at_checked(size) else {
            break;
        };
        if kind == 1 {
            found = field;
        }
        extra = behind;
    }
    found
        .as_chunks()
        .0
        .iter()
        .map(|bytes| u64::from_le_bytes(*bytes))
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}

fn longest(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}
