//! The threads of the network: helpers, which are workers of this worker that run its module on its memory.

use std::sync::{Arc, OnceLock};

use engine::Team;
use js_sys::Array;
use wasm_bindgen::prelude::*;
use web::protocol::Event;
use web_sys::{MessageEvent, Worker, WorkerOptions};

use crate::scope;

/// Whom the helpers help. One memory means one set of statics.
static TEAM: OnceLock<Arc<Team>> = OnceLock::new();

/// A team of so many threads, this one and helpers, of which none is waited for. Without shared memory it is this one alone.
pub(crate) fn start(threads: u32) -> Arc<Team> {
    let threads = if cfg!(target_feature = "atomics") {
        threads
    } else {
        1
    };
    let team = TEAM.get_or_init(|| Arc::new(Team::waiting_for_help(threads as usize)));
    for _ in 1..team.threads() {
        // The others do what this one would have done.
        if start_helper().is_err() {
            break;
        }
    }
    Arc::clone(team)
}

/// Starts a worker from this worker's script; `start.js` then calls [`help`] in it.
fn start_helper() -> Result<(), JsValue> {
    let options = WorkerOptions::new();
    options.set_name("helper");
    let helper = Worker::new_with_options(&scope::global().location().href(), &options)?;

    // It tells that it has come.
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(|message: MessageEvent| {
        scope::pass_on(&message.data());
    });
    helper.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // One that does not start is not missed; unhandled, its error would go on to the page and end everything.
    let on_error = Closure::<dyn Fn(web_sys::Event)>::new(|error: web_sys::Event| {
        error.prevent_default();
    });
    helper.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // As long as this worker, with which the browser ends it.
    on_message.forget();
    on_error.forget();

    let parts = Array::of2(&wasm_bindgen::module(), &wasm_bindgen::memory());
    helper.post_message(&parts)?;
    std::mem::forget(helper);
    Ok(())
}

/// Tells the worker that one of its helpers panics: waiting for that one's part, it would not hear of it.
pub(crate) fn give_up() {
    if let Some(team) = TEAM.get() {
        team.give_up();
    }
}

/// What a helper does for as long as it lives.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "wasm-bindgen exports what is public")]
pub fn help() {
    let team = TEAM.get().expect("a worker makes its team before helpers");
    scope::post(&Event::ThreadJoined);
    team.help();
}
