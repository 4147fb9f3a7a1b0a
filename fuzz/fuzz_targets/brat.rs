//! brat's two files: a text, and after the first NUL its annotations.

#![no_main]

use fuzz::{check_document, check_error, provenance};
use libfuzzer_sys::fuzz_target;
use ner::formats::brat;

fuzz_target!(|content: &str| {
    let (text, annotations) = content.split_once('\0').unwrap_or((content, ""));
    let labels = fuzz::labels();
    let imported = match brat::read("a", text, annotations, &labels) {
        Ok(imported) => imported,
        Err(error) => return check_error(&error, annotations),
    };
    assert_eq!(imported.document.text, text);
    check_document(&imported.document, &labels);
    let written = brat::annotations(&imported.document, &provenance());
    let written = written.expect("types that were read can be written");
    let again = brat::read("a", text, &written, &labels);
    assert_eq!(again.as_ref(), Ok(&imported), "{written}");
});
