//! Fine-tunes, evaluates and runs BERT token classifiers for clinical entities.

pub mod adamw;
pub mod batch;
pub mod bert;
pub mod calibrate;
pub mod checkpoint;
pub mod cli;
mod crf;
pub mod data;
pub mod device;
pub mod evaluate;
pub mod fine_tune;
pub mod generate;
pub mod hub;
pub mod input;
pub mod ops;
pub mod output;
pub mod parts;
pub mod plot;
pub mod predict;
pub mod random;
pub mod report;
pub mod schedule;
pub mod source;
pub mod split;
pub mod stats;
pub mod train;
pub mod validate;
