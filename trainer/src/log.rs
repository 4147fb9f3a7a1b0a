//! What happened at each step of a run: `train_log.jsonl`, a JSON object a line, and TensorBoard's event files in `runs/`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::checkpoint;
use crate::progress::Epoch;
use crate::tensorboard;

/// A step of the optimizer, with the names of Hugging Face's Trainer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Step {
    /// Counted from 1.
    pub(crate) step: usize,
    /// Epochs that are done, with the fraction of this one.
    pub(crate) epoch: f64,
    /// Mean cross-entropy of the step's windows, before the step.
    pub(crate) loss: f64,
    pub(crate) learning_rate: f64,
    /// Global norm of the gradient before clipping.
    pub(crate) grad_norm: f64,
    /// Windows per second since the epoch began or went on.
    pub(crate) windows_per_second: f64,
}

/// The files of a run.
pub(crate) struct Log {
    path: PathBuf,
    lines: File,
    events: tensorboard::Writer,
}

impl Log {
    /// Opens the files of an output directory; what they have of steps after `step` is of a run that ended after its last
    /// checkpoint, and comes again.
    ///
    /// # Errors
    /// What the file system answers, with the file's name.
    pub(crate) fn open(output: &Path, step: usize) -> Result<Self> {
        let path = output.join("train_log.jsonl");
        let place = || path.display().to_string();
        let kept = match fs::read_to_string(&path) {
            Ok(text) if step > 0 => up_to(&text, step),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(place);
            }
            _ => String::new(),
        };
        checkpoint::write(&path, kept.as_bytes())?;
        let lines = OpenOptions::new().append(true).open(&path);
        Ok(Self {
            lines: lines.with_context(place)?,
            events: tensorboard::Writer::create(&output.join("runs"), step)?,
            path,
        })
    }

    /// Takes in a step.
    ///
    /// # Errors
    /// What the file system answers.
    pub(crate) fn step(&mut self, step: &Step) -> Result<()> {
        let values = [
            ("train/loss", step.loss),
            ("train/learning_rate", step.learning_rate),
            ("train/grad_norm", step.grad_norm),
            ("train/windows_per_second", step.windows_per_second),
        ];
        let values = values.map(|(tag, value)| (tag.to_owned(), value));
        self.write(step.step, step, &values)
    }

    /// Takes in the scores of an epoch.
    ///
    /// # Errors
    /// What the file system answers.
    pub(crate) fn epoch(&mut self, epoch: &Epoch) -> Result<()> {
        let mut values = vec![
            ("eval/loss".to_owned(), epoch.eval_loss),
            ("eval/precision".to_owned(), epoch.eval_precision),
            ("eval/recall".to_owned(), epoch.eval_recall),
            ("eval/f1".to_owned(), epoch.eval_f1),
        ];
        let types = epoch.eval_f1_types.iter();
        values.extend(types.map(|(name, f1)| (format!("eval/f1/{name}"), *f1)));
        self.write(epoch.step, epoch, &values)
    }

    fn write(
        &mut self,
        step: usize,
        line: &impl Serialize,
        values: &[(String, f64)],
    ) -> Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        let written = self.lines.write_all(text.as_bytes());
        written
            .and_then(|()| self.events.scalars(step, values))
            .with_context(|| format!("cannot write {} or runs/ beside it", self.path.display()))
    }
}

/// The lines of steps up to one. A line that is not whole is the last one of a run that was ended.
fn up_to(text: &str, step: usize) -> String {
    let is_kept = |line: &&str| {
        let line: Option<Value> = serde_json::from_str(line).ok();
        line.and_then(|line| line["step"].as_u64())
            .is_some_and(|of| of <= step as u64)
    };
    text.split_inclusive('\n').filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_the_checkpoint_come_again() {
        let check = |text: &str, step, expected: &str| assert_eq!(up_to(text, step), expected);
        let text = "{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"eval_f1\":1}\n{\"step\":3}\n{\"st";
        check(
            text,
            2,
            "{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"eval_f1\":1}\n",
        );
        check(text, 9, text.trim_end_matches("{\"st"));
        check("", 1, "");
    }
}
