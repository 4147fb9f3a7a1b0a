//! An exported file while it arrives.

use std::borrow::Cow;
use std::collections::TryReserveError;
use std::mem;

use crc32fast::Hasher;
use safetensors::tensor::Metadata;

use super::Bundle;
use super::container::{check_length, header, header_end, read_header};
use super::layout::Layout;
use crate::Error;

/// So much memory is asked for on the word of a header that nothing has vouched for yet; a larger
/// tensor gets more as it arrives.
const MAX_RESERVED: usize = 64 << 20;

/// Takes an exported file piece by piece, each tensor into memory of its own, and checks what is
/// complete: whoever reads the [`Bundle`] can use one and free it while others are on their way, and
/// the file is never in memory as a whole.
#[derive(Debug)]
pub struct Incoming {
    /// Names the file in errors.
    file: String,
    /// What comes before the tensors; everything, where that is not understood.
    head: Vec<u8>,
    body: Option<Body>,
}

/// What follows a header that safetensors understands.
#[derive(Debug)]
struct Body {
    /// Bytes, by the header.
    expected: usize,
    received: usize,
    /// The first fault, from which on bytes are counted only.
    tensors: Result<Tensors, Error>,
}

#[derive(Debug)]
struct Tensors {
    layout: Layout,
    bundle: Bundle<'static>,
    /// Parts that have arrived.
    complete: usize,
    /// Of the next one, and their checksum.
    bytes: Vec<u8>,
    checksum: Hasher,
}

impl Incoming {
    /// Of a file that is called so in errors.
    pub fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            head: Vec::new(),
            body: None,
        }
    }

    /// Takes the next bytes. What is wrong with them is said by [`Incoming::finish`].
    ///
    /// # Errors
    /// When a tensor does not fit into memory.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), TryReserveError> {
        if let Some(body) = &mut self.body {
            return body.push(bytes);
        }
        let complete = |head: &[u8]| header_end(head).is_some_and(|end| head.len() as u64 >= end);
        let before = complete(&self.head);
        self.head.try_reserve(bytes.len())?;
        self.head.extend_from_slice(bytes);
        if before || !complete(&self.head) {
            return Ok(());
        }
        if let Ok((end, metadata)) = header(&self.head) {
            let mut body = Body::new(&self.file, &metadata);
            body.push(&self.head[end..])?;
            self.head = Vec::new();
            self.body = Some(body);
        }
        Ok(())
    }

    /// The model, with those of its tensors that have arrived; `None` before its header has, and from
    /// a fault on. Tensors that are taken out here will not be in what [`Incoming::finish`] returns.
    pub fn arrived(&mut self) -> Option<&mut Bundle<'static>> {
        let tensors = self.body.as_mut()?.tensors.as_mut().ok()?;
        Some(&mut tensors.bundle)
    }

    /// The model, all of whose file has arrived.
    ///
    /// # Errors
    /// As [`Bundle::read`].
    pub fn finish(self) -> Result<Bundle<'static>, Error> {
        let body = match self.body {
            Some(body) => body,
            // Says what is wrong with the header.
            None => Body::new(&self.file, &read_header(&self.file, &self.head)?.1),
        };
        check_length(&self.file, body.expected, body.received)?;
        Ok(body.tensors?.bundle)
    }
}

impl Body {
    fn new(file: &str, metadata: &Metadata) -> Self {
        let tensors = Layout::read(file, metadata).map(|(layout, bundle)| Tensors {
            layout,
            bundle,
            complete: 0,
            bytes: Vec::new(),
            checksum: Hasher::new(),
        });
        Self {
            expected: metadata.data_len(),
            received: 0,
            tensors,
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), TryReserveError> {
        self.received += bytes.len();
        if let Ok(tensors) = &mut self.tensors
            && let Err(fault) = tensors.push(bytes)?
        {
            self.tensors = Err(fault);
        }
        Ok(())
    }
}

impl Tensors {
    /// Bytes that no tensor has room for are left out.
    fn push(&mut self, mut bytes: &[u8]) -> Result<Result<(), Error>, TryReserveError> {
        // Tensors follow one another, and none of a checked header is empty.
        while let Some(part) = self.layout.parts.get(self.complete)
            && !bytes.is_empty()
        {
            if self.bytes.is_empty() {
                self.bytes
                    .try_reserve_exact(part.place.len().min(MAX_RESERVED))?;
            }
            let missing = part.place.len() - self.bytes.len();
            let (these, rest) = bytes.split_at(bytes.len().min(missing));
            self.bytes.try_reserve(these.len())?;
            self.bytes.extend_from_slice(these);
            self.checksum.update(these);
            bytes = rest;
            if these.len() == missing {
                let values = mem::take(&mut self.bytes);
                let checksum = mem::take(&mut self.checksum).finalize();
                if let Err(fault) = self.layout.check(part, &values, checksum) {
                    return Ok(Err(fault));
                }
                self.bundle.insert(part, Cow::Owned(values));
                self.complete += 1;
            }
        }
        Ok(Ok(()))
    }
}
