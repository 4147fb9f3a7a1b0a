//! JSON in all of its shapes, line by line and as an array: ours, doccano's and Prodigy's.

#![no_main]

use fuzz::{check_document, check_error, check_lines, written_and_read};
use libfuzzer_sys::fuzz_target;
use ner::formats::read::{Kind, read_as, read_texts};
use ner::formats::{Format, Imported, read_annotated, read_annotated_any_type};
use ner::{Error, Labels};

fuzz_target!(|content: &str| {
    let labels = fuzz::labels();
    for (kind, name) in [(Kind::JsonLines, "a.jsonl"), (Kind::Json, "a.json")] {
        if let Err(error) = read_annotated_any_type(name, content) {
            check_error(&error, content);
        }
        let imported = match read_as(kind, name, content, &labels) {
            Ok(imported) => imported,
            Err(error) => {
                check_error(&error, content);
                if let Err(error) = read_texts(kind, name, content) {
                    check_error(&error, content);
                }
                continue;
            }
        };
        check_lines(&imported, content);
        check_texts(kind, name, content, &imported);
        check_gold(name, content, &imported, &labels);
        let documents = fuzz::documents(imported);
        for document in &documents {
            check_document(document, &labels);
        }
        for format in [
            Format::Json,
            Format::Jsonl,
            Format::DoccanoJsonl,
            Format::ProdigyJsonl,
        ] {
            let again = written_and_read(format, &documents, &labels);
            assert_eq!(documents, again, "{format:?}");
        }
    }
});

/// The texts alone are at least those that were read with their marks.
fn check_texts(kind: Kind, name: &str, content: &str, imported: &[Imported]) {
    let texts = read_texts(kind, name, content).expect("marks do not make it easier");
    let mut texts = texts.iter();
    for Imported { document, line, .. } in imported {
        let found = texts.any(|text| (&text.text, text.line) == (&document.text, *line));
        assert!(found, "line {line} is not among the texts");
    }
}

/// What may be trained on is all of it or an error.
fn check_gold(name: &str, content: &str, imported: &[Imported], labels: &Labels) {
    let is_gold = |one: &Imported| one.annotated && !one.partial;
    match read_annotated(name, content, labels) {
        Ok(gold) => assert!(gold == imported && gold.iter().all(is_gold)),
        Err(Error::File { .. }) => assert!(imported.is_empty()),
        Err(error) => {
            check_error(&error, content);
            assert!(!imported.iter().all(is_gold), "{error}");
        }
    }
}
