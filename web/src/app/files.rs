//! Files and folders that a visitor opens: from a dialog, or from `dropping`.

use std::collections::BTreeMap;
use std::time::Duration;

use js_sys::{Function, Promise, Uint8Array};
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use ner::Labels;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web::note::Note;
use web::opening::{self, Group, Opened};
use web::{bytes, files};
use web_sys::{File, FileList, HtmlInputElement};

use crate::download::in_words;
use crate::page::Page;

/// How long the page may be busy with files before it looks after its visitor again, in milliseconds.
const TURN: f64 = 16.0;

/// Problems that are shown; a folder of the wrong kind has thousands.
const PROBLEMS: usize = 20;

/// Handles to the state of what is being opened; copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct Files {
    page: Page,
    /// The open note and its text when files were given.
    open: StoredValue<(u32, u32)>,
    /// Files that have not been looked at.
    waiting: StoredValue<Vec<Given>, LocalStorage>,
    stage: RwSignal<Stage>,
    report: RwSignal<Report>,
}

/// A file and where it is in what was given.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) path: String,
    pub(crate) file: File,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    /// So many files wait for the model, whose types their marks have to be of.
    Waiting(usize),
    Reading {
        done: usize,
        all: usize,
    },
}

/// What came of what was opened last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Report {
    notes: usize,
    /// Files of a folder that are of no kind that holds notes.
    left_out: Vec<String>,
    problems: Vec<String>,
}

impl Files {
    pub(crate) fn new(page: Page) -> Self {
        let files = Self {
            page,
            open: StoredValue::new((0, 0)),
            waiting: StoredValue::new_local(Vec::new()),
            stage: RwSignal::new(Stage::Idle),
            report: RwSignal::default(),
        };
        Effect::new(move |_| {
            if page.model.with(Option::is_some) {
                files.go();
            }
        });
        files
    }

    /// Takes files to open, and what could not be opened before it was a file.
    pub(crate) fn take(self, given: Vec<Given>, problems: Vec<String>) {
        if !matches!(self.stage.get_untracked(), Stage::Reading { .. }) {
            self.report.set(Report::default());
        }
        self.report
            .update(|report| report.problems.extend(problems));
        let (mut models, given): (Vec<Given>, Vec<Given>) = given
            .into_iter()
            .partition(|given| files::is_model(&given.path));
        if let Some(model) = models.pop() {
            self.page.use_model(Some(model.file));
        }
        self.open.set_value(self.page.open_version());
        self.waiting.update_value(|waiting| waiting.extend(given));
        self.go();
    }

    /// Reads what waits, unless that goes on already, or there is no model yet.
    fn go(self) {
        let count = self.waiting.with_value(Vec::len);
        let reading = matches!(self.stage.get_untracked(), Stage::Reading { .. });
        if count == 0 || reading {
            return;
        }
        let labels = self.page.model.with_untracked(|model| {
            let model = model.as_ref()?;
            // The model has been loaded with them.
            Labels::new(model.labels.clone()).ok()
        });
        let Some(labels) = labels else {
            self.stage.set(Stage::Waiting(count));
            return;
        };
        self.stage.set(Stage::Reading {
            done: 0,
            all: count,
        });
        spawn_local(async move {
            let mut report = Report::default();
            loop {
                let given = self.waiting.try_update_value(std::mem::take);
                let given = given.unwrap_or_default();
                if given.is_empty() {
                    break;
                }
                self.read(given, &labels, &mut report).await;
            }
            self.stage.set(Stage::Idle);
            self.report.update(|all| {
                all.notes += report.notes;
                all.left_out.extend(report.left_out);
                all.problems.extend(report.problems);
            });
        });
    }

    /// Reads files and adds their notes.
    async fn read(self, given: Vec<Given>, labels: &Labels, report: &mut Report) {
        let paths: Vec<&str> = given.iter().map(|given| given.path.as_str()).collect();
        let grouped = opening::group(&paths);
        let left_out = grouped.left_out.iter().map(|&at| paths[at].to_owned());
        report.left_out.extend(left_out);
        let all = grouped.groups.len();
        let mut notes = Vec::new();
        let mut since = now();
        for (done, group) in grouped.groups.into_iter().enumerate() {
            match read(&given, group, labels).await {
                Ok(documents) => {
                    for Opened {
                        document,
                        annotated,
                    } in documents
                    {
                        let id = document.id.clone();
                        let note = if annotated {
                            Note::import(0, document, labels)
                        } else {
                            Ok(Note::new(0, document.id, &document.text))
                        };
                        match note {
                            Ok(note) => notes.push(note),
                            Err(error) => report
                                .problems
                                .push(format!("{}: {id}: {error}", paths[group.file])),
                        }
                        if now() - since > TURN {
                            self.stage.set(Stage::Reading { done, all });
                            next_turn().await;
                            since = now();
                        }
                    }
                }
                Err(problem) => report.problems.push(problem),
            }
        }
        report.notes += notes.len();
        // Nobody's note is taken from under their hands.
        let is_same = self.page.open_version() == self.open.get_value();
        self.page
            .add_notes(notes, labels.types(), is_same.then_some(0));
    }
}

/// The documents of files that belong together.
async fn read(given: &[Given], group: Group, labels: &Labels) -> Result<Vec<Opened>, String> {
    let content = text(&given[group.file]).await?;
    let annotations = match group.annotations {
        Some(at) => Some(text(&given[at]).await?),
        None => None,
    };
    let path = &given[group.file].path;
    opening::documents(path, &content, annotations.as_deref(), labels)
        .map_err(|error| error.to_string())
}

/// The text of a file.
async fn text(given: &Given) -> Result<String, String> {
    let Given { path, file } = given;
    if file.size() > f64::from(files::MOST_BYTES) {
        let most = bytes::in_words(files::MOST_BYTES);
        return Err(format!("{path}: larger than {most}; split the file"));
    }
    let content = JsFuture::from(file.array_buffer()).await;
    let content =
        content.map_err(|error| format!("{path}: cannot be read: {}", in_words(&error)))?;
    files::text(path, Uint8Array::new(&content).to_vec())
}

fn now() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

/// Lets the browser draw and answer its visitor.
async fn next_turn() {
    let turn = Promise::new(&mut |resolve: Function, _| {
        let resolve = move || {
            // A promise's own function does not fail.
            let _ = resolve.call0(&JsValue::NULL);
        };
        set_timeout(resolve, Duration::ZERO);
    });
    // It is never refused.
    let _ = JsFuture::from(turn).await;
}

/// The buttons that open files.
#[component]
pub(crate) fn Buttons(files: Files) -> impl IntoView {
    let (several, folder) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let choose = move |input: NodeRef<html::Input>| {
        if let Some(input) = input.get_untracked() {
            input.click();
        }
    };
    let chosen = move |event: ev::Event| {
        let input: HtmlInputElement = event_target(&event);
        if let Some(list) = input.files() {
            files.take(listed(&list), Vec::new());
        }
        // So that the same file can be chosen again.
        input.set_value("");
    };
    let endings = opening::ENDINGS
        .map(|ending| format!(".{ending}"))
        .join(",");
    view! {
        <button type="button" on:click=move |_| choose(several)>
            "Open files…"
        </button>
        <button type="button" on:click=move |_| choose(folder)>
            "Open folder…"
        </button>
        <input
            type="file"
            multiple
            hidden
            accept=endings
            aria-label="Files to open"
            data-testid="open-files"
            node_ref=several
            on:change=chosen
        />
        <input
            type="file"
            prop:webkitdirectory=true
            hidden
            aria-label="Folder to open"
            data-testid="open-folder"
            node_ref=folder
            on:change=chosen
        />
    }
}

/// Says what is being opened and what came of it.
#[component]
pub(crate) fn Opening(files: Files) -> impl IntoView {
    let words = move || match files.stage.get() {
        Stage::Reading { done, all } => format!("Opening file {} of {all}", done + 1),
        _ => in_short(files),
    };
    let problems = move || files.report.with(|report| report.problems.clone());
    let more = move || problems().len().saturating_sub(PROBLEMS);
    let quiet = move || files.report.with(|report| report.problems.is_empty());
    let nothing = move || in_short(files).is_empty();
    view! {
        <div class="opening" hidden=nothing>
            <p data-testid="opening">{words}</p>
            <div class="alert" role="alert" data-testid="opening-problems" hidden=quiet>
                <h2>"Not everything could be opened"</h2>
                <ul>
                    {move || problems().into_iter().take(PROBLEMS).map(|problem| view! { <li>{problem}</li> }).collect_view()}
                </ul>
                <p hidden=move || more() == 0>{move || format!("And {} more.", more())}</p>
            </div>
            <button
                type="button"
                class="plain"
                hidden=move || files.stage.get() != Stage::Idle
                on:click=move |_| files.report.set(Report::default())
            >
                "Dismiss"
            </button>
        </div>
    }
}

/// How it stands, without what changes from moment to moment; nothing where nothing was opened.
pub(crate) fn in_short(files: Files) -> String {
    match files.stage.get() {
        Stage::Waiting(1) => String::from("1 file opens as soon as the model is there."),
        Stage::Waiting(many) => format!("{many} files open as soon as the model is there."),
        Stage::Reading { .. } => String::from("Opening files"),
        Stage::Idle => files.report.with(|report| {
            let nothing = *report == Report::default();
            if nothing {
                String::new()
            } else {
                summary(report)
            }
        }),
    }
}

/// What was opened, in words.
fn summary(report: &Report) -> String {
    let notes = match report.notes {
        0 => String::from("No note opened."),
        1 => String::from("1 note opened."),
        many => format!("{many} notes opened."),
    };
    let mut endings = BTreeMap::<&str, usize>::new();
    for path in &report.left_out {
        let name = path.rsplit('/').next().unwrap_or_default();
        let ending = name.rsplit_once('.').map_or(name, |(_, ending)| ending);
        *endings.entry(ending).or_default() += 1;
    }
    match report.left_out.len() {
        0 => notes,
        count => {
            let endings: Vec<_> = endings.keys().take(5).copied().collect();
            let files = if count == 1 { "file" } else { "files" };
            format!(
                "{notes} {count} other {files} left out ({}).",
                endings.join(", ")
            )
        }
    }
}

/// The files of a list, as inputs and drops have them.
pub(crate) fn listed(list: &FileList) -> Vec<Given> {
    let file = |at| {
        let file = list.get(at)?;
        // The path from the chosen folder on; empty for files that were chosen one by one.
        let path = js_sys::Reflect::get(&file, &"webkitRelativePath".into())
            .ok()
            .and_then(|path| path.as_string())
            .filter(|path| !path.is_empty())
            .unwrap_or_else(|| file.name());
        Some(Given { path, file })
    };
    (0..list.length()).filter_map(file).collect()
}
