//! The notes that are open on the page.

use std::ops::Range;

use ner::formats::{self, Exported, Source};
use ner::{Labels, Span, decode, tokenize};

use crate::edit::Edit;
use crate::line_ends::LineEnds;
use crate::mark::{Mark, Verdict};
use crate::review::{Review, Suggestion};
use crate::units;

/// A note with its marks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Note {
    /// No other note of the page has it, not even one that was closed.
    pub key: u32,
    /// What it is called in lists and files; empty for one that was begun on the page.
    pub name: String,
    /// Whether the worker has seen all of the text as it stands.
    pub analysed: bool,
    text: Vec<u16>,
    /// Number of the text: every edit makes another.
    version: u32,
    ends: LineEnds,
    review: Review,
    /// Corrections made, and made when they were last saved.
    changes: u32,
    saved: u32,
}

impl Note {
    /// From a text of any line ends.
    pub fn new(key: u32, name: String, text: &str) -> Self {
        let (text, ends) = LineEnds::split(text);
        Self {
            key,
            name,
            text,
            ends,
            ..Self::default()
        }
    }

    /// From a file. Marks with a score that nobody accepted are the model's suggestions, until the next analysis; all others are
    /// decisions.
    ///
    /// # Errors
    /// Names the mark whose type is not one of `labels`, or that does not begin and end on a word.
    pub fn import(key: u32, file: Exported, labels: &Labels) -> Result<Self, ner::Error> {
        let spans: Vec<Span> = file.marks.iter().map(|mark| mark.span.clone()).collect();
        // Finds whatever is wrong with them.
        decode::label_ids(&file.text, &tokenize::words(&file.text), &spans, labels)?;
        let mut note = Self::new(key, file.id, &file.text);
        let places = units::to_utf16(&file.text, spans.iter().map(|span| span.range.clone()));
        let (mut suggestions, mut decisions) = (Vec::new(), Vec::new());
        for (mark, place) in file.marks.iter().zip(places) {
            let place = note.ends.plain_place(place.start)..note.ends.plain_place(place.end);
            let kind = labels
                .types()
                .iter()
                .position(|name| *name == mark.span.label);
            let kind = kind.expect("a mark that has a label has a type");
            match mark.score {
                Some(score) if mark.source == Source::Model && !mark.accepted => {
                    suggestions.push(Suggestion {
                        kind,
                        range: place,
                        score,
                    });
                }
                score => decisions.push(Mark {
                    id: 0,
                    kind,
                    start: place.start,
                    end: place.end,
                    score: score.filter(|_| mark.source == Source::Model),
                    verdict: Verdict::Accepted,
                }),
            }
        }
        note.review.found(suggestions);
        note.review.import(decisions);
        Ok(note)
    }

    /// As a text field holds it, in UTF-16.
    pub fn text(&self) -> &[u16] {
        &self.text
    }

    /// Number of the text, which every edit raises.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its marks, to look at.
    pub fn review(&self) -> &Review {
        &self.review
    }

    /// Takes in a text field's new value; `None` where it is the old one.
    pub fn edit(&mut self, value: &str) -> Option<()> {
        // A lone surrogate has become U+FFFD on the way here, which is one unit as well: every place stays exact.
        let text: Vec<u16> = value.encode_utf16().collect();
        let edit = Edit::between(&self.text, &text)?;
        self.review.edited(&edit, &text);
        self.ends.edit(&edit, &text);
        self.text = text;
        self.version += 1;
        self.analysed = false;
        Some(())
    }

    /// Takes in what the worker found in the text of this number; nothing where it has changed since.
    pub fn found(&mut self, version: u32, found: Vec<Suggestion>) {
        if version == self.version {
            self.review.found(found);
            self.analysed = true;
        }
    }

    /// Forgets what a model suggested, as another one is there.
    pub fn forget(&mut self) {
        self.review.found(Vec::new());
        self.analysed = false;
    }

    /// Corrects; `change` says whether it did.
    pub fn correct(&mut self, change: impl FnOnce(&mut Review, &[u16]) -> bool) -> bool {
        let changed = change(&mut self.review, &self.text);
        self.changes += u32::from(changed);
        changed
    }

    /// Whether there are corrections that were not saved.
    pub fn is_unsaved(&self) -> bool {
        self.changes != self.saved
    }

    /// All corrections are saved.
    pub fn set_saved(&mut self) {
        self.saved = self.changes;
    }

    /// The text with the line ends of its file.
    pub fn whole_text(&self) -> String {
        self.ends.join(&self.text)
    }

    /// A stretch of the text in code points of [`Self::whole_text`], as files count.
    pub fn code_points(&self, range: Range<usize>) -> (usize, usize) {
        let before = |end: usize| {
            let text = &self.text[..end.min(self.text.len())];
            // A pair of surrogates is one code point.
            let seconds = text.iter().filter(|unit| (0xDC00..0xE000).contains(*unit));
            self.ends.place(text.len()) - seconds.count()
        };
        (before(range.start), before(range.end))
    }

    /// How many marks of each of `types` types stand, the model's from this score on.
    pub fn counts(&self, types: usize, threshold: f32) -> Vec<u32> {
        let mut counts = vec![0; types];
        for mark in self.review.marks(threshold) {
            if let Some(count) = counts.get_mut(mark.kind).filter(|_| mark.stands()) {
                *count += 1;
            }
        }
        counts
    }

    /// For a file: marks that stand, the model's from this score on, or only those that a person has confirmed or made.
    pub fn exported(&self, types: &[String], threshold: f32, reviewed_only: bool) -> Exported {
        let text = self.whole_text();
        let wanted =
            |mark: &Mark| mark.stands() && (!reviewed_only || mark.verdict == Verdict::Accepted);
        let marks: Vec<Mark> = self.review.marks(threshold);
        let marks: Vec<&Mark> = marks.iter().filter(|mark| wanted(mark)).collect();
        let places = marks
            .iter()
            .map(|mark| self.ends.place(mark.start)..self.ends.place(mark.end));
        let places = units::to_bytes(&text, places);
        let marks = marks.iter().zip(places).map(|(mark, range)| formats::Mark {
            span: Span {
                range,
                label: types.get(mark.kind).cloned().unwrap_or_default(),
            },
            score: mark.score,
            source: if mark.by_person() {
                Source::Person
            } else {
                Source::Model
            },
            accepted: mark.verdict == Verdict::Accepted,
        });
        let marks = marks.collect();
        Exported {
            id: self.name.clone(),
            text,
            marks,
        }
    }
}
