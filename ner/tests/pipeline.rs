//! From text to entities with a forward pass that is noise: whatever a network says, entities are
//! whole words of the text.

use ner::tokenize::words;
use ner::{Decoder, Entity, Error, Labels, Tokenizer, recognize};
use proptest::prelude::*;

const VOCAB: &str = include_str!("goldens/vocab.txt");

/// Logits that depend on a token's id only, so that every cut of a text gives the same.
fn noise(input: &[u32], labels: usize) -> Vec<f32> {
    let logit = |id: u32, label: usize| (id * 31 + label as u32 * 17) % 23;
    input
        .iter()
        .flat_map(|&id| (0..labels).map(move |label| logit(id, label) as f32 / 4.0))
        .collect()
}

fn check(text: &str, max_tokens: usize) -> Vec<Entity> {
    let tokenizer = Tokenizer::from_vocab(VOCAB, None).unwrap();
    let decoder = Decoder::bio(Labels::guide());
    let labels = &decoder.labels;
    let forward = |input: &[u32]| {
        assert!(input.len() <= max_tokens);
        Ok::<_, Error>(noise(input, labels.len()))
    };
    let entities = recognize(text, &tokenizer, &decoder, max_tokens, forward).unwrap();
    let words = words(text);
    let mut end = 0;
    for Entity { span, score } in &entities {
        assert!(
            span.range.start >= end,
            "entities overlap or are out of order"
        );
        end = span.range.end;
        assert!(
            words
                .binary_search_by_key(&span.range.start, |word| word.start)
                .is_ok()
        );
        assert!(
            words
                .binary_search_by_key(&span.range.end, |word| word.end)
                .is_ok()
        );
        let lines = text[span.range.clone()].replace("\r\n", "\n");
        assert!(
            !lines.contains("\n\n"),
            "{lines:?} reaches over a paragraph end"
        );
        assert!(labels.types().contains(&span.label));
        assert!((0.0..=1.0).contains(score));
    }
    entities
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_entities_of_whole_words(text in any::<String>(), max_tokens in 3_usize..20) {
        check(&text, max_tokens);
    }

    #[test]
    fn windows_do_not_change_what_is_found(
        text in "([a-z]{1,6}|[.,]|\u{200b}|é|月|\n| |\r\n\r\n){0,200}",
        max_tokens in 3_usize..60,
    ) {
        prop_assert_eq!(check(&text, max_tokens), check(&text, 100_000));
    }
}

#[test]
fn bad_input_is_analysed() {
    let texts = [
        String::new(),
        " \t\r\n".repeat(100_000),
        "a".repeat(10_000),
        "a".repeat(1 << 20),
        "irregular periods, ".repeat(50_000),
        "pain\r\nbleeding\r\n\r\n\tcramps 😀 e\u{301} \0 月经 ".repeat(20_000),
    ];
    for text in &texts {
        check(text, 256);
    }
}

#[test]
fn an_error_of_the_forward_pass_comes_back() {
    let tokenizer = Tokenizer::from_vocab(VOCAB, None).unwrap();
    let decoder = Decoder::bio(Labels::guide());
    let broken = Error::Config("broken".to_owned());
    let result = recognize("pain", &tokenizer, &decoder, 256, |_| {
        Err::<Vec<f32>, _>(broken.clone())
    });
    assert_eq!(result, Err(broken));
    let short = recognize("pain", &tokenizer, &decoder, 256, |_| {
        Ok::<_, Error>(vec![0.0])
    });
    assert_eq!(
        short,
        Err(Error::LogitShape {
            window: 0,
            tokens: 3,
            labels: 11,
            found: 1
        })
    );
    let nan = |input: &[u32]| Ok::<_, Error>(vec![f32::NAN; input.len() * 11]);
    let error = recognize("pain", &tokenizer, &decoder, 256, nan).unwrap_err();
    assert_eq!(error.to_string(), "word 0: the logit of `O` is NaN");
}
