//! The page's side of the worker: which variant of it to start, and messages.

use js_sys::{Reflect, Uint8Array, WebAssembly};
use leptos::logging;
use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use web::protocol::{Event, Request};
use web::variant::{self, THREADS, Wish};
use web_sys::{ErrorEvent, MessageEvent, Url, UrlSearchParams, Worker};

use crate::stage::Trouble;

/// What messages call the model file; also its address relative to the page.
const MODEL: &str = "models/default/model.safetensors";

/// A build of the worker. A WebAssembly module is validated whole, so each set of instructions is a file of its own, and the
/// browser is asked before anything is downloaded.
struct Variant {
    /// Its name in the page's address. That of the `meta` element which the build puts into the page with the address of
    /// the variant's script has `worker-` before it.
    name: &'static str,
    /// A module of a few bytes that only a browser with the variant's instructions finds valid.
    probe: &'static [u8],
}

/// The variants, best first. One whose `meta` element is missing was not built.
static VARIANTS: [Variant; 3] = [
    Variant {
        name: THREADS,
        // As the next one, with (memory 1 1 shared) and, before all else, (drop (i32.atomic.load (i32.const 0))).
        probe: &[
            0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01,
            0x7b, 0x03, 0x02, 0x01, 0x00, 0x05, 0x04, 0x01, 0x03, 0x01, 0x01, 0x0a, 0x1a, 0x01,
            0x18, 0x00, 0x41, 0x00, 0xfe, 0x10, 0x02, 0x00, 0x1a, 0x41, 0x00, 0xfd, 0x0f, 0x41,
            0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x93, 0x02, 0x0b,
        ],
    },
    Variant {
        name: "relaxed",
        // (func (result v128) (i32x4.relaxed_dot_i8x16_i7x16_add_s zero zero zero)), a zero being
        // (i8x16.splat (i32.const 0)).
        probe: &[
            0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01,
            0x7b, 0x03, 0x02, 0x01, 0x00, 0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x00, 0xfd, 0x0f,
            0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x93, 0x02, 0x0b,
        ],
    },
    Variant {
        name: "simd128",
        // (func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0)))); popcnt is of the final set of 128-bit
        // instructions.
        probe: &[
            0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01,
            0x7b, 0x03, 0x02, 0x01, 0x00, 0x0a, 0x0a, 0x01, 0x08, 0x00, 0x41, 0x00, 0xfd, 0x0f,
            0xfd, 0x62, 0x0b,
        ],
    },
];

impl Variant {
    /// Whether this browser, on this page, can run it.
    fn runs(&self) -> bool {
        WebAssembly::validate(&Uint8Array::from(self.probe)).unwrap_or(false)
            && (self.name != THREADS || can_share_memory())
    }
}

/// A running worker; it ends when this is dropped.
pub(crate) struct Client {
    worker: Worker,
    /// The name of its variant.
    variant: &'static str,
    threads: u32,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_error: Closure<dyn Fn(ErrorEvent)>,
}

impl Client {
    /// Starts the best worker that this browser can run, of those without helpers if it is to be `alone`.
    ///
    /// `on_event` is given its messages, `on_trouble` whatever ends it without one.
    ///
    /// # Errors
    /// Says in words why no worker can be started.
    pub(crate) fn start(
        alone: bool,
        on_event: impl Fn(Event) + 'static,
        on_trouble: impl Fn(Trouble) + 'static,
    ) -> Result<Self, Trouble> {
        let (variant, script, threads) = choose(alone)?;
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
            variant,
            threads,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Asks for the model that lies beside the page; `afresh` passes over the browser's cache.
    pub(crate) fn load(&self, afresh: bool) {
        let base = document().base_uri().ok().flatten().unwrap_or_default();
        let url = Url::new_with_base(MODEL, &base).map_or_else(|_| MODEL.into(), |url| url.href());
        self.send(&Request::Load {
            url,
            name: MODEL.into(),
            afresh,
            threads: self.threads,
        });
    }

    /// Whether its memory is one that helpers can share. A browser that has such memories may still refuse one.
    pub(crate) fn shares_memory(&self) -> bool {
        self.variant == THREADS
    }

    /// Ends the worker, its helpers with it, and frees its memory.
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

/// The best variant that this browser can run, `alone` or with helpers, or the one that the page's address asks for: its name,
/// the address of its script, and on how many threads.
fn choose(alone: bool) -> Result<(&'static str, String, u32), Trouble> {
    let mut built: Vec<(&'static Variant, String)> = VARIANTS
        .iter()
        .filter_map(|variant| {
            let meta = document()
                .query_selector(&format!("meta[name=worker-{}]", variant.name))
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
    built.retain(|(variant, _)| variant.runs() && !(alone && variant.name == THREADS));
    let names: Vec<&str> = built.iter().map(|(variant, _)| variant.name).collect();
    let cores = window().navigator().hardware_concurrency() as u32;
    let Some(choice) = variant::choose(&names, cores, &wish()) else {
        return Err(Trouble {
            heading: "This browser cannot run the model",
            message: "It lacks WebAssembly SIMD, the vector instructions that the model needs. Chrome and Edge have them \
                      from version 91 on, Firefox from 89, Safari from 16.4. In some browsers a hardened or lockdown mode \
                      turns them off."
                .into(),
        });
    };
    for complaint in choice.ignored {
        logging::warn!("{complaint}");
    }
    let (variant, script) = built.swap_remove(choice.variant);
    Ok((variant.name, script, choice.threads))
}

/// Whether workers can share a memory: the page must be isolated from other origins. Futures in such a memory wait by
/// `Atomics.waitAsync`; their replacement for a browser without it starts a worker for every wait, so that one thread is
/// better there.
fn can_share_memory() -> bool {
    let get = |from: &JsValue, name: &str| Reflect::get(from, &name.into()).unwrap_or_default();
    get(&window(), "crossOriginIsolated").is_truthy()
        && get(&get(&window(), "Atomics"), "waitAsync").is_function()
}

/// What the page's address asks for.
fn wish() -> Wish {
    let search = window().location().search().unwrap_or_default();
    UrlSearchParams::new_with_str(&search).map_or_else(
        |_| Wish::default(),
        |parameters| Wish {
            kernels: parameters.get("kernels"),
            threads: parameters.get("threads"),
        },
    )
}

/// Why a worker ended, from an event that has a message only when its script ran.
fn worker_error(error: &ErrorEvent, script: &str) -> String {
    match Reflect::get(error, &"message".into())
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
