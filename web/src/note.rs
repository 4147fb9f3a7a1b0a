//! The notes that are open on the page.

use std::ops::Range;

use ner::formats::{self, Exported, Source};
use ner::{Labels, Span, decode, tokenize};

use crate::edit::Edit;
use crate::line_ends::LineEnds;
use crate::mark::{Mark, Verdict};
use crate::review::{Review, Suggestion};
use crate::units;
use crate::word;

/// All of a text, however long it is.
pub const ALL: Range<usize> = 0..usize::MAX;

/// A note with its marks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Note {
    /// No other note of the page has it, not even one that was closed.
    pub key: u32,
    /// What it is called in lists and files. No other note of the page is called so.
    pub name: String,
    /// Whether it was begun on the page, which gave it its name.
    pub begun: bool,
    /// Whether the worker has seen all of the text as it stands, or nobody asked it to, as the marks are a file's.
    pub analysed: bool,
    /// Whether the marks are those of its file, in which nothing waits for a model.
    pub from_file: bool,
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

    /// An empty one that is begun on the page.
    pub fn begin(key: u32, name: String) -> Self {
        Self {
            begun: true,
            ..Self::new(key, name, "")
        }
    }

    /// From a file. Marks with a score that nobody accepted are a model's suggestions, until the next analysis; all others are
    /// decisions. Where there are decisions only, they are all that is marked, until somebody asks the model.
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
            if word::snap(&note.text, place.clone()).as_ref() != Some(&place) {
                return Err(ner::Error::Span {
                    start: mark.span.range.start,
                    end: mark.span.range.end,
                    label: mark.span.label.clone(),
                    problem: "crosses a blank line; mark what is in each paragraph by itself"
                        .into(),
                });
            }
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
        note.from_file = suggestions.is_empty() && !decisions.is_empty();
        note.analysed = note.from_file;
        note.review.found(ALL, suggestions);
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
        self.ask();
        Some(())
    }

    /// Takes in what the worker found to begin in a stretch of the text of this number, the last one last; nothing where the text
    /// has changed since. Says whether it has not.
    pub fn found(&mut self, version: u32, within: Range<usize>, found: Vec<Suggestion>) -> bool {
        let current = version == self.version;
        if current {
            self.analysed = self.text.len() <= within.end;
            self.review.found(within, found);
        }
        current
    }

    /// Forgets what a model suggested, as another one is there.
    pub fn forget(&mut self) {
        self.review.found(ALL, Vec::new());
        self.analysed = self.from_file;
    }

    /// Lets the text wait for an analysis.
    pub fn ask(&mut self) {
        self.from_file = false;
        self.analysed = false;
    }

    /// Goes from one model's types to another's, by their names; decisions of a type that is gone go with it.
    pub fn retype(&mut self, old: &[String], new: &[String]) {
        let place = |kind: usize| {
            let name = old.get(kind)?;
            new.iter().position(|other| other == name)
        };
        self.review.retype(place);
    }

    /// Whether there is nothing in it that anybody would miss.
    pub fn is_blank(&self) -> bool {
        self.begun && self.text.is_empty()
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

    /// Takes in decisions that were kept elsewhere, in text order, and whether they were saved.
    pub fn restore(&mut self, decisions: Vec<Mark>, unsaved: bool) {
        self.review.import(decisions);
        self.changes += u32::from(unsaved);
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Low LH\r\nand cramps.";

    fn labels() -> Labels {
        Labels::of_types(&["Symptoms", "Hormones"])
    }

    fn mark(word: &str, label: &str, score: Option<f32>, accepted: bool) -> formats::Mark {
        let start = TEXT.find(word).expect("a word of the text");
        formats::Mark {
            span: Span {
                range: start..start + word.len(),
                label: label.to_owned(),
            },
            score,
            source: score.map_or(Source::Person, |_| Source::Model),
            accepted,
        }
    }

    fn import(marks: Vec<formats::Mark>) -> Result<Note, ner::Error> {
        let (id, text) = ("visit".to_owned(), TEXT.to_owned());
        Note::import(1, Exported { id, text, marks }, &labels())
    }

    #[test]
    fn a_file_keeps_to_its_marks_unless_a_model_left_something_open() {
        let check = |marks: Vec<formats::Mark>, from_file: bool| {
            let mut note = import(marks.clone()).expect("a note");
            assert_eq!((note.from_file, note.analysed), (from_file, from_file));
            let types = labels().types().to_vec();
            assert_eq!(note.exported(&types, 0.0, false).marks, marks);
            note.forget();
            assert_eq!(note.analysed, from_file);
            note.ask();
            assert_eq!((note.from_file, note.analysed), (false, false));
        };
        check(vec![], false);
        check(vec![mark("LH", "Hormones", None, true)], true);
        check(vec![mark("LH", "Hormones", Some(0.5), true)], true);
        check(vec![mark("LH", "Hormones", Some(0.5), false)], false);
        let both = [
            mark("LH", "Hormones", Some(0.5), false),
            mark("cramps", "Symptoms", None, true),
        ];
        check(both.to_vec(), false);
    }

    #[test]
    fn marks_that_do_not_fit_are_refused() {
        let check = |mark: formats::Mark| assert!(import(vec![mark]).is_err());
        check(mark("LH", "Disease", None, true));
        check(mark("cramp", "Symptoms", None, true));
        let across = formats::Mark {
            span: Span {
                range: 0..9,
                label: "Symptoms".to_owned(),
            },
            ..mark("LH", "Symptoms", None, true)
        };
        let text = "low\n\nmood.".to_owned();
        let document = Exported {
            id: "visit".to_owned(),
            text,
            marks: vec![across],
        };
        let problem = Note::import(1, document, &labels()).expect_err("no note");
        assert!(problem.to_string().contains("blank line"), "{problem}");
    }

    #[test]
    fn an_edit_ends_what_was_from_the_file() {
        let mut note = import(vec![mark("LH", "Hormones", None, true)]).expect("a note");
        note.edit("Low LH\nand severe cramps.").expect("an edit");
        assert_eq!((note.from_file, note.analysed), (false, false));
        assert_eq!(note.whole_text(), "Low LH\r\nand severe cramps.");
    }

    #[test]
    fn decisions_follow_their_types_to_another_model() {
        let marks = [
            mark("LH", "Hormones", None, true),
            mark("cramps", "Symptoms", None, true),
        ];
        let check = |new: &[&str], expected: &[(&str, &str)]| {
            let mut note = import(marks.to_vec()).expect("a note");
            let new: Vec<String> = new.iter().map(|name| (*name).to_owned()).collect();
            note.retype(labels().types(), &new);
            let exported = note.exported(&new, 0.0, false);
            let found = exported.marks.iter().map(|mark| {
                let span = &mark.span;
                (&exported.text[span.range.clone()], span.label.as_str())
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{new:?}");
        };
        let [lh, cramps] = [("LH", "Hormones"), ("cramps", "Symptoms")];
        check(&["Symptoms", "Hormones"], &[lh, cramps]);
        check(&["Hormones", "Disease", "Symptoms"], &[lh, cramps]);
        check(&["Disease", "Hormones"], &[lh]);
        check(&[], &[]);
    }

    #[test]
    fn what_was_saved_is_not_unsaved() {
        let mut note = import(vec![]).expect("a note");
        assert!(!note.is_unsaved());
        note.restore(vec![], true);
        assert!(note.is_unsaved());
        note.set_saved();
        assert!(!note.is_unsaved());
        assert!(note.correct(|review, text| review.add(0..3, 0, text).is_some()));
        assert!(note.is_unsaved());
        assert!(!note.correct(|_, _| false));
    }

    #[test]
    fn blank_is_what_nobody_would_miss() {
        let mut note = Note::begin(1, "Note 1".into());
        assert!(note.is_blank());
        assert!(!Note::new(1, "empty".into(), "").is_blank());
        note.edit("x").expect("an edit");
        assert!(!note.is_blank());
    }
}
