//! Entity-level precision, recall and F1 (Ramshaw and Marcus 1995; as seqeval computes them).

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Labels, Span};

/// Counts and scores of one type or of all.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// TP / (TP + FP); 0 where nothing was predicted.
    pub precision: f64,
    /// TP / (TP + FN); 0 where nothing was to be found.
    pub recall: f64,
    /// Harmonic mean of the two; 0 where both are.
    pub f1: f64,
    /// Entities in the gold annotation.
    pub support: usize,
    /// Entities predicted.
    pub predicted: usize,
    /// Predicted entities that are in the gold annotation with the same boundaries and type.
    pub correct: usize,
}

impl Score {
    fn of(correct: usize, predicted: usize, support: usize) -> Self {
        let ratio = |of: f64, to: f64| if to > 0.0 { of / to } else { 0.0 };
        let precision = ratio(correct as f64, predicted as f64);
        let recall = ratio(correct as f64, support as f64);
        let f1 = ratio(2.0 * precision * recall, precision + recall);
        Self {
            precision,
            recall,
            f1,
            support,
            predicted,
            correct,
        }
    }
}

/// A report over a data set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Micro average over all types.
    pub overall: Score,
    /// Per type, in the label set's order.
    pub types: Vec<(String, Score)>,
}

/// How label sequences become entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// seqeval's default: a change of type or an `I-X` after `O` begins an entity.
    Default,
    /// seqeval's `mode="strict", scheme=IOB2`: only `B-X` begins one.
    StrictIob2,
}

/// Compares label sequences (one per sentence, names of labels) as seqeval's
/// `classification_report` does.
///
/// Types that are not in the label set count too and are listed after its own.
pub fn sequences(
    gold: &[Vec<String>],
    predicted: &[Vec<String>],
    labels: &Labels,
    mode: Mode,
) -> Report {
    let mut counts = Counts::new(labels.types());
    for (gold, predicted) in gold.iter().zip(predicted) {
        let gold: HashSet<_> = chunks(gold, mode).into_iter().collect();
        let predicted: HashSet<_> = chunks(predicted, mode).into_iter().collect();
        for (kind, ..) in &gold {
            counts.of(kind).support += 1;
        }
        for chunk in &predicted {
            counts.of(chunk.0).predicted += 1;
            counts.of(chunk.0).correct += usize::from(gold.contains(chunk));
        }
    }
    counts.report()
}

/// Compares spans document by document: right means the same range and type.
pub fn spans<'a>(
    documents: impl IntoIterator<Item = (&'a [Span], &'a [Span])>,
    types: &[String],
) -> Report {
    let mut counts = Counts::new(types);
    for (gold, predicted) in documents {
        let gold: HashSet<&Span> = gold.iter().collect();
        let predicted: HashSet<&Span> = predicted.iter().collect();
        for span in &gold {
            counts.of(&span.label).support += 1;
        }
        for span in &predicted {
            counts.of(&span.label).predicted += 1;
            counts.of(&span.label).correct += usize::from(gold.contains(span));
        }
    }
    counts.report()
}

/// As [`spans`], but a prediction is right when it overlaps a gold span of its type; each gold span
/// and each prediction counts once.
///
/// Pairs are made from left to right, which makes as many as there can be. Where a prediction
/// covers two gold spans, one of them counts as missed.
pub fn overlap<'a>(
    documents: impl IntoIterator<Item = (&'a [Span], &'a [Span])>,
    types: &[String],
) -> Report {
    let mut counts = Counts::new(types);
    for (gold, predicted) in documents {
        for span in gold {
            counts.of(&span.label).support += 1;
        }
        for span in predicted {
            counts.of(&span.label).predicted += 1;
        }
        let kinds: HashSet<&str> = gold.iter().map(|span| span.label.as_str()).collect();
        for kind in kinds {
            counts.of(kind).correct += overlapping_pairs(gold, predicted, kind);
        }
    }
    counts.report()
}

/// The largest number of pairs of overlapping spans of one type.
fn overlapping_pairs(gold: &[Span], predicted: &[Span], kind: &str) -> usize {
    overlapping(&of_kind(gold, kind), &of_kind(predicted, kind)).len()
}

fn of_kind<'a>(spans: &'a [Span], kind: &str) -> Vec<&'a Range<usize>> {
    let spans = spans.iter().filter(|span| span.label == kind);
    spans.map(|span| &span.range).collect()
}

/// As many pairs of overlapping ranges as there can be, as indices. None overlaps another of its own
/// side.
pub(crate) fn overlapping(
    gold: &[&Range<usize>],
    predicted: &[&Range<usize>],
) -> Vec<(usize, usize)> {
    let in_order = |ranges: &[&Range<usize>]| {
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_unstable_by_key(|&at| (ranges[at].end, ranges[at].start));
        order
    };
    let (gold_order, predicted_order) = (in_order(gold), in_order(predicted));
    let (mut g, mut p, mut pairs) = (0, 0, Vec::new());
    while let (Some(&a), Some(&b)) = (gold_order.get(g), predicted_order.get(p)) {
        let (left, right) = (gold[a], predicted[b]);
        if left.start < right.end && right.start < left.end {
            pairs.push((a, b));
            g += 1;
            p += 1;
        } else if left.end <= right.end {
            g += 1;
        } else {
            p += 1;
        }
    }
    pairs
}

/// Counts by type while a report is made.
struct Counts {
    types: Vec<(String, Score)>,
}

impl Counts {
    fn new(types: &[String]) -> Self {
        Self {
            types: types
                .iter()
                .map(|kind| (kind.clone(), Score::default()))
                .collect(),
        }
    }

    fn of(&mut self, kind: &str) -> &mut Score {
        let at = self
            .types
            .iter()
            .position(|(name, _)| name == kind)
            .unwrap_or_else(|| {
                self.types.push((kind.to_owned(), Score::default()));
                self.types.len() - 1
            });
        &mut self.types[at].1
    }

    fn report(self) -> Report {
        let sum =
            |count: fn(&Score) -> usize| self.types.iter().map(|(_, score)| count(score)).sum();
        let overall = Score::of(sum(|s| s.correct), sum(|s| s.predicted), sum(|s| s.support));
        let types = self
            .types
            .into_iter()
            .map(|(kind, s)| (kind, Score::of(s.correct, s.predicted, s.support)));
        Report {
            overall,
            types: types.collect(),
        }
    }
}

/// The entities of a label sequence as type, first word and one past the last word.
fn chunks(labels: &[String], mode: Mode) -> Vec<(&str, usize, usize)> {
    let mut chunks: Vec<(&str, usize, usize)> = Vec::new();
    let mut open = false;
    for (word, label) in labels.iter().enumerate() {
        let (prefix, kind) = label.split_once('-').unwrap_or((label, "_"));
        let continues = open && prefix == "I" && chunks.last().is_some_and(|last| last.0 == kind);
        if continues {
            if let Some(last) = chunks.last_mut() {
                last.2 = word + 1;
            }
        } else {
            open = match prefix {
                "B" => true,
                "I" => mode == Mode::Default,
                _ => false,
            };
            if open {
                chunks.push((kind, word, word + 1));
            }
        }
    }
    chunks
}
