//! Annotated documents from files.

pub mod consistency;
pub mod corpus;
pub mod generate;
pub mod similar;
pub mod split;
pub mod stats;
pub mod validate;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use ner::decode::label_ids;
use ner::formats::{bio, jsonl};
use ner::tokenize::words;
use ner::{Document, Labels};

pub use corpus::{read_corpus, to_marked};
pub use split::{Fractions, Split, split};

/// A document and where it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// For messages: the file, and the line where the format tells it.
    pub place: String,
    /// What stands there.
    pub document: Document,
}

/// Documents that stay together: what is trained on, or what is evaluated on.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Such as `train`.
    pub name: String,
    /// In the order of their files.
    pub documents: Vec<Placed>,
}

/// Reads annotated documents from whatever a path holds: a directory or file of the authored corpus
/// (its first line that is not blank begins with `===`), JSON lines (`.jsonl`), or BIO lines (any
/// other file).
///
/// Every span begins and ends on a word and has a type of `labels`.
///
/// # Errors
/// Names file and line of what cannot be read.
pub fn read_documents(path: &Path, labels: &Labels) -> Result<Vec<Document>> {
    let placed = read_placed(path, labels)?;
    Ok(placed.into_iter().map(|placed| placed.document).collect())
}

/// As [`read_documents`], each document with its place.
///
/// # Errors
/// As [`read_documents`].
pub fn read_placed(path: &Path, labels: &Labels) -> Result<Vec<Placed>> {
    if path.is_dir() {
        return read_corpus(path, labels);
    }
    let name = path.display().to_string();
    let content = read_text(path)?;
    if path
        .extension()
        .is_some_and(|extension| extension == "jsonl")
    {
        let documents = jsonl::documents(&name, &content)?;
        for document in &documents {
            label_ids(
                &document.text,
                &words(&document.text),
                &document.spans,
                labels,
            )
            .with_context(|| format!("{name}: document `{}`", document.id))?;
        }
        let place = |document| Placed {
            place: name.clone(),
            document,
        };
        return Ok(documents.into_iter().map(place).collect());
    }
    let first = content
        .trim_start_matches('\u{feff}')
        .lines()
        .find(|line| !line.trim().is_empty());
    if first.is_some_and(|line| line.starts_with(corpus::HEADING)) {
        return read_corpus(path, labels);
    }
    let documents = bio::read(&name, &content, labels)?.into_iter();
    // A sentence is named for its line.
    let place = |document: Document| Placed {
        place: format!("{name}:{}", document.id),
        document,
    };
    Ok(documents.map(place).collect())
}

/// The text of a file.
fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        anyhow!("{}:{line}: not UTF-8; convert the file", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part from the text of a file of the corpus; its name is the file's.
    pub(super) fn part(name: &str, content: &str) -> Part {
        let documents = corpus::parse(name, content, &Labels::guide()).unwrap();
        let placed = |(line, document)| Placed {
            place: format!("{name}:{line}"),
            document,
        };
        Part {
            name: name.to_owned(),
            documents: documents.into_iter().map(placed).collect(),
        }
    }

    /// Reads a file of this name and content.
    fn read(name: &str, content: &[u8]) -> Result<Vec<Document>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        fs::write(&path, content)?;
        read_documents(&path, &Labels::guide())
    }

    #[test]
    fn every_format_gives_the_same_document() {
        let entity = r#"{"entity_group": "Hormones", "word": "AMH", "start": 4, "end": 7}"#;
        let jsonl = &format!(r#"{{"id": "1", "text": "low AMH", "entities": [{entity}]}}"#);
        for (name, content) in [
            ("a.bio", "low O\nAMH B-Hormones\n"),
            ("a.txt", "low O\nAMH B-Hormones\n"),
            ("a", "low\tO\r\nAMH\tB-Hormones"),
            ("a.txt", "\n=== 1\nlow [[AMH|Hormones]]\n"),
            ("a.corpus", "\u{feff}=== 1\r\nlow [[AMH|Hormones]]\r\n"),
            ("a.jsonl", jsonl),
        ] {
            let documents = read(name, content.as_bytes()).unwrap();
            assert_eq!(documents.len(), 1, "{name}");
            let Document { id, text, spans } = &documents[0];
            assert_eq!((id.as_str(), text.as_str()), ("1", "low AMH"), "{name}");
            assert_eq!(
                (spans[0].range.clone(), spans[0].label.as_str()),
                (4..7, "Hormones"),
                "{name}"
            );
        }
    }

    #[test]
    fn errors_name_the_file() {
        let check = |name: &str, content: &[u8], end: &str| {
            let error = format!("{:#}", read(name, content).unwrap_err());
            assert!(error.contains(&format!("{name}{end}")), "{error}");
        };
        check("a.bio", b"low O\nAMH\n", ":2: `AMH` has no label");
        check(
            "a.bio",
            b"low O\nn\xe9e O\n",
            ":2: not UTF-8; convert the file",
        );
        check(
            "a.txt",
            b"=== 1\n[[AMH|Hormone]]\n",
            ":2: `Hormone` is not a type",
        );
        check("a.jsonl", b"\n{}\n", ":2: missing field `text`");
        let record = |kind: &str, word: &str, end: usize| {
            let entity = format!(
                r#"{{"entity_group": "{kind}", "word": "{word}", "start": 0, "end": {end}}}"#
            );
            format!(r#"{{"id": "n1", "text": "AMH", "entities": [{entity}]}}"#)
        };
        let cut = "`AM` does not begin and end on a word";
        check(
            "a.jsonl",
            record("Hormones", "AM", 2).as_bytes(),
            &format!(": document `n1`: span 0..2 of type `Hormones`: {cut}"),
        );
        check(
            "a.jsonl",
            record("Hormone", "AMH", 3).as_bytes(),
            ": document `n1`: span 0..3 of type `Hormone`: the type is not",
        );
        assert!(
            format!(
                "{:#}",
                read_documents(Path::new("no/such/file"), &Labels::guide()).unwrap_err()
            )
            .contains("no/such/file")
        );
    }
}
