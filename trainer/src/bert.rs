//! A trainable BERT token classifier (Devlin et al. 2019), with Hugging Face's parameter names and
//! dropout places.
//!
//! N tokens of a batch, packed without padding; H hidden; A heads; F intermediate; L labels.
//! `transformers`' `BertForTokenClassification` is the reference for values and gradients alike.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor, Var};
use ner::Decoder;
use ner::model::config::Head;
use ner::model::{Config, tensors};

use crate::batch::Batch;
use crate::crf;
use crate::ops::{self, Dropout, Form};
use crate::random::{Stream, mix, normal};

/// Whether a forward pass drops values and keeps what a backward pass needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Dropout with masks of this seed, which must differ from step to step.
    Train {
        /// Seed of the masks.
        seed: u64,
    },
    /// No dropout, no backward pass.
    Evaluate,
}

/// Configuration and weights.
pub struct Bert {
    config: Config,
    labels: usize,
    device: Device,
    names: Vec<String>,
    weights: HashMap<String, Var>,
}

impl Bert {
    /// Takes weights of Hugging Face's names; those of [`tensors::specs`] that are absent from
    /// `weights` are drawn anew: matrices from a normal distribution of the configuration's
    /// `initializer_range`, biases and a CRF's terms 0, LayerNorm weights 1. Returns their names too.
    ///
    /// # Errors
    /// Names a tensor of another shape and a configuration that cannot be a token classifier's.
    pub fn new(
        config: Config,
        mut weights: HashMap<String, Tensor>,
        seed: u64,
        device: &Device,
    ) -> Result<(Self, Vec<String>)> {
        let labels = config.labels()?.len();
        let mut bert = Self {
            config,
            labels,
            device: device.clone(),
            names: Vec::new(),
            weights: HashMap::new(),
        };
        let mut random = Stream::new(seed);
        let mut drawn = Vec::new();
        for tensors::Spec { name, shape, .. } in tensors::specs(&bert.config, labels) {
            let tensor = match weights.remove(&name) {
                Some(tensor) if tensor.dims() == shape => tensor.to_dtype(DType::F32)?,
                Some(tensor) => bail!(
                    "{name} has shape {:?}, the configuration wants {shape:?}",
                    tensor.dims()
                ),
                None => {
                    let values = initial(
                        &name,
                        shape.iter().product(),
                        bert.config.initializer_range,
                        &mut random,
                    );
                    drawn.push(name.clone());
                    Tensor::from_vec(values, shape, &Device::Cpu)?
                }
            };
            // `Var::from_tensor` would share the storage of the caller's tensor, which the
            // optimizer writes to.
            let var = Var::from_tensor(&tensor.to_device(device)?.copy()?)?;
            bert.names.push(name.clone());
            bert.weights.insert(name, var);
        }
        Ok((bert, drawn))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Parameters in the order of [`tensors::specs`].
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.names
            .iter()
            .map(|name| (name.as_str(), &self.weights[name]))
    }

    /// From logits to entities, with what the CRF has learnt so far and without calibration.
    ///
    /// # Errors
    /// candle's.
    pub fn decoder(&self) -> Result<Decoder> {
        let labels = self.config.labels()?;
        match self.config.classifier_head {
            Head::Softmax => Ok(Decoder::bio(labels)),
            Head::Crf => Decoder::crf(labels, |name| {
                Ok(self.weights[name].flatten_all()?.to_vec1()?)
            }),
        }
    }

    /// Logits `[N, L]`.
    ///
    /// # Errors
    /// Names a token id or position that the model has no embedding for; candle's errors.
    pub fn logits(&self, batch: &Batch, mode: Mode) -> Result<Tensor> {
        let pass = Pass {
            bert: self,
            form: self.form(),
            mode,
        };
        pass.classify(&pass.encode(batch)?)
    }

    /// Mean cross-entropy over the batch's targets, or with a CRF the negative log-likelihood of their
    /// sequences by target; a scalar.
    ///
    /// # Errors
    /// As [`Self::logits`]; a batch without targets; a target that is no label.
    pub fn loss(&self, batch: &Batch, mode: Mode) -> Result<Tensor> {
        self.loss_of(
            batch,
            Pass {
                bert: self,
                form: self.form(),
                mode,
            },
        )
    }

    /// [`Self::loss`] through candle's own operations, the fused ones' reference.
    ///
    /// # Errors
    /// As [`Self::loss`].
    pub fn composite_loss(&self, batch: &Batch, mode: Mode) -> Result<Tensor> {
        self.loss_of(
            batch,
            Pass {
                bert: self,
                form: Form::Composite,
                mode,
            },
        )
    }

    fn loss_of(&self, batch: &Batch, pass: Pass) -> Result<Tensor> {
        if batch.rows.is_empty() {
            bail!("a batch without a labelled token has no loss");
        }
        if let Some(target) = batch
            .targets
            .iter()
            .find(|&&target| target as usize >= self.labels)
        {
            bail!("target {target}, the model has {} labels", self.labels);
        }
        // Tokens that do not count need no logits.
        let rows = Tensor::new(batch.rows.as_slice(), &self.device)?;
        let logits = pass.classify(&pass.encode(batch)?.index_select(&rows, 0)?)?;
        if self.config.classifier_head == Head::Crf {
            let terms: Vec<Tensor> = tensors::CRF
                .iter()
                .map(|name| pass.weight(name))
                .collect::<Result<_>>()?;
            return crf::loss(&logits, &terms, batch, &self.config.labels()?);
        }
        let targets = Tensor::new(batch.targets.as_slice(), &self.device)?;
        Ok(candle_nn::loss::cross_entropy(&logits, &targets)?)
    }

    fn form(&self) -> Form {
        Form::of(&self.weights[&self.names[0]])
    }

    fn check(&self, batch: &Batch) -> Result<()> {
        let vocabulary = self.config.vocab_size;
        if let Some(id) = batch.ids.iter().find(|&&id| id as usize >= vocabulary) {
            bail!(
                "token id {id}, the model's vocabulary has {vocabulary}: they do not belong together"
            );
        }
        let longest = batch
            .starts
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or(0);
        if longest > self.config.max_position_embeddings {
            bail!(
                "input of {longest} tokens, the model has {} positions",
                self.config.max_position_embeddings
            );
        }
        Ok(())
    }
}

fn initial(name: &str, count: usize, deviation: f64, random: &mut Stream) -> Vec<f32> {
    if name.ends_with("LayerNorm.weight") {
        vec![1.0; count]
    } else if name.ends_with(".bias") || name.starts_with("crf.") {
        vec![0.0; count]
    } else {
        (0..count)
            .map(|_| (deviation * normal(random)) as f32)
            .collect()
    }
}

/// Places where dropout acts, the same numbers in every layer.
const EMBEDDINGS: u64 = 0;
const PROBABILITIES: u64 = 1;
const ATTENTION_OUTPUT: u64 = 2;
const FEED_FORWARD_OUTPUT: u64 = 3;
const CLASSIFIER: u64 = 4;

/// One forward pass.
#[derive(Clone, Copy)]
struct Pass<'a> {
    bert: &'a Bert,
    form: Form,
    mode: Mode,
}

impl Pass<'_> {
    fn weight(&self, name: &str) -> Result<Tensor> {
        let var = self
            .bert
            .weights
            .get(name)
            .with_context(|| format!("the model has no {name}"))?;
        Ok(match self.mode {
            Mode::Train { .. } => var.as_tensor().clone(),
            Mode::Evaluate => var.as_detached_tensor(),
        })
    }

    fn dropout(&self, probability: f64, layer: usize, place: u64) -> Dropout {
        match self.mode {
            Mode::Train { seed } => {
                Dropout::new(probability, mix(seed ^ mix(8 * layer as u64 + place)))
            }
            Mode::Evaluate => Dropout::NONE,
        }
    }

    /// Hidden states `[N, H]` of the last layer.
    fn encode(&self, batch: &Batch) -> Result<Tensor> {
        self.bert.check(batch)?;
        let mut hidden = self.embed(batch)?;
        for layer in 0..self.bert.config.num_hidden_layers {
            hidden = self.layer(&hidden, &batch.starts, layer)?;
        }
        Ok(hidden)
    }

    fn embed(&self, batch: &Batch) -> Result<Tensor> {
        let device = &self.bert.device;
        let look_up = |table: &str, rows: Vec<u32>| -> Result<Tensor> {
            let rows = Tensor::new(rows, device)?;
            Ok(self
                .weight(&format!("bert.embeddings.{table}_embeddings.weight"))?
                .index_select(&rows, 0)?)
        };
        let words = look_up("word", batch.ids.clone())?;
        // Token classification has one segment only.
        let places = look_up("position", batch.positions())?
            .add(&look_up("token_type", vec![0; batch.ids.len()])?)?;
        let normed = self.add_norm(&words, &places, "bert.embeddings.LayerNorm", Dropout::NONE)?;
        let dropout = self.dropout(self.bert.config.hidden_dropout_prob, 0, EMBEDDINGS);
        Ok(ops::dropout(self.form, &normed, dropout)?)
    }

    fn layer(&self, hidden: &Tensor, starts: &[usize], layer: usize) -> Result<Tensor> {
        let config = &self.bert.config;
        let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
        let hidden_dropout = |place| self.dropout(config.hidden_dropout_prob, layer, place);

        // One product of N x 3H instead of three of N x H.
        let parts = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        let together = |kind: &str| -> Result<Tensor> {
            let parts = parts
                .iter()
                .map(|part| self.weight(&format!("{part}.{kind}")));
            Ok(Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?)
        };
        let qkv = ops::linear(self.form, hidden, &together("weight")?, &together("bias")?)?;
        let probabilities = self.dropout(config.attention_probs_dropout_prob, layer, PROBABILITIES);
        let context = ops::attention(
            self.form,
            &qkv,
            starts,
            config.num_attention_heads,
            probabilities,
        )?;
        let output = self.linear(&context, &name("attention.output.dense"))?;
        let norm = name("attention.output.LayerNorm");
        let hidden = self.add_norm(&output, hidden, &norm, hidden_dropout(ATTENTION_OUTPUT))?;

        let inner = ops::gelu(
            self.form,
            &self.linear(&hidden, &name("intermediate.dense"))?,
        )?;
        let output = self.linear(&inner, &name("output.dense"))?;
        self.add_norm(
            &output,
            &hidden,
            &name("output.LayerNorm"),
            hidden_dropout(FEED_FORWARD_OUTPUT),
        )
    }

    /// Logits `[M, L]` of some rows `[M, H]`.
    fn classify(&self, hidden: &Tensor) -> Result<Tensor> {
        let config = &self.bert.config;
        let probability = config
            .classifier_dropout
            .unwrap_or(config.hidden_dropout_prob);
        let hidden = ops::dropout(self.form, hidden, self.dropout(probability, 0, CLASSIFIER))?;
        self.linear(&hidden, "classifier")
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let (weight, bias) = (
            self.weight(&format!("{name}.weight"))?,
            self.weight(&format!("{name}.bias"))?,
        );
        Ok(ops::linear(self.form, x, &weight, &bias)?)
    }

    fn add_norm(
        &self,
        x: &Tensor,
        residual: &Tensor,
        name: &str,
        dropout: Dropout,
    ) -> Result<Tensor> {
        let (weight, bias) = (
            self.weight(&format!("{name}.weight"))?,
            self.weight(&format!("{name}.bias"))?,
        );
        Ok(ops::add_norm(
            self.form,
            x,
            residual,
            &weight,
            &bias,
            self.bert.config.layer_norm_eps,
            dropout,
        )?)
    }
}
