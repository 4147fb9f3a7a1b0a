//! Prodigy's span annotations: `{"text", "spans": [{"start", "end", "label"}], "meta"}` per line.
//!
//! Prodigy shows `meta` below the text and keeps further fields of a span, which hold what is known
//! of a mark. It adds an `answer` to what an annotator has seen: an accepted example confirms all its
//! spans; a rejected one says that some mark is wrong and not which, an ignored one says nothing, so
//! that neither holds marks to go by, and both are passed over. `_view_id` says what was asked: where it
//! was about one mark, nothing is said of others.

use serde::{Deserialize, Serialize};

use super::jsonl::{is_accepted, mark_points};
use super::marks::{Found, Points};
use super::{Exported, Provenance, Source};

/// A span as Prodigy has it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Span {
    /// First code point.
    start: usize,
    /// One past the last.
    end: usize,
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// `person`, or the name of whatever proposed the span. Those that an annotator draws have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted: Option<bool>,
}

/// What an annotator has done with an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    Accept,
    Reject,
    Ignore,
}

/// Whether this view asks for all marks of a text.
pub(super) fn asks_for_all(view: &str) -> bool {
    matches!(view, "ner_manual" | "spans_manual")
}

/// Whether this view shows a mark, to be accepted or rejected.
pub(super) fn asks_about_one(view: &str) -> bool {
    matches!(view, "ner" | "spans")
}

/// A document as one line, without the line feed.
pub fn line(document: &Exported, provenance: &Provenance) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        text: &'a str,
        spans: Vec<Span>,
        meta: Meta<'a>,
    }
    // Flat, as Prodigy prints every entry.
    #[derive(Serialize)]
    struct Meta<'a> {
        id: &'a str,
        model: &'a str,
        version: &'a str,
        sha256: &'a str,
        threshold: f32,
    }
    let points = mark_points(&document.text, &document.marks);
    let spans = document.marks.iter().zip(points);
    let line = Line {
        text: &document.text,
        spans: spans
            .map(|(mark, (start, end))| Span {
                start,
                end,
                label: mark.span.label.clone(),
                score: mark.score,
                source: Some(mark.source.name().to_owned()),
                accepted: Some(mark.accepted),
            })
            .collect(),
        meta: Meta {
            id: &document.id,
            model: &provenance.model,
            version: &provenance.version,
            sha256: &provenance.sha256,
            threshold: provenance.threshold,
        },
    };
    serde_json::to_string(&line).expect("a record is JSON")
}

/// The marks of a line.
pub(super) fn found<'a>(line: usize, spans: &'a [Span], answer: Option<Answer>) -> Vec<Found<'a>> {
    let found = |span: &'a Span| {
        let source = match span.source.as_deref() {
            None | Some("person") => Source::Person,
            Some(_) => Source::Model,
        };
        let told = span.accepted.unwrap_or(is_accepted(source));
        Found {
            points: Points {
                line,
                start: span.start,
                end: span.end,
                word: None,
            },
            label: &span.label,
            score: span.score,
            source,
            accepted: told || answer == Some(Answer::Accept),
        }
    };
    spans.iter().map(found).collect()
}
