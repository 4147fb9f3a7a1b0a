//! Correcting by keyboard: what each key does in a reviewed note.
//!
//! Keys without a modifier work only while the focus is in the note, and can be switched off (WCAG 2.1.4).

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web::mark::{Mark, Verdict};
use web::word;
use web_sys::{Element, FocusEvent, KeyboardEvent};

use crate::page::{Mode, Page};

/// What a reader can do to the mark that is looked at, or to the selected words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Accept,
    Reject,
    /// Takes the decision back.
    Reset,
    /// Gives a mark this type, or makes the selected words a mark of it.
    Label(usize),
    /// Moves the start or the end by a word.
    Resize(Edge, Step),
    Undo,
    Redo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Start,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Back,
    On,
}

/// Redraws the note when it goes from one mode to the other, and keeps the keyboard at the mark that is looked at.
pub(crate) fn follow(page: Page) {
    Effect::new(move |before: Option<Mode>| {
        let mode = page.mode.get();
        if before.is_some_and(|before| before != mode) {
            page.mode_changed();
        }
        mode
    });
    Effect::new(move |_| {
        let current = page.focus.get();
        page.shown.with(|note| {
            page.drawing
                .update_value(|drawing| drawing.set_current(note, current));
        });
    });
}

pub(crate) fn on_focus(page: Page, event: &FocusEvent) {
    let target: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
    let id = target
        .and_then(|target| target.get_attribute("data-id"))
        .and_then(|id| id.parse().ok());
    if id.is_some() && page.focus.get_untracked() != id {
        page.focus.set(id);
    }
}

pub(crate) fn on_key(page: Page, event: &KeyboardEvent) {
    if page.mode.get_untracked() == Mode::Write || event.is_composing() {
        return;
    }
    let key = event.key();
    let command = event.ctrl_key() || event.meta_key();
    let done = match key.as_str() {
        "z" | "Z" if command && event.shift_key() => act(page, Action::Redo),
        "z" if command => act(page, Action::Undo),
        "y" if command => act(page, Action::Redo),
        _ if command || event.alt_key() => return,
        "Escape" if page.selection.get_untracked().is_some() => {
            page.unselect();
            true
        }
        "ArrowRight" | "ArrowLeft" | "ArrowUp" | "ArrowDown" => {
            on_arrow(page, &key, event.shift_key())
        }
        "Home" => go(page, |_, _| 0),
        "End" => go(page, |_, count| count - 1),
        "Enter" => page.to_inspector(),
        _ if !page.single_keys.get_untracked() => return,
        "a" => act(page, Action::Accept),
        "x" => act(page, Action::Reject),
        "r" => act(page, Action::Reset),
        "n" => select_word(page),
        "?" => {
            page.help.set(true);
            true
        }
        _ => match key.parse::<usize>() {
            Ok(number @ 1..=9) if number <= page.types().len() => {
                act(page, Action::Label(number - 1))
            }
            _ => return,
        },
    };
    // Also where there was nothing to do: the page must not scroll for it.
    event.prevent_default();
    if !done {
        page.say("Nothing to do here.");
    }
}

/// Between marks; with the shift key, the ends of the mark. Where words are selected, between words.
fn on_arrow(page: Page, key: &str, shift: bool) -> bool {
    let step = if matches!(key, "ArrowRight" | "ArrowDown") {
        Step::On
    } else {
        Step::Back
    };
    if page.selection.get_untracked().is_some() {
        return move_selection(page, step, shift);
    }
    if shift {
        let edge = if matches!(key, "ArrowRight" | "ArrowLeft") {
            Edge::End
        } else {
            Edge::Start
        };
        return act(page, Action::Resize(edge, step));
    }
    match step {
        Step::On => go(page, |at, count| at.map_or(0, |at| (at + 1).min(count - 1))),
        Step::Back => go(page, |at, count| {
            at.map_or(count - 1, |at| at.saturating_sub(1))
        }),
    }
}

/// Looks at another mark: `to` is given the place of the present one among so many.
fn go(page: Page, to: impl Fn(Option<usize>, usize) -> usize) -> bool {
    let focus = page.focus.get_untracked();
    let id = page.shown.with_untracked(|note| {
        let marks = note.marks();
        let at = marks.iter().position(|mark| Some(mark.id) == focus);
        let next = (!marks.is_empty()).then(|| to(at, marks.len()))?;
        marks.get(next).map(|mark| mark.id)
    });
    if let Some(id) = id {
        page.focus.set(Some(id));
        page.focus_mark();
    }
    id.is_some()
}

/// Does it for a button, which may end it: what then has the keyboard is the mark.
pub(crate) fn act_by_button(page: Page, action: Action) {
    act(page, action);
    // Once the page has followed.
    set_timeout(
        move || {
            let active = document().active_element();
            let lost = active.is_none_or(|active| {
                active.tag_name() == "BODY" || active.matches(":disabled").unwrap_or_default()
            });
            if lost {
                page.focus_mark();
            }
        },
        Duration::ZERO,
    );
}

/// Does it; whether there was something to do.
pub(crate) fn act(page: Page, action: Action) -> bool {
    match action {
        Action::Undo => page.correct(|review, _| review.undo()) && page.say("Undone."),
        Action::Redo => page.correct(|review, _| review.redo()) && page.say("Done again."),
        Action::Label(kind) => {
            if let Some(range) = page.selection.get_untracked() {
                return add(page, range, kind);
            }
            on_mark(page, |mark| {
                page.correct(|review, _| review.relabel(mark.id, kind))
                    && page.say(&format!("Now {}.", page.types()[kind]))
            })
        }
        Action::Accept => on_mark(page, |mark| {
            page.correct(|review, _| review.accept(mark.id)) && page.say("Accepted.") && on(page)
        }),
        Action::Reject => on_mark(page, |mark| {
            page.correct(|review, _| review.reject(mark.id)) && page.say("Rejected.") && on(page)
        }),
        Action::Reset => on_mark(page, |mark| {
            page.correct(|review, _| review.reset(mark.id)) && page.say("As suggested.")
        }),
        Action::Resize(edge, step) => on_mark(page, |mark| {
            let range = page.shown.with_untracked(|note| {
                word::resize(
                    note.text(),
                    mark.range(),
                    edge == Edge::Start,
                    step == Step::On,
                )
            });
            range.is_some_and(|range| {
                page.correct(|review, text| review.resize(mark.id, range, text))
            }) && page.say("Changed.")
        }),
    }
}

fn on_mark(page: Page, act: impl FnOnce(Mark) -> bool) -> bool {
    // Where words are selected, they are what is looked at.
    let selected = page.selection.with_untracked(Option::is_some);
    let focused = untrack(|| page.focused()).filter(|_| !selected);
    focused.is_some_and(act)
}

/// Looks at the next mark that nobody has decided about, as whoever goes through a note does.
fn on(page: Page) -> bool {
    let focus = page.focus.get_untracked();
    let next = page.shown.with_untracked(|note| {
        let marks = note.marks();
        let at = marks.iter().position(|mark| Some(mark.id) == focus)?;
        let next = marks[at + 1..]
            .iter()
            .find(|mark| mark.verdict == Verdict::Open)?;
        Some(next.id)
    });
    if next.is_some() {
        page.focus.set(next);
        if page.drawing.with_value(|drawing| drawing.has_focus()) {
            page.focus_mark();
        }
    }
    true
}

fn add(page: Page, range: std::ops::Range<usize>, kind: usize) -> bool {
    let mut added = None;
    page.correct(|review, text| {
        let found = review.add(range, kind, text);
        added = found.map(|(id, _)| id);
        found.is_some_and(|(_, new)| new)
    });
    page.unselect();
    if added.is_some() {
        page.focus.set(added);
        page.focus_mark();
        page.say(&format!("Marked as {}.", page.types()[kind]));
    }
    added.is_some()
}

/// Begins to select words by keyboard: the first after the mark that is looked at.
fn select_word(page: Page) -> bool {
    let from = untrack(|| page.focused()).map_or(0, |mark| mark.end);
    let word = page.shown.with_untracked(|note| {
        word::next(note.text(), from).or_else(|| word::next(note.text(), 0))
    });
    word.is_some_and(|word| page.select(word))
}

/// Moves the selection by a word, or its end.
fn move_selection(page: Page, step: Step, grow: bool) -> bool {
    let Some(range) = page.selection.get_untracked() else {
        return false;
    };
    let range = page.shown.with_untracked(|note| match (grow, step) {
        (true, step) => word::resize(note.text(), range, false, step == Step::On),
        (false, Step::On) => word::next(note.text(), range.end),
        (false, Step::Back) => word::previous(note.text(), range.start),
    });
    range.is_some_and(|range| page.select(range))
}
