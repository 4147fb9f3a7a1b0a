//! The authored corpus: `.txt` files of documents, each begun by a line `=== id`, with marks
//! written `[[text|Type]]`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ner::tokenize::{is_punctuation, words};
use ner::{Document, Labels, Span};

use super::{Placed, files_of, read_text};

/// What a line that begins a document begins with.
pub const HEADING: &str = "===";

/// Reads one file of the corpus, or all `.txt` files of a directory in the order of their names.
///
/// A document's text is its lines without the marks' brackets, joined by "\n"; blank lines at its
/// beginning and end are dropped. Its place is that of its heading. Without labels, marks may have
/// any type.
///
/// # Errors
/// Names file and line of a bad or double id, of a mark with an unknown type, and of one that is
/// nested, not closed on its line, empty, cuts a word, or has white space or punctuation at its
/// border.
pub fn read_corpus(path: &Path, labels: Option<&Labels>) -> Result<Vec<Placed>> {
    let files = if path.is_dir() {
        text_files(path)?
    } else {
        vec![path.to_owned()]
    };
    let mut documents = Vec::new();
    let mut seen = HashMap::new();
    for file in files {
        let name = file.display().to_string();
        for (line, document) in parse(&name, &read_text(&file)?, labels)? {
            let place = format!("{name}:{line}");
            if let Some(earlier) = seen.insert(document.id.clone(), place.clone()) {
                bail!("{place}: the id `{}` stands at {earlier} too", document.id);
            }
            documents.push(Placed { place, document });
        }
    }
    Ok(documents)
}

fn text_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let files = files_of(folder, "txt")?;
    ensure!(
        !files.is_empty(),
        "{}: no .txt file of the corpus is here",
        folder.display()
    );
    Ok(files)
}

/// The documents of a file, each with the number of its heading's line.
pub(super) fn parse(
    file: &str,
    content: &str,
    labels: Option<&Labels>,
) -> Result<Vec<(usize, Document)>> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let lines: Vec<(usize, &str)> = (1..).zip(content.lines()).collect();
    let mut documents = Vec::new();
    let (before, sections) = match lines.iter().position(|(_, line)| line.starts_with(HEADING)) {
        Some(first) => lines.split_at(first),
        None => (&lines[..], &[][..]),
    };
    if let Some((number, _)) = before.iter().find(|(_, line)| !is_blank(line)) {
        bail!("{file}:{number}: a document begins with a line `=== id`");
    }
    for section in sections.chunk_by(|_, (_, next)| !next.starts_with(HEADING)) {
        let (number, heading) = section[0];
        let id = heading[HEADING.len()..].trim();
        let is_id = |id: &str| {
            id.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        if !heading[HEADING.len()..].starts_with(' ') || id.is_empty() || !is_id(id) {
            bail!(
                "{file}:{number}: `{heading}`: a heading is `=== ` and an id of letters, digits, `-`, `_` and `.`"
            );
        }
        let body = &section[1..];
        let Some(first) = body.iter().position(|(_, line)| !is_blank(line)) else {
            bail!("{file}:{number}: document `{id}` has no text");
        };
        let last = body
            .iter()
            .rposition(|(_, line)| !is_blank(line))
            .unwrap_or(first);
        let mut document = Document {
            id: id.to_owned(),
            ..Document::default()
        };
        for (number, line) in &body[first..=last] {
            if *number > body[first].0 {
                document.text.push('\n');
            }
            append(&mut document, line, labels).with_context(|| format!("{file}:{number}"))?;
        }
        documents.push((number, document));
    }
    Ok(documents)
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// Appends a line without its brackets to a document's text and its marks to the document's spans.
fn append(document: &mut Document, line: &str, labels: Option<&Labels>) -> Result<()> {
    let start = document.text.len();
    let first = document.spans.len();
    let mut rest = line;
    while let Some(open) = rest.find("[[") {
        // A bracket before a mark is text: of three the last two open it, as a mark never begins
        // with punctuation.
        let open = open + rest[open + 2..].chars().take_while(|&c| c == '[').count();
        append_text(document, &rest[..open])?;
        let Some(close) = rest[open..].find("]]").map(|close| open + close) else {
            bail!("`{}` is not closed by `]]` on its line", &rest[open..]);
        };
        let inside = &rest[open + 2..close];
        ensure!(
            !inside.contains("[["),
            "`{inside}`: marks do not nest, and `[[` only begins one"
        );
        let Some((marked, kind)) = inside.rsplit_once('|') else {
            bail!("`[[{inside}]]` has no type: a mark is `[[text|Type]]`");
        };
        ensure!(
            !kind.is_empty(),
            "`[[{inside}]]` has no type: a mark is `[[text|Type]]`"
        );
        if let Some(types) = labels.map(Labels::types) {
            ensure!(
                types.iter().any(|t| t == kind),
                "`{kind}` is not a type; the types are {}",
                types.join(", ")
            );
        }
        let range = document.text.len()..document.text.len() + marked.len();
        append_text(document, marked)?;
        document.spans.push(Span {
            range,
            label: kind.to_owned(),
        });
        rest = &rest[close + 2..];
    }
    append_text(document, rest)?;

    let words = words(&document.text[start..]);
    for span in &document.spans[first..] {
        let marked = &document.text[span.range.clone()];
        let at_border = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || is_punctuation(c));
        ensure!(
            !marked.is_empty(),
            "the mark of type {} is empty",
            span.label
        );
        if at_border(marked.chars().next()) || at_border(marked.chars().next_back()) {
            bail!(
                "`{marked}` begins or ends with white space or punctuation, which stays outside of a mark"
            );
        }
        let (from, to) = (span.range.start - start, span.range.end - start);
        let on_words =
            words.iter().any(|word| word.start == from) && words.iter().any(|word| word.end == to);
        ensure!(on_words, "`{marked}` cuts a word");
    }
    Ok(())
}

fn append_text(document: &mut Document, text: &str) -> Result<()> {
    ensure!(
        !text.contains("[["),
        "`{text}`: marks do not nest, and `[[` only begins one"
    );
    ensure!(!text.contains("]]"), "`{text}`: `]]` closes no mark");
    document.text.push_str(text);
    Ok(())
}

/// A document as the corpus holds it, heading included: the inverse of [`read_corpus`].
///
/// # Errors
/// For a document that the corpus cannot hold: its text has `[[`, `]]`, `===` at the beginning of a
/// line, a carriage return, or blank lines at its borders, or it has a bad id or marks that
/// [`read_corpus`] refuses.
pub fn to_marked(document: &Document) -> Result<String> {
    let mut marked = format!("{HEADING} {}\n", document.id);
    let mut at = 0;
    for span in &document.spans {
        let name = || {
            format!(
                "document `{}`: span {}..{}",
                document.id, span.range.start, span.range.end
            )
        };
        let before = document.text.get(at..span.range.start).with_context(name)?;
        let text = document.text.get(span.range.clone()).with_context(name)?;
        marked.push_str(&format!("{before}[[{text}|{}]]", span.label));
        at = span.range.end;
    }
    marked.push_str(&document.text[at..]);
    marked.push('\n');

    let mut types: Vec<&str> = document
        .spans
        .iter()
        .map(|span| span.label.as_str())
        .collect();
    types.sort_unstable();
    types.dedup();
    let again = parse(
        "as the corpus holds it",
        &marked,
        Some(&Labels::of_types(&types)),
    )
    .with_context(|| format!("document `{}`", document.id))?;
    match &again[..] {
        [(_, again)] if again == document => Ok(marked),
        _ => bail!(
            "document `{}`: the corpus cannot hold this text unchanged",
            document.id
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(content: &str) -> Result<Vec<Document>> {
        Ok(parse("f.txt", content, Some(&Labels::guide()))?
            .into_iter()
            .map(|(_, document)| document)
            .collect())
    }

    #[test]
    fn documents_are_read() {
        // Content, then id, text and marked texts of each document.
        let check = |content: &str, expected: &[(&str, &str, &[&str])]| {
            let documents = read(content).unwrap();
            let found: Vec<(&str, &str, Vec<&str>)> = documents
                .iter()
                .map(|d| {
                    (
                        d.id.as_str(),
                        d.text.as_str(),
                        d.spans.iter().map(|s| &d.text[s.range.clone()]).collect(),
                    )
                })
                .collect();
            let expected: Vec<(&str, &str, Vec<&str>)> = expected
                .iter()
                .map(|(id, text, marks)| (*id, *text, marks.to_vec()))
                .collect();
            assert_eq!(found, expected, "{content:?}");
        };
        check("", &[]);
        check("\n \n", &[]);
        check("=== a\nno marks", &[("a", "no marks", &[])]);
        check(
            "\u{feff}\n=== a-1\r\n\r\none\r\n\r\ntwo\r\n\r\n=== b_2.x \nthree\n",
            &[("a-1", "one\n\ntwo", &[]), ("b_2.x", "three", &[])],
        );
        check(
            "=== a\n\n  low [[AMH|Hormones]], [[LH|Hormones]]+6  \n",
            &[("a", "  low AMH, LH+6  ", &["AMH", "LH"])],
        );
        check(
            "=== a\n([[AMH|Hormones]]) [[[FSH|Hormones]]]",
            &[("a", "(AMH) [FSH]", &["AMH", "FSH"])],
        );
        check(
            "=== a\n[[N/V|Symptoms]]\n[[月经|Symptoms]]痛",
            &[("a", "N/V\n月经痛", &["N/V", "月经"])],
        );
        check(
            "=== a\n[[a|b|Symptoms]] [x] a|b ==",
            &[("a", "a|b [x] a|b ==", &["a|b"])],
        );
    }

    #[test]
    fn broken_files_name_file_and_line() {
        let check = |content: &str, message: &str| {
            let error = format!("{:#}", read(content).unwrap_err());
            assert_eq!(error, format!("f.txt:{message}"), "{content:?}");
        };
        check(
            "\ntext\n=== a\nb",
            "2: a document begins with a line `=== id`",
        );
        check("text", "1: a document begins with a line `=== id`");
        let rule = "a heading is `=== ` and an id of letters, digits, `-`, `_` and `.`";
        for heading in ["===", "=== ", "===a", "=== a b", "====", "=== ä"] {
            check(
                &format!("=== a\nb\n{heading}\nc"),
                &format!("3: `{heading}`: {rule}"),
            );
        }
        check("=== a\n\n=== b\nc", "1: document `a` has no text");
        check(
            "=== a\nb\n[[AMH|Hormone]]",
            "3: `Hormone` is not a type; the types are Symptoms, Hormones, Procedures, Medications, Ultrasound",
        );
        check(
            "=== a\n[[AMH]]",
            "2: `[[AMH]]` has no type: a mark is `[[text|Type]]`",
        );
        check(
            "=== a\nlow [[AMH|Hormones",
            "2: `[[AMH|Hormones` is not closed by `]]` on its line",
        );
        check(
            "=== a\n[[heavy\nbleeding|Symptoms]]",
            "2: `[[heavy` is not closed by `]]` on its line",
        );
        check(
            "=== a\nlow AMH|Hormones]]",
            "2: `low AMH|Hormones]]`: `]]` closes no mark",
        );
        check(
            "=== a\n[[low [[AMH|Hormones]]|Symptoms]]",
            "2: `low [[AMH|Hormones`: marks do not nest, and `[[` only begins one",
        );
        check(
            "=== a\n[[[[AMH|Hormones]]|Symptoms]]",
            "2: `[[`: marks do not nest, and `[[` only begins one",
        );
        check(
            "=== a\n[[|Hormones]]",
            "2: the mark of type Hormones is empty",
        );
        for marked in [" pain", "pain ", "pain.", "(pain", "-"] {
            let message = format!(
                "2: `{marked}` begins or ends with white space or punctuation, which stays outside of a mark"
            );
            check(&format!("=== a\n[[{marked}|Symptoms]]"), &message);
        }
        check("=== a\n[[cramp|Symptoms]]s", "2: `cramp` cuts a word");
        check("=== a\nanti[[body|Hormones]]", "2: `body` cuts a word");
    }

    #[test]
    fn double_ids_are_refused_over_files() {
        let folder = tempfile::tempdir().unwrap();
        let read = || read_corpus(folder.path(), Some(&Labels::guide()));
        assert!(format!("{:#}", read().unwrap_err()).contains("no .txt file"));
        fs::write(folder.path().join("2.txt"), "=== b\nb\n=== c\nc").unwrap();
        fs::write(folder.path().join("1.txt"), "=== a\na").unwrap();
        fs::write(folder.path().join("notes.md"), "not of the corpus").unwrap();
        let ids: Vec<String> = read()
            .unwrap()
            .into_iter()
            .map(|placed| placed.document.id)
            .collect();
        assert_eq!(ids, ["a", "b", "c"]);
        fs::write(folder.path().join("3.txt"), "=== d\nd\n\n=== b\nb").unwrap();
        let error = format!("{:#}", read().unwrap_err());
        assert!(
            error.contains("3.txt:4: the id `b` stands at ") && error.ends_with("2.txt:1 too"),
            "{error}"
        );
    }

    /// The corpus itself reads, and what is read writes and reads again.
    #[test]
    fn the_corpus_survives_a_round_trip() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/corpus");
        for part in ["train", "dev", "test"] {
            for Placed { document, .. } in
                read_corpus(&corpus.join(part), Some(&Labels::guide())).unwrap()
            {
                let marked = to_marked(&document).unwrap();
                assert_eq!(read(&marked).unwrap(), [document]);
            }
        }
    }

    #[test]
    fn what_the_corpus_cannot_hold_is_refused() {
        let check = |text: &str, range: Option<std::ops::Range<usize>>| {
            let spans = range
                .into_iter()
                .map(|range| Span {
                    range,
                    label: "Symptoms".into(),
                })
                .collect();
            let document = Document {
                id: "a".into(),
                text: text.into(),
                spans,
            };
            assert!(to_marked(&document).is_err(), "{text:?}");
        };
        for text in [
            "",
            " ",
            "a [[b",
            "a]]b",
            "=== b",
            "a\n=== b\nc",
            "\na",
            "a\n\n",
            "a\r\nb",
            "a\r",
        ] {
            check(text, None);
        }
        check("pain", Some(1..4));
        check("pain", Some(2..9));
        check("pain.", Some(0..5));
        check("two\nlines", Some(0..9));
    }
}
