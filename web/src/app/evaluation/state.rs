//! Where the evaluation stands, and everything that changes it.

use std::sync::Arc;

use js_sys::Uint8Array;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;
use web::files;
use web::protocol::evaluation::Results;
use web::protocol::{Event, Request};
use web_sys::File;

/// Handles to the evaluation's state; copies are the same evaluation.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(super) stage: RwSignal<Stage>,
    /// Documents that are done, and documents of the file; no documents as long as they are not counted.
    pub(super) progress: RwSignal<(u32, u32)>,
    /// To the worker.
    send: UnsyncCallback<Request>,
    /// Number of the evaluation that is wanted.
    revision: StoredValue<u32>,
    /// Whether there is a model, before which the worker takes no files.
    pub(super) has_model: RwSignal<bool>,
    /// What is sent once there is one.
    waiting: StoredValue<Option<Request>>,
}

/// What the evaluation is doing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// There has been no file yet.
    Empty,
    /// The documents of a file go through the network.
    Running { file: String },
    /// All of them have.
    Done { file: String, results: Arc<Results> },
    /// The file cannot be evaluated.
    Failed { file: String, message: String },
}

impl Stage {
    /// The value of `data-state`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Stage::Empty => "empty",
            Stage::Running { .. } => "running",
            Stage::Done { .. } => "done",
            Stage::Failed { .. } => "failed",
        }
    }

    /// Name of the file; empty where there has been none.
    pub(super) fn file(&self) -> String {
        match self {
            Stage::Empty => String::new(),
            Stage::Running { file } | Stage::Done { file, .. } | Stage::Failed { file, .. } => {
                file.clone()
            }
        }
    }
}

impl State {
    /// Sends requests to the worker by `send`.
    pub(crate) fn new(send: impl Fn(&Request) + 'static) -> Self {
        Self {
            stage: RwSignal::new(Stage::Empty),
            progress: RwSignal::new((0, 0)),
            send: UnsyncCallback::new(move |request| send(&request)),
            revision: StoredValue::new(0),
            has_model: RwSignal::new(false),
            waiting: StoredValue::new(None),
        }
    }

    /// Evaluates the model on a file that a visitor gives, in place of any evaluation before.
    pub(super) fn open(self, file: File) {
        let name = file.name();
        let revision = self.begin(&name);
        if file.size() > f64::from(files::MOST_BYTES) {
            let most = files::MOST_BYTES >> 20;
            return self.fail(format!(
                "It has more than {most} MB. In the terminal, trainer evaluate reads files of any size."
            ));
        }
        spawn_local(async move {
            let content = read(&file).await;
            // Another file may have come, or a stop, while this one was being read.
            if self.revision.get_value() != revision {
                return;
            }
            match content {
                Ok(content) => self.start(name, content),
                Err(message) => self.fail(message),
            }
        });
    }

    /// Evaluates the model on what stands in a file of this name, in place of any evaluation before.
    pub(crate) fn start(self, file: String, content: String) {
        let revision = self.begin(&file);
        self.send(Request::Evaluate {
            revision,
            file,
            content,
        });
    }

    /// Leaves the evaluation that is running.
    pub(super) fn stop(self) {
        self.begin("");
        self.stage.set(Stage::Empty);
    }

    /// Takes in what the worker says of evaluations; other events are nothing to it.
    pub(crate) fn on_event(self, event: Event) {
        let wanted = |revision| self.revision.get_value() == revision;
        match event {
            Event::Evaluating {
                revision,
                done,
                documents,
            } if wanted(revision) => self.progress.set((done, documents)),
            Event::Evaluated { revision, results } if wanted(revision) => {
                let results = Arc::from(results);
                let file = self.file();
                self.stage.set(Stage::Done { file, results });
            }
            Event::EvaluationFailed { revision, message } if wanted(revision) => self.fail(message),
            _ => {}
        }
    }

    /// The worker has its model.
    pub(crate) fn model_loaded(self) {
        self.has_model.set(true);
        if let Some(request) = self.waiting.try_update_value(Option::take).flatten() {
            self.send.run(request);
        }
    }

    /// The worker has ended, and with it what it did. A file that has not been sent waits for the next one.
    pub(crate) fn worker_ended(self) {
        let had_model = self.has_model.get_untracked();
        self.has_model.set(false);
        let running = self
            .stage
            .with_untracked(|stage| matches!(stage, Stage::Running { .. }));
        if had_model && running {
            self.revision.update_value(|revision| *revision += 1);
            self.fail("The analysis has stopped before the file was through.".to_owned());
        }
    }

    /// The number of a new evaluation; any other ends, even if nothing can be made of the new file.
    fn begin(self, file: &str) -> u32 {
        self.revision.update_value(|revision| *revision += 1);
        self.waiting.set_value(None);
        if self.has_model.get_untracked() {
            self.send.run(Request::StopEvaluation);
        }
        self.progress.set((0, 0));
        self.stage.set(Stage::Running {
            file: file.to_owned(),
        });
        self.revision.get_value()
    }

    fn send(self, request: Request) {
        if self.has_model.get_untracked() {
            self.send.run(request);
        } else {
            self.waiting.set_value(Some(request));
        }
    }

    fn fail(self, message: String) {
        let file = self.file();
        self.stage.set(Stage::Failed { file, message });
    }

    fn file(self) -> String {
        self.stage.with_untracked(Stage::file)
    }
}

/// What stands in a file.
async fn read(file: &File) -> Result<String, String> {
    let bytes = JsFuture::from(file.array_buffer()).await;
    let bytes =
        bytes.map_err(|_| "The browser cannot read it. Is it still where it was?".to_owned())?;
    files::text(&file.name(), Uint8Array::new(&bytes).to_vec())
}
