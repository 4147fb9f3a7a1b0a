//! Loss and F1 by epoch.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use plotters::prelude::SeriesLabelPosition;
use serde::Deserialize;

use super::{Axis, COLORS, Chart, Stroke, chart, dots, legend, line, picture, read, tenths};

const SIZE: (u32, u32) = (1000, 420);

/// What is drawn of trainer_state.json.
#[derive(Deserialize)]
struct State {
    log_history: Vec<Epoch>,
}

#[derive(Deserialize)]
struct Epoch {
    epoch: f64,
    loss: f64,
    eval_loss: f64,
    eval_f1: f64,
}

impl State {
    fn points(&self, value: fn(&Epoch) -> f64) -> Vec<(f64, f64)> {
        let points = self.log_history.iter();
        points.map(|epoch| (epoch.epoch, value(epoch))).collect()
    }
}

/// Losses on the left, development F1 on the right; a colour for each run.
pub(super) fn draw(directories: &[PathBuf]) -> Result<String> {
    let runs = directories.iter().map(|directory| load(directory));
    let runs = runs.collect::<Result<Vec<State>>>()?;
    let epochs = || runs.iter().flat_map(|run| &run.log_history);
    let last = epochs().map(|epoch| epoch.epoch).fold(1.0, f64::max);
    let highest = epochs().map(|epoch| epoch.loss.max(epoch.eval_loss));
    let x = Axis {
        label: "epoch",
        range: 0.5..last + 0.5,
        lines: (last as usize).min(12),
        decimals: 0,
    };
    let loss = Axis {
        label: "loss",
        range: 0.0..highest.fold(0.0, f64::max) * 1.05,
        lines: 8,
        decimals: 2,
    };
    let f1 = Axis {
        label: "strict F1",
        range: tenths(epochs().map(|epoch| epoch.eval_f1)),
        lines: 10,
        decimals: 2,
    };
    // One run needs no name.
    let label = |run: usize, what: &str| match directories {
        [_] => what.to_owned(),
        _ => format!("{}: {what}", directories[run].display()),
    };
    picture(SIZE, "Training", |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let (mut losses, mut scores) = (chart(&left, &x, &loss)?, chart(&right, &x, &f1)?);
        for (at, run) in runs.iter().enumerate() {
            let color = COLORS[at % COLORS.len()];
            let curve = |chart: &mut Chart, value, dashed, what| {
                let points = run.points(value);
                line(chart, &points, Stroke { color, dashed }, &label(at, what))?;
                dots(chart, &points, color)
            };
            curve(&mut losses, |epoch| epoch.loss, true, "training")?;
            curve(&mut losses, |epoch| epoch.eval_loss, false, "development")?;
            curve(&mut scores, |epoch| epoch.eval_f1, false, "development")?;
        }
        legend(&mut losses, SeriesLabelPosition::UpperRight)?;
        legend(&mut scores, SeriesLabelPosition::LowerRight)
    })
}

fn load(directory: &Path) -> Result<State> {
    let path = directory.join("trainer_state.json");
    let state: State = read(&path, "trainer fine-tune")?;
    if state.log_history.is_empty() {
        bail!(
            "{}: no epoch was finished, so there is nothing to draw",
            path.display()
        );
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::plot::tests::{check, check_refused};

    /// The picture of runs, each with its trainer_state.json.
    fn drawn(states: &[&str]) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let run = |(at, state): (usize, &&str)| {
            let run = folder.path().join(format!("run-{at}"));
            fs::create_dir(&run).unwrap();
            fs::write(run.join("trainer_state.json"), state).unwrap();
            run
        };
        draw(&states.iter().enumerate().map(run).collect::<Vec<_>>())
    }

    const THREE: &str = r#"{"epoch": 3, "log_history": [
        {"epoch": 1, "step": 5, "loss": 0.9, "eval_loss": 0.7, "eval_f1": 0.41},
        {"epoch": 2, "step": 10, "loss": 0.5, "eval_loss": 0.5, "eval_f1": 0.62},
        {"epoch": 3, "step": 15, "loss": 0.3, "eval_loss": 0.6, "eval_f1": 0.59}]}"#;
    const ONE: &str =
        r#"{"log_history": [{"epoch": 1, "loss": 0.9, "eval_loss": 0.7, "eval_f1": 0}]}"#;

    #[test]
    fn every_epoch_has_its_points() {
        let axes = ["epoch", "loss", "strict F1", "0.40", "0.70"];
        check(
            &drawn(&[THREE]).unwrap(),
            9,
            &[&axes[..], &["training", "development"]].concat(),
        );
        check(&drawn(&[ONE]).unwrap(), 3, &["epoch", "0.00", "0.10"]);
        check(
            &drawn(&[THREE, ONE]).unwrap(),
            12,
            &["run-0: training", "run-1: development"],
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let state = "run-0/trainer_state.json";
        check_refused(drawn(&[r#"{"log_history": []}"#]), &[state, "no epoch"]);
        check_refused(
            drawn(&["{}"]),
            &[state, "log_history", "`trainer fine-tune`"],
        );
        check_refused(
            drawn(&[&THREE.replace("eval_f1", "f1")]),
            &[state, "eval_f1"],
        );
        check_refused(draw(&["no/such".into()]), &["no/such/trainer_state.json"]);
    }
}
