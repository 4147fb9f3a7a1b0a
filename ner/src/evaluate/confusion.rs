//! Which types are taken for which.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::metrics::overlapping;
use crate::{Document, Entity, Span};

/// Gold types against predicted types.
///
/// Every gold span and every prediction counts once, in a pair of [`align`] or alone. So a row with
/// its `missed` adds up to the type's support, a column with its `spurious` to what was predicted of
/// the type; the diagonal's `exact` pairs are those that are right, and all of the diagonal those
/// that [`crate::metrics::overlap`] counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confusion {
    /// What rows and columns stand for: the given types in their order, then others that occur.
    pub types: Vec<String>,
    /// `pairs[gold][predicted]`.
    pub pairs: Vec<Vec<Pairs>>,
    /// Gold spans of each type that no prediction answers.
    pub missed: Vec<usize>,
    /// Predictions of each type that answer no gold span.
    pub spurious: Vec<usize>,
}

/// Numbers of pairs of one gold and one predicted type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// With the same boundaries.
    pub exact: usize,
    /// That overlap otherwise.
    pub overlapping: usize,
}

/// What became of gold spans and predictions: all of a [`Confusion`] in six numbers.
///
/// The first four count pairs, so that they and `missed` add up to the gold spans, they and
/// `spurious` to the predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// Type and boundaries are right.
    pub correct: usize,
    /// The boundaries are right, the type is not.
    pub wrong_type: usize,
    /// The type is right; the boundaries overlap and are not the same.
    pub wrong_boundary: usize,
    /// The boundaries overlap and are not the same, and the type is wrong too.
    pub wrong_type_and_boundary: usize,
    /// Gold spans that no prediction answers.
    pub missed: usize,
    /// Predictions that answer no gold span.
    pub spurious: usize,
}

/// Counts over documents, each with the entities found in it.
pub fn confusion<'a>(
    documents: impl IntoIterator<Item = (&'a Document, &'a [Entity])>,
    types: &[String],
) -> Confusion {
    let mut table = Confusion::default();
    for kind in types {
        table.index(kind);
    }
    for (document, found) in documents {
        let gold = &document.spans;
        let kinds: Vec<usize> = gold.iter().map(|span| table.index(&span.label)).collect();
        let found_kinds = found.iter().map(|entity| table.index(&entity.span.label));
        let found_kinds: Vec<usize> = found_kinds.collect();
        for &kind in &kinds {
            table.missed[kind] += 1;
        }
        for &kind in &found_kinds {
            table.spurious[kind] += 1;
        }
        for (at, found_at) in align(gold, found) {
            let (kind, found_kind) = (kinds[at], found_kinds[found_at]);
            table.missed[kind] -= 1;
            table.spurious[found_kind] -= 1;
            let pairs = &mut table.pairs[kind][found_kind];
            if gold[at].range == found[found_at].span.range {
                pairs.exact += 1;
            } else {
                pairs.overlapping += 1;
            }
        }
    }
    table
}

impl Confusion {
    /// Its sums.
    pub fn outcomes(&self) -> Outcomes {
        let mut sums = Outcomes {
            missed: self.missed.iter().sum(),
            spurious: self.spurious.iter().sum(),
            ..Outcomes::default()
        };
        for (gold, row) in self.pairs.iter().enumerate() {
            for (predicted, pairs) in row.iter().enumerate() {
                let (exact, overlapping) = match gold == predicted {
                    true => (&mut sums.correct, &mut sums.wrong_boundary),
                    false => (&mut sums.wrong_type, &mut sums.wrong_type_and_boundary),
                };
                *exact += pairs.exact;
                *overlapping += pairs.overlapping;
            }
        }
        sums
    }

    /// The number of a type, which is added where it is new.
    fn index(&mut self, kind: &str) -> usize {
        if let Some(at) = self.types.iter().position(|name| name == kind) {
            return at;
        }
        self.types.push(kind.to_owned());
        self.missed.push(0);
        self.spurious.push(0);
        self.pairs.push(Vec::new());
        for row in &mut self.pairs {
            row.resize(self.types.len(), Pairs::default());
        }
        self.types.len() - 1
    }
}

/// Which prediction answers which gold span: pairs of their numbers, in the order of the gold spans.
///
/// Neither gold spans nor predictions overlap among themselves. First, spans with the same
/// boundaries are a pair, whatever their types. Of the others, as many as can be of those that
/// overlap and have the same type, then as many as can be of any types, each time from left to right.
pub fn align(gold: &[Span], found: &[Entity]) -> Vec<(usize, usize)> {
    let by_range: HashMap<&Range<usize>, usize> = found
        .iter()
        .enumerate()
        .map(|(at, entity)| (&entity.span.range, at))
        .collect();
    let mut pairs: Vec<(usize, usize)> = gold
        .iter()
        .enumerate()
        .filter_map(|(at, span)| Some((at, *by_range.get(&span.range)?)))
        .collect();
    let (mut free, mut found_free) = (vec![true; gold.len()], vec![true; found.len()]);
    let kinds: BTreeSet<&str> = gold.iter().map(|span| span.label.as_str()).collect();
    // The last round takes all types.
    for kind in kinds.into_iter().map(Some).chain([None]) {
        for &(at, found_at) in &pairs {
            free[at] = false;
            found_free[found_at] = false;
        }
        let of_kind = |span: &Span| kind.is_none_or(|kind| span.label == kind);
        let left: Vec<usize> = (0..gold.len())
            .filter(|&at| free[at] && of_kind(&gold[at]))
            .collect();
        let found_left: Vec<usize> = (0..found.len())
            .filter(|&at| found_free[at] && of_kind(&found[at].span))
            .collect();
        let ranges: Vec<_> = left.iter().map(|&at| &gold[at].range).collect();
        let found_ranges: Vec<_> = found_left.iter().map(|&at| &found[at].span.range).collect();
        let fresh = overlapping(&ranges, &found_ranges).into_iter();
        pairs.extend(fresh.map(|(at, found_at)| (left[at], found_left[found_at])));
    }
    pairs.sort_unstable();
    pairs
}
