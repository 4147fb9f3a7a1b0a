//! BIO: `word LABEL` per line, a blank line between sentences.

use std::ops::Range;

use super::conll;
use crate::decode::label_ids;
use crate::tokenize::{is_punctuation, words};
use crate::{Document, Error, Labels, Span, Tag};

/// Reads BIO. Each sentence becomes a document whose text is its words joined by spaces and whose
/// id is the number of its first line.
///
/// The word is the first column, the label the last; columns between them (as in CoNLL) are passed
/// over. Columns are separated by spaces or tabs. `-DOCSTART-` lines end a sentence and say no more. A word that is
/// more than one BERT pre-token (the seed's white-space words, "periods,") is split; its
/// punctuation at the border of a span leaves the span. A line that is one punctuation character is
/// taken at its word.
///
/// # Errors
/// [`Error::Line`] with `file` and line for a missing column, an unknown label, an `I-X` that
/// continues nothing, or a span of punctuation only.
pub fn read(file: &str, content: &str, labels: &Labels) -> Result<Vec<Document>, Error> {
    let sections = sections(file, content, Some(labels))?;
    Ok(sections.into_iter().flat_map(|s| s.sentences).collect())
}

/// The sentences that follow a `-DOCSTART-` line; those before the first have none.
#[derive(Debug, Default)]
pub(super) struct Section<'a> {
    /// The `-DOCSTART-` line.
    pub(super) heading: Option<&'a str>,
    /// Its number, from 1.
    pub(super) line: usize,
    /// As [`read`] gives them.
    pub(super) sentences: Vec<Document>,
}

/// What begins a line that begins a document.
pub(super) const DOCSTART: &str = "-DOCSTART-";

/// Reads BIO as [`read`] does, with its `-DOCSTART-` lines; without labels, the words alone.
pub(super) fn sections<'a>(
    file: &str,
    content: &'a str,
    labels: Option<&Labels>,
) -> Result<Vec<Section<'a>>, Error> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let types = labels.map_or(&[][..], Labels::types);
    let mut sections = vec![Section::default()];
    let mut sentence = Vec::new();
    for (number, line) in (1..).zip(content.split('\n').chain([""])) {
        let error = |problem: String| Error::Line {
            file: file.to_owned(),
            line: number,
            problem,
        };
        let line = line.trim_matches([' ', '\t', '\r']);
        let mut columns = columns(line);
        let word = columns.next().unwrap_or_default();
        if word.is_empty() || word == DOCSTART {
            if !sentence.is_empty() {
                let document = document(file, &sentence, types)?;
                let section = sections.last_mut().expect("there is always one");
                section.sentences.push(document);
                sentence.clear();
            }
            if !word.is_empty() {
                sections.push(Section {
                    heading: Some(line),
                    line: number,
                    sentences: Vec::new(),
                });
            }
            continue;
        }
        let Some(label) = columns.next_back() else {
            return Err(error(format!(
                "`{word}` has no label: a line is a word, a space or tab, and a label"
            )));
        };
        let tag = match labels {
            Some(labels) => labels.id(label).map(|id| labels.tag(id)),
            None => conll::is_label(label).then_some(Tag::Outside),
        };
        let Some(tag) = tag else {
            return Err(error(unknown(label, labels)));
        };
        let previous = sentence.last().map(|line: &Line| line.tag);
        if !tag.follows(previous) {
            let after = previous.map_or(
                "at the beginning of a sentence",
                |_| "after a word that is not of its entity",
            );
            return Err(error(format!(
                "`{label}` {after}: an entity begins with `B{}`; where the file is IOB1, convert it to IOB2",
                &label[1..]
            )));
        }
        sentence.push(Line { number, word, tag });
    }
    Ok(sections)
}

/// The labels of all types that stand in the last column.
pub(super) fn labels(content: &str) -> Result<Labels, Error> {
    let last = content.split('\n').filter_map(|line| {
        let mut columns = columns(line);
        columns.next()?;
        columns.next_back()
    });
    Labels::of_data(last.filter(|label| conll::is_label(label)).filter_map(kind))
}

/// What a line holds; nothing where it is blank.
fn columns(line: &str) -> impl DoubleEndedIterator<Item = &str> {
    let columns = line.trim_matches([' ', '\t', '\r']).split([' ', '\t']);
    columns.filter(|column| !column.is_empty())
}

/// The type that a label is of; none for `O`.
fn kind(label: &str) -> Option<&str> {
    Some(label.split_once('-')?.1)
}

/// What is wrong with a label that is not known, and what to do.
fn unknown(label: &str, labels: Option<&Labels>) -> String {
    // The prefixes that BIO does not have: BIOES has E and S, BILOU L and U, BMEWO M and W.
    let is_other = label.split_once('-').is_some_and(|(prefix, kind)| {
        !kind.is_empty() && "ESLUMW".contains(prefix) && prefix.len() == 1
    });
    if is_other {
        return format!(
            "`{label}` is of a scheme like BIOES or BILOU, and labels are BIO (IOB2); convert the file: an \
             entity's first word is B-, every further one I-"
        );
    }
    let known = labels.map_or("O, B-TYPE, I-TYPE".to_owned(), |l| l.names().join(", "));
    format!("`{label}` is not a label; the labels are {known}")
}

struct Line<'a> {
    number: usize,
    word: &'a str,
    tag: Tag,
}

/// The document of a sentence.
fn document(file: &str, sentence: &[Line], types: &[String]) -> Result<Document, Error> {
    let mut text = String::new();
    let mut spans: Vec<Span> = Vec::new();
    let mut from = 0;
    while let Some(line) = sentence.get(from) {
        let inside = |line: &&Line| matches!(line.tag, Tag::Inside(_));
        let to = from + 1 + sentence[from + 1..].iter().take_while(inside).count();
        let mut pieces = Vec::new();
        for line in &sentence[from..to] {
            if !text.is_empty() {
                text.push(' ');
            }
            let start = text.len();
            text.push_str(line.word);
            pieces.extend(pre_tokens(start, line.word));
        }
        if let Tag::Begin(kind) = line.tag {
            let first = pieces.iter().find(|piece| !piece.1);
            let last = pieces.iter().rfind(|piece| !piece.1);
            let (Some(first), Some(last)) = (first, last) else {
                let problem = format!("the entity `{}` is punctuation only", line.word);
                return Err(Error::Line {
                    file: file.to_owned(),
                    line: line.number,
                    problem,
                });
            };
            spans.push(Span {
                range: first.0.start..last.0.end,
                label: types[kind].clone(),
            });
        }
        from = to;
    }
    Ok(Document {
        id: sentence[0].number.to_string(),
        text,
        spans,
    })
}

/// The pre-tokens of a BIO word that stands at `start` of its text, each with whether it is
/// punctuation that leaves a span which it borders on.
fn pre_tokens(start: usize, word: &str) -> impl Iterator<Item = (Range<usize>, bool)> {
    let pieces = words(word);
    let whole = pieces.len() == 1;
    pieces.into_iter().map(move |piece| {
        let leaves = !whole && word[piece.clone()].chars().all(is_punctuation);
        (start + piece.start..start + piece.end, leaves)
    })
}

/// Writes BIO, one word (BERT pre-token) per line. A document without words leaves no trace.
///
/// # Errors
/// [`Error::Document`] names a document with a span that does not begin and end on a word.
pub fn write(documents: &[Document], labels: &Labels) -> Result<String, Error> {
    let mut content = String::new();
    for document in documents {
        let words = words(&document.text);
        let ids = label_ids(&document.text, &words, &document.spans, labels).map_err(|e| {
            Error::Document {
                id: document.id.clone(),
                problem: e.to_string(),
            }
        })?;
        if words.is_empty() {
            continue;
        }
        if !content.is_empty() {
            content.push('\n');
        }
        for (word, id) in words.into_iter().zip(ids) {
            let word = &document.text[word];
            if content.is_empty() && word.starts_with('\u{feff}') {
                // A file's first U+FEFF is a byte order mark to its reader; the word's own comes
                // after it.
                content.push('\u{feff}');
            }
            content.push_str(&format!("{word} {}\n", labels.names()[id]));
        }
    }
    Ok(content)
}
