//! The draft that the browser keeps from one visit to the next, for who wants one, and the warning before corrections are lost.
//!
//! Nothing is stored unless the switch is on, and what is stored goes when it is switched off.

use std::time::Duration;

use leptos::ev;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web::draft;
use web::note::Note;
use web_sys::{DomException, Storage};

use crate::page::Page;

/// Under which the browser keeps it. Several sites may share an origin.
fn key() -> String {
    let path = window().location().pathname().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("clinical-ner draft {folder}/")
}

/// How long the notes have to rest before they are stored.
const REST: Duration = Duration::from_millis(500);

/// Handles to the state of the draft; copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct Draft {
    page: Page,
    kept: RwSignal<bool>,
    trouble: RwSignal<Option<String>>,
    rest: StoredValue<Option<TimeoutHandle>, LocalStorage>,
    /// Whether there is a draft that this page has neither read nor written, and somebody has to say what becomes of it.
    asks: RwSignal<bool>,
    /// Whether this page has read what is stored, or written it.
    own: StoredValue<bool>,
    /// Whether what is stored is not this page's to write over: it could not be read, or another page writes it.
    foreign: StoredValue<bool>,
}

impl Draft {
    /// Brings back what was kept, and keeps it up to date from now on.
    pub(crate) fn restore(page: Page) -> Self {
        let draft = Self {
            page,
            kept: RwSignal::new(false),
            trouble: RwSignal::new(None),
            rest: StoredValue::new_local(None),
            asks: RwSignal::new(false),
            own: StoredValue::new(false),
            foreign: StoredValue::new(false),
        };
        // Where storage is blocked there is no draft.
        if let Ok(Some(stored)) = stored() {
            draft.open(&stored);
            Effect::new(move |_| {
                // There was nothing to show it in.
                if page.textarea.get().is_some() {
                    untrack(|| {
                        page.show_text();
                        page.refresh();
                    });
                }
            });
        }
        draft.follow();
        draft
    }

    /// Opens the notes of what is stored, and keeps them up to date from now on.
    fn open(self, stored: &str) {
        self.asks.set(false);
        self.kept.set(true);
        match draft::read(stored) {
            Ok(draft) => {
                self.own.set_value(true);
                if self.page.types().is_empty() {
                    self.page.set_types(&draft.types);
                }
                self.page
                    .add_notes(draft.notes, &draft.types, Some(draft.open));
                if 0 < draft.unfit {
                    self.trouble.set(Some(format!(
                        "{} of the draft's corrections did not fit their text and are left out.",
                        draft.unfit
                    )));
                }
            }
            Err(problem) => {
                self.foreign.set_value(true);
                self.trouble.set(Some(format!(
                    "The draft on this device cannot be read: {problem}. It stays as it is, and nothing new is stored, until it is \
                     deleted."
                )));
            }
        }
    }

    fn follow(self) {
        let page = self.page;
        Effect::new(move |_| {
            // Whatever changes a note changes one of them.
            page.shown.track();
            page.list.track();
            page.open.track();
            if self.kept.get() {
                self.store_soon();
            }
        });
        let listeners = [
            window_event_listener(ev::pagehide, move |_| {
                if self.rest.with_value(Option::is_some) {
                    self.store();
                }
            }),
            window_event_listener(ev::beforeunload, move |event| {
                if self.would_lose() {
                    event.prevent_default();
                    // What browsers before 2024 go by.
                    event.set_return_value("unsaved");
                }
            }),
            window_event_listener(ev::storage, move |event| {
                // All pages of the origin hear of each other; without a key, everything was deleted.
                if event.key().is_none_or(|changed| changed == key()) {
                    self.on_foreign();
                }
            }),
        ];
        on_cleanup(move || listeners.into_iter().for_each(|listener| listener.remove()));
    }

    /// Whether there are corrections that are neither exported nor in the draft.
    fn would_lose(self) -> bool {
        let unsaved = self
            .page
            .with_notes(|notes| notes.iter().any(Note::is_unsaved));
        unsaved && !(self.kept.get_untracked() && self.store())
    }

    fn store_soon(self) {
        self.stop_resting();
        let rest = set_timeout_with_handle(move || _ = self.store(), REST);
        self.rest.set_value(rest.ok());
    }

    /// Stores the notes as they are; whether they are stored then.
    fn store(self) -> bool {
        self.stop_resting();
        if !self.kept.get_untracked() || self.foreign.get_value() {
            return false;
        }
        let page = self.page;
        let draft =
            page.with_notes(|notes| draft::write(notes, page.open.get_untracked(), &page.types()));
        let stored =
            storage().and_then(|storage| storage.set_item(&key(), &draft).map_err(in_words));
        let trouble = stored.err().map(|problem| {
            format!("The last changes are not in the draft: {problem} Export your corrections, or close notes.")
        });
        let done = trouble.is_none();
        if done {
            self.own.set_value(true);
        }
        if self.trouble.with_untracked(|old| *old != trouble) {
            self.trouble.set(trouble);
        }
        done
    }

    /// Begins to keep a draft.
    fn keep(self) {
        match stored() {
            Err(problem) => {
                self.trouble
                    .set(Some(format!("No draft can be kept: {problem}")));
                // The box was ticked; it has to be told that it is not.
                self.kept.notify();
            }
            Ok(Some(_)) if !self.own.get_value() => {
                self.asks.set(true);
                self.kept.notify();
            }
            Ok(_) => self.replace(),
        }
    }

    /// Keeps the notes of this page, whatever is stored.
    fn replace(self) {
        self.asks.set(false);
        self.foreign.set_value(false);
        self.kept.set(true);
        self.store();
    }

    /// Deletes the draft, and keeps none from now on.
    fn delete(self) {
        self.stop_resting();
        self.kept.set(false);
        self.foreign.set_value(false);
        self.own.set_value(false);
        self.asks.set(false);
        let deleted = storage().and_then(|storage| storage.remove_item(&key()).map_err(in_words));
        self.trouble.set(deleted.err().map(|problem| {
            format!("The draft could not be deleted: {problem} Clear this site's data in the browser's settings.")
        }));
    }

    /// Another page of this site has changed what is stored.
    fn on_foreign(self) {
        match stored() {
            Ok(None) if self.kept.get_untracked() && self.own.get_value() => {
                self.stop_resting();
                self.kept.set(false);
                self.own.set_value(false);
                self.trouble.set(Some(String::from(
                    "The draft was deleted in another tab; this one keeps none any more.",
                )));
            }
            Ok(Some(_)) if self.kept.get_untracked() && !self.foreign.get_value() => {
                self.stop_resting();
                self.foreign.set_value(true);
                self.trouble.set(Some(String::from(
                    "Another tab keeps its notes in the draft now; those of this one are no longer stored.",
                )));
            }
            _ => {}
        }
    }

    fn stop_resting(self) {
        let rest = self.rest.try_update_value(Option::take).flatten();
        if let Some(rest) = rest {
            rest.clear();
        }
    }
}

/// The draft that the browser has.
fn stored() -> Result<Option<String>, String> {
    storage().and_then(|storage| storage.get_item(&key()).map_err(in_words))
}

/// Where the browser keeps what is to last.
fn storage() -> Result<Storage, String> {
    match window().local_storage() {
        Ok(Some(storage)) => Ok(storage),
        _ => Err(String::from(
            "this browser does not allow the page to store anything.",
        )),
    }
}

/// Why the browser did not store something.
fn in_words(error: JsValue) -> String {
    match error.dyn_ref::<DomException>() {
        Some(error) if error.name() == "QuotaExceededError" => {
            String::from("the notes are more than this browser stores for a site.")
        }
        Some(error) => error.message(),
        None => String::from("this browser does not allow it."),
    }
}

/// Whether a draft is kept.
#[component]
pub(crate) fn Switch(draft: Draft) -> impl IntoView {
    let Draft { kept, .. } = draft;
    view! {
        <div class="keep">
            <label class="switch">
                <input
                    type="checkbox"
                    data-testid="keep-draft"
                    prop:checked=kept
                    on:change=move |event| {
                        if event_target_checked(&event) {
                            draft.keep();
                        } else {
                            draft.delete();
                        }
                    }
                />
                "Keep a draft on this device"
            </label>
            <button type="button" class="plain" hidden=move || !kept.get() on:click=move |_| draft.delete()>
                "Delete draft"
            </button>
        </div>
    }
}

/// What is wrong with the draft.
#[component]
pub(crate) fn Trouble(draft: Draft) -> impl IntoView {
    let Draft { trouble, asks, .. } = draft;
    let open = move |_| {
        if let Ok(Some(stored)) = stored() {
            draft.open(&stored);
        }
    };
    view! {
        <div class="alert" role="alert" data-testid="draft-question" hidden=move || !asks.get()>
            <p>"There is a draft on this device already, of another tab or of one that was closed."</p>
            <button type="button" on:click=open>
                "Open its notes beside these"
            </button>
            " "
            <button type="button" on:click=move |_| draft.replace()>
                "Replace it by these"
            </button>
        </div>
        <p class="alert" role="alert" data-testid="draft-trouble" hidden=move || trouble.with(Option::is_none)>
            {trouble}
        </p>
    }
}
