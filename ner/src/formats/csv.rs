//! Comma-separated values (RFC 4180), written with line feeds.
//!
//! What is written is a table of marks, one per row. A document without marks has a row too, whose cells
//! for a mark are empty, so that the table says that it was looked at, and by which model. What is read
//! is a table of texts.

use std::io::Read as _;

use super::marks::Place;
use super::read::Imported;
use super::{Exported, Provenance, jsonl};
use crate::Error;

/// The columns of a table of marks.
const COLUMNS: [&str; 12] = [
    "document",
    "start",
    "end",
    "text",
    "type",
    "score",
    "source",
    "accepted",
    "model",
    "version",
    "sha256",
    "threshold",
];

/// The line of column names.
pub fn head() -> String {
    COLUMNS.join(",") + "\n"
}

/// The rows of a document; `start` and `end` are code points of its text.
///
/// Spreadsheets run a cell that begins like a formula. Such a cell gets an apostrophe before it, as
/// OWASP's page on CSV injection has it, and all texts stand in quotes, so that none of it comes to
/// begin a cell where another separator is expected.
pub fn rows(document: &Exported, provenance: &Provenance) -> String {
    let mut writer = ::csv::WriterBuilder::new()
        .quote_style(::csv::QuoteStyle::NonNumeric)
        .from_writer(Vec::new());
    let about = [
        inert(&provenance.model),
        inert(&provenance.version),
        inert(&provenance.sha256),
        provenance.threshold.to_string(),
    ];
    let mut row = |mark: [String; 7]| {
        let cells = [inert(&document.id)].into_iter().chain(mark);
        writer
            .write_record(cells.chain(about.clone()))
            .expect("a vector takes everything");
    };
    let points = jsonl::mark_points(&document.text, &document.marks);
    for (mark, (start, end)) in document.marks.iter().zip(points) {
        row([
            start.to_string(),
            end.to_string(),
            inert(&document.text[mark.span.range.clone()]),
            inert(&mark.span.label),
            mark.score
                .map_or_else(String::new, |score| score.to_string()),
            mark.source.name().to_owned(),
            mark.accepted.to_string(),
        ]);
    }
    if document.marks.is_empty() {
        row(Default::default());
    }
    let bytes = writer.into_inner().expect("a vector takes everything");
    String::from_utf8(bytes).expect("fields are UTF-8")
}

/// A cell that no spreadsheet runs: <https://owasp.org/www-community/attacks/CSV_Injection>.
fn inert(cell: &str) -> String {
    const RUN: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    match cell.starts_with(RUN) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

/// What is read behind the last row, as a row of its own: a quote that nobody closed takes it in.
const END: &[u8] = b"\nend";

/// Reads a table of texts: the column `text`, and `id` where there is one, in any case and among any
/// others. A row without id has the number of its line. Commas, semicolons or tabs separate. Blank
/// lines are skipped.
///
/// # Errors
/// [`Error::Line`] with file and line for a table without column `text`, a table of marks, which
/// lacks the texts around them, rows of another length than the first, and a row with a quote that is
/// not closed, which all later rows would be part of.
pub fn read(file: &str, content: &str) -> Result<Vec<Imported>, Error> {
    let at = |line, problem: &str| Place { file, line }.error(problem);
    let mut rows = Vec::new();
    for separator in [b',', b';', b'\t'] {
        rows = ::csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(content.as_bytes().chain(END))
            .into_records()
            .collect::<Result<_, _>>()
            .map_err(|error| at(1, &error.to_string()))?;
        if rows
            .first()
            .is_some_and(|names| column(names, "text").is_some())
        {
            break;
        }
    }
    let mut lines = Lines::of(content);
    let mut numbered = rows.iter().map(|row| (lines.at(row.position()), row));
    if rows.last().is_none_or(|row| *row != ["end"][..]) {
        let line = numbered.last().map_or(1, |(line, _)| line);
        let problem = "a quote is opened in this row and never closed; close it, or double it where it \
                       belongs to the text";
        return Err(at(line, problem));
    }
    let names = rows.first().filter(|_| rows.len() > 1);
    let Some((names, text)) = names.and_then(|names| Some((names, column(names, "text")?))) else {
        let problem = "no column is named `text`; name the columns in the first line";
        return Err(at(1, problem));
    };
    let of_marks = ["start", "end", "type"];
    if of_marks.iter().all(|name| column(names, name).is_some()) {
        let problem =
            "this is a table of marks, which has no texts; take the same documents as JSON lines";
        return Err(at(1, problem));
    }
    let id = column(names, "id");
    let rows = numbered.by_ref().take(rows.len() - 1).skip(1);
    rows.map(|(line, row)| {
        if row.len() != names.len() {
            let (found, expected) = (row.len(), names.len());
            let problem = format!("{found} cells where the first line has {expected}");
            return Err(at(line, &problem));
        }
        let id = id.map(|id| &row[id]).filter(|id| !id.is_empty());
        Ok(Imported {
            document: Exported {
                id: id.map_or_else(|| line.to_string(), str::to_owned),
                text: row[text].to_owned(),
                marks: Vec::new(),
            },
            named: id.is_some(),
            annotated: false,
            partial: false,
            line,
        })
    })
    .collect()
}

/// The column of a name.
fn column(names: &::csv::StringRecord, name: &str) -> Option<usize> {
    names
        .iter()
        .position(|column| column.trim().eq_ignore_ascii_case(name))
}

/// Counts lines up to the places of rows, which ascend. The reader's own count takes the line feed
/// of CRLF, and blank lines, for the beginning of the next row.
struct Lines<'a> {
    rest: &'a str,
    passed: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn of(content: &'a str) -> Self {
        Self {
            rest: content,
            passed: 0,
            line: 1,
        }
    }

    /// The line of the row that the reader places here.
    fn at(&mut self, position: Option<&::csv::Position>) -> usize {
        let byte = position.map_or(0, |position| position.byte() as usize);
        let skipped = byte.saturating_sub(self.passed).min(self.rest.len());
        let row = self.rest.as_bytes()[skipped..].iter();
        let ends = row.take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (before, rest) = self.rest.split_at(skipped + ends);
        self.line += before.matches('\n').count();
        self.passed += before.len();
        self.rest = rest;
        self.line
    }
}
