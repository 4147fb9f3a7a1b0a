//! Tables: what is read from them, and that nothing which is written to one runs in a spreadsheet.

#![no_main]

use fuzz::{check_error, check_lines, provenance};
use libfuzzer_sys::fuzz_target;
use ner::formats::read::{Kind, read_as};
use ner::formats::{Exported, Format, Imported, write};
use ner::{Error, Labels};

fuzz_target!(|content: &str| {
    let labels = fuzz::labels();
    match read(content, &labels) {
        Ok(imported) => {
            check_lines(&imported, content);
            check_again(&imported, &labels);
            check_written(&fuzz::documents(imported));
        }
        Err(error) => check_error(&error, content),
    }
});

fn read(content: &str, labels: &Labels) -> Result<Vec<Imported>, Error> {
    read_as(Kind::Table, "a.csv", content, labels)
}

/// A table of the same cells, all of them in quotes, has the same texts.
fn check_again(imported: &[Imported], labels: &Labels) {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let row = |one: &Imported| {
        let id = if one.named { &one.document.id } else { "" };
        format!("{},{}\n", quoted(id), quoted(&one.document.text))
    };
    let table: String = imported.iter().map(row).collect();
    let again = read(&format!("id,text\n{table}"), labels).expect("a well-formed table");
    assert_eq!(imported.len(), again.len());
    for (before, after) in imported.iter().zip(&again) {
        assert_eq!(before.document.text, after.document.text);
        assert_eq!(before.named, after.named);
        assert!(!before.named || before.document.id == after.document.id);
    }
}

/// Whatever the ids are, they stay cells, and none begins as a formula does.
fn check_written(documents: &[Exported]) {
    let table = write::write(Format::Csv, documents, &provenance()).expect("cells can be anything");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let mut rows = 0;
    for row in reader.records() {
        let row = row.expect("rows of one length");
        let runs = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        assert!(!row.iter().any(runs), "{row:?}");
        let id = &documents[rows].id;
        let cell = row[0].strip_prefix('\'').filter(|cell| id == cell);
        assert_eq!(cell.unwrap_or(&row[0]), id);
        rows += 1;
    }
    assert_eq!(rows, documents.len());
}
