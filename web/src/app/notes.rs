//! The notes that are open: their list, and what is done with all of them.

use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web::kind;
use web::note::Note;
use web_sys::HtmlElement;

use crate::draft::{self, Draft};
use crate::export::Export;
use crate::files::{self, Files};
use crate::page::{Mode, Page, Summary};
use crate::stage::Stage;

/// Rows that the list shows at first.
const ROWS: usize = 100;

/// What the open note is called, where there are several.
#[component]
pub(crate) fn Title(page: Page) -> impl IntoView {
    let open = page.open;
    move || {
        page.list.with(|list| match list.as_slice() {
            [_] => String::from("Note"),
            list => {
                let line = list.iter().find(|line| line.key == open.get());
                line.map(|line| line.name.clone()).unwrap_or_default()
            }
        })
    }
}

/// Everything above the open note: what opens, keeps and exports notes, and their list.
#[component]
pub(crate) fn Shelf(page: Page, files: Files, draft: Draft, export: Export) -> impl IntoView {
    let closing = RwSignal::new(None);
    let several = Memo::new(move |_| page.list.with(|list| 1 < list.len()));
    view! {
        <section class="shelf" aria-label="Notes" data-testid="shelf">
            <div class="bar">
                <files::Buttons files />
                <button type="button" on:click=move |_| new_note(page)>
                    "New note"
                </button>
                <button type="button" on:click=move |_| export.open()>
                    "Export…"
                </button>
                // Below a long note nobody would look for it.
                <a class="button" href="#evaluation">
                    "Evaluate…"
                </a>
                <draft::Switch draft />
            </div>
            <draft::Trouble draft />
            <files::Opening files />
            <FromFile page />
            <Show when=move || several.get()>
                <List page closing />
            </Show>
        </section>
        <Closing page export closing />
    }
}

/// Opens an empty note to write in: one that is there, or a new one.
fn new_note(page: Page) {
    page.mode.set(Mode::Write);
    let blank = page.with_notes(|notes| {
        let blank = notes.iter().find(|note| note.is_blank());
        blank.map(|note| note.key)
    });
    match blank {
        Some(blank) => page.open_note(blank),
        None => page.begin(),
    }
    request_animation_frame(move || {
        if let Some(textarea) = page.textarea.get_untracked() {
            // A text area of the document takes it.
            let _ = textarea.focus();
        }
    });
}

/// Says that the open note shows the marks of its file only.
#[component]
fn FromFile(page: Page) -> impl IntoView {
    let from_file = Memo::new(move |_| page.is_from_file());
    let ask = move |_| {
        page.update(Note::ask);
        page.refresh();
        page.opened();
    };
    view! {
        <p class="from-file" data-testid="from-file" hidden=move || !from_file.get()>
            "The open note shows the marks of its file. "
            <button type="button" on:click=ask>
                "Add the model's suggestions"
            </button>
        </p>
    }
}

#[component]
fn List(page: Page, closing: RwSignal<Option<u32>>) -> impl IntoView {
    let all = RwSignal::new(false);
    let count = Memo::new(move |_| page.list.with(Vec::len));
    let lines = move || {
        let open = page.open.get();
        let limit = if all.get() { usize::MAX } else { ROWS };
        page.list.with(|list| {
            let shown = list.iter().enumerate();
            let shown = shown.filter(|(at, line)| *at < limit || line.key == open);
            shown.map(|(_, line)| line.key).collect::<Vec<_>>()
        })
    };
    let types = move || page.types.get();
    let heading = |name: String| {
        let code = kind::code(&name).to_owned();
        view! {
            <th scope="col" class="number" data-entity=name.clone()>
                <abbr title=name.clone()>{code}</abbr>
            </th>
        }
    };
    let rows = NodeRef::<html::Tbody>::new();
    view! {
        <div class="notes card">
            <div class="notes-head">
                <h2 id="notes-title">
                    "Notes " <span class="count">{count}</span>
                </h2>
                <Batch page />
            </div>
            <div class="notes-rows">
                <table data-testid="notes" aria-labelledby="notes-title">
                    <thead>
                        <tr>
                            <th scope="col">"Name"</th>
                            {move || types().into_iter().map(heading).collect_view()}
                            <th scope="col">
                                <span class="unseen">"Close"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody node_ref=rows on:keydown=move |event| on_key(&event)>
                        <For each=lines key=|key| *key children=move |key| view! { <Row page key closing /> } />
                    </tbody>
                </table>
                <button type="button" class="more" hidden=move || all.get() || count.get() <= ROWS on:click=move |_| all.set(true)>
                    "Show all " {count}
                </button>
            </div>
        </div>
    }
}

#[component]
fn Row(page: Page, key: u32, closing: RwSignal<Option<u32>>) -> impl IntoView {
    let line = Memo::new(move |_| {
        page.list
            .with(|list| list.iter().find(|line| line.key == key).cloned())
    });
    let of = move |what: fn(&Summary) -> String| {
        // A note that has gone keeps its row for the rest of this turn.
        move || line.with(|line| line.as_ref().map(what))
    };
    let current = move || (page.open.get() == key).then_some("true");
    let cell = move |(kind, name): (usize, String)| {
        let count = move || {
            line.with(|line| line.as_ref()?.counts.get(kind).copied())
                .unwrap_or_default()
        };
        // Nothing found is not the same as nobody has looked.
        let shown = move || match (
            count(),
            line.with(|line| line.as_ref().map(|line| line.analysed)),
        ) {
            (0, Some(false)) => String::from("–"),
            (count, _) => count.to_string(),
        };
        view! {
            <td class="number" data-entity=name data-count=move || count().to_string()>
                {shown}
            </td>
        }
    };
    let counts = move || {
        let types = page.types.get();
        types.into_iter().enumerate().map(cell).collect_view()
    };
    view! {
        <tr class="note-row" data-key=key.to_string() data-state=of(|line| state(line).0.to_owned()) aria-current=current>
            <th scope="row">
                <button type="button" class="name" aria-current=current on:click=move |_| page.open_note(key)>
                    {of(|line| line.name.clone())}
                </button>
                <span class="state">{of(|line| state(line).1.to_owned())}</span>
            </th>
            {counts}
            <td>
                <button
                    type="button"
                    class="close"
                    title="Close"
                    aria-label=of(|line| format!("Close {}", line.name))
                    on:click=move |_| close(page, key, closing)
                >
                    "×"
                </button>
            </td>
        </tr>
    }
}

/// How a note stands, for tests and styles, and in words.
fn state(line: &Summary) -> (&'static str, &'static str) {
    match line {
        Summary { unsaved: true, .. } => ("unsaved", "Corrections not exported"),
        Summary {
            from_file: true, ..
        } => ("from-file", "As in its file"),
        Summary { analysed: true, .. } => ("analysed", "Analysed"),
        Summary { .. } => ("waiting", "Not analysed"),
    }
}

/// Up and down go from name to name.
fn on_key(event: &KeyboardEvent) {
    let target: Option<HtmlElement> = event.target().and_then(|target| target.dyn_into().ok());
    let row = target.and_then(|target| target.closest("tr").ok().flatten());
    let Some(row) = row else { return };
    let next = match event.key().as_str() {
        "ArrowDown" => row.next_element_sibling(),
        "ArrowUp" => row.previous_element_sibling(),
        _ => return,
    };
    event.prevent_default();
    let name = next.and_then(|next| next.query_selector(".name").ok().flatten());
    if let Some(name) = name.and_then(|name| name.dyn_into::<HtmlElement>().ok()) {
        // A button of the document takes it.
        let _ = name.focus();
    }
}

/// How the analysis of all notes stands, for screen readers.
pub(crate) fn in_short(page: Page) -> String {
    let done = page
        .list
        .with(|list| 1 < list.len() && list.iter().all(|line| line.analysed));
    let words = match page.analysis.batch.with(Option::is_some) {
        true => "Analysing all notes",
        false if done => "All notes are analysed",
        false => "",
    };
    words.to_owned()
}

/// The analysis of all notes.
#[component]
fn Batch(page: Page) -> impl IntoView {
    let batch = page.analysis.batch;
    let running = Memo::new(move |_| batch.with(Option::is_some));
    let left = Memo::new(move |_| {
        page.list
            .with(|list| list.iter().filter(|line| !line.analysed).count())
    });
    let words = move || match batch.get() {
        // Until the first answer nothing is counted.
        Some(batch) if batch.all == 0 => String::from("Analysing"),
        Some(batch) => format!("Analysing note {} of {}", batch.done + 1, batch.all),
        None => match left.get() {
            0 => String::from("All notes are analysed"),
            1 => String::from("1 note is not analysed"),
            many => format!("{many} notes are not analysed"),
        },
    };
    view! {
        <div class="batch" data-testid="batch">
            <span>{words}</span>
            <Show
                when=move || running.get()
                fallback=move || {
                    let nothing = move || left.get() == 0 || !page.stage.with(Stage::has_model);
                    view! {
                        <button type="button" disabled=nothing on:click=move |_| page.analyse_all()>
                            "Analyse all"
                        </button>
                    }
                }
            >
                <progress
                    aria-label="Notes analysed"
                    max=move || batch.get().map(|batch| batch.all.to_string())
                    value=move || batch.get().map(|batch| batch.done.to_string())
                ></progress>
                <button type="button" on:click=move |_| page.stop_batch()>
                    "Cancel"
                </button>
            </Show>
        </div>
    }
}

fn close(page: Page, key: u32, closing: RwSignal<Option<u32>>) {
    let unsaved = page.with_notes(|notes| {
        let note = notes.iter().find(|note| note.key == key);
        note.is_some_and(Note::is_unsaved)
    });
    if unsaved {
        closing.set(Some(key));
    } else {
        page.close(key);
        // The button has gone with its row; what is open now takes the keyboard.
        set_timeout(
            move || {
                let name = document().query_selector(".note-row[aria-current] .name");
                let name = name.ok().flatten();
                let next = name.and_then(|name| name.dyn_into::<HtmlElement>().ok());
                let next = next.or_else(|| {
                    page.textarea
                        .get_untracked()
                        .map(|area| area.unchecked_into())
                });
                if let Some(next) = next {
                    // What cannot be focused is hidden.
                    let _ = next.focus();
                }
            },
            Duration::ZERO,
        );
    }
}

/// Asks before corrections are lost.
#[component]
fn Closing(page: Page, export: Export, closing: RwSignal<Option<u32>>) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            match (closing.with(Option::is_some), dialog.open()) {
                (true, false) => dialog
                    .show_modal()
                    .expect("a closed dialog of the document opens"),
                (false, true) => dialog.close(),
                _ => {}
            }
        }
    });
    let name = move || {
        let key = closing.get()?;
        page.list.with(|list| {
            let line = list.iter().find(|line| line.key == key)?;
            Some(line.name.clone())
        })
    };
    let close = move |_| {
        if let Some(key) = closing.get_untracked() {
            closing.set(None);
            page.close(key);
        }
    };
    let export_first = move |_| {
        if let Some(key) = closing.get_untracked() {
            closing.set(None);
            page.open_note(key);
            export.open();
        }
    };
    view! {
        <dialog class="ask" aria-labelledby="closing-title" data-testid="closing" node_ref=dialog on:close=move |_| closing.set(None)>
            <h2 id="closing-title">"Close " {name} "?"</h2>
            <p>"It has corrections that were not exported. They are lost with it."</p>
            <div class="choices">
                <button type="button" class="main" on:click=export_first>
                    "Export first…"
                </button>
                <button type="button" on:click=close>
                    "Close without exporting"
                </button>
                <button type="button" on:click=move |_| closing.set(None)>
                    "Keep it open"
                </button>
            </div>
        </dialog>
    }
}
