//! F1 by the number of documents trained on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use plotters::prelude::*;
use serde::Deserialize;

use super::{Axis, COLORS, Stroke, chart, dots, legend, line, picture, read, tenths};

const SIZE: (u32, u32) = (640, 440);

/// The runs that are drawn, and the command that makes them.
const QUESTION: &str = "learning-curve";
const MAKER: &str = "cargo xtask experiments learning-curve";

/// What is drawn of a run in experiments.json.
#[derive(Deserialize)]
struct Run {
    question: String,
    documents: usize,
    f1: f64,
}

/// The mean over the seeds at each number of documents, with a bar from the lowest to the highest.
pub(super) fn draw(path: &Path) -> Result<String> {
    let runs: Vec<Run> = read(path, MAKER)?;
    let mut scores = BTreeMap::<usize, Vec<f64>>::new();
    for run in runs.iter().filter(|run| run.question == QUESTION) {
        scores.entry(run.documents).or_default().push(run.f1);
    }
    let Some(most) = scores.keys().last() else {
        bail!(
            "{}: no run is of the question `{QUESTION}`; `{MAKER}` makes them",
            path.display()
        );
    };
    let x = Axis {
        label: "training documents",
        range: 0.0..*most as f64 * 1.05,
        lines: 10,
        decimals: 0,
    };
    let y = Axis {
        label: "strict F1, development documents",
        range: tenths(scores.values().flatten().copied()),
        lines: 10,
        decimals: 2,
    };
    let points = scores.iter().map(|(&documents, scores)| {
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        (documents as f64, mean)
    });
    let several = scores.values().any(|scores| scores.len() > 1);
    let label = match several {
        true => "mean over seeds, lowest to highest",
        false => "one seed",
    };
    picture(SIZE, "Learning curve", |area| {
        let mut chart = chart(area, &x, &y)?;
        let [color, ..] = COLORS;
        let bars = scores.iter().filter(|(_, scores)| scores.len() > 1);
        chart.draw_series(bars.map(|(&documents, scores)| {
            let end = |fold: fn(f64, f64) -> f64| {
                let score = scores.iter().copied().reduce(fold).unwrap_or_default();
                (documents as f64, score)
            };
            PathElement::new(
                [end(f64::min), end(f64::max)],
                color.mix(0.5).stroke_width(4),
            )
        }))?;
        let (points, dashed) = (points.collect::<Vec<_>>(), false);
        line(&mut chart, &points, Stroke { color, dashed }, label)?;
        dots(&mut chart, &points, color)?;
        legend(&mut chart, SeriesLabelPosition::LowerRight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::{check, check_refused, drawn};

    fn run(question: &str, documents: usize, seed: u64, f1: f64) -> String {
        format!(
            r#"{{"question": "{question}", "seed": {seed}, "documents": {documents}, "f1": {f1}}}"#
        )
    }

    #[test]
    fn every_size_has_a_point() {
        let check = |runs: &[String], points: usize, texts: &[&str]| {
            let svg = drawn(draw, &format!("[{}]", runs.join(","))).unwrap();
            let axes = ["training documents", "strict F1, development documents"];
            check(&svg, points, &[&axes, texts].concat());
        };
        let one = |documents, f1| run(QUESTION, documents, 1, f1);
        let other = run("lr", 7, 1, 0.1);
        check(
            &[one(100, 0.61), one(200, 0.68), other],
            2,
            &["one seed", "0.60", "0.70"],
        );
        check(&[one(100, 0.5)], 1, &["100"]);
        let second = run(QUESTION, 100, 2, 0.72);
        check(
            &[one(100, 0.61), second],
            1,
            &["mean over seeds, lowest to highest"],
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |content: &str, words: &[&str]| {
            check_refused(
                drawn(draw, content),
                &[&["input.json", MAKER], words].concat(),
            );
        };
        check("[]", &["no run is of the question `learning-curve`"]);
        check("{}", &["expected a sequence"]);
        check(
            r#"[{"question": "lr", "documents": 7}]"#,
            &["missing field `f1`"],
        );
    }
}
