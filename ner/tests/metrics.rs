//! Metrics against seqeval's numbers, and the span measures by hand.

use ner::metrics::{Mode, Report, Score, overlap, sequences, spans};
use ner::{Labels, Span};
use serde_json::Value;

const GOLDEN: &str = include_str!("goldens/seqeval_scores.json");
/// Both sides divide the same small integers in f64; only the order of operations in F1 may differ.
const TOLERANCE: f64 = 1e-12;

fn types() -> Labels {
    Labels::of_types(&["Symptoms", "Hormones", "Procedures"])
}

/// `Ss.H` as `B-Symptoms I-Symptoms O B-Hormones`.
fn decode(codes: &Value) -> Vec<Vec<String>> {
    let label = |code: char| {
        let kind = match code.to_ascii_lowercase() {
            's' => "Symptoms",
            'h' => "Hormones",
            'p' => "Procedures",
            _ => return "O".to_owned(),
        };
        format!(
            "{}-{kind}",
            if code.is_ascii_uppercase() { 'B' } else { 'I' }
        )
    };
    codes
        .as_array()
        .unwrap()
        .iter()
        .map(|sentence| sentence.as_str().unwrap().chars().map(label).collect())
        .collect()
}

fn check(case: &Value, mode: Mode, golden: &Value) {
    let report = sequences(
        &decode(&case["gold"]),
        &decode(&case["predicted"]),
        &types(),
        mode,
    );
    let all = std::iter::once(("overall", &report.overall));
    for (name, score) in all.chain(
        report
            .types
            .iter()
            .map(|(name, score)| (name.as_str(), score)),
    ) {
        let expected: Vec<f64> = match &golden[name] {
            // seqeval lists only types that occur.
            Value::Null => vec![0.0; 4],
            scores => scores
                .as_array()
                .unwrap()
                .iter()
                .map(|score| score.as_f64().unwrap())
                .collect(),
        };
        let found = [
            score.precision,
            score.recall,
            score.f1,
            score.support as f64,
        ];
        let close = found
            .iter()
            .zip(&expected)
            .all(|(found, expected)| (found - expected).abs() < TOLERANCE);
        assert!(close, "{mode:?} {name} of {case}: {found:?}");
    }
}

#[test]
fn scores_are_seqevals() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = golden.as_array().unwrap();
    assert!(cases.len() > 400);
    for case in cases {
        check(case, Mode::Default, &case["default"]);
        check(case, Mode::StrictIob2, &case["strict"]);
    }
}

#[test]
fn types_outside_the_label_set_count() {
    let sentence = |label: &str| vec![vec![label.to_owned()]];
    let report = sequences(
        &sentence("B-Symptoms"),
        &sentence("B-Other"),
        &types(),
        Mode::Default,
    );
    assert_eq!(
        (
            report.overall.support,
            report.overall.predicted,
            report.overall.correct
        ),
        (1, 1, 0)
    );
    assert_eq!(report.types.last().unwrap().0, "Other");
}

fn marks(ranges: &[(usize, usize, &str)]) -> Vec<Span> {
    ranges
        .iter()
        .map(|&(start, end, label)| Span {
            range: start..end,
            label: label.to_owned(),
        })
        .collect()
}

#[test]
fn span_measures() {
    // Counts of correct spans, first exact and then overlapping.
    let check = |gold: &[(usize, usize, &str)],
                 predicted: &[(usize, usize, &str)],
                 exact: usize,
                 loose: usize| {
        let (gold, predicted) = (marks(gold), marks(predicted));
        let types = types();
        let by: [(Report, usize); 2] = [
            (spans([(&gold[..], &predicted[..])], types.types()), exact),
            (overlap([(&gold[..], &predicted[..])], types.types()), loose),
        ];
        for (report, correct) in by {
            let Score {
                support,
                predicted: found,
                correct: right,
                ..
            } = report.overall;
            assert_eq!(
                (support, found, right),
                (gold.len(), predicted.len(), correct)
            );
        }
    };
    let (s, h) = ("Symptoms", "Hormones");
    check(&[], &[], 0, 0);
    check(&[(0, 5, s)], &[(0, 5, s)], 1, 1);
    check(&[(0, 5, s)], &[(0, 5, h)], 0, 0);
    check(&[(0, 5, s)], &[(3, 9, s)], 0, 1);
    check(&[(0, 5, s)], &[(5, 9, s)], 0, 0);
    // One prediction over two gold spans, and the other way round, is one pair.
    check(&[(0, 5, s), (6, 9, s)], &[(0, 9, s)], 0, 1);
    check(&[(0, 9, s)], &[(0, 5, s), (6, 9, s)], 0, 1);
    // A pairing that takes the first that fits from the longest on would find one pair here.
    check(&[(0, 5, s), (6, 9, s)], &[(0, 2, s), (4, 9, s)], 0, 2);
    check(&[(0, 5, s), (6, 9, h)], &[(6, 9, h), (0, 4, s)], 1, 2);
}
