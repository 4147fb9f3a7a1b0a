//! An evaluation as tables.

use std::fmt::Write as _;

use ner::bootstrap::Interval;
use ner::evaluate::Evaluation;
use ner::evaluate::confusion::{Confusion, Outcomes, Pairs};
use ner::metrics::Score;

/// What `trainer evaluate` prints, with the types in this order.
pub fn report(evaluation: &Evaluation, types: &[String]) -> String {
    format!(
        "{}\n{}\n{}",
        table(evaluation, types),
        outcomes(&evaluation.outcomes),
        confusion(&evaluation.confusion),
    )
}

/// Precision, recall and F1 by type.
fn table(evaluation: &Evaluation, types: &[String]) -> String {
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

/// What became of gold entities and predictions, in two lines.
pub(crate) fn outcomes(outcomes: &Outcomes) -> String {
    let Outcomes {
        correct,
        wrong_type,
        wrong_boundary,
        wrong_type_and_boundary,
        missed,
        spurious,
    } = outcomes;
    format!(
        "{correct} correct; {missed} missed, {spurious} spurious, {wrong_type} wrong type, \
         {wrong_boundary} wrong boundary, {wrong_type_and_boundary} wrong type and boundary\n"
    )
}

/// What rows and columns of missed and spurious entities are called.
pub(crate) const NONE: &str = "none";

/// The matrix of gold types (rows) against predicted types (columns).
pub(crate) fn confusion(confusion: &Confusion) -> String {
    const CORNER: &str = "gold \\ predicted";
    let head = confusion.types.iter().map(String::as_str).chain([NONE]);
    let row = |(pairs, missed): (&Vec<Pairs>, &usize)| {
        let cells = pairs.iter().map(cell).chain([missed.to_string()]);
        cells.collect::<Vec<_>>()
    };
    let mut rows: Vec<Vec<String>> = confusion
        .pairs
        .iter()
        .zip(&confusion.missed)
        .map(row)
        .collect();
    rows.push(confusion.spurious.iter().map(usize::to_string).collect());
    let width = |text: &str| text.chars().count();
    let first = head.clone().chain([CORNER]).map(width).max().unwrap_or(0);
    let widths: Vec<usize> = head
        .clone()
        .enumerate()
        .map(|(column, name)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).fold(width(name), usize::max)
        })
        .collect();
    let mut table = format!("{CORNER:first$}");
    for (name, width) in head.clone().zip(&widths) {
        // Writing to a string does not fail.
        let _ = write!(table, "  {name:>width$}");
    }
    table.push('\n');
    for (name, row) in head.zip(&rows) {
        let _ = write!(table, "{name:first$}");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(table, "  {cell:>width$}");
        }
        table.push('\n');
    }
    table
}

/// Pairs with the same boundaries, and behind a plus those that overlap otherwise.
pub(crate) fn cell(pairs: &Pairs) -> String {
    match pairs.overlapping {
        0 => pairs.exact.to_string(),
        more => format!("{}+{more}", pairs.exact),
    }
}
