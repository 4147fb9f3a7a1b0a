//! What a model got wrong, to be looked at.

use std::ops::Range;

use super::confusion::align;
use crate::{Document, Entity, Span};

/// Something that a model got wrong. Each is one of the [`Outcomes`](super::confusion::Outcomes) but
/// `correct`.
#[derive(Debug, Clone, PartialEq)]
pub enum Mistake {
    /// No prediction answers a gold span.
    Missed {
        /// What was to be found.
        gold: Span,
    },
    /// A prediction answers no gold span.
    Spurious {
        /// What was found.
        found: Entity,
    },
    /// A prediction of another type answers a gold span, with the same boundaries or others.
    WrongType {
        /// What was to be found.
        gold: Span,
        /// What was found.
        found: Entity,
    },
    /// The type is right, the boundaries are not.
    WrongBoundary {
        /// What was to be found.
        gold: Span,
        /// What was found.
        found: Entity,
    },
}

impl Mistake {
    /// What was to be found; none where nothing was.
    pub fn gold(&self) -> Option<&Span> {
        match self {
            Self::Spurious { .. } => None,
            Self::Missed { gold } | Self::WrongType { gold, .. } => Some(gold),
            Self::WrongBoundary { gold, .. } => Some(gold),
        }
    }

    /// What was found; none where nothing was.
    pub fn found(&self) -> Option<&Entity> {
        match self {
            Self::Missed { .. } => None,
            Self::Spurious { found } | Self::WrongType { found, .. } => Some(found),
            Self::WrongBoundary { found, .. } => Some(found),
        }
    }

    /// Bytes of the text from the first to the last that either of the two marks.
    pub fn range(&self) -> Range<usize> {
        let found = self.found().map(|entity| &entity.span);
        let mut ranges = self.gold().into_iter().chain(found).map(|span| &span.range);
        let first = ranges.next().cloned().unwrap_or_default();
        ranges.fold(first, |all, range| {
            all.start.min(range.start)..all.end.max(range.end)
        })
    }
}

/// What is wrong with the entities found in a document, in text order. Predictions answer gold spans
/// as in [`align`].
pub fn mistakes(document: &Document, found: &[Entity]) -> Vec<Mistake> {
    let mut missed: Vec<bool> = vec![true; document.spans.len()];
    let mut spurious: Vec<bool> = vec![true; found.len()];
    let mut mistakes = Vec::new();
    for (at, found_at) in align(&document.spans, found) {
        (missed[at], spurious[found_at]) = (false, false);
        let (gold, found) = (document.spans[at].clone(), found[found_at].clone());
        if gold.label != found.span.label {
            mistakes.push(Mistake::WrongType { gold, found });
        } else if gold.range != found.span.range {
            mistakes.push(Mistake::WrongBoundary { gold, found });
        }
    }
    let gold = document.spans.iter().cloned().zip(missed);
    mistakes.extend(gold.filter_map(|(gold, missed)| missed.then_some(Mistake::Missed { gold })));
    let found = found.iter().cloned().zip(spurious);
    mistakes.extend(
        found.filter_map(|(found, spurious)| spurious.then_some(Mistake::Spurious { found })),
    );
    mistakes.sort_by_key(|mistake| {
        let range = mistake.range();
        (range.start, range.end)
    });
    mistakes
}

/// The documents with the most mistakes, at most `most` of them, the worst first: their numbers and
/// mistakes. Of documents with as many mistakes the earlier comes first; those without are left out.
pub fn worst<'a>(
    documents: impl IntoIterator<Item = (&'a Document, &'a [Entity])>,
    most: usize,
) -> Vec<(usize, Vec<Mistake>)> {
    let each = documents.into_iter().enumerate();
    let mut wrong: Vec<_> = each
        .map(|(at, (document, found))| (at, mistakes(document, found)))
        .filter(|(_, mistakes)| !mistakes.is_empty())
        .collect();
    wrong.sort_by_key(|(_, mistakes)| std::cmp::Reverse(mistakes.len()));
    wrong.truncate(most);
    wrong
}

/// Characters of context to either side.
const CONTEXT: usize = 80;

/// The surroundings of a range of bytes: up to 80 characters to either side, from the beginning of a
/// word to the end of one. A word that is longer than that is cut.
///
/// # Panics
/// When the range leaves the text or cuts a character.
pub fn context(text: &str, range: &Range<usize>) -> Range<usize> {
    let (before, after) = (&text[..range.start], &text[range.end..]);
    let start = before
        .char_indices()
        .rev()
        .nth(CONTEXT)
        .map_or(0, |(at, _)| {
            // The first of these characters is one too many.
            let near = &before[at..];
            let cut = near
                .find(char::is_whitespace)
                .or_else(|| Some(near.chars().next()?.len_utf8()));
            before.len() - near[cut.unwrap_or(0)..].trim_start().len()
        });
    let end = after
        .char_indices()
        .nth(CONTEXT)
        .map_or(text.len(), |(at, last)| {
            let near = &after[..at + last.len_utf8()];
            let cut = near.rfind(char::is_whitespace).unwrap_or(at);
            range.end + near[..cut].trim_end().len()
        });
    start..end
}
