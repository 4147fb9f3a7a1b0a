//! From a bundle to a model: the weights go into the kernels' layout, as soon as they are there.

use ner::model::{Bundle, Config};

use crate::forward::Layer;
use crate::kernels::{MAX_DEPTH, MAX_HEAD_SIZE, MAX_TOKENS};
use crate::weights::{LayerNorm, Linear, Table};
use crate::{Error, Isa, Model};

/// A [`Model`] whose weights may still be on their way ([`ner::model::Incoming`]).
#[derive(Debug)]
pub struct Builder {
    isa: Isa,
    config: Config,
    layers: Vec<Layer>,
}

impl Builder {
    /// For the weights of a bundle with this configuration.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a configuration that this engine does not run.
    pub fn new(config: &Config, isa: Isa) -> Result<Self, Error> {
        check(config)?;
        Ok(Self {
            isa,
            config: config.clone(),
            layers: Vec::with_capacity(config.num_hidden_layers),
        })
    }

    /// Takes those of the bundle's weights that can be packed already: whole layers, from the first
    /// one on.
    pub fn take(&mut self, bundle: &mut Bundle) {
        while self.layers.len() < self.config.num_hidden_layers
            && Layer::is_in(bundle, self.layers.len())
        {
            self.layers.push(Layer::take(
                bundle,
                self.isa,
                self.layers.len(),
                &self.config,
            ));
        }
    }

    /// Takes what is left.
    ///
    /// # Panics
    /// When a weight is neither in the bundle nor taken before.
    pub fn finish(mut self, mut bundle: Bundle) -> Model {
        let bundle = &mut bundle;
        self.take(bundle);
        let Self {
            isa,
            config,
            layers,
        } = self;
        let missing = config.num_hidden_layers - layers.len();
        assert_eq!(missing, 0, "layers that the bundle does not have");
        let mut table = |name: &str| Table::take(bundle, &format!("bert.embeddings.{name}.weight"));
        Model {
            isa,
            positions: config.max_position_embeddings,
            vocab_size: config.vocab_size,
            hidden: config.hidden_size,
            heads: config.num_attention_heads,
            words: table("word_embeddings"),
            token_types: table("token_type_embeddings"),
            position_table: table("position_embeddings"),
            embedding_norm: LayerNorm::take(bundle, "bert.embeddings.LayerNorm"),
            layers,
            classifier: Linear::take(bundle, isa, &["classifier".to_owned()], config.hidden_size),
        }
    }
}

const QKV: [&str; 3] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
];
const ATTENTION_OUTPUT: &str = "attention.output.dense";
const ATTENTION_NORM: &str = "attention.output.LayerNorm";
const INTERMEDIATE: &str = "intermediate.dense";
const OUTPUT: &str = "output.dense";
const OUTPUT_NORM: &str = "output.LayerNorm";

fn name(layer: usize, module: &str) -> String {
    format!("bert.encoder.layer.{layer}.{module}")
}

impl Layer {
    /// Whether all weights of a layer are there.
    fn is_in(bundle: &Bundle, layer: usize) -> bool {
        let others = [
            ATTENTION_OUTPUT,
            ATTENTION_NORM,
            INTERMEDIATE,
            OUTPUT,
            OUTPUT_NORM,
        ];
        QKV.into_iter().chain(others).all(|module| {
            let name = name(layer, module);
            ["weight", "bias"]
                .iter()
                .all(|part| bundle.has(&format!("{name}.{part}")))
        })
    }

    fn take(bundle: &mut Bundle, isa: Isa, layer: usize, config: &Config) -> Self {
        let linear = |bundle: &mut Bundle, module, depth| {
            Linear::take(bundle, isa, &[name(layer, module)], depth)
        };
        let norm = |bundle: &mut Bundle, module| LayerNorm::take(bundle, &name(layer, module));
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let qkv = QKV.map(|module| name(layer, module));
        Self {
            qkv: Linear::take(bundle, isa, &qkv, hidden),
            attention_output: linear(bundle, ATTENTION_OUTPUT, hidden),
            attention_norm: norm(bundle, ATTENTION_NORM),
            intermediate: linear(bundle, INTERMEDIATE, hidden),
            output: linear(bundle, OUTPUT, intermediate),
            output_norm: norm(bundle, OUTPUT_NORM),
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
