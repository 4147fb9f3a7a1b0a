//! Bytes of a pickle, of which none is taken for there before it has been read.

use std::io::{ErrorKind, Read};

use anyhow::{Result, bail};

/// Longest pickle in bytes. A state dict takes about 150 for a tensor, so this has room for a
/// hundred thousand.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Longest line of a GLOBAL, which is the name of a module or of something in it.
const MAX_LINE: usize = 256;

/// What is left of a file for the pickles in it.
pub(super) struct Input<R> {
    inner: R,
    position: u64,
    end: u64,
}

impl<R: Read> Input<R> {
    /// `inner` stands at byte `position` of its file, of which `length` bytes may be read.
    pub(super) fn new(inner: R, position: u64, length: u64) -> Self {
        Self {
            inner,
            position,
            end: position.saturating_add(length.min(MAX_BYTES)),
        }
    }

    /// Bytes before what is read next.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// `length` bytes, for which memory is asked once it is known that there are as many.
    pub(super) fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        self.check(length)?;
        let mut bytes = vec![0; usize::try_from(length)?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Up to the next line end, which is left out.
    pub(super) fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8(line)?),
                _ if line.len() == MAX_LINE => bail!("a name of more than {MAX_LINE} bytes"),
                byte => line.push(byte),
            }
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.check(bytes.len() as u64)?;
        match self.inner.read_exact(bytes) {
            Ok(()) => self.position += bytes.len() as u64,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => bail!("{CUT_OFF}"),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn check(&self, length: u64) -> Result<()> {
        if length > self.end - self.position {
            bail!("{CUT_OFF}, or is longer than {} MiB", MAX_BYTES >> 20);
        }
        Ok(())
    }
}

const CUT_OFF: &str = "the pickle is cut off";
