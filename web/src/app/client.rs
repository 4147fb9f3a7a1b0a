//! The page's side of the worker: `www/analysis.js` has started it, here are its messages.

use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use web::protocol::{Event, Request};
use web_sys::{File, MessageEvent};

use crate::stage::Trouble;

#[wasm_bindgen]
extern "C" {
    /// What `www/analysis.js` has started, or could not start.
    type Started;

    #[wasm_bindgen(js_namespace = analysis)]
    fn start(alone: bool, afresh: bool, file: Option<&File>) -> Started;

    /// In words; none where there is a worker.
    #[wasm_bindgen(method, getter)]
    fn trouble(this: &Started) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    fn heading(this: &Started) -> String;

    #[wasm_bindgen(method, getter, js_name = sharesMemory)]
    fn shares_memory(this: &Started) -> bool;

    #[wasm_bindgen(method)]
    fn send(this: &Started, message: &JsValue);

    #[wasm_bindgen(method)]
    fn take(this: &Started, take: &Closure<dyn Fn(JsValue)>);

    #[wasm_bindgen(method)]
    fn stop(this: &Started);
}

#[wasm_bindgen]
extern "C" {
    /// Resolves once the page has made all requests that it makes by itself.
    #[wasm_bindgen(js_namespace = analysis)]
    pub(crate) fn settled() -> Promise;
}

/// A running worker; it ends when this is dropped.
pub(crate) struct Client {
    started: Started,
    _take: Closure<dyn Fn(JsValue)>,
}

impl Client {
    /// Takes over or starts the best worker that this browser can run, of those without helpers if it is to be `alone`. It has
    /// been asked for the model that lies beside the page, `afresh` past the browser's cache, or for the one in a `file`.
    ///
    /// `on_event` is given its messages, `on_trouble` whatever ends it without one.
    ///
    /// # Errors
    /// Says in words why no worker can be started.
    pub(crate) fn start(
        alone: bool,
        afresh: bool,
        file: Option<&File>,
        on_event: impl Fn(Event) + 'static,
        on_trouble: impl Fn(Trouble) + 'static,
    ) -> Result<Self, Trouble> {
        let started = start(alone, afresh, file);
        if let Some(message) = started.trouble() {
            return Err(Trouble {
                heading: started.heading(),
                message,
            });
        }
        let take = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            match event.dyn_into::<MessageEvent>() {
                // Only the worker can send here, and it is built from the same source.
                Ok(message) => on_event(
                    serde_wasm_bindgen::from_value(message.data())
                        .expect("the worker sends events"),
                ),
                Err(error) => on_trouble(Trouble {
                    heading: "The worker failed".to_owned(),
                    message: worker_error(&error),
                }),
            }
        });
        started.take(&take);
        Ok(Self {
            started,
            _take: take,
        })
    }

    /// Whether its memory is one that helpers can share. A browser that has such memories may still refuse one.
    pub(crate) fn shares_memory(&self) -> bool {
        self.started.shares_memory()
    }

    /// Ends the worker, its helpers with it, and frees its memory.
    pub(crate) fn stop(&self) {
        self.started.stop();
    }

    /// Sends a message to the worker.
    pub(crate) fn send(&self, request: &Request) {
        let message =
            serde_wasm_bindgen::to_value(request).expect("numbers and strings always serialize");
        self.started.send(&message);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Why a worker ended, from an `ErrorEvent` or what `www/analysis.js` makes of a script that does not load.
fn worker_error(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into());
    match message.ok().and_then(|message| message.as_string()) {
        Some(message) if !message.is_empty() => {
            let message = message.trim_start_matches("Uncaught ");
            let ends = message.ends_with(['.', '?']);
            format!("{message}{}", if ends { "" } else { "." })
        }
        _ => String::from("The browser does not say why."),
    }
}
