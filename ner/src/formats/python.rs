//! Python literals, for the seed's printed form `[('irregular periods', 'Symptoms')]`.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::Entity;

/// What Python's `repr` prints for a string.
///
/// A character is escaped where CPython's `str.isprintable` says so. That depends on the version of
/// Unicode; characters that are newer than the running Python's are the only ones that can differ.
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push(quote);
    for c in text.chars() {
        match c {
            '\\' => literal.push_str(r"\\"),
            '\n' => literal.push_str(r"\n"),
            '\r' => literal.push_str(r"\r"),
            '\t' => literal.push_str(r"\t"),
            c if c == quote => literal.extend(['\\', c]),
            c if is_printable(c) => literal.push(c),
            c => literal.push_str(&match u32::from(c) {
                code @ ..=0xFF => format!("\\x{code:02x}"),
                code @ ..=0xFFFF => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    literal.push(quote);
    literal
}

/// What Python prints for a list of `(text, type)` tuples.
pub fn tuples(text: &str, entities: &[Entity]) -> String {
    let tuple = |entity: &Entity| {
        let span = &entity.span;
        format!(
            "({}, {})",
            repr(&text[span.range.clone()]),
            repr(&span.label)
        )
    };
    format!(
        "[{}]",
        entities.iter().map(tuple).collect::<Vec<_>>().join(", ")
    )
}

/// CPython's `str.isprintable`: every category but "Other" and "Separator", and the space.
fn is_printable(c: char) -> bool {
    use GeneralCategory::*;
    let escaped = [
        Control,
        Format,
        Surrogate,
        PrivateUse,
        Unassigned,
        LineSeparator,
        ParagraphSeparator,
        SpaceSeparator,
    ];
    c == ' ' || !escaped.contains(&c.general_category())
}
