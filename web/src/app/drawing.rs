//! The open note as elements: a block per line, a `mark` per mark.
//!
//! Drawn by hand and not by a view, because an edit of a long note must touch no other block than its own, and must be drawn
//! before the input event returns. The same elements lie behind the text area while a note is written, and are its text while it
//! is reviewed.

use std::ops::Range;

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web::highlight::{Block, Layout};
use web::kind;
use web::mark::{Mark, Verdict};
use web_sys::{Element, FocusOptions, HtmlElement, Node, Text};

/// The drawn blocks of a note.
#[derive(Default)]
pub(crate) struct Drawing {
    pub(crate) container: NodeRef<html::Div>,
    blocks: Vec<Drawn>,
    /// Whether marks can be focused and told apart by what was decided.
    reviewed: bool,
    /// The mark that the tab key reaches, and whether it is looked at.
    reachable: Option<(Element, bool)>,
}

struct Drawn {
    element: Element,
    marks: Vec<Element>,
}

impl Drawing {
    /// Draws the note from nothing, to be reviewed or not.
    pub(crate) fn redraw(&mut self, note: &Layout, types: &[String], reviewed: bool) {
        for gone in self.blocks.drain(..) {
            gone.element.remove();
        }
        self.reviewed = reviewed;
        self.reachable = None;
        self.draw(&Layout::default(), note, types);
    }

    /// Goes from the note that was drawn last to another.
    pub(crate) fn draw(&mut self, old: &Layout, new: &Layout, types: &[String]) {
        let Some(container) = self.container.get_untracked() else {
            return;
        };
        let (front, back) = if self.blocks.is_empty() {
            (0, 0)
        } else {
            old.unchanged(new)
        };
        let old_end = self.blocks.len() - back;
        let new_end = new.blocks().len() - back;

        let fresh = document().create_document_fragment();
        let drawn: Vec<Drawn> = new.blocks()[front..new_end]
            .iter()
            .map(|block| self.draw_block(new, block, types))
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
    }

    fn draw_block(&self, note: &Layout, block: &Block, types: &[String]) -> Drawn {
        let element = create("div");
        let mut marks = Vec::with_capacity(block.marks.len());
        for segment in note.segments(block) {
            let text = document().create_text_node(&note.slice(segment.text.clone()));
            let Some(index) = segment.mark else {
                append(&element, &text);
                continue;
            };
            let mark = &note.marks()[index];
            // Its place is not told: an edit would have to change it in all later marks, and the browser to style them again.
            let drawn = create("mark");
            let name = types.get(mark.kind).map_or("", String::as_str);
            set(&drawn, "data-entity", name);
            set(&drawn, "data-code", kind::code(name));
            set(&drawn, "data-id", &mark.id.to_string());
            set(&drawn, "data-score", &score_in_full(mark.score));
            set(&drawn, "data-source", source(mark));
            set(&drawn, "data-verdict", verdict(mark));
            if self.reviewed {
                set(&drawn, "role", "button");
                set(&drawn, "tabindex", "-1");
                let label = format!("{}: {name}, {}", note.slice(segment.text), in_words(mark));
                set(&drawn, "aria-label", &label);
            }
            append(&drawn, &text);
            append(&element, &drawn);
            marks.push(drawn);
        }
        Drawn { element, marks }
    }

    /// Whether something in the note has the keyboard.
    pub(crate) fn has_focus(&self) -> bool {
        let container = self.container.get_untracked();
        container
            .is_some_and(|container| container.contains(document().active_element().as_deref()))
    }

    /// Makes one mark the one that the tab key reaches, the first where none is looked at, and shows that which is.
    ///
    /// Of a note's thousands of marks it touches two: the one before and the new one.
    pub(crate) fn set_current(&mut self, note: &Layout, current: Option<u32>) {
        if !self.reviewed {
            return;
        }
        let at = note
            .marks()
            .iter()
            .position(|mark| Some(mark.id) == current);
        let element = self.marks().nth(at.unwrap_or(0)).cloned();
        let reachable = element.map(|element| (element, at.is_some()));
        if self.reachable == reachable {
            return;
        }
        if let Some((before, _)) = self.reachable.take() {
            set(&before, "tabindex", "-1");
            before
                .remove_attribute("aria-current")
                .expect("a valid attribute name");
            for edge in EDGES {
                let handle = before.query_selector(&format!(".handle[data-edge={edge}]"));
                if let Some(handle) = handle.expect("a valid selector") {
                    handle.remove();
                }
            }
        }
        if let Some((element, is_current)) = &reachable {
            set(element, "tabindex", "0");
            if *is_current {
                set(element, "aria-current", "true");
                // They are empty, so that places in the text are counted as without them.
                let [start, end] = EDGES.map(handle);
                element
                    .insert_before(&start, element.first_child().as_ref())
                    .expect("the first child is in it");
                append(element, &end);
            }
        }
        self.reachable = reachable;
    }

    /// Gives a mark the keyboard, or the reviewed note where there is no such mark.
    pub(crate) fn focus(&self, note: &Layout, id: Option<u32>) {
        let at = note.marks().iter().position(|mark| Some(mark.id) == id);
        let mark = at.and_then(|at| self.marks().nth(at));
        let container = self.container.get_untracked();
        let element: Option<&HtmlElement> = match (mark, &container) {
            (Some(mark), _) => Some(mark.unchecked_ref()),
            (None, Some(container)) => Some(container),
            (None, None) => None,
        };
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        if let Some(element) = element {
            element
                .focus_with_options(&options)
                .expect("elements of the document can be focused");
        }
        if let Some(element) = mark {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }

    /// Brings a mark into view.
    pub(crate) fn show(&self, index: usize) {
        if let Some(element) = self.marks().nth(index) {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Center);
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }

    /// The element of a mark.
    pub(crate) fn element(&self, index: usize) -> Option<Element> {
        self.marks().nth(index).cloned()
    }

    fn marks(&self) -> impl Iterator<Item = &Element> {
        self.blocks.iter().flat_map(|block| &block.marks)
    }

    /// The UTF-16 unit of the note that stands at a place of the document; `None` outside of the note.
    pub(crate) fn unit_at(&self, note: &Layout, node: &Node, offset: u32) -> Option<usize> {
        let container = self.container.get_untracked()?;
        let container: &Node = container.unchecked_ref();
        if node.is_same_node(Some(container)) {
            // Between two blocks; not all children are blocks.
            let next = node.child_nodes().get(offset);
            let next = next.and_then(|next| {
                let is_next = |block: &Drawn| next.is_same_node(Some(&block.element));
                self.blocks.iter().position(is_next)
            });
            let block = next.and_then(|next| note.blocks().get(next));
            let end = if offset == 0 { 0 } else { note.text().len() };
            return Some(block.map_or(end, |block| block.text.start));
        }
        let mut line = node.clone();
        loop {
            let parent = line.parent_node()?;
            if parent.is_same_node(Some(container)) {
                break;
            }
            line = parent;
        }
        let at = self
            .blocks
            .iter()
            .position(|block| line.is_same_node(Some(&block.element)))?;
        let range = document().create_range().ok()?;
        range.set_start(&line, 0).ok()?;
        range.set_end(node, offset).ok()?;
        let before = String::from(range.to_string()).encode_utf16().count();
        let block = note.blocks().get(at)?;
        Some((block.text.start + before).min(block.text.end))
    }

    /// Selects a stretch of the note, as a mouse does.
    pub(crate) fn select(&self, note: &Layout, range: Range<usize>) {
        let selection = window().get_selection().ok().flatten();
        let places = (
            self.place_of(note, range.start),
            self.place_of(note, range.end),
        );
        if let (Some(selection), (Some(start), Some(end))) = (selection, places) {
            // Refused for places that have left the document, and these are in it.
            let _ = selection.set_base_and_extent(&start.0, start.1, &end.0, end.1);
        }
    }

    /// The text node and the place in it of a UTF-16 unit.
    fn place_of(&self, note: &Layout, unit: usize) -> Option<(Text, u32)> {
        let at = note.blocks().partition_point(|block| block.text.end < unit);
        let mut left = unit.checked_sub(note.blocks().get(at)?.text.start)?;
        let mut last = None;
        let segments = self.blocks.get(at)?.element.child_nodes();
        for index in 0..segments.length() {
            // A text, or a mark around one, which the ends of the mark that is looked at stand beside.
            let mut text = segments.get(index)?;
            if let Some(child) = text.first_child() {
                text = child;
            }
            while !text.is_instance_of::<Text>() {
                text = text.next_sibling()?;
            }
            let text: Text = text.unchecked_into();
            let length = text.length() as usize;
            if left <= length {
                return Some((text, left as u32));
            }
            left -= length;
            last = Some((text, length as u32));
        }
        last
    }
}

/// The ends of a mark.
const EDGES: [&str; 2] = ["start", "end"];

/// What an end of a mark is dragged by.
fn handle(edge: &str) -> Element {
    let handle = create("span");
    set(&handle, "class", "handle");
    set(&handle, "data-edge", edge);
    handle
}

/// A score as JavaScript writes it: enough digits to be read back as it was; nothing where there is none.
pub(crate) fn score_in_full(score: Option<f32>) -> String {
    score
        .and_then(|score| {
            js_sys::Number::from(f64::from(score))
                .to_string_with_radix(10)
                .ok()
        })
        .map_or_else(String::new, String::from)
}

/// Who a mark is from.
pub(crate) fn source(mark: &Mark) -> &'static str {
    if mark.by_person() { "person" } else { "model" }
}

/// What was decided about it.
pub(crate) fn verdict(mark: &Mark) -> &'static str {
    match mark.verdict {
        Verdict::Open => "open",
        Verdict::Accepted => "accepted",
        Verdict::Rejected => "rejected",
    }
}

/// A score for people.
pub(crate) fn percent(score: f32) -> String {
    format!("{} %", (100.0 * score).round() as u32)
}

/// What is known about a mark, but for its text and type.
pub(crate) fn in_words(mark: &Mark) -> String {
    let score = match mark.score {
        Some(score) => percent(score),
        None => String::from("made by you"),
    };
    match mark.verdict {
        Verdict::Open => score,
        Verdict::Accepted if mark.by_person() => score,
        Verdict::Accepted => format!("{score}, accepted"),
        Verdict::Rejected if mark.by_person() => String::from("rejected"),
        Verdict::Rejected => format!("{score}, rejected"),
    }
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
