//! Files of `torch.save`: the values that torch wrote, and files that want something else.

mod archive;
mod goldens;
mod hostile;
mod program;

use std::collections::HashMap;
use std::io::Cursor;

use candle_core::Tensor;

/// All that is in a file but what its name calls unwanted.
fn read(file: &[u8]) -> anyhow::Result<HashMap<String, Tensor>> {
    trainer::pickle::read_from(Cursor::new(file), |name| !name.starts_with("unwanted"))
}

/// Why a file is refused.
fn refusal(file: &[u8]) -> String {
    match read(file) {
        Ok(tensors) => format!("read as {tensors:?}"),
        Err(error) => format!("{error:#}"),
    }
}
