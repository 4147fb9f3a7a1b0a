//! Annotated documents from files.

pub mod consistency;
pub mod corpus;
pub mod generate;
pub mod similar;
pub mod split;
pub mod stats;
pub mod validate;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ner::formats::{Exported, Imported, Source, brat, read_annotated, read_annotated_any_type};
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
/// Names file and line of what cannot be read, of a text that has no marks to say of it, and a folder of
/// documents in a folder of documents.
pub fn read_documents(path: &Path, labels: &Labels) -> Result<Vec<Document>> {
    let placed = read_placed(path, labels)?;
    Ok(placed.into_iter().map(|placed| placed.document).collect())
}

/// As [`read_documents`], each document with its place. Says on standard error how many marks are a
/// model's that nobody has accepted.
///
/// # Errors
/// As [`read_documents`].
pub fn read_placed(path: &Path, labels: &Labels) -> Result<Vec<Placed>> {
    read_warning(path, Some(labels))
}

/// As [`read_placed`], whatever the types are.
///
/// # Errors
/// As [`read_documents`], but for unknown types.
pub fn read_placed_any_type(path: &Path) -> Result<Vec<Placed>> {
    read_warning(path, None)
}

fn read_warning(path: &Path, labels: Option<&Labels>) -> Result<Vec<Placed>> {
    let mut unconfirmed = 0;
    let placed = read_counting(path, labels, &mut unconfirmed)?;
    if unconfirmed > 0 {
        eprintln!(
            "warning: {}: {unconfirmed} of the marks are a model's that nobody has accepted; training and \
             evaluation take its guesses for the truth. Accept or correct them first",
            path.display()
        );
    }
    Ok(placed)
}

/// Reads documents and counts the marks of models that nobody has accepted.
fn read_counting(
    path: &Path,
    labels: Option<&Labels>,
    unconfirmed: &mut usize,
) -> Result<Vec<Placed>> {
    let mut placed = |place: String, exported: &Exported| {
        let guesses = exported.marks.iter();
        let guesses = guesses.filter(|mark| mark.source == Source::Model && !mark.accepted);
        *unconfirmed += guesses.count();
        Placed {
            place,
            document: Document::from(exported),
        }
    };
    if path.is_dir() {
        refuse_nested(path)?;
        let annotated = files_of(path, "ann")?;
        if annotated.is_empty() {
            return read_corpus(path, labels);
        }
        refuse_unannotated(path, &annotated)?;
        let read = |file: &PathBuf| {
            Ok(placed(
                file.display().to_string(),
                &read_brat(file, labels)?,
            ))
        };
        return annotated.iter().map(read).collect();
    }
    let name = path.display().to_string();
    if has_extension(path, "ann") {
        return Ok(vec![placed(name, &read_brat(path, labels)?)]);
    }
    let content = read_text(path)?;
    let first = content
        .trim_start_matches('\u{feff}')
        .lines()
        .find(|line| !line.trim().is_empty());
    if first.is_some_and(|line| line.starts_with(corpus::HEADING)) {
        return read_corpus(path, labels);
    }
    let imported = match labels {
        Some(labels) => read_annotated(&name, &content, labels)?,
        None => read_annotated_any_type(&name, &content)?,
    };
    let imported = imported.into_iter();
    let read = |imported: Imported| placed(format!("{name}:{}", imported.line), &imported.document);
    Ok(imported.map(read).collect())
}

/// The document of an `.ann` file and the `.txt` file beside it.
fn read_brat(path: &Path, labels: Option<&Labels>) -> Result<Exported> {
    let annotations = read_text(path)?;
    let text = read_text(&text_of(path)?)?;
    // Errors name the file by its id, which is its path here.
    let whole = path.with_extension("").display().to_string();
    let imported = match labels {
        Some(labels) => brat::read(&whole, &text, &annotations, labels)?,
        None => brat::read_any_type(&whole, &text, &annotations)?,
    };
    let mut document = imported.document;
    let stem = path.file_stem().unwrap_or_default();
    document.id = stem.to_string_lossy().into_owned();
    Ok(document)
}

/// The `.txt` file beside an `.ann` file, whose extension may be in another case.
fn text_of(path: &Path) -> Result<PathBuf> {
    let usual = path.with_extension("txt");
    if usual.exists() {
        return Ok(usual);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let texts = files_of(folder.unwrap_or(Path::new(".")), "txt")?;
    let same = texts
        .into_iter()
        .find(|text| text.file_stem() == path.file_stem());
    Ok(same.unwrap_or(usual))
}

/// # Errors
/// Names a text without annotations, which nobody has looked at.
fn refuse_unannotated(folder: &Path, annotated: &[PathBuf]) -> Result<()> {
    let stems: HashSet<_> = annotated.iter().map(|file| file.file_stem()).collect();
    let texts = files_of(folder, "txt")?;
    match texts.iter().find(|text| !stems.contains(&text.file_stem())) {
        None => Ok(()),
        Some(text) => bail!(
            "{}: has no .ann file beside it; annotate it, or move it away (an empty .ann says that nothing \
             is marked)",
            text.display()
        ),
    }
}

/// # Errors
/// Names a folder in the folder that holds documents too, which would be left out. Hidden ones, such as
/// those of editors, do not count.
fn refuse_nested(folder: &Path) -> Result<()> {
    for path in entries(folder)? {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            let documents = [files_of(&path, "ann")?, files_of(&path, "txt")?].concat();
            ensure!(
                documents.is_empty(),
                "{}: holds .ann or .txt files, and of {} only the files beside it are read; name this folder \
                 by itself, or move it away",
                path.display(),
                folder.display()
            );
        }
    }
    Ok(())
}

/// The files of a folder that have an extension, in any case, in the order of their names.
pub(crate) fn files_of(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = entries(folder)?;
    files.retain(|path| has_extension(path, extension));
    files.sort();
    Ok(files)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<io::Result<_>>()
    });
    entries.with_context(|| folder.display().to_string())
}

/// The text of a file.
fn read_text(path: &Path) -> Result<String> {
    let name = path.display().to_string();
    let bytes = fs::read(path).with_context(|| name.clone())?;
    utf8(&name, 1, 0, bytes)
}

/// The text of bytes that begin at this line, from 1, and byte of a file.
///
/// # Errors
/// Names file, line and byte of what is not UTF-8.
pub(crate) fn utf8(file: &str, line: usize, offset: usize, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes()[..at].iter();
        let line = line + before.filter(|&&byte| byte == b'\n').count();
        let at = offset + at;
        anyhow!("{file}:{line}: not UTF-8 at byte {at}; convert the file")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part from the text of a file of the corpus; its name is the file's.
    pub(super) fn part(name: &str, content: &str) -> Part {
        let documents = corpus::parse(name, content, Some(&Labels::guide())).unwrap();
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
            ":2: not UTF-8 at byte 7; convert the file",
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
        check("a.csv", b"text\nlow AMH\n", ":2: has a text without marks");
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
        fs::remove_file(folder.path().join("a.txt")).unwrap();
        let error = format!("{:#}", read(folder.path()).unwrap_err());
        assert!(error.contains("b.txt"), "{error}");
    }

    #[test]
    fn nothing_in_a_folder_is_left_out() {
        let check = |files: &[&str], expected: Result<&[&str], &str>| {
            let folder = tempfile::tempdir().unwrap();
            for name in files {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "").unwrap();
            }
            let read = read_documents(folder.path(), &Labels::guide());
            match (read, expected) {
                (Ok(documents), Ok(expected)) => {
                    let ids: Vec<&str> = documents.iter().map(|d| d.id.as_str()).collect();
                    assert_eq!(ids, expected, "{files:?}");
                }
                (Err(error), Err(expected)) => {
                    let error = format!("{error:#}");
                    assert!(error.contains(expected), "{error}");
                }
                (read, _) => panic!("{files:?}: {read:?}"),
            }
        };
        check(
            &["a.ann", "a.txt", "B.ANN", "B.Txt", "x.md"],
            Ok(&["B", "a"]),
        );
        check(&["a.ann", "a.txt", "sub/b.md", ".git/c.txt"], Ok(&["a"]));
        let alone = "b.TXT: has no .ann file beside it; annotate it";
        check(&["a.ann", "a.txt", "b.TXT"], Err(alone));
        let nested = "sub: holds .ann or .txt files, and of ";
        check(&["a.ann", "a.txt", "sub/b.Ann"], Err(nested));
        check(&["a.txt", "sub/b.txt"], Err(nested));
        check(&["sub/b.txt"], Err(nested));
        check(&[], Err("no .txt file of the corpus is here"));
    }

    #[test]
    fn guesses_are_counted() {
        let check = |mark: &str, expected: usize| {
            let entity = r#"{"entity_group": "Hormones", "word": "AMH", "start": 0, "end": 3"#;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.jsonl");
            let record = format!(r#"{{"text": "AMH", "entities": [{entity}{mark}}}]}}"#);
            fs::write(&path, record).unwrap();
            let mut found = 0;
            read_counting(&path, Some(&Labels::guide()), &mut found).unwrap();
            assert_eq!(found, expected, "{mark}");
        };
        check("", 0);
        check(r#", "score": 0.5"#, 1);
        check(r#", "score": 0.5, "accepted": true"#, 0);
        check(r#", "score": 0.5, "source": "person""#, 0);
    }
}
