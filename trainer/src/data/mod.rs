//! Annotated documents from files.

pub mod consistency;
pub mod corpus;
pub mod generate;
pub mod similar;
pub mod split;
pub mod stats;
pub mod validate;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use ner::formats::{Imported, brat, read_annotated};
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
/// (its first line that is not blank begins with `===`), a directory or `.ann` file of brat's, JSON of
/// any of the shapes that `ner::formats::read` knows (`.jsonl`, `.json`), or words and labels (any
/// other file).
///
/// Every span begins and ends on a word and has a type of `labels`.
///
/// # Errors
/// Names file and line of what cannot be read, and a file that has no marks to say of its texts.
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
        let annotated = files_of(path, "ann")?;
        return match annotated.is_empty() {
            true => read_corpus(path, labels),
            false => annotated
                .iter()
                .map(|file| read_brat(file, labels))
                .collect(),
        };
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default();
    if extension.eq_ignore_ascii_case("ann") {
        return Ok(vec![read_brat(path, labels)?]);
    }
    let name = path.display().to_string();
    let content = read_text(path)?;
    let first = content
        .trim_start_matches('\u{feff}')
        .lines()
        .find(|line| !line.trim().is_empty());
    if first.is_some_and(|line| line.starts_with(corpus::HEADING)) {
        return read_corpus(path, labels);
    }
    let imported = read_annotated(&name, &content, labels)?;
    let place = |imported: Imported| Placed {
        place: format!("{name}:{}", imported.line),
        document: Document::from(&imported.document),
    };
    Ok(imported.into_iter().map(place).collect())
}

/// The document of an `.ann` file and the `.txt` file beside it.
fn read_brat(path: &Path, labels: &Labels) -> Result<Placed> {
    let annotations = read_text(path)?;
    let text = read_text(&path.with_extension("txt"))?;
    // Errors name the file by its id, which is its path here.
    let whole = path.with_extension("").display().to_string();
    let mut document = Document::from(&brat::read(&whole, &text, &annotations, labels)?.document);
    let stem = path.file_stem().unwrap_or_default();
    document.id = stem.to_string_lossy().into_owned();
    Ok(Placed {
        place: path.display().to_string(),
        document,
    })
}

/// The files of a folder that have an extension, in the order of their names.
pub(crate) fn files_of(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let name = || folder.display().to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(name)? {
        let path = entry.with_context(name)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
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
            ("a.json", &format!("[{jsonl}]")),
            (
                "a.jsonl",
                r#"{"id": 1, "text": "low AMH", "label": [[4, 7, "Hormones"]]}"#,
            ),
            (
                "a.jsonl",
                r#"{"text": "low AMH", "spans": [{"start": 4, "end": 7, "label": "Hormones"}]}"#,
            ),
            ("a.conll", "-DOCSTART- id=1 O\n\nlow O\nAMH B-Hormones\n"),
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
        check("a.jsonl", b"\n{}\n", ":2: column 2: missing field `text`");
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
            &format!(":1: an entity of type `Hormones`: {cut}"),
        );
        check(
            "a.jsonl",
            format!("\n{}", record("Hormone", "AMH", 3)).as_bytes(),
            ":2: an entity of type `Hormone`: the type is not",
        );
        let without = ": has texts without marks";
        check("a.jsonl", b"{\"text\": \"low AMH\"}", without);
        check("a.csv", b"text\nlow AMH\n", without);
        assert!(
            format!(
                "{:#}",
                read_documents(Path::new("no/such/file"), &Labels::guide()).unwrap_err()
            )
            .contains("no/such/file")
        );
    }

    #[test]
    fn folder_of_brat_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("b.ann", ""),
            ("b.txt", "no"),
            ("a.txt", "low AMH"),
            ("a.ann", "T1\tHormones 4 7\tAMH\n"),
            ("annotation.conf", "[entities]"),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let read = |path: &Path| read_documents(path, &Labels::guide());
        let documents = read(folder.path()).unwrap();
        let ids: Vec<&str> = documents.iter().map(|d| d.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(documents[0].spans[0].range, 4..7);
        let one = folder.path().join("a.ann");
        assert_eq!(read(&one).unwrap(), documents[..1]);
        fs::write(&one, "\nT1\tHormones 3 7\tAMH\n").unwrap();
        let error = format!("{:#}", read(folder.path()).unwrap_err());
        assert!(error.contains("a.ann:2: entity `AMH`"), "{error}");
        fs::remove_file(folder.path().join("b.txt")).unwrap();
        fs::remove_file(one).unwrap();
        let error = format!("{:#}", read(folder.path()).unwrap_err());
        assert!(error.contains("b.txt"), "{error}");
    }
}
