//! The training loop.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ner::{Document, Labels, Tokenizer};
use serde::Serialize;
use serde_json::json;

use crate::adamw::{AdamW, Options};
use crate::batch::{self, Batch, Example};
use crate::bert::{Bert, Mode};
use crate::random::{Stream, mix};
use crate::checkpoint::{self, Contents};
use crate::report::Evaluation;
use crate::schedule::Linear;
use crate::{data, device, evaluate, hub};

/// Fine-tunes a BERT model into a token classifier for clinical entities
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize)]
pub struct FineTuneArgs {
    /// Base model: a directory in Hugging Face's layout, or a hub id such as `owner/name`
    ///
    /// A directory holds config.json, model.safetensors (or pytorch_model.bin), and tokenizer.json (or vocab.txt, with
    /// tokenizer_config.json where the model has one). A directory that this command wrote can be trained further.
    #[arg(long, value_name = "DIR|HUB_ID")]
    pub base: String,
    /// Training documents: BIO (.bio, .txt), JSON lines (.jsonl), a file or a directory of marked text
    #[arg(long, value_name = "FILE|DIR")]
    pub train: PathBuf,
    /// Development documents, in the same formats: the epoch with the best strict F1 on them is kept
    #[arg(long, value_name = "FILE|DIR")]
    pub dev: PathBuf,
    /// Directory that the model is written to; see Output below
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Replace a model that is in the output directory
    #[arg(long)]
    pub overwrite: bool,
    /// Passes over the training documents
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,
    /// Highest learning rate; 1e-4 suits MiniLM's size (H 384), 5e-5 BERT-base's (H 768)
    #[arg(long, value_name = "RATE", default_value_t = 1e-4, value_parser = positive)]
    pub lr: f64,
    /// Windows per step
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: u32,
    /// Longest window in tokens, its two special tokens included; longer documents are cut into overlapping windows
    #[arg(long, value_name = "TOKENS", default_value_t = ner::window::MAX_TOKENS as u32, value_parser = clap::value_parser!(u32).range(3..))]
    pub max_length: u32,
    /// Seed of new weights, order and dropout: the same seed gives the same bytes on the same machine
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Where to train
    #[arg(long, value_enum, default_value_t = device::Choice::Cpu)]
    pub device: device::Choice,
    /// Part of the steps in which the learning rate rises from 0; afterwards it falls back to 0
    #[arg(long, value_name = "RATIO", default_value_t = 0.1, value_parser = fraction)]
    pub warmup_ratio: f64,
    /// Decoupled weight decay; biases and LayerNorm have none
    #[arg(long, value_name = "DECAY", default_value_t = 0.01, value_parser = not_negative)]
    pub weight_decay: f64,
    /// Global norm that longer gradients are scaled down to
    #[arg(long, value_name = "NORM", default_value_t = 1.0, value_parser = positive)]
    pub max_grad_norm: f64,
    /// Dropout everywhere, instead of what the base's config.json says
    #[arg(long, value_name = "PROBABILITY", value_parser = fraction)]
    pub dropout: Option<f64>,
    /// Entity types of the data, separated by commas
    #[arg(long, value_name = "TYPES", value_delimiter = ',', default_values_t = ner::label::GUIDE_TYPES.map(String::from))]
    pub types: Vec<String>,
    /// Take a hub model only from what was downloaded before; so does HF_HUB_OFFLINE=1
    #[arg(long)]
    pub offline: bool,
}

fn number(text: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| "not a number".into())
}

fn positive(text: &str) -> Result<f64, String> {
    number(text).and_then(|value| if value > 0.0 { Ok(value) } else { Err("not above 0".into()) })
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text).and_then(|value| if value >= 0.0 { Ok(value) } else { Err("below 0".into()) })
}

pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    number(text).and_then(|value| if (0.0..1.0).contains(&value) { Ok(value) } else { Err("not in 0..1".into()) })
}

/// The input was right, and yet the work could not be done; what is in the output directory is whole.
#[derive(Debug)]
pub struct Stopped(String);

impl Stopped {
    /// With a message that says what state things are in.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stopped {}

/// Trains as the arguments say; the output directory holds the best epoch so far after each one.
///
/// # Errors
/// Names the argument, file or document that is wrong before anything is trained; [`Stopped`] once training has begun.
pub fn run(arguments: &FineTuneArgs) -> Result<()> {
    let labels = labels(&arguments.types)?;
    let device = arguments.device.open()?;
    let base = hub::load(&arguments.base, arguments.offline || hub::offline())?;
    let max_length = arguments.max_length as usize;
    if max_length > base.config.max_position_embeddings {
        bail!("--max-length {max_length}: the base has {} positions", base.config.max_position_embeddings);
    }
    let train = data::read_documents(&arguments.train, &labels)?;
    let dev = data::read_documents(&arguments.dev, &labels)?;
    let examples = examples("--train", &train, &base.tokenizer, &labels, max_length)?;
    self::examples("--dev", &dev, &base.tokenizer, &labels, max_length)?;
    warn_of_leaks(&train, &dev);

    let hub::Base { config, tokenizer, mut weights } = base;
    if config.labels().ok().as_ref() != Some(&labels) {
        weights.retain(|name, _| !name.starts_with("classifier."));
    }
    let mut config = config.with_labels(&labels);
    if let Some(dropout) = arguments.dropout {
        config.hidden_dropout_prob = dropout;
        config.attention_probs_dropout_prob = dropout;
        config.classifier_dropout = Some(dropout);
    }
    let (bert, drawn) = Bert::new(config, weights, arguments.seed, &device).context(arguments.base.clone())?;
    if let Some(name) = drawn.iter().find(|name| !name.starts_with("classifier.")) {
        bail!("{}: the weights lack {name}", arguments.base);
    }
    checkpoint::prepare(&arguments.output, arguments.overwrite)?;

    let run = Run { arguments, bert, tokenizer, labels, examples, dev };
    run.train().map_err(|error| {
        let place = arguments.output.display();
        let kept = if arguments.output.join("model.safetensors").exists() {
            format!("{place} holds the best epoch so far")
        } else {
            format!("nothing was written to {place}")
        };
        error.context(Stopped::new(format!("training stopped; {kept}")))
    })
}

/// The labels of the types that `--types` names.
pub(crate) fn labels(types: &[String]) -> Result<Labels> {
    let pairs = types.iter().flat_map(|name| [format!("B-{name}"), format!("I-{name}")]);
    Labels::new(std::iter::once("O".to_owned()).chain(pairs).collect()).context("--types")
}

fn examples(
    argument: &str,
    documents: &[Document],
    tokenizer: &Tokenizer,
    labels: &Labels,
    max_length: usize,
) -> Result<Vec<Example>> {
    let examples = batch::examples(documents, tokenizer, labels, max_length).context(argument.to_owned())?;
    if examples.is_empty() {
        bail!("{argument}: {} documents without a single word", documents.len());
    }
    Ok(examples)
}

/// Scores on texts that were trained on say nothing.
fn warn_of_leaks(train: &[Document], dev: &[Document]) {
    let seen: std::collections::HashSet<&str> = train.iter().map(|document| document.text.trim()).collect();
    let leaks = dev.iter().filter(|document| seen.contains(document.text.trim())).count();
    if leaks > 0 {
        eprintln!("warning: the text of {leaks} of {} development documents is in the training documents too", dev.len());
    }
}

/// Everything that a run reads.
struct Run<'a> {
    arguments: &'a FineTuneArgs,
    bert: Bert,
    tokenizer: Tokenizer,
    labels: Labels,
    examples: Vec<Example>,
    dev: Vec<Document>,
}

impl Run<'_> {
    fn train(&self) -> Result<()> {
        let arguments = self.arguments;
        let lengths: Vec<usize> = self.examples.iter().map(|example| example.ids.len()).collect();
        let batch_size = arguments.batch_size as usize;
        let per_epoch = lengths.len().div_ceil(batch_size);
        let schedule = Linear::new(arguments.lr, arguments.warmup_ratio, per_epoch * arguments.epochs as usize);
        let options = Options {
            weight_decay: arguments.weight_decay,
            max_norm: arguments.max_grad_norm,
            ..Options::default()
        };
        let parameters = self.bert.parameters().map(|(name, var)| (name.to_owned(), var.clone()));
        let mut optimizer = AdamW::new(parameters, options)?;
        let mut record = serde_json::to_value(arguments)?;
        record["trainer_version"] = env!("CARGO_PKG_VERSION").into();
        record["train_windows"] = lengths.len().into();
        record["total_steps"] = schedule.total.into();
        record["warmup_steps"] = schedule.warmup.into();

        eprintln!(
            "{} windows of {} tokens on average; {} steps of {batch_size}; {} development documents",
            lengths.len(),
            lengths.iter().sum::<usize>() / lengths.len(),
            schedule.total,
            self.dev.len()
        );
        let mut order = Stream::new(mix(arguments.seed ^ ORDER));
        // Step, F1, loss.
        let mut best: Option<(usize, f64, f64)> = None;
        let mut kept = Vec::new();
        let mut history = Vec::new();
        let mut step = 0;
        for epoch in 1..=arguments.epochs {
            let batches = batch::order(&lengths, batch_size, &mut order);
            let bar = progress(batches.len(), epoch, arguments.epochs);
            let start = Instant::now();
            let mut losses = 0.0;
            for (done, indices) in batches.iter().enumerate() {
                let batch = Batch::of(indices.iter().map(|&i| &self.examples[i]));
                let rate = schedule.rate(step);
                let loss = self.step(&batch, step, rate, &mut optimizer)?;
                step += 1;
                losses += loss;
                let seen = batches[..=done].iter().map(Vec::len).sum::<usize>() as f64;
                let speed = seen / start.elapsed().as_secs_f64();
                bar.set_message(format!("loss {loss:.4} lr {rate:.1e} {speed:.1} windows/s"));
                bar.inc(1);
            }
            bar.finish_and_clear();
            let trained = start.elapsed();

            let evaluation = self.evaluate()?;
            let loss = losses / batches.len() as f64;
            self.print(epoch, loss, trained, start.elapsed(), &evaluation);
            let (f1, dev_loss) = (evaluation.eval_f1, evaluation.eval_loss);
            // Of epochs with the same F1 the one with the lower loss.
            let improved = best.is_none_or(|(_, best, loss)| f1 > best || (f1 == best && dev_loss < loss));
            if improved {
                best = Some((step, f1, dev_loss));
            }
            let (best_step, best_f1, _) = best.unwrap_or((step, f1, dev_loss));
            history.push(json!({
                "epoch": epoch, "step": step, "loss": loss, "eval_loss": evaluation.eval_loss,
                "eval_precision": evaluation.eval_precision, "eval_recall": evaluation.eval_recall,
                "eval_f1": evaluation.eval_f1,
            }));
            let contents = Contents {
                bert: &self.bert,
                tokenizer: &self.tokenizer,
                arguments: record.clone(),
                state: json!({
                    "epoch": epoch, "global_step": step, "best_global_step": best_step, "best_metric": best_f1,
                    "log_history": history,
                }),
                metrics: serde_json::to_value(&evaluation)?,
            };
            checkpoint::save_step(&arguments.output, step, &contents)?;
            if improved {
                checkpoint::save(&arguments.output, &contents)?;
            }
            kept.push(step);
            checkpoint::prune(&arguments.output, &mut kept, best_step)?;
        }
        if let Some((step, f1, _)) = best {
            println!("{}: F1 {f1:.4} at step {step}", arguments.output.display());
        }
        Ok(())
    }

    /// One step; returns the loss before it.
    fn step(&self, batch: &Batch, step: usize, rate: f64, optimizer: &mut AdamW) -> Result<f64> {
        let seed = mix(self.arguments.seed ^ mix(step as u64 ^ DROPOUT));
        let loss = self.bert.loss(batch, Mode::Train { seed })?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        let advice = || format!("step {}: a lower --lr than {} may help", step + 1, self.arguments.lr);
        if !value.is_finite() {
            bail!("the loss is {value} at {}", advice());
        }
        optimizer.step(&loss.backward()?, rate).with_context(advice)?;
        Ok(value)
    }

    /// Scores on the development documents.
    fn evaluate(&self) -> Result<Evaluation> {
        let forward = |ids: &[u32]| -> Result<Vec<f32>> {
            Ok(self.bert.logits(&Batch::single(ids), Mode::Evaluate)?.flatten_all()?.to_vec1()?)
        };
        let max_length = self.arguments.max_length as usize;
        evaluate::evaluate_documents(&self.dev, &self.tokenizer, &self.labels, max_length, forward)
    }

    fn print(&self, epoch: u32, loss: f64, trained: Duration, whole: Duration, evaluation: &Evaluation) {
        eprintln!(
            "epoch {epoch}/{}: loss {loss:.4}, dev loss {:.4}, P {:.4}, R {:.4}, F1 {:.4}; {:.1} s, {:.1} windows/s, \
             evaluation {:.1} s",
            self.arguments.epochs,
            evaluation.eval_loss,
            evaluation.eval_precision,
            evaluation.eval_recall,
            evaluation.eval_f1,
            trained.as_secs_f64(),
            self.examples.len() as f64 / trained.as_secs_f64(),
            (whole - trained).as_secs_f64(),
        );
    }
}

/// Constants that keep the uses of one seed apart.
const ORDER: u64 = 0x6f72_6465_7200_0001;
const DROPOUT: u64 = 0x6d61_736b_0000_0002;

fn progress(steps: usize, epoch: u32, epochs: u32) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} ETA {eta}");
    bar.set_style(style.expect("a template of known fields"));
    bar.set_prefix(format!("epoch {epoch}/{epochs}"));
    bar
}
