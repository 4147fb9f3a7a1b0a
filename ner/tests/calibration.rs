//! Calibration: outcomes whose true odds are known.

use ner::calibration::{Bin, Calibration, expected_error, reliability};

/// Outcomes of `per_point` entities at each of some log-odds x, of which a share of
/// `sigmoid(slope * x + intercept)` is right.
fn outcomes(slope: f64, intercept: f64, per_point: usize) -> Vec<(f64, bool)> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let points = (-20..=40).map(|x| f64::from(x) / 10.0);
    points
        .flat_map(|x| {
            let right = (sigmoid(slope * x + intercept) * per_point as f64).round() as usize;
            (0..per_point).map(move |i| (sigmoid(x).ln(), i < right))
        })
        .collect()
}

#[test]
fn a_fit_finds_the_line_that_made_the_outcomes() {
    for (slope, intercept) in [(1.0, 0.0), (0.4, -0.5), (2.0, 0.3)] {
        let found = Calibration::fit(&outcomes(slope, intercept, 10_000));
        // Shares are rounded to a ten-thousandth, and Platt's targets are off 0 and 1 a little.
        assert!((found.slope - slope).abs() < 0.01, "{found:?}");
        assert!((found.intercept - intercept).abs() < 0.01, "{found:?}");
    }
}

/// Nearly all probabilities are near 1, and a fifth of the entities are wrong all the same: a whole
/// Newton step from the default line leads out of sight.
#[test]
fn overconfident_outcomes_are_fitted() {
    for mean in [3.0, 5.0, 8.0] {
        // A triangle of log-odds from mean - 4 to mean + 4, right with odds that grow slowly.
        let outcomes: Vec<(f64, bool)> = (0..2000)
            .map(|i| {
                let x =
                    mean + f64::from(i * 7919 % 2000) / 500.0 + f64::from(i * 6101 % 2000) / 500.0
                        - 4.0;
                let odds = (0.3 * (x - mean) + 1.4).exp();
                let right = f64::from(i * 4507 % 2000) / 2000.0 < odds / (1.0 + odds);
                (-(-x).exp().ln_1p(), right)
            })
            .collect();
        let line = Calibration::fit(&outcomes);
        let scores: Vec<(f32, bool)> = outcomes
            .iter()
            .map(|&(log_probability, right)| (line.score(log_probability), right))
            .collect();
        let error = expected_error(&reliability(&scores, 10));
        assert!((0.1..0.6).contains(&line.slope), "{mean}: {line:?}");
        // The standard error of a share of some hundred outcomes.
        assert!(error < 0.03, "{mean}: {line:?}: {error}");
    }
}

#[test]
fn outcomes_that_teach_nothing_leave_a_usable_line() {
    for outcomes in [
        vec![],
        vec![(-0.1, true); 9],
        vec![(-0.1, false); 9],
        vec![(0.0, true), (-0.5, true), (f64::NEG_INFINITY, false)],
        // Surer and more often wrong.
        vec![(-0.01, false), (-0.02, false), (-3.0, true), (-4.0, true)],
    ] {
        let line = Calibration::fit(&outcomes);
        assert!(line.slope > 0.0 && line.slope.is_finite(), "{line:?}");
        // Rounding can leave a certainty above 0.
        for log_probability in [1e-12, 0.0, -0.1, -50.0, f64::NEG_INFINITY] {
            let score = line.score(log_probability);
            assert!((0.0..=1.0).contains(&score), "{line:?}: {score}");
        }
    }
    assert_eq!(Calibration::fit(&[]), Calibration::default());
}

#[test]
fn the_default_changes_nothing() {
    for probability in [0.001, 0.25, 0.5, 0.999] {
        let score = Calibration::default().score(f64::ln(probability));
        assert!((f64::from(score) - probability).abs() < 1e-7, "{score}");
    }
}

#[test]
fn errors_are_distances_weighted_by_counts() {
    let outcomes = [
        (0.0, false),
        (0.05, true),
        (0.95, true),
        (1.0, true),
        (0.55, false),
    ];
    let bins = reliability(&outcomes, 10);
    let expected = [(0, 2, 0.025, 0.5), (5, 1, 0.55, 0.0), (9, 2, 0.975, 1.0)];
    for (at, bin) in bins.iter().enumerate() {
        let expected = expected.iter().find(|row| row.0 == at);
        let &(_, count, score, accuracy) = expected.unwrap_or(&(at, 0, 0.0, 0.0));
        assert_eq!((bin.count, bin.accuracy), (count, accuracy), "bin {at}");
        // Scores are f32.
        assert!((bin.score - score).abs() < 1e-7, "bin {at}: {bin:?}");
    }
    let error = (2.0 * 0.475 + 0.55 + 2.0 * 0.025) / 5.0;
    assert!((expected_error(&bins) - error).abs() < 1e-7);
    assert_eq!(expected_error(&[Bin::default(); 3]), 0.0);
}
