//! End-to-end tests: the built site in real browsers. `cargo xtask test` runs them, an engine after the other.

mod access;
mod answers;
mod editing;
mod element;
mod embedding;
mod evaluation;
mod exporting;
mod failures;
mod files;
mod hard_notes;
mod keeping;
mod kernels;
mod model;
mod network;
mod offline;
mod reviewing;
mod screenshots;
mod single_file;
mod update;
