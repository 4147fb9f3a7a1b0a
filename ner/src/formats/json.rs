//! Reading of JSON, line by line or an array, in the shapes of [`super::jsonl`], [`super::doccano`]
//! and [`super::prodigy`].

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::jsonl::{EntityRecord, id_text};
use super::marks::{self, Found, Place};
use super::prodigy::Answer;
use super::read::Imported;
use super::{doccano, prodigy};
use crate::{Error, Labels};

/// A document in any of the shapes; the key of its marks tells which.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    id: Value,
    text: String,
    entities: Option<Vec<EntityRecord>>,
    label: Option<Value>,
    labels: Option<Value>,
    spans: Option<Value>,
    answer: Option<Value>,
    #[serde(default)]
    meta: Value,
}

/// Whether a line is an object with a text.
pub(super) fn is_record(line: &str) -> bool {
    line.trim_start().starts_with('{') && serde_json::from_str::<Record>(line).is_ok()
}

/// Reads a record per line. Blank lines are skipped.
pub(super) fn read_lines(
    file: &str,
    content: &str,
    labels: &Labels,
) -> Result<Vec<Imported>, Error> {
    let mut documents = Vec::new();
    for (line, text) in (1..).zip(content.split('\n')) {
        if !text.trim().is_empty() {
            documents.extend(document(Place { file, line }, text.trim_end(), labels)?);
        }
    }
    Ok(documents)
}

/// Reads an array of records, or records one after another.
pub(super) fn read_values(
    file: &str,
    content: &str,
    labels: &Labels,
) -> Result<Vec<Imported>, Error> {
    let broken = |error: serde_json::Error| {
        let line = error.line().max(1);
        Place { file, line }.error(without_place(&error))
    };
    let values: Vec<&RawValue> = if content.trim_start().starts_with('[') {
        serde_json::from_str(content).map_err(broken)?
    } else {
        let values = serde_json::Deserializer::from_str(content).into_iter();
        values.collect::<Result<_, _>>().map_err(broken)?
    };
    let mut documents = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for value in values {
        // A raw value is a slice of what it was read from.
        let start = value.get().as_ptr().addr() - content.as_ptr().addr();
        line += content[counted..start].matches('\n').count();
        counted = start;
        documents.extend(document(Place { file, line }, value.get(), labels)?);
    }
    Ok(documents)
}

/// The document of a record; none for one that an annotator has rejected or ignored.
fn document(place: Place, json: &str, labels: &Labels) -> Result<Option<Imported>, Error> {
    let record: Record = serde_json::from_str(json).map_err(|error| {
        let line = place.line + error.line().max(1) - 1;
        Place { line, ..place }.error(format!(
            "column {}: {}; expected an object with a `text`",
            error.column(),
            without_place(&error)
        ))
    })?;
    let triples: Option<Vec<doccano::Label>> = match list(record.label) {
        Some(label) => Some(parse(place, "label", label)?),
        None => list(record.labels)
            .map(|labels| parse(place, "labels", labels))
            .transpose()?,
    };
    let spans: Option<Vec<prodigy::Span>> = list(record.spans)
        .map(|spans| parse(place, "spans", spans))
        .transpose()?;
    // Elsewhere an answer may be anything.
    let answer: Option<Answer> = record
        .answer
        .and_then(|answer| serde_json::from_value(answer).ok());
    // An example without spans that an annotator has seen has none.
    let spans = spans.or_else(|| answer.map(|_| Vec::new()));
    // Metadata may be anything too.
    let meta: doccano::Meta = serde_json::from_value(record.meta).unwrap_or_default();

    let Place { file, line } = place;
    let (found, of_tool): (Option<Vec<Found>>, bool) = match (&record.entities, &triples, &spans) {
        (Some(entities), ..) => (
            Some(entities.iter().map(|e| e.found(line)).collect()),
            false,
        ),
        (None, Some(triples), _) => (Some(doccano::found(line, triples, &meta)), true),
        (None, None, Some(spans)) => {
            if matches!(answer, Some(Answer::Reject | Answer::Ignore)) {
                return Ok(None);
            }
            (Some(prodigy::found(line, spans, answer)), true)
        }
        (None, None, None) => (None, false),
    };
    // Tools for annotation number documents themselves and keep the name in the metadata.
    let id = match (meta.id, record.id) {
        (Some(id), _) if of_tool => id,
        (_, Value::Null) => line.to_string(),
        (_, id) => id_text(id),
    };
    Ok(Some(Imported {
        line,
        annotated: found.is_some(),
        document: marks::document(file, id, record.text, &found.unwrap_or_default(), labels)?,
    }))
}

/// An array; anything else by this name is not for us.
fn list(value: Option<Value>) -> Option<Value> {
    value.filter(Value::is_array)
}

fn parse<T: DeserializeOwned>(place: Place, key: &str, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| place.error(format!("`{key}`: {error}")))
}

/// A message without serde_json's own line, which is not the file's.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}
