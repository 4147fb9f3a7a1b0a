//! The model file, streamed.

use js_sys::{Date, Promise};
use ner::model::Incoming;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, ReadableStreamReadResult, Response};

/// The page draws what it is told; more often than this nobody would see it.
const PROGRESS_MS: f64 = 50.0;

#[wasm_bindgen]
extern "C" {
    /// As `fetch`; see `start.js`, which may have begun before.
    #[wasm_bindgen(js_name = fetchModel)]
    fn fetch_model(url: &str, afresh: bool) -> Promise;
}

/// Fetches a model, and tells how many bytes it has; `name` is what messages call it, `afresh` passes over the browser's cache.
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
) -> Result<(Incoming, u32), String> {
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
    let mut file = Incoming::default();
    let (mut received, mut bytes) = (0, Vec::new());
    progress(0, total);
    let mut told = Date::now();

    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let part: ReadableStreamReadResult = match JsFuture::from(reader.read()).await {
            Ok(part) => part.unchecked_into(),
            Err(error) => {
                let (reason, arrived) = (reason(&error), web::bytes::in_words(received));
                return Err(format!(
                    "{name} stopped arriving after {arrived} ({reason})."
                ));
            }
        };
        if part.get_done().unwrap_or(false) {
            return Ok((file, received));
        }
        let part: js_sys::Uint8Array = part.get_value().unchecked_into();
        bytes.resize(part.length() as usize, 0);
        part.copy_to(&mut bytes);
        let too_large = |_| format!("{name} does not fit into this browser's memory.");
        file.push(&bytes).map_err(too_large)?;

        // A server that sends more than it announced announced something else.
        received += part.length();
        total = total.filter(|&total| received <= total);
        if Date::now() - told >= PROGRESS_MS {
            progress(received, total);
            told = Date::now();
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
