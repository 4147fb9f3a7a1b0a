//! TensorBoard's event files: scalars by step, as `tf.summary.scalar` of TensorFlow 1 and PyTorch's `SummaryWriter` write them.
//!
//! A file is a sequence of TFRecords: length (u64, little-endian), its checksum, the bytes, their checksum. The bytes are a protocol
//! buffer `Event` (`tensorflow/core/util/event.proto`), of which four fields are needed; the checksums are CRC-32C, masked as
//! `tensorflow/core/lib/hash/crc32c.h` says.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// An event file that grows.
pub(crate) struct Writer {
    file: File,
}

impl Writer {
    /// Makes a new file in a directory. TensorBoard reads all files of a directory together; what others have after `step` it leaves
    /// out, as it comes from a run that has ended there.
    ///
    /// # Errors
    /// What the file system answers.
    pub(crate) fn create(directory: &Path, step: usize) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        // As TensorFlow names them: in the order of time. Two of one second must differ.
        let name = format!(
            "events.out.tfevents.{:010}.{:09}",
            now.as_secs(),
            now.subsec_nanos()
        );
        let path = directory.join(name);
        let create = || {
            fs::create_dir_all(directory)?;
            let mut file = File::create_new(&path)?;
            write(&mut file, &version(now.as_secs_f64()))?;
            if step > 0 {
                write(&mut file, &restart(now.as_secs_f64(), step + 1))?;
            }
            io::Result::Ok(Self { file })
        };
        create().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes values of one step, with their tags.
    ///
    /// # Errors
    /// What the file system answers.
    pub(crate) fn scalars(&mut self, step: usize, values: &[(String, f64)]) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs_f64();
        write(&mut self.file, &scalars(now, step, values))
    }
}

/// One record.
fn write(file: &mut impl Write, event: &[u8]) -> io::Result<()> {
    let length = (event.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(event.len() + 16);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(event);
    record.extend(masked(event).to_le_bytes());
    // At once, so that a reader finds whole records only.
    file.write_all(&record)
}

/// A checksum of data that may hold checksums.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

// Fields of `Event`, `Summary`, `Summary.Value` and `SessionLog`.
const WALL_TIME: u32 = 1;
const STEP: u32 = 2;
const FILE_VERSION: u32 = 3;
const SUMMARY: u32 = 5;
const SESSION_LOG: u32 = 7;
const VALUE: u32 = 1;
const TAG: u32 = 1;
const SIMPLE_VALUE: u32 = 2;
const STATUS: u32 = 1;
/// `SessionLog.START`.
const START: u64 = 1;

fn version(time: f64) -> Vec<u8> {
    let mut event = Message::default();
    event.double(WALL_TIME, time);
    event.bytes(FILE_VERSION, b"brain.Event:2");
    event.0
}

fn restart(time: f64, step: usize) -> Vec<u8> {
    let mut log = Message::default();
    log.number(STATUS, START);
    let mut event = Message::default();
    event.double(WALL_TIME, time);
    event.number(STEP, step as u64);
    event.bytes(SESSION_LOG, &log.0);
    event.0
}

fn scalars(time: f64, step: usize, values: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, value) in values {
        let mut one = Message::default();
        one.bytes(TAG, tag.as_bytes());
        one.float(SIMPLE_VALUE, *value as f32);
        summary.bytes(VALUE, &one.0);
    }
    let mut event = Message::default();
    event.double(WALL_TIME, time);
    event.number(STEP, step as u64);
    event.bytes(SUMMARY, &summary.0);
    event.0
}

/// A protocol buffer in its wire format.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u32, value: u64) {
        self.key(field, 0);
        self.varint(value);
    }

    fn double(&mut self, field: u32, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, field: u32, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What TensorBoard's own writer makes of the same (`tests/goldens/make_events.py`).
    const GOLDEN: &[u8] = include_bytes!("../tests/goldens/events.bin");

    #[test]
    fn bytes_are_those_of_tensorboards_writer() {
        let mut file = Vec::new();
        let named = |tag: &str, value| (tag.to_owned(), value);
        write(&mut file, &version(1.5)).unwrap();
        write(&mut file, &restart(2.5, 301)).unwrap();
        write(&mut file, &scalars(3.25, 301, &[named("train/loss", 0.75)])).unwrap();
        let both = [named("eval/f1", 0.5), named("eval/f1/Symptoms", 0.1)];
        write(&mut file, &scalars(4.0, 70_000, &both)).unwrap();
        assert_eq!(file, GOLDEN);
    }

    #[test]
    fn files_of_a_run_stand_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        for step in [0, 20] {
            let mut writer = Writer::create(&folder.path().join("runs"), step).unwrap();
            writer.scalars(step + 1, &[("a".into(), 1.0)]).unwrap();
        }
        let files: Vec<_> = fs::read_dir(folder.path().join("runs")).unwrap().collect();
        assert_eq!(files.len(), 2);
    }
}
