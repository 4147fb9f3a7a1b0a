//! What marked documents hold, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use ner::{Document, Labels};
use serde::Serialize;

use super::Part;

/// A document with at most so many entities is sparse: most of what a clinic writes is.
pub const SPARSE: usize = 2;

/// Strings listed as a type's most frequent.
const FREQUENT: usize = 10;

/// Numbers of all parts. Words are those between white space, strings are lower-cased.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Of each part.
    pub parts: Vec<PartStats>,
    /// Of all documents together.
    pub total: PartStats,
}

/// Numbers of some documents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartStats {
    /// The part's.
    pub name: String,
    /// How many.
    pub documents: usize,
    /// Of all documents.
    pub words: usize,
    /// Mentions of all types.
    pub entities: usize,
    /// Share of documents with at most [`SPARSE`] entities, 0 to 1.
    pub sparse: f64,
    /// Words of a document.
    pub length: Quantiles,
    /// In the order of the label set.
    pub types: Vec<TypeStats>,
    /// What the first part lacks; none of the first part itself and of the total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
}

/// Quantiles, each a value that occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[allow(missing_docs)]
pub struct Quantiles {
    pub min: usize,
    pub p5: usize,
    pub p25: usize,
    pub median: usize,
    pub p75: usize,
    pub p95: usize,
    pub max: usize,
}

/// Numbers of a type's entities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeStats {
    /// The type's.
    pub name: String,
    /// Entities.
    pub mentions: usize,
    /// Distinct strings.
    pub strings: usize,
    /// Mean words of an entity.
    pub mean_words: f64,
    /// The most frequent strings and how often each is marked.
    pub frequent: Vec<(String, usize)>,
    /// What the first part lacks of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
}

/// The share of entities that the first part never has with the same type; 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Unseen {
    /// Of the distinct strings.
    pub strings: f64,
    /// Of the mentions.
    pub mentions: f64,
}

/// How often each string is marked, by type and lower-cased string.
pub type Counts = BTreeMap<(String, String), usize>;

/// Counts the entity strings of documents.
pub fn counts<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Counts {
    let mut counts = Counts::new();
    for document in documents {
        for span in &document.spans {
            let string = document.text[span.range.clone()].to_lowercase();
            *counts.entry((span.label.clone(), string)).or_default() += 1;
        }
    }
    counts
}

/// White-space words of a text.
pub fn length(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Numbers of parts; the others are compared with the first.
pub fn stats(parts: &[Part], labels: &Labels) -> Stats {
    let documents: Vec<Vec<&Document>> = parts
        .iter()
        .map(|part| part.documents.iter().map(|placed| &placed.document))
        .map(Iterator::collect)
        .collect();
    let first = counts(documents.iter().take(1).flatten().copied());
    let each = parts.iter().zip(&documents).enumerate();
    Stats {
        parts: each
            .map(|(number, (part, documents))| {
                part_stats(
                    &part.name,
                    documents,
                    labels,
                    (number > 0).then_some(&first),
                )
            })
            .collect(),
        total: part_stats("total", &documents.concat(), labels, None),
    }
}

fn part_stats(
    name: &str,
    documents: &[&Document],
    labels: &Labels,
    first: Option<&Counts>,
) -> PartStats {
    let counts = counts(documents.iter().copied());
    let mut lengths: Vec<usize> = documents.iter().map(|d| length(&d.text)).collect();
    lengths.sort_unstable();
    let sparse = documents.iter().filter(|d| d.spans.len() <= SPARSE).count();
    let type_stats = |name: &String| {
        let of_type = counts.iter().filter(|((kind, _), _)| kind == name);
        type_stats(name, of_type.collect(), first)
    };
    PartStats {
        name: name.to_owned(),
        documents: documents.len(),
        words: lengths.iter().sum(),
        entities: counts.values().sum(),
        sparse: share(sparse, documents.len()),
        length: quantiles(&lengths),
        types: labels.types().iter().map(type_stats).collect(),
        unseen: first.map(|first| unseen(&counts.iter().collect::<Vec<_>>(), first)),
    }
}

/// A string with its type, and how often it is marked.
type Counted<'a> = (&'a (String, String), &'a usize);

fn type_stats(name: &str, mut counts: Vec<Counted>, first: Option<&Counts>) -> TypeStats {
    let mentions = counts.iter().map(|(_, count)| **count).sum();
    let words: usize = counts
        .iter()
        .map(|((_, string), count)| length(string) * **count)
        .sum();
    // The sort is stable: strings of the same count stay in the order of the alphabet.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let frequent = counts.iter().take(FREQUENT);
    TypeStats {
        name: name.to_owned(),
        mentions,
        strings: counts.len(),
        mean_words: share(words, mentions),
        frequent: frequent
            .map(|((_, string), count)| (string.clone(), **count))
            .collect(),
        unseen: first.map(|first| unseen(&counts, first)),
    }
}

fn unseen(counts: &[Counted], first: &Counts) -> Unseen {
    let new = || counts.iter().filter(|(key, _)| !first.contains_key(*key));
    let mentions = counts.iter().map(|(_, count)| **count).sum();
    Unseen {
        strings: share(new().count(), counts.len()),
        mentions: share(new().map(|(_, count)| **count).sum(), mentions),
    }
}

/// 0 of nothing.
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Nearest ranks of ascending values; zeros of none.
fn quantiles(values: &[usize]) -> Quantiles {
    let Some(last) = values.len().checked_sub(1) else {
        return Quantiles::default();
    };
    let at = |percent: usize| values[(last * percent + 50) / 100];
    Quantiles {
        min: at(0),
        p5: at(5),
        p25: at(25),
        median: at(50),
        p75: at(75),
        p95: at(95),
        max: at(100),
    }
}

/// The tables that `trainer data stats` prints.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            writeln!(f, "{part}")?;
        }
        // The total of one part is that part again.
        if self.parts.len() > 1 {
            writeln!(f, "{}", self.total)?;
        }
        Ok(())
    }
}

impl fmt::Display for PartStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALL: &str = "all types";
        let Quantiles {
            min,
            p5,
            p25,
            median,
            p75,
            p95,
            max,
        } = self.length;
        writeln!(
            f,
            "{}: {} documents, {} words, {} entities\n\
             words of a document: min {min}, 5 % {p5}, 25 % {p25}, median {median}, 75 % {p75}, \
             95 % {p95}, max {max}\n\
             documents with at most {SPARSE} entities: {:.1} %",
            self.name,
            self.documents,
            self.words,
            self.entities,
            100.0 * self.sparse,
        )?;
        let width = self.types.iter().map(|t| t.name.chars().count()).max();
        let width = width.unwrap_or(0).max(ALL.len());
        write!(f, "{:width$}  mentions  strings  mean words", "")?;
        if self.unseen.is_some() {
            write!(f, "  unseen strings  unseen mentions")?;
        }
        let percent = |unseen: &Option<Unseen>| {
            unseen.map_or(String::new(), |Unseen { strings, mentions }| {
                format!("  {:12.1} %  {:13.1} %", 100.0 * strings, 100.0 * mentions)
            })
        };
        for kind in &self.types {
            write!(
                f,
                "\n{:width$}  {:8}  {:7}  {:10.2}{}",
                kind.name,
                kind.mentions,
                kind.strings,
                kind.mean_words,
                percent(&kind.unseen),
            )?;
        }
        let strings: usize = self.types.iter().map(|kind| kind.strings).sum();
        let words = |kind: &TypeStats| kind.mean_words * kind.mentions as f64;
        let words: f64 = self.types.iter().map(words).sum();
        writeln!(
            f,
            "\n{ALL:width$}  {:8}  {strings:7}  {:10.2}{}",
            self.entities,
            words / self.entities.max(1) as f64,
            percent(&self.unseen),
        )?;
        for kind in self.types.iter().filter(|kind| kind.mentions > 0) {
            let frequent = kind.frequent.iter();
            let frequent = frequent.map(|(string, count)| format!("{string} {count}"));
            let frequent = frequent.collect::<Vec<_>>().join(", ");
            writeln!(f, "{:width$}  {frequent}", kind.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::part;

    #[test]
    fn parts_are_counted_and_compared_with_the_first() {
        let train =
            "=== a\n[[Low AMH|Hormones]] [[low amh|Hormones]] [[LH|Hormones]] one two\n=== b\nnone";
        let test =
            "=== c\n[[LH|Hormones]] [[FSH|Hormones]] [[FSH|Hormones]]\n=== d\n[[LH|Symptoms]]";
        let stats = stats(
            &[part("train", train), part("test", test)],
            &Labels::guide(),
        );
        let [train, test] = &stats.parts[..] else {
            panic!("two parts");
        };
        assert_eq!((train.documents, train.words, train.entities), (2, 8, 3));
        assert_eq!((train.sparse, train.unseen), (0.5, None));
        let hormones = &train.types[1];
        assert_eq!((hormones.mentions, hormones.strings), (3, 2));
        // Two of two words, one of one.
        assert_eq!(hormones.mean_words, 5.0 / 3.0);
        assert_eq!(hormones.frequent, [("low amh".into(), 2), ("lh".into(), 1)]);
        // FSH is new; so is LH as a symptom.
        let unseen = |strings, mentions| Some(Unseen { strings, mentions });
        assert_eq!(test.types[1].unseen, unseen(0.5, 2.0 / 3.0));
        assert_eq!(test.types[0].unseen, unseen(1.0, 1.0));
        assert_eq!(test.types[2].unseen, unseen(0.0, 0.0));
        assert_eq!(test.unseen, unseen(2.0 / 3.0, 0.75));
        assert_eq!((stats.total.entities, stats.total.documents), (7, 4));
        let text = stats.to_string();
        for line in [
            "train: 2 documents, 8 words, 3 entities",
            "Hormones            3        2        1.67",
            "Hormones            3        2        1.00          50.0 %           66.7 %",
            "all types           4        3        1.00          66.7 %           75.0 %",
            "Hormones     low amh 2, lh 1",
            "total: 4 documents, 12 words, 7 entities",
        ] {
            assert!(
                text.lines().any(|found| found.trim_end() == line),
                "{line}\n{text}"
            );
        }
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let check = |values: &[usize], expected: [usize; 4]| {
            let Quantiles {
                min,
                p25,
                median,
                max,
                ..
            } = quantiles(values);
            assert_eq!([min, p25, median, max], expected, "{values:?}");
        };
        check(&[], [0; 4]);
        check(&[7], [7; 4]);
        check(&[1, 2, 3, 4, 5], [1, 2, 3, 5]);
        check(&[1, 2, 3, 9], [1, 2, 3, 9]);
    }
}
