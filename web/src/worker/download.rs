//! The model file as it arrives; `model.js` knows where from.

use std::collections::TryReserveError;

use js_sys::{Object, Promise, Reflect, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::scope;

/// The page draws what it is told; more often than this nobody would see it.
const PROGRESS_MS: f64 = 50.0;

#[wasm_bindgen]
extern "C" {
    /// The model's pieces, which `start.js` has begun to fetch.
    pub(crate) type Pieces;

    #[wasm_bindgen(thread_local_v2, js_name = model)]
    static MODEL: Pieces;

    /// As of an iterator. A value is a `Uint8Array` that is valid until the next call.
    #[wasm_bindgen(method)]
    fn next(this: &Pieces) -> Promise;

    #[wasm_bindgen(method)]
    fn keep(this: &Pieces) -> Promise;

    #[wasm_bindgen(method)]
    fn forget(this: &Pieces) -> Promise;
}

/// Reads the model's file, of which `take` gets piece by piece, and returns its SHA-256 in lower-case hexadecimal digits. `name` is
/// what messages call it, `total` how many bytes it has.
///
/// `progress` is told from time to time the bytes that have arrived.
///
/// # Errors
/// Says in words what went wrong and what to do.
pub(crate) async fn read(
    name: &str,
    total: u32,
    progress: impl Fn(u32),
    mut take: impl FnMut(&[u8]) -> Result<(), TryReserveError>,
) -> Result<String, String> {
    let (mut received, mut bytes) = (0_u32, Vec::new());
    let mut hash = Sha256::new();
    let now = || {
        scope::global()
            .performance()
            .map_or(0.0, |clock| clock.now())
    };
    let mut told = f64::NEG_INFINITY;
    progress(0);
    loop {
        let next = JsFuture::from(MODEL.with(Pieces::next)).await;
        let next: Object = match next {
            Ok(next) => next.unchecked_into(),
            Err(error) => return Err(stopped(name, received, total, &error)),
        };
        let field = |name: &str| Reflect::get(&next, &name.into()).unwrap_or_default();
        if field("done").is_truthy() {
            return Ok(hex(&hash.finalize()));
        }
        let piece: Uint8Array = field("value").unchecked_into();
        bytes.resize(piece.length() as usize, 0);
        piece.copy_to(&mut bytes);
        hash.update(&bytes);
        let too_large = |_| format!("{name} does not fit into this browser's memory.");
        take(&bytes).map_err(too_large)?;

        received += piece.length();
        let now = now();
        if now - told >= PROGRESS_MS {
            progress(received);
            told = now;
        }
    }
}

/// Lets go of what is kept of other models, as this one is what it should be.
pub(crate) async fn keep() {
    // What cannot be deleted takes room and does no harm.
    let _ = JsFuture::from(MODEL.with(Pieces::keep)).await;
}

/// Lets go of what is kept of this model, as it is not what it should be.
pub(crate) async fn forget() {
    // Where that fails the next visit ends as this one did.
    let _ = JsFuture::from(MODEL.with(Pieces::forget)).await;
}

/// Why no more of a model arrives.
fn stopped(name: &str, received: u32, total: u32, error: &JsValue) -> String {
    let status = Reflect::get(error, &"status".into()).unwrap_or_default();
    let reason = match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => String::from("no reason given"),
    };
    match status.as_f64() {
        Some(404.0) => {
            format!("{name} is not on the server (status 404). Put a model there, then try again.")
        }
        Some(status) => format!("The server answered with status {status} instead of {name}."),
        None if received == 0 => format!(
            "{name} could not be fetched ({reason}). Is the server that this page came from still running?"
        ),
        None => {
            let [received, total] = [received, total].map(web::bytes::in_words);
            format!("{name} stopped arriving after {received} of {total} ({reason}).")
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
