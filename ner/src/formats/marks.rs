//! The marks of a file, checked against their text.

use std::ops::Range;

use super::points::byte_offsets;
use super::{Exported, Mark, Source};
use crate::decode::label_ids;
use crate::tokenize::words;
use crate::{Error, Labels, Span};

/// Where something stands, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    /// From 1.
    pub(super) line: usize,
}

impl Place<'_> {
    pub(super) fn error(self, problem: impl Into<String>) -> Error {
        Error::Line {
            file: self.file.to_owned(),
            line: self.line,
            problem: problem.into(),
        }
    }
}

/// A range as a file has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Points<'a> {
    /// The line of the file, from 1.
    pub(super) line: usize,
    /// First code point.
    pub(super) start: usize,
    /// One past the last.
    pub(super) end: usize,
    /// What the file says stands there.
    pub(super) word: Option<&'a str>,
}

/// A mark as a file has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) points: Points<'a>,
    pub(super) label: &'a str,
    pub(super) score: Option<f32>,
    pub(super) source: Source,
    pub(super) accepted: bool,
}

/// The document of a text and the marks that a file has for it, put into text order. Without labels
/// marks may have any type.
///
/// # Errors
/// [`Error::Line`] for marks outside of the text, other than the file says, overlapping, that do not
/// begin and end on words, of unknown type, or with a score that is no probability.
pub(super) fn document(
    file: &str,
    id: String,
    text: String,
    found: &[Found],
    labels: Option<&Labels>,
) -> Result<Exported, Error> {
    let points: Vec<Points> = found.iter().map(|mark| mark.points).collect();
    let mut marks = Vec::with_capacity(found.len());
    for (range, mark) in ranges(file, &text, &points)?.into_iter().zip(found) {
        let line = mark.points.line;
        if let Some(score) = mark.score.filter(|score| !(0.0..=1.0).contains(score)) {
            let word = &text[range];
            let problem = format!("entity `{word}`: score {score} is not from 0 to 1");
            return Err(Place { file, line }.error(problem));
        }
        let span = Span {
            range,
            label: mark.label.to_owned(),
        };
        let mark = Mark {
            span,
            score: mark.score,
            source: mark.source,
            accepted: mark.accepted,
        };
        marks.push((line, mark));
    }
    marks.sort_by_key(|(_, mark)| (mark.span.range.start, mark.span.range.end));
    let spans: Vec<(usize, Span)> = marks
        .iter()
        .map(|(line, mark)| (*line, mark.span.clone()))
        .collect();
    check_apart(file, &text, &spans)?;
    check_words(file, &text, spans, labels)?;
    let marks = marks.into_iter().map(|(_, mark)| mark).collect();
    Ok(Exported { id, text, marks })
}

/// The bytes of ranges in code points, in their order.
///
/// # Errors
/// [`Error::Line`] for one that is empty, outside of the text, or of another word.
fn ranges(file: &str, text: &str, points: &[Points]) -> Result<Vec<Range<usize>>, Error> {
    let ends: Vec<usize> = points.iter().flat_map(|p| [p.start, p.end]).collect();
    let bytes = byte_offsets(text, &ends);
    let range = |(points, bytes): (&Points, &[Option<usize>])| {
        let Points {
            line,
            start,
            end,
            word,
        } = *points;
        let error = |problem: String| Err(Place { file, line }.error(problem));
        let named = word.map_or_else(String::new, |word| format!("`{word}` "));
        let (Some(from), Some(to)) = (bytes[0], bytes[1]) else {
            return error(format!(
                "entity {named}at {start}..{end} is not within the text"
            ));
        };
        let Some(slice) = text.get(from..to).filter(|slice| !slice.is_empty()) else {
            return error(format!("entity {named}at {start}..{end} is empty"));
        };
        match word {
            Some(word) if word != slice => error(format!(
                "entity `{word}`: text[{start}:{end}] is `{slice}` (offsets are code points)"
            )),
            _ => Ok(from..to),
        }
    };
    points
        .iter()
        .zip(bytes.chunks_exact(2))
        .map(range)
        .collect()
}

/// # Errors
/// [`Error::Line`] for two of the spans, which are in text order and come with their lines, that
/// overlap.
fn check_apart(file: &str, text: &str, spans: &[(usize, Span)]) -> Result<(), Error> {
    let overlap = spans
        .windows(2)
        .find(|pair| pair[0].1.range.end > pair[1].1.range.start);
    overlap.map_or(Ok(()), |pair| {
        let [first, second] = [&pair[0], &pair[1]].map(|(_, span)| &text[span.range.clone()]);
        let line = pair[0].0.max(pair[1].0);
        Err(Place { file, line }.error(format!("entities `{first}` and `{second}` overlap")))
    })
}

/// # Errors
/// [`Error::Line`] for a span that does not begin and end on a word, or is of a type that the labels
/// do not have.
fn check_words(
    file: &str,
    text: &str,
    spans: Vec<(usize, Span)>,
    labels: Option<&Labels>,
) -> Result<(), Error> {
    let (lines, spans): (Vec<usize>, Vec<Span>) = spans.into_iter().unzip();
    if let Some(at) = spans.iter().position(|span| span.label.is_empty()) {
        let word = &text[spans[at].range.clone()];
        let line = lines[at];
        return Err(Place { file, line }.error(format!("entity `{word}`: its type has no name")));
    }
    let checked = match labels {
        Some(labels) => label_ids(text, &words(text), &spans, labels),
        None => Labels::of_data(spans.iter().map(|span| span.label.as_str()))
            .and_then(|labels| label_ids(text, &words(text), &spans, &labels)),
    };
    checked.map(|_| ()).map_err(|error| match error {
        Error::Span {
            start,
            label,
            problem,
            ..
        } => {
            let at = spans.iter().position(|span| span.range.start == start);
            let line = at.map_or(1, |at| lines[at]);
            Place { file, line }.error(format!("an entity of type `{label}`: {problem}"))
        }
        other => other,
    })
}
