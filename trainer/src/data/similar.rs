//! Documents that nearly repeat one another.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};

use ner::tokenize::{is_punctuation, words};

/// Words of a shingle.
const LENGTH: usize = 5;

/// Two texts that are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Number of the earlier text.
    pub first: usize,
    /// Number of the later text.
    pub second: usize,
    /// Jaccard similarity of their shingles, 0 to 1.
    pub similarity: f64,
}

/// The pairs of texts whose similarity is above `limit`, which is at least 0: the number of 5-word
/// shingles in both over the number in either (Broder 1997). Words are lower-cased, punctuation is
/// none.
///
/// An index from each shingle to the texts that hold it counts the common ones exactly, and touches
/// no pair that has none.
pub fn similar(texts: &[&str], limit: f64) -> Vec<Pair> {
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut sizes: Vec<usize> = Vec::with_capacity(texts.len());
    let mut pairs = Vec::new();
    for (second, text) in texts.iter().enumerate() {
        let shingles = shingles(text);
        let mut common: BTreeMap<usize, usize> = BTreeMap::new();
        for &shingle in &shingles {
            let holders = holders.entry(shingle).or_default();
            for &first in holders.iter() {
                *common.entry(first).or_default() += 1;
            }
            holders.push(second);
        }
        for (first, common) in common {
            let either = sizes[first] + shingles.len() - common;
            let similarity = common as f64 / either as f64;
            if similarity > limit {
                pairs.push(Pair {
                    first,
                    second,
                    similarity,
                });
            }
        }
        sizes.push(shingles.len());
    }
    pairs
}

/// Hashes of a text's shingles. All words of a text that is shorter than one are its only shingle,
/// so that such texts are alike when they are the same.
fn shingles(text: &str) -> HashSet<u64> {
    let text = text.to_lowercase();
    let words: Vec<&str> = words(&text)
        .into_iter()
        .map(|word| &text[word])
        .filter(|word| !word.chars().all(is_punctuation))
        .collect();
    let hash = |shingle: &[&str]| {
        let mut hasher = DefaultHasher::new();
        shingle.hash(&mut hasher);
        hasher.finish()
    };
    match words.len() {
        0 => HashSet::new(),
        count => words.windows(LENGTH.min(count)).map(hash).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_is_that_of_the_shingles() {
        let check = |first: &str, second: &str, expected: Option<f64>| {
            let similarity = similar(&[first, second], 0.3)
                .first()
                .map(|pair| pair.similarity);
            assert_eq!(similarity, expected, "{first:?} {second:?}");
        };
        check("a b c d e f", "a b c d e f", Some(1.0));
        check("A, b: c d (e) f.", "a b c\nd e F", Some(1.0));
        // One of three shingles, one of two, two of five.
        check("a b c d e f", "b c d e f g", Some(1.0 / 3.0));
        check("a b c d e", "a b c d e f", Some(0.5));
        check("a b c d e f", "x a b c d e f y", Some(0.5));
        check("a b c d e f g", "x b c d e f z", None);
        check("a b c d e f g", "g f e d c b a", None);
        // Shorter than a shingle: the same or not.
        check("Low AMH.", "low amh", Some(1.0));
        check("low AMH", "low FSH", None);
        check("a b c d", "a b c d e", None);
        check("", "", None);
        check("...", "?", None);
    }

    #[test]
    fn every_pair_is_found_once() {
        let texts = ["a b c d e", "x", "a b c d e", "X", "a b c d e"];
        let pairs: Vec<(usize, usize)> = similar(&texts, 0.3)
            .iter()
            .map(|pair| (pair.first, pair.second))
            .collect();
        assert_eq!(pairs, [(0, 2), (1, 3), (0, 4), (2, 4)]);
    }
}
