//! Words of a note, on which every mark begins and ends, in UTF-16 units.

use std::ops::Range;

use crate::units;

/// The words of a text, as the model sees them.
pub fn words(text: &[u16]) -> Vec<Range<usize>> {
    // A lone surrogate becomes U+FFFD, which is one unit as well.
    let text = String::from_utf16_lossy(text);
    let words = ner::tokenize::words(&text);
    units::to_utf16(&text, words)
}

/// The least stretch of whole words that holds `range`; `None` where no word is in it. An empty range takes the word around it.
///
/// It ends before the first blank line, as no entity crosses one.
pub fn snap(text: &[u16], range: Range<usize>) -> Option<Range<usize>> {
    let range = range.start.min(text.len())..range.end.min(text.len());
    // Words end at white space, so that those around the range are enough.
    let start = text[..range.start]
        .iter()
        .rposition(|unit| is_space(*unit))
        .map_or(0, |at| at + 1);
    let end = text[range.end..]
        .iter()
        .position(|unit| is_space(*unit))
        .map_or(text.len(), |at| range.end + at);
    let near = &text[start..end];
    let within = |word: &Range<usize>| {
        let word = start + word.start..start + word.end;
        if range.is_empty() {
            word.start <= range.start && range.start < word.end
        } else {
            word.start < range.end && range.start < word.end
        }
    };
    let mut chosen: Option<Range<usize>> = None;
    for word in words(near).into_iter().filter(within) {
        match &mut chosen {
            None => chosen = Some(word),
            Some(chosen) if has_blank_line(&near[chosen.end..word.start]) => break,
            Some(chosen) => chosen.end = word.end,
        }
    }
    chosen.map(|chosen| start + chosen.start..start + chosen.end)
}

/// The first word that begins at `from` or behind it.
pub fn next(text: &[u16], from: usize) -> Option<Range<usize>> {
    let mut from = from.min(text.len());
    while let Some(gap) = text[from..].iter().position(|unit| !is_space(*unit)) {
        let start = from + gap;
        match snap(text, start..start + 1) {
            Some(word) if from <= word.start => return Some(word),
            // `from` is within a word.
            Some(word) => from = word.end,
            // What is part of no word: a control character.
            None => from = start + 1,
        }
    }
    None
}

/// The last word that ends at `to` or before it.
pub fn previous(text: &[u16], to: usize) -> Option<Range<usize>> {
    let mut to = to.min(text.len());
    while let Some(last) = text[..to].iter().rposition(|unit| !is_space(*unit)) {
        match snap(text, last..last + 1) {
            Some(word) if word.end <= to => return Some(word),
            Some(word) => to = word.start,
            None => to = last,
        }
    }
    None
}

/// A stretch of words with one word more or less at its start or its end; `None` where it would have none, or cross a blank
/// line.
pub fn resize(text: &[u16], range: Range<usize>, start: bool, on: bool) -> Option<Range<usize>> {
    let Range { start: a, end: b } = range.clone();
    let resized = match (start, on) {
        (true, false) => previous(text, a)?.start..b,
        (true, true) => next(text, next(text, a)?.end)?.start..b,
        (false, true) => a..next(text, b)?.end,
        (false, false) => a..previous(text, previous(text, b)?.start)?.end,
    };
    (resized.start < resized.end && snap(text, resized.clone()).as_ref() == Some(&resized))
        .then_some(resized)
}

/// Whether words end here. All white space is one unit.
fn is_space(unit: u16) -> bool {
    char::from_u32(unit.into()).is_some_and(char::is_whitespace)
}

/// Whether a stretch between two words has an empty line in it.
fn has_blank_line(gap: &[u16]) -> bool {
    gap.iter().filter(|&&unit| unit == u16::from(b'\n')).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_to_whole_words() {
        let check = |text: &str, range: Range<usize>, expected: Option<&str>| {
            let units: Vec<u16> = text.encode_utf16().collect();
            let found = snap(&units, range.clone());
            let found = found.map(|found| String::from_utf16_lossy(&units[found]));
            assert_eq!(found.as_deref(), expected, "{text:?} {range:?}");
        };
        check("severe cramps, nausea", 0..6, Some("severe"));
        check("severe cramps, nausea", 2..9, Some("severe cramps"));
        check("severe cramps, nausea", 7..14, Some("cramps,"));
        check("severe cramps, nausea", 6..7, None);
        check("severe cramps, nausea", 8..8, Some("cramps"));
        check("severe cramps, nausea", 13..13, Some(","));
        check("severe cramps", 13..13, None);
        check("severe cramps", 5..90, Some("severe cramps"));
        check("", 0..0, None);
        check("LH+6", 0..1, Some("LH"));
        check("😀 Zéro e\u{301}t", 4..5, Some("Zéro"));
        check("😀 Zéro e\u{301}t", 1..4, Some("😀 Zéro"));
        check("月经", 1..2, Some("经"));
        check("pelvic\npain", 0..9, Some("pelvic\npain"));
        check("pelvic\n \npain", 0..12, Some("pelvic"));
    }

    #[test]
    fn words_before_and_behind() {
        let text: Vec<u16> = "no severe 😀 cramps.\n\nLH".encode_utf16().collect();
        let show =
            |range: Option<Range<usize>>| range.map(|range| String::from_utf16_lossy(&text[range]));
        let check = |found, expected: Option<&str>| assert_eq!(show(found).as_deref(), expected);
        check(next(&text, 0), Some("no"));
        check(next(&text, 1), Some("severe"));
        check(next(&text, 2), Some("severe"));
        check(next(&text, 19), Some("."));
        check(next(&text, 24), None);
        check(previous(&text, 2), Some("no"));
        check(previous(&text, 5), Some("no"));
        check(previous(&text, 0), None);
        check(previous(&text, 99), Some("LH"));
        let of = |part: &str| {
            let part: Vec<u16> = part.encode_utf16().collect();
            let at = text.windows(part.len()).position(|window| window == part);
            let at = at.expect("it is in the text");
            at..at + part.len()
        };
        check(resize(&text, of("cramps"), true, false), Some("😀 cramps"));
        check(
            resize(&text, of("severe 😀 cramps"), true, true),
            Some("😀 cramps"),
        );
        check(resize(&text, of("severe"), false, true), Some("severe 😀"));
        check(resize(&text, of("severe 😀"), false, false), Some("severe"));
        check(resize(&text, of("severe"), false, false), None);
        check(resize(&text, of("severe"), true, true), None);
        check(resize(&text, of("no"), true, false), None);
        check(resize(&text, of("cramps."), false, true), None);
    }
}
