//! Every error of an evaluation, with its surroundings, for people (text, HTML) and programs
//! (JSON Lines).
//!
//! Gold entities and predictions are paired by [`ner::evaluate::confusion::align`], so that each is
//! in exactly one error or correct, and the errors of a kind are as many as
//! [`Outcomes`] says.

mod html;
mod text;

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Result;
use ner::evaluate::Evaluation;
use ner::evaluate::confusion::Outcomes;
use ner::evaluate::mistakes::{Mistake, context, mistakes};
use ner::{Document, Entity};
use serde::Serialize;

use crate::checkpoint;

/// How errors are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Html,
    JsonLines,
}

/// A file to list errors in; its extension says how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    path: PathBuf,
    format: Format,
}

impl std::str::FromStr for Listing {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let format = match extension.to_str() {
            Some("txt") => Format::Text,
            Some("html" | "htm") => Format::Html,
            Some("jsonl") => Format::JsonLines,
            _ => return Err("its name ends in none of .txt, .html and .jsonl".to_owned()),
        };
        Ok(Self { path, format })
    }
}

/// A way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Category {
    Missed,
    Spurious,
    WrongType,
    WrongBoundary,
    WrongTypeAndBoundary,
}

impl Category {
    /// In the order in which they are listed.
    const ALL: [Self; 5] = [
        Self::Missed,
        Self::Spurious,
        Self::WrongType,
        Self::WrongBoundary,
        Self::WrongTypeAndBoundary,
    ];

    fn of(mistake: &Mistake) -> Self {
        match mistake {
            Mistake::Missed { .. } => Self::Missed,
            Mistake::Spurious { .. } => Self::Spurious,
            Mistake::WrongBoundary { .. } => Self::WrongBoundary,
            Mistake::WrongType { gold, found } if gold.range == found.span.range => Self::WrongType,
            Mistake::WrongType { .. } => Self::WrongTypeAndBoundary,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Spurious => "spurious",
            Self::WrongType => "wrong type",
            Self::WrongBoundary => "wrong boundary",
            Self::WrongTypeAndBoundary => "wrong type and boundary",
        }
    }

    fn count(self, outcomes: &Outcomes) -> usize {
        match self {
            Self::Missed => outcomes.missed,
            Self::Spurious => outcomes.spurious,
            Self::WrongType => outcomes.wrong_type,
            Self::WrongBoundary => outcomes.wrong_boundary,
            Self::WrongTypeAndBoundary => outcomes.wrong_type_and_boundary,
        }
    }
}

/// An entity with what surrounds it.
struct Shown<'a> {
    label: &'a str,
    /// Code points of the document's text.
    start: usize,
    end: usize,
    word: &'a str,
    /// None for a gold entity.
    score: Option<f32>,
    before: &'a str,
    after: &'a str,
}

/// An error, where it is.
struct Error<'a> {
    /// File, and line where the document begins.
    place: &'a str,
    /// The document's id.
    document: &'a str,
    category: Category,
    /// None where nothing was to be found.
    gold: Option<Shown<'a>>,
    /// None where nothing was found.
    predicted: Option<Shown<'a>>,
    /// Both entities and the words around them.
    context: &'a str,
}

impl<'a> Error<'a> {
    fn new(case: &'a Case, mistake: &'a Mistake) -> Self {
        let text = case.document.text.as_str();
        let around = context(text, &mistake.range());
        let shown = |range: &Range<usize>, label: &'a str, score| {
            let start = text[..range.start].chars().count();
            Shown {
                label,
                start,
                end: start + text[range.clone()].chars().count(),
                word: &text[range.clone()],
                score,
                before: &text[around.start..range.start],
                after: &text[range.end..around.end],
            }
        };
        Self {
            place: case.place,
            document: &case.document.id,
            category: Category::of(mistake),
            gold: mistake
                .gold()
                .map(|span| shown(&span.range, &span.label, None)),
            predicted: mistake
                .found()
                .map(|found| shown(&found.span.range, &found.span.label, Some(found.score))),
            context: &text[around.clone()],
        }
    }

    /// What stands there, gold first, each with what it is called.
    fn entities(&self) -> impl Iterator<Item = (&'static str, &Shown<'a>)> {
        let gold = self.gold.iter().map(|shown| ("gold", shown));
        gold.chain(self.predicted.iter().map(|shown| ("predicted", shown)))
    }
}

/// What an error listing is about.
pub struct Subject<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The data's.
    pub data: &'a Path,
    /// How the model did.
    pub evaluation: &'a Evaluation,
}

/// A document and what was found in it.
pub struct Case<'a> {
    /// File, and line where the document begins.
    pub place: &'a str,
    /// Its text and gold entities.
    pub document: &'a Document,
    /// What the model found.
    pub found: Vec<Entity>,
}

/// Writes the errors of an evaluation into files.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write(listings: &[Listing], subject: &Subject, cases: &[Case]) -> Result<()> {
    let mistakes: Vec<Vec<Mistake>> = cases
        .iter()
        .map(|case| mistakes(case.document, &case.found))
        .collect();
    let of_case = |(case, mistakes)| {
        let mistakes: &Vec<Mistake> = mistakes;
        mistakes
            .iter()
            .map(move |mistake| Error::new(case, mistake))
    };
    let errors: Vec<Error> = cases.iter().zip(&mistakes).flat_map(of_case).collect();
    for Listing { path, format } in listings {
        let content = match format {
            Format::Text => text::listing(subject, &errors),
            Format::Html => html::page(subject, &errors),
            Format::JsonLines => json_lines(&errors),
        };
        checkpoint::write(path, content.as_bytes())?;
    }
    Ok(())
}

/// An entity in a line of JSON, named as Hugging Face's pipeline does and `trainer predict` too.
#[derive(Serialize)]
struct JsonEntity<'a> {
    entity_group: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    word: &'a str,
    start: usize,
    end: usize,
}

#[derive(Serialize)]
struct JsonError<'a> {
    category: Category,
    place: &'a str,
    document: &'a str,
    gold: Option<JsonEntity<'a>>,
    predicted: Option<JsonEntity<'a>>,
    context: &'a str,
}

/// An error per line.
fn json_lines(errors: &[Error]) -> String {
    fn entity<'a>(shown: &Shown<'a>) -> JsonEntity<'a> {
        JsonEntity {
            entity_group: shown.label,
            score: shown.score,
            word: shown.word,
            start: shown.start,
            end: shown.end,
        }
    }
    let line = |error: &Error| {
        let error = JsonError {
            category: error.category,
            place: error.place,
            document: error.document,
            gold: error.gold.as_ref().map(entity),
            predicted: error.predicted.as_ref().map(entity),
            context: error.context,
        };
        serde_json::to_string(&error).expect("names and numbers are JSON") + "\n"
    };
    errors.iter().map(line).collect()
}
