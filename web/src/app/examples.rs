//! Notes to try the page with. All are invented.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{FocusOptions, HtmlDocument};

use crate::page::Page;

const EXAMPLES: [(&str, &str); 3] = [
    (
        "Clinic letter",
        "Dear Dr Whitlock,

Thank you for referring this 33-year-old teacher, who has had irregular periods since she stopped the pill two years ago. Her \
cycles run from 34 to 61 days. She reports heavy menstrual bleeding, severe cramps on day 1 and pain during intercourse; she \
denies hot flashes and galactorrhea.

Day 3 FSH was 6.8 IU/L, estradiol 41 pg/mL and AMH 4.9 ng/mL; TSH and prolactin were normal. Transvaginal ultrasound showed \
polycystic ovaries with an antral follicle count of 31, an endometrial thickness of 9 mm and an intramural fibroid of 14 mm. \
There was no free fluid.

She will start metformin 500 mg twice daily and folic acid. If she does not ovulate on letrozole we will arrange a \
hysterosalpingogram and a semen analysis before IUI.

With kind regards,
Dr A. Marsh",
    ),
    (
        "IVF cycle sheet",
        "IVF cycle 2, antagonist protocol

D2\tscan: AFC 14, thin endometrium 3.1 mm, no ovarian cyst. Start Gonal-F 225 + Menopur 75
S6\tE2 812 pg/mL, LH 1.9. Dominant follicle 13 mm. Add Cetrotide 0.25 mg
S9\tE2 2140, P4 0.8. Trilaminar lining 9.4 mm. c/o bloating, headache, breast tenderness
S11\thCG trigger 22:30, egg retrieval Thursday 10:30
Post-op: mild nausea, no shortness of breath. Small amount of free fluid in the pouch of Douglas.
Plan: progesterone in oil 50 mg from tomorrow, embryo transfer on day 5; if the lining stays thin, freeze all and FET.",
    ),
    (
        "Patient message",
        "Hi, it's Ines (Thursday clinic). My periods are all over the place again 😩 nine days of spotting, then such bad cramps \
that I couldn't stand up. I've been taking ibuprofen and tranexamic acid like you said, but I still feel dizzy and I'm so tired.

The scan last month found a cyst on the left ovary and the nurse mentioned my progesterone was low?? Do I need another blood \
test, or the laparoscopy we talked about? I also stopped the birth control pills because of the mood swings and the acne.

Thanks, Ines",
    ),
];

/// What an empty note offers.
#[component]
pub(crate) fn Examples(page: Page) -> impl IntoView {
    view! {
        <div class="examples" role="group" aria-label="Example notes">
            <span class="quiet" aria-hidden="true">
                "Or try an invented one:"
            </span>
            {EXAMPLES
                .map(|(name, text)| {
                    view! {
                        <button type="button" on:click=move |_| replace(page, text)>
                            {name}
                        </button>
                    }
                })
                .into_view()}
        </div>
    }
}

/// Replaces the note the way typing does, so that the browser's undo brings back what stood there.
pub(crate) fn replace(page: Page, text: &str) {
    let Some(textarea) = page.textarea.get_untracked() else {
        return;
    };
    let options = FocusOptions::new();
    options.set_prevent_scroll(true);
    textarea
        .focus_with_options(&options)
        .expect("a text area takes the focus");
    textarea.select();
    let document: HtmlDocument = document().unchecked_into();
    let command = if text.is_empty() {
        "delete"
    } else {
        "insertText"
    };
    let done = document.exec_command_with_show_ui_and_value(command, false, text);
    if !done.unwrap_or(false) {
        textarea.set_value(text);
        page.edited(text);
    }
    textarea
        .set_selection_range(0, 0)
        .expect("a text area has a selection");
    if !text.is_empty() {
        // A phone's keyboard would cover the findings.
        textarea.blur().expect("a text area gives back the focus");
    }
}
