//! JSON lines: `{"id", "text", "entities": [{"entity_group", "score", "word", "start", "end"}]}`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    let ends = entities
        .iter()
        .flat_map(|entity| [entity.span.range.start, entity.span.range.end]);
    let points = code_points(text, &ends.collect::<Vec<_>>());
    let entities = entities
        .iter()
        .zip(points.chunks_exact(2))
        .map(|(entity, points)| EntityRecord {
            entity_group: entity.span.label.clone(),
            score: Some(entity.score),
            word: text[entity.span.range.clone()].to_owned(),
            start: points[0],
            end: points[1],
        });
    DocumentRecord {
        id,
        text: text.to_owned(),
        entities: entities.collect(),
    }
}

/// A document with its marks as a record, without scores.
pub fn annotation(document: &Document) -> DocumentRecord {
    let entities: Vec<Entity> = document
        .spans
        .iter()
        .map(|span| Entity {
            span: span.clone(),
            score: 0.0,
        })
        .collect();
    let mut record = record(Value::from(document.id.as_str()), &document.text, &entities);
    record
        .entities
        .iter_mut()
        .for_each(|entity| entity.score = None);
    record
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
    let mut spans = spans(file, line, &record)?;
    spans.sort_by_key(|span| (span.range.start, span.range.end));
    if let Some(pair) = spans
        .windows(2)
        .find(|pair| pair[0].range.end > pair[1].range.start)
    {
        let [first, second] = [&pair[0], &pair[1]].map(|span| &record.text[span.range.clone()]);
        let problem = format!("entities `{first}` and `{second}` overlap");
        return Err(Error::Line {
            file: file.to_owned(),
            line,
            problem,
        });
    }
    let id = match record.id {
        Value::String(id) => id,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Ok(Document {
        id,
        text: record.text,
        spans,
    })
}

/// The entities of a record as spans of bytes, in the record's order.
fn spans(file: &str, line: usize, record: &DocumentRecord) -> Result<Vec<Span>, Error> {
    let ends: Vec<usize> = record
        .entities
        .iter()
        .flat_map(|entity| [entity.start, entity.end])
        .collect();
    let bytes = byte_offsets(&record.text, &ends);
    let span = |(entity, bytes): (&EntityRecord, &[Option<usize>])| {
        let error = |problem: String| Error::Line {
            file: file.to_owned(),
            line,
            problem,
        };
        let (start, end, word) = (entity.start, entity.end, &entity.word);
        let (Some(from), Some(to)) = (bytes[0], bytes[1]) else {
            return Err(error(format!(
                "entity `{word}` at {start}..{end} is not within the text"
            )));
        };
        match record.text.get(from..to) {
            Some(slice) if slice == word && from < to => {}
            Some("") | None => {
                return Err(error(format!("entity `{word}` at {start}..{end} is empty")));
            }
            Some(slice) => {
                let problem = format!(
                    "entity `{word}`: text[{start}:{end}] is `{slice}` (offsets are code points)"
                );
                return Err(error(problem));
            }
        }
        Ok(Span {
            range: from..to,
            label: entity.entity_group.clone(),
        })
    };
    record
        .entities
        .iter()
        .zip(bytes.chunks_exact(2))
        .map(span)
        .collect()
}

/// The number of code points before each of `bytes`, in one pass over the text.
fn code_points(text: &str, bytes: &[usize]) -> Vec<usize> {
    in_order(
        bytes,
        text.char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .enumerate()
            .map(|(point, byte)| (byte, point)),
    )
    .into_iter()
    .map(|point| point.expect("ranges of a text begin and end on characters"))
    .collect()
}

/// The byte offset of each of `points` code points, in one pass over the text; `None` past its end.
fn byte_offsets(text: &str, points: &[usize]) -> Vec<Option<usize>> {
    in_order(
        points,
        text.char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .enumerate(),
    )
}

/// Looks up keys in pairs of key and value with ascending keys.
fn in_order(keys: &[usize], pairs: impl Iterator<Item = (usize, usize)>) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by_key(|&i| keys[i]);
    let mut found = vec![None; keys.len()];
    let mut pairs = pairs.peekable();
    for i in order {
        while pairs.next_if(|pair| pair.0 < keys[i]).is_some() {}
        found[i] = pairs
            .peek()
            .filter(|pair| pair.0 == keys[i])
            .map(|pair| pair.1);
    }
    found
}
