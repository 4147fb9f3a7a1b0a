//! doccano's sequence labelling: `{"id", "text", "label": [[start, end, "Type"]], "meta"}` per line.
//!
//! doccano keeps what else stands in a line as metadata, so `meta` holds the document's id, what made
//! the marks, and what is known of each beyond its triple. A label that somebody has changed in
//! doccano has no such entry any more and is read as that person's.
//!
//! Projects with relations export `"entities": [{"id", "label", "start_offset", "end_offset"}]` and
//! `"relations"` instead, of which the entities are read.
//!
//! Offsets are code points. A project that counts grapheme clusters as one character (doccano's
//! `grapheme_mode`) has other offsets, which nothing in its files tells: it has to be without.

use std::collections::HashMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::jsonl::{is_accepted, mark_points, source_of};
use super::marks::{Found, Points};
use super::{Exported, Provenance, Source};

/// A label as doccano has it: code points and type.
pub(super) type Label = (usize, usize, String);

/// What is known of a mark that a person has not made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Remark {
    start: usize,
    end: usize,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    source: Source,
    accepted: bool,
}

/// An entity of a project with relations.
#[derive(Deserialize)]
pub(super) struct Related {
    start_offset: usize,
    end_offset: usize,
    label: String,
}

impl Related {
    pub(super) fn label(self) -> Label {
        (self.start_offset, self.end_offset, self.label)
    }
}

/// Whether a list under the key that is also ours is of [`Related`] entities. Of an empty one that there
/// are relations beside it has to tell.
pub(super) fn is_related(entities: &str, has_relations: bool) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        start_offset: Option<IgnoredAny>,
    }
    let shapes: Option<Vec<Shape>> = serde_json::from_str(entities).ok();
    shapes.is_some_and(|shapes| match shapes.is_empty() {
        true => has_relations,
        false => shapes.iter().any(|shape| shape.start_offset.is_some()),
    })
}

/// What metadata knows of marks. Metadata may be anything, and in it `marks` too: what is not of the
/// shape of ours is passed over.
///
/// # Errors
/// What is wrong with a mark that has all keys of ours.
pub(super) fn remarks(meta: &str) -> Result<Vec<Remark>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Meta {
        marks: Vec<Value>,
    }
    let is_ours = |mark: &Value| {
        let keys = ["start", "end", "label", "source", "accepted"];
        keys.iter().all(|key| mark.get(key).is_some())
    };
    let Ok(Meta { marks }) = serde_json::from_str(meta) else {
        return Ok(Vec::new());
    };
    let ours = marks.into_iter().filter(is_ours);
    ours.map(serde_json::from_value).collect()
}

/// A document as one line, without the line feed.
pub fn line(document: &Exported, provenance: &Provenance) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a str,
        text: &'a str,
        label: Vec<(usize, usize, &'a str)>,
        meta: Meta<'a>,
    }
    #[derive(Serialize)]
    struct Meta<'a> {
        // doccano numbers documents itself.
        id: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        marks: Vec<Remark>,
        model: &'a Provenance,
    }
    let points = mark_points(&document.text, &document.marks);
    let marks = || document.marks.iter().zip(&points);
    let remarks = marks().filter(|(mark, _)| {
        (mark.source, mark.accepted, mark.score) != (Source::Person, true, None)
    });
    let line = Line {
        id: &document.id,
        text: &document.text,
        label: marks()
            .map(|(mark, &(start, end))| (start, end, mark.span.label.as_str()))
            .collect(),
        meta: Meta {
            id: &document.id,
            marks: remarks
                .map(|(mark, &(start, end))| Remark {
                    start,
                    end,
                    label: mark.span.label.clone(),
                    score: mark.score,
                    source: mark.source,
                    accepted: mark.accepted,
                })
                .collect(),
            model: provenance,
        },
    };
    serde_json::to_string(&line).expect("a record is JSON")
}

/// The marks of a line.
pub(super) fn found<'a>(line: usize, labels: &'a [Label], remarks: &[Remark]) -> Vec<Found<'a>> {
    let mut known = HashMap::new();
    for remark in remarks {
        // Of two for one mark the first counts.
        let key = (remark.start, remark.end, remark.label.as_str());
        known.entry(key).or_insert(remark);
    }
    let found = |(start, end, label): &'a Label| {
        let remark = known.get(&(*start, *end, label.as_str()));
        let score = remark.and_then(|remark| remark.score);
        let source = remark.map_or(source_of(score), |remark| remark.source);
        Found {
            points: Points {
                line,
                start: *start,
                end: *end,
                word: None,
            },
            label,
            score,
            source,
            accepted: remark.map_or(is_accepted(source), |remark| remark.accepted),
        }
    };
    labels.iter().map(found).collect()
}
