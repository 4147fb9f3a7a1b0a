//! Comma-separated values (RFC 4180), written with line feeds.
//!
//! What is written is a table of marks, one per row; a document without marks has none. What is read is
//! a table of texts.

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
    let points = jsonl::mark_points(&document.text, &document.marks);
    for (mark, (start, end)) in document.marks.iter().zip(points) {
        let row = [
            inert(&document.id),
            start.to_string(),
            end.to_string(),
            inert(&document.text[mark.span.range.clone()]),
            inert(&mark.span.label),
            mark.score
                .map_or_else(String::new, |score| score.to_string()),
            mark.source.name().to_owned(),
            mark.accepted.to_string(),
            inert(&provenance.model),
            inert(&provenance.version),
            inert(&provenance.sha256),
            provenance.threshold.to_string(),
        ];
        writer.write_record(row).expect("a vector takes everything");
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

/// Reads a table of texts: the column `text`, and `id` where there is one, in any case and among any
/// others. A row without id has the number of its line. Commas, semicolons or tabs separate.
///
/// # Errors
/// [`Error::Line`] with file and line for a table without column `text`, a table of marks, which
/// lacks the texts around them, and rows of another length than the first.
pub fn read(file: &str, content: &str) -> Result<Vec<Imported>, Error> {
    let separators = [b',', b';', b'\t'];
    let read = separators.map(|separator| {
        ::csv::ReaderBuilder::new()
            .delimiter(separator)
            .from_reader(content.as_bytes())
    });
    let position = |names: &::csv::StringRecord, name: &str| {
        names
            .iter()
            .position(|column| column.trim().eq_ignore_ascii_case(name))
    };
    for mut reader in read {
        let names = reader
            .headers()
            .map_err(|error| broken(file, content, &error))?;
        let Some(text) = position(names, "text") else {
            continue;
        };
        if ["start", "end", "type"]
            .iter()
            .all(|name| position(names, name).is_some())
        {
            return Err(Place { file, line: 1 }.error(
                "this is a table of marks, which has no texts; take the same documents as JSON lines",
            ));
        }
        let id = position(names, "id");
        let mut lines = Lines::of(content);
        let rows = reader.records().map(|row| {
            let row = row.map_err(|error| broken(file, content, &error))?;
            let line = lines.at(row.position());
            let id = id.map(|id| &row[id]).filter(|id| !id.is_empty());
            Ok(Imported {
                document: Exported {
                    id: id.map_or_else(|| line.to_string(), str::to_owned),
                    text: row[text].to_owned(),
                    marks: Vec::new(),
                },
                annotated: false,
                line,
            })
        });
        return rows.collect();
    }
    let problem = "no column is named `text`; name the columns in the first line";
    Err(Place { file, line: 1 }.error(problem))
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

fn broken(file: &str, content: &str, error: &::csv::Error) -> Error {
    let line = Lines::of(content).at(error.position());
    let problem = match error.kind() {
        ::csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} cells where the first line has {expected_len}"),
        _ => error.to_string(),
    };
    Place { file, line }.error(problem)
}
