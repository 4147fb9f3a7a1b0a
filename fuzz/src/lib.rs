//! What the fuzz targets have in common: a label set, and what must hold for every document that was
//! read from anything.

pub mod model;

use std::alloc::System;

use cap::Cap;
use ner::formats::{Exported, Format, Imported, Provenance, read, write};
use ner::tokenize::words;
use ner::{Error, Labels, Span, decode};

/// Memory that was asked for at any time: who asks for more on the word of a file ends here, with any
/// sanitizer or without. A model's tensor that has yet to arrive may have 64 MiB.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 100 << 20);

/// Two types with names that mutations hit upon.
pub fn labels() -> Labels {
    Labels::of_types(&["S", "H"])
}

/// What the exports of the targets name as their origin.
pub fn provenance() -> Provenance {
    Provenance {
        model: "a model".into(),
        version: ner::formats::VERSION.into(),
        sha256: "00ff".repeat(16),
        threshold: 0.4,
    }
}

/// Checks that the marks are of the labels, stand in text order on words of their text and do not
/// overlap, and that scores are probabilities.
pub fn check_document(document: &Exported, labels: &Labels) {
    labelled_words(&document.text, &spans(document), labels);
    let ranges = || document.marks.iter().map(|mark| &mark.span.range);
    assert!(
        ranges()
            .zip(ranges().skip(1))
            .all(|(a, b)| a.end <= b.start),
        "marks are not in text order: {document:?}"
    );
    let mut scores = document.marks.iter().filter_map(|mark| mark.score);
    assert!(
        scores.all(|score| (0.0..=1.0).contains(&score)),
        "a score is no probability: {document:?}"
    );
}

/// Checks that documents were found in the lines of their file, in its order.
pub fn check_lines(imported: &[Imported], content: &str) {
    let lines = imported.iter().map(|imported| imported.line);
    assert!(lines.clone().is_sorted(), "documents are out of order");
    let last = content.matches('\n').count() + 1;
    for line in lines {
        assert!((1..=last).contains(&line), "line {line} of {last}");
    }
}

/// Checks that an error names a line of the file, where it names one.
pub fn check_error(error: &Error, content: &str) {
    let last = content.matches('\n').count() + 1;
    if let Error::Line { line, .. } = error {
        assert!((1..=last).contains(line), "{error}: there are {last} lines");
    }
    assert!(!error.to_string().is_empty());
}

/// The marked stretches of a document.
pub fn spans(document: &Exported) -> Vec<Span> {
    let spans = document.marks.iter().map(|mark| mark.span.clone());
    spans.collect()
}

/// The words of a text with the labels of its marks, which all begin and end on words.
pub fn labelled_words<'a>(text: &'a str, spans: &[Span], labels: &Labels) -> Vec<(&'a str, usize)> {
    let words = words(text);
    let ids = decode::label_ids(text, &words, spans, labels).expect("marks are on words");
    let texts = words.into_iter().map(|word| &text[word]);
    texts.zip(ids).collect()
}

/// Documents after they were written to one file in a format and read again.
pub fn written_and_read(format: Format, documents: &[Exported], labels: &Labels) -> Vec<Exported> {
    let file = write::files(format, "a", documents, &provenance(), labels);
    let file = file.expect("what was read can be written").remove(0);
    let again = read(&file.name, &file.content, labels)
        .unwrap_or_else(|error| panic!("what was written is not read: {error}\n{}", file.content));
    again
        .into_iter()
        .map(|imported| imported.document)
        .collect()
}

/// The documents of a file.
pub fn documents(imported: Vec<Imported>) -> Vec<Exported> {
    imported
        .into_iter()
        .map(|imported| imported.document)
        .collect()
}
