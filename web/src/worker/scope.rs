//! The worker's side of its global scope: messages and turns of the event loop.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web::protocol::{Event, Failure};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

/// The global scope.
pub(crate) fn global() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Takes messages from the page from now on.
pub(crate) fn listen(on_message: Closure<dyn Fn(MessageEvent)>) {
    global().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
}

/// Sends a message to the page.
pub(crate) fn post(event: &Event) {
    let message =
        serde_wasm_bindgen::to_value(event).expect("numbers, strings and lists always serialize");
    pass_on(&message);
}

/// Sends to the page what another worker has made of an event.
pub(crate) fn pass_on(message: &JsValue) {
    global()
        .post_message(message)
        .expect("plain objects can always be posted");
}

/// Tells the page that this worker cannot go on.
pub(crate) fn fail(failure: Failure, message: String) {
    post(&Event::Failed { failure, message });
}

/// Lets the event loop deliver waiting messages. A message to oneself comes back behind those and, unlike a timer, without a
/// least delay.
pub(crate) async fn turn() {
    let turned = js_sys::Promise::new(&mut |resolve, _| {
        let channel = MessageChannel::new().expect("every worker scope has MessageChannel");
        channel.port1().set_onmessage(Some(&resolve));
        channel
            .port2()
            .post_message(&JsValue::NULL)
            .expect("null can be posted");
    });
    // The promise is never rejected.
    let _ = JsFuture::from(turned).await;
}
