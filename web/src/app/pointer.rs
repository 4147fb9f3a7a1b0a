//! Mouse, pen and touch in the note: what is under it, words that are selected, and the ends of a mark that are dragged.

use std::ops::Range;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web::word;
use web_sys::{Element, Node, PointerEvent};

use crate::page::{Mode, Page};

/// An end of a mark that is being dragged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drag {
    mark: u32,
    /// The end that stays where it is.
    fixed: usize,
    /// The unit at the pointer.
    moving: usize,
}

/// Follows the selection: words that are selected in a reviewed note can be made a mark.
pub(crate) fn follow(page: Page) {
    let closure = Closure::<dyn Fn()>::new(move || selected(page));
    document()
        .add_event_listener_with_callback("selectionchange", closure.as_ref().unchecked_ref())
        .expect("the document has events");
    // As long as the page.
    closure.forget();
}

fn selected(page: Page) {
    if page.mode.get_untracked() == Mode::Write {
        caret(page);
        return;
    }
    if page.drag.get_untracked().is_some() {
        return;
    }
    let range = selected_units(page).and_then(|range| {
        page.shown
            .with_untracked(|note| word::snap(note.text(), range))
    });
    if page.selection.get_untracked() != range {
        page.selection.set(range);
    }
}

/// Units of the note that the document's selection holds.
fn selected_units(page: Page) -> Option<Range<usize>> {
    let selection = window().get_selection().ok()??;
    if selection.is_collapsed() {
        return None;
    }
    let unit = |node: Option<Node>, offset: u32| unit_at(page, &node?, offset);
    let anchor = unit(selection.anchor_node(), selection.anchor_offset())?;
    let focus = unit(selection.focus_node(), selection.focus_offset())?;
    (anchor != focus).then(|| anchor.min(focus)..anchor.max(focus))
}

/// The mark at the caret of the text area is the one that is looked at.
fn caret(page: Page) {
    let Some(textarea) = page.textarea.get_untracked() else {
        return;
    };
    let has_focus = document()
        .active_element()
        .is_some_and(|element| element.is_same_node(Some(&textarea)));
    let (Ok(Some(start)), Ok(Some(end))) = (textarea.selection_start(), textarea.selection_end())
    else {
        return;
    };
    if !has_focus {
        return;
    }
    let (start, end) = (start as usize, end as usize);
    let id = page.shown.with_untracked(|note| {
        let at = note.marks().partition_point(|mark| mark.end < start);
        let mark = note.marks().get(at);
        mark.filter(|mark| mark.start <= start && end <= mark.end)
            .map(|mark| mark.id)
    });
    if page.focus.get_untracked() != id {
        page.focus.set(id);
    }
}

/// The unit at a place of the document.
fn unit_at(page: Page, node: &Node, offset: u32) -> Option<usize> {
    page.shown.with_untracked(|note| {
        page.drawing
            .with_value(|drawing| drawing.unit_at(note, node, offset))
    })
}

/// The unit under the pointer.
fn unit_under(page: Page, event: &PointerEvent) -> Option<usize> {
    let (x, y) = (event.client_x() as f32, event.client_y() as f32);
    let (node, offset) = place_under(x, y)?;
    let textarea = page.textarea.get_untracked();
    if textarea.is_some_and(|textarea| textarea.is_same_node(Some(&node))) {
        return Some(offset as usize);
    }
    unit_at(page, &node, offset)
}

/// `caretPositionFromPoint` is the standard; Safari before 18.4 has only the other. In neither the place is none where there is
/// no text.
fn place_under(x: f32, y: f32) -> Option<(Node, u32)> {
    let document: web_sys::Document = document();
    let has = |name: &str| js_sys::Reflect::has(&document, &name.into()).unwrap_or(false);
    if has("caretPositionFromPoint") {
        let place = document.caret_position_from_point(x, y)?;
        return Some((place.offset_node()?, place.offset()));
    }
    if !has("caretRangeFromPoint") {
        return None;
    }
    let method = js_sys::Reflect::get(&document, &"caretRangeFromPoint".into()).ok()?;
    let method: js_sys::Function = method.dyn_into().ok()?;
    let range = method.call2(&document, &x.into(), &y.into()).ok()?;
    let range: web_sys::Range = range.dyn_into().ok()?;
    Some((range.start_container().ok()?, range.start_offset().ok()?))
}

/// The element that an event is about, or one around it.
fn closest(event: &PointerEvent, selector: &str) -> Option<Element> {
    let target: Element = event.target()?.dyn_into().ok()?;
    target.closest(selector).ok()?
}

/// A press on a mark's end takes hold of it; on a mark it looks at it.
pub(crate) fn on_down(page: Page, event: &PointerEvent) {
    if page.mode.get_untracked() == Mode::Write || event.button() != 0 {
        return;
    }
    let Some(mark) = closest(event, "mark") else {
        return;
    };
    let Some(id) = mark.get_attribute("data-id").and_then(|id| id.parse().ok()) else {
        return;
    };
    page.focus.set(Some(id));
    page.hover.set(None);
    let Some(handle) = closest(event, ".handle") else {
        return;
    };
    let at_start = handle.get_attribute("data-edge").as_deref() == Some("start");
    let range = page.shown.with_untracked(|note| {
        let mark = note.marks().iter().find(|mark| mark.id == id);
        mark.map(|mark| mark.range())
    });
    let Some(range) = range else { return };
    let (fixed, moving) = if at_start {
        (range.end, range.start)
    } else {
        (range.start, range.end)
    };
    // No selection begins, and all further events of this pointer come here.
    event.prevent_default();
    let container = page.drawing.with_value(|drawing| drawing.container);
    if let Some(container) = container.get_untracked() {
        // Refused for a pointer that has gone already.
        let _ = container.set_pointer_capture(event.pointer_id());
    }
    page.drag.set(Some(Drag {
        mark: id,
        fixed,
        moving,
    }));
}

/// Moves the end that is held, or shows what is under the pointer.
pub(crate) fn on_move(page: Page, event: &PointerEvent) {
    let unit = unit_under(page, event);
    if let Some(drag) = page.drag.get_untracked() {
        if let Some(moving) = unit.filter(|unit| *unit != drag.moving) {
            let drag = Drag { moving, ..drag };
            page.drag.set(Some(drag));
            if let Some(range) = drag.range(page) {
                page.shown.with_untracked(|note| {
                    page.drawing
                        .with_value(|drawing| drawing.select(note, range));
                });
            }
        }
        return;
    }
    if event.pointer_type() == "touch" {
        return;
    }
    // Whoever selects words wants nothing to float over them.
    let unit = unit.filter(|_| event.buttons() == 0);
    let under = page.shown.with_untracked(|note| {
        let unit = unit?;
        let at = note.marks().partition_point(|mark| mark.end <= unit);
        let mark = note.marks().get(at).filter(|mark| mark.start <= unit)?;
        Some(mark.id)
    });
    if page.hover.get_untracked() != under {
        page.hover.set(under);
    }
}

/// Nothing is under the pointer any more, unless it has gone on to what tells of the mark.
pub(crate) fn on_leave(page: Page, event: &PointerEvent) {
    let next = event.related_target();
    let next = next.and_then(|next| next.dyn_into::<Element>().ok());
    let on_tip = next.is_some_and(|next| next.closest(".tip").ok().flatten().is_some());
    if !on_tip {
        page.hover.set(None);
    }
}

/// Lets go of a mark's end.
pub(crate) fn on_up(page: Page, _event: &PointerEvent) {
    let Some(drag) = page.drag.get_untracked() else {
        return;
    };
    cancel(page);
    if let Some(range) = drag.range(page) {
        page.correct(|review, text| review.resize(drag.mark, range, text));
    }
}

/// Leaves the mark as it was.
pub(crate) fn cancel(page: Page) {
    if page.drag.get_untracked().is_some() {
        page.drag.set(None);
        page.unselect();
    }
}

impl Drag {
    /// Where the mark would be.
    fn range(self, page: Page) -> Option<Range<usize>> {
        let range = self.fixed.min(self.moving)..self.fixed.max(self.moving);
        if range.is_empty() {
            return None;
        }
        page.shown
            .with_untracked(|note| word::snap(note.text(), range))
    }
}
