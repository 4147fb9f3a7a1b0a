//! Edits of a note, and what becomes of its marks until the worker has seen the new text.

use crate::mark::Mark;

/// The one stretch in which two texts differ, in UTF-16 units: `old[start..old_end]` became `new[start..new_end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Length of the common beginning.
    pub start: usize,
    /// End of the difference in the old text.
    pub old_end: usize,
    /// End of the difference in the new text.
    pub new_end: usize,
}

impl Edit {
    /// Between two texts, from their longest common beginning and then their longest common end; `None` where they are equal.
    pub fn between(old: &[u16], new: &[u16]) -> Option<Self> {
        if old == new {
            return None;
        }
        let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let tail = old[start..]
            .iter()
            .rev()
            .zip(new[start..].iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        Some(Self {
            start,
            old_end: old.len() - tail,
            new_end: new.len() - tail,
        })
    }

    /// The marks of the old text that still hold in `new`, at their new places.
    ///
    /// A mark that the edit cuts is gone. One that it only borders stays, unless the edit may have made its outer word
    /// longer: a space typed after `cramps` keeps the mark, an `x` does not.
    pub fn carry(&self, marks: &[Mark], new: &[u16]) -> Vec<Mark> {
        let apart = |neighbour: Option<&u16>| neighbour.is_none_or(|&unit| !in_word(unit));
        let holds_before = |mark: &Mark| {
            mark.end < self.start || mark.end == self.start && apart(new.get(self.start))
        };
        let holds_after = |mark: &Mark| {
            mark.start > self.old_end
                || mark.start == self.old_end && apart(new[..self.new_end].last())
        };
        marks
            .iter()
            .filter_map(|mark| {
                if holds_before(mark) {
                    Some(mark.clone())
                } else if holds_after(mark) {
                    let place = |at: usize| at - self.old_end + self.new_end;
                    Some(Mark {
                        start: place(mark.start),
                        end: place(mark.end),
                        ..mark.clone()
                    })
                } else {
                    None
                }
            })
            .collect()
    }
}

/// Whether a unit may belong to a word. Everything beyond ASCII counts: at worst a mark goes and comes back.
fn in_word(unit: u16) -> bool {
    u8::try_from(unit).map_or(true, |byte| {
        !byte.is_ascii() || byte.is_ascii_alphanumeric()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::mark::Verdict;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn differences() {
        let check = |old: &str, new: &str, expected: Option<(usize, usize, usize)>| {
            let edit = Edit::between(&units(old), &units(new));
            assert_eq!(
                edit.map(|e| (e.start, e.old_end, e.new_end)),
                expected,
                "{old:?} {new:?}"
            );
        };
        check("", "", None);
        check("same", "same", None);
        check("", "new", Some((0, 0, 3)));
        check("old", "", Some((0, 3, 0)));
        check("ab", "axb", Some((1, 1, 2)));
        check("axb", "ab", Some((1, 2, 1)));
        // The inserted letter is the last of its run: beginnings are matched before ends.
        check("aa", "aaa", Some((2, 2, 3)));
        check("abab", "ab", Some((2, 4, 2)));
        // The two faces share their first surrogate.
        check("a😀b", "a😁b", Some((2, 3, 3)));
        check("x\ny", "x\n\ny", Some((2, 2, 3)));
    }

    /// Marks every `[...]` of `old`, edits to `new`, and expects the marks of `expected` (both with brackets).
    #[track_caller]
    fn check(old: &str, expected: &str) {
        let (old, marks) = bracketed(old);
        let (new, expected) = bracketed(expected);
        let edit = Edit::between(&old, &new).expect("the texts differ");
        let places = |marks: &[Mark]| marks.iter().map(|m| (m.start, m.end)).collect::<Vec<_>>();
        assert_eq!(places(&edit.carry(&marks, &new)), places(&expected));
    }

    fn bracketed(text: &str) -> (Vec<u16>, Vec<Mark>) {
        let (mut plain, mut marks) = (Vec::new(), Vec::new());
        for character in text.chars() {
            match character {
                '[' => marks.push(Mark {
                    id: 0,
                    kind: 0,
                    start: plain.len(),
                    end: plain.len(),
                    score: Some(1.0),
                    verdict: Verdict::Open,
                }),
                ']' => marks.last_mut().expect("a mark is open").end = plain.len(),
                _ => plain.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            }
        }
        (plain, marks)
    }

    #[test]
    fn marks_away_from_an_edit_move_with_their_text() {
        check("[a] and [b]", "[a] or [b]");
        check("no [cramps]", "now no [cramps]");
        check("see 😀 [cramps]", "see [cramps]");
        check("[cramps] now", "[cramps]");
    }

    #[test]
    fn marks_that_an_edit_cuts_go() {
        check("[heavy cramps] [LH]", "heavy, cramps [LH]");
        check("[cramps] [LH]", "cram [LH]");
        check("[cramps]", "ramps");
        check("[a] [b] [c]", "[a] x [c]");
        check("[a]", "");
    }

    #[test]
    fn marks_that_an_edit_borders_stay_while_their_words_do() {
        check("[cramps]", "[cramps] ");
        check("[cramps]", "[cramps], and");
        check("[cramps]", "crampsx");
        check("[cramps]", "crampsé");
        check("[cramps]", "cramps😀");
        check("[cramps] x", "crampsx");
        check("[cramps]", "xcramps");
        check("[cramps]", "no [cramps]");
        check("x [cramps]", "xcramps");
        check("x [cramps]", "[cramps]");
    }
}
