//! The line that says what is going on, and what to do when nothing is.

use leptos::html;
use leptos::prelude::*;
use leptos::reactive::effect::ImmediateEffect;
use web::bytes;

use crate::page::Page;
use crate::stage::{Stage, Trouble};

#[component]
pub(crate) fn Status(page: Page) -> impl IntoView {
    let line = NodeRef::<html::Div>::new();
    // At once and not with the other effects: an edited note must not be called ready even for the rest of this turn.
    ImmediateEffect::new_scoped(move || {
        let name = page.stage.with(Stage::name);
        if let Some(line) = line.get() {
            line.set_attribute("data-state", name)
                .expect("a valid attribute name");
        }
    });

    let findings = Memo::new(move |_| findings(page));
    let empty = Memo::new(move |_| page.shown.with(|note| note.text().is_empty()));
    let from_file = Memo::new(move |_| page.is_from_file());
    let text = move || match page.stage.get() {
        Stage::Starting => String::from("Starting"),
        Stage::Downloading { received, total } => {
            format!(
                "Loading the model: {} of {}",
                bytes::in_words(received),
                bytes::in_words(total)
            )
        }
        Stage::Preparing => String::from("Preparing the model"),
        Stage::Analysing { windows: 0 | 1, .. } => String::from("Analysing"),
        Stage::Analysing { done, windows } => {
            format!("Analysing: window {} of {windows}", done + 1)
        }
        Stage::Ready if empty.get() => String::from("Ready for a note"),
        Stage::Ready => {
            format!("{} · {}", done(from_file.get()), counted(findings.get()))
        }
        Stage::Failed(_) => String::from("Not analysing"),
    };
    let download = move || {
        page.stage.with(|stage| match *stage {
            Stage::Downloading { received, total } => Some((received, total)),
            _ => None,
        })
    };
    let windows = move || {
        page.stage.with(|stage| match *stage {
            Stage::Analysing { done, windows } if 1 < windows => Some((done, windows)),
            _ => None,
        })
    };
    let trouble = move || {
        page.stage.with(|stage| match stage {
            Stage::Failed(trouble) => Some(trouble.clone()),
            _ => None,
        })
    };
    view! {
        <div id="status" class="status" data-testid="status" data-state="loading" node_ref=line>
            <span class="lamp" aria-hidden="true"></span>
            <span class="words">{text}</span>
            <Show when=move || download().is_some()>
                <progress
                    data-testid="progress"
                    aria-label="Model download in bytes"
                    max=move || download().map(|(_, total)| total.to_string())
                    value=move || download().map(|(received, _)| received.to_string())
                    data-received=move || download().map(|(received, _)| received.to_string())
                ></progress>
            </Show>
            <Show when=move || windows().is_some()>
                <progress
                    aria-label="Windows analysed"
                    max=move || windows().map(|(_, windows)| windows.to_string())
                    value=move || windows().map(|(done, _)| done.to_string())
                ></progress>
            </Show>
        </div>
        {move || trouble().map(|trouble| view! { <Alert page trouble /> })}
    }
}

/// The same for screen readers: without what changes from moment to moment. What is wrong is an alert of its own.
pub(crate) fn in_short(page: Page) -> String {
    let empty = page.shown.with(|note| note.text().is_empty());
    page.stage.with(|stage| match stage {
        Stage::Starting | Stage::Downloading { .. } | Stage::Preparing => {
            String::from("Loading the model")
        }
        Stage::Analysing { .. } => String::from("Analysing"),
        Stage::Ready if empty => String::from("Ready for a note"),
        Stage::Ready => format!("{}, {}", done(page.is_from_file()), counted(findings(page))),
        Stage::Failed(_) => String::new(),
    })
}

fn findings(page: Page) -> usize {
    page.shown
        .with(|note| note.marks().iter().filter(|mark| mark.stands()).count())
}

fn done(from_file: bool) -> &'static str {
    if from_file {
        "Marks of the file"
    } else {
        "Whole note analysed"
    }
}

fn counted(findings: usize) -> String {
    match findings {
        1 => String::from("1 finding"),
        many => format!("{many} findings"),
    }
}

#[component]
fn Alert(page: Page, trouble: Trouble) -> impl IntoView {
    view! {
        <div class="alert" role="alert" data-testid="error">
            <h3>{trouble.heading}</h3>
            <p>{trouble.message}</p>
            <button type="button" on:click=move |_| page.start()>
                "Try again"
            </button>
            <Show when=move || page.analysis.has_own_model()>
                " "
                <button type="button" data-testid="site-model" on:click=move |_| page.use_model(None)>
                    "Back to the site's model"
                </button>
            </Show>
        </div>
    }
}
