//! F1 of each entity type by epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail};
use plotters::prelude::SeriesLabelPosition;
use serde::Deserialize;

use super::{Axis, COLORS, Stroke, chart, dots, legend, line, picture, read, tenths};

const SIZE: (u32, u32) = (700, 460);

/// What is drawn of trainer_state.json.
#[derive(Deserialize)]
struct State {
    log_history: Vec<Epoch>,
}

#[derive(Deserialize)]
struct Epoch {
    epoch: f64,
    eval_f1_types: BTreeMap<String, f64>,
}

/// A colour for each type; of more types than colours, those after them are dashed.
pub(super) fn draw(directory: &Path) -> Result<String> {
    let path = directory.join("trainer_state.json");
    let State { log_history } = read(&path, "trainer fine-tune")?;
    if log_history.is_empty() {
        bail!(
            "{}: no epoch was finished, so there is nothing to draw",
            path.display()
        );
    }
    let types: BTreeSet<&String> = log_history
        .iter()
        .flat_map(|epoch| epoch.eval_f1_types.keys())
        .collect();
    let scores = log_history
        .iter()
        .flat_map(|epoch| epoch.eval_f1_types.values().copied());
    let last = log_history.iter().map(|epoch| epoch.epoch);
    let last = last.fold(1.0, f64::max);
    let x = Axis {
        label: "epoch",
        range: 0.5..last + 0.5,
        lines: (last as usize).min(12),
        decimals: 0,
    };
    let y = Axis {
        label: "strict F1",
        range: tenths(scores),
        lines: 10,
        decimals: 2,
    };
    picture(SIZE, "F1 by type", |area| {
        let mut chart = chart(area, &x, &y)?;
        for (at, name) in types.iter().enumerate() {
            let points: Vec<(f64, f64)> = log_history
                .iter()
                .filter_map(|epoch| Some((epoch.epoch, *epoch.eval_f1_types.get(*name)?)))
                .collect();
            let stroke = Stroke {
                color: COLORS[at % COLORS.len()],
                dashed: at >= COLORS.len(),
            };
            line(&mut chart, &points, stroke, name)?;
            dots(&mut chart, &points, stroke.color)?;
        }
        legend(&mut chart, SeriesLabelPosition::LowerRight)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::plot::tests::{check, check_refused};

    fn drawn(state: &str) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("trainer_state.json"), state).unwrap();
        draw(folder.path())
    }

    #[test]
    fn every_type_has_its_line() {
        let svg = drawn(
            r#"{"log_history": [{"epoch": 1, "eval_f1_types": {"Hormones": 0.5, "Symptoms": 0.25}},
                {"epoch": 2, "eval_f1_types": {"Hormones": 0.75, "Symptoms": 0.5}}]}"#,
        );
        check(
            &svg.unwrap(),
            4,
            &["epoch", "strict F1", "Hormones", "Symptoms", "0.20"],
        );
        let state = "trainer_state.json";
        check_refused(drawn(r#"{"log_history": []}"#), &[state, "no epoch"]);
        check_refused(
            drawn(r#"{"log_history": [{"epoch": 1}]}"#),
            &[state, "eval_f1_types", "`trainer fine-tune`"],
        );
    }
}
