//! The page's side of the worker: which variant of it to start, and messages.

use js_sys::{Uint8Array, WebAssembly};
use leptos::prelude::document;
use wasm_bindgen::prelude::*;
use web::protocol::{Event, Request};
use web_sys::{ErrorEvent, MessageEvent, Url, Worker};

use crate::stage::Trouble;

/// What messages call the model file; also its address relative to the page.
const MODEL: &str = "models/default/model.safetensors";

/// A build of the worker. A WebAssembly module is validated whole, so each set of instructions is a file of its own, and the
/// browser is asked before anything is downloaded.
struct Variant {
    /// Name of the `meta` element that the build puts into the page with the address of the variant's script.
    name: &'static str,
    /// A module of a few bytes that only a browser with the variant's instructions finds valid.
    probe: &'static [u8],
}

/// The variants, best first. One whose `meta` element is missing was not built.
const VARIANTS: [Variant; 1] = [Variant {
    name: "worker-simd128",
    // (func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0)))); popcnt is of the final set of 128-bit instructions.
    probe: &[
        0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
        0x03, 0x02, 0x01, 0x00, 0x0a, 0x0a, 0x01, 0x08, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x62,
        0x0b,
    ],
}];

/// A running worker; it ends when this is dropped.
pub(crate) struct Client {
    worker: Worker,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_error: Closure<dyn Fn(ErrorEvent)>,
}

impl Client {
    /// Starts the best worker that this browser can run.
    ///
    /// `on_event` is given its messages, `on_trouble` whatever ends it without one.
    ///
    /// # Errors
    /// Says in words why no worker can be started.
    pub(crate) fn start(
        on_event: impl Fn(Event) + 'static,
        on_trouble: impl Fn(Trouble) + 'static,
    ) -> Result<Self, Trouble> {
        let script = script()?;
        let worker = Worker::new(&script).map_err(|_| Trouble {
            heading: "The analysis cannot start",
            message: "This browser does not let the page start a worker. If you opened the page as a file, open it through a \
                      web server instead."
                .into(),
        })?;
        let on_error = Closure::<dyn Fn(ErrorEvent)>::new(move |error: ErrorEvent| {
            // Handled here; start.js need not hear of it.
            error.prevent_default();
            on_trouble(Trouble {
                heading: "The worker failed",
                message: worker_error(&error, &script),
            });
        });
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            // Only the worker can send here, and it is built from the same source.
            on_event(
                serde_wasm_bindgen::from_value(message.data()).expect("the worker sends events"),
            );
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Ends the worker and frees its memory.
    pub(crate) fn stop(&self) {
        self.worker.terminate();
    }

    /// Sends a message to the worker.
    pub(crate) fn send(&self, request: &Request) {
        let message =
            serde_wasm_bindgen::to_value(request).expect("numbers and strings always serialize");
        self.worker
            .post_message(&message)
            .expect("plain objects can always be posted");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.stop();
    }
}

/// The request for the model that lies beside the page; `afresh` passes over the browser's cache.
pub(crate) fn load_request(afresh: bool) -> Request {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let url = Url::new_with_base(MODEL, &base).map_or_else(|_| MODEL.into(), |url| url.href());
    Request::Load {
        url,
        name: MODEL.into(),
        afresh,
    }
}

/// Address of the script of the best variant that this browser can run.
fn script() -> Result<String, Trouble> {
    let built: Vec<(&Variant, String)> = VARIANTS
        .iter()
        .filter_map(|variant| {
            let meta = document()
                .query_selector(&format!("meta[name={}]", variant.name))
                .ok()
                .flatten()?;
            Some((variant, meta.get_attribute("content")?))
        })
        .collect();
    if built.is_empty() {
        return Err(Trouble {
            heading: "This copy of the page is incomplete",
            message: "It names no worker, so it was not built as a whole. Build it with cargo xtask dist.".into(),
        });
    }
    let runs = |variant: &Variant| {
        WebAssembly::validate(&Uint8Array::from(variant.probe)).unwrap_or(false)
    };
    built.into_iter().find(|(variant, _)| runs(variant)).map(|(_, script)| script).ok_or_else(|| Trouble {
        heading: "This browser cannot run the model",
        message: "It lacks WebAssembly SIMD, the vector instructions that the model needs. Chrome and Edge have them from \
                  version 91 on, Firefox from 89, Safari from 16.4. In some browsers a hardened or lockdown mode turns them off."
            .into(),
    })
}

/// Why a worker ended, from an event that has a message only when its script ran.
fn worker_error(error: &ErrorEvent, script: &str) -> String {
    match js_sys::Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string())
    {
        Some(message) if !message.is_empty() => {
            format!("{}.", message.trim_start_matches("Uncaught "))
        }
        _ => format!(
            "Its script, {script}, could not be loaded. Is the server that this page came from still running?"
        ),
    }
}
