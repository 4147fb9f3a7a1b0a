//! Between bytes, in which the model's entities and all exports are, and UTF-16 units, in which the page is.

use std::ops::Range;

/// Byte ranges of a text as ranges of its UTF-16 units. Takes one pass over the text when the ranges are in text order.
///
/// # Panics
/// When a range leaves the text or cuts a character.
pub fn to_utf16(text: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let (mut byte, mut unit) = (0, 0);
    let mut at = |target: usize| {
        if target < byte {
            (byte, unit) = (0, 0);
        }
        unit += text[byte..target]
            .chars()
            .map(char::len_utf16)
            .sum::<usize>();
        byte = target;
        unit
    };
    ranges
        .into_iter()
        .map(|range| at(range.start)..at(range.end))
        .collect()
}

/// UTF-16 ranges of a text as ranges of its bytes. Takes one pass over the text when the ranges are in text order. A place
/// within a character is taken for that after it, and one behind the text for its end.
pub fn to_bytes(text: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let (mut byte, mut unit) = (0, 0);
    let mut at = |target: usize| {
        if target < unit {
            (byte, unit) = (0, 0);
        }
        for c in text[byte..].chars() {
            if target <= unit {
                break;
            }
            unit += c.len_utf16();
            byte += c.len_utf8();
        }
        byte
    };
    ranges
        .into_iter()
        .map(|range| at(range.start)..at(range.end))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_boundary() {
        let check = |text: &str| {
            let units: Vec<u16> = text.encode_utf16().collect();
            let boundaries: Vec<usize> = (0..=text.len())
                .filter(|&at| text.is_char_boundary(at))
                .collect();
            let ranges = || {
                boundaries.iter().flat_map(|&a| {
                    boundaries
                        .iter()
                        .filter(move |&&b| a <= b)
                        .map(move |&b| a..b)
                })
            };
            let utf16 = to_utf16(text, ranges());
            assert!(
                to_bytes(text, utf16.iter().cloned())
                    .into_iter()
                    .eq(ranges()),
                "{text:?}"
            );
            for (bytes, utf16) in ranges().zip(utf16) {
                assert_eq!(
                    String::from_utf16_lossy(&units[utf16]),
                    text[bytes.clone()],
                    "{text:?} {bytes:?}"
                );
            }
        };
        check("");
        check("plain");
        check("tab\tand\r\nCRLF\0");
        check("e\u{301} é");
        check("月经 😀 before the pain");
        check("👩🏽\u{200d}⚕️");
    }

    #[test]
    fn units_that_are_no_place_of_the_text() {
        assert_eq!(to_bytes("a😀b", [2..3, 9..9]), [5..5, 6..6]);
    }
}
