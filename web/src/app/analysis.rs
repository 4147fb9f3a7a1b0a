//! What goes to the worker and what comes from it.
//!
//! One text is with the worker at a time. The open note comes first: while it is edited, a note of the list that is being
//! analysed waits, and goes on where it was, as its windows are kept.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web::note::{ALL, Note};
use web::protocol::{Event, Failure, ModelCard, Request};
use web::review::Suggestion;

use web_sys::File;

use crate::client::{self, Client};
use crate::page::Page;
use crate::stage::{Stage, Trouble};

/// How long the note has to rest before it is sent to the worker: a fast typist's pause between words.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// Marks that are drawn at once.
const AT_ONCE: usize = 150;

/// Handles to the state of the analysis; copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct Analysis {
    /// Threads that the network runs on.
    pub(crate) threads: RwSignal<u32>,
    /// How far the analysis of all notes has come; none where it was not asked for, or has ended.
    pub(crate) batch: RwSignal<Option<Batch>>,
    client: StoredValue<Option<Client>, LocalStorage>,
    /// Number of the last text that was sent.
    revision: StoredValue<u32>,
    /// The text that is with the worker.
    job: StoredValue<Option<Job>>,
    /// Workers that were started.
    starts: StoredValue<u32>,
    /// Whether the worker has to do without helpers: one with them has not started here.
    alone: StoredValue<bool>,
    /// Whether a worker has failed since the page was opened.
    failed: StoredValue<bool>,
    /// The model that the visitor has chosen in place of the site's.
    file: RwSignal<Option<File>, LocalStorage>,
    /// The rest before the next analysis.
    rest: StoredValue<Option<TimeoutHandle>, LocalStorage>,
}

/// The analysis of all notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Notes that are analysed.
    pub(crate) done: usize,
    /// Notes that there are.
    pub(crate) all: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    revision: u32,
    /// Key of the note, and the number of its text.
    note: u32,
    version: u32,
}

impl Analysis {
    pub(crate) fn new() -> Self {
        Self {
            threads: RwSignal::new(1),
            batch: RwSignal::new(None),
            client: StoredValue::new_local(None),
            revision: StoredValue::new(0),
            job: StoredValue::new(None),
            starts: StoredValue::new(0),
            alone: StoredValue::new(false),
            failed: StoredValue::new(false),
            file: RwSignal::new_local(None),
            rest: StoredValue::new_local(None),
        }
    }

    /// Sends a message to the worker, if there is one.
    pub(crate) fn send(self, request: &Request) {
        self.client
            .with_value(|client| client.iter().for_each(|client| client.send(request)));
    }

    /// Whether the visitor has chosen a model in place of the site's.
    pub(crate) fn has_own_model(self) -> bool {
        self.file.with(Option::is_some)
    }

    fn new_revision(self) -> u32 {
        self.revision.update_value(|revision| *revision += 1);
        self.revision.get_value()
    }
}

impl Page {
    /// Starts a worker, in place of any that there was.
    pub(crate) fn start(self) {
        let analysis = self.analysis;
        analysis.client.set_value(None);
        analysis.starts.update_value(|starts| *starts += 1);
        self.evaluation.worker_ended();
        self.sent.pause();
        analysis.job.set_value(None);
        self.stage.set(Stage::Starting);
        analysis.threads.set(1);
        match Client::start(
            analysis.alone.get_value(),
            analysis.failed.get_value(),
            analysis.file.get_untracked().as_ref(),
            move |event| self.on_event(event),
            move |trouble| self.on_trouble(trouble),
        ) {
            Ok(client) => analysis.client.set_value(Some(client)),
            Err(trouble) => self.on_trouble(trouble),
        }
    }

    /// Goes on with a model of the visitor's, or back to the site's. It stays on the device, and is gone with the page.
    pub(crate) fn use_model(self, file: Option<File>) {
        self.analysis.file.set(file);
        self.start();
    }

    /// The open note has another text than the worker has seen.
    pub(crate) fn text_changed(self) {
        if !self.stage.with_untracked(Stage::has_model) {
            return;
        }
        self.stage.set(Stage::UNCOUNTED);
        self.stop_resting();
        let rest = set_timeout_with_handle(
            move || {
                self.analysis.rest.set_value(None);
                self.next();
            },
            DEBOUNCE,
        );
        self.analysis.rest.set_value(rest.ok());
    }

    /// Another note was opened.
    pub(crate) fn opened(self) {
        if !self.stage.with_untracked(Stage::has_model) {
            return;
        }
        self.stop_resting();
        let analysed = self.with_open(|note| note.analysed);
        self.stage.set(if analysed {
            Stage::Ready
        } else {
            Stage::UNCOUNTED
        });
        self.next();
    }

    /// Analyses all notes that are not.
    pub(crate) fn analyse_all(self) {
        if !self.stage.with_untracked(Stage::has_model) {
            return;
        }
        self.analysis.batch.set(Some(Batch { done: 0, all: 0 }));
        self.next();
    }

    /// Leaves the notes that are not analysed yet as they are.
    pub(crate) fn stop_batch(self) {
        self.analysis.batch.set(None);
        let open = self.open.get_untracked();
        if self
            .analysis
            .job
            .get_value()
            .is_some_and(|job| job.note != open)
        {
            self.analysis.job.set_value(None);
            self.analysis.send(&Request::Stop);
        }
    }

    /// Gives the worker what it has to do next.
    fn next(self) {
        // A worker may have failed while a note rested.
        if !self.stage.with_untracked(Stage::has_model) {
            return;
        }
        let open = self.open.get_untracked();
        let resting = self.analysis.rest.with_value(Option::is_some);
        let open_waits = !resting && self.with_open(|note| !note.analysed);
        let (other, left, all) = self.with_notes(|notes| {
            let waiting = || notes.iter().filter(|note| !note.analysed);
            let other = waiting().map(|note| note.key).find(|key| *key != open);
            (other, waiting().count(), notes.len())
        });
        if self.analysis.batch.get_untracked().is_some() {
            let done = all - left;
            self.analysis
                .batch
                .set((left > 0).then_some(Batch { done, all }));
        }
        let in_batch = self.analysis.batch.get_untracked().is_some();
        let note = match (open_waits, other) {
            (true, _) => open,
            (false, Some(other)) if in_batch => other,
            _ => return,
        };
        let Some((version, text)) = self.with_notes(|notes| {
            let note = notes.iter().find(|other| other.key == note)?;
            Some((note.version(), String::from_utf16_lossy(note.text())))
        }) else {
            return;
        };
        // What the worker is doing goes on, unless it is another note or an older text than the reader waits for.
        if let Some(job) = self.analysis.job.get_value()
            && (note != open || (job.note, job.version) == (note, version))
        {
            return;
        }
        let revision = self.analysis.new_revision();
        self.analysis.job.set_value(Some(Job {
            revision,
            note,
            version,
        }));
        self.analysis.send(&Request::Analyse { revision, text });
    }

    fn on_event(self, event: Event) {
        let job = self.analysis.job.get_value();
        let of = |revision: u32| job.filter(|job| job.revision == revision);
        let open = self.open.get_untracked();
        match event {
            Event::Downloading { received, total } => {
                self.stage.set(Stage::Downloading { received, total })
            }
            Event::Requested {
                address,
                start,
                blocked,
            } => self.sent.add(&address, start, blocked),
            Event::ThreadJoined => self.analysis.threads.update(|threads| *threads += 1),
            Event::Downloaded => self.stage.set(Stage::Preparing),
            Event::Loaded(model) => {
                self.loaded(*model);
                // A look for a newer build may still be under way, for which no note has to wait.
                let (since, of) = (js_sys::Date::now(), self.analysis.starts.get_value());
                spawn_local(async move {
                    let _ = JsFuture::from(client::settled()).await;
                    if self.analysis.starts.get_value() == of {
                        self.sent.watch(since);
                    }
                });
            }
            Event::Progress {
                revision,
                done,
                windows,
            } => {
                // While the note is edited, what is said of its older text is no news.
                let version = self.with_open(Note::version);
                if of(revision).is_some_and(|job| (job.note, job.version) == (open, version)) {
                    self.stage.set(Stage::Analysing { done, windows });
                }
            }
            Event::Analysed { revision, entities } => {
                if let Some(job) = of(revision) {
                    let found = entities.into_iter().map(|entity| Suggestion {
                        kind: entity.kind as usize,
                        range: entity.start_utf16 as usize..entity.end_utf16 as usize,
                        score: entity.score,
                    });
                    self.found(job, 0, found.collect());
                }
            }
            Event::Evaluating { .. } | Event::Evaluated { .. } | Event::EvaluationFailed { .. } => {
                self.evaluation.on_event(event)
            }
            // Embedding programs alone ask for them.
            Event::Classified { .. } | Event::ClassificationFailed { .. } => {}
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

    fn loaded(self, model: ModelCard) {
        self.set_types(&model.types);
        // After a failure this may be another model than the one that the suggestions are from.
        self.update_notes(|notes| {
            for note in notes {
                note.forget();
            }
        });
        let is_other = self
            .model
            .with_untracked(|old| old.as_ref().map(|old| &old.sha256) != Some(&model.sha256));
        if is_other {
            self.threshold.set(model.least_score);
        }
        self.model.set(Some(model));
        self.refresh();
        self.list_all();
        self.stage.set(Stage::UNCOUNTED);
        self.opened();
        self.evaluation.model_loaded();
    }

    /// Takes in what was found from a place of a note on. The open note's marks come a frame's worth at a time: thousands at once
    /// would hold up who is typing.
    fn found(self, job: Job, from: usize, mut found: Vec<Suggestion>) {
        if self.analysis.job.get_value() != Some(job) {
            return;
        }
        let is_open = job.note == self.open.get_untracked();
        let more = if is_open && AT_ONCE < found.len() {
            found.split_off(AT_ONCE)
        } else {
            Vec::new()
        };
        let end = more.first().map_or(ALL.end, |next| next.range.start);
        let is_current = self.update_notes(|notes| {
            let note = notes.iter_mut().find(|note| note.key == job.note);
            note.is_some_and(|note| note.found(job.version, from..end, found))
        });
        match (is_current, is_open) {
            (true, true) => self.refresh(),
            (true, false) => self.list_note(job.note),
            (false, _) => {}
        }
        if is_current && !more.is_empty() {
            set_timeout(move || self.found(job, end, more), Duration::ZERO);
            return;
        }
        self.analysis.job.set_value(None);
        if is_current && is_open {
            self.stage.set(Stage::Ready);
        }
        self.next();
    }

    fn stop_resting(self) {
        let rest = self.analysis.rest.try_update_value(Option::take).flatten();
        if let Some(rest) = rest {
            rest.clear();
        }
    }

    fn on_trouble(self, trouble: Trouble) {
        let analysis = self.analysis;
        let shares_memory = analysis
            .client
            .with_value(|client| client.as_ref().is_some_and(Client::shares_memory));
        let starting = self
            .stage
            .with_untracked(|stage| matches!(stage, Stage::Starting));
        if shares_memory && starting {
            analysis.alone.set_value(true);
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
            self.analysis.failed.set_value(true);
            self.analysis.job.set_value(None);
            self.analysis.batch.set(None);
            self.analysis
                .client
                .with_value(|client| client.iter().for_each(Client::stop));
            self.evaluation.worker_ended();
            self.stage.set(Stage::Failed(trouble));
        }
    }
}
