//! Bootstrap intervals: numpy's for the same draws, and those that are known without drawing.

use ner::bootstrap::{Interval, f1_intervals};
use ner::metrics::{Report, Score};
use serde_json::Value;

const GOLDEN: &str = include_str!("goldens/bootstrap.json");

/// Both sides divide the same integers; only how F1 is written differs.
const TOLERANCE: f64 = 1e-12;

/// SplitMix64 (Steele, Lea and Flood 2014), as in goldens/bootstrap.py.
fn below(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |n| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = seed;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        ((u128::from(x) * n as u128) >> 64) as usize
    }
}

/// The report of a document with these numbers of correct, predicted and annotated entities of the
/// types 0, 1 and so on; types without any are left out.
fn report(types: &[[usize; 3]]) -> Report {
    let score = |[correct, predicted, support]: [usize; 3]| Score {
        correct,
        predicted,
        support,
        ..Score::default()
    };
    let sum = |at: usize| types.iter().map(|counts| counts[at]).sum();
    let named = types.iter().enumerate();
    Report {
        overall: score([sum(0), sum(1), sum(2)]),
        types: named
            .filter(|(_, counts)| **counts != [0; 3])
            .map(|(name, &counts)| (name.to_string(), score(counts)))
            .collect(),
    }
}

fn close(found: Interval, expected: Interval, tolerance: f64) -> bool {
    found
        .iter()
        .zip(expected)
        .all(|(found, expected)| (found - expected).abs() < tolerance)
}

#[test]
fn intervals_are_numpys() {
    let cases: Value = serde_json::from_str(GOLDEN).unwrap();
    let interval = |value: &Value| -> Interval { serde_json::from_value(value.clone()).unwrap() };
    for case in cases.as_array().unwrap() {
        let documents: Vec<Vec<[usize; 3]>> =
            serde_json::from_value(case["documents"].clone()).unwrap();
        let reports: Vec<Report> = documents.iter().map(|types| report(types)).collect();
        let found = f1_intervals(&reports, below(case["seed"].as_u64().unwrap()));
        assert!(
            close(found.overall, interval(&case["overall"]), TOLERANCE),
            "{found:?}"
        );
        let types = case["types"].as_array().unwrap();
        assert_eq!(found.types.len(), types.len());
        for (found, expected) in found.types.values().zip(types) {
            assert!(
                close(*found, interval(expected), TOLERANCE),
                "{found:?}, not {expected}"
            );
        }
    }
}

#[test]
fn some_intervals_need_no_drawing() {
    let check = |documents: &[&[[usize; 3]]], overall: Interval, types: &[Interval]| {
        let reports: Vec<Report> = documents.iter().map(|types| report(types)).collect();
        let found = f1_intervals(&reports, below(1));
        assert_eq!(found.overall, overall, "{documents:?}");
        let found: Vec<Interval> = found.types.into_values().collect();
        assert_eq!(found, types, "{documents:?}");
    };
    check(&[], [0.0; 2], &[]);
    check(&[&[], &[]], [0.0; 2], &[]);
    // Nothing but right, nothing but wrong.
    check(&[&[[2, 2, 2]], &[[1, 1, 1]]], [1.0; 2], &[[1.0; 2]]);
    check(&[&[[0, 2, 1]], &[[0, 0, 1]]], [0.0; 2], &[[0.0; 2]]);
    // One document has but one resample.
    check(&[&[[1, 2, 2]]], [0.5; 2], &[[0.5; 2]]);
    // A third of the resamples lack the second type.
    check(
        &[&[[1, 1, 1]], &[[1, 1, 1]], &[[1, 1, 1], [3, 3, 3]]],
        [1.0; 2],
        &[[1.0; 2]; 2],
    );
}

#[test]
fn a_share_of_documents_has_the_width_of_a_binomial() {
    // With one entity per document, predicted each time, F1 is the share of right ones.
    for (documents, right) in [(400, 320), (400, 200), (100, 90)] {
        let report = |at: usize| report(&[[usize::from(at < right), 1, 1]]);
        let reports: Vec<Report> = (0..documents).map(report).collect();
        let share = right as f64 / documents as f64;
        let deviation = (share * (1.0 - share) / documents as f64).sqrt();
        let expected = [share - 1.96 * deviation, share + 1.96 * deviation];
        // The ends stand on a grid of a document, and move with the seed by a tenth of a deviation.
        let tolerance = 1.0 / documents as f64 + 0.3 * deviation;
        let found = f1_intervals(&reports, below(7));
        assert!(
            close(found.overall, expected, tolerance),
            "{found:?}, not {expected:?}"
        );
    }
}
