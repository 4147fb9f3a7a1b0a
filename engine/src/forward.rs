//! BERT (Devlin et al. 2019) from token ids to token logits, as Hugging Face's
//! `BertForTokenClassification` computes it in evaluation mode.

use ner::model::Bundle;

use crate::kernels::{Activate, Isa, Precision, Runner};
use crate::scratch::Buffers;
use crate::weights::{LayerNorm, Linear, Table};
use crate::{Builder, Error, Scratch};

/// A BERT token classifier ready to run.
#[derive(Debug)]
pub struct Model {
    pub(crate) isa: Isa,
    pub(crate) positions: usize,
    pub(crate) vocab_size: usize,
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) words: Table,
    pub(crate) token_types: Table,
    pub(crate) position_table: Table,
    pub(crate) embedding_norm: LayerNorm,
    pub(crate) layers: Vec<Layer>,
    pub(crate) classifier: Linear,
}

#[derive(Debug)]
pub(crate) struct Layer {
    /// Query, key and value in one product `[T, H] -> [T, 3H]`.
    pub(crate) qkv: Linear,
    pub(crate) attention_output: Linear,
    pub(crate) attention_norm: LayerNorm,
    pub(crate) intermediate: Linear,
    pub(crate) output: Linear,
    pub(crate) output_norm: LayerNorm,
}

/// A step of a forward pass, as [`Model::forward_observed`] tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The three embeddings, their sum's LayerNorm, and its quantization.
    Embeddings,
    /// The product that makes queries, keys and values.
    QueryKeyValue,
    /// Scaled dot-product attention.
    Attention,
    /// The product behind attention.
    AttentionOutput,
    /// A residual's addition, LayerNorm, and its quantization.
    AddLayerNorm,
    /// The first product of the feed-forward network, with GELU.
    Intermediate,
    /// The second.
    Output,
    /// Quantization of what attention or GELU gave, in an int8 model.
    Quantize,
    /// The product that makes logits.
    Classifier,
}

impl Model {
    /// Takes the weights of a bundle, one tensor after the other, into the kernels' layout.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a configuration that this engine does not run.
    pub fn new(bundle: Bundle) -> Result<Self, Error> {
        Self::with_isa(bundle, Isa::detect())
    }

    /// As [`Model::new`], with a variant of the kernels other than the fastest. The results are the
    /// same to the bit.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn with_isa(bundle: Bundle, isa: Isa) -> Result<Self, Error> {
        Ok(Builder::new(bundle.config(), isa)?.finish(bundle))
    }

    /// L.
    pub fn labels(&self) -> usize {
        self.classifier.columns()
    }

    /// Longest input.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// The variant of the kernels that runs.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Logits `[T, L]` of one input `[T]` of token ids, special tokens included.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooLong`] and [`Error::UnknownToken`] for an input that does not
    /// fit the model; [`Error::Overflow`] when a logit is not finite.
    pub fn forward<'s>(&self, ids: &[u32], scratch: &'s mut Scratch) -> Result<&'s [f32], Error> {
        self.forward_all(&[ids], scratch)
    }

    /// As [`Model::forward`] of several inputs one by one, their logits one after the other, in one
    /// pass: many short inputs keep more threads at work.
    ///
    /// # Errors
    /// As [`Model::forward`]; positions are those within the input.
    pub fn forward_all<'s>(
        &self,
        inputs: &[&[u32]],
        scratch: &'s mut Scratch,
    ) -> Result<&'s [f32], Error> {
        self.forward_observed(inputs, scratch, |_| {})
    }

    /// As [`Model::forward_all`], calling `done` after each step with its name, for profiles. Steps of
    /// several layers have the same names.
    ///
    /// # Errors
    /// As [`Model::forward_all`].
    pub fn forward_observed<'s>(
        &self,
        inputs: &[&[u32]],
        scratch: &'s mut Scratch,
        mut done: impl FnMut(Step),
    ) -> Result<&'s [f32], Error> {
        for ids in inputs {
            self.check_input(ids)?;
        }
        let runner = Runner {
            isa: self.isa,
            team: &scratch.team,
        };
        let tokens = inputs.iter().map(|ids| ids.len()).sum();
        let intermediate = self
            .layers
            .first()
            .map_or(0, |layer| layer.intermediate.columns());
        let buffers = &mut scratch.buffers;
        buffers.resize(tokens, self.hidden, intermediate, self.labels());
        self.embed(inputs, &mut buffers.hidden);
        let first = self
            .layers
            .first()
            .map_or(&self.classifier, |layer| &layer.qkv);
        // What follows a LayerNorm takes its output quantized.
        let quantized = first.is_int8().then_some(&mut buffers.quantized);
        let norm = self.embedding_norm.norm();
        runner.add_layer_norm(&mut buffers.hidden, None, norm, quantized);
        done(Step::Embeddings);
        for layer in &self.layers {
            layer.forward(runner, self.heads, inputs, buffers, &mut done);
        }
        let Buffers {
            hidden,
            quantized,
            logits,
            ..
        } = buffers;
        (self.classifier).apply(runner, hidden, quantized, Activate::Identity, logits);
        done(Step::Classifier);
        match logits.iter().position(|logit| !logit.is_finite()) {
            Some(index) => Err(Error::Overflow {
                position: position(inputs, index / self.labels()),
            }),
            None => Ok(logits),
        }
    }

    /// The sum of its three embeddings for every token, `[T, H]`.
    fn embed(&self, inputs: &[&[u32]], out: &mut [f32]) {
        let ids = inputs.iter().flat_map(|ids| ids.iter().enumerate());
        for (row, (position, &id)) in out.chunks_exact_mut(self.hidden).zip(ids) {
            row.fill(0.0);
            self.words.add_row(id as usize, row);
            self.token_types.add_row(0, row);
            self.position_table.add_row(position, row);
        }
    }

    fn check_input(&self, ids: &[u32]) -> Result<(), Error> {
        let Self {
            positions,
            vocab_size,
            ..
        } = *self;
        if ids.is_empty() {
            return Err(Error::Empty);
        }
        if ids.len() > positions {
            return Err(Error::TooLong {
                tokens: ids.len(),
                positions,
            });
        }
        match ids.iter().position(|&id| id as usize >= vocab_size) {
            Some(position) => Err(Error::UnknownToken {
                id: ids[position],
                position,
                vocab_size,
            }),
            None => Ok(()),
        }
    }
}

/// Where in its input the token is that is the `index`-th of all.
fn position(inputs: &[&[u32]], mut index: usize) -> usize {
    for ids in inputs {
        if index < ids.len() {
            break;
        }
        index -= ids.len();
    }
    index
}

impl Layer {
    /// Replaces `hidden`, and `quantized`, by this layer's output.
    fn forward(
        &self,
        runner: Runner,
        heads: usize,
        inputs: &[&[u32]],
        buffers: &mut Buffers,
        done: &mut impl FnMut(Step),
    ) {
        let Buffers {
            hidden,
            qkv,
            context,
            intermediate,
            update,
            quantized,
            attention,
            ..
        } = buffers;
        let (is_int8, width) = (self.qkv.is_int8(), self.output.columns());
        let precision = if is_int8 {
            Precision::I16
        } else {
            Precision::F32
        };
        (self.qkv).apply(runner, hidden, quantized, Activate::Identity, qkv);
        done(Step::QueryKeyValue);
        let (mut qkv, mut out) = (&qkv[..], &mut context[..]);
        for ids in inputs {
            let (head, tail) = qkv.split_at(ids.len() * 3 * width);
            let (context, rest) = out.split_at_mut(ids.len() * width);
            (qkv, out) = (tail, rest);
            runner.attention(precision, head, heads, width / heads, attention, context);
        }
        done(Step::Attention);
        if is_int8 {
            runner.quantize(context, width, quantized);
            done(Step::Quantize);
        }
        (self.attention_output).apply(runner, context, quantized, Activate::Identity, update);
        done(Step::AttentionOutput);
        let norm = self.attention_norm.norm();
        runner.add_layer_norm(
            hidden,
            Some(update),
            norm,
            is_int8.then_some(&mut *quantized),
        );
        done(Step::AddLayerNorm);

        (self.intermediate).apply(runner, hidden, quantized, Activate::Gelu, intermediate);
        done(Step::Intermediate);
        if is_int8 {
            runner.quantize(intermediate, self.intermediate.columns(), quantized);
            done(Step::Quantize);
        }
        (self.output).apply(runner, intermediate, quantized, Activate::Identity, update);
        done(Step::Output);
        let norm = self.output_norm.norm();
        runner.add_layer_norm(
            hidden,
            Some(update),
            norm,
            is_int8.then_some(&mut *quantized),
        );
        done(Step::AddLayerNorm);
    }
}
