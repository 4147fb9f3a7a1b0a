//! The model file: its configuration, its tensors, its int8 scheme, its container.

pub mod bundle;
pub mod card;
pub mod config;
pub mod quant;
pub mod tensors;

mod container;
mod incoming;
mod layout;

pub use bundle::Bundle;
pub use card::Card;
pub use config::Config;
pub use incoming::Incoming;
