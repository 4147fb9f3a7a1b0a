//! Files and folders that are dropped anywhere on the page.

use js_sys::{Array, Function, Promise};
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    DataTransfer, DragEvent, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry,
};

use crate::download::in_words;
use crate::files::{Files, Given, listed};

/// Takes files that are dropped anywhere on the page, and shows that they can be.
#[component]
pub(crate) fn Drop(files: Files) -> impl IntoView {
    // Entering an element comes before leaving the one around it.
    let depth = RwSignal::new(0_i32);
    // Another part of the page takes files as well.
    let elsewhere = RwSignal::new(false);
    let has_files = |event: &DragEvent| {
        event.data_transfer().is_some_and(|data| {
            data.types()
                .iter()
                .any(|kind| kind.as_string().as_deref() == Some("Files"))
        })
    };
    let listeners = [
        window_event_listener(ev::dragenter, move |event| {
            if has_files(&event) {
                depth.update(|depth| *depth += 1);
            }
        }),
        window_event_listener(ev::dragleave, move |event| {
            if has_files(&event) {
                depth.update(|depth| *depth = (*depth - 1).max(0));
            }
        }),
        window_event_listener(ev::dragover, move |event| {
            if has_files(&event) {
                elsewhere.set(event.default_prevented());
                // Else the browser would go to the file and leave the page.
                event.prevent_default();
            }
        }),
        window_event_listener(ev::drop, move |event| {
            depth.set(0);
            if !has_files(&event) || event.default_prevented() {
                return;
            }
            event.prevent_default();
            if let Some(data) = event.data_transfer() {
                drop_in(files, &data);
            }
        }),
    ];
    on_cleanup(move || listeners.into_iter().for_each(|listener| listener.remove()));
    view! {
        <div class="dropping" aria-hidden="true" data-testid="drop" hidden=move || depth.get() == 0 || elsewhere.get()>
            <p>
                <strong>"Drop notes here"</strong>
                "Texts, folders, or annotated files: .txt, .jsonl, .json, .csv, .conll, .bio, .tsv, .ann"
            </p>
        </div>
    }
}

/// Takes what was dropped. All of it has to be taken hold of now, as it is gone with the event.
fn drop_in(files: Files, data: &DataTransfer) {
    let items = data.items();
    let mut entries = Vec::new();
    for at in 0..items.length() {
        let entry = items
            .get(at)
            .and_then(|item| item.webkit_get_as_entry().ok());
        entries.extend(entry.flatten());
    }
    if entries.is_empty() {
        if let Some(list) = data.files() {
            files.take(listed(&list), Vec::new());
        }
        return;
    }
    spawn_local(async move {
        let (mut given, mut problems) = (Vec::new(), Vec::new());
        while let Some(entry) = entries.pop() {
            let path = entry.full_path().trim_start_matches('/').to_owned();
            match inside(&entry).await {
                Ok(Inside::File(file)) => given.push(Given { path, file }),
                Ok(Inside::Folder(more)) => entries.extend(more),
                Err(error) => problems.push(format!("{path}: {}", in_words(&error))),
            }
        }
        files.take(given, problems);
    });
}

enum Inside {
    File(File),
    Folder(Vec<FileSystemEntry>),
}

/// What is behind an entry of what was dropped.
async fn inside(entry: &FileSystemEntry) -> Result<Inside, JsValue> {
    // Browsers have classes of other names for the two.
    if entry.is_file() {
        let entry = entry.unchecked_ref::<FileSystemFileEntry>();
        let file = called_back(|done, failed| {
            entry.file_with_callback_and_callback(done, failed);
        });
        return Ok(Inside::File(file.await?.unchecked_into()));
    }
    let reader = entry
        .unchecked_ref::<FileSystemDirectoryEntry>()
        .create_reader();
    let mut entries = Vec::new();
    loop {
        // They come a hundred at a time, in the end none.
        let mut refused = Ok(());
        let some = called_back(|done, failed| {
            refused = reader.read_entries_with_callback_and_callback(done, failed);
        });
        let some: Array = some.await?.unchecked_into();
        refused?;
        if some.length() == 0 {
            return Ok(Inside::Folder(entries));
        }
        entries.extend(some.iter().map(JsCast::unchecked_into));
    }
}

/// What a function says that takes one callback for its result and one for its failure.
fn called_back(
    mut call: impl FnMut(&Function, &Function),
) -> impl Future<Output = Result<JsValue, JsValue>> {
    JsFuture::from(Promise::new(&mut |done, failed| call(&done, &failed)))
}
