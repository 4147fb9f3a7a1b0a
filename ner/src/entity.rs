//! Spans, entities and documents.

use std::ops::Range;

/// A marked stretch of text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Span {
    /// Bytes of the document's text.
    pub range: Range<usize>,
    /// Entity type, such as `Symptoms`.
    pub label: String,
}

/// A span that a model found.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Where and what.
    pub span: Span,
    /// Mean over the entity's words of the softmax probability of the label it was given, 0 to 1.
    pub score: f32,
}

/// A text with its marks, in text order, none overlapping.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Name within its collection; empty where the source has none.
    pub id: String,
    /// The text, unchanged from its source.
    pub text: String,
    /// The marks.
    pub spans: Vec<Span>,
}
