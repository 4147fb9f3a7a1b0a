use crate::kernels::{AttentionScratch, QuantizedRows};

/// Buffers of a forward pass, kept between calls so that a forward allocates nothing once they have
/// grown.
#[derive(Debug, Default)]
pub struct Scratch {
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

impl Scratch {
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
