//! Text to words and tokens, under every setting of the tokenizer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use ner::tokenize::{is_punctuation, words};
use ner::{Tokenizer, Tokens};
use serde_json::json;

/// With transformers' ids for it in `ner/tests`.
const VOCAB: &str = include_str!("../../ner/tests/goldens/vocab.txt");

/// Ours and the `tokenizers` crate's own, by lower-casing, accents (kept, stripped, as the case says)
/// and ideographs.
static TOKENIZERS: LazyLock<Vec<(Tokenizer, tokenizers::Tokenizer)>> = LazyLock::new(|| {
    let both = |number: usize| {
        let strip = [None, Some(true), Some(false)][number / 4];
        let config = json!({
            "do_lower_case": number & 1 == 0,
            "strip_accents": strip,
            "tokenize_chinese_chars": number & 2 == 0,
        });
        let ours = Tokenizer::from_vocab(VOCAB, Some(&config.to_string())).expect("a vocabulary");
        let theirs = ours.to_json().parse().expect("a tokenizer.json");
        (ours, theirs)
    };
    (0..12).map(both).collect()
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&number, text)) = data.split_first() else {
        return Corpus::Reject;
    };
    let Ok(text) = str::from_utf8(text) else {
        return Corpus::Reject;
    };
    let number = usize::from(number) % TOKENIZERS.len();
    let (ours, theirs) = &TOKENIZERS[number];
    let tokens = ours.tokenize(text);
    check_structure(text, &tokens);
    check_ids(ours, &tokens);
    check_words(text, &tokens, ours);
    if is_told_alike(text, number & 2 == 0) {
        let whole = theirs.encode_fast(text, false).expect("there is [UNK]");
        assert_eq!(tokens.ids, whole.get_ids(), "the ids of the whole text");
    }
    Corpus::Keep
});

/// Words are on characters, ascend and hold every character that is not white space; tokens belong to
/// words in their order.
fn check_structure(text: &str, tokens: &Tokens) {
    assert_eq!(tokens.words, words(text));
    assert_eq!(tokens.words.len(), tokens.first.len());
    let mut end = 0;
    for word in &tokens.words {
        assert!(end <= word.start && word.start < word.end, "{word:?}");
        assert!(text[end..word.start].chars().all(char::is_whitespace));
        assert!(!text[word.clone()].contains(char::is_whitespace));
        end = word.end;
    }
    assert!(text[end..].chars().all(char::is_whitespace));
    let firsts: Vec<usize> = tokens.first.iter().copied().flatten().collect();
    assert!(firsts.is_sorted_by(|a, b| a < b));
    assert_eq!(firsts.first(), (!tokens.ids.is_empty()).then_some(&0));
    assert!(firsts.last().is_none_or(|&last| last < tokens.ids.len()));
}

/// No text comes to a special token, nor to one that the vocabulary does not have.
fn check_ids(tokenizer: &Tokenizer, tokens: &Tokens) {
    let specials = [tokenizer.input(&[]), vec![tokenizer.pad()]].concat();
    for id in &tokens.ids {
        assert!((*id as usize) < tokenizer.vocab_size() && !specials.contains(id));
    }
}

/// A word has the tokens that it has alone, wherever it stands.
fn check_words(text: &str, tokens: &Tokens, tokenizer: &Tokenizer) {
    let mut all = Vec::new();
    for (word, first) in tokens.words.iter().zip(&tokens.first).take(4) {
        let alone = tokenizer.tokenize(&text[word.clone()]);
        assert_eq!(first.is_some(), !alone.ids.is_empty());
        all.extend(alone.ids);
    }
    assert!(tokens.ids.starts_with(&all));
}

/// Whether the ids are those of the whole text, as [`Tokenizer::tokenize`] says in which cases they
/// are not.
fn is_told_alike(text: &str, ideographs_alone: bool) -> bool {
    let differs = |c: char| {
        let separates = matches!(c, '\u{b}' | '\u{c}' | '\u{85}');
        // Punctuation of today that was none in Unicode 8 is above this.
        let newer = c > '\u{600}' && is_punctuation(c);
        let ideograph = !ideographs_alone && c > '\u{33ff}';
        separates || newer || ideograph
    };
    !text.contains('[') && !text.contains(differs)
}
