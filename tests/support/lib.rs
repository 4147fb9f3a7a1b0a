//! What the end-to-end tests stand on: a static server that can be told to misbehave, a browser, a
//! watch over everything the browser says and requests, and the page as its users and its
//! documented test hooks see it.
//!
//! This package links none of the product's crates: it sees what a user's browser gets.

pub mod access;
pub mod answers;
pub mod base;
pub mod browser;
mod chromium;
pub mod devtools;
mod dropping;
pub mod ear;
pub mod embedding;
pub mod engine;
pub mod evaluation;
mod firefox;
pub mod input;
mod memory;
pub mod notes;
pub mod page;
pub mod server;
mod session;
pub mod shelf;
pub mod terminal;
mod webkit;
mod wire;

pub use engine::{Engine, Need, leave_out};
pub use session::{Session, Setup, package, single_file, site_folder};
