//! Colours of types that `www/styles.css` has none of its own for: a model may have any.

use std::fmt::Write as _;

use js_sys::{Array, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web::kind;
use web_sys::CssStyleSheet;

/// Degrees between the hues of types that follow one another: the golden angle, by which no two of them come close.
const STEP: f64 = 137.508;

/// Gives types hues of their own, from which `www/styles.css` makes colours.
pub(crate) fn set(types: &[String]) {
    let known = |name: &&String| kind::GUIDE.iter().any(|kind| kind.name == **name);
    let mut rules = String::new();
    for (index, name) in types.iter().filter(|name| !known(name)).enumerate() {
        let hue = (index as f64 * STEP + 75.0) % 360.0;
        // Writing to a string does not fail.
        let _ = writeln!(
            rules,
            "[data-entity=\"{}\"] {{ --hue: {hue:.0}; }}",
            escaped(name)
        );
    }
    // In a browser without such style sheets all these types look alike; the labels tell them apart.
    let Ok(sheet) = CssStyleSheet::new() else {
        return;
    };
    let replaced = Reflect::get(&sheet, &"replaceSync".into()).and_then(|replace| {
        replace
            .unchecked_into::<js_sys::Function>()
            .call1(&sheet, &rules.into())
    });
    if replaced.is_ok() {
        let sheets = Array::of1(&sheet);
        let _ = Reflect::set(&document(), &"adoptedStyleSheets".into(), &sheets);
    }
}

/// A text as it stands in a CSS string.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' | '\0'..'\x20' => _ = write!(escaped, "\\{:x} ", u32::from(c)),
            c => escaped.push(c),
        }
    }
    escaped
}
