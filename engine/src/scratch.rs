use std::sync::Arc;

use crate::Team;
use crate::kernels::{AttentionScratch, QuantizedRows};

/// The threads of a forward pass, and its buffers, kept between calls so that a forward allocates
/// nothing once they have grown.
#[derive(Debug)]
pub struct Scratch {
    pub(crate) team: Arc<Team>,
    pub(crate) buffers: Buffers,
}

impl Scratch {
    /// For forward passes on the threads of `team`. The results do not depend on their number.
    pub fn with_team(team: Arc<Team>) -> Self {
        Self {
            team,
            buffers: Buffers::default(),
        }
    }
}

/// For forward passes on the calling thread.
impl Default for Scratch {
    fn default() -> Self {
        Self::with_team(Arc::new(Team::solo()))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// `[T, H]`: what a layer reads and, at its end, writes.
    pub(crate) hidden: Vec<f32>,
    /// `[T, 3H]`: queries, keys and values.
    pub(crate) qkv: Vec<f32>,
    /// `[T, H]`: what attention reads out of the values.
    pub(crate) context: Vec<f32>,
    /// `[T, F]`.
    pub(crate) intermediate: Vec<f32>,
    /// `[T, H]`: what a block adds to `hidden`.
    pub(crate) update: Vec<f32>,
    /// `[T, L]`.
    pub(crate) logits: Vec<f32>,
    /// The input of an int8 product.
    pub(crate) quantized: QuantizedRows,
    pub(crate) attention: AttentionScratch,
}

impl Buffers {
    /// Sets the lengths for an input of `tokens`; allocates only where one has never been as great.
    pub(crate) fn resize(
        &mut self,
        tokens: usize,
        hidden: usize,
        intermediate: usize,
        labels: usize,
    ) {
        self.hidden.resize(tokens * hidden, 0.0);
        self.qkv.resize(tokens * 3 * hidden, 0.0);
        self.context.resize(tokens * hidden, 0.0);
        self.intermediate.resize(tokens * intermediate, 0.0);
        self.update.resize(tokens * hidden, 0.0);
        self.logits.resize(tokens * labels, 0.0);
    }
}
