//! BERT (Devlin et al. 2019) from token ids to token logits, as Hugging Face's
//! `BertForTokenClassification` computes it in evaluation mode.

use ner::model::{Bundle, Config};

use crate::kernels::{Activate, Isa, MAX_DEPTH, MAX_HEAD_SIZE, MAX_TOKENS, Precision, Runner};
use crate::scratch::Buffers;
use crate::weights::{LayerNorm, Linear, Table};
use crate::{Error, Scratch};

/// A BERT token classifier ready to run.
#[derive(Debug)]
pub struct Model {
    isa: Isa,
    positions: usize,
    vocab_size: usize,
    hidden: usize,
    heads: usize,
    words: Table,
    token_types: Table,
    position_table: Table,
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
    classifier: Linear,
}

#[derive(Debug)]
struct Layer {
    /// Query, key and value in one product `[T, H] -> [T, 3H]`.
    qkv: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
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
    pub fn with_isa(mut bundle: Bundle, isa: Isa) -> Result<Self, Error> {
        let bundle = &mut bundle;
        let config = bundle.config().clone();
        check(&config)?;
        let hidden = config.hidden_size;
        let mut table = |name: &str| Table::take(bundle, &format!("bert.embeddings.{name}.weight"));
        Ok(Self {
            isa,
            positions: config.max_position_embeddings,
            vocab_size: config.vocab_size,
            hidden,
            heads: config.num_attention_heads,
            words: table("word_embeddings"),
            token_types: table("token_type_embeddings"),
            position_table: table("position_embeddings"),
            embedding_norm: LayerNorm::take(bundle, "bert.embeddings.LayerNorm"),
            layers: (0..config.num_hidden_layers)
                .map(|layer| Layer::take(bundle, isa, layer, &config))
                .collect(),
            classifier: Linear::take(bundle, isa, &["classifier".to_owned()], hidden),
        })
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
        for layer in &self.layers {
            layer.forward(runner, self.heads, inputs, buffers);
        }
        let Buffers {
            hidden,
            quantized,
            logits,
            ..
        } = buffers;
        (self.classifier).apply(runner, hidden, quantized, Activate::Identity, logits);
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
    fn forward(&self, runner: Runner, heads: usize, inputs: &[&[u32]], buffers: &mut Buffers) {
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
        let (mut qkv, mut out) = (&qkv[..], &mut context[..]);
        for ids in inputs {
            let (head, tail) = qkv.split_at(ids.len() * 3 * width);
            let (context, rest) = out.split_at_mut(ids.len() * width);
            (qkv, out) = (tail, rest);
            runner.attention(precision, head, heads, width / heads, attention, context);
        }
        if is_int8 {
            runner.quantize(context, width, quantized);
        }
        (self.attention_output).apply(runner, context, quantized, Activate::Identity, update);
        let norm = self.attention_norm.norm();
        runner.add_layer_norm(
            hidden,
            Some(update),
            norm,
            is_int8.then_some(&mut *quantized),
        );

        (self.intermediate).apply(runner, hidden, quantized, Activate::Gelu, intermediate);
        if is_int8 {
            runner.quantize(intermediate, self.intermediate.columns(), quantized);
        }
        (self.output).apply(runner, intermediate, quantized, Activate::Identity, update);
        let norm = self.output_norm.norm();
        runner.add_layer_norm(
            hidden,
            Some(update),
            norm,
            is_int8.then_some(&mut *quantized),
        );
    }

    fn take(bundle: &mut Bundle, isa: Isa, layer: usize, config: &Config) -> Self {
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
        let linear =
            |bundle: &mut Bundle, part, depth| Linear::take(bundle, isa, &[name(part)], depth);
        let norm = |bundle: &mut Bundle, part| LayerNorm::take(bundle, &name(part));
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let qkv = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Self {
            qkv: Linear::take(bundle, isa, &qkv, hidden),
            attention_output: linear(bundle, "attention.output.dense", hidden),
            attention_norm: norm(bundle, "attention.output.LayerNorm"),
            intermediate: linear(bundle, "intermediate.dense", hidden),
            output: linear(bundle, "output.dense", intermediate),
            output_norm: norm(bundle, "output.LayerNorm"),
        }
    }
}

/// What this engine asks for beyond what every [`Bundle`]'s configuration keeps to.
fn check(config: &Config) -> Result<(), Error> {
    let depth = config.hidden_size.max(config.intermediate_size);
    if depth > MAX_DEPTH {
        let message = format!("hidden_size or intermediate_size is {depth}, at most {MAX_DEPTH}");
        return Err(Error::Unsupported(message));
    }
    let positions = config.max_position_embeddings;
    if positions > MAX_TOKENS {
        let message = format!("max_position_embeddings is {positions}, at most {MAX_TOKENS}");
        return Err(Error::Unsupported(message));
    }
    let head_size = config.hidden_size / config.num_attention_heads;
    if head_size > MAX_HEAD_SIZE {
        let message =
            format!("hidden_size / num_attention_heads is {head_size}, at most {MAX_HEAD_SIZE}");
        return Err(Error::Unsupported(message));
    }
    let epsilon = config.layer_norm_eps;
    if !(epsilon as f32).is_normal() {
        // As zero it would turn a row of equal values into NaN.
        let message = format!("layer_norm_eps is {epsilon:e}, which F32 cannot hold");
        return Err(Error::Unsupported(message));
    }
    Ok(())
}
