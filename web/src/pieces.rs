//! Text that is cut wherever a mark begins or ends, so that marks of two kinds can be shown on it at once.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A stretch of text that is marked alike from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether the file marks it.
    pub gold: bool,
    /// Whether the model found it.
    pub found: bool,
}

/// A part of a text in pieces, of which none is empty. All ranges are bytes of the text; `gold` and `found` lie within `part`.
///
/// # Panics
/// When a range leaves the text or cuts a character.
pub fn pieces(
    text: &str,
    part: Range<usize>,
    gold: Option<&Range<usize>>,
    found: Option<&Range<usize>>,
) -> Vec<Piece> {
    let marks = [gold, found].into_iter().flatten();
    let mut cuts = vec![part.start, part.end];
    cuts.extend(marks.flat_map(|mark| [mark.start, mark.end]));
    cuts.sort_unstable();
    cuts.dedup();
    let covers =
        |mark: Option<&Range<usize>>, at: usize| mark.is_some_and(|mark| mark.contains(&at));
    cuts.windows(2)
        .map(|ends| Piece {
            text: text[ends[0]..ends[1]].to_owned(),
            gold: covers(gold, ends[0]),
            found: covers(found, ends[0]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_where_marks_begin_and_end() {
        // `g` and `f` stand before what is marked and what was found, `b` before what is both.
        let check = |part: Range<usize>,
                     gold: Option<Range<usize>>,
                     found: Option<Range<usize>>,
                     expected: &[&str]| {
            let pieces = pieces("low 😀 AMH", part, gold.as_ref(), found.as_ref());
            let written = pieces.iter().map(|piece| {
                let sign = match (piece.gold, piece.found) {
                    (false, false) => "",
                    (true, false) => "g:",
                    (false, true) => "f:",
                    (true, true) => "b:",
                };
                format!("{sign}{}", piece.text)
            });
            assert_eq!(written.collect::<Vec<_>>(), expected);
        };
        check(0..0, None, None, &[]);
        check(0..12, None, None, &["low 😀 AMH"]);
        check(0..12, Some(0..12), None, &["g:low 😀 AMH"]);
        check(0..12, None, Some(9..12), &["low 😀 ", "f:AMH"]);
        check(0..12, Some(9..12), Some(9..12), &["low 😀 ", "b:AMH"]);
        check(
            0..12,
            Some(0..8),
            Some(4..12),
            &["g:low ", "b:😀", "f: AMH"],
        );
        check(4..12, Some(4..8), Some(9..12), &["g:😀", " ", "f:AMH"]);
    }
}
