//! What files are made from: documents with their marks, and what made them.

use serde::{Deserialize, Serialize};

use crate::{Document, Span};

/// A document as it is written to a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exported {
    /// Name within its collection.
    pub id: String,
    /// The text, unchanged from its source.
    pub text: String,
    /// In text order, none overlapping; each begins and ends on a word.
    pub marks: Vec<Mark>,
}

/// A marked stretch of text, and who says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where and what.
    pub span: Span,
    /// The model's score, 0 to 1; none where a person made the mark or changed it.
    pub score: Option<f32>,
    /// Who made it what it is.
    pub source: Source,
    /// Whether a person has confirmed it. A person's own marks always are.
    pub accepted: bool,
}

/// Who made a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The model, as it stands.
    Model,
    /// A person added it, or changed its boundaries or its type.
    Person,
}

/// What the marks of an export are from. Every export says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the model.
    pub model: String,
    /// Version of this software.
    pub version: String,
    /// SHA-256 (hex) of the fine-tuned weights.
    pub sha256: String,
    /// Least score of a model's mark in the export.
    pub threshold: f32,
}

/// What can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// An array of documents with entities in Hugging Face's token-classification shape.
    Json,
    /// The same documents, one per line; what `trainer` reads.
    Jsonl,
    /// doccano's sequence labelling import.
    DoccanoJsonl,
    /// Prodigy's span annotations.
    ProdigyJsonl,
    /// BIO, one word and label per line.
    Conll,
    /// brat's standoff: a `.txt` and an `.ann` per document.
    Brat,
    /// One row per mark.
    Csv,
    /// A page for people that needs nothing else.
    Html,
    /// A FHIR R4 Bundle.
    Fhir,
}

impl From<&Exported> for Document {
    fn from(exported: &Exported) -> Self {
        Self {
            id: exported.id.clone(),
            text: exported.text.clone(),
            spans: exported
                .marks
                .iter()
                .map(|mark| mark.span.clone())
                .collect(),
        }
    }
}
