//! BERT (Devlin et al. 2019) from token ids to token logits, as Hugging Face's
//! `BertForTokenClassification` computes it in evaluation mode.

use ner::model::{Bundle, Config};

use crate::kernels::{self, Isa, MAX_DEPTH};
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
    epsilon: f32,
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
    /// Takes the weights of a bundle into the kernels' layout. The bundle's bytes are not needed
    /// afterwards.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a configuration that this engine does not run.
    pub fn new(bundle: &Bundle) -> Result<Self, Error> {
        Self::with_isa(bundle, Isa::detect())
    }

    /// As [`Model::new`], with a variant of the kernels other than the fastest. The results are the
    /// same to the bit.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn with_isa(bundle: &Bundle, isa: Isa) -> Result<Self, Error> {
        let config = bundle.config();
        check(config)?;
        let hidden = config.hidden_size;
        let table = |name: &str| Table::read(bundle, &format!("bert.embeddings.{name}.weight"));
        Ok(Self {
            isa,
            positions: config.max_position_embeddings,
            vocab_size: config.vocab_size,
            hidden,
            heads: config.num_attention_heads,
            epsilon: config.layer_norm_eps as f32,
            words: table("word_embeddings"),
            token_types: table("token_type_embeddings"),
            position_table: table("position_embeddings"),
            embedding_norm: LayerNorm::read(bundle, "bert.embeddings.LayerNorm"),
            layers: (0..config.num_hidden_layers)
                .map(|layer| Layer::read(bundle, layer, config))
                .collect(),
            classifier: Linear::read(bundle, &["classifier".to_owned()], hidden),
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
        self.check_input(ids)?;
        let (isa, epsilon) = (self.isa, self.epsilon);
        let head_size = self.hidden / self.heads;
        let intermediate = self
            .layers
            .first()
            .map_or(0, |layer| layer.intermediate.columns());
        scratch.resize(ids.len(), self.hidden, intermediate, self.labels());
        let Scratch {
            hidden,
            qkv,
            context,
            intermediate,
            update,
            logits,
            quantized,
            attention,
        } = scratch;

        let rows = hidden.chunks_exact_mut(self.hidden);
        for (position, (row, &id)) in rows.zip(ids).enumerate() {
            row.fill(0.0);
            self.words.add_row(id as usize, row);
            self.token_types.add_row(0, row);
            self.position_table.add_row(position, row);
        }
        let LayerNorm { gain, bias } = &self.embedding_norm;
        kernels::layer_norm(isa, hidden, gain, bias, epsilon);

        for layer in &self.layers {
            layer.qkv.apply(isa, hidden, quantized, qkv);
            kernels::attention(isa, qkv, self.heads, head_size, attention, context);
            layer
                .attention_output
                .apply(isa, context, quantized, update);
            let LayerNorm { gain, bias } = &layer.attention_norm;
            kernels::add_layer_norm(isa, hidden, update, gain, bias, epsilon);

            layer
                .intermediate
                .apply(isa, hidden, quantized, intermediate);
            kernels::gelu(isa, intermediate);
            layer.output.apply(isa, intermediate, quantized, update);
            let LayerNorm { gain, bias } = &layer.output_norm;
            kernels::add_layer_norm(isa, hidden, update, gain, bias, epsilon);
        }

        self.classifier.apply(isa, hidden, quantized, logits);
        match logits.iter().position(|logit| !logit.is_finite()) {
            Some(index) => Err(Error::Overflow {
                position: index / self.labels(),
            }),
            None => Ok(logits),
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

impl Layer {
    fn read(bundle: &Bundle, layer: usize, config: &Config) -> Self {
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
        let linear = |part, depth| Linear::read(bundle, &[name(part)], depth);
        let norm = |part| LayerNorm::read(bundle, &name(part));
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let qkv = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Self {
            qkv: Linear::read(bundle, &qkv, hidden),
            attention_output: linear("attention.output.dense", hidden),
            attention_norm: norm("attention.output.LayerNorm"),
            intermediate: linear("intermediate.dense", hidden),
            output: linear("output.dense", intermediate),
            output_norm: norm("output.LayerNorm"),
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
    let epsilon = config.layer_norm_eps;
    if !(epsilon as f32).is_normal() {
        // As zero it would turn a row of equal values into NaN.
        let message = format!("layer_norm_eps is {epsilon:e}, which F32 cannot hold");
        return Err(Error::Unsupported(message));
    }
    Ok(())
}
