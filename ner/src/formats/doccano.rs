//! doccano's sequence labelling: `{"id", "text", "label": [[start, end, "Type"]], "meta"}` per line.
//!
//! doccano keeps what else stands in a line as metadata, so `meta` holds the document's id, what made
//! the marks, and what is known of each beyond its triple. A label that somebody has changed in
//! doccano has no such entry any more and is read as that person's.

use serde::{Deserialize, Serialize};

use super::jsonl::{is_accepted, mark_points, source_of};
use super::marks::{Found, Points};
use super::{Exported, Provenance, Source};

/// A label as doccano has it: code points and type.
pub(super) type Label = (usize, usize, String);

/// What doccano passes through.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    /// doccano numbers documents itself.
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<Remark>,
}

/// What is known of a mark that a person has not made.
#[derive(Debug, Serialize, Deserialize)]
struct Remark {
    start: usize,
    end: usize,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    source: Source,
    accepted: bool,
}

/// A document as one line, without the line feed.
pub fn line(document: &Exported, provenance: &Provenance) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a str,
        text: &'a str,
        label: Vec<(usize, usize, &'a str)>,
        meta: WithModel<'a>,
    }
    #[derive(Serialize)]
    struct WithModel<'a> {
        #[serde(flatten)]
        meta: Meta,
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
        meta: WithModel {
            meta: Meta {
                id: Some(document.id.clone()),
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
            },
            model: provenance,
        },
    };
    serde_json::to_string(&line).expect("a record is JSON")
}

/// The marks of a line.
pub(super) fn found<'a>(line: usize, labels: &'a [Label], meta: &Meta) -> Vec<Found<'a>> {
    let found = |(start, end, label): &'a Label| {
        let same = |mark: &&Remark| (mark.start, mark.end, &mark.label) == (*start, *end, label);
        let remark = meta.marks.iter().find(same);
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
