//! A newer build of the page, which waits until it is wanted.

use js_sys::Promise;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web::note::Note;

use crate::page::Page;

#[wasm_bindgen]
extern "C" {
    /// Resolves with whether there is one.
    #[wasm_bindgen(js_namespace = analysis)]
    fn newer() -> Promise;

    /// Goes on to it; this page ends.
    #[wasm_bindgen(js_namespace = analysis)]
    fn update();
}

/// Says that there is a newer build, and goes on to it at once where nothing would be lost.
#[component]
pub(crate) fn Update(page: Page) -> impl IntoView {
    let there = RwSignal::new(false);
    spawn_local(async move {
        there.set(
            JsFuture::from(newer())
                .await
                .is_ok_and(|newer| newer.is_truthy()),
        );
    });
    let nothing_to_lose = move || {
        page.shown.track();
        page.list.track();
        page.with_notes(|notes| notes.iter().all(Note::is_blank))
    };
    view! {
        <p class="update" role="status" data-testid="update">
            <Show when=move || there.get()>
                "There is a newer version of this page. It is used as soon as no tab with this one is open. "
                <button type="button" hidden=move || !nothing_to_lose() on:click=|_| update()>
                    "Use it now"
                </button>
            </Show>
        </p>
    }
}
