//! How far a run has come: all that going on from a checkpoint needs beside weights and moments.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ner::evaluate::Evaluation;
use serde::{Deserialize, Serialize};

use crate::random::Stream;

/// `trainer_state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Epochs that are finished.
    pub(crate) epoch: u32,
    /// Steps of the optimizer so far.
    pub(crate) global_step: usize,
    /// Step at the end of the best epoch; none before the first.
    pub(crate) best_global_step: Option<usize>,
    /// Strict F1 of that epoch on the development documents.
    pub(crate) best_metric: Option<f64>,
    /// The finished epochs.
    pub(crate) log_history: Vec<Epoch>,
    /// Within the epoch that is not finished.
    pub(crate) position: Position,
}

/// A finished epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    /// Counted from 1.
    pub(crate) epoch: u32,
    /// Steps of the optimizer at its end.
    pub(crate) step: usize,
    /// Mean training loss of its steps.
    pub(crate) loss: f64,
    /// Loss on the development documents.
    pub(crate) eval_loss: f64,
    /// Strict entity-level scores on them.
    pub(crate) eval_precision: f64,
    pub(crate) eval_recall: f64,
    pub(crate) eval_f1: f64,
    /// F1 by entity type.
    pub(crate) eval_f1_types: BTreeMap<String, f64>,
}

/// A place in the order of the training windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Batches of the epoch that are done.
    pub(crate) batch: usize,
    /// Sum of their losses.
    pub(crate) losses: f64,
    /// State of the random numbers that order the epoch's windows, before the first was drawn; hexadecimal, as JSON's numbers
    /// are not exact everywhere. Masks of dropout depend on the seed and the step alone.
    order: String,
}

impl Position {
    /// At the beginning of an epoch whose order `order` gives.
    pub(crate) fn new(order: &Stream) -> Self {
        Self {
            batch: 0,
            losses: 0.0,
            order: format!("{:016x}", order.state()),
        }
    }

    /// The random numbers that order the epoch.
    ///
    /// # Errors
    /// When a file has been changed.
    pub(crate) fn order(&self) -> Result<Stream> {
        let state = u64::from_str_radix(&self.order, 16);
        Ok(Stream::at(state.context("position.order")?))
    }
}

impl Progress {
    /// Before the first step.
    pub(crate) fn new(order: &Stream) -> Self {
        Self {
            epoch: 0,
            global_step: 0,
            best_global_step: None,
            best_metric: None,
            log_history: Vec::new(),
            position: Position::new(order),
        }
    }

    /// As a checkpoint has it.
    ///
    /// # Errors
    /// Names the file where it cannot be read or is not what a run writes.
    pub(crate) fn read(checkpoint: &Path) -> Result<Self> {
        let path = checkpoint.join("trainer_state.json");
        let place = || path.display().to_string();
        let text = fs::read_to_string(&path).with_context(place)?;
        let progress: Self = serde_json::from_str(&text).with_context(place)?;
        if progress.log_history.len() != progress.epoch as usize {
            bail!("{}: `log_history` has not all epochs", place());
        }
        Ok(progress)
    }

    /// Takes in the scores of the epoch that is over, whose next one `order` orders. Whether it is the best so far: of epochs with
    /// the same F1, the one with the lower loss.
    pub(crate) fn finish_epoch(&mut self, evaluation: &Evaluation, order: &Stream) -> bool {
        let epoch = Epoch {
            epoch: self.epoch + 1,
            step: self.global_step,
            loss: self.position.losses / self.position.batch as f64,
            eval_loss: evaluation.eval_loss,
            eval_precision: evaluation.eval_precision,
            eval_recall: evaluation.eval_recall,
            eval_f1: evaluation.eval_f1,
            eval_f1_types: evaluation
                .types
                .iter()
                .map(|(name, score)| (name.clone(), score.f1))
                .collect(),
        };
        let is_best = self.best().is_none_or(|best| {
            epoch.eval_f1 > best.eval_f1
                || (epoch.eval_f1 == best.eval_f1 && epoch.eval_loss < best.eval_loss)
        });
        if is_best {
            self.best_global_step = Some(epoch.step);
            self.best_metric = Some(epoch.eval_f1);
        }
        self.epoch = epoch.epoch;
        self.log_history.push(epoch);
        self.position = Position::new(order);
        is_best
    }

    /// Goes on as if no epoch had been the best.
    pub(crate) fn forget_best(&mut self) {
        self.best_global_step = None;
        self.best_metric = None;
    }

    /// The best epoch so far.
    pub(crate) fn best(&self) -> Option<&Epoch> {
        let step = self.best_global_step?;
        self.log_history.iter().find(|epoch| epoch.step == step)
    }

    /// Finished epochs since F1 was higher than ever before; a lower loss alone does not count.
    pub(crate) fn epochs_without_better_f1(&self) -> u32 {
        let (mut highest, mut of) = (f64::NEG_INFINITY, 0);
        for epoch in &self.log_history {
            if epoch.eval_f1 > highest {
                (highest, of) = (epoch.eval_f1, epoch.epoch);
            }
        }
        self.epoch - of
    }
}
