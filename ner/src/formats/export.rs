//! What files are made from: documents with their marks, and what made them.

use serde::{Deserialize, Serialize};

use crate::{Document, Entity, Span};

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

/// Name and version of this software, for [`Provenance::version`].
pub const VERSION: &str = concat!("clinical-ner ", env!("CARGO_PKG_VERSION"));

/// What the marks of an export are from. Every export says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the model.
    #[serde(rename = "name")]
    pub model: String,
    /// Name and version of the software, [`VERSION`].
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

impl Mark {
    /// A person's own mark.
    pub fn by_person(span: Span) -> Self {
        Self {
            span,
            score: None,
            source: Source::Person,
            accepted: true,
        }
    }
}

impl From<&Entity> for Mark {
    /// What a model found, and nobody has looked at.
    fn from(entity: &Entity) -> Self {
        Self {
            span: entity.span.clone(),
            score: Some(entity.score),
            source: Source::Model,
            accepted: false,
        }
    }
}

impl Source {
    /// `model` or `person`, as files name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Person => "person",
        }
    }
}

impl Format {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 9] = [
        Self::Json,
        Self::Jsonl,
        Self::Csv,
        Self::Html,
        Self::Conll,
        Self::Brat,
        Self::DoccanoJsonl,
        Self::ProdigyJsonl,
        Self::Fhir,
    ];

    /// As the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::DoccanoJsonl => "doccano-jsonl",
            Self::ProdigyJsonl => "prodigy-jsonl",
            Self::Conll => "conll",
            Self::Brat => "brat",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Fhir => "fhir",
        }
    }

    /// The format of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Json => "JSON (Hugging Face entities)",
            Self::Jsonl => "JSON Lines (Hugging Face entities)",
            Self::DoccanoJsonl => "doccano JSON Lines",
            Self::ProdigyJsonl => "Prodigy JSON Lines",
            Self::Conll => "CoNLL (BIO labels)",
            Self::Brat => "brat standoff",
            Self::Csv => "CSV table",
            Self::Html => "HTML report",
            Self::Fhir => "FHIR R4 Bundle",
        }
    }

    /// What names of its files end in, after the dot. The part after the last dot is what
    /// [`super::read()`] goes by.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::DoccanoJsonl => "doccano.jsonl",
            Self::ProdigyJsonl => "prodigy.jsonl",
            Self::Conll => "conll",
            Self::Brat => "ann",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Fhir => "fhir.json",
        }
    }

    /// Media type of its files, which are all UTF-8.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Jsonl | Self::DoccanoJsonl | Self::ProdigyJsonl => "application/x-ndjson",
            Self::Conll | Self::Brat => "text/plain;charset=utf-8",
            Self::Csv => "text/csv;charset=utf-8",
            Self::Html => "text/html;charset=utf-8",
            Self::Fhir => "application/fhir+json",
        }
    }
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
