//! The model file, streamed.

use std::collections::TryReserveError;

use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamReadResult, Response};

use crate::scope;

/// The page draws what it is told; more often than this nobody would see it.
const PROGRESS_MS: f64 = 50.0;

#[wasm_bindgen]
extern "C" {
    /// As `fetch`; see `start.js`, which may have begun before.
    #[wasm_bindgen(js_name = fetchModel)]
    fn fetch_model(url: &str, afresh: bool) -> Promise;

    /// A `ReadableStream`, whose `getReader` throws for options that it does not know.
    type Body;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn reader(this: &Body, options: &JsValue) -> Result<Reader, JsValue>;

    /// A `ReadableStreamBYOBReader` or, which passes over the buffer, a `ReadableStreamDefaultReader`.
    type Reader;
    #[wasm_bindgen(method)]
    fn read(this: &Reader, buffer: &Uint8Array) -> Promise;
}

/// Bytes that are read at once, into the same buffer each time where the browser can: pieces of its own become garbage, which
/// it collects late.
const PIECE: u32 = 256 << 10;

/// Fetches a model, of which `take` gets piece by piece, and tells how many bytes it has; `name` is what messages call it,
/// `afresh` passes over the browser's cache.
///
/// `progress` is told from time to time the bytes that have arrived and, where the server says it and it still can be true, those
/// of the whole file.
///
/// # Errors
/// Says in words what went wrong and what to do.
pub(crate) async fn fetch(
    url: &str,
    name: &str,
    afresh: bool,
    progress: impl Fn(u32, Option<u32>),
    mut take: impl FnMut(&[u8]) -> Result<(), TryReserveError>,
) -> Result<u32, String> {
    let response: Response = match JsFuture::from(fetch_model(url, afresh)).await {
        Ok(response) => response.unchecked_into(),
        Err(error) => {
            let reason = reason(&error);
            return Err(format!(
                "{name} could not be fetched ({reason}). Is the server that this page came from still running?"
            ));
        }
    };
    match (response.ok(), response.status()) {
        (true, _) => {}
        (false, 404) => {
            return Err(format!(
                "{name} is not on the server (status 404). Put a model there, then try again."
            ));
        }
        (false, status) => {
            return Err(format!(
                "The server answered with status {status} instead of {name}."
            ));
        }
    }
    let Some(body) = response.body() else {
        return Err(format!(
            "The server answered with nothing instead of {name}."
        ));
    };

    let header = |name| response.headers().get(name).ok().flatten();
    let mut total = web::bytes::total(
        header("content-length").as_deref(),
        header("content-encoding").as_deref(),
    );
    let (mut received, mut bytes) = (0, Vec::new());
    progress(0, total);
    let now = || {
        scope::global()
            .performance()
            .map_or(0.0, |clock| clock.now())
    };
    let mut told = f64::NEG_INFINITY;

    let body: Body = body.unchecked_into();
    let options = Object::new();
    // The object is a new one, and takes any key.
    let _ = Reflect::set(&options, &"mode".into(), &"byob".into());
    let reader = body
        .reader(&options)
        .or_else(|_| body.reader(&JsValue::UNDEFINED));
    let reader = reader.map_err(|error| format!("{name} cannot be read ({}).", reason(&error)))?;
    let mut buffer = Uint8Array::new_with_length(PIECE);
    loop {
        let part: ReadableStreamReadResult = match JsFuture::from(reader.read(&buffer)).await {
            Ok(part) => part.unchecked_into(),
            Err(error) => {
                let (reason, arrived) = (reason(&error), web::bytes::in_words(received));
                return Err(format!(
                    "{name} stopped arriving after {arrived} ({reason})."
                ));
            }
        };
        if part.get_done().unwrap_or(false) {
            return Ok(received);
        }
        let part: Uint8Array = part.get_value().unchecked_into();
        bytes.resize(part.length() as usize, 0);
        part.copy_to(&mut bytes);
        buffer = Uint8Array::new(&part.buffer());
        let too_large = |_| format!("{name} does not fit into this browser's memory.");
        take(&bytes).map_err(too_large)?;

        // A server that sends more than it announced announced something else.
        received += part.length();
        total = total.filter(|&total| received <= total);
        let now = now();
        if now - told >= PROGRESS_MS {
            progress(received, total);
            told = now;
        }
    }
}

/// What a JavaScript error says.
fn reason(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => String::from("no reason given"),
    }
}
