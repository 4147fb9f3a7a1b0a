//! An exported file while it arrives.

use std::collections::TryReserveError;

use crc32fast::Hasher;
use safetensors::tensor::Metadata;

use super::Bundle;
use super::container::{Container, Data, header, header_end, read_header};
use crate::Error;

/// So much memory is asked for on the word of a header that nothing has vouched for yet; a larger
/// tensor gets more as it arrives.
const MAX_RESERVED: usize = 64 << 20;

/// Takes an exported file piece by piece, each tensor into memory of its own: whoever reads the
/// [`Bundle`] can free one while others are still needed, and the file is never in memory as a whole.
/// Checksums are made of the pieces, while others are on their way.
#[derive(Debug, Default)]
pub struct Incoming {
    /// What comes before the tensors; everything, where that is not understood.
    head: Vec<u8>,
    tensors: Option<Tensors>,
}

/// The tensors of a file whose header is known.
#[derive(Debug)]
struct Tensors {
    metadata: Metadata,
    /// Where they begin and end, in the order of the file. Those without values are left out.
    places: Vec<(usize, usize)>,
    /// Bytes and checksums of the first ones; all but the last are complete.
    values: Vec<(Vec<u8>, Hasher)>,
    /// Bytes after the header, also those that no tensor has room for.
    received: usize,
}

impl Incoming {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When a tensor does not fit into memory.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), TryReserveError> {
        if let Some(tensors) = &mut self.tensors {
            return tensors.push(bytes);
        }
        let complete = |head: &[u8]| header_end(head).is_some_and(|end| head.len() as u64 >= end);
        let before = complete(&self.head);
        self.head.try_reserve(bytes.len())?;
        self.head.extend_from_slice(bytes);
        if before || !complete(&self.head) {
            return Ok(());
        }
        // What is wrong with a header is said when the file has ended.
        if let Ok((end, metadata)) = header(&self.head) {
            let mut tensors = Tensors::new(metadata);
            tensors.push(&self.head[end..])?;
            self.head = Vec::new();
            self.tensors = Some(tensors);
        }
        Ok(())
    }

    /// Reads the file, all of which has arrived. `file` names it in errors.
    ///
    /// # Errors
    /// As [`Bundle::read`].
    pub fn finish(self, file: &str) -> Result<Bundle<'static>, Error> {
        let tensors = match self.tensors {
            Some(tensors) => tensors,
            // Says what is wrong with the header.
            None => Tensors::new(read_header(file, &self.head)?.1),
        };
        let values = tensors.values.into_iter();
        let values = values.map(|(bytes, checksum)| (bytes, checksum.finalize()));
        let data = Data::Apart(tensors.places.into_iter().zip(values).collect());
        let container = Container::new(file, tensors.metadata, tensors.received, data)?;
        Bundle::from_container(container)
    }
}

impl Tensors {
    fn new(metadata: Metadata) -> Self {
        let mut places: Vec<_> = metadata
            .tensors()
            .values()
            .map(|info| info.data_offsets)
            .filter(|(start, end)| start < end)
            .collect();
        places.sort_unstable();
        Self {
            metadata,
            places,
            values: Vec::new(),
            received: 0,
        }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), TryReserveError> {
        while !bytes.is_empty() {
            let open = self.values.len().checked_sub(1).filter(|&last| {
                let (start, end) = self.places[last];
                self.values[last].0.len() < end - start
            });
            let current = match (open, self.places.get(self.values.len())) {
                (Some(current), _) => current,
                (None, Some((start, end))) => {
                    let mut values = Vec::new();
                    values.try_reserve_exact((end - start).min(MAX_RESERVED))?;
                    self.values.push((values, Hasher::new()));
                    self.values.len() - 1
                }
                (None, None) => {
                    self.received += bytes.len();
                    break;
                }
            };
            let (start, end) = self.places[current];
            let (values, checksum) = &mut self.values[current];
            let (these, rest) = bytes.split_at(bytes.len().min(end - start - values.len()));
            values.try_reserve(these.len())?;
            values.extend_from_slice(these);
            checksum.update(these);
            self.received += these.len();
            bytes = rest;
        }
        Ok(())
    }
}
