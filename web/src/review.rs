//! What a model suggests for a note and what a person decided, side by side.
//!
//! Decisions are kept apart from suggestions, so that an analysis replaces all of the latter and none of the former. Where the
//! two overlap, the person is right: an accepted or changed mark stands, and where one was rejected nothing is suggested again.

use std::collections::HashSet;
use std::ops::Range;

use crate::edit::Edit;
use crate::mark::{Mark, Verdict};
use crate::word;

/// Steps that can be undone.
const STEPS: usize = 200;

/// The marks of one note.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Review {
    /// The model's, in text order, none overlapping.
    suggestions: Vec<Mark>,
    /// The person's, in text order, none overlapping; none is open.
    decisions: Vec<Mark>,
    /// What the decisions were before each step, the last one last.
    past: Vec<Vec<Mark>>,
    /// What they were before each step that was undone, the first to be done again last.
    future: Vec<Vec<Mark>>,
    last_id: u32,
}

/// What the worker found.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// Entity type, as an index into the model's types.
    pub kind: usize,
    /// UTF-16 units of the text.
    pub range: Range<usize>,
    /// 0 to 1.
    pub score: f32,
}

impl Review {
    /// All marks in text order, none overlapping: decisions, rejected ones included, and the suggestions beside them that have
    /// at least this score.
    pub fn marks(&self, threshold: f32) -> Vec<Mark> {
        // A suggestion that was moved elsewhere is not made again where it was.
        let decided: HashSet<u32> = self.decisions.iter().map(|mark| mark.id).collect();
        let mut decisions = self.decisions.iter().peekable();
        let mut marks = Vec::with_capacity(self.suggestions.len() + self.decisions.len());
        for suggestion in &self.suggestions {
            while let Some(decision) = decisions.next_if(|mark| mark.end <= suggestion.start) {
                marks.push(decision.clone());
            }
            let free = decisions
                .peek()
                .is_none_or(|decision| !decision.overlaps(suggestion))
                && !decided.contains(&suggestion.id);
            if free && suggestion.score.is_none_or(|score| score >= threshold) {
                marks.push(suggestion.clone());
            }
        }
        marks.extend(decisions.cloned());
        marks
    }

    /// The person's decisions in text order.
    pub fn decisions(&self) -> &[Mark] {
        &self.decisions
    }

    /// Takes in what an analysis found to begin in a stretch of the text, in text order; suggestions that begin elsewhere stay. A
    /// suggestion that was there before keeps its id.
    pub fn found(&mut self, within: Range<usize>, found: Vec<Suggestion>) {
        let before = |place| self.suggestions.partition_point(|mark| mark.start < place);
        let (start, end) = (before(within.start), before(within.end));
        let old: Vec<Mark> = self.suggestions.drain(start..end).collect();
        let mut known = old.into_iter().peekable();
        let mut marks = Vec::with_capacity(found.len());
        for Suggestion { kind, range, score } in found {
            while known.next_if(|mark| mark.start < range.start).is_some() {}
            let same = known.next_if(|mark| (mark.kind, mark.range()) == (kind, range.clone()));
            let id = same.map_or_else(|| self.new_id(), |mark| mark.id);
            marks.push(Mark {
                id,
                kind,
                start: range.start,
                end: range.end,
                score: Some(score),
                verdict: Verdict::Open,
            });
        }
        self.suggestions.splice(start..start, marks);
    }

    /// Follows an edit of the text to `new`. Suggestions that it touches go, as the next analysis brings them anew; a decision
    /// goes with the last of its words only, and otherwise keeps to whole words.
    pub fn edited(&mut self, edit: &Edit, new: &[u16]) {
        self.suggestions = edit.carry(&self.suggestions, new);
        for decisions in std::iter::once(&mut self.decisions)
            .chain(&mut self.past)
            .chain(&mut self.future)
        {
            follow(decisions, edit, new);
        }
    }

    /// Says that a mark is right.
    pub fn accept(&mut self, id: u32) -> bool {
        self.decide(id, |mark| {
            (mark.verdict != Verdict::Accepted).then(|| mark.verdict = Verdict::Accepted)
        })
    }

    /// Says that there is no entity.
    pub fn reject(&mut self, id: u32) -> bool {
        self.decide(id, |mark| {
            mark.stands().then(|| mark.verdict = Verdict::Rejected)
        })
    }

    /// Gives a mark another type; it is then the person's.
    pub fn relabel(&mut self, id: u32, kind: usize) -> bool {
        self.decide(id, |mark| {
            if mark.kind == kind {
                // To name the type that it has is to accept it.
                return (mark.verdict != Verdict::Accepted)
                    .then(|| mark.verdict = Verdict::Accepted);
            }
            (mark.kind, mark.score, mark.verdict) = (kind, None, Verdict::Accepted);
            Some(())
        })
    }

    /// Gives a mark another place, grown to whole words of `text`; it is then the person's.
    pub fn resize(&mut self, id: u32, range: Range<usize>, text: &[u16]) -> bool {
        let Some(range) = word::snap(text, range) else {
            return false;
        };
        self.decide(id, |mark| {
            if mark.range() == range {
                return None;
            }
            (mark.start, mark.end) = (range.start, range.end);
            (mark.score, mark.verdict) = (None, Verdict::Accepted);
            Some(())
        })
    }

    /// Adds a mark, grown to whole words of `text`; the id of the mark that then stands there, and whether that is news. The same
    /// mark made by the model is accepted.
    pub fn add(&mut self, range: Range<usize>, kind: usize, text: &[u16]) -> Option<(u32, bool)> {
        let range = word::snap(text, range)?;
        let same = self
            .marks(0.0)
            .into_iter()
            .find(|mark| (mark.kind, mark.range()) == (kind, range.clone()));
        if let Some(mark) = same {
            return Some((mark.id, self.accept(mark.id)));
        }
        let id = self.new_id();
        self.step();
        self.put(Mark {
            id,
            kind,
            start: range.start,
            end: range.end,
            score: None,
            verdict: Verdict::Accepted,
        });
        Some((id, true))
    }

    /// Takes a decision back: what the model suggests there comes again.
    pub fn reset(&mut self, id: u32) -> bool {
        let Some(at) = self.decisions.iter().position(|mark| mark.id == id) else {
            return false;
        };
        self.step();
        self.decisions.remove(at);
        true
    }

    /// Takes back the last step.
    pub fn undo(&mut self) -> bool {
        let Some(earlier) = self.past.pop() else {
            return false;
        };
        self.future
            .push(std::mem::replace(&mut self.decisions, earlier));
        true
    }

    /// Does again what was taken back last.
    pub fn redo(&mut self) -> bool {
        let Some(later) = self.future.pop() else {
            return false;
        };
        self.past
            .push(std::mem::replace(&mut self.decisions, later));
        true
    }

    /// Whether there is a step to take back, and one to do again.
    pub fn steps(&self) -> (bool, bool) {
        (!self.past.is_empty(), !self.future.is_empty())
    }

    /// Takes marks that were made elsewhere for decisions; those that overlap an earlier one are dropped. It cannot be undone.
    pub fn import(&mut self, marks: impl IntoIterator<Item = Mark>) {
        for mut mark in marks {
            if self.decisions.iter().all(|other| !other.overlaps(&mark)) {
                mark.id = self.new_id();
                self.put(mark);
            }
        }
    }

    /// Types of all decisions, those that can be undone or done again included.
    pub fn decided_kinds(&self) -> impl Iterator<Item = usize> {
        let steps = self.past.iter().chain(&self.future);
        let all = std::iter::once(&self.decisions).chain(steps);
        all.flatten().map(|mark| mark.kind)
    }

    /// Gives all decisions the types that `place` has for theirs; those without one go.
    pub fn retype(&mut self, place: impl Fn(usize) -> Option<usize>) {
        let steps = self.past.iter_mut().chain(&mut self.future);
        for decisions in std::iter::once(&mut self.decisions).chain(steps) {
            decisions.retain_mut(|mark| place(mark.kind).map(|kind| mark.kind = kind).is_some());
        }
    }

    /// Makes a decision of the mark with that id, unless `change` says that there is nothing to change.
    fn decide(&mut self, id: u32, change: impl FnOnce(&mut Mark) -> Option<()>) -> bool {
        let all = self.decisions.iter().chain(&self.suggestions);
        let Some(mut mark) = all.into_iter().find(|mark| mark.id == id).cloned() else {
            return false;
        };
        if change(&mut mark).is_none() {
            return false;
        }
        self.step();
        self.put(mark);
        true
    }

    /// Puts a decision in its place, and removes those that it overlaps, or that it was before.
    fn put(&mut self, mark: Mark) {
        self.decisions
            .retain(|other| other.id != mark.id && !other.overlaps(&mark));
        let at = self
            .decisions
            .partition_point(|other| other.start < mark.start);
        self.decisions.insert(at, mark);
    }

    fn step(&mut self) {
        if self.past.len() == STEPS {
            self.past.remove(0);
        }
        self.past.push(self.decisions.clone());
        self.future.clear();
    }

    fn new_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }
}

/// Moves decisions with an edit to `new`.
fn follow(decisions: &mut Vec<Mark>, edit: &Edit, new: &[u16]) {
    let mut free = 0;
    decisions.retain_mut(|mark| {
        let grown = |at: usize| at - edit.old_end + edit.new_end;
        let touched = mark.start <= edit.old_end && edit.start <= mark.end;
        // What is typed at its border is not of it, and what replaces a part of it is where it was within the mark only.
        let start = match mark.start {
            at if at < edit.start => at,
            at if at >= edit.old_end => grown(at),
            _ => edit.new_end,
        };
        let end = match mark.end {
            at if at <= edit.start => at,
            at if at >= edit.old_end => grown(at),
            _ => edit.start,
        };
        let place = match touched {
            false => Some(start..end),
            true if start < end => word::snap(new, start..end),
            true => None,
        };
        match place {
            Some(place) if free <= place.start => {
                free = place.end;
                (mark.start, mark.end) = (place.start, place.end);
                true
            }
            _ => false,
        }
    });
}
