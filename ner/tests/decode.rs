//! Decoding: against all sequences there are, on paragraphs, on words without tokens, on broken
//! logits.

use ner::calibration::Calibration;
use ner::crf::{Chain, Transitions};
use ner::decode::{Decoder, candidates, decode, entities, label_ids, seen_ids, spans};
use ner::tokenize::words;
use ner::{Error, Labels, Span, Tokens, WordLogits};
use proptest::prelude::*;

/// Sums of a few f32 values in f64.
const TOLERANCE: f64 = 1e-9;
/// Scores are f32.
const SCORE_TOLERANCE: f32 = 1e-6;

fn two_types() -> Labels {
    Labels::of_types(&["S", "H"])
}

/// One token per word; none for a lone zero-width space.
fn tokens(text: &str) -> Tokens {
    let words = words(text);
    let mut count = 0;
    let first = words.iter().map(|word| {
        let token = (&text[word.clone()] != "\u{200b}").then_some(count);
        count += usize::from(token.is_some());
        token
    });
    Tokens {
        first: first.collect(),
        ids: (0..count as u32).collect(),
        words,
    }
}

fn viterbi(rows: &[&[f32]], labels: &Labels) -> Vec<usize> {
    let transitions = Transitions::bio(labels);
    Chain::new(rows.iter().map(|row| (*row, false)), &transitions).best()
}

fn is_legal(ids: &[usize], labels: &Labels) -> bool {
    let previous = std::iter::once(None).chain(ids.iter().map(|&id| Some(labels.tag(id))));
    ids.iter()
        .zip(previous)
        .all(|(&id, previous)| labels.tag(id).follows(previous))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn viterbi_finds_the_best_legal_sequence(
        values in prop::collection::vec(-4.0_f32..4.0, 5..=25),
    ) {
        let labels = two_types();
        let rows: Vec<&[f32]> = values.chunks_exact(5).collect();
        let score = |ids: &[usize]| -> f64 {
            ids.iter().zip(&rows).map(|(&id, row)| f64::from(row[id])).sum()
        };
        let all = (0..5_usize.pow(rows.len() as u32)).map(|code| -> Vec<usize> {
            (0..rows.len() as u32).map(|word| code / 5_usize.pow(word) % 5).collect()
        });
        let legal = all.filter(|ids| is_legal(ids, &labels));
        let best = legal.map(|ids| score(&ids)).fold(f64::NEG_INFINITY, f64::max);
        let found = viterbi(&rows, &labels);
        prop_assert!(is_legal(&found, &labels));
        let reached = score(&found);
        prop_assert!((reached - best).abs() < TOLERANCE, "{found:?} scores {reached}, not {best}");
    }

    #[test]
    fn any_label_order_gives_legal_sequences(
        values in prop::collection::vec(-40.0_f32..40.0, 0..200),
        turn in 0_usize..5,
    ) {
        let mut names = two_types().names().to_vec();
        names.rotate_left(turn);
        let labels = Labels::new(names).unwrap();
        let rows: Vec<&[f32]> = values.chunks_exact(5).collect();
        let ids = viterbi(&rows, &labels);
        prop_assert_eq!(ids.len(), rows.len());
        prop_assert!(is_legal(&ids, &labels));
    }

    #[test]
    fn spans_spell_labels_and_labels_spans(ids in prop::collection::vec(0_usize..5, 0..20)) {
        let labels = two_types();
        let text = "pain, ".repeat(10);
        let words = words(&text);
        let ids = ids.into_iter().chain(std::iter::repeat(0));
        let ids: Vec<usize> = ids.take(words.len()).collect();
        let found = spans(&words, &ids, &labels);
        let legal = label_ids(&text, &words, &found, &labels).unwrap();
        prop_assert!(is_legal(&legal, &labels));
        prop_assert_eq!(spans(&words, &legal, &labels), found);
        if is_legal(&ids, &labels) {
            prop_assert_eq!(legal, ids);
        }
    }
}

#[test]
fn ties_go_to_the_lowest_id() {
    let labels = two_types();
    assert_eq!(viterbi(&[&[0.0; 5][..]; 4], &labels), [0; 4]);
    // I-S (2) after B-S or I-S, I-H (4) after B-H or I-H: equally good, and so are their
    // beginnings.
    let inside: &[f32] = &[0.0, 0.0, 3.0, 0.0, 3.0];
    assert_eq!(viterbi(&[&[0.0; 5], inside], &labels), [1, 2]);
    assert_eq!(viterbi(&[], &labels), [0; 0]);
}

/// Decodes a text whose words have the given best labels by a margin of 4, the other label of the
/// same type second ("?": no preference).
fn check(text: &str, best: &[&str], expected: &[&str], marked: &[&str]) {
    let decoder = Decoder::bio(two_types());
    let labels = &decoder.labels;
    let tokens = tokens(text);
    assert_eq!(tokens.words.len(), best.len(), "{text:?}");
    let logit = |best: &str, name: &str| match () {
        () if best == name => 6.0,
        () if best
            .split_once('-')
            .is_some_and(|(_, kind)| name.ends_with(&format!("-{kind}"))) =>
        {
            2.0
        }
        () => 0.0,
    };
    let row = |best: &&str| {
        labels
            .names()
            .iter()
            .map(|name| logit(best, name))
            .collect::<Vec<f32>>()
    };
    let logits = WordLogits {
        labels: 5,
        values: best.iter().flat_map(row).collect(),
    };
    let ids = decode(text, &tokens, &logits, &decoder).unwrap();
    let names: Vec<&str> = ids.iter().map(|&id| labels.names()[id].as_str()).collect();
    assert_eq!(names, expected, "{text:?}");
    let found = entities(text, &tokens, &logits, &decoder).unwrap();
    let texts: Vec<&str> = found
        .iter()
        .map(|entity| &text[entity.span.range.clone()])
        .collect();
    assert_eq!(texts, marked, "{text:?}");
    let plain: Vec<Span> = found.into_iter().map(|entity| entity.span).collect();
    assert_eq!(plain, spans(&tokens.words, &ids, labels));
}

#[test]
fn entities_of_texts() {
    check("", &[], &[], &[]);
    check("low pain", &["O", "B-S"], &["O", "B-S"], &["pain"]);
    check(
        "heavy bleeding LH",
        &["B-S", "I-S", "B-H"],
        &["B-S", "I-S", "B-H"],
        &["heavy bleeding", "LH"],
    );
    check(
        "nausea pain",
        &["B-S", "B-S"],
        &["B-S", "B-S"],
        &["nausea", "pain"],
    );
    // An I- that nothing begins gets its beginning.
    check(
        "heavy bleeding",
        &["I-S", "I-S"],
        &["B-S", "I-S"],
        &["heavy bleeding"],
    );
    check(
        "heavy LH",
        &["B-S", "I-H"],
        &["B-S", "B-H"],
        &["heavy", "LH"],
    );

    // Line ends lie within entities, paragraph ends do not.
    check(
        "heavy\nbleeding",
        &["B-S", "I-S"],
        &["B-S", "I-S"],
        &["heavy\nbleeding"],
    );
    check(
        "heavy\n \nbleeding",
        &["B-S", "I-S"],
        &["B-S", "B-S"],
        &["heavy", "bleeding"],
    );
    check(
        "heavy\r\n\r\nbleeding",
        &["B-S", "I-S"],
        &["B-S", "B-S"],
        &["heavy", "bleeding"],
    );
    check(
        "heavy\r\nbleeding",
        &["B-S", "I-S"],
        &["B-S", "I-S"],
        &["heavy\r\nbleeding"],
    );
    check(
        "heavy\u{c}bleeding",
        &["B-S", "I-S"],
        &["B-S", "B-S"],
        &["heavy", "bleeding"],
    );

    // A word without tokens continues an entity that goes on after it and is O anywhere else,
    // whatever its logits say.
    check(
        "heavy\u{200b} bleeding",
        &["B-S", "I-S"],
        &["B-S", "I-S"],
        &["heavy\u{200b} bleeding"],
    );
    let zero = "\u{200b}";
    check(
        &format!("heavy {zero} bleeding"),
        &["B-S", "?", "I-S"],
        &["B-S", "I-S", "I-S"],
        &["heavy \u{200b} bleeding"],
    );
    check(
        &format!("heavy {zero} bleeding"),
        &["B-S", "B-H", "I-S"],
        &["B-S", "I-S", "I-S"],
        &["heavy \u{200b} bleeding"],
    );
    check(
        &format!("pain {zero} pain"),
        &["B-S", "?", "B-S"],
        &["B-S", "O", "B-S"],
        &["pain", "pain"],
    );
    check(
        &format!("{zero} pain {zero}"),
        &["B-S", "B-S", "I-S"],
        &["O", "B-S", "O"],
        &["pain"],
    );
    check(
        &format!("heavy\n{zero}\nbleeding"),
        &["B-S", "?", "I-S"],
        &["B-S", "O", "B-S"],
        &["heavy", "bleeding"],
    );
}

#[test]
fn a_score_is_the_probability_of_the_entity_among_legal_sequences() {
    let mut decoder = Decoder::bio(two_types());
    let text = "heavy \u{200b} bleeding";
    let tokens = tokens(text);
    // Logits are 0 but that of B-S of the first word, which makes sequences weigh 8 times as much, and
    // perhaps that of I-S of the last.
    let logits = |inside: f32| {
        let first = [0.0, 8_f32.ln(), 0.0, 0.0, 0.0];
        let last = [0.0, 0.0, inside.ln(), 0.0, 0.0];
        let values = [first, [0.0; 5], last].concat();
        WordLogits { labels: 5, values }
    };
    let check = |inside, decoder: &Decoder, expected: Option<(usize, f32)>| {
        let found = entities(text, &tokens, &logits(inside), decoder).unwrap();
        assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
        if let (Some(entity), Some((end, score))) = (found.first(), expected) {
            assert_eq!(entity.span.range, 0..end);
            assert!(
                (entity.score - score).abs() < SCORE_TOLERANCE,
                "{}",
                entity.score
            );
        }
    };
    // After B-S come O, B-S, I-S and B-H, after O three of them, after B-H four others. Of B-S alone:
    // O, B-S or B-H follow.
    check(1.0, &decoder, Some((5, 24.0 / 39.0)));
    // B-S, I-S.
    check(2.0, &decoder, Some((text.len(), 16.0 / 47.0)));
    decoder.calibration = Some(Calibration::default());
    check(1.0, &decoder, Some((5, 24.0 / 39.0)));
    // Too little for an entity; a candidate it is.
    check(2.0, &decoder, None);
    let candidates = candidates(text, &tokens, &logits(2.0), &decoder).unwrap();
    assert_eq!(candidates[0].0.range, 0..text.len());
}

#[test]
fn logits_that_are_not_numbers_are_an_error() {
    let decoder = Decoder::bio(two_types());
    let text = "heavy bleeding";
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut logits = WordLogits {
            labels: 5,
            values: vec![0.0; 10],
        };
        logits.values[8] = value;
        let error = decode(text, &tokens(text), &logits, &decoder).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("word 1: the logit of `B-H` is {value}")
        );
    }
    // Large logits are numbers.
    let logits = WordLogits {
        labels: 5,
        values: vec![
            f32::MAX,
            f32::MIN,
            0.0,
            0.0,
            0.0,
            f32::MAX,
            f32::MAX,
            0.0,
            0.0,
            0.0,
        ],
    };
    assert_eq!(
        decode(text, &tokens(text), &logits, &decoder).unwrap(),
        [0, 0]
    );
}

#[test]
fn spans_that_do_not_fit_are_refused() {
    let text = "Low AMH, née LH+6";
    let words = words(text);
    let check = |spans: &[(usize, usize, &str)], message: &str| {
        let spans: Vec<Span> = spans
            .iter()
            .map(|&(start, end, label)| Span {
                range: start..end,
                label: label.into(),
            })
            .collect();
        let error = label_ids(text, &words, &spans, &two_types()).unwrap_err();
        assert!(matches!(error, Error::Span { .. }));
        assert_eq!(error.to_string(), message);
    };
    check(
        &[(4, 7, "X")],
        "span 4..7 of type `X`: the type is not one of S, H",
    );
    check(
        &[(4, 6, "H")],
        "span 4..6 of type `H`: `AM` does not begin and end on a word",
    );
    check(
        &[(3, 7, "H")],
        "span 3..7 of type `H`: ` AMH` does not begin and end on a word",
    );
    check(
        &[(4, 4, "H")],
        "span 4..4 of type `H`: `` does not begin and end on a word",
    );
    check(
        &[(4, 70, "H")],
        "span 4..70 of type `H`: it is not within the 18 bytes of its text or cuts a character",
    );
    check(
        &[(9, 11, "H")],
        "span 9..11 of type `H`: it is not within the 18 bytes of its text or cuts a character",
    );
    check(
        &[(0, 7, "S"), (4, 7, "H")],
        "span 4..7 of type `H`: `AMH` overlaps another span",
    );
}

#[test]
fn a_certain_entity_has_a_score() {
    let decoder = Decoder::bio(two_types());
    for margin in [20.0_f32, 30.0, 40.0, 1e30] {
        let text = "heavy bleeding again and ".repeat(40);
        let tokens = tokens(&text);
        let row = |word: usize| {
            let mut row = [0.0; 5];
            row[[1, 2, 0, 0][word % 4]] = margin;
            row
        };
        let values = (0..tokens.words.len()).flat_map(row).collect();
        let logits = WordLogits { labels: 5, values };
        let found = entities(&text, &tokens, &logits, &decoder).unwrap();
        assert_eq!(found.len(), 40);
        for entity in found {
            assert!(
                entity.score > 0.999 && entity.score <= 1.0,
                "{}",
                entity.score
            );
        }
    }
}

#[test]
fn a_span_begins_with_its_first_word_that_has_tokens() {
    let labels = two_types();
    let tokens = tokens("\u{200b} heavy \u{200b} bleeding \u{200b} pain");
    let check = |ids: [usize; 6], expected: [Option<usize>; 6]| {
        assert_eq!(seen_ids(&tokens, &ids, &labels), expected);
    };
    check([0; 6], [None, Some(0), None, Some(0), None, Some(0)]);
    check(
        [1, 2, 2, 2, 0, 1],
        [None, Some(1), None, Some(2), None, Some(1)],
    );
    check(
        [1, 0, 3, 4, 4, 4],
        [None, Some(0), None, Some(3), None, Some(4)],
    );
    check(
        [1, 3, 4, 1, 1, 2],
        [None, Some(3), None, Some(1), None, Some(1)],
    );
}

#[test]
fn an_i_that_nothing_begins_is_a_span_of_its_own() {
    let labels = two_types();
    let words = [0..1, 2..3, 4..5, 6..7];
    let found: Vec<(usize, usize)> = spans(&words, &[2, 2, 4, 3], &labels)
        .into_iter()
        .map(|span| (span.range.start, span.range.end))
        .collect();
    assert_eq!(found, [(0, 3), (4, 5), (6, 7)]);
}
