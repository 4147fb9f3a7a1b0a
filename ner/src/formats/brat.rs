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
/// [`Error::Document`] for a type that brat cannot have.
pub fn annotations(document: &Exported, provenance: &Provenance) -> Result<String, Error> {
    let text = &document.text;
    let mut content = String::new();
    let marks = document.marks.iter();
    let pieces: Vec<Vec<Range<usize>>> = marks
        .map(|mark| pieces(text, mark.span.range.clone()))
        .collect();
    let ends = pieces.iter().flatten().flat_map(|p| [p.start, p.end]);
    let points = code_points(text, &ends.collect::<Vec<_>>());
    let mut points = &points[..];
    for ((number, mark), pieces) in (1..).zip(&document.marks).zip(pieces) {
        let label = &mark.span.label;
        check_type(label).map_err(|problem| Error::Document {
            id: document.id.clone(),
            problem,
        })?;
        let (of_mark, rest) = points.split_at(2 * pieces.len());
        points = rest;
        let offsets: Vec<String> = of_mark
            .chunks_exact(2)
            .map(|ends| format!("{} {}", ends[0], ends[1]))
            .collect();
        let (start, end) = (of_mark[0], of_mark[of_mark.len() - 1]);
        let words: Vec<&str> = pieces.into_iter().map(|piece| &text[piece]).collect();
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

/// White space separates columns; the others begin comments, sections and types that cannot be marked in
/// `annotation.conf`.
fn check_type(label: &str) -> Result<(), String> {
    let is_known = !label.is_empty()
        && !label.contains(char::is_whitespace)
        && !label.starts_with(['#', '[', '!']);
    is_known.then_some(()).ok_or_else(|| {
        format!(
            "brat has no type like `{label}`; rename the type, without white space and not beginning with \
             `#`, `[` or `!`"
        )
    })
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
///
/// # Errors
/// [`Error::Labels`] for a type that brat cannot have.
pub fn configuration(labels: &Labels, provenance: &Provenance) -> Result<String, Error> {
    let mut types = labels.types().iter();
    types
        .try_for_each(|label| check_type(label))
        .map_err(Error::Labels)?;
    Ok(format!(
        "# {}\n\n[entities]\n{}\n\n[relations]\n\n[events]\n\n[attributes]\n",
        pairs::write(pairs::provenance(provenance)),
        labels.types().join("\n"),
    ))
}

/// Reads a text and its annotations. `id` is the files' name without extension.
///
/// Marks are the lines whose name begins with `T`; a note of [`annotations`] says whose they are.
/// Relations, events, attributes and other notes are passed over. A mark without text gets that of its
/// place, as in brat.
///
/// # Errors
/// [`Error::Line`] with `id.ann` and line for what is no line of brat's, for a mark that cannot be read,
/// that is of pieces which overlap or have more than white space between them, not in the text, other
/// than the file says, overlapping another, not on words, or of an unknown type.
pub fn read(id: &str, text: &str, annotations: &str, labels: &Labels) -> Result<Imported, Error> {
    read_of(id, text, annotations, Some(labels))
}

/// As [`read`], whatever the types are.
///
/// # Errors
/// As [`read`], but for unknown types.
pub fn read_any_type(id: &str, text: &str, annotations: &str) -> Result<Imported, Error> {
    read_of(id, text, annotations, None)
}

fn read_of(
    id: &str,
    text: &str,
    annotations: &str,
    labels: Option<&Labels>,
) -> Result<Imported, Error> {
    let file = format!("{id}.ann");
    // The text's own stays, as brat counts it.
    let annotations = annotations.strip_prefix('\u{feff}').unwrap_or(annotations);
    let mut lines = Vec::new();
    let mut notes = HashMap::new();
    for (line, content) in (1..).zip(annotations.split('\n')) {
        let content = content.trim_end_matches('\r');
        let place = Place { file: &file, line };
        if content.starts_with('T') {
            lines.push(Line::parse(place, content)?);
        } else if !content.trim().is_empty() && !content.starts_with(OTHERS) {
            return Err(place.error(
                "is no line of brat's, which begin with T, R, E, A, M, N, # or *; take the .ann file as brat \
                 has written it",
            ));
        }
        notes.extend(note(content));
    }
    let ends = lines.iter().flat_map(|line| &line.pieces);
    let ends: Vec<usize> = ends.flat_map(|piece| [piece.start, piece.end]).collect();
    let bytes = byte_offsets(text, &ends);
    let mut bytes = &bytes[..];
    let mut found = Vec::with_capacity(lines.len());
    for line in &lines {
        let (of_line, rest) = bytes.split_at(2 * line.pieces.len());
        bytes = rest;
        let points = line.points(text, of_line)?;
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
        named: true,
        annotated: true,
        partial: false,
        line: 1,
    })
}

/// What lines begin with that hold no marks: relations, events, attributes, normalizations, notes and
/// equivalences.
const OTHERS: [char; 7] = ['R', 'E', 'A', 'M', 'N', '#', '*'];

/// The line of a mark.
struct Line<'a> {
    place: Place<'a>,
    name: &'a str,
    label: &'a str,
    /// Code points, in the order of the file.
    pieces: Vec<Range<usize>>,
    /// Empty where the file leaves it out.
    words: &'a str,
}

impl<'a> Line<'a> {
    fn parse(place: Place<'a>, line: &'a str) -> Result<Self, Error> {
        let parsed = || {
            let mut columns = line.splitn(3, '\t');
            let (name, mark) = (columns.next()?, columns.next()?);
            let words = columns.next().unwrap_or_default();
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

    /// Where the mark is, which is from its first piece to its last. `bytes` are the ends of the pieces
    /// in the text.
    fn points(&self, text: &str, bytes: &[Option<usize>]) -> Result<Points<'a>, Error> {
        let error = |problem: String| {
            let named = match self.words.trim() {
                "" => String::new(),
                words => format!("`{words}` "),
            };
            Err(self.place.error(format!("entity {named}{problem}")))
        };
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for (points, bytes) in self.pieces.iter().zip(bytes.chunks_exact(2)) {
            let Range { start, end } = *points;
            let (Some(from), Some(to)) = (bytes[0], bytes[1]) else {
                return error(format!("at {start}..{end} is not within the text"));
            };
            if from >= to {
                return error(format!("at {start}..{end} is empty"));
            }
            pieces.push((from..to, start..end));
        }
        let slices = |pieces: &[(Range<usize>, _)]| -> Vec<&str> {
            pieces
                .iter()
                .map(|(bytes, _)| &text[bytes.clone()])
                .collect()
        };
        // brat keeps the text in the order of the pieces, which it does not sort.
        let stored = slices(&pieces);
        pieces.sort_by_key(|(bytes, _)| bytes.start);
        let sorted = slices(&pieces);
        for pair in pieces.windows(2) {
            match text.get(pair[0].0.end..pair[1].0.start) {
                None => return error("is in pieces that overlap".to_owned()),
                Some(gap) if !gap.trim().is_empty() => {
                    return error(
                        "is in pieces with text between them; a mark is one stretch of text"
                            .to_owned(),
                    );
                }
                Some(_) => {}
            }
        }
        let points = Points {
            line: self.place.line,
            start: pieces[0].1.start,
            end: pieces[pieces.len() - 1].1.end,
            word: None,
        };
        // Before version 1.3 there was no space between pieces. Line feeds have always been written as
        // spaces.
        let said = |pieces: &[&str]| {
            let joined = [pieces.join(" "), pieces.concat()];
            joined
                .iter()
                .any(|text| text.replace('\n', " ") == self.words)
        };
        if !self.words.trim().is_empty() && !said(&stored) && !said(&sorted) {
            return Err(self.place.error(format!(
                "entity `{}`: `{}` stands at {}..{} of the text (offsets are code points)",
                self.words,
                sorted.join(" "),
                points.start,
                points.end
            )));
        }
        Ok(points)
    }
}

/// A note of a line, with the name of the mark that it is about.
fn note(line: &str) -> Option<(&str, &str)> {
    let mut columns = line.splitn(3, '\t');
    let (id, about, note) = (columns.next()?, columns.next()?, columns.next()?);
    let of = about.strip_prefix("AnnotatorNotes ")?;
    id.starts_with('#').then_some((of, note))
}
