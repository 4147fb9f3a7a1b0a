//! What came of it.

use serde::{Deserialize, Serialize};

/// A finished run, as experiments.json has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) question: String,
    pub(super) name: String,
    /// Of `trainer fine-tune`, beside the data, the base and the output.
    pub(super) arguments: String,
    pub(super) seed: u64,
    /// Documents trained on.
    pub(super) documents: usize,
    pub(super) epochs: u32,
    /// Strict, of the best epoch.
    pub(super) f1: f64,
    /// The same epoch's, when a prediction that overlaps an entity of its type is right.
    pub(super) overlap_f1: f64,
    /// With evaluations: the time that it took, times the number of its threads.
    pub(super) seconds: u64,
    /// Hash of everything that decides the scores but the trainer itself.
    pub(super) fingerprint: String,
}

/// A row per experiment, in Markdown.
pub(super) fn table(runs: &[Run]) -> String {
    let mut table = String::from(
        "| question | run | documents | epochs | strict F1 | overlap F1 | minutes |\n\
         |---|---|--:|--:|--:|--:|--:|\n",
    );
    for seeds in runs.chunk_by(|run, next| run.name == next.name) {
        let of = |value: fn(&Run) -> f64| seeds.iter().map(value).collect::<Vec<_>>();
        let Run {
            question,
            name,
            documents,
            epochs,
            ..
        } = &seeds[0];
        let (f1, overlap) = (spread(&of(|run| run.f1)), spread(&of(|run| run.overlap_f1)));
        let minutes = of(|run| run.seconds as f64 / 60.0).iter().sum::<f64>();
        table.push_str(&format!(
            "| {question} | {name} | {documents} | {epochs} | {f1} | {overlap} | {minutes:.0} |\n"
        ));
    }
    table
}

/// The mean, and where there are several values their sample standard deviation.
fn spread(values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if values.len() < 2 {
        return format!("{mean:.4}");
    }
    let squares = values.iter().map(|value| (value - mean).powi(2));
    let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt();
    format!("{mean:.4} ± {deviation:.4}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_share_a_row() {
        let run = |name: &str, f1: f64| Run {
            question: "lr".into(),
            name: name.into(),
            arguments: "--lr 1e-4".into(),
            seed: 1,
            documents: 200,
            epochs: 8,
            f1,
            overlap_f1: 0.875,
            seconds: 90,
            fingerprint: String::new(),
        };
        let table = table(&[run("a", 0.7), run("b", 0.71), run("b", 0.73)]);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| lr | a | 200 | 8 | 0.7000 | 0.8750 | 2 |",
                "| lr | b | 200 | 8 | 0.7200 ± 0.0141 | 0.8750 ± 0.0000 | 3 |",
            ]
        );
    }
}
