//! Errors for a terminal or an editor.

use std::fmt::Write as _;

use super::{Error, Shown, Subject};
use crate::report;

/// Counts, the confusion matrix, and the errors in the order of the documents. An error's first line
/// begins with file and line as a compiler's does, so that an editor can go there.
pub(super) fn listing(subject: &Subject, errors: &[Error]) -> String {
    let mut listing = format!(
        "{} on {}\n\n{}\n{}",
        subject.model,
        subject.data.display(),
        report::outcomes(&subject.evaluation.outcomes),
        report::confusion(&subject.evaluation.confusion),
    );
    for error in errors {
        let (place, name, id) = (error.place, error.category.name(), error.document);
        // Writing to a string does not fail.
        let _ = writeln!(listing, "\n{place}: {name} in document `{id}`");
        for (whose, shown) in error.entities() {
            let _ = writeln!(listing, "  {whose:9}  {}", line(shown));
        }
    }
    listing
}

/// Type, code points, score, and the entity in brackets among its surroundings.
fn line(shown: &Shown) -> String {
    let score = shown.score.map(|score| format!("  {score:.2}"));
    format!(
        "{} {}..{}{}  {}[{}]{}",
        shown.label,
        shown.start,
        shown.end,
        score.unwrap_or_default(),
        one_line(shown.before),
        one_line(shown.word),
        one_line(shown.after),
    )
}

/// White space as spaces; what else a terminal would obey, an escape say, as it is written in Rust.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_whitespace() => line.push(' '),
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}
