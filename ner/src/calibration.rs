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

/// Log-odds beyond this are cut. A probability so near to 1 is the difference of sums over a whole
/// paragraph, and what is left of it rounding.
const MOST_LOG_ODDS: f64 = 20.0;

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
        let points = outcomes
            .iter()
            .map(|&(log_probability, right)| (log_odds(log_probability), target(right)));
        let points: Vec<(f64, f64)> = points.collect();
        let mut line = Self::default();
        let mut loss = line.loss(&points);
        for _ in 0..STEPS {
            let (slope, intercept) = line.newton_step(&points);
            if slope.abs().max(intercept.abs()) < LEAST_STEP {
                break;
            }
            // Where nearly all probabilities are near 1 a whole step leads far away: half of it, and
            // half again, until it is a step down (Lin, Lin and Weng 2007).
            let shorter = (0..HALVINGS).map(|halving| 0.5_f64.powi(halving));
            let next = shorter.map(|part| Self {
                slope: line.slope - part * slope,
                intercept: line.intercept - part * intercept,
            });
            let mut next = next.map(|line| (line, line.loss(&points)));
            let Some((next, next_loss)) = next.find(|(_, next)| *next < loss) else {
                break;
            };
            (line, loss) = (next, next_loss);
        }
        let usable = line.slope.is_finite() && line.intercept.is_finite() && line.slope > 0.0;
        if usable { line } else { Self::default() }
    }

    /// Cross-entropy of log-odds, each with its target.
    fn loss(self, points: &[(f64, f64)]) -> f64 {
        let loss = |&(x, target): &(f64, f64)| {
            let x = self.slope * x + self.intercept;
            // ln(1 + e^x) - target * x.
            x.max(0.0) + libm::log1p(libm::exp(-x.abs())) - target * x
        };
        points.iter().map(loss).sum()
    }

    /// The gradient of the loss over its Hessian: slope and intercept.
    fn newton_step(self, points: &[(f64, f64)]) -> (f64, f64) {
        // The small ridge keeps the matrix regular where all log-odds are the same.
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, RIDGE, 0.0, RIDGE);
        for &(x, target) in points {
            let p = sigmoid(self.slope * x + self.intercept);
            let (error, weight) = (p - target, p * (1.0 - p));
            g0 += error;
            g1 += error * x;
            h00 += weight;
            h01 += weight * x;
            h11 += weight * x * x;
        }
        let determinant = h00 * h11 - h01 * h01;
        let slope = (h00 * g1 - h01 * g0) / determinant;
        let intercept = (h11 * g0 - h01 * g1) / determinant;
        (slope, intercept)
    }
}

const RIDGE: f64 = 1e-9;

/// A Newton step that changes no score.
const LEAST_STEP: f64 = 1e-10;

/// Halvings of a Newton step; what is left after them is no step.
const HALVINGS: i32 = 60;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// `ln(p / (1 - p))` from `ln p`.
fn log_odds(log_probability: f64) -> f64 {
    // Rounding can leave a certainty slightly above 1.
    let log_probability = log_probability.min(0.0);
    let log_complement = libm::log(-libm::expm1(log_probability));
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
