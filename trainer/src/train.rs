//! The training loop.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ner::calibration::Calibration;
use ner::evaluate::{Evaluation, calibrate, summarize};
use ner::{Document, Tokenizer};
use serde_json::json;

use crate::adamw::{AdamW, Options};
use crate::batch::{self, Batch, Example};
use crate::bert::{Bert, Mode};
use crate::checkpoint::{self, Contents};
use crate::evaluate;
use crate::fine_tune::FineTuneArgs;
use crate::random::{Stream, mix};
use crate::schedule::Linear;

/// The input was right, and yet the work could not be done; what is in the output directory is
/// whole.
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

/// Everything that a run reads.
pub(crate) struct Run<'a> {
    pub(crate) arguments: &'a FineTuneArgs,
    pub(crate) bert: Bert,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) examples: Vec<Example>,
    pub(crate) dev: Vec<Document>,
}

impl Run<'_> {
    /// Trains all epochs; the output directory holds the best one so far after each.
    pub(crate) fn train(&self) -> Result<()> {
        let arguments = self.arguments;
        let lengths: Vec<usize> = self
            .examples
            .iter()
            .map(|example| example.ids.len())
            .collect();
        let batch_size = arguments.batch_size as usize;
        let per_epoch = lengths.len().div_ceil(batch_size);
        let schedule = Linear::new(
            arguments.lr,
            arguments.warmup_ratio,
            per_epoch * arguments.epochs as usize,
        );
        let options = Options {
            weight_decay: arguments.weight_decay,
            max_norm: arguments.max_grad_norm,
            ..Options::default()
        };
        let parameters = self
            .bert
            .parameters()
            .map(|(name, var)| (name.to_owned(), var.clone()));
        let mut optimizer = AdamW::new(parameters, options)?;
        let mut record = serde_json::to_value(arguments)?;
        record["trainer_version"] = env!("CARGO_PKG_VERSION").into();
        record["train_windows"] = lengths.len().into();
        record["total_steps"] = schedule.total.into();
        record["warmup_steps"] = schedule.warmup.into();

        eprintln!(
            "{} windows, {} tokens on average; {} steps of {batch_size}; {} development documents",
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

            let (evaluation, calibration) = self.evaluate()?;
            let loss = losses / batches.len() as f64;
            self.print(epoch, loss, trained, start.elapsed(), &evaluation);
            let (f1, dev_loss) = (evaluation.eval_f1, evaluation.eval_loss);
            // Of epochs with the same F1 the one with the lower loss.
            let improved =
                best.is_none_or(|(_, best, loss)| f1 > best || (f1 == best && dev_loss < loss));
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
                calibration,
                tokenizer: &self.tokenizer,
                arguments: record.clone(),
                state: json!({
                    "epoch": epoch, "global_step": step,
                    "best_global_step": best_step, "best_metric": best_f1,
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
        let advice = || {
            format!(
                "step {}: a lower --lr than {} may help",
                step + 1,
                self.arguments.lr
            )
        };
        if !value.is_finite() {
            bail!("the loss is {value} at {}", advice());
        }
        optimizer
            .step(&loss.backward()?, rate)
            .with_context(advice)?;
        Ok(value)
    }

    /// Scores on the development documents, and the calibration that fits them.
    fn evaluate(&self) -> Result<(Evaluation, Calibration)> {
        let forward = |ids: &[u32]| -> Result<Vec<f32>> {
            Ok(self
                .bert
                .logits(&Batch::single(ids), Mode::Evaluate)?
                .flatten_all()?
                .to_vec1()?)
        };
        let max_length = self.arguments.max_length as usize;
        let mut decoder = self.bert.decoder()?;
        let answers = evaluate::answers(&self.dev, &self.tokenizer, &decoder, max_length, forward)?;
        let calibration = calibrate(&self.dev, &answers);
        decoder.calibration = Some(calibration);
        let evaluation = summarize(&self.dev, &answers, &decoder)?;
        Ok((evaluation, calibration))
    }

    fn print(
        &self,
        epoch: u32,
        loss: f64,
        trained: Duration,
        whole: Duration,
        evaluation: &Evaluation,
    ) {
        eprintln!(
            "epoch {epoch}/{}: loss {loss:.4}, dev loss {:.4}, P {:.4}, R {:.4}, F1 {:.4}; \
             {:.1} s, {:.1} windows/s, evaluation {:.1} s",
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
