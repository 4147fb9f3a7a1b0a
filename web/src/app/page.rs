//! The state of the page and everything that changes its notes: edits, corrections, and what is shown of them.
//!
//! `analysis` has what goes to the worker and comes from it.

use std::collections::BTreeSet;
use std::ops::Range;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web::highlight::Layout;
use web::kind;
use web::mark::Mark;
use web::names::Names;
use web::note::Note;
use web::protocol::ModelCard;
use web::review::Review;

use crate::analysis::Analysis;
use crate::colours;
use crate::drawing::Drawing;
use crate::evaluation;
use crate::pointer::Drag;
use crate::sent::Sent;
use crate::stage::Stage;

/// Handles to the page's state; copies are the same page.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    /// The open note as it is shown: its text is always the text area's value, its marks are those of the chosen types and scores.
    pub(crate) shown: RwSignal<Layout>,
    /// The open note's key.
    pub(crate) open: RwSignal<u32>,
    /// A line per note, in the order of the list.
    pub(crate) list: RwSignal<Vec<Summary>>,
    pub(crate) mode: RwSignal<Mode>,
    /// Id of the mark that the reader looks at, and of that under the pointer.
    pub(crate) focus: RwSignal<Option<u32>>,
    pub(crate) hover: RwSignal<Option<u32>>,
    /// Selected words of a reviewed note, in UTF-16 units.
    pub(crate) selection: RwSignal<Option<Range<usize>>>,
    /// The end of a mark that is being dragged.
    pub(crate) drag: RwSignal<Option<Drag>>,
    /// Whether keys without a modifier correct.
    pub(crate) single_keys: RwSignal<bool>,
    /// Whether the keys are being explained.
    pub(crate) help: RwSignal<bool>,
    /// What was done last, for screen readers.
    pub(crate) said: RwSignal<String>,
    /// Whether there is a correction to take back, and one to do again.
    pub(crate) steps: RwSignal<(bool, bool)>,
    /// Least score of the model's marks that are shown and exported.
    pub(crate) threshold: RwSignal<f32>,
    /// Types that are not shown, as indices into the model's. Exports have them all the same.
    pub(crate) hidden: RwSignal<BTreeSet<usize>>,
    pub(crate) stage: RwSignal<Stage>,
    /// Types that marks can be of: the model's and, behind those, others that decisions were made for. Empty until there is a
    /// model or a draft.
    pub(crate) types: RwSignal<Vec<String>>,
    /// The loaded model.
    pub(crate) model: RwSignal<Option<ModelCard>>,
    pub(crate) analysis: Analysis,
    pub(crate) evaluation: evaluation::State,
    pub(crate) sent: Sent,
    pub(crate) textarea: NodeRef<html::Textarea>,
    /// Where marks are drawn behind the text area, and where the text that is reviewed is drawn.
    pub(crate) drawing: StoredValue<Drawing, LocalStorage>,
    notes: StoredValue<Vec<Note>, LocalStorage>,
    last_key: StoredValue<u32>,
}

/// What is done with the open note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A text field.
    Write,
    /// Its marks are corrected; the text stays as it is.
    Review,
}

/// A note in the list of notes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    pub(crate) key: u32,
    pub(crate) name: String,
    pub(crate) analysed: bool,
    /// Whether its marks are those of its file.
    pub(crate) from_file: bool,
    /// Whether it has corrections that were not saved.
    pub(crate) unsaved: bool,
    /// Marks of each of the model's types.
    pub(crate) counts: Vec<u32>,
}

impl Page {
    pub(crate) fn new() -> Self {
        let analysis = Analysis::new();
        let page = Self {
            shown: RwSignal::default(),
            open: RwSignal::new(0),
            list: RwSignal::default(),
            mode: RwSignal::new(Mode::Write),
            focus: RwSignal::new(None),
            hover: RwSignal::new(None),
            selection: RwSignal::new(None),
            drag: RwSignal::new(None),
            single_keys: RwSignal::new(true),
            help: RwSignal::new(false),
            said: RwSignal::default(),
            steps: RwSignal::default(),
            threshold: RwSignal::new(0.0),
            hidden: RwSignal::default(),
            stage: RwSignal::new(Stage::Starting),
            types: RwSignal::default(),
            model: RwSignal::new(None),
            analysis,
            evaluation: evaluation::State::new(move |request| analysis.send(request)),
            sent: Sent::new(),
            textarea: NodeRef::new(),
            drawing: StoredValue::new_local(Drawing::default()),
            notes: StoredValue::new_local(Vec::new()),
            last_key: StoredValue::new(0),
        };
        page.begin();
        page
    }

    /// Takes in the text area's new value, before the browser draws anything.
    pub(crate) fn edited(self, value: &str) {
        let changed = self.update(|note| note.edit(value).is_some());
        if changed {
            self.refresh();
            self.text_changed();
        }
    }

    /// Corrects the open note; `change` says whether it did.
    pub(crate) fn correct(self, change: impl FnOnce(&mut Review, &[u16]) -> bool) -> bool {
        let changed = self.update(|note| note.correct(change));
        if changed {
            self.refresh();
        }
        changed
    }

    /// The mark that the reader looks at.
    pub(crate) fn focused(self) -> Option<Mark> {
        let id = self.focus.get()?;
        self.shown
            .with(|shown| shown.marks().iter().find(|mark| mark.id == id).cloned())
    }

    /// Where a mark is in the note, in characters as files count them (Unicode code points, line ends as in the note's file).
    pub(crate) fn code_points(self, mark: &Mark) -> (usize, usize) {
        self.with_open(|note| note.code_points(mark.range()))
    }

    /// Gives the mark that is looked at the keyboard, or the note where there is none.
    pub(crate) fn focus_mark(self) {
        let id = self.focus.get_untracked();
        self.shown.with_untracked(|note| {
            self.drawing.update_value(|drawing| {
                drawing.set_current(note, id);
                drawing.focus(note, id);
            });
        });
    }

    /// Goes on to another mode; the note is drawn anew for it.
    pub(crate) fn mode_changed(self) {
        let reviewed = self.mode.get_untracked() == Mode::Review;
        self.unselect();
        self.refresh();
        let types = self.types();
        self.shown.with_untracked(|note| {
            self.drawing.update_value(|drawing| {
                drawing.redraw(note, &types, reviewed);
                drawing.set_current(note, self.focus.get_untracked());
            });
        });
    }

    /// Selects words of a reviewed note.
    pub(crate) fn select(self, range: Range<usize>) -> bool {
        self.shown.with_untracked(|note| {
            self.drawing
                .with_value(|drawing| drawing.select(note, range.clone()));
        });
        self.selection.set(Some(range));
        true
    }

    /// Selects nothing.
    pub(crate) fn unselect(self) {
        self.selection.set(None);
        if let Ok(Some(selection)) = window().get_selection() {
            // Refused by nothing that is a selection.
            let _ = selection.remove_all_ranges();
        }
    }

    /// Tells screen readers what was done.
    pub(crate) fn say(self, what: &str) -> bool {
        // The same words again would be no change, and not be read out.
        let again = self.said.with_untracked(|said| said == what);
        self.said
            .set(format!("{what}{}", if again { "\u{a0}" } else { "" }));
        true
    }

    /// Moves the keyboard to the buttons for the mark that is looked at.
    pub(crate) fn to_inspector(self) -> bool {
        let button = document()
            .query_selector("[data-testid=inspector] button:not([disabled])")
            .ok()
            .flatten();
        let button = button.and_then(|button| button.dyn_into::<web_sys::HtmlElement>().ok());
        button.is_some_and(|button| button.focus().is_ok())
    }

    /// Begins an empty note and opens it.
    pub(crate) fn begin(self) {
        let key = self.new_key();
        self.update_notes(|notes| {
            let name = names(notes).numbered("Note");
            notes.push(Note::begin(key, name));
        });
        self.open_note(key);
    }

    /// Adds notes, whose marks are of `types`; each gets a key and a name of its own. Blank notes give way to them. Opens the one
    /// at `open`, if one is to be.
    pub(crate) fn add_notes(self, mut notes: Vec<Note>, types: &[String], open: Option<usize>) {
        let first = self.last_key.get_value() + 1;
        if notes.is_empty() {
            return;
        }
        // Another model may have come while they were read.
        let mut all = self.types();
        if !all.starts_with(types) {
            let new = used(&notes, types, &all);
            all.extend(new);
            for note in &mut notes {
                note.retype(types, &all);
                note.forget();
            }
            colours::set(&all);
            self.types.set(all);
        }
        self.update_notes(|all| {
            all.retain(|note| !note.is_blank());
            let mut names = names(all);
            for mut note in notes {
                note.key = self.new_key();
                note.name = names.unique(&note.name);
                all.push(note);
            }
        });
        match open {
            Some(open) => self.open_note(first + open as u32),
            None => self.list_all(),
        }
    }

    /// Closes a note. There is always one left.
    pub(crate) fn close(self, key: u32) {
        let at = self
            .notes
            .with_value(|notes| notes.iter().position(|note| note.key == key));
        let Some(at) = at else { return };
        self.notes.update_value(|notes| drop(notes.remove(at)));
        let next = self
            .notes
            .with_value(|notes| notes.get(at).or(notes.last()).map(|note| note.key));
        match next {
            None => self.begin(),
            Some(next) if self.open.get_untracked() == key => self.open_note(next),
            Some(_) => self.list_all(),
        }
    }

    /// Shows another note.
    pub(crate) fn open_note(self, key: u32) {
        let found = self
            .notes
            .with_value(|notes| notes.iter().any(|note| note.key == key));
        if !found {
            return;
        }
        self.open.set(key);
        self.focus.set(None);
        self.hover.set(None);
        self.drag.set(None);
        self.unselect();
        self.list_all();
        self.refresh();
        self.show_text();
        self.opened();
    }

    /// Puts the open note's text into the text area.
    pub(crate) fn show_text(self) {
        if let Some(textarea) = self.textarea.get_untracked() {
            let text = self
                .shown
                .with_untracked(|shown| shown.slice(0..shown.text().len()));
            // Setting even the same text would move the caret.
            if textarea.value() != text {
                textarea.set_value(&text);
            }
        }
    }

    /// Looks at the open note.
    pub(crate) fn with_open<R>(self, look: impl FnOnce(&Note) -> R) -> R {
        let key = self.open.get_untracked();
        self.notes.with_value(|notes| {
            let note = notes.iter().find(|note| note.key == key);
            look(note.expect("the open note is one of the notes"))
        })
    }

    /// The open note's key and the number of its text.
    pub(crate) fn open_version(self) -> (u32, u32) {
        (self.open.get_untracked(), self.with_open(Note::version))
    }

    /// Whether the open note shows the marks of its file only.
    pub(crate) fn is_from_file(self) -> bool {
        let open = self.open.get();
        self.list
            .with(|list| list.iter().any(|line| line.key == open && line.from_file))
    }

    /// Looks at all notes, in the order of the list.
    pub(crate) fn with_notes<R>(self, look: impl FnOnce(&[Note]) -> R) -> R {
        self.notes.with_value(|notes| look(notes))
    }

    /// Changes notes without a look at what is shown of them: `refresh` or `list_all` has to follow.
    pub(crate) fn update_notes<R>(self, change: impl FnOnce(&mut Vec<Note>) -> R) -> R {
        self.notes
            .try_update_value(change)
            .expect("the page lives as long as its document")
    }

    /// Changes the open note; `refresh` has to follow.
    pub(crate) fn update<R>(self, change: impl FnOnce(&mut Note) -> R) -> R {
        let key = self.open.get_untracked();
        self.update_notes(|notes| {
            let note = notes.iter_mut().find(|note| note.key == key);
            change(note.expect("the open note is one of the notes"))
        })
    }

    /// Shows the open note as it now is. What is drawn of it follows at once, the rest of the page with its effects.
    pub(crate) fn refresh(self) {
        let threshold = self.threshold.get_untracked();
        let rejected_too = self.mode.get_untracked() == Mode::Review;
        let (layout, steps) = self.with_open(|note| {
            let mut marks = note.review().marks(threshold);
            self.hidden.with_untracked(|hidden| {
                marks
                    .retain(|mark| !hidden.contains(&mark.kind) && (mark.stands() || rejected_too));
            });
            (
                Layout::new(note.text().to_vec(), marks),
                note.review().steps(),
            )
        });
        let types = self.types();
        let had_focus = self.drawing.with_value(Drawing::has_focus);
        let focus = self.focus.get_untracked();
        let gone = focus.filter(|id| layout.marks().iter().all(|mark| mark.id != *id));
        if gone.is_some() {
            let next = self.shown.with_untracked(|old| nearest(old, &layout, gone));
            self.focus.set(next.filter(|_| had_focus));
        }
        self.shown.with_untracked(|old| {
            self.drawing
                .update_value(|drawing| drawing.draw(old, &layout, &types));
        });
        self.shown.set(layout);
        if had_focus {
            // The element that had the keyboard may be another one now.
            self.focus_mark();
        }
        if self.steps.get_untracked() != steps {
            self.steps.set(steps);
        }
        self.list_note(self.open.get_untracked());
    }

    /// The types that marks can be of.
    pub(crate) fn types(self) -> Vec<String> {
        self.types.get_untracked()
    }

    /// Goes on to a model's types. Those that it does not know and somebody has decided on stay, behind its own.
    pub(crate) fn set_types(self, types: &[String]) {
        let old = self.types();
        let mut new = types.to_vec();
        new.extend(self.with_notes(|notes| used(notes, &old, types)));
        if old != new {
            self.update_notes(|notes| notes.iter_mut().for_each(|note| note.retype(&old, &new)));
            // Before there were any, those of the guide were shown.
            let guide = kind::GUIDE.iter().map(|kind| kind.name);
            let shown: Vec<&str> = match old.as_slice() {
                [] => guide.collect(),
                old => old.iter().map(String::as_str).collect(),
            };
            let place = |kind: &usize| {
                let name = shown.get(*kind)?;
                new.iter().position(|other| other == name)
            };
            self.hidden
                .update(|hidden| *hidden = hidden.iter().filter_map(place).collect());
            colours::set(&new);
            self.types.set(new);
        }
    }

    /// Brings the whole list of notes up to date.
    pub(crate) fn list_all(self) {
        let list = self.with_notes(|notes| notes.iter().map(|note| self.summary(note)).collect());
        self.list.set(list);
    }

    /// Brings a note's line up to date.
    pub(crate) fn list_note(self, key: u32) {
        let summary = self.with_notes(|notes| {
            let note = notes.iter().find(|note| note.key == key);
            note.map(|note| self.summary(note))
        });
        let Some(summary) = summary else { return };
        let at = self.list.with_untracked(|list| {
            list.iter()
                .position(|line| line.key == summary.key && *line != summary)
        });
        if let Some(at) = at {
            self.list.update(|list| list[at] = summary);
        }
    }

    fn summary(self, note: &Note) -> Summary {
        Summary {
            key: note.key,
            name: note.name.clone(),
            analysed: note.analysed,
            from_file: note.from_file,
            unsaved: note.is_unsaved(),
            counts: note.counts(self.types().len(), self.threshold.get_untracked()),
        }
    }

    fn new_key(self) -> u32 {
        self.last_key.update_value(|key| *key += 1);
        self.last_key.get_value()
    }
}

/// The mark of a note that is now where another one was: behind it, or the last one.
fn nearest(old: &Layout, new: &Layout, gone: Option<u32>) -> Option<u32> {
    let start = old.marks().iter().find(|mark| Some(mark.id) == gone)?.start;
    let marks = new.marks();
    let at = marks.partition_point(|mark| mark.end <= start);
    marks.get(at).or(marks.last()).map(|mark| mark.id)
}

/// Types that decisions of notes are of, as indices of `types`, and that are not among the `known` ones.
fn used(notes: &[Note], types: &[String], known: &[String]) -> Vec<String> {
    let kinds = notes.iter().flat_map(|note| note.review().decided_kinds());
    let kinds: BTreeSet<usize> = kinds.collect();
    let names = kinds.iter().filter_map(|&kind| types.get(kind));
    names
        .filter(|name| !known.contains(name))
        .cloned()
        .collect()
}

fn names(notes: &[Note]) -> Names {
    notes.iter().map(|note| note.name.as_str()).collect()
}
