//! Reading and writing of files. Files hold Unicode code points; ranges inside the crate are bytes.
//!
//! [`Format`] lists what can be written; page and terminal write with the same code.

pub mod bio;
pub mod export;
pub mod jsonl;
pub mod python;

pub use export::{Exported, Format, Mark, Provenance, Source};
