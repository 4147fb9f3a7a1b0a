//! A mark in a note: what the model suggests, and what a person makes of it.

use std::ops::Range;

/// An entity as the page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The same from one analysis to the next while text, place and type are, and through every correction.
    pub id: u32,
    /// Entity type, as an index into the model's types.
    pub kind: usize,
    /// First UTF-16 unit.
    pub start: usize,
    /// UTF-16 unit after the last.
    pub end: usize,
    /// The model's, 0 to 1; none where a person added the mark or changed its place or type.
    pub score: Option<f32>,
    /// What a person said about it.
    pub verdict: Verdict,
}

/// What a person said about a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// Nothing yet.
    #[default]
    Open,
    /// It is right. So is whatever a person made.
    Accepted,
    /// There is no entity here.
    Rejected,
}

impl Mark {
    /// UTF-16 units of the text.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether it is an entity as far as anybody knows.
    pub fn stands(&self) -> bool {
        self.verdict != Verdict::Rejected
    }

    /// Whether a person made it what it is.
    pub fn by_person(&self) -> bool {
        self.score.is_none()
    }

    /// Whether the two share any text.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}
