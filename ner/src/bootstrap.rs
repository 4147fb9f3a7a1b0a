//! How far a score would move on other documents of the same kind.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::metrics::{Report, Score};

/// Lower and upper end.
pub type Interval = [f64; 2];

/// 95 % intervals of F1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intervals {
    /// Of the micro average over all types.
    pub overall: Interval,
    /// Of each type.
    pub types: BTreeMap<String, Interval>,
}

/// Resamples; the ends then vary with the seed by about a tenth of a standard error.
const SAMPLES: usize = 1000;

/// What the intervals leave out on either side.
const TAIL: f64 = 0.025;

/// Percentile intervals by the bootstrap (Efron 1979): as many documents as there are, one report
/// each, are drawn with replacement a thousand times over.
///
/// Whole documents are drawn, as the entities of one are not independent of each other. A resample
/// without a single entity of a type, annotated or predicted, says nothing about that type and does
/// not count for it. `below(n)` gives a uniformly random number in `0..n`.
pub fn f1_intervals(documents: &[Report], mut below: impl FnMut(usize) -> usize) -> Intervals {
    let types = documents.iter().flat_map(|report| &report.types);
    let names: BTreeSet<&String> = types.map(|(name, _)| name).collect();
    // A row per document; the first column is that of all types.
    let row = |report: &Report| -> Vec<Counts> {
        let of_type = |name: &&String| {
            let found = report.types.iter().find(|(other, _)| other == *name);
            found.map_or([0; 2], |(_, score)| counts(score))
        };
        let overall = counts(&report.overall);
        std::iter::once(overall)
            .chain(names.iter().map(of_type))
            .collect()
    };
    let rows: Vec<_> = documents.iter().map(row).collect();

    let mut scores = vec![Vec::with_capacity(SAMPLES); 1 + names.len()];
    for _ in 0..SAMPLES {
        let mut sums: Vec<Counts> = vec![[0; 2]; scores.len()];
        for _ in &rows {
            for (sum, counts) in sums.iter_mut().zip(&rows[below(rows.len())]) {
                sum[0] += counts[0];
                sum[1] += counts[1];
            }
        }
        for (scores, [correct, marked]) in scores.iter_mut().zip(sums) {
            if marked > 0 {
                scores.push(2.0 * correct as f64 / marked as f64);
            }
        }
    }
    let mut intervals = scores.into_iter().map(ends);
    Intervals {
        overall: intervals.next().unwrap_or_default(),
        types: names.into_iter().cloned().zip(intervals).collect(),
    }
}

/// Correct entities, and annotated and predicted ones together: F1 is twice their ratio.
type Counts = [usize; 2];

fn counts(score: &Score) -> Counts {
    [score.correct, score.predicted + score.support]
}

/// Percentiles, linear between neighbours; 0 where there are no scores, as is their F1.
fn ends(mut scores: Vec<f64>) -> Interval {
    scores.sort_unstable_by(f64::total_cmp);
    let Some(last) = scores.len().checked_sub(1) else {
        return [0.0; 2];
    };
    [TAIL, 1.0 - TAIL].map(|share| {
        let at = share * last as f64;
        let (low, high) = (scores[at.floor() as usize], scores[at.ceil() as usize]);
        low + at.fract() * (high - low)
    })
}
