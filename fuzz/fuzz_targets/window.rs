//! Windows over a text, and what is put together from their logits.
//!
//! The first byte chooses the longest input, its highest bit whether the rest is a text, or a plan of
//! a text and of an edit in it.

#![no_main]

use std::collections::HashSet;
use std::ops::Range;

use libfuzzer_sys::{Corpus, fuzz_target};
use ner::tokenize::words;
use ner::window::{REACH, cut, stitch};
use ner::{Decoder, Labels, Prepared, Tokens, Window, decode};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&first, rest)) = data.split_first() else {
        return Corpus::Reject;
    };
    let max_tokens = usize::from(first & 0x7f);
    if first & 0x80 == 0 {
        let Ok(text) = str::from_utf8(rest) else {
            return Corpus::Reject;
        };
        check_text(text, max_tokens);
    } else {
        // What is shorter has horizons of no token.
        check_edit(rest, max_tokens.max(8));
    }
    Corpus::Keep
});

/// Tokens without a vocabulary: each word has up to three that depend on its letters alone.
fn tokens(text: &str) -> Tokens {
    let words = words(text);
    let (mut ids, mut first) = (Vec::new(), Vec::new());
    for word in &words {
        let hash = text[word.clone()].bytes().fold(7_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        let pieces = [1, 1, 1, 2, 2, 3, 0][hash as usize % 7];
        first.push((pieces > 0).then_some(ids.len()));
        ids.extend((0..pieces).map(|piece| hash.wrapping_add(piece) % 30_000));
    }
    Tokens { ids, words, first }
}

/// Windows fit, their cores follow one another and cover all tokens.
fn check_windows(tokens: &Tokens, windows: &[Window], max_tokens: usize) {
    let limit = max_tokens.saturating_sub(2).max(1);
    let len = tokens.ids.len();
    let mut covered = 0;
    for Window { tokens, core } in windows {
        assert_eq!(core.start, covered, "cores follow one another");
        assert!(tokens.start <= core.start && core.start < core.end && core.end <= tokens.end);
        assert!(tokens.len() <= limit && tokens.end <= len, "{tokens:?}");
        covered = core.end;
    }
    assert_eq!(covered, len, "cores cover the text");
    let one = usize::from(len > 0);
    assert!(
        len > limit || windows.len() == one,
        "a text that fits is one window"
    );
}

fn check_text(text: &str, max_tokens: usize) {
    let tokens = tokens(text);
    let windows = cut(text, &tokens, max_tokens);
    check_windows(&tokens, &windows, max_tokens);
    let logits: Vec<Vec<f32>> = windows
        .iter()
        .map(|window| logits(&tokens, window))
        .collect();
    let stitched = stitch(&tokens, &windows, &logits, 3).expect("logits of the windows");
    let mut windows_from_here = windows.iter().peekable();
    for (word, first) in tokens.first.iter().enumerate() {
        let expected = first.map_or([0.0; 3], |token| {
            while windows_from_here
                .next_if(|window| window.core.end <= token)
                .is_some()
            {}
            let window = windows_from_here.peek().expect("cores cover the text");
            row(&tokens, token, window.tokens.start)
        });
        assert_eq!(stitched.row(word), expected, "word {word}");
    }
    check_entities(text, tokens, windows, &logits);
}

/// A token's logits in the window that begins at `window`, which are no other token's or window's.
fn row(tokens: &Tokens, token: usize, window: usize) -> [f32; 3] {
    let of_id = (tokens.ids[token] % 8) as f32;
    [of_id, token as f32, window as f32]
}

/// Of a window's input, whose two special tokens have what must not be seen.
fn logits(tokens: &Tokens, window: &Window) -> Vec<f32> {
    let inner = window.tokens.clone();
    let inner = inner.flat_map(|token| row(tokens, token, window.tokens.start));
    let special = [f32::NAN; 3];
    special.into_iter().chain(inner).chain(special).collect()
}

/// What is found begins and ends on words, in text order, with probabilities for scores.
fn check_entities(text: &str, tokens: Tokens, windows: Vec<Window>, logits: &[Vec<f32>]) {
    let decoder = Decoder::bio(Labels::of_types(&["S"]));
    let prepared = Prepared {
        inputs: Vec::new(),
        tokens,
        windows,
    };
    let entities = ner::finish(text, &prepared, logits, &decoder).expect("finite logits");
    let spans: Vec<_> = entities.iter().map(|entity| entity.span.clone()).collect();
    decode::label_ids(text, &prepared.tokens.words, &spans, &decoder.labels)
        .expect("entities are on words");
    assert!(spans.is_sorted_by(|a, b| a.range.end <= b.range.start));
    assert!(
        entities
            .iter()
            .all(|entity| (0.0..=1.0).contains(&entity.score))
    );
}

/// Appends numbered words, so that a text does not repeat itself; a byte says what follows each.
fn push_planned(text: &mut String, plan: &[u8], from: usize) {
    for (number, byte) in (from..).zip(plan) {
        let mut rest = number;
        while rest > 0 {
            text.push(char::from(b'a' + (rest % 26) as u8));
            rest /= 26;
        }
        text.push_str(
            ["x ", "x ", "x ", "x, ", "x. ", "x? ", "x.\n", "x\n\n"][usize::from(byte % 8)],
        );
    }
}

/// An edit leaves windows as they were that are farther from it than [`REACH`] says.
fn check_edit(plan: &[u8], max_tokens: usize) {
    let [at, removed, added, plan @ ..] = plan else {
        return;
    };
    let scaled = |byte: u8| usize::from(byte) * plan.len() / 256;
    let from = scaled(*at);
    let to = (from + usize::from(removed % 32)).min(plan.len());
    let new = &plan[..usize::from(added % 32).min(plan.len())];
    let (mut before, mut after) = (String::new(), String::new());
    push_planned(&mut before, &plan[..from], 0);
    after.push_str(&before);
    push_planned(&mut before, &plan[from..to], from);
    let place = after.len()..before.len();
    push_planned(&mut after, new, 100_000);
    for text in [&mut before, &mut after] {
        push_planned(text, &plan[to..], to);
    }
    let (old, new) = (tokens(&before), tokens(&after));
    let windows = cut(&before, &old, max_tokens);
    let kept: HashSet<(&[u32], usize)> = cut(&after, &new, max_tokens)
        .iter()
        .map(|window| input(&new, window))
        .collect();
    let first_token = |is_meant: &dyn Fn(&Range<usize>) -> bool| {
        let words = old.words.iter().zip(&old.first);
        let mut firsts = words
            .filter(|(word, _)| is_meant(word))
            .map(|(_, first)| *first);
        firsts.find_map(|first| first).unwrap_or(old.ids.len())
    };
    let from = first_token(&|word| word.end >= place.start);
    let to = first_token(&|word| word.start > place.end);
    let reach = REACH * max_tokens;
    for window in &windows {
        if window.tokens.end + reach <= from || window.tokens.start >= to + reach {
            assert!(
                kept.contains(&input(&old, window)),
                "{window:?} is far from {from}..{to} but is gone"
            );
        }
    }
    check_windows(&old, &windows, max_tokens);
}

/// What the network sees, and where what is taken from it begins.
fn input<'a>(tokens: &'a Tokens, window: &Window) -> (&'a [u32], usize) {
    let start = window.core.start - window.tokens.start;
    (&tokens.ids[window.tokens.clone()], start)
}
