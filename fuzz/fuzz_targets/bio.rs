//! Words and labels, one per line: BIO, and CoNLL with its names of documents.

#![no_main]

use fuzz::{check_document, check_error, check_lines, labelled_words, spans, written_and_read};
use libfuzzer_sys::fuzz_target;
use ner::formats::read::{Kind, read_as, read_texts};
use ner::formats::{Format, Imported, bio, conll, read_annotated_any_type};
use ner::{Document, Labels};

fuzz_target!(|content: &str| {
    let labels = fuzz::labels();
    conll::is_likely(content, &labels);
    match bio::read("a", content, &labels) {
        Ok(documents) => check_sentences(&documents, &labels),
        Err(error) => check_error(&error, content),
    }
    match read_as(Kind::Words, "a", content, &labels) {
        Ok(imported) => check_imported(imported, content, &labels),
        Err(error) => check_error(&error, content),
    }
    if let Err(error) = read_annotated_any_type("a.bio", content) {
        check_error(&error, content);
    }
    // Without labels everything is read that is of their form.
    if let Err(error) = read_texts(Kind::Words, "a", content) {
        check_error(&error, content);
        assert!(read_as(Kind::Words, "a", content, &labels).is_err());
    }
});

/// Written and read again, all words have the labels that they had.
fn check_sentences(documents: &[Document], labels: &Labels) {
    let content = bio::write(documents, labels).expect("what was read can be written");
    let again = bio::read("a", &content, labels).expect("what was written can be read");
    // One without words leaves no trace.
    let before = documents
        .iter()
        .map(|one| labelled_words(&one.text, &one.spans, labels))
        .filter(|words| !words.is_empty());
    assert!(
        before.eq(again
            .iter()
            .map(|one| labelled_words(&one.text, &one.spans, labels))),
        "{content}"
    );
    let twice = bio::write(&again, labels).expect("what was read can be written");
    assert_eq!(content, twice, "written a second time");
}

fn check_imported(imported: Vec<Imported>, content: &str, labels: &Labels) {
    check_lines(&imported, content);
    let texts = read_texts(Kind::Words, "a", content).expect("labels do not make it harder");
    let texts = texts.into_iter().map(|text| text.text);
    assert!(texts.eq(imported.iter().map(|one| one.document.text.clone())));
    let documents = fuzz::documents(imported);
    for document in &documents {
        check_document(document, labels);
    }
    let again = written_and_read(Format::Conll, &documents, labels);
    assert_eq!(documents.len(), again.len());
    for (before, after) in documents.iter().zip(&again) {
        assert_eq!(before.id, after.id);
        let [before, after] =
            [before, after].map(|one| labelled_words(&one.text, &spans(one), labels));
        assert_eq!(before, after);
    }
}
