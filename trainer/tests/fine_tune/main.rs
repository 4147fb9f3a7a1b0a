//! `trainer fine-tune` on a tiny model.

mod overfit;
mod resume;
mod workplace;
