//! Reading whatever holds documents.

use serde_json::value::{RawValue, to_raw_value};

use super::marks::Place;
use super::{Exported, conll, csv, json};
use crate::{Error, Labels};

/// A document from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The document with the marks that the file has for it.
    pub document: Exported,
    /// Whether it has its id from the file; if not, it is the number of its line.
    pub named: bool,
    /// Whether the file says what is marked in it, be it nothing. If not, it is a plain text, which
    /// waits for the model or for a person.
    pub annotated: bool,
    /// Whether there can be more to mark than the file says: it holds the answers to a question about one
    /// mark, as Prodigy's `ner` asks.
    pub partial: bool,
    /// The line where it begins, from 1.
    pub line: usize,
}

/// A text from a file, without what is marked in it.
#[derive(Debug, Clone)]
pub struct Text {
    /// Its name as it stands in the file, which in JSON may be a number; else a number, that of its line.
    pub id: Box<RawValue>,
    /// Unchanged.
    pub text: String,
    /// The line where it begins, from 1.
    pub line: usize,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One plain text.
    Text,
    /// An object per line, in the shape of [`super::jsonl`], [`super::doccano`] or
    /// [`super::prodigy`], or without marks.
    JsonLines,
    /// An array of the same objects, or some one after another.
    Json,
    /// A word and its label per line, [`super::conll`].
    Words,
    /// A table with a column `text` and, if there is one, `id`, [`super::csv`].
    Table,
}

impl Kind {
    /// What files of this extension are, in any case: `txt`; `jsonl`, `ndjson`; `json`; `conll`,
    /// `bio`, `iob`, `iob2`, `tsv`; `csv`.
    pub fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "txt" => Self::Text,
            "jsonl" | "ndjson" => Self::JsonLines,
            "json" => Self::Json,
            "conll" | "bio" | "iob" | "iob2" | "tsv" => Self::Words,
            "csv" => Self::Table,
            _ => return None,
        })
    }
}

/// Reads the documents of a file, which is what its extension says ([`Kind::of_extension`]).
///
/// A `.txt` file can also be of words and labels, if [`conll::is_likely`]. A file with another
/// extension, or none, is JSON lines or words and labels, if it looks like them. The name is in errors,
/// and gives a plain text its id.
///
/// Prodigy's examples that were rejected or ignored are left out. A mark without a score or a source
/// is a person's.
///
/// # Errors
/// As [`read_as`]; [`Error::File`] for a file that is of no kind.
pub fn read(file_name: &str, content: &str, labels: &Labels) -> Result<Vec<Imported>, Error> {
    let extension = extension(file_name).unwrap_or_default();
    let kind = match Kind::of_extension(extension) {
        Some(kind) if kind != Kind::Text => kind,
        _ if conll::is_likely(without_mark(content), labels) => Kind::Words,
        Some(Kind::Text) => Kind::Text,
        _ if first_line(without_mark(content)).is_some_and(json::is_record) => Kind::JsonLines,
        _ => {
            let problem = match extension.eq_ignore_ascii_case("ann") {
                true => "has marks but no text; give it together with its .txt file",
                false => {
                    "is not known by its name; name it .txt, .jsonl, .json, .csv, .conll or .bio"
                }
            };
            return Err(Error::File {
                file: file_name.to_owned(),
                problem: problem.to_owned(),
            });
        }
    };
    read_as(kind, file_name, content, labels)
}

/// Reads a file whose documents are to be trained on or evaluated on. As [`read`], but a text has labels,
/// whatever it is named.
///
/// # Errors
/// As [`read_as`]; [`Error::File`] for a file without a document; [`Error::Line`] for the first document
/// that is not annotated, or only in part: what is not marked in it would count as no entity.
pub fn read_annotated(
    file_name: &str,
    content: &str,
    labels: &Labels,
) -> Result<Vec<Imported>, Error> {
    annotated(file_name, content, Some(labels))
}

/// As [`read_annotated`], whatever the types are.
///
/// # Errors
/// As [`read_annotated`], but for unknown types.
pub fn read_annotated_any_type(file_name: &str, content: &str) -> Result<Vec<Imported>, Error> {
    annotated(file_name, content, None)
}

fn annotated(
    file_name: &str,
    content: &str,
    labels: Option<&Labels>,
) -> Result<Vec<Imported>, Error> {
    let kind = match extension(file_name).and_then(Kind::of_extension) {
        None | Some(Kind::Text) => Kind::Words,
        Some(kind) => kind,
    };
    let imported = read_of(kind, file_name, content, labels)?;
    if imported.is_empty() {
        return Err(Error::File {
            file: file_name.to_owned(),
            problem: "holds no documents".to_owned(),
        });
    }
    let unfit = |imported: &&Imported| !imported.annotated || imported.partial;
    let Some(unfit) = imported.iter().find(unfit) else {
        return Ok(imported);
    };
    let problem = match unfit.annotated {
        true => {
            "an answer about one mark (`_view_id` \"ner\") says nothing of other entities; annotate the text \
             with ner.manual or ner.correct"
        }
        false => {
            "has a text without marks; leave it out, or give it `entities`, `label` or `spans`, which are \
             empty where there is nothing to mark"
        }
    };
    let line = unfit.line;
    Err(Place {
        file: file_name,
        line,
    }
    .error(problem))
}

/// Reads the documents of a file of a known kind.
///
/// # Errors
/// [`Error::Line`] with file and line of what cannot be read: broken syntax, an unknown label or
/// type, and a mark that overlaps another, does not begin and end on words, or is not in its text.
pub fn read_as(
    kind: Kind,
    file_name: &str,
    content: &str,
    labels: &Labels,
) -> Result<Vec<Imported>, Error> {
    read_of(kind, file_name, content, Some(labels))
}

/// Reads documents whose marks are of the labels' types, or of any.
fn read_of(
    kind: Kind,
    file_name: &str,
    content: &str,
    labels: Option<&Labels>,
) -> Result<Vec<Imported>, Error> {
    let inside = without_mark(content);
    match kind {
        // Here it may be the text's own.
        Kind::Text => Ok(vec![plain(stem(file_name), content)]),
        Kind::JsonLines => json::read_lines(file_name, inside, labels),
        Kind::Json => json::read_values(file_name, inside, labels),
        Kind::Words => labels
            .map_or_else(
                || conll::read_any_type(file_name, content),
                |labels| conll::read(file_name, content, labels),
            )
            .map_err(|error| of_table(file_name, inside).unwrap_or(error)),
        Kind::Table => csv::read(file_name, inside),
    }
}

/// Reads the texts of a file of a known kind, whatever is marked in them: also those that were rejected,
/// marks that do not fit, and types that nobody knows.
///
/// # Errors
/// [`Error::Line`] with file and line of broken syntax, and of what has no text.
pub fn read_texts(kind: Kind, file_name: &str, content: &str) -> Result<Vec<Text>, Error> {
    let inside = without_mark(content);
    let imported = match kind {
        Kind::Text => vec![plain(stem(file_name), content)],
        Kind::JsonLines => return json::texts_of_lines(file_name, inside),
        Kind::Json => return json::texts_of_values(file_name, inside),
        Kind::Words => conll::read_words(file_name, content)
            .map_err(|error| of_table(file_name, inside).unwrap_or(error))?,
        Kind::Table => csv::read(file_name, inside)?,
    };
    let text = |imported: Imported| Text {
        id: to_raw_value(&imported.document.id).expect("a string is JSON"),
        text: imported.document.text,
        line: imported.line,
    };
    Ok(imported.into_iter().map(text).collect())
}

/// What is wrong with a table of texts that is named as words and labels are.
fn of_table(file: &str, content: &str) -> Option<Error> {
    let is_tsv = extension(file)?.eq_ignore_ascii_case("tsv");
    let mut columns = first_line(content)?.split('\t').map(str::trim);
    let has_text = columns
        .clone()
        .any(|column| column.eq_ignore_ascii_case("text"));
    // Where the last column is a label, `text` is a word.
    let is_word = columns.next_back().is_some_and(conll::is_label);
    (is_tsv && has_text && !is_word).then(|| {
        let problem = "is a table of texts, and a .tsv is read as words and labels; name it .csv, its tabs can stay";
        Place { file, line: 1 }.error(problem)
    })
}

/// Without the byte order mark that a file may begin with.
fn without_mark(content: &str) -> &str {
    content.strip_prefix('\u{feff}').unwrap_or(content)
}

/// A text without marks.
fn plain(id: &str, text: &str) -> Imported {
    Imported {
        document: Exported {
            id: id.to_owned(),
            text: text.to_owned(),
            marks: Vec::new(),
        },
        named: true,
        annotated: false,
        partial: false,
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
