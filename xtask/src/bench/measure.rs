//! Times, and whether the answers that they belong to are right.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Labels of a model.
pub(super) const LABELS: usize = 11;

/// Below this share of equal labels two engines do not run the same model. They quantize
/// activations in different ways, so that tokens between two labels may go either way.
const LEAST_EQUAL: f64 = 0.95;

/// `batch` inputs of `tokens` ids each, one behind the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Input {
    pub(super) tokens: usize,
    pub(super) batch: usize,
    pub(super) ids: Vec<u32>,
}

/// How an engine answered an input: the time of each run, and the logits `[batch, T, L]`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Runs {
    pub(super) ms: Vec<f64>,
    pub(super) logits: Vec<f32>,
}

/// What an engine says about itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct About {
    /// Kernels of ours, version of the peer.
    pub(super) name: String,
    pub(super) threads: usize,
}

/// How often two engines take turns on an input: until the time is over, but so often at least and
/// at most. In a turn an engine runs up to `repeats` times, as long as that fits into `repeats_ms`.
#[derive(Debug, Serialize)]
pub(super) struct Turns {
    pub(super) seconds: f64,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) repeats: usize,
    pub(super) repeats_ms: f64,
}

impl Turns {
    pub(super) const QUICK: Self = Self {
        seconds: 4.0,
        ..Self::FULL
    };
    pub(super) const FULL: Self = Self {
        seconds: 5.0,
        least: 5,
        most: 40,
        repeats: 3,
        repeats_ms: 150.0,
    };
}

/// Times of one engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Side {
    pub(super) median_ms: f64,
    pub(super) min_ms: f64,
    pub(super) runs: usize,
    /// Threads that it used, which can be fewer than it was offered.
    pub(super) threads: usize,
}

/// Two engines on one input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cell {
    pub(super) model: String,
    pub(super) tokens: usize,
    pub(super) batch: usize,
    pub(super) threads: usize,
    pub(super) ours: Side,
    pub(super) peer: Side,
    /// Tokens to which both give the same label; none for random weights, whose logits are so close
    /// to each other that labels mean nothing.
    pub(super) equal_labels: Option<usize>,
}

impl Cell {
    /// How many times as long as we the peer takes.
    pub(super) fn ratio(&self) -> f64 {
        self.peer.median_ms / self.ours.median_ms
    }

    pub(super) fn all_tokens(&self) -> usize {
        self.tokens * self.batch
    }
}

impl Side {
    pub(super) fn new(runs: &Runs, about: &About) -> Self {
        Self {
            median_ms: median(&runs.ms),
            min_ms: least(&runs.ms),
            runs: runs.ms.len(),
            threads: about.threads,
        }
    }
}

/// Infinity of none.
pub(super) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The middle value, or the mean of the two middle ones; NaN of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// Refuses logits of the wrong number and such that are no numbers.
pub(super) fn check_logits(who: &str, input: &Input, logits: &[f32]) -> Result<()> {
    let expected = input.ids.len() * LABELS;
    ensure!(
        logits.len() == expected,
        "{who} answers {} tokens with {} logits instead of {expected}",
        input.ids.len(),
        logits.len()
    );
    let bad = logits.iter().position(|logit| !logit.is_finite());
    ensure!(
        bad.is_none(),
        "{who} answers with a logit that is no number at token {}",
        bad.unwrap_or_default() / LABELS
    );
    Ok(())
}

/// Refuses logits of ours that differ from our own elsewhere in any bit, which the engine promises
/// of all its variants.
pub(super) fn check_bits(what: &str, here: &[f32], there: &[f32]) -> Result<()> {
    let bits = |logits: &[f32]| logits.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    ensure!(
        bits(here) == bits(there),
        "{what}: the engine's logits in the browser are not those of the same engine in the terminal"
    );
    Ok(())
}

/// Tokens whose greatest logit is of the same label.
pub(super) fn equal_labels(a: &[f32], b: &[f32]) -> usize {
    let label = |row: &[f32]| {
        let best = (0..row.len()).max_by(|&i, &j| row[i].total_cmp(&row[j]));
        best.unwrap_or_default()
    };
    let (a, b) = (a.chunks(LABELS), b.chunks(LABELS));
    a.zip(b).filter(|(a, b)| label(a) == label(b)).count()
}

/// Refuses cells whose engines, over all of them, give too many tokens different labels.
pub(super) fn check_labels(peer: &str, cells: &[Cell]) -> Result<()> {
    let compared = cells.iter().filter(|cell| cell.equal_labels.is_some());
    let (equal, all) = compared.fold((0, 0), |(equal, all), cell| {
        (
            equal + cell.equal_labels.unwrap_or_default(),
            all + cell.all_tokens(),
        )
    });
    ensure!(
        equal as f64 >= LEAST_EQUAL * all as f64,
        "ours and {peer} give only {equal} of {all} tokens the same label: they do not run the same model. \
         Remove target/bench/models, and if that does not help, compare both with the model in Python \
         (xtask/bench/models.py)"
    );
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A cell of the shipped model.
    pub(in crate::bench) fn cell(threads: usize, ours: f64, peer: f64, equal: usize) -> Cell {
        let side = |ms| Side {
            median_ms: ms,
            min_ms: ms - 0.5,
            runs: 9,
            threads,
        };
        Cell {
            model: "minilm".into(),
            tokens: 128,
            batch: 1,
            threads,
            ours: side(ours),
            peer: side(peer),
            equal_labels: Some(equal),
        }
    }

    #[test]
    fn medians() {
        let check = |values: &[f64], expected: f64| assert_eq!(median(values), expected);
        check(&[3.0], 3.0);
        check(&[5.0, 1.0, 3.0], 3.0);
        check(&[5.0, 1.0, 3.0, 4.0], 3.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn logits_are_checked() {
        let input = Input {
            tokens: 2,
            batch: 1,
            ids: vec![101, 102],
        };
        let check = |logits: &[f32], words: &str| {
            let error = check_logits("it", &input, logits)
                .map_or_else(|error| error.to_string(), |()| String::new());
            assert!(error.contains(words) && error.is_empty() == words.is_empty());
        };
        let mut logits = vec![0.5; 2 * LABELS];
        check(&logits, "");
        check(&logits[1..], "21 logits instead of 22");
        logits[LABELS] = f32::NAN;
        check(&logits, "at token 1");
    }

    #[test]
    fn bits_are_compared() {
        assert!(check_bits("", &[1.0, f32::NAN], &[1.0, f32::NAN]).is_ok());
        assert!(check_bits("", &[0.0], &[-0.0]).is_err());
        assert!(check_bits("", &[1.0], &[1.0, 1.0]).is_err());
    }

    #[test]
    fn labels_are_compared_by_token() {
        let mut a = vec![0.0; 3 * LABELS];
        let mut b = a.clone();
        (a[1], b[1]) = (1.0, 7.0);
        (a[LABELS + 1], b[LABELS + 2]) = (1.0, 1.0);
        assert_eq!(equal_labels(&a, &b), 2);
    }

    #[test]
    fn too_many_different_labels_are_an_error() {
        let check = |equal: &[usize], good: bool| {
            let cells: Vec<_> = equal.iter().map(|&n| cell(1, 2.0, 8.0, n)).collect();
            assert_eq!(check_labels("it", &cells).is_ok(), good, "{equal:?}");
        };
        check(&[128], true);
        check(&[121], false);
        check(&[121, 128], true);
        check(&[], true);
    }
}
