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
fn logit_that_is_no_number_is_an_error() {
    let tokenizer = Tokenizer::from_vocab(VOCABULARY, None).unwrap();
    let labels = ["O", "B-S", "I-S"].map(str::to_owned);
    let text = "heavy bleedinged";
    let prepared = prepare(text, &tokenizer, ner::window::MAX_TOKENS);
    for (token, value) in [(0, f32::NAN), (2, f32::INFINITY)] {
        let mut logits = vec![0.0; prepared.inputs[0].len() * labels.len()];
        logits[(token + 1) * labels.len() + 2] = value;
        for strategy in Strategy::ALL {
            let found = aggregate(
                text,
                &prepared,
                &[&logits],
                &tokenizer,
                &labels,
                strategy,
                &[],
            );
            let error = found.unwrap_err().to_string();
            let word = usize::from(token > 0);
            assert_eq!(
                error,
                format!("word {word}: the logit of `I-S` is {value}"),
                "{strategy:?}"
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
