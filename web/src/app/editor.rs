//! The note: a text area over a backdrop that draws the marks.
//!
//! Both lie in one grid cell with the same font and padding. The backdrop holds the same text, so it makes the cell as high as
//! the text needs, and neither scrolls by itself. Only the text area's letters are visible, only the backdrop's marks.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web::highlight::{Block, Layout};
use web::kind;
use web_sys::Element;

use crate::page::Page;

#[component]
pub(crate) fn Editor(page: Page) -> impl IntoView {
    // Browsers' own help with writing may send the text away (Chrome's enhanced spell check does), so it is off. `translate`
    // is off for the whole page in index.html.
    view! {
        <div class="paper">
            <div class="backdrop" aria-hidden="true" node_ref=page.backdrop.with_value(|backdrop| backdrop.container)></div>
            <textarea
                id="note"
                data-testid="note"
                placeholder="Paste or type a note, for example: Patient reports irregular periods and low estrogen."
                autocomplete="off"
                spellcheck="false"
                data-gramm="false"
                aria-describedby="status"
                node_ref=page.textarea
                on:input=move |event| page.edited(&event_target_value(&event))
            ></textarea>
        </div>
    }
}

/// The drawn blocks of a note. Drawn by hand and not by a view, because an edit of a long note must touch no other block than
/// its own, and must be drawn before the input event returns.
#[derive(Default)]
pub(crate) struct Backdrop {
    pub(crate) container: NodeRef<html::Div>,
    blocks: Vec<Drawn>,
}

struct Drawn {
    element: Element,
    marks: Vec<Element>,
}

impl Backdrop {
    /// Goes from the note that was drawn last to another.
    pub(crate) fn draw(&mut self, old: &Layout, new: &Layout, types: &[String]) {
        let Some(container) = self.container.get_untracked() else {
            return;
        };
        let (front, back) = old.unchanged(new);
        let (old_end, new_end) = (old.blocks().len() - back, new.blocks().len() - back);

        let fresh = document().create_document_fragment();
        let drawn: Vec<Drawn> = new.blocks()[front..new_end]
            .iter()
            .map(|block| draw_block(new, block, types))
            .collect();
        for block in &drawn {
            append(&fresh, &block.element);
        }
        let next = self
            .blocks
            .get(old_end)
            .map(|block| block.element.unchecked_ref());
        container
            .insert_before(&fresh, next)
            .expect("the next block is in the container");
        for gone in self.blocks.splice(front..old_end, drawn) {
            gone.element.remove();
        }

        let moved = old.blocks().get(old_end).map(|b| b.text.start)
            != new.blocks().get(new_end).map(|b| b.text.start);
        if moved {
            for (block, drawn) in new.blocks()[new_end..].iter().zip(&self.blocks[new_end..]) {
                for (index, element) in block.marks.clone().zip(&drawn.marks) {
                    place(element, new, index);
                }
            }
        }
    }

    /// Brings a mark into view.
    pub(crate) fn show(&self, note: &Layout, index: usize) {
        let block = note
            .blocks()
            .partition_point(|block| block.marks.end <= index);
        let mark = note.blocks().get(block).zip(self.blocks.get(block));
        if let Some(element) =
            mark.and_then(|(block, drawn)| drawn.marks.get(index - block.marks.start))
        {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Center);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }
}

fn draw_block(note: &Layout, block: &Block, types: &[String]) -> Drawn {
    let element = create("div");
    let mut marks = Vec::with_capacity(block.marks.len());
    for segment in note.segments(block) {
        let text = document().create_text_node(&note.slice(segment.text));
        let Some(index) = segment.mark else {
            append(&element, &text);
            continue;
        };
        let mark = create("mark");
        let name = types
            .get(note.marks()[index].kind)
            .map_or("", String::as_str);
        set(&mark, "data-entity", name);
        set(&mark, "data-code", kind::code(name));
        set(
            &mark,
            "data-score",
            &score_in_full(note.marks()[index].score),
        );
        place(&mark, note, index);
        append(&mark, &text);
        append(&element, &mark);
        marks.push(mark);
    }
    Drawn { element, marks }
}

fn place(element: &Element, note: &Layout, index: usize) {
    let mark = &note.marks()[index];
    set(element, "data-start", &mark.start.to_string());
    set(element, "data-end", &mark.end.to_string());
}

/// A score as JavaScript writes it: enough digits to be read back as it was.
pub(crate) fn score_in_full(score: f32) -> String {
    js_sys::Number::from(f64::from(score))
        .to_string_with_radix(10)
        .map_or_else(|_| String::new(), String::from)
}

fn create(tag: &str) -> Element {
    document().create_element(tag).expect("a valid tag name")
}

fn set(element: &Element, attribute: &str, value: &str) {
    element
        .set_attribute(attribute, value)
        .expect("a valid attribute name");
}

fn append(parent: &web_sys::Node, child: &web_sys::Node) {
    parent
        .append_child(child)
        .expect("a new node can be appended");
}
