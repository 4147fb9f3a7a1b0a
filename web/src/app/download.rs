//! What leaves the page for the visitor's disk or clipboard. It goes from memory and passes no server.

use js_sys::{Array, Uint8Array};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlDocument, HtmlElement, Url};

/// Lets the browser save bytes as a file of this name.
///
/// # Errors
/// Says in words why there is no file, which is want of memory.
pub(crate) fn save(name: &str, media_type: &str, content: &[u8]) -> Result<(), String> {
    try_save(name, media_type, content).map_err(|error| in_words(&error))
}

fn try_save(name: &str, media_type: &str, content: &[u8]) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = Array::of1(&Uint8Array::from(content));
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The browser has taken hold of the content by now.
    Url::revoke_object_url(&url)
}

/// Puts a text on the clipboard. `within` is an element of the dialog that is open, outside of which nothing can be selected.
///
/// # Errors
/// Says in words that the browser does not allow it.
pub(crate) async fn copy(text: &str, within: &HtmlElement) -> Result<(), String> {
    // It is there on pages that came encrypted or from this machine only.
    let navigator = window().navigator();
    let there = js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|clipboard| !clipboard.is_undefined());
    if there
        && JsFuture::from(navigator.clipboard().write_text(text))
            .await
            .is_ok()
    {
        return Ok(());
    }
    match copy_selected(text, within) {
        Ok(true) => Ok(()),
        _ => Err(String::from(
            "The browser does not let the page copy; download the file instead.",
        )),
    }
}

fn copy_selected(text: &str, within: &HtmlElement) -> Result<bool, JsValue> {
    let area: web_sys::HtmlTextAreaElement =
        document().create_element("textarea")?.unchecked_into();
    area.set_class_name("unseen");
    area.set_value(text);
    within.append_child(&area)?;
    area.select();
    let document: HtmlDocument = document().unchecked_into();
    let copied = document.exec_command("copy");
    area.remove();
    copied
}

/// What a browser says of an error.
pub(crate) fn in_words(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{error:?}"),
    }
}
