//! Scores that mean what they say: of the entities with a score of 0.8, four in five are right.

use serde::{Deserialize, Serialize};

/// A line on the log-odds of a probability (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Factor of the log-odds; positive.
    pub slope: f64,
    /// Added to them.
    pub intercept: f64,
}

impl Default for Calibration {
    /// Leaves probabilities as they are.
    fn default() -> Self {
        Self {
            slope: 1.0,
            intercept: 0.0,
        }
    }
}

/// Log-odds beyond this are cut: a probability of 1 as a float has infinite ones.
const MOST_LOG_ODDS: f64 = 30.0;

/// Newton steps of [`Calibration::fit`]; it takes about six.
const STEPS: usize = 50;

impl Calibration {
    /// The score of an entity from the logarithm of its probability.
    pub fn score(self, log_probability: f64) -> f32 {
        sigmoid(self.slope * log_odds(log_probability) + self.intercept) as f32
    }

    /// The line under which the outcomes are likeliest: entities' log-probabilities, each with
    /// whether the entity was right. Platt's targets, which stay off 0 and 1, keep it finite where
    /// all were right or all wrong.
    ///
    /// The default where there are no outcomes, or where being surer did not mean being right more
    /// often: a slope that is not positive would turn the order of the scores around.
    pub fn fit(outcomes: &[(f64, bool)]) -> Self {
        let right = outcomes.iter().filter(|(_, right)| *right).count() as f64;
        let wrong = outcomes.len() as f64 - right;
        let target = |is_right| match is_right {
            true => (right + 1.0) / (right + 2.0),
            false => 1.0 / (wrong + 2.0),
        };
        let mut line = Self::default();
        for _ in 0..STEPS {
            // Gradient and Hessian of the negative log-likelihood; the small ridge keeps the matrix
            // regular where all log-odds are the same.
            let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, RIDGE, 0.0, RIDGE);
            for &(log_probability, is_right) in outcomes {
                let x = log_odds(log_probability);
                let p = sigmoid(line.slope * x + line.intercept);
                let (error, weight) = (p - target(is_right), p * (1.0 - p));
                g0 += error;
                g1 += error * x;
                h00 += weight;
                h01 += weight * x;
                h11 += weight * x * x;
            }
            let determinant = h00 * h11 - h01 * h01;
            let intercept = (h11 * g0 - h01 * g1) / determinant;
            let slope = (h00 * g1 - h01 * g0) / determinant;
            line.intercept -= intercept;
            line.slope -= slope;
            if intercept.abs().max(slope.abs()) < 1e-10 {
                break;
            }
        }
        let usable = line.slope.is_finite() && line.intercept.is_finite() && line.slope > 0.0;
        if usable { line } else { Self::default() }
    }
}

const RIDGE: f64 = 1e-9;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `ln(p / (1 - p))` from `ln p`.
fn log_odds(log_probability: f64) -> f64 {
    let log_complement = (-log_probability.exp_m1()).ln();
    (log_probability - log_complement).clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS)
}

/// Scores of one interval against what they promise.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bin {
    /// Entities with such a score.
    pub count: usize,
    /// Mean score.
    pub score: f64,
    /// Share that was right.
    pub accuracy: f64,
}

/// Scores, each with whether its entity was right, in `bins` intervals of equal width from 0 to 1;
/// empty ones are all zero.
pub fn reliability(outcomes: &[(f32, bool)], bins: usize) -> Vec<Bin> {
    let mut result = vec![Bin::default(); bins];
    for &(score, right) in outcomes {
        let at = ((f64::from(score) * bins as f64) as usize).min(bins.saturating_sub(1));
        let bin = &mut result[at];
        bin.count += 1;
        bin.score += f64::from(score);
        bin.accuracy += f64::from(u8::from(right));
    }
    for bin in result.iter_mut().filter(|bin| bin.count > 0) {
        bin.score /= bin.count as f64;
        bin.accuracy /= bin.count as f64;
    }
    result
}

/// Expected calibration error (Guo et al. 2017): the mean distance of score and accuracy, bins
/// weighted by their counts; 0 where there are no outcomes.
pub fn expected_error(bins: &[Bin]) -> f64 {
    let count: usize = bins.iter().map(|bin| bin.count).sum();
    let sum: f64 = bins
        .iter()
        .map(|bin| bin.count as f64 * (bin.score - bin.accuracy).abs())
        .sum();
    sum / count.max(1) as f64
}
