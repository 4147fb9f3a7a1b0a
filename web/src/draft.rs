//! What the browser keeps of the notes, where a visitor wants it to, from one visit to the next: texts, names and decisions,
//! rejected marks included. What the model suggests is found anew.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::mark::{Mark, Verdict};
use crate::note::Note;
use crate::word;

/// Version of the form in which drafts are kept.
const VERSION: u32 = 1;

/// The notes of the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// In the order of the list; their keys are 0.
    pub notes: Vec<Note>,
    /// Which of them is open.
    pub open: usize,
    /// The types that the kinds of marks are indices of.
    pub types: Vec<String>,
    /// Decisions that do not fit their text, which are left out.
    pub unfit: usize,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    open: usize,
    types: Vec<String>,
    notes: Vec<StoredNote>,
}

#[derive(Serialize, Deserialize)]
struct StoredNote {
    name: String,
    begun: bool,
    from_file: bool,
    unsaved: bool,
    /// With the line ends of its file.
    text: String,
    decisions: Vec<Decision>,
}

/// A decision; its place is in the text as the page has it, every line end one line feed.
#[derive(Serialize, Deserialize)]
struct Decision {
    kind: usize,
    start_utf16: usize,
    end_utf16: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    rejected: bool,
}

/// The notes as a string for the browser to keep; `open` is the key of the open one.
pub fn write(notes: &[Note], open: u32, types: &[String]) -> String {
    let decision = |mark: &Mark| Decision {
        kind: mark.kind,
        start_utf16: mark.start,
        end_utf16: mark.end,
        score: mark.score,
        rejected: !mark.stands(),
    };
    let note = |note: &Note| StoredNote {
        name: note.name.clone(),
        begun: note.begun,
        from_file: note.from_file,
        unsaved: note.is_unsaved(),
        text: note.whole_text(),
        decisions: note.review().decisions().iter().map(decision).collect(),
    };
    let stored = Stored {
        version: VERSION,
        open: notes.iter().position(|note| note.key == open).unwrap_or(0),
        types: types.to_vec(),
        notes: notes.iter().map(note).collect(),
    };
    // Strings, numbers and truth values only: nothing that serde_json could refuse.
    serde_json::to_string(&stored).expect("a draft is JSON")
}

/// The notes that [`write`] made a string of.
///
/// # Errors
/// Says in words what is wrong with the string.
pub fn read(draft: &str) -> Result<Draft, String> {
    let stored: Stored = serde_json::from_str(draft).map_err(|error| error.to_string())?;
    if stored.version != VERSION {
        return Err(format!(
            "it is of version {}, not {VERSION}",
            stored.version
        ));
    }
    let mut notes = Vec::with_capacity(stored.notes.len());
    let mut unfit = 0;
    for from in stored.notes {
        let mut note = Note::new(0, from.name, &from.text);
        note.begun = from.begun;
        let mut decisions = Vec::with_capacity(from.decisions.len());
        for decision in from.decisions {
            let range = decision.start_utf16..decision.end_utf16;
            let known = decision.kind < stored.types.len();
            let probable = decision
                .score
                .is_none_or(|score| (0.0..=1.0).contains(&score));
            if !(known && probable && is_on_words(note.text(), range.clone())) {
                // The notes are worth more than a mark that another build has seen otherwise.
                unfit += 1;
                continue;
            }
            decisions.push(Mark {
                id: 0,
                kind: decision.kind,
                start: range.start,
                end: range.end,
                score: decision.score,
                verdict: if decision.rejected {
                    Verdict::Rejected
                } else {
                    Verdict::Accepted
                },
            });
        }
        note.restore(decisions, from.unsaved);
        note.from_file = from.from_file;
        note.analysed = from.from_file;
        notes.push(note);
    }
    Ok(Draft {
        open: stored.open.min(notes.len().saturating_sub(1)),
        notes,
        types: stored.types,
        unfit,
    })
}

fn is_on_words(text: &[u16], range: Range<usize>) -> bool {
    range.start < range.end
        && range.end <= text.len()
        && word::snap(text, range.clone()) == Some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Vec<String> {
        ["Symptoms", "Hormones"].map(str::to_owned).to_vec()
    }

    fn mark(kind: usize, range: Range<usize>, score: Option<f32>, verdict: Verdict) -> Mark {
        Mark {
            id: 0,
            kind,
            start: range.start,
            end: range.end,
            score,
            verdict,
        }
    }

    /// Everything of a note that a draft keeps.
    fn kept(note: &Note) -> (String, bool, bool, bool, String, Vec<Mark>) {
        let decisions = note.review().decisions().iter();
        let decisions = decisions.map(|mark| Mark {
            id: 0,
            ..mark.clone()
        });
        (
            note.name.clone(),
            note.begun,
            note.from_file,
            note.is_unsaved(),
            note.whole_text(),
            decisions.collect(),
        )
    }

    #[test]
    fn notes_come_back() {
        let check = |text: &str, decisions: Vec<Mark>, unsaved: bool| {
            let mut note = Note::new(7, "visit".into(), text);
            note.restore(decisions.clone(), unsaved);
            assert_eq!(note.review().decisions().len(), decisions.len(), "{text:?}");
            let notes = [Note::begin(3, "Note 1".into()), note];
            let draft = read(&write(&notes, 7, &types())).expect("a draft");
            assert_eq!((draft.open, draft.types), (1, types()));
            assert!(draft.notes.iter().map(kept).eq(notes.iter().map(kept)));
            assert!(draft.notes.iter().all(|note| !note.analysed));
        };
        check("", vec![], false);
        check("Cramps and LH.", vec![], true);
        check(
            "Cramps and\r\nLH 😀.\r\n",
            vec![
                mark(0, 0..6, Some(0.75), Verdict::Rejected),
                mark(1, 11..13, None, Verdict::Accepted),
            ],
            true,
        );
        check(
            "é\r😀 cramps",
            vec![mark(0, 5..11, Some(0.5), Verdict::Accepted)],
            false,
        );
    }

    #[test]
    fn what_is_no_draft_is_refused() {
        let text = "{\"name\":\"a\",\"begun\":true,\"from_file\":false,\"unsaved\":true,\"text\":\"no cramps\",\"decisions\":[D]}";
        let whole = |version: u32, decision: &str| {
            let note = text.replace('D', decision);
            format!(
                "{{\"version\":{version},\"open\":9,\"types\":[\"Symptoms\"],\"notes\":[{note}]}}"
            )
        };
        let place = |kind: usize, start: usize, end: usize| {
            format!(
                "{{\"kind\":{kind},\"start_utf16\":{start},\"end_utf16\":{end},\"rejected\":false}}"
            )
        };
        let good = read(&whole(1, &place(0, 3, 9))).expect("a draft");
        assert_eq!((good.open, good.notes.len()), (0, 1));
        let check = |draft: &str, expected: &str| {
            let problem = read(draft).expect_err("no draft");
            assert!(problem.contains(expected), "{problem}");
        };
        check("", "EOF");
        check(&whole(2, ""), "version 2");
    }

    #[test]
    fn a_decision_that_does_not_fit_takes_nothing_with_it() {
        let check = |kind: usize, place: Range<usize>, unfit: usize| {
            let mut note = Note::new(7, "visit".into(), "no cramps\n\nLH");
            note.restore(vec![mark(0, 0..2, None, Verdict::Accepted)], true);
            let stray = mark(kind, place.clone(), None, Verdict::Accepted);
            note.restore(vec![stray], true);
            let draft = read(&write(&[note], 7, &types())).expect("a draft");
            assert_eq!(draft.unfit, unfit, "{place:?}");
            let kept = draft.notes[0].review().decisions().len();
            assert_eq!(kept, 2 - unfit, "{place:?}");
        };
        check(1, 3..9, 0);
        check(2, 3..9, 1);
        check(1, 3..8, 1);
        check(1, 3..13, 1);
        check(1, 3..30, 1);
    }
}
