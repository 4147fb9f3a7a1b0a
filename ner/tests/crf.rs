//! Sums over label sequences, against all sequences there are.

use ner::Labels;
use ner::crf::{Chain, Lattice, Learned, Transitions};
use proptest::prelude::*;

/// Sums of some hundred exponentials.
const TOLERANCE: f64 = 1e-9;

/// L of one type.
const LABELS: usize = 3;

fn sequences(words: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..LABELS.pow(words as u32)).map(move |code| {
        (0..words as u32)
            .map(|word| code / LABELS.pow(word) % LABELS)
            .collect()
    })
}

fn close(found: f64, expected: f64) -> bool {
    (found.exp() - expected).abs() < TOLERANCE
}

fn term() -> impl Strategy<Value = f32> {
    -3.0_f32..3.0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_those_over_all_sequences(
        logits in prop::collection::vec(term(), LABELS..=5 * LABELS),
        lines in any::<[bool; 5]>(),
        terms in prop::collection::vec(term(), LABELS * (LABELS + 3)),
    ) {
        let labels = Labels::of_types(&["S"]);
        let (start, rest) = terms.split_at(LABELS);
        let (step, rest) = rest.split_at(LABELS * LABELS);
        let (end, line) = rest.split_at(LABELS);
        let transitions = Transitions::learned(&labels, Learned { start, step, end, line });
        let rows = logits.chunks_exact(LABELS).zip(lines);
        let chain = Chain::new(rows.clone(), &transitions);
        let words = chain.words();

        // The definition, term by term.
        let score = |ids: &[usize]| -> f64 {
            let mut sum = f64::from(start[ids[0]]) + f64::from(end[ids[words - 1]]);
            let mut previous = None;
            for (&id, (row, begins_line)) in ids.iter().zip(rows.clone()) {
                sum += f64::from(row[id]);
                if begins_line {
                    sum += f64::from(line[id]);
                }
                if !labels.tag(id).follows(previous.map(|id| labels.tag(id))) {
                    return f64::NEG_INFINITY;
                }
                if let Some(previous) = previous {
                    sum += f64::from(step[previous * LABELS + id]);
                }
                previous = Some(id);
            }
            sum
        };
        let all: Vec<(Vec<usize>, f64)> = sequences(words)
            .map(|ids| { let weight = score(&ids).exp(); (ids, weight) })
            .collect();
        let partition: f64 = all.iter().map(|(_, weight)| weight).sum();
        let share = |wanted: &dyn Fn(&[usize]) -> bool| -> f64 {
            all.iter().filter(|(ids, _)| wanted(ids)).map(|(_, weight)| weight).sum::<f64>() / partition
        };

        let lattice = Lattice::new(&chain);
        prop_assert!((lattice.log_partition() - partition.ln()).abs() < TOLERANCE);
        for (ids, weight) in &all {
            prop_assert!((chain.score(ids).exp() - weight).abs() < TOLERANCE * weight.max(1.0));
        }
        let best = all.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
        prop_assert!((score(&chain.best()).exp() - best).abs() < TOLERANCE * best);
        for word in 0..words {
            for to in 0..LABELS {
                prop_assert!(close(lattice.log_label(word, to), share(&|ids| ids[word] == to)));
                for from in 0..if word == 0 { 0 } else { LABELS } {
                    let pair = share(&|ids| ids[word - 1] == from && ids[word] == to);
                    prop_assert!(close(lattice.log_pair(word, from, to), pair));
                }
            }
            // B-S and as many I-S as there is room for, no I-S after.
            for length in 1..=words - word {
                let mut run = vec![2; length];
                run[0] = 1;
                let is_run = |ids: &[usize]| {
                    ids[word..].starts_with(&run) && ids.get(word + length) != Some(&2)
                };
                prop_assert!(close(lattice.log_run(word, &run, 2), share(&is_run)));
            }
        }
    }
}

#[test]
fn large_logits_do_not_overflow() {
    let labels = Labels::of_types(&["S"]);
    let transitions = Transitions::bio(&labels);
    // I-S leads by far where it cannot stand.
    let rows = [[0.0, -1e30, f32::MAX], [f32::MIN, 0.0, 2e30]];
    let chain = Chain::new(rows.iter().map(|row| (&row[..], false)), &transitions);
    let lattice = Lattice::new(&chain);
    assert_eq!(chain.best(), [1, 2]);
    assert!(close(lattice.log_run(0, &[1, 2], 2), 1.0));
    // Weights that underflow, and steps that bring them back.
    let steps = [0.0, -600.0, 0.0, 700.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let terms = Learned {
        start: &[0.0; 3],
        step: &steps,
        end: &[0.0; 3],
        line: &[0.0; 3],
    };
    let transitions = Transitions::learned(&labels, terms);
    let rows = [[0.0_f32, -746.0, 0.0], [0.0, -1000.0, -1000.0]];
    let chain = Chain::new(rows.iter().map(|row| (&row[..], false)), &transitions);
    // O, O scores 0 and B-S, O -46.
    let partition = Lattice::new(&chain).log_partition();
    assert!(
        (partition - (-46.0_f64).exp().ln_1p()).abs() < TOLERANCE,
        "{partition}"
    );

    let empty = Chain::new([], &transitions);
    assert_eq!((empty.words(), empty.score(&[])), (0, 0.0));
    assert_eq!(Lattice::new(&empty).log_partition(), 0.0);
    assert_eq!(empty.best(), [0; 0]);
}
