//! How well the model does on documents of the visitor's own: a file goes in, scores come out.
//!
//! `state` holds where the evaluation stands and everything that changes it; the other modules show its results.

mod calibration;
mod confusion;
mod mistakes;
mod scores;
mod state;

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use web::files;
use web::protocol::evaluation::Results;
use web_sys::{DragEvent, FileList};

use crate::download;
use crate::page::Page;
use state::Stage;
pub(crate) use state::State;

#[component]
pub(crate) fn Evaluation(page: Page) -> impl IntoView {
    let state = page.evaluation;
    let name = Memo::new(move |_| state.stage.with(Stage::name));
    let file = Memo::new(move |_| state.stage.with(Stage::file));
    let shown = move || match state.stage.get() {
        Stage::Empty => view! { <Empty /> }.into_any(),
        Stage::Running { file } => view! { <Running state file /> }.into_any(),
        Stage::Failed { file, message } => view! { <Failed file message /> }.into_any(),
        Stage::Done { file, results } => view! { <Done file results /> }.into_any(),
    };
    view! {
        <section
            id="evaluation"
            class="evaluation"
            aria-labelledby="evaluation-title"
            data-testid="evaluation"
            data-state=name
            data-file=file
        >
            <header>
                <h2 id="evaluation-title">"Evaluation"</h2>
                <p class="quiet">
                    "How well does the model do on your own documents? Give a file in which the entities are marked: BIO lines \
                    (a word and its label, a blank line after each sentence) or JSON lines (.jsonl). It is read on this device and \
                    sent nowhere."
                </p>
            </header>
            <Drop state />
            {shown}
        </section>
    }
}

/// How it stands, for screen readers. What is wrong is an alert of its own.
pub(crate) fn in_short(state: State) -> String {
    state.stage.with(|stage| match stage {
        Stage::Empty | Stage::Failed { .. } => String::new(),
        Stage::Running { file } => format!("Evaluating {file}"),
        Stage::Done { file, results } => {
            let documents = counted(results.documents, "document", "documents");
            format!("{file} is evaluated: {documents}")
        }
    })
}

/// Where files go in.
#[component]
fn Drop(state: State) -> impl IntoView {
    let over = RwSignal::new(false);
    let input = NodeRef::<html::Input>::new();
    let open = move |files: Option<FileList>| {
        if let Some(file) = files.and_then(|files| files.get(0)) {
            state.open(file);
        }
    };
    let on_drop = move |event: DragEvent| {
        event.prevent_default();
        over.set(false);
        open(event.data_transfer().and_then(|data| data.files()));
    };
    let on_over = move |event: DragEvent| {
        // Without this the browser would show the file in place of the page.
        event.prevent_default();
        over.set(true);
    };
    let on_change = move |_| {
        if let Some(input) = input.get_untracked() {
            open(input.files());
            // The same file may be chosen again once it has been mended.
            input.set_value("");
        }
    };
    view! {
        <label
            class="drop"
            class:over=over
            on:dragenter=on_over
            on:dragover=on_over
            on:dragleave=move |_| over.set(false)
            on:drop=on_drop
        >
            <input
                type="file"
                accept=".bio,.txt,.conll,.tsv,.jsonl"
                data-testid="evaluation-file"
                node_ref=input
                on:change=on_change
            />
            <strong>"Choose a file"</strong>
            <span>" or drop it here"</span>
        </label>
    }
}

#[component]
fn Empty() -> impl IntoView {
    view! {
        <p class="quiet">
            "You get precision, recall and F1 of each type with their uncertainty, what is taken for what, whether the scores can \
            be trusted, and the worst mistakes."
        </p>
    }
}

#[component]
fn Running(state: State, file: String) -> impl IntoView {
    let counted = move || state.progress.with(|&(_, documents)| 0 < documents);
    let text = move || match state.progress.get() {
        _ if !state.has_model.get() => format!("{file} waits for the model"),
        (_, 0) => format!("Reading {file}"),
        (done, documents) => format!("Evaluating {file}: {done} of {documents} documents"),
    };
    view! {
        <div class="running">
            <span data-testid="evaluation-status">{text}</span>
            <progress
                aria-label="Documents evaluated"
                data-testid="evaluation-progress"
                max=move || counted().then(|| state.progress.get().1.to_string())
                value=move || counted().then(|| state.progress.get().0.to_string())
            ></progress>
            <button type="button" on:click=move |_| state.stop()>
                "Cancel"
            </button>
        </div>
    }
}

#[component]
fn Failed(file: String, message: String) -> impl IntoView {
    view! {
        <div class="alert" role="alert" data-testid="evaluation-error">
            <h3>{format!("{file} cannot be evaluated")}</h3>
            <p>{message}</p>
        </div>
    }
}

#[component]
fn Done(file: String, results: Arc<Results>) -> impl IntoView {
    let Results {
        documents, words, ..
    } = *results;
    let saved = Arc::clone(&results);
    let saved_as = files::named_after(&file, ".metrics.json");
    let save = move |_| {
        // What can fail here fails for want of memory, and then there is no file.
        let _ = download::save(&saved_as, "application/json", saved.json.as_bytes());
    };
    view! {
        <div class="results">
            <div class="outcome">
                <p>
                    <strong>{file}</strong>
                    {format!(
                        ": {} with {}, {} marked and {} found",
                        counted(documents, "document", "documents"),
                        counted(words, "word", "words"),
                        counted(results.overall.support, "entity", "entities"),
                        results.overall.predicted,
                    )}
                </p>
                <button type="button" data-testid="evaluation-download" on:click=save>
                    "Download metrics (JSON)"
                </button>
            </div>
            <scores::Scores results=Arc::clone(&results) />
            <confusion::Confusion table=results.confusion.clone() />
            <calibration::Calibration bins=results.reliability.clone() error=results.calibration_error />
            <mistakes::Mistakes worst=results.worst.clone() />
        </div>
    }
}

/// A number with the noun that fits it.
fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
