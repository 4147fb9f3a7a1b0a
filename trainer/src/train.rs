//! The training loop.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ner::calibration::Calibration;
use ner::evaluate::{Evaluation, calibrate, summarize};
use ner::{Document, Tokenizer};
use serde_json::Value;

use crate::adamw::{AdamW, Options};
use crate::batch::{self, Batch, Example};
use crate::bert::{Bert, Mode};
use crate::checkpoint::{self, Contents};
use crate::evaluate;
use crate::fine_tune::FineTuneArgs;
use crate::log::{Log, Step};
use crate::progress::Progress;
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
    /// With the weights of `resumed`, where there is one.
    pub(crate) bert: Bert,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) examples: Vec<Example>,
    pub(crate) dev: Vec<Document>,
    /// SHA-256 of what is trained and evaluated on.
    pub(crate) data_sha256: String,
    /// Step of the checkpoint from which the run goes on.
    pub(crate) resumed: Option<usize>,
}

/// Where a run begins or goes on.
pub(crate) struct Start {
    /// `training_args.json`.
    record: Value,
    progress: Progress,
    optimizer: AdamW,
}

impl Run<'_> {
    /// Trains all epochs, or what is left of them; the output directory holds the best one so far after each.
    pub(crate) fn train(&self, start: Start) -> Result<()> {
        let Start {
            record,
            mut progress,
            mut optimizer,
        } = start;
        let arguments = self.arguments;
        let output = &arguments.output;
        let lengths: Vec<usize> = self
            .examples
            .iter()
            .map(|example| example.ids.len())
            .collect();
        let batch_size = arguments.batch_size as usize;
        let per_epoch = lengths.len().div_ceil(batch_size);
        let schedule = self.schedule();
        let mut log = Log::open(output, progress.global_step)?;

        eprintln!(
            "{} windows, {} tokens on average; {} steps of {batch_size}; {} development documents",
            lengths.len(),
            lengths.iter().sum::<usize>() / lengths.len(),
            schedule.total,
            self.dev.len()
        );
        while progress.epoch < arguments.epochs && !self.is_patient_no_more(&progress) {
            let epoch = progress.epoch + 1;
            let mut order = progress.position.order()?;
            let batches = batch::order(&lengths, batch_size, &mut order);
            let bar = progress_bar(&schedule, &progress, arguments.epochs);
            let start = Instant::now();
            let mut seen = 0;
            for indices in &batches[progress.position.batch..] {
                let batch = Batch::of(indices.iter().map(|&i| &self.examples[i]));
                let rate = schedule.rate(progress.global_step);
                let (loss, norm) = self.step(&batch, progress.global_step, rate, &mut optimizer)?;
                progress.global_step += 1;
                progress.position.batch += 1;
                progress.position.losses += loss;
                seen += indices.len();
                let speed = seen as f64 / start.elapsed().as_secs_f64();
                log.step(&Step {
                    step: progress.global_step,
                    epoch: progress.global_step as f64 / per_epoch as f64,
                    loss,
                    learning_rate: rate,
                    grad_norm: norm,
                    windows_per_second: speed,
                })?;
                bar.set_message(format!("loss {loss:.4} lr {rate:.1e} {speed:.1} windows/s"));
                bar.inc(1);
                let is_due = arguments
                    .save_steps
                    .is_some_and(|every| progress.global_step.is_multiple_of(every as usize));
                if is_due && progress.position.batch < batches.len() {
                    self.save(&progress, &optimizer, &record, None)?;
                }
            }
            bar.finish_and_clear();
            let trained = start.elapsed();

            let (evaluation, calibration) = self.evaluate()?;
            let is_best = progress.finish_epoch(&evaluation, &order);
            if let Some(epoch) = progress.log_history.last() {
                log.epoch(epoch)?;
            }
            let speed = seen as f64 / trained.as_secs_f64();
            self.print(epoch, &progress, trained, speed, start.elapsed() - trained);
            let evaluated = (calibration, serde_json::to_value(&evaluation)?);
            self.save(&progress, &optimizer, &record, Some(evaluated))?;
            if is_best {
                checkpoint::publish(output, progress.global_step)?;
            }
        }
        if let Some(best) = progress.best() {
            let (f1, step) = (best.eval_f1, best.step);
            println!("{}: F1 {f1:.4} at step {step}", output.display());
        }
        Ok(())
    }

    fn schedule(&self) -> Linear {
        let arguments = self.arguments;
        let per_epoch = self.examples.len().div_ceil(arguments.batch_size as usize);
        let total = per_epoch * arguments.epochs as usize;
        Linear::new(arguments.lr, arguments.warmup_ratio, total)
    }

    /// `training_args.json`.
    fn record(&self, schedule: &Linear) -> Result<Value> {
        let mut record = serde_json::to_value(self.arguments)?;
        record["trainer_version"] = env!("CARGO_PKG_VERSION").into();
        record["train_windows"] = self.examples.len().into();
        record["data_sha256"] = self.data_sha256.as_str().into();
        record["total_steps"] = schedule.total.into();
        record["warmup_steps"] = schedule.warmup.into();
        Ok(record)
    }

    /// Where the run stands: before its first step, or where the checkpoint is.
    ///
    /// # Errors
    /// Names the file of the checkpoint that is damaged, or of another run.
    pub(crate) fn start(&self) -> Result<Start> {
        let record = self.record(&self.schedule())?;
        let options = Options {
            weight_decay: self.arguments.weight_decay,
            max_norm: self.arguments.max_grad_norm,
            ..Options::default()
        };
        let parameters = self.bert.parameters();
        let parameters = parameters.map(|(name, var)| (name.to_owned(), var.clone()));
        let mut optimizer = AdamW::new(parameters, options)?;
        let Some(step) = self.resumed else {
            let order = Stream::new(mix(self.arguments.seed ^ ORDER));
            return Ok(Start {
                record,
                progress: Progress::new(&order),
                optimizer,
            });
        };
        let output = &self.arguments.output;
        let path = checkpoint::path_of(output, step);
        checkpoint::check(&path, &record)?;
        let mut progress = Progress::read(&path)?;
        if progress.global_step != step {
            bail!("{}: is of step {}", path.display(), progress.global_step);
        }
        let moments = checkpoint::load_moments(&path)?;
        let restored = optimizer.restore(moments, step);
        restored.with_context(|| path.display().to_string())?;
        if let Some(best) = progress.best_global_step {
            if checkpoint::path_of(output, best).exists() {
                // The run may have been ended before it had done that.
                checkpoint::publish(output, best)?;
            } else {
                // A later one, which is gone, had been better.
                eprintln!(
                    "warning: checkpoint-{best}, the best one until then, is gone: the best of those to come is kept"
                );
                progress.forget_best();
            }
        }
        self.prune(&progress)?;
        eprintln!("going on from {}", path.display());
        Ok(Start {
            record,
            progress,
            optimizer,
        })
    }

    /// Whether `--patience` is over.
    fn is_patient_no_more(&self, progress: &Progress) -> bool {
        let patience = self.arguments.patience;
        let is_over =
            patience.is_some_and(|patience| progress.epochs_without_better_f1() >= patience);
        if is_over {
            eprintln!(
                "stopped early: no better F1 for {} epochs",
                progress.epochs_without_better_f1()
            );
        }
        is_over
    }

    /// Writes a checkpoint, with what the evaluation has given where there was one.
    fn save(
        &self,
        progress: &Progress,
        optimizer: &AdamW,
        record: &Value,
        evaluated: Option<(Calibration, Value)>,
    ) -> Result<()> {
        let (calibration, metrics) = evaluated.unzip();
        let contents = Contents {
            bert: &self.bert,
            calibration,
            tokenizer: &self.tokenizer,
            arguments: record.clone(),
            state: serde_json::to_value(progress)?,
            metrics,
        };
        let output = &self.arguments.output;
        checkpoint::save_step(
            output,
            progress.global_step,
            &contents,
            &optimizer.moments()?,
        )?;
        self.prune(progress)
    }

    fn prune(&self, progress: &Progress) -> Result<()> {
        let keep = self.arguments.keep as usize;
        checkpoint::prune(&self.arguments.output, keep, progress.best_global_step)
    }

    /// One step; returns the loss before it and the norm of its gradient.
    fn step(
        &self,
        batch: &Batch,
        step: usize,
        rate: f64,
        optimizer: &mut AdamW,
    ) -> Result<(f64, f64)> {
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
        let norm = optimizer.step(&loss.backward()?, rate);
        Ok((value, norm.with_context(advice)?))
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
        progress: &Progress,
        trained: Duration,
        windows_per_second: f64,
        evaluated: Duration,
    ) {
        let Some(scores) = progress.log_history.last() else {
            return;
        };
        eprintln!(
            "epoch {epoch}/{}: loss {:.4}, dev loss {:.4}, P {:.4}, R {:.4}, F1 {:.4}; \
             {:.1} s, {windows_per_second:.1} windows/s, evaluation {:.1} s",
            self.arguments.epochs,
            scores.loss,
            scores.eval_loss,
            scores.eval_precision,
            scores.eval_recall,
            scores.eval_f1,
            trained.as_secs_f64(),
            evaluated.as_secs_f64(),
        );
    }
}

/// Constants that keep the uses of one seed apart.
const ORDER: u64 = 0x6f72_6465_7200_0001;
const DROPOUT: u64 = 0x6d61_736b_0000_0002;

/// Of the whole run, as is its ETA, without the evaluations.
fn progress_bar(schedule: &Linear, progress: &Progress, epochs: u32) -> ProgressBar {
    let bar =
        ProgressBar::with_draw_target(Some(schedule.total as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} ETA {eta}");
    bar.set_style(style.expect("a template of known fields"));
    bar.set_prefix(format!("epoch {}/{epochs}", progress.epoch + 1));
    bar.set_position(progress.global_step as u64);
    // Steps of before are no measure of the speed now.
    bar.reset_eta();
    bar
}
