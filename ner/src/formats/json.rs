//! Reading of JSON, line by line or an array, in the shapes of [`super::jsonl`], [`super::doccano`]
//! and [`super::prodigy`].

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::jsonl::{EntityRecord, id_text};
use super::marks::{self, Found, Place};
use super::prodigy::Answer;
use super::read::{Imported, Text};
use super::{doccano, prodigy};
use crate::{Error, Labels};

/// A document in any of the shapes; the key of its marks tells which. Values are read once it is known
/// whose they are, as elsewhere each of them may be anything; numbers of any length stay as they are.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    text: String,
    #[serde(borrow)]
    entities: Option<&'a RawValue>,
    relations: Option<IgnoredAny>,
    #[serde(borrow)]
    label: Option<&'a RawValue>,
    #[serde(borrow)]
    labels: Option<&'a RawValue>,
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
    tokens: Option<IgnoredAny>,
    options: Option<IgnoredAny>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
    #[serde(borrow, rename = "_view_id")]
    view: Option<&'a RawValue>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

/// The marks of a record in the shape that they are in.
enum Marks {
    Ours(Vec<EntityRecord>),
    Doccano(Vec<doccano::Label>),
    Prodigy(Vec<prodigy::Span>),
    None,
}

impl Record<'_> {
    /// Whether the text as a whole was put into a class, which says nothing of marks.
    fn has_class(&self) -> bool {
        self.options.is_some() || self.label.is_some()
    }
}

/// Whether a line is an object with a text.
pub(super) fn is_record(line: &str) -> bool {
    line.trim_start().starts_with('{') && serde_json::from_str::<Record>(line).is_ok()
}

/// Reads a record per line. Blank lines are skipped.
pub(super) fn read_lines(
    file: &str,
    content: &str,
    labels: Option<&Labels>,
) -> Result<Vec<Imported>, Error> {
    let documents = lines(content).map(|(line, json)| document(Place { file, line }, json, labels));
    documents.filter_map(Result::transpose).collect()
}

/// Reads an array of records, or records one after another.
pub(super) fn read_values(
    file: &str,
    content: &str,
    labels: Option<&Labels>,
) -> Result<Vec<Imported>, Error> {
    let values = values(file, content)?.into_iter();
    let documents = values.map(|(line, json)| document(Place { file, line }, json, labels));
    documents.filter_map(Result::transpose).collect()
}

/// The texts of [`read_lines`].
pub(super) fn texts_of_lines(file: &str, content: &str) -> Result<Vec<Text>, Error> {
    lines(content)
        .map(|(line, json)| text(Place { file, line }, json))
        .collect()
}

/// The texts of [`read_values`].
pub(super) fn texts_of_values(file: &str, content: &str) -> Result<Vec<Text>, Error> {
    let values = values(file, content)?.into_iter();
    values
        .map(|(line, json)| text(Place { file, line }, json))
        .collect()
}

/// Lines that are not blank, with their numbers.
fn lines(content: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(content.split('\n').map(str::trim_end));
    lines.filter(|(_, line)| !line.trim().is_empty())
}

/// The values of an array, or those that stand one after another, with the lines where they begin.
fn values<'a>(file: &str, content: &'a str) -> Result<Vec<(usize, &'a str)>, Error> {
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
    let (mut line, mut counted) = (1, 0);
    let numbered = values.into_iter().map(|value| {
        let start = offset(content, value);
        line += content[counted..start].matches('\n').count();
        counted = start;
        (line, value.get())
    });
    Ok(numbered.collect())
}

/// Where a raw value begins, which is a slice of what it was read from.
fn offset(content: &str, value: &RawValue) -> usize {
    value.get().as_ptr().addr() - content.as_ptr().addr()
}

fn parse<'a, T: Deserialize<'a>>(place: Place, json: &'a str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        let line = place.line + error.line().max(1) - 1;
        Place { line, ..place }.error(format!(
            "column {}: {}; expected an object with a `text`",
            error.column(),
            without_place(&error)
        ))
    })
}

/// The value of a key of a record.
fn value<'a, T: Deserialize<'a>>(
    place: Place,
    json: &str,
    key: &str,
    value: &'a RawValue,
) -> Result<T, Error> {
    serde_json::from_str(value.get()).map_err(|error| {
        let before = json[..offset(json, value)].matches('\n').count();
        let line = place.line + before + error.line().max(1) - 1;
        Place { line, ..place }.error(format!("`{key}`: {}", without_place(&error)))
    })
}

/// The text of a record, whatever else it says.
fn text(place: Place, json: &str) -> Result<Text, Error> {
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        text: String,
    }
    let Record { id, text } = parse(place, json)?;
    let line = place.line;
    let number = || to_raw_value(&line).expect("a number is JSON");
    Ok(Text {
        id: id.map_or_else(number, ToOwned::to_owned),
        text,
        line,
    })
}

/// The document of a record; none for one that an annotator has rejected or ignored.
fn document(place: Place, json: &str, labels: Option<&Labels>) -> Result<Option<Imported>, Error> {
    let record: Record = parse(place, json)?;
    let answer: Option<Answer> = told(record.answer);
    let marks = marks_of(place, json, &record, answer)?;
    let of_prodigy = match &marks {
        Marks::Prodigy(_) => true,
        Marks::None => !record.has_class(),
        Marks::Ours(_) | Marks::Doccano(_) => false,
    };
    if of_prodigy && matches!(answer, Some(Answer::Reject | Answer::Ignore)) {
        return Ok(None);
    }
    let Place { file, line } = place;
    let remarks = match (&marks, record.meta) {
        (Marks::Doccano(_), Some(meta)) => {
            let broken = |problem| place.error(format!("`meta`: {problem}"));
            doccano::remarks(meta.get()).map_err(|error| broken(without_place(&error)))?
        }
        _ => Vec::new(),
    };
    let found: Vec<Found> = match &marks {
        Marks::Ours(entities) => entities.iter().map(|entity| entity.found(line)).collect(),
        Marks::Doccano(labels) => doccano::found(line, labels, &remarks),
        Marks::Prodigy(spans) => prodigy::found(line, spans, answer),
        Marks::None => Vec::new(),
    };
    // Tools for annotation number documents themselves and keep the name in the metadata.
    let of_tool = matches!(marks, Marks::Doccano(_) | Marks::Prodigy(_));
    let named = record.meta.filter(|_| of_tool).and_then(meta_id);
    let id = named.or(record.id.map(id_text));
    let named = id.is_some();
    let id = id.unwrap_or_else(|| line.to_string());
    let view: Option<String> = told(record.view);
    Ok(Some(Imported {
        line,
        named,
        annotated: !matches!(marks, Marks::None),
        partial: matches!(marks, Marks::Prodigy(_))
            && view.is_some_and(|view| prodigy::asks_about_one(&view)),
        document: marks::document(file, id, record.text, &found, labels)?,
    }))
}

fn marks_of(
    place: Place,
    json: &str,
    record: &Record,
    answer: Option<Answer>,
) -> Result<Marks, Error> {
    // Anything else by these names is not for us.
    let list = |value: &&RawValue| value.get().starts_with('[');
    if let Some(entities) = record.entities {
        return if doccano::is_related(entities.get(), record.relations.is_some()) {
            let entities: Vec<doccano::Related> = value(place, json, "entities", entities)?;
            let labels = entities.into_iter().map(doccano::Related::label);
            Ok(Marks::Doccano(labels.collect()))
        } else {
            value(place, json, "entities", entities).map(Marks::Ours)
        };
    }
    for (key, labels) in [("label", record.label), ("labels", record.labels)] {
        if let Some(labels) = labels.filter(list) {
            return value(place, json, key, labels).map(Marks::Doccano);
        }
    }
    if let Some(spans) = record.spans.filter(list) {
        return value(place, json, "spans", spans).map(Marks::Prodigy);
    }
    // Prodigy leaves out spans where there are none. That there are none was answered where marks were
    // asked for, and not where the text was put into a class.
    let of_marks = record.tokens.is_some()
        || told(record.view).is_some_and(|view: String| prodigy::asks_for_all(&view));
    Ok(match answer {
        Some(_) if of_marks && !record.has_class() => Marks::Prodigy(Vec::new()),
        _ => Marks::None,
    })
}

/// A value where it is of the kind that is looked for.
fn told<'a, T: Deserialize<'a>>(value: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(value?.get()).ok()
}

/// The name that metadata has for a document: a text, or a number where a tool has made it one.
fn meta_id(meta: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let id = told::<Meta>(Some(meta))?.id?;
    let is_name = |c: char| c == '"' || c == '-' || c.is_ascii_digit();
    id.get().starts_with(is_name).then(|| id_text(id))
}

/// A message without serde_json's own line, which is not the file's.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}
