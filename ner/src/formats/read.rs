//! Reading whatever holds documents.

use super::{Exported, conll, csv, json};
use crate::{Error, Labels};

/// A document from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The document with the marks that the file has for it.
    pub document: Exported,
    /// Whether the file says what is marked in it, be it nothing. If not, it is a plain text, which
    /// waits for the model or for a person.
    pub annotated: bool,
    /// The line where it begins, from 1.
    pub line: usize,
}

/// Reads the documents of a file.
///
/// | extension | content |
/// |---|---|
/// | `jsonl`, `ndjson` | an object per line: [`super::jsonl`]'s, [`super::doccano`]'s or [`super::prodigy`]'s, or without marks |
/// | `json` | an array of the same objects, or some one after another |
/// | `conll`, `bio`, `iob`, `iob2`, `tsv` | a word and its label per line, [`super::conll`] |
/// | `csv` | a table with a column `text` and, if there is one, `id`, [`super::csv`] |
/// | `txt` | one plain text; or words and labels, where [`conll::is_likely`] |
///
/// A file with another extension or none is what it looks like, if it looks like JSON lines or words
/// and labels. The name is in errors, and gives a plain text its id.
///
/// Prodigy's examples that were rejected or ignored are left out. A mark without a score or a source
/// is a person's.
///
/// # Errors
/// [`Error::Line`] with file and line of what cannot be read: broken syntax, an unknown label or
/// type, and a mark that overlaps another, does not begin and end on words, or is not in its text.
/// [`Error::File`] for a file that is none of these.
pub fn read(file_name: &str, content: &str, labels: &Labels) -> Result<Vec<Imported>, Error> {
    // A byte order mark is no part of any of the formats; that of a plain text stays.
    let inside = content.strip_prefix('\u{feff}').unwrap_or(content);
    let none = |problem: &str| {
        Err(Error::File {
            file: file_name.to_owned(),
            problem: problem.to_owned(),
        })
    };
    let extension = extension(file_name).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("jsonl" | "ndjson") => json::read_lines(file_name, inside, labels),
        Some("json") => json::read_values(file_name, inside, labels),
        Some("conll" | "bio" | "iob" | "iob2" | "tsv") => conll::read(file_name, content, labels),
        Some("csv") => csv::read(file_name, inside),
        Some("txt") if conll::is_likely(inside, labels) => conll::read(file_name, content, labels),
        Some("txt") => Ok(vec![plain(stem(file_name), content)]),
        Some("ann") => none("has marks but no text; give it together with its .txt file"),
        _ if conll::is_likely(inside, labels) => conll::read(file_name, content, labels),
        _ if first_line(inside).is_some_and(json::is_record) => {
            json::read_lines(file_name, inside, labels)
        }
        _ => none("is not known by its name; name it .txt, .jsonl, .json, .csv, .conll or .bio"),
    }
}

/// A text without marks.
fn plain(id: &str, text: &str) -> Imported {
    Imported {
        document: Exported {
            id: id.to_owned(),
            text: text.to_owned(),
            marks: Vec::new(),
        },
        annotated: false,
        line: 1,
    }
}

/// The last component of a path, on any system, without extension.
pub fn stem(file_name: &str) -> &str {
    let name = last_component(file_name);
    match extension(file_name) {
        Some(extension) => &name[..name.len() - extension.len() - 1],
        None => name,
    }
}

/// What follows the last dot of a name that does not begin with it.
fn extension(file_name: &str) -> Option<&str> {
    let (stem, extension) = last_component(file_name).rsplit_once('.')?;
    (!stem.is_empty()).then_some(extension)
}

fn last_component(file_name: &str) -> &str {
    file_name.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// The first line that is not blank.
pub(super) fn first_line(content: &str) -> Option<&str> {
    content.split('\n').find(|line| !line.trim().is_empty())
}
