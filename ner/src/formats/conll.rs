//! CoNLL: [`super::bio`] with a `-DOCSTART-` line before each document.
//!
//! ```text
//! -DOCSTART- id=note-1 model=models/default version=clinical-ner%200.1.0 sha256=… threshold=0.4 O
//!
//! Low O
//! estrogen B-Hormones
//! ```
//!
//! Readers, such as that of Hugging Face's `conll2003`, pass over a line that begins so; its last
//! column is `O` for those that do not. Values are percent-encoded. A paragraph is a sentence of the
//! format: a blank line follows it. Scores, sources and white space have no place in it.

use super::bio::{self, DOCSTART};
use super::pairs;
use super::read::{Imported, first_line};
use super::{Exported, Mark, Provenance};
use crate::boundary::line_ends;
use crate::decode::label_ids;
use crate::tokenize::words;
use crate::{Document, Error, Labels, Span, Tag};

/// Writes a document, its `-DOCSTART-` line included.
///
/// # Errors
/// [`Error::Document`] for a mark that does not begin and end on words, or whose type has white
/// space, which separates columns.
pub fn document(document: &Exported, provenance: &Provenance) -> Result<String, Error> {
    let error = |problem: String| Error::Document {
        id: document.id.clone(),
        problem,
    };
    let spans = || document.marks.iter().map(|mark| &mark.span);
    let mut types: Vec<&str> = spans().map(|span| span.label.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    if let Some(label) = types
        .iter()
        .find(|label| label.is_empty() || label.contains(char::is_whitespace))
    {
        return Err(error(format!(
            "`{label}` cannot be a label in columns; rename the type without white space"
        )));
    }
    let labels = Labels::of_types(&types);
    let text = &document.text;
    let words = words(text);
    let spans: Vec<Span> = spans().cloned().collect();
    let ids =
        label_ids(text, &words, &spans, &labels).map_err(|problem| error(problem.to_string()))?;

    let about = [("id", document.id.clone())]
        .into_iter()
        .chain(pairs::provenance(provenance));
    let mut content = format!("{DOCSTART} {} O\n\n", pairs::write(about));
    let mut end = 0;
    for (number, (word, id)) in words.iter().zip(ids).enumerate() {
        let inside = matches!(labels.tag(id), Tag::Inside(_));
        if number > 0 && !inside && line_ends(&text[end..word.start]) > 1 {
            content.push('\n');
        }
        content.push_str(&text[word.clone()]);
        content.push(' ');
        content.push_str(&labels.names()[id]);
        content.push('\n');
        end = word.end;
    }
    if !words.is_empty() {
        content.push('\n');
    }
    Ok(content)
}

/// Reads BIO. The sentences after a `-DOCSTART-` line with an `id=` are the paragraphs of one
/// document of this name; any other sentence is a document that is named by its line, as
/// [`bio::read`] has it.
///
/// # Errors
/// As [`bio::read`].
pub fn read(file: &str, content: &str, labels: &Labels) -> Result<Vec<Imported>, Error> {
    documents(file, content, Some(labels))
}

/// As [`read`], whatever the types are.
///
/// # Errors
/// As [`read`], but for unknown types.
pub(super) fn read_any_type(file: &str, content: &str) -> Result<Vec<Imported>, Error> {
    documents(file, content, Some(&bio::labels(content)?))
}

/// Reads the words alone: whatever the labels are, nothing is marked.
///
/// # Errors
/// [`Error::Line`] for a line without a label, or with what is neither `O` nor `B-` or `I-` and a type.
pub(super) fn read_words(file: &str, content: &str) -> Result<Vec<Imported>, Error> {
    documents(file, content, None)
}

fn documents(file: &str, content: &str, labels: Option<&Labels>) -> Result<Vec<Imported>, Error> {
    let mut documents = Vec::new();
    for section in bio::sections(file, content, labels)? {
        let id = section
            .heading
            .and_then(|heading| pairs::value(heading, "id"));
        match id {
            Some(id) => documents.push(imported(section.line, true, joined(id, section.sentences))),
            None => documents.extend(section.sentences.into_iter().map(|sentence| {
                let line = sentence.id.parse().unwrap_or(section.line);
                imported(line, false, sentence)
            })),
        }
    }
    Ok(documents)
}

fn imported(line: usize, named: bool, document: Document) -> Imported {
    Imported {
        document: Exported {
            id: document.id,
            text: document.text,
            marks: document.spans.into_iter().map(Mark::by_person).collect(),
        },
        named,
        annotated: true,
        partial: false,
        line,
    }
}

/// Sentences as the paragraphs of one document.
fn joined(id: String, sentences: Vec<Document>) -> Document {
    let mut whole = Document {
        id,
        ..Document::default()
    };
    for sentence in sentences {
        if !whole.text.is_empty() {
            whole.text.push_str("\n\n");
        }
        let start = whole.text.len();
        whole.text.push_str(&sentence.text);
        whole
            .spans
            .extend(sentence.spans.into_iter().map(|span| Span {
                range: start + span.range.start..start + span.range.end,
                ..span
            }));
    }
    whole
}

/// Whether something has the form of a BIO label, of any type.
pub(super) fn is_label(label: &str) -> bool {
    let kind = label.strip_prefix("B-").or(label.strip_prefix("I-"));
    label == "O" || kind.is_some_and(|kind| !kind.is_empty())
}

/// Whether a text is words and labels rather than a note: it begins with a `-DOCSTART-` line, or with
/// a line of two columns whose second is a label, and has such a line with a `B-` label too.
///
/// A note may begin with "Type O"; that it also has a line like `pain B-Symptoms`, of two words, is
/// not to be expected. A file whose labels are all `O` has to be named `.bio` or `.conll`.
pub fn is_likely(content: &str, labels: &Labels) -> bool {
    let tag = |line: &str| {
        let mut columns = line.split_ascii_whitespace();
        let (_word, label) = (columns.next()?, columns.next()?);
        if columns.next().is_some() {
            return None;
        }
        labels.id(label).map(|id| labels.tag(id))
    };
    let Some(first) = first_line(content) else {
        return false;
    };
    first.split_ascii_whitespace().next() == Some(DOCSTART)
        || tag(first).is_some()
            && content
                .split('\n')
                .any(|line| matches!(tag(line), Some(Tag::Begin(_))))
}
