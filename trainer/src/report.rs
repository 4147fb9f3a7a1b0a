//! An evaluation as a table.

use std::fmt::Write as _;

use ner::bootstrap::Interval;
use ner::evaluate::Evaluation;
use ner::metrics::Score;

/// The table that `trainer evaluate` prints, with the types in this order.
pub fn table(evaluation: &Evaluation, types: &[String]) -> String {
    const ALL: &str = "all types";
    let width = types
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(ALL.len());
    let mut table = format!(
        "{:width$}  precision  recall      F1         95 %  support  predicted  overlap F1\n",
        "strict"
    );
    let mut row = |name: &str, score: &Score, [low, high]: Interval, overlap: &Score| {
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "{name:width$}  {:9.4}  {:6.4}  {:6.4}  {low:.3}-{high:.3}  {:7}  {:9}  {:10.4}",
            score.precision, score.recall, score.f1, score.support, score.predicted, overlap.f1
        );
    };
    for name in types {
        if let (Some(score), Some(interval), Some(overlap)) = (
            evaluation.types.get(name),
            evaluation.f1_intervals.types.get(name),
            evaluation.overlap_types.get(name),
        ) {
            row(name, score, *interval, overlap);
        }
    }
    row(
        ALL,
        &evaluation.overall,
        evaluation.f1_intervals.overall,
        &evaluation.overlap,
    );
    let _ = writeln!(
        table,
        "\nseqeval F1: default {:.4}, strict IOB2 {:.4}\n\
         expected calibration error {:.4}\n\
         loss {:.4} over {} words of {} documents",
        evaluation.seqeval_default.f1,
        evaluation.seqeval_strict.f1,
        evaluation.calibration_error,
        evaluation.eval_loss,
        evaluation.eval_words,
        evaluation.eval_documents,
    );
    table
}
