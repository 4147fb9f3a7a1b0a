//! The result of an evaluation: its JSON and its table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ner::bootstrap::{Interval, Intervals};
use ner::calibration::Bin;
use ner::metrics::{Report, Score};
use serde::{Deserialize, Serialize};

/// How a model did on annotated documents; this is what `eval_metrics.json` holds.
///
/// Precision, recall and F1 are those of whole entities: a prediction is right when its boundaries
/// and its type are. The overall values are micro averages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Mean cross-entropy of the words' labels, before decoding; with a CRF the negative log-likelihood
    /// of the label sequences, by word.
    pub eval_loss: f64,
    /// Overall precision.
    pub eval_precision: f64,
    /// Overall recall.
    pub eval_recall: f64,
    /// Overall F1.
    pub eval_f1: f64,
    /// Documents evaluated.
    pub eval_documents: usize,
    /// Words that the network saw, over which the loss is the mean.
    pub eval_words: usize,
    /// Whole entities, all types.
    pub overall: Score,
    /// Whole entities, by type.
    pub types: BTreeMap<String, Score>,
    /// 95 % intervals of the F1 of whole entities, by a bootstrap over documents.
    pub f1_intervals: Intervals,
    /// All types, when a prediction that overlaps an entity of its type is right.
    pub overlap: Score,
    /// The same by type.
    pub overlap_types: BTreeMap<String, Score>,
    /// 95 % intervals of the F1 of overlapping entities.
    pub overlap_f1_intervals: Intervals,
    /// How far scores are from the share of entities that are right: the expected calibration error
    /// over `reliability`.
    pub calibration_error: f64,
    /// Entities by score, in intervals of equal width from 0 to 1.
    pub reliability: Vec<Bin>,
    /// All types, as seqeval counts by default.
    pub seqeval_default: Score,
    /// All types, as seqeval counts with `mode="strict", scheme=IOB2`.
    pub seqeval_strict: Score,
}

/// The scores of a report by type.
pub(crate) fn by_type(report: &Report) -> BTreeMap<String, Score> {
    report.types.iter().cloned().collect()
}

impl Evaluation {
    /// The table that `trainer evaluate` prints, with the types in this order.
    pub fn table(&self, types: &[String]) -> String {
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
                self.types.get(name),
                self.f1_intervals.types.get(name),
                self.overlap_types.get(name),
            ) {
                row(name, score, *interval, overlap);
            }
        }
        row(ALL, &self.overall, self.f1_intervals.overall, &self.overlap);
        let _ = writeln!(
            table,
            "\nseqeval F1: default {:.4}, strict IOB2 {:.4}\n\
             expected calibration error {:.4}\n\
             loss {:.4} over {} words of {} documents",
            self.seqeval_default.f1,
            self.seqeval_strict.f1,
            self.calibration_error,
            self.eval_loss,
            self.eval_words,
            self.eval_documents,
        );
        table
    }
}
