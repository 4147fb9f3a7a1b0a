//! What the page and its worker share or can do without a browser: their messages, and the pure parts that are tested
//! natively.
//!
//! The page (`src/app`, a Leptos application) shows notes and their entities; the worker (`src/worker`) holds the model. Neither
//! links the other's dependencies. Positions on the page are UTF-16 units, as in every live JavaScript object; the worker
//! converts from bytes once, in [`units`].
#![forbid(unsafe_code)]

pub mod protocol;

pub mod edit;
pub mod highlight;
pub mod line_ends;
pub mod mark;
pub mod names;
pub mod note;
pub mod review;
pub mod word;

pub mod archive;
pub mod draft;
pub mod files;
pub mod opening;

pub mod bytes;
pub mod cache;
pub mod pieces;
pub mod units;
pub mod windows;

pub use ner::kind;
