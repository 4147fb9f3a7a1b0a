//! brat's standoff format (<https://brat.nlplab.org/standoff.html>): the text in a `.txt` file, and
//! beside it an `.ann` file with a line per mark.
//!
//! ```text
//! T1<tab>Symptoms 16 20;21 25<tab>pelv pain
//! #1<tab>AnnotatorNotes T1<tab>type=Symptoms start=16 end=25 score=0.98 source=model accepted=false model=…
//! ```
//!
//! Offsets are code points of the text file as it is, byte order mark and carriage returns included. A
//! mark over a line break is written as the pieces on its lines. The note below a mark is of pairs like
//! those of [`super::conll`]. brat leaves it there when somebody changes the mark, which is why it
//! repeats type and place: a note that is not of the mark as it stands is passed over, and the mark is
//! that person's.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::jsonl::{is_accepted, source_of};
use super::marks::{self, Found, Place, Points};
use super::points::{byte_offsets, code_points};
use super::read::Imported;
use super::{Exported, Provenance, Source, pairs};
use crate::{Error, Labels};

/// The `.ann` file of a document.
///
/// # Errors
/// [`Error::Document`] for a type with white space, which separates columns.
pub fn annotations(document: &Exported, provenance: &Provenance) -> Result<String, Error> {
    let text = &document.text;
    let mut content = String::new();
    for (number, mark) in (1..).zip(&document.marks) {
        let label = &mark.span.label;
        if label.is_empty() || label.contains(char::is_whitespace) {
            return Err(Error::Document {
                id: document.id.clone(),
                problem: format!(
                    "brat has no type like `{label}`; rename the type without white space"
                ),
            });
        }
        let pieces = pieces(text, mark.span.range.clone());
        let ends: Vec<usize> = pieces.iter().flat_map(|p| [p.start, p.end]).collect();
        let points = code_points(text, &ends);
        let offsets: Vec<String> = points
            .chunks_exact(2)
            .map(|ends| format!("{} {}", ends[0], ends[1]))
            .collect();
        let words: Vec<&str> = pieces.into_iter().map(|piece| &text[piece]).collect();
        let (start, end) = (points[0], points[points.len() - 1]);
        let mut about = vec![
            ("type", label.clone()),
            ("start", start.to_string()),
            ("end", end.to_string()),
        ];
        about.extend(mark.score.map(|score| ("score", score.to_string())));
        about.push(("source", mark.source.name().to_owned()));
        about.push(("accepted", mark.accepted.to_string()));
        about.extend(pairs::provenance(provenance));
        write!(
            content,
            "T{number}\t{label} {}\t{}\n#{number}\tAnnotatorNotes T{number}\t{}\n",
            offsets.join(";"),
            words.join(" "),
            pairs::write(about),
        )
        .expect("writing to a string does not fail");
    }
    Ok(content)
}

/// The pieces of a range that stand on one line each, without white space beside the breaks.
fn pieces(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = range.start;
    for piece in text[range].split_inclusive(ends_line) {
        let indent = piece.len() - piece.trim_start().len();
        let length = piece.trim().len();
        if length > 0 {
            pieces.push(start + indent..start + indent + length);
        }
        start += piece.len();
    }
    pieces
}

/// Where Python, in which brat is written, ends lines (`str.splitlines`), but for U+001C to U+001E,
/// which are no white space in Unicode and so may be part of a word.
fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// The `annotation.conf` of a folder: the types that can be marked in it.
pub fn configuration(labels: &Labels, provenance: &Provenance) -> String {
    format!(
        "# {}\n\n[entities]\n{}\n\n[relations]\n\n[events]\n\n[attributes]\n",
        pairs::write(pairs::provenance(provenance)),
        labels.types().join("\n"),
    )
}

/// Reads a text and its annotations. `id` is the files' name without extension.
///
/// Marks are the lines whose name begins with `T`; a note of [`annotations`] says whose they are.
/// Relations, events, attributes and other notes are passed over.
///
/// # Errors
/// [`Error::Line`] with `id.ann` and line for a mark that cannot be read, that is of pieces with more
/// than white space between them, not in the text, other than the file says, overlapping another, not
/// on words, or of an unknown type.
pub fn read(id: &str, text: &str, annotations: &str, labels: &Labels) -> Result<Imported, Error> {
    let file = format!("{id}.ann");
    let mut lines = Vec::new();
    let mut notes = HashMap::new();
    for (line, content) in (1..).zip(annotations.split('\n')) {
        let content = content.trim_end_matches('\r');
        if content.starts_with('T') {
            lines.push(Line::parse(Place { file: &file, line }, content)?);
        }
        notes.extend(note(content));
    }
    let mut found = Vec::with_capacity(lines.len());
    for line in &lines {
        let points = line.points(text)?;
        let place = [points.start, points.end].map(|point| point.to_string());
        let note = notes.get(line.name).filter(|note| {
            let told = ["type", "start", "end"].map(|key| pairs::value(note, key));
            told.iter()
                .map(Option::as_deref)
                .eq([line.label, &place[0], &place[1]].map(Some))
        });
        let value = |key: &str| pairs::value(note?, key);
        let score = value("score").and_then(|score| score.parse().ok());
        let source = match value("source").as_deref() {
            Some("model") => Source::Model,
            Some("person") => Source::Person,
            _ => source_of(score),
        };
        found.push(Found {
            points,
            label: line.label,
            score,
            source,
            accepted: value("accepted").map_or(is_accepted(source), |told| told == "true"),
        });
    }
    Ok(Imported {
        document: marks::document(&file, id.to_owned(), text.to_owned(), &found, labels)?,
        annotated: true,
        partial: false,
        line: 1,
    })
}

/// The line of a mark.
struct Line<'a> {
    place: Place<'a>,
    name: &'a str,
    label: &'a str,
    /// Code points.
    pieces: Vec<Range<usize>>,
    words: &'a str,
}

impl<'a> Line<'a> {
    fn parse(place: Place<'a>, line: &'a str) -> Result<Self, Error> {
        let parsed = || {
            let mut columns = line.splitn(3, '\t');
            let (name, mark, words) = (columns.next()?, columns.next()?, columns.next()?);
            let (label, offsets) = mark.split_once(' ')?;
            let piece = |piece: &str| {
                let (start, end) = piece.split_once(' ')?;
                Some(start.parse().ok()?..end.parse().ok()?)
            };
            Some(Self {
                place,
                name,
                label,
                pieces: offsets.split(';').map(piece).collect::<Option<_>>()?,
                words,
            })
        };
        parsed().ok_or_else(|| {
            place.error(
                "a mark is `T1`, a tab, type, start and end with spaces, a tab, and its text",
            )
        })
    }

    /// Where the mark is, which is from its first piece to its last.
    fn points(&self, text: &str) -> Result<Points<'a>, Error> {
        let ends: Vec<usize> = self.pieces.iter().flat_map(|p| [p.start, p.end]).collect();
        let bytes = byte_offsets(text, &ends);
        let between = bytes[1..bytes.len() - 1].chunks_exact(2);
        for gap in between {
            let gap = gap[0].zip(gap[1]).and_then(|(from, to)| text.get(from..to));
            if gap.is_some_and(|gap| !gap.trim().is_empty()) {
                return Err(self.place.error(format!(
                    "`{}` is in pieces with text between them; a mark is one stretch of text",
                    self.words
                )));
            }
        }
        let pieces: Option<Vec<&str>> = bytes
            .chunks_exact(2)
            .map(|ends| text.get(ends[0]?..ends[1]?))
            .collect();
        let pieces = pieces.map(|pieces| pieces.join(" "));
        let points = Points {
            line: self.place.line,
            start: self.pieces[0].start,
            end: self.pieces[self.pieces.len() - 1].end,
            word: None,
        };
        match pieces {
            Some(pieces) if pieces != self.words => Err(self.place.error(format!(
                "entity `{}`: `{pieces}` stands at {}..{} of the text (offsets are code points)",
                self.words, points.start, points.end
            ))),
            _ => Ok(points),
        }
    }
}

/// A note of a line, with the name of the mark that it is about.
fn note(line: &str) -> Option<(&str, &str)> {
    let mut columns = line.splitn(3, '\t');
    let (id, about, note) = (columns.next()?, columns.next()?, columns.next()?);
    let of = about.strip_prefix("AnnotatorNotes ")?;
    id.starts_with('#').then_some((of, note))
}
