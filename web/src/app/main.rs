//! The page: a note, its entities, and what the worker is doing.
//!
//! `page` holds the state and everything that changes it, `analysis` what has to do with the worker; the other modules show it.
//! `client` is the only one that knows how a worker is spoken to.
#![forbid(unsafe_code)]
// What `#[component]` makes of a function is `pub`, whatever the function is.
#![expect(unreachable_pub)]

mod analysis;
mod client;
mod colours;
mod page;
mod stage;

mod about;
mod announcing;
mod download;
mod draft;
mod drawing;
mod dropping;
mod editor;
mod evaluation;
mod examples;
mod export;
mod files;
mod findings;
mod inspector;
mod legend;
mod notes;
mod pointer;
mod reviewing;
mod sent;
mod status;
mod update;

use leptos::mount::mount_to;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use page::Page;

fn main() {
    console_error_panic_hook::set_once();
    let place = document()
        .get_element_by_id("app")
        .expect("index.html has an element for the application");
    // What stood there said that the page is loading.
    place.set_text_content(None);
    mount_to(place.unchecked_into(), App).forget();
    // Tells start.js that whatever goes wrong from now on is not the start.
    let root = document()
        .document_element()
        .expect("a document has a root");
    root.set_attribute("data-started", "")
        .expect("a valid attribute name");
}

#[component]
fn App() -> impl IntoView {
    let page = Page::new();
    let draft = draft::Draft::restore(page);
    let files = files::Files::new(page);
    let export = export::Export::new(page);
    page.start();
    view! {
        <about::Masthead page />
        <update::Update page />
        <main class="desk">
            <export::PrintedName page />
            <notes::Shelf page files draft export />
            <section class="sheet" aria-labelledby="note-title">
                <header class="sheet-head">
                    <h2 id="note-title">
                        <label for="note">
                            <notes::Title page />
                        </label>
                    </h2>
                    <inspector::Modes page />
                </header>
                <status::Status page />
                <editor::Editor page />
                <inspector::Inspector page />
            </section>
            <aside class="panel" aria-label="Findings">
                <legend::Legend page />
                <findings::Findings page />
            </aside>
        </main>
        <export::Imprint page />
        <evaluation::Evaluation page />
        <about::Colophon page />
        <export::Dialog export />
        <dropping::Drop files />
        <inspector::Tip page />
        <inspector::Help page />
        <announcing::Announcements page files />
    }
}
