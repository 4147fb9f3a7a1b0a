//! Reading and writing of files. Files hold Unicode code points; ranges inside the crate are bytes.

pub mod bio;
pub mod jsonl;
pub mod python;
