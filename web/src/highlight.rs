//! A note and its marks, cut into the pieces that the page draws.

use std::ops::Range;

use crate::mark::Mark;

/// Some whole lines of a note: what is drawn anew when anything in them changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// UTF-16 units of the text, the newline at the end included.
    pub text: Range<usize>,
    /// Indices of the marks within.
    pub marks: Range<usize>,
}

/// A stretch of text that is marked as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// UTF-16 units of the text.
    pub text: Range<usize>,
    /// Index of its mark.
    pub mark: Option<usize>,
}

/// A text, its marks and its blocks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    text: Vec<u16>,
    marks: Vec<Mark>,
    blocks: Vec<Block>,
}

impl Layout {
    /// Cuts a text into one block per line; lines that a mark spans stay together. The last block has no newline, and is empty
    /// where the text ends in one: it is the empty line in which the caret then stands.
    ///
    /// Marks that are out of order, overlap another or leave the text are dropped.
    pub fn new(text: Vec<u16>, mut marks: Vec<Mark>) -> Self {
        let mut free = 0;
        marks.retain(|mark| {
            let fits = free <= mark.start && mark.start < mark.end && mark.end <= text.len();
            if fits {
                free = mark.end;
            }
            fits
        });

        let mut blocks = Vec::new();
        let mut block = Block {
            text: 0..0,
            marks: 0..0,
        };
        for end in (0..text.len())
            .filter(|&at| text[at] == u16::from(b'\n'))
            .map(|at| at + 1)
        {
            while marks
                .get(block.marks.end)
                .is_some_and(|mark| mark.end <= end)
            {
                block.marks.end += 1;
            }
            if marks
                .get(block.marks.end)
                .is_some_and(|mark| mark.start < end)
            {
                continue;
            }
            block.text.end = end;
            let next = Block {
                text: end..end,
                marks: block.marks.end..block.marks.end,
            };
            blocks.push(std::mem::replace(&mut block, next));
        }
        block.text.end = text.len();
        block.marks.end = marks.len();
        blocks.push(block);
        Self {
            text,
            marks,
            blocks,
        }
    }

    /// The text as UTF-16.
    pub fn text(&self) -> &[u16] {
        &self.text
    }

    /// The marks in text order, none overlapping.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The blocks, which follow one another and cover the text.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// A stretch of the text.
    pub fn slice(&self, range: Range<usize>) -> String {
        String::from_utf16_lossy(&self.text[range])
    }

    /// The segments of a block, which follow one another and cover it; none is empty.
    pub fn segments(&self, block: &Block) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(2 * block.marks.len() + 1);
        let mut at = block.text.start;
        for index in block.marks.clone() {
            let mark = &self.marks[index];
            if at < mark.start {
                segments.push(Segment {
                    text: at..mark.start,
                    mark: None,
                });
            }
            segments.push(Segment {
                text: mark.start..mark.end,
                mark: Some(index),
            });
            at = mark.end;
        }
        if at < block.text.end {
            segments.push(Segment {
                text: at..block.text.end,
                mark: None,
            });
        }
        segments
    }

    /// How many blocks at the beginning and how many at the end look the same in `new`; the two do not overlap in either.
    pub fn unchanged(&self, new: &Self) -> (usize, usize) {
        let same = |(a, b): (&Block, &Block)| self.looks_like(a, new, b);
        let most = self.blocks.len().min(new.blocks.len());
        let front = self
            .blocks
            .iter()
            .zip(&new.blocks)
            .take_while(|&pair| same(pair))
            .count();
        let back = self.blocks.iter().rev().zip(new.blocks.iter().rev());
        (
            front,
            back.take(most - front)
                .take_while(|&pair| same(pair))
                .count(),
        )
    }

    fn looks_like(&self, block: &Block, other: &Self, other_block: &Block) -> bool {
        let relative = |mark: &Mark, block: &Block| {
            (
                mark.id,
                mark.kind,
                mark.start - block.text.start,
                mark.end - block.text.start,
                mark.score.map(f32::to_bits),
                mark.verdict,
            )
        };
        let marks = self.marks[block.marks.clone()]
            .iter()
            .map(|mark| relative(mark, block));
        let other_marks = other.marks[other_block.marks.clone()]
            .iter()
            .map(|mark| relative(mark, other_block));
        self.text[block.text.clone()] == other.text[other_block.text.clone()]
            && marks.eq(other_marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::mark::Verdict;

    fn mark(start: usize, end: usize) -> Mark {
        Mark {
            id: 0,
            kind: 0,
            start,
            end,
            score: Some(0.5),
            verdict: Verdict::Open,
        }
    }

    fn layout(text: &str, marks: &[(usize, usize)]) -> Layout {
        Layout::new(
            text.encode_utf16().collect(),
            marks.iter().map(|&(start, end)| mark(start, end)).collect(),
        )
    }

    /// Draws a layout as text: blocks in `{}`, marks in `[]`, in the order of the segments.
    fn drawn(layout: &Layout) -> String {
        let mut drawn = String::new();
        for block in layout.blocks() {
            drawn.push('{');
            for segment in layout.segments(block) {
                let text = layout.slice(segment.text);
                drawn += &if segment.mark.is_some() {
                    format!("[{text}]")
                } else {
                    text
                };
            }
            drawn.push('}');
        }
        drawn
    }

    #[test]
    fn blocks_and_segments_cover_the_text() {
        let check = |text: &str, marks: &[(usize, usize)], expected: &str| {
            let layout = layout(text, marks);
            assert_eq!(drawn(&layout), expected);
            let units: Vec<u16> = layout
                .blocks()
                .iter()
                .flat_map(|b| layout.segments(b))
                .flat_map(|s| s.text)
                .map(|at| layout.text()[at])
                .collect();
            assert_eq!(
                String::from_utf16_lossy(&units),
                text,
                "no unit is lost or doubled"
            );
        };
        check("", &[], "{}");
        check("a", &[], "{a}");
        check("a\n", &[], "{a\n}{}");
        check("\n\n", &[], "{\n}{\n}{}");
        check("a\nb", &[(0, 1), (2, 3)], "{[a]\n}{[b]}");
        check("ab cd", &[(0, 2), (2, 5)], "{[ab][ cd]}");
        check("\ta 😀 b\0", &[(3, 5), (6, 7)], "{\ta [😀] [b]\0}");
        check("e\u{301}x", &[(0, 2)], "{[e\u{301}]x}");
        // A mark over a line end keeps its lines together; one that ends with it does not.
        check("pel\nvic\nx", &[(0, 7)], "{[pel\nvic]\n}{x}");
        check("a\nb\nc\n", &[(0, 4)], "{[a\nb\n]}{c\n}{}");
        check("a\r\nb", &[], "{a\r\n}{b}");
    }

    #[test]
    fn marks_that_do_not_fit_are_dropped() {
        let check = |marks: &[(usize, usize)], expected: &str| {
            assert_eq!(drawn(&layout("abc", marks)), expected)
        };
        check(&[(1, 1)], "{abc}");
        check(&[(1, 4)], "{abc}");
        check(&[(0, 2), (1, 3)], "{[ab]c}");
        check(&[(2, 3), (0, 1)], "{ab[c]}");
    }

    #[test]
    fn unchanged_blocks() {
        let check = |old: (&str, &[(usize, usize)]), new: (&str, &[(usize, usize)]), expected| {
            assert_eq!(
                layout(old.0, old.1).unchanged(&layout(new.0, new.1)),
                expected,
                "{old:?} {new:?}"
            );
        };
        check(("a\nb\nc", &[]), ("a\nx\nc", &[]), (1, 1));
        check(("a\nb", &[]), ("a\nb", &[]), (2, 0));
        check(("a\na", &[]), ("a\na\na", &[]), (1, 1));
        check(("a\nb", &[(2, 3)]), ("x\na\nb", &[(4, 5)]), (0, 2));
        check(("a\nb", &[(2, 3)]), ("x\na\nb", &[]), (0, 0));
        check(("a\nb", &[(0, 1)]), ("a\nb", &[]), (0, 1));
        check(("", &[]), ("a", &[]), (0, 0));
        assert_eq!(
            Layout::default().unchanged(&layout("a\nb", &[])),
            (0, 0),
            "nothing is drawn at first"
        );
    }
}
