//! The state of the page and everything that changes it: edits, messages of the worker, and the wish to try again.

use std::time::Duration;

use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use web::edit::Edit;
use web::highlight::{Layout, Mark};
use web::protocol::{Entity, Event, Failure, ModelCard, Request};

use crate::client::Client;
use crate::editor::Backdrop;
use crate::evaluation;
use crate::stage::{Stage, Trouble};

/// How long the note has to rest before it is sent to the worker: a fast typist's pause between words.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// Handles to the page's state; copies are the same page.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    /// The note and its marks. Its text is always the text area's value.
    pub(crate) note: RwSignal<Layout>,
    pub(crate) stage: RwSignal<Stage>,
    /// The loaded model.
    pub(crate) model: RwSignal<Option<ModelCard>>,
    /// Threads that the network runs on.
    pub(crate) threads: RwSignal<u32>,
    pub(crate) textarea: NodeRef<html::Textarea>,
    pub(crate) backdrop: StoredValue<Backdrop, LocalStorage>,
    pub(crate) evaluation: evaluation::State,
    client: StoredValue<Option<Client>, LocalStorage>,
    /// Number of the text that stands on the page.
    revision: StoredValue<u32>,
    next_id: StoredValue<u32>,
    /// Whether the worker has to do without helpers: one with them has not started here.
    alone: StoredValue<bool>,
    /// Whether a worker has failed since the page was opened.
    failed: StoredValue<bool>,
    /// The rest before the next analysis.
    rest: StoredValue<Option<TimeoutHandle>, LocalStorage>,
}

impl Page {
    pub(crate) fn new() -> Self {
        let client = StoredValue::new_local(None::<Client>);
        Self {
            note: RwSignal::default(),
            stage: RwSignal::new(Stage::Starting),
            model: RwSignal::new(None),
            threads: RwSignal::new(1),
            textarea: NodeRef::new(),
            backdrop: StoredValue::new_local(Backdrop::default()),
            evaluation: evaluation::State::new(move |request| send(client, request)),
            client,
            revision: StoredValue::new(0),
            next_id: StoredValue::new(0),
            alone: StoredValue::new(false),
            failed: StoredValue::new(false),
            rest: StoredValue::new_local(None),
        }
    }

    /// Starts a worker, in place of any that there was.
    pub(crate) fn start(self) {
        self.client.set_value(None);
        self.evaluation.worker_ended();
        self.stage.set(Stage::Starting);
        self.threads.set(1);
        match Client::start(
            self.alone.get_value(),
            self.failed.get_value(),
            move |event| self.on_event(event),
            move |trouble| self.on_trouble(trouble),
        ) {
            Ok(client) => self.client.set_value(Some(client)),
            Err(trouble) => self.on_trouble(trouble),
        }
    }

    /// Takes in the text area's new value, before the browser draws anything.
    pub(crate) fn edited(self, value: &str) {
        // A lone surrogate has become U+FFFD on the way here, which is one unit as well: every place stays exact.
        let text: Vec<u16> = value.encode_utf16().collect();
        let Some(marks) = self.note.with_untracked(|note| {
            Edit::between(note.text(), &text).map(|edit| edit.carry(note.marks(), &text))
        }) else {
            return;
        };
        self.draw(Layout::new(text, marks));
        self.revision.update_value(|revision| *revision += 1);
        if self.stage.with_untracked(Stage::has_model) {
            self.stage.set(Stage::UNCOUNTED);
            if let Some(earlier) = self.rest.try_update_value(Option::take).flatten() {
                earlier.clear();
            }
            self.rest
                .set_value(set_timeout_with_handle(move || self.analyse(), DEBOUNCE).ok());
        }
    }

    fn analyse(self) {
        // A worker may have failed while the note rested.
        if !self.stage.with_untracked(Stage::has_model) {
            return;
        }
        let request = Request::Analyse {
            revision: self.revision.get_value(),
            text: self
                .note
                .with_untracked(|note| note.slice(0..note.text().len())),
        };
        self.send(&request);
    }

    fn on_event(self, event: Event) {
        let revision = self.revision.get_value();
        match event {
            Event::Downloading { received, total } => {
                self.stage.set(Stage::Downloading { received, total })
            }
            Event::ThreadJoined => self.threads.update(|threads| *threads += 1),
            Event::Downloaded => self.stage.set(Stage::Preparing),
            Event::Loaded(model) => {
                // After a failure this may be another model than the one that the marks are from.
                self.found(Vec::new());
                self.model.set(Some(model));
                self.stage.set(Stage::UNCOUNTED);
                self.analyse();
                self.evaluation.model_loaded();
            }
            Event::Progress {
                revision: of,
                done,
                windows,
            } if of == revision => {
                self.stage.set(Stage::Analysing { done, windows });
            }
            Event::Analysed {
                revision: of,
                entities,
            } if of == revision => {
                self.found(entities);
                self.stage.set(Stage::Ready);
            }
            // Of a text that no longer stands on the page.
            Event::Progress { .. } | Event::Analysed { .. } => {}
            Event::Evaluating { .. } | Event::Evaluated { .. } | Event::EvaluationFailed { .. } => {
                self.evaluation.on_event(event)
            }
            Event::Failed { failure, message } => {
                let trouble = Trouble::reported(failure, message);
                match failure {
                    // It has started, and another one would fail alike.
                    Failure::Download | Failure::Model => self.fail(trouble),
                    Failure::Analysis => self.on_trouble(trouble),
                }
            }
        }
    }

    fn on_trouble(self, trouble: Trouble) {
        let shares_memory = self
            .client
            .with_value(|client| client.as_ref().is_some_and(Client::shares_memory));
        let starting = self
            .stage
            .with_untracked(|stage| matches!(stage, Stage::Starting));
        if shares_memory && starting {
            self.alone.set_value(true);
            // The client that is replaced is calling this.
            set_timeout(move || self.start(), Duration::ZERO);
        } else {
            self.fail(trouble);
        }
    }

    fn fail(self, trouble: Trouble) {
        // A worker that panics reports it and then fails for a reason that says less.
        if !self
            .stage
            .with_untracked(|stage| matches!(stage, Stage::Failed(_)))
        {
            self.failed.set_value(true);
            self.client
                .with_value(|client| client.iter().for_each(Client::stop));
            self.evaluation.worker_ended();
            self.stage.set(Stage::Failed(trouble));
        }
    }

    /// Replaces the marks. An entity that was marked before keeps its id, so that its row in the table stays.
    fn found(self, entities: Vec<Entity>) {
        let layout = self.note.with_untracked(|note| {
            let mut known = note.marks().iter().peekable();
            let marks = entities.into_iter().map(|entity| {
                let (kind, start, end) = (
                    entity.kind as usize,
                    entity.start_utf16 as usize,
                    entity.end_utf16 as usize,
                );
                while known.next_if(|mark| mark.start < start).is_some() {}
                let same =
                    known.next_if(|mark| (mark.kind, mark.start, mark.end) == (kind, start, end));
                let id = same.map_or_else(|| self.new_id(), |mark| mark.id);
                Mark {
                    id,
                    kind,
                    start,
                    end,
                    score: entity.score,
                }
            });
            Layout::new(note.text().to_vec(), marks.collect())
        });
        self.draw(layout);
    }

    fn new_id(self) -> u32 {
        self.next_id.update_value(|id| *id = id.wrapping_add(1));
        self.next_id.get_value()
    }

    /// Shows a note. The backdrop follows at once, the rest of the page with its effects.
    fn draw(self, layout: Layout) {
        let kinds = self
            .model
            .with_untracked(|model| model.as_ref().map(|model| model.types.clone()));
        self.note.with_untracked(|old| {
            self.backdrop
                .update_value(|backdrop| backdrop.draw(old, &layout, &kinds.unwrap_or_default()));
        });
        self.note.set(layout);
    }

    fn send(self, request: &Request) {
        send(self.client, request);
    }
}

fn send(client: StoredValue<Option<Client>, LocalStorage>, request: &Request) {
    client.with_value(|client| client.iter().for_each(|client| client.send(request)));
}
