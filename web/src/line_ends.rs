//! Line ends that a text field cannot hold.
//!
//! A browser's text field knows the line feed only. The others are kept beside the note, so that an export has the text of the
//! file that was opened, and offsets that are right in it.

use crate::edit::Edit;

/// Where a text had other line ends than a line feed; places are UTF-16 units of the text with line feeds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineEnds {
    others: Vec<(usize, End)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Carriage return and line feed.
    CrLf,
    /// A carriage return alone.
    Cr,
}

const LF: u16 = b'\n' as u16;
const CR: u16 = b'\r' as u16;

impl LineEnds {
    /// Takes the line ends of a text apart: the text as a text field holds it, and what it does not.
    pub fn split(text: &str) -> (Vec<u16>, Self) {
        let mut plain = Vec::with_capacity(text.len());
        let mut others = Vec::new();
        let mut units = text.encode_utf16().peekable();
        while let Some(unit) = units.next() {
            if unit == CR {
                let end = match units.next_if_eq(&LF) {
                    Some(_) => End::CrLf,
                    None => End::Cr,
                };
                others.push((plain.len(), end));
                plain.push(LF);
            } else {
                plain.push(unit);
            }
        }
        (plain, Self { others })
    }

    /// The text as it was, or as it would be had it been edited where it came from.
    pub fn join(&self, plain: &[u16]) -> String {
        let mut units = Vec::with_capacity(plain.len() + self.others.len());
        let mut from = 0;
        for &(at, end) in &self.others {
            units.extend_from_slice(&plain[from..at]);
            units.push(CR);
            // The line feed that stands there follows, unless there was none.
            from = match end {
                End::CrLf => at,
                End::Cr => at + 1,
            };
        }
        units.extend_from_slice(&plain[from..]);
        String::from_utf16_lossy(&units)
    }

    /// A place of the text with line feeds in [`Self::join`]'s text, in UTF-16 units.
    pub fn place(&self, at: usize) -> usize {
        let before = self.others[..self.others.partition_point(|other| other.0 < at)].iter();
        at + before.filter(|other| other.1 == End::CrLf).count()
    }

    /// A place of [`Self::join`]'s text in the text with line feeds; the inverse of [`Self::place`].
    pub fn plain_place(&self, at: usize) -> usize {
        let mut longer = 0;
        for &(place, end) in &self.others {
            if at <= place + longer {
                break;
            }
            longer += usize::from(end == End::CrLf);
        }
        at - longer
    }

    /// Follows an edit to `new`. Lines that it adds end as all the others do, where they all end alike.
    pub fn edit(&mut self, edit: &Edit, new: &[u16]) {
        if self.others.is_empty() {
            return;
        }
        let first = self.others[0].1;
        let lines = |text: &[u16]| text.iter().filter(|&&unit| unit == LF).count();
        let kept = lines(&new[..edit.start]) + lines(&new[edit.new_end..]);
        let grown = |at: usize| at - edit.old_end + edit.new_end;
        let others = std::mem::take(&mut self.others);
        let (before, after): (Vec<_>, Vec<_>) = others
            .into_iter()
            .filter(|other| other.0 < edit.start || edit.old_end <= other.0)
            .partition(|other| other.0 < edit.start);
        let alike = before.len() + after.len() == kept
            && before.iter().chain(&after).all(|other| other.1 == first);
        self.others = before;
        if alike {
            let added = (edit.start..edit.new_end).filter(|&at| new[at] == LF);
            self.others.extend(added.map(|at| (at, first)));
        }
        self.others
            .extend(after.into_iter().map(|(at, end)| (grown(at), end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn a_text_comes_back_and_so_do_its_places() {
        for text in [
            "",
            "a\nb",
            "a\r\nb\r\n",
            "\r\r\n\n\r",
            "a\rb\r\n\r\nc",
            "😀\r\né\n",
        ] {
            let (plain, ends) = LineEnds::split(text);
            assert!(!plain.contains(&CR), "{text:?}");
            assert_eq!(ends.join(&plain), text);
            let whole = units(text);
            for at in 0..=plain.len() {
                let place = ends.place(at);
                assert_eq!(ends.plain_place(place), at, "{text:?} {at}");
                if at < plain.len() && plain[at] != LF {
                    assert_eq!(whole[place], plain[at], "{text:?} {at}");
                }
            }
        }
    }

    #[test]
    fn edits() {
        let check = |old: &str, new: &str, expected: &str| {
            let (plain, mut ends) = LineEnds::split(old);
            let new = units(new);
            let edit = Edit::between(&plain, &new).expect("the texts differ");
            ends.edit(&edit, &new);
            assert_eq!(ends.join(&new), expected);
        };
        check("a\r\nb\r\n", "a\nxb\n", "a\r\nxb\r\n");
        check("a\r\nb\r\n", "a\nx\nb\n", "a\r\nx\r\nb\r\n");
        check("a\r\nb\r\n", "a\n", "a\r\n");
        check("a\r\nb\r\n", "ab\n", "ab\r\n");
        check("a\r\nb", "x", "x");
        check("a\rb", "a\nb\nc", "a\rb\rc");
        // They did not end alike, so that the new one is the text field's.
        check("a\r\nb\nc", "a\nb\nc\nd", "a\r\nb\nc\nd");
        check("a\nb", "a\nb\nc", "a\nb\nc");
    }
}
