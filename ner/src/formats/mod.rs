//! Reading and writing of files. Files hold Unicode code points; ranges inside the crate are bytes.
//!
//! [`Format`] lists what can be written; page and terminal write with the same code. [`write::files`]
//! gives a collection as files, [`write::document`] and [`write::Writer`] give it piece by piece.
//! [`read()`] takes whatever holds documents, with marks or without, [`read_texts`] their texts alone;
//! [`brat::read`] takes a text and its annotations, which are two files.

pub mod export;
pub mod read;
pub mod write;

pub mod bio;
pub mod brat;
pub mod conll;
pub mod csv;
pub mod doccano;
pub mod fhir;
pub mod html;
pub mod jsonl;
pub mod prodigy;
pub mod python;

mod json;
mod marks;
mod names;
mod pairs;
mod points;

pub use export::{Exported, Format, Mark, Provenance, Source, VERSION};
pub use names::FileNames;
pub use read::{Imported, read, read_annotated, read_annotated_any_type, read_as, read_texts};
pub use write::{File, Writer};
