//! The rules that a corpus keeps and that can be counted.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use ner::tokenize::is_punctuation;
use ner::{Labels, Span};

use super::similar::{Pair, similar};
use super::stats::{SPARSE, counts, length};
use super::{Part, Placed};

/// Words of a document of ordinary length, between white space.
pub const ORDINARY: RangeInclusive<usize> = 40..=250;

/// What a corpus must have, and what its documents must not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Least number of documents of [`ORDINARY`] length.
    pub documents: usize,
    /// Least number of distinct entity strings, lower-cased.
    pub strings: usize,
    /// Least number of mentions of each type.
    pub mentions: usize,
    /// Least share of documents with at most [`SPARSE`] entities, 0 to 1.
    pub sparse: f64,
    /// Highest similarity of two documents, 0 to 1.
    pub similarity: f64,
}

impl Default for Rules {
    /// Those of the authored corpus.
    fn default() -> Self {
        Self {
            documents: 1000,
            strings: 4000,
            mentions: 1000,
            sparse: 0.15,
            similarity: 0.3,
        }
    }
}

/// What breaks the rules in documents that could be read, each problem in a line.
pub fn problems(parts: &[Part], labels: &Labels, rules: &Rules) -> Vec<String> {
    let documents: Vec<(&Part, &Placed)> = parts
        .iter()
        .flat_map(|part| part.documents.iter().map(move |placed| (part, placed)))
        .collect();
    let mut problems: Vec<String> = documents.iter().flat_map(|(_, p)| marks(p)).collect();
    problems.extend(double_ids(parts));
    problems.extend(near_doubles(&documents, rules.similarity));
    problems.extend(shortages(&documents, labels, rules));
    problems
}

/// Marks that the text formats cannot hold but JSON lines can.
fn marks(placed: &Placed) -> Vec<String> {
    let Placed { place, document } = placed;
    let problem = |span: &Span| {
        let marked = &document.text[span.range.clone()];
        let ends = [marked.chars().next(), marked.chars().next_back()];
        let what = if marked.contains('\n') {
            "goes over a line's end; end it there"
        } else if ends.into_iter().flatten().any(is_punctuation) {
            "begins or ends with punctuation; leave that outside"
        } else {
            return None;
        };
        let (id, marked) = (&document.id, marked.escape_debug());
        Some(format!("{place}: `{id}`: the mark `{marked}` {what}"))
    };
    document.spans.iter().filter_map(problem).collect()
}

/// Ids that stand twice. Those of digits are line numbers that the readers gave, and may recur in
/// another part.
fn double_ids(parts: &[Part]) -> Vec<String> {
    let mut places: HashMap<(Option<usize>, &str), &str> = HashMap::new();
    let mut problems = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        for Placed { place, document } in &part.documents {
            let id = document.id.as_str();
            let is_line = id.bytes().all(|byte| byte.is_ascii_digit());
            if let Some(earlier) = places.insert((is_line.then_some(number), id), place) {
                problems.push(format!(
                    "{place}: the id `{id}` stands at {earlier} too; give each document its own"
                ));
            }
        }
    }
    problems
}

fn near_doubles(documents: &[(&Part, &Placed)], limit: f64) -> Vec<String> {
    let texts: Vec<&str> = documents
        .iter()
        .map(|(_, placed)| placed.document.text.as_str())
        .collect();
    let problem = |pair: Pair| {
        let [(first_part, first), (part, second)] = [documents[pair.first], documents[pair.second]];
        let percent = (100.0 * pair.similarity).round();
        let [first_id, id] = [first, second].map(|placed| &placed.document.id);
        let [first_place, place] = [&first.place, &second.place];
        // Files of different folders may have the same name.
        if std::ptr::eq(part, first_part) {
            format!(
                "{place}: `{id}` shares {percent} % of its word sequences with `{first_id}` at \
                 {first_place}; rewrite or remove one of them"
            )
        } else {
            format!(
                "{place}: `{id}` of {} leaks: it shares {percent} % of its word sequences with \
                 `{first_id}` of {} at {first_place}, so that scores would be too high; \
                 remove one of them or move both into one part",
                part.name, first_part.name
            )
        }
    };
    similar(&texts, limit).into_iter().map(problem).collect()
}

/// What there is too little of.
fn shortages(documents: &[(&Part, &Placed)], labels: &Labels, rules: &Rules) -> Vec<String> {
    let documents = || documents.iter().map(|(_, placed)| &placed.document);
    let counts = counts(documents());
    let mut problems = Vec::new();
    let mut require = |found: usize, what: String, least: usize, option: &str| {
        if found < least {
            problems.push(format!(
                "{found} {what}, but at least {least} are required ({option})"
            ));
        }
    };
    let ordinary = documents().filter(|document| ORDINARY.contains(&length(&document.text)));
    let (from, to) = (ORDINARY.start(), ORDINARY.end());
    require(
        ordinary.count(),
        format!("documents of {from} to {to} words"),
        rules.documents,
        "--min-documents",
    );
    let mut strings: Vec<&str> = counts.keys().map(|(_, string)| string.as_str()).collect();
    strings.sort_unstable();
    strings.dedup();
    require(
        strings.len(),
        "distinct entity strings".to_owned(),
        rules.strings,
        "--min-strings",
    );
    for name in labels.types() {
        let of_type = counts.iter().filter(|((kind, _), _)| kind == name);
        require(
            of_type.map(|(_, count)| count).sum(),
            format!("mentions of {name}"),
            rules.mentions,
            "--min-mentions",
        );
    }
    let all = documents().count();
    let sparse = documents().filter(|document| document.spans.len() <= SPARSE);
    // The smallest number that is not less than the share.
    require(
        sparse.count(),
        format!("of {all} documents with at most {SPARSE} entities"),
        (rules.sparse * all as f64).ceil() as usize,
        "--min-sparse",
    );
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::part;
    use ner::Document;

    const NONE: Rules = Rules {
        documents: 0,
        strings: 0,
        mentions: 0,
        sparse: 0.0,
        similarity: 0.3,
    };

    /// The problems of parts in the corpus' format.
    fn check(parts: &[(&str, &str)], rules: Rules, expected: &[&str]) {
        let parts: Vec<Part> = parts.iter().map(|(name, text)| part(name, text)).collect();
        let found = problems(&parts, &Labels::guide(), &rules);
        assert_eq!(found, expected, "{parts:?}");
    }

    #[test]
    fn ids_stand_once() {
        check(&[("train", "=== a\nx\n=== b\ny")], NONE, &[]);
        check(
            &[("train", "=== a\nx"), ("dev", "=== b\nz\n=== a\ny")],
            NONE,
            &["dev:3: the id `a` stands at train:1 too; give each document its own"],
        );
        // Line numbers.
        check(&[("train", "=== 1\nx"), ("dev", "=== 1\ny")], NONE, &[]);
        check(
            &[("train", "=== 1\nx\n=== 1\ny")],
            NONE,
            &["train:3: the id `1` stands at train:1 too; give each document its own"],
        );
    }

    #[test]
    fn near_doubles_are_told_from_leaks() {
        let train = "=== a\none two three four five six\n=== b\nOne two, three four five.";
        check(
            &[("train", train)],
            NONE,
            &[
                "train:3: `b` shares 50 % of its word sequences with `a` at train:1; rewrite or \
              remove one of them",
            ],
        );
        check(
            &[("train", "=== a\nLow AMH"), ("test", "=== b\nlow amh.")],
            NONE,
            &[
                "test:1: `b` of test leaks: it shares 100 % of its word sequences with `a` of train at train:1, so that \
               scores would be too high; remove one of them or move both into one part",
            ],
        );
        check(
            &[("docs", "=== a\nLow AMH"), ("docs", "=== b\nlow amh.")],
            NONE,
            &[
                "docs:1: `b` of docs leaks: it shares 100 % of its word sequences with `a` of docs at docs:1, so that \
               scores would be too high; remove one of them or move both into one part",
            ],
        );
        let strict = Rules {
            similarity: 0.5,
            ..NONE
        };
        check(&[("train", train)], strict, &[]);
    }

    #[test]
    fn too_little_is_told() {
        let sentence = "a b c d e f g h i j ".repeat(4);
        let content =
            format!("=== a\n{sentence}\n=== b\n[[x|Hormones]] [[X|Symptoms]] [[y|Hormones]]");
        let content = [("train", content.as_str())];
        let rules = |documents, strings, mentions, sparse| Rules {
            documents,
            strings,
            mentions,
            sparse,
            ..NONE
        };
        check(&content, rules(1, 2, 0, 0.5), &[]);
        check(
            &content,
            rules(2, 3, 0, 0.51),
            &[
                "1 documents of 40 to 250 words, but at least 2 are required (--min-documents)",
                "2 distinct entity strings, but at least 3 are required (--min-strings)",
                "1 of 2 documents with at most 2 entities, but at least 2 are required (--min-sparse)",
            ],
        );
        check(
            &content,
            rules(0, 0, 2, 0.0),
            &[
                "Symptoms 1",
                "Procedures 0",
                "Medications 0",
                "Ultrasound 0",
            ]
            .map(|found| {
                let (name, count) = found.split_once(' ').unwrap();
                format!("{count} mentions of {name}, but at least 2 are required (--min-mentions)")
            })
            .each_ref()
            .map(String::as_str),
        );
    }

    #[test]
    fn marks_of_json_lines_keep_to_the_rules_of_the_text_formats() {
        let check = |text: &str, range: std::ops::Range<usize>, expected: &[&str]| {
            let label = "Symptoms".to_owned();
            let document = Document {
                id: "a".into(),
                text: text.into(),
                spans: vec![Span { range, label }],
            };
            let place = "f.jsonl".to_owned();
            let documents = vec![Placed { place, document }];
            let part = Part {
                name: "f".into(),
                documents,
            };
            assert_eq!(problems(&[part], &Labels::guide(), &NONE), expected);
        };
        check("(pain)", 1..5, &[]);
        let border = "begins or ends with punctuation; leave that outside";
        check(
            "(pain)",
            1..6,
            &[&format!("f.jsonl: `a`: the mark `pain)` {border}")],
        );
        check(
            "(pain)",
            0..5,
            &[&format!("f.jsonl: `a`: the mark `(pain` {border}")],
        );
        check(
            "heavy\npain",
            0..10,
            &["f.jsonl: `a`: the mark `heavy\\npain` goes over a line's end; end it there"],
        );
    }
}
