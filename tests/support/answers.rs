//! The corpus of texts with stored answers, which the page, the terminal and every build must give
//! alike.
//!
//! `fixtures/answers.jsonl` is what `trainer predict --input fixtures/texts.jsonl --format jsonl`
//! writes with the shipped model.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A text and its entities.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Name of the text.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its entities in text order.
    pub entities: Vec<Entity>,
    /// What found them.
    pub model: Model,
}

/// The model behind an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Name and version of the software.
    pub version: String,
    /// SHA-256 (hex) of the fine-tuned weights.
    pub sha256: String,
    /// Least score of an entity.
    pub threshold: f64,
}

/// An entity as files hold it: positions are Unicode code points.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Entity type.
    pub entity_group: String,
    /// 0 to 1.
    pub score: f64,
    /// The text from `start` to `end`.
    pub word: String,
    /// First code point.
    pub start: usize,
    /// Code point after the last.
    pub end: usize,
}

/// A text without answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Its name.
    pub id: String,
    /// The text.
    pub text: String,
}

/// The stored answers.
///
/// # Errors
/// When the file is missing or a line is not an answer.
pub fn answers() -> Result<Vec<Answer>> {
    lines("answers.jsonl")
}

/// The texts that the answers are for.
///
/// # Errors
/// When the file is missing or a line is not a text.
pub fn texts() -> Result<Vec<Text>> {
    lines("texts.jsonl")
}

fn lines<T: for<'a> Deserialize<'a>>(name: &str) -> Result<Vec<T>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), number + 1))
    };
    text.lines().enumerate().map(line).collect()
}

/// What a text area makes of a text: every kind of line break becomes a line feed.
pub fn in_text_area(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The place in the page (UTF-16 units of the text area's value) of a code point of the text.
pub fn utf16_in_text_area(text: &str, code_point: usize) -> usize {
    let before: String = text.chars().take(code_point).collect();
    in_text_area(&before).encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_the_text_area() {
        let text = "a\r\n😀b\rc";
        for (code_point, expected) in [(0, 0), (1, 1), (3, 2), (4, 4), (5, 5), (6, 6), (7, 7)] {
            assert_eq!(
                utf16_in_text_area(text, code_point),
                expected,
                "{code_point}"
            );
        }
    }

    #[test]
    fn texts_are_many_and_named_once() {
        let texts = texts().unwrap();
        let ids: std::collections::BTreeSet<_> = texts.iter().map(|text| &text.id).collect();
        assert!(texts.len() >= 40, "{}", texts.len());
        assert_eq!(ids.len(), texts.len());
    }
}
