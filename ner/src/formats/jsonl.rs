//! JSON lines: `{"id", "text", "entities": [{"entity_group", "score", "word", "start", "end"}]}`, and
//! an array of the same objects.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::marks::{self, Found, Points};
use super::points::code_points;
use super::{Exported, Mark, Provenance, Source};
use crate::{Document, Entity, Error, Span};

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

    fn points(&self, line: usize) -> Points<'_> {
        Points {
            line,
            start: self.start,
            end: self.end,
            word: Some(&self.word),
        }
    }

    /// The mark with what its record leaves unsaid.
    pub(super) fn found(&self, line: usize) -> Found<'_> {
        let source = self.source.unwrap_or(source_of(self.score));
        Found {
            points: self.points(line),
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DocumentRecord {
    /// Name within its file; [`read`] gives a document without one the number of its line.
    #[serde(default)]
    pub id: Value,
    /// The text, unchanged.
    pub text: String,
    /// Its entities; absent in a file of plain texts.
    #[serde(default)]
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

/// Reads a file of records. Blank lines are skipped.
///
/// # Errors
/// [`Error::Line`] with `file` and line for what is not JSON, lacks a field, or has offsets outside
/// its text or `word` differing from the slice.
pub fn read(file: &str, content: &str) -> Result<Vec<DocumentRecord>, Error> {
    lines(file, content)
        .map(|numbered| {
            let (line, record) = numbered?;
            spans(file, line, &record)?;
            Ok(record)
        })
        .collect()
}

/// Reads a file of records as documents with byte ranges.
///
/// # Errors
/// As [`read`] and [`document`].
pub fn documents(file: &str, content: &str) -> Result<Vec<Document>, Error> {
    lines(file, content)
        .map(|numbered| {
            let (line, record) = numbered?;
            document(file, line, record)
        })
        .collect()
}

/// The records of a file with their line numbers, entities unchecked.
fn lines(
    file: &str,
    content: &str,
) -> impl Iterator<Item = Result<(usize, DocumentRecord), Error>> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let filled = (1..)
        .zip(content.split('\n'))
        .filter(|(_, text)| !text.trim().is_empty());
    filled.map(move |(line, text)| {
        let mut record: DocumentRecord = serde_json::from_str(text).map_err(|e| Error::Line {
            file: file.to_owned(),
            line,
            problem: e.to_string(),
        })?;
        if record.id.is_null() {
            record.id = line.into();
        }
        Ok((line, record))
    })
}

/// Writes records, one line each.
pub fn write(records: &[DocumentRecord]) -> String {
    let line = |record: &DocumentRecord| {
        // Strings and numbers only: nothing that serde_json could refuse.
        serde_json::to_string(record).expect("a record is JSON") + "\n"
    };
    records.iter().map(line).collect()
}

/// The marks of a record as a document with byte ranges, in text order.
///
/// # Errors
/// [`Error::Line`] when offsets lie outside the text, `word` differs from the slice, or marks
/// overlap.
pub fn document(file: &str, line: usize, record: DocumentRecord) -> Result<Document, Error> {
    let spans = spans(file, line, &record)?.into_iter();
    let mut spans: Vec<(usize, Span)> = spans.map(|span| (line, span)).collect();
    spans.sort_by_key(|(_, span)| (span.range.start, span.range.end));
    marks::check_apart(file, &record.text, &spans)?;
    let spans = spans.into_iter().map(|(_, span)| span).collect();
    Ok(Document {
        id: id_text(record.id),
        text: record.text,
        spans,
    })
}

/// An id as text: a string as it is, anything else as JSON.
pub fn id_text(id: Value) -> String {
    match id {
        Value::String(id) => id,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The entities of a record as spans of bytes, in the record's order.
fn spans(file: &str, line: usize, record: &DocumentRecord) -> Result<Vec<Span>, Error> {
    let points: Vec<Points> = record.entities.iter().map(|e| e.points(line)).collect();
    let ranges = marks::ranges(file, &record.text, &points)?;
    let span = |(range, entity): (_, &EntityRecord)| Span {
        range,
        label: entity.entity_group.clone(),
    };
    Ok(ranges.into_iter().zip(&record.entities).map(span).collect())
}
