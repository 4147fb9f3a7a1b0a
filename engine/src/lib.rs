//! The network without the task: BERT's forward pass over an exported (int8) or fine-tuned (F32)
//! model.

mod builder;
mod error;
mod forward;
pub mod kernels;
mod scratch;
mod team;
mod weights;

pub use builder::Builder;
pub use error::Error;
pub use forward::{Model, Step};
pub use kernels::Isa;
pub use scratch::Scratch;
pub use team::Team;
