//! Windows: they cover the text, they fit, they stay where they are when the text changes
//! elsewhere.

use std::collections::HashSet;
use std::ops::Range;

use ner::boundary::{Boundary, boundaries};
use ner::tokenize::words;
use ner::window::{MAX_TOKENS, REACH, cut, stitch};
use ner::{Error, Tokens, Window};
use proptest::prelude::*;

/// Tokens without a vocabulary: each word has one to three that depend on its letters alone, a lone
/// zero-width space none.
fn tokens(text: &str) -> Tokens {
    let words = words(text);
    let (mut ids, mut first) = (Vec::new(), Vec::new());
    for word in &words {
        let word = &text[word.clone()];
        let hash = word.bytes().fold(7_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        let pieces = if word == "\u{200b}" {
            0
        } else {
            1 + hash % 7 / 3
        };
        first.push((pieces > 0).then_some(ids.len()));
        ids.extend((0..pieces).map(|piece| hash.wrapping_add(piece) % 30_000));
    }
    Tokens { ids, words, first }
}

/// A xorshift generator: the texts of a seed are the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// Prose of `count` words: sentences of 5 to 30, lines and paragraphs now and then.
fn prose(seed: u64, count: usize) -> String {
    let mut random = Random(seed * 2 + 1);
    let mut text = String::new();
    let mut left = 0;
    for _ in 0..count {
        let letters = 1 + random.below(9);
        text.extend((0..letters).map(|_| char::from(b'a' + random.below(26) as u8)));
        if left > 0 {
            left -= 1;
            text.push(' ');
            continue;
        }
        left = 5 + random.below(25);
        text.push_str([". ", ". ", ". ", ".\n", "? ", ".\r\n\r\n", ", "][random.below(7)]);
    }
    text
}

fn check(text: &str, max_tokens: usize) -> Vec<Window> {
    let tokens = tokens(text);
    let windows = cut(text, &tokens, max_tokens);
    let (len, limit) = (tokens.ids.len(), max_tokens - 2);
    let mut covered = 0;
    for window in &windows {
        assert_eq!(window.core.start, covered, "cores follow one another");
        assert!(!window.core.is_empty());
        assert!(window.tokens.start <= window.core.start && window.core.end <= window.tokens.end);
        assert!(
            window.tokens.len() <= limit,
            "{window:?} is longer than {limit}"
        );
        assert!(windows.len() == 1 || window.core.len() <= (limit * 3 / 4).max(1));
        covered = window.core.end;
    }
    assert_eq!(covered, len, "cores cover the text");
    if len <= limit {
        assert_eq!(
            windows.len(),
            usize::from(len > 0),
            "a text that fits is one window"
        );
    }
    windows
}

#[test]
fn texts_of_every_kind_are_covered() {
    let megabyte = 1 << 20;
    let texts = [
        String::new(),
        "word".to_owned(),
        "a ".repeat(megabyte / 2),
        "\n".repeat(megabyte),
        "a".repeat(megabyte),
        ") ".repeat(megabyte / 2),
        "Day 3: FSH 5.2\n".repeat(5000),
        "\u{200b} pain\n".repeat(500),
        "≠".repeat(2000),
        prose(1, 20_000),
    ];
    for text in &texts {
        for max_tokens in [3, 4, 5, 8, 10, 17, 64, MAX_TOKENS, 512] {
            check(text, max_tokens);
        }
    }
}

#[test]
fn a_word_longer_than_a_window_is_cut() {
    // As a tokenizer gives for "≠≠≠…", which normalization turns into punctuation.
    let text = "a ≠≠ b";
    let tokens = Tokens {
        ids: vec![5; 302],
        words: words(text),
        first: vec![Some(0), Some(1), Some(301)],
    };
    let windows = cut(text, &tokens, 64);
    assert!(windows.iter().all(|window| window.tokens.len() <= 62));
    assert_eq!(windows.first().unwrap().core.start, 0);
    assert_eq!(windows.last().unwrap().core.end, 302);
}

#[test]
fn windows_begin_where_sentences_do() {
    let text = prose(5, 30_000);
    let tokens = tokens(&text);
    let windows = cut(&text, &tokens, MAX_TOKENS);
    let sentence = |token: usize| {
        let word = tokens.first.iter().position(|first| *first == Some(token));
        word.is_some_and(|word| {
            word == 0
                || text[..tokens.words[word].start]
                    .trim_end()
                    .ends_with(['.', '?'])
        })
    };
    let share = |starts: &dyn Fn(&Window) -> usize| {
        windows
            .iter()
            .filter(|window| sentence(starts(window)))
            .count() as f64
            / windows.len() as f64
    };
    let (cores, contexts) = (
        share(&|window| window.core.start),
        share(&|window| window.tokens.start),
    );
    println!("begun at a sentence: {cores:.2} of the cores, {contexts:.2} of the contexts");
    assert!(cores > 0.95, "{cores} of the cores");
    // A context may give half of its 60 tokens for a sentence end, and sentences have 30 tokens on
    // average, some 60.
    assert!(contexts > 0.6, "{contexts} of the contexts");
}

/// The mean core is what a long text costs: every window computes its context anew.
#[test]
fn cores_of_prose_fill_half_of_their_windows() {
    for (seed, max_tokens) in [(1, MAX_TOKENS), (2, MAX_TOKENS), (3, 128), (4, 512)] {
        let windows = check(&prose(seed, 60_000), max_tokens);
        let mean = windows.last().unwrap().core.end as f64 / windows.len() as f64;
        println!("max_tokens {max_tokens}: mean core {mean:.1}");
        assert!(
            mean >= 0.5 * (max_tokens - 2) as f64,
            "max_tokens {max_tokens}: mean core {mean}"
        );
    }
}

/// Replaces bytes of a text and compares the windows before and after. Returns how many windows of
/// the new text are new.
fn edit(text: &str, place: Range<usize>, insert: &str, max_tokens: usize) -> usize {
    let mut edited = text.to_owned();
    edited.replace_range(place.clone(), insert);
    let (before, after) = (tokens(text), tokens(&edited));
    let (old, new) = (
        cut(text, &before, max_tokens),
        cut(&edited, &after, max_tokens),
    );
    let first_token = |is_meant: &dyn Fn(&Range<usize>) -> bool| {
        let words = before.words.iter().zip(&before.first);
        words
            .filter(|(word, _)| is_meant(word))
            .find_map(|(_, first)| *first)
            .unwrap_or(before.ids.len())
    };
    // The tokens of the old text that the edit may have changed.
    let from = first_token(&|word| word.end >= place.start);
    let to = first_token(&|word| word.start > place.end);
    let known: HashSet<&[u32]> = old
        .iter()
        .map(|window| &before.ids[window.tokens.clone()])
        .collect();
    let places: HashSet<(&[u32], usize)> = new
        .iter()
        .map(|window| {
            (
                &after.ids[window.tokens.clone()],
                window.core.start - window.tokens.start,
            )
        })
        .collect();
    let reach = REACH * max_tokens;
    for window in &old {
        if window.tokens.end + reach <= from || window.tokens.start >= to + reach {
            let input = (
                &before.ids[window.tokens.clone()],
                window.core.start - window.tokens.start,
            );
            assert!(
                places.contains(&input),
                "{window:?} is far from {from}..{to} but is gone"
            );
        }
    }
    new.iter()
        .filter(|window| !known.contains(&after.ids[window.tokens.clone()]))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_edit_leaves_distant_windows(
        seed in 0_u64..1000,
        max_tokens in 8_usize..80,
        at in 0.0..1.0,
        length in 0_usize..200,
        insert in "[a-z .\n]{0,120}",
    ) {
        let text = prose(seed, 4000);
        let start = (at * text.len() as f64) as usize;
        edit(&text, start..(start + length).min(text.len()), &insert, max_tokens);
    }

    #[test]
    fn any_text_is_covered(text in "[a-z.!?\u{200b}月) \n\r]{0,2000}", max_tokens in 3_usize..40) {
        check(&text, max_tokens);
    }
}

#[test]
fn an_edit_changes_few_windows() {
    let mut random = Random(99);
    let text = prose(7, 30_000);
    let edits = 60;
    let changed: Vec<usize> = (0..edits)
        .map(|_| {
            let at = random.below(text.len());
            edit(&text, at..at, "x", MAX_TOKENS)
        })
        .collect();
    let mean = changed.iter().sum::<usize>() as f64 / f64::from(edits);
    println!(
        "windows changed by a typed letter: mean {mean:.2}, most {}",
        changed.iter().max().unwrap()
    );
    assert!(mean < 4.0, "{mean}");
}

#[test]
fn stitching_takes_each_word_from_its_core() {
    let text = prose(3, 500);
    let tokens = tokens(&text);
    let windows = cut(&text, &tokens, 24);
    // The logits of token t are [t, window]; special tokens have what must never be seen.
    let logits: Vec<Vec<f32>> = (0..windows.len())
        .map(|w| {
            let inner = windows[w]
                .tokens
                .clone()
                .flat_map(|token| [token as f32, w as f32]);
            [-1.0, -1.0]
                .into_iter()
                .chain(inner)
                .chain([-1.0, -1.0])
                .collect()
        })
        .collect();
    let stitched = stitch(&tokens, &windows, &logits, 2).unwrap();
    for (word, first) in tokens.first.iter().enumerate() {
        let Some(token) = *first else { continue };
        let window = windows
            .iter()
            .position(|window| window.core.contains(&token))
            .unwrap();
        assert_eq!(stitched.row(word), [token as f32, window as f32]);
    }

    let mut short = logits.clone();
    short[1].pop();
    let found = short[1].len();
    let error = Error::LogitShape {
        window: 1,
        tokens: windows[1].tokens.len() + 2,
        labels: 2,
        found,
    };
    assert_eq!(stitch(&tokens, &windows, &short, 2), Err(error));
    let count = Error::WindowCount {
        expected: windows.len(),
        found: windows.len() - 1,
    };
    assert_eq!(stitch(&tokens, &windows, &logits[1..], 2), Err(count));
}

#[test]
fn boundaries_of_texts() {
    // The text with "|" where a sentence ends, "/" a line and "#" a paragraph.
    let check = |marked: &str| {
        let text = marked.replace(['|', '/', '#'], "");
        let tokens = tokens(&text);
        let mut found = text.clone();
        for (boundary, word) in boundaries(&text, &tokens)
            .into_iter()
            .zip(&tokens.words)
            .skip(1)
            .rev()
        {
            match boundary {
                Boundary::Word => {}
                Boundary::Sentence => found.insert(word.start, '|'),
                Boundary::Line => found.insert(word.start, '/'),
                Boundary::Paragraph => found.insert(word.start, '#'),
            }
        }
        assert_eq!(found, marked);
    };
    check("Pain. |No fever! |Why? |Well… |so it is");
    check("She said \"no.\" |Then (later.) |Then 'so.' |End");
    check("Seen by Dr. Ames vs. the team, approx. 3 wks. |FSH 3.5 mg, e.g. daily. |OK");
    check("a.b.c 3.5 p.o. daily");
    check("Plan:\n/1. Scan the ovaries. |Then 2. |bloods\n/2. FSH in 5. |Then");
    check(
        "one\n/two\r\n/three\r/four\n\n#five\r\n\r\n#six\n \t\n#seven\u{c}#eight\u{2028}/nine\u{2029}#ten",
    );
    check("one\n\u{200b}\n#two \u{200b} three. \u{200b} |four");
    check("痛。|月经！|是");
    check("..... |)))))) . |a");
}
