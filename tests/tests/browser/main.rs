//! End-to-end tests: the built site in a real Chromium. `cargo xtask test` runs them.

mod answers;
mod editing;
mod evaluation;
mod failures;
mod hard_notes;
mod kernels;
mod network;
mod reviewing;
mod screenshots;
