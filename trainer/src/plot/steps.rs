//! Loss and learning rate by step.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use plotters::prelude::SeriesLabelPosition;
use serde::Deserialize;

use super::{Axis, COLORS, Chart, Stroke, chart, legend, line, picture};

const SIZE: (u32, u32) = (1000, 420);
/// Weight of the newest loss in the smoothed curve.
const NEWEST: f64 = 0.05;

/// A line of train_log.jsonl; those of evaluations have no learning rate.
#[derive(Deserialize)]
struct Step {
    step: u64,
    loss: f64,
    learning_rate: Option<f64>,
}

/// Losses on the left, each and smoothed, learning rate on the right.
pub(super) fn draw(directory: &Path) -> Result<String> {
    let steps = load(&directory.join("train_log.jsonl"))?;
    let points = |value: fn(&Step) -> f64| -> Vec<(f64, f64)> {
        let points = steps.iter().map(|step| (step.step as f64, value(step)));
        points.collect()
    };
    let losses = points(|step| step.loss);
    let rates = points(|step| step.learning_rate.unwrap_or(0.0));
    let highest = |points: &[(f64, f64)]| points.iter().fold(0.0, |high, point| point.1.max(high));
    let last = losses.last().map_or(1.0, |point| point.0);
    let x = Axis {
        label: "step",
        range: 0.0..last.max(1.0),
        lines: 8,
        decimals: 0,
    };
    let loss = Axis {
        label: "loss",
        range: 0.0..highest(&losses).max(1e-3) * 1.05,
        lines: 8,
        decimals: 2,
    };
    let rate = Axis {
        label: "learning rate",
        range: 0.0..highest(&rates).max(1e-12) * 1.05,
        lines: 8,
        decimals: 6,
    };
    let mut smooth = losses.first().map_or(0.0, |point| point.1);
    let smoothed: Vec<_> = losses
        .iter()
        .map(|&(step, loss)| {
            smooth += NEWEST * (loss - smooth);
            (step, smooth)
        })
        .collect();
    picture(SIZE, "Steps", |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let (mut left, mut right) = (chart(&left, &x, &loss)?, chart(&right, &x, &rate)?);
        let stroke = |chart: &mut Chart, points: &[_], color: usize, label| {
            let stroke = Stroke {
                color: COLORS[color],
                dashed: false,
            };
            line(chart, points, stroke, label)
        };
        stroke(&mut left, &losses, 5, "each step")?;
        stroke(&mut left, &smoothed, 0, "smoothed")?;
        stroke(&mut right, &rates, 0, "learning rate")?;
        legend(&mut left, SeriesLabelPosition::UpperRight)?;
        legend(&mut right, SeriesLabelPosition::UpperRight)
    })
}

fn load(path: &Path) -> Result<Vec<Step>> {
    let place = || path.display().to_string();
    let text = fs::read_to_string(path).with_context(place)?;
    let mut steps = Vec::new();
    for (at, text) in text.lines().enumerate() {
        let step: Step = serde_json::from_str(text).with_context(|| {
            format!(
                "{}:{}: `trainer fine-tune` writes no such line",
                place(),
                at + 1
            )
        })?;
        if step.learning_rate.is_some() {
            steps.push(step);
        }
    }
    if steps.is_empty() {
        bail!("{}: no step was made, so there is nothing to draw", place());
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::{check, check_refused};

    fn drawn(log: &str) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("train_log.jsonl"), log).unwrap();
        draw(folder.path())
    }

    #[test]
    fn steps_are_drawn_and_evaluations_are_not() {
        let log = "{\"step\":1,\"loss\":2.0,\"learning_rate\":0.0}\n\
                   {\"step\":2,\"loss\":1.0,\"learning_rate\":0.0001}\n\
                   {\"step\":2,\"epoch\":1,\"loss\":1.5,\"eval_loss\":9.5}\n";
        let svg = drawn(log).unwrap();
        let texts = [
            "step",
            "loss",
            "learning rate",
            "each step",
            "smoothed",
            "0.000100",
        ];
        check(&svg, 0, &texts);
        assert!(!svg.contains("9.5"), "{svg}");
        let one = log.lines().next().unwrap();
        check(&drawn(one).unwrap(), 0, &["step"]);
        check_refused(drawn(""), &["train_log.jsonl", "no step"]);
        check_refused(drawn(&format!("{one}\n{{")), &["train_log.jsonl:2"]);
        check_refused(draw(Path::new("no/such")), &["no/such/train_log.jsonl"]);
    }
}
