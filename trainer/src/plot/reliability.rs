//! A reliability diagram (DeGroot and Fienberg 1983): of the entities with a score of 0.8, are four
//! in five right?

use std::path::Path;

use anyhow::{Result, bail};
use ner::calibration::Bin;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

use super::{Axis, COLORS, FONT, INK, Stroke, chart, dots, legend, line, picture, read};

const SIZE: (u32, u32) = (560, 560);

/// What is drawn of eval_metrics.json.
#[derive(Deserialize)]
struct Metrics {
    calibration_error: f64,
    reliability: Vec<Bin>,
}

/// A bar for the share that is right in each interval of the score, with the number of entities at
/// its foot and a dot at their mean score.
pub(super) fn draw(path: &Path) -> Result<String> {
    let metrics: Metrics = read(path, "trainer evaluate --output")?;
    let bins = &metrics.reliability;
    let entities: usize = bins.iter().map(|bin| bin.count).sum();
    if entities == 0 {
        bail!(
            "{}: no entity was predicted, so there is nothing to draw",
            path.display()
        );
    }
    let axis = |label| Axis {
        label,
        range: 0.0..1.0,
        lines: 11,
        decimals: 1,
    };
    let title = format!(
        "Reliability: expected calibration error {:.3}, {entities} entities",
        metrics.calibration_error
    );
    picture(SIZE, &title, |area| {
        let mut chart = chart(
            area,
            &axis("score"),
            &axis("share of entities that are right"),
        )?;
        let edge = |at: usize| at as f64 / bins.len() as f64;
        let filled = || bins.iter().enumerate().filter(|(_, bin)| bin.count > 0);

        let [color, diagonal, ..] = COLORS;
        let pale = color.mix(0.3).filled();
        let bars = filled().map(|(at, bin)| {
            let corners = [(edge(at), 0.0), (edge(at + 1), bin.accuracy)];
            let mut bar = Rectangle::new(corners, pale);
            bar.set_margin(0, 0, 1, 1);
            bar
        });
        chart
            .draw_series(bars)?
            .label("found")
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 20, y + 5)], pale));
        let promised = Stroke {
            color: diagonal,
            dashed: true,
        };
        line(
            &mut chart,
            &[(0.0, 0.0), (1.0, 1.0)],
            promised,
            "as promised",
        )?;
        let points = filled().map(|(_, bin)| (bin.score, bin.accuracy));
        dots(&mut chart, &points.collect::<Vec<_>>(), color)?;
        let foot = (FONT, 12)
            .into_font()
            .color(&INK)
            .pos(Pos::new(HPos::Center, VPos::Bottom));
        chart.draw_series(filled().map(|(at, bin)| {
            let middle = (edge(at) + edge(at + 1)) / 2.0;
            Text::new(bin.count.to_string(), (middle, 0.01), foot.clone())
        }))?;
        legend(&mut chart, SeriesLabelPosition::UpperLeft)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::{check, check_refused, drawn};

    #[test]
    fn every_filled_bin_has_a_dot_and_its_count() {
        let metrics = r#"{"eval_f1": 0.5, "calibration_error": 0.0234, "reliability": [
            {"count": 0, "score": 0.0, "accuracy": 0.0},
            {"count": 17, "score": 0.31, "accuracy": 0.25},
            {"count": 40, "score": 0.61, "accuracy": 0.66},
            {"count": 256, "score": 0.93, "accuracy": 0.97}]}"#;
        let title = "Reliability: expected calibration error 0.023, 313 entities";
        let axes = ["score", "share of entities that are right", "0.0", "1.0"];
        let texts = [&axes[..], &[title, "17", "40", "256"]].concat();
        check(&drawn(draw, metrics).unwrap(), 3, &texts);
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |content: &str, words: &[&str]| {
            check_refused(drawn(draw, content), &[&["input.json"], words].concat());
        };
        check(
            r#"{"eval_f1": 0.5}"#,
            &["calibration_error", "`trainer evaluate --output`"],
        );
        check(r#"{"calibration_error": 0}"#, &["reliability"]);
        check(
            r#"{"calibration_error": 0, "reliability": []}"#,
            &["no entity was predicted"],
        );
        check("1", &["`trainer evaluate --output`"]);
    }
}
