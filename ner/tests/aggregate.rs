//! Against transformers' pipeline on the same logits: `goldens/aggregate.json`, made by `goldens/aggregate.py`.

use std::collections::BTreeMap;

use ner::aggregate::{Strategy, aggregate};
use ner::{Tokenizer, prepare};
use serde::Deserialize;

const VOCABULARY: &str = include_str!("goldens/vocab.txt");

#[derive(Deserialize)]
struct Golden {
    labels: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    /// `[T, L]` without special tokens.
    logits: Vec<Vec<f32>>,
    /// Label or type, score, and where it begins and ends in code points, by strategy.
    found: BTreeMap<String, Vec<(String, f32, usize, usize)>>,
}

/// Checks every strategy on a text, in windows of at most so many tokens.
fn check(tokenizer: &Tokenizer, labels: &[String], case: &Case, max_tokens: usize) {
    let Case {
        text,
        logits,
        found,
    } = case;
    let prepared = prepare(text, tokenizer, max_tokens);
    assert_eq!(
        prepared.tokens.ids.len(),
        logits.len(),
        "{text:?}: other tokens"
    );
    let windows: Vec<Vec<f32>> = prepared
        .windows
        .iter()
        .map(|window| {
            // What stands at the special tokens is never read.
            let special = vec![f32::NAN; labels.len()];
            let inner = logits[window.tokens.clone()].concat();
            [special.clone(), inner, special].concat()
        })
        .collect();
    assert_eq!(found.len(), 2 * Strategy::ALL.len());
    for (name, expected) in found {
        let strategy = Strategy::named(name.trim_end_matches(" all")).unwrap();
        let ignored: &[String] = if name.ends_with(" all") {
            &[]
        } else {
            &["O".to_owned()]
        };
        let groups = aggregate(
            text, &prepared, &windows, tokenizer, labels, strategy, ignored,
        )
        .unwrap();
        let point = |byte: usize| text[..byte].chars().count();
        let places: Vec<_> = groups
            .iter()
            .map(|group| {
                (
                    group.name.as_str(),
                    point(group.range.start),
                    point(group.range.end),
                )
            })
            .collect();
        let wanted: Vec<_> = expected
            .iter()
            .map(|(name, _, start, end)| (name.as_str(), *start, *end))
            .collect();
        assert_eq!(places, wanted, "{text:?}, {name}, {max_tokens} tokens");
        for (group, (_, score, ..)) in groups.iter().zip(expected) {
            assert!(
                (group.score - score).abs() < 1e-4,
                "{text:?}, {name}: {group:?}, not {score}"
            );
        }
    }
}

#[test]
fn strategies_are_the_pipelines() {
    let golden: Golden = serde_json::from_str(include_str!("goldens/aggregate.json")).unwrap();
    let tokenizer = Tokenizer::from_vocab(VOCABULARY, None).unwrap();
    assert!(
        golden
            .cases
            .iter()
            .map(|case| case.logits.len())
            .sum::<usize>()
            > 200
    );
    for case in &golden.cases {
        // As one window, and cut into several: the text is always looked at as a whole.
        for max_tokens in [ner::window::MAX_TOKENS, 12] {
            check(&tokenizer, &golden.labels, case, max_tokens);
        }
    }
}
