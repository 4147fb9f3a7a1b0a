//! The open note: a text area over a backdrop that draws the marks, or, where it is reviewed, the backdrop alone.
//!
//! Both lie in one grid cell with the same font and padding. The backdrop holds the same text, so it makes the cell as high as
//! the text needs, and neither scrolls by itself. Of the text area only the letters are visible, of the backdrop behind it only
//! the marks.

use leptos::prelude::*;

use crate::examples::Examples;
use crate::page::{Mode, Page};
use crate::pointer;
use crate::reviewing;

#[component]
pub(crate) fn Editor(page: Page) -> impl IntoView {
    let reviewed = Memo::new(move |_| page.mode.get() == Mode::Review);
    let empty = Memo::new(move |_| page.shown.with(|note| note.text().is_empty()));
    let no_marks = Memo::new(move |_| page.shown.with(|note| note.marks().is_empty()));
    // What is behind the text area is there for the eyes only: the text area says the same.
    let if_reviewed = move |value: &'static str| move || reviewed.get().then_some(value);
    reviewing::follow(page);
    pointer::follow(page);
    // Browsers' own help with writing may send the text away (Chrome's enhanced spell check does), so it is off. `translate`
    // is off for the whole page in index.html.
    view! {
        <div class="paper" class:reviewed=reviewed>
            <div
                class="backdrop"
                data-testid="review"
                role=if_reviewed("group")
                aria-label=if_reviewed("The note. Arrow keys go from mark to mark.")
                aria-describedby=if_reviewed("keys-hint")
                aria-hidden=move || (!reviewed.get()).then_some("true")
                tabindex=move || reviewed.get().then(|| if no_marks.get() { "0" } else { "-1" })
                node_ref=page.drawing.with_value(|drawing| drawing.container)
                on:keydown=move |event| reviewing::on_key(page, &event)
                on:focusin=move |event| reviewing::on_focus(page, &event)
                on:pointerdown=move |event| pointer::on_down(page, &event)
                on:pointermove=move |event| pointer::on_move(page, &event)
                on:pointerup=move |event| pointer::on_up(page, &event)
                on:pointercancel=move |_| pointer::cancel(page)
                on:pointerleave=move |event| pointer::on_leave(page, &event)
            ></div>
            <textarea
                id="note"
                data-testid="note"
                hidden=reviewed
                placeholder="Paste or type a note, for example: Patient reports irregular periods and low estrogen."
                autocomplete="off"
                spellcheck="false"
                data-gramm="false"
                aria-describedby="status"
                node_ref=page.textarea
                on:input=move |event| page.edited(&event_target_value(&event))
                on:pointermove=move |event| pointer::on_move(page, &event)
                on:pointerleave=move |event| pointer::on_leave(page, &event)
            ></textarea>
            <div class="blank" hidden=move || !empty.get()>
                <Examples page />
            </div>
        </div>
    }
}
