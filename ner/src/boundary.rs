//! Where a text has its sentence, line and paragraph ends.

use crate::Tokens;

/// What ends before a word, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Boundary {
    /// Only the word before it.
    Word,
    /// A sentence: a full stop, question or exclamation mark and white space, and no abbreviation.
    Sentence,
    /// A line.
    Line,
    /// A paragraph: a blank line, a page break, or the beginning of the text.
    Paragraph,
}

/// Words that a full stop abbreviates more often than it ends a sentence with them. A single letter
/// ("e.g.", initials) always counts as one.
const ABBREVIATIONS: [&str; 24] = [
    "al", "approx", "appt", "ca", "cf", "dr", "drs", "est", "etc", "fig", "hx", "incl", "jr", "lt",
    "mr", "mrs", "ms", "mt", "prof", "pt", "rt", "sr", "st", "vs",
];

/// What ends before each word of a text.
///
/// Words without tokens are looked through: a line that holds a zero-width space only is a blank
/// line. They themselves get [`Boundary::Word`].
pub fn boundaries(text: &str, tokens: &Tokens) -> Vec<Boundary> {
    let mut result = vec![Boundary::Word; tokens.words.len()];
    let spoken: Vec<usize> = (0..tokens.words.len())
        .filter(|&w| tokens.first[w].is_some())
        .collect();
    for (i, &w) in spoken.iter().enumerate() {
        let Some(last) = i.checked_sub(1) else {
            result[w] = Boundary::Paragraph;
            continue;
        };
        let gap = &text[tokens.words[spoken[last]].end..tokens.words[w].start];
        let word = |i: usize| &text[tokens.words[spoken[i]].clone()];
        result[w] = match line_ends(gap) {
            0 if word(last).ends_with(['。', '！', '？']) => Boundary::Sentence,
            0 if gap.is_empty() || !ends_sentence(text, tokens, &spoken[..=last], &result) => {
                Boundary::Word
            }
            0 => Boundary::Sentence,
            1 => Boundary::Line,
            _ => Boundary::Paragraph,
        };
    }
    result
}

/// The number of line ends in the gap between two words; a page break or paragraph separator counts
/// as two.
pub(crate) fn line_ends(gap: &str) -> usize {
    let mut previous = ' ';
    let mut count = 0;
    for c in gap.chars() {
        count += match c {
            '\n' if previous == '\r' => 0,
            '\n' | '\r' | '\u{b}' | '\u{85}' | '\u{2028}' => 1,
            '\u{c}' | '\u{2029}' => 2,
            _ => 0,
        };
        previous = c;
    }
    count
}

/// Whether the last of the words `spoken`, with white space after it, ends a sentence.
fn ends_sentence(text: &str, tokens: &Tokens, spoken: &[usize], before: &[Boundary]) -> bool {
    let word = |w: usize| &text[tokens.words[w].clone()];
    // Quotation marks and brackets may close after the stop. Not many: what ends a sentence is seen
    // from nearby.
    let closing = [")", "]", "\"", "'", "”", "’", "»"];
    let near = spoken.len().saturating_sub(4);
    let Some(stop) = spoken[near..]
        .iter()
        .rposition(|&w| !closing.contains(&word(w)))
        .map(|i| near + i)
    else {
        return false;
    };
    match word(spoken[stop]) {
        "!" | "?" | "…" => true,
        "." => {
            let Some(&last) = stop.checked_sub(1).and_then(|i| spoken.get(i)) else {
                return false;
            };
            let end = word(last);
            let abbreviation = end.chars().count() == 1 && end.chars().all(char::is_alphabetic)
                || ABBREVIATIONS.iter().any(|a| end.eq_ignore_ascii_case(a));
            // "2. Ovaries": the number of an item, not a sentence.
            let item = before[last] >= Boundary::Line && end.chars().all(|c| c.is_ascii_digit());
            !abbreviation && !item
        }
        _ => false,
    }
}
