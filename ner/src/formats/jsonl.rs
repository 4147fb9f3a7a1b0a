//! JSON lines: `{"id", "text", "entities": [{"entity_group", "score", "word", "start", "end"}]}`, and
//! an array of the same objects.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::marks::{Found, Points};
use super::points::code_points;
use super::{Exported, Mark, Provenance, Source};
use crate::{Document, Entity};

/// An entity as files hold it: Hugging Face's fields, `start`/`end` in Unicode code points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityRecord {
    /// Type.
    pub entity_group: String,
    /// 0 to 1; absent for an annotation made by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The slice of the text.
    pub word: String,
    /// First code point.
    pub start: usize,
    /// One past the last code point.
    pub end: usize,
    /// Who made it; absent where the score tells: an entity that has one is the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Whether a person has confirmed it; absent where the source tells: a person's own are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
}

impl EntityRecord {
    /// A mark at these code points of its text.
    fn of(mark: &Mark, text: &str, start: usize, end: usize) -> Self {
        let source = source_of(mark.score);
        Self {
            entity_group: mark.span.label.clone(),
            score: mark.score,
            word: text[mark.span.range.clone()].to_owned(),
            start,
            end,
            source: Some(mark.source).filter(|&told| told != source),
            accepted: Some(mark.accepted).filter(|&told| told != is_accepted(mark.source)),
        }
    }

    /// The mark with what its record leaves unsaid.
    pub(super) fn found(&self, line: usize) -> Found<'_> {
        let source = self.source.unwrap_or(source_of(self.score));
        Found {
            points: Points {
                line,
                start: self.start,
                end: self.end,
                word: Some(&self.word),
            },
            label: &self.entity_group,
            score: self.score,
            source,
            accepted: self.accepted.unwrap_or(is_accepted(source)),
        }
    }
}

/// Whose a mark is of which nothing is said but the score.
pub(super) fn source_of(score: Option<f32>) -> Source {
    score.map_or(Source::Person, |_| Source::Model)
}

/// Whether a mark is confirmed of which nothing is said but the source.
pub(super) fn is_accepted(source: Source) -> bool {
    source == Source::Person
}

/// A document as files hold it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DocumentRecord {
    /// Name within its file.
    pub id: Value,
    /// The text, unchanged.
    pub text: String,
    /// Its entities.
    pub entities: Vec<EntityRecord>,
}

/// A document and what was found in it, as a record.
pub fn record(id: Value, text: &str, entities: &[Entity]) -> DocumentRecord {
    let marks: Vec<Mark> = entities.iter().map(Mark::from).collect();
    DocumentRecord {
        id,
        text: text.to_owned(),
        entities: entities_of(text, &marks),
    }
}

/// A document with its marks as a record, without scores.
pub fn annotation(document: &Document) -> DocumentRecord {
    let marks: Vec<Mark> = document
        .spans
        .iter()
        .cloned()
        .map(Mark::by_person)
        .collect();
    DocumentRecord {
        id: Value::from(document.id.as_str()),
        text: document.text.clone(),
        entities: entities_of(&document.text, &marks),
    }
}

/// Marks of a text as records.
fn entities_of(text: &str, marks: &[Mark]) -> Vec<EntityRecord> {
    let points = mark_points(text, marks).into_iter();
    let record = |(mark, (start, end)): (&Mark, _)| EntityRecord::of(mark, text, start, end);
    marks.iter().zip(points).map(record).collect()
}

/// Where marks begin and end, in code points of their text.
pub(super) fn mark_points(text: &str, marks: &[Mark]) -> Vec<(usize, usize)> {
    let ends = marks
        .iter()
        .flat_map(|mark| [mark.span.range.start, mark.span.range.end]);
    let points = code_points(text, &ends.collect::<Vec<_>>());
    points
        .chunks_exact(2)
        .map(|ends| (ends[0], ends[1]))
        .collect()
}

/// A document as one line, without the line feed, that names what made its marks:
/// `{"id", "text", "entities", "model": {"name", "version", "sha256", "threshold"}}`.
///
/// The id is any JSON; `document.id` is passed over.
pub fn line(id: &impl Serialize, document: &Exported, provenance: &Provenance) -> String {
    #[derive(Serialize)]
    struct Line<'a, I> {
        id: &'a I,
        text: &'a str,
        entities: Vec<EntityRecord>,
        model: &'a Provenance,
    }
    let line = Line {
        id,
        text: &document.text,
        entities: entities_of(&document.text, &document.marks),
        model: provenance,
    };
    serde_json::to_string(&line).expect("a record is JSON")
}

/// Writes records, one line each.
pub fn write(records: &[DocumentRecord]) -> String {
    let line = |record: &DocumentRecord| {
        // Strings and numbers only: nothing that serde_json could refuse.
        serde_json::to_string(record).expect("a record is JSON") + "\n"
    };
    records.iter().map(line).collect()
}

/// An id as text: a string's content, anything else as JSON.
pub fn id_text(id: &RawValue) -> String {
    serde_json::from_str(id.get()).unwrap_or_else(|_| id.get().to_owned())
}
