//! The mark that is looked at: what is known about it, and what can be made of it.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use web::kind;
use web::mark::{Mark, Verdict};

use crate::drawing::{in_words, percent};
use crate::page::{Mode, Page};
use crate::reviewing::{Action, Edge, Step, act_by_button};

/// Write or review, and what can be undone.
#[component]
pub(crate) fn Modes(page: Page) -> impl IntoView {
    let empty = Memo::new(move |_| page.shown.with(|note| note.text().is_empty()));
    let button = move |mode: Mode, name: &'static str, title: &'static str| {
        let pressed = move || (page.mode.get() == mode).to_string();
        let nothing = move || mode == Mode::Review && empty.get();
        view! {
            <button type="button" title=title aria-pressed=pressed disabled=nothing on:click=move |_| set_mode(page, mode)>
                {name}
            </button>
        }
    };
    view! {
        <div class="modes" role="group" aria-label="What to do with the note">
            {button(Mode::Write, "Write", "Type and edit the note")}
            {button(Mode::Review, "Review", "Correct the marks; the text stays as it is")}
        </div>
    }
}

fn set_mode(page: Page, mode: Mode) {
    page.mode.set(mode);
    // What is drawn follows with the effects; then there is something to focus.
    request_animation_frame(move || match mode {
        Mode::Write => {
            if let Some(textarea) = page.textarea.get_untracked() {
                let _ = textarea.focus();
            }
        }
        Mode::Review => {
            if page.focus.get_untracked().is_none() {
                let first = page
                    .shown
                    .with_untracked(|note| note.marks().first().map(|mark| mark.id));
                page.focus.set(first);
            }
            page.focus_mark();
        }
    });
}

/// The tools of a review. They stay in sight while a long note scrolls by.
#[component]
pub(crate) fn Inspector(page: Page) -> impl IntoView {
    let reviewed = move || page.mode.get() == Mode::Review;
    let mark = Memo::new(move |_| page.focused());
    let text = move || {
        page.shown.with(|note| {
            let range = match (page.selection.get(), mark.get()) {
                (Some(range), _) => range,
                (None, Some(mark)) => mark.range(),
                (None, None) => return String::new(),
            };
            if range.end <= note.text().len() {
                note.slice(range)
            } else {
                String::new()
            }
        })
    };
    let selecting = Memo::new(move |_| page.selection.with(Option::is_some));
    let nothing = move || mark.with(Option::is_none) && !selecting.get();
    let about = move || match (selecting.get(), mark.get()) {
        (true, _) => String::from("Selected: choose a type to mark it"),
        (false, Some(mark)) => format!("{} · {}", name_of(page, &mark), describe(page, &mark)),
        (false, None) if page.shown.with(|note| note.marks().is_empty()) => {
            String::from("No marks yet. Select words to add one.")
        }
        (false, None) => String::from("Choose a mark, or select words to add one."),
    };
    let entity = move || mark.get().map(|mark| name_of(page, &mark));
    let is = move |verdict: Verdict| {
        mark.with(|mark| mark.as_ref().is_some_and(|mark| mark.verdict == verdict))
    };
    let no_mark = move || mark.with(Option::is_none) || selecting.get();
    let tool = move |name: &'static str, key: &'static str, action: Action, off: Signal<bool>| {
        view! {
            <button type="button" disabled=off on:click=move |_| act_by_button(page, action)>
                {name}
                <kbd aria-hidden="true">{key}</kbd>
            </button>
        }
    };
    let step = move |name: &'static str, sign: &'static str, action: Action, off: Signal<bool>| {
        view! {
            <button type="button" aria-label=name title=name disabled=off on:click=move |_| act_by_button(page, action)>
                {sign}
            </button>
        }
    };
    let size = move |label: &'static str, sign: &'static str, edge: Edge, step: Step| {
        view! {
            <button
                type="button"
                aria-label=label
                title=label
                disabled=no_mark
                on:click=move |_| act_by_button(page, Action::Resize(edge, step))
            >
                {sign}
            </button>
        }
    };
    view! {
        <section class="inspector" aria-label="The chosen mark" data-testid="inspector" hidden=move || !reviewed()>
            <p class="chosen" data-entity=entity>
                <strong hidden=nothing>{text}</strong>
                <span class="quiet">{about}</span>
            </p>
            <div class="tools">
                {tool("Accept", "a", Action::Accept, Signal::derive(move || no_mark() || is(Verdict::Accepted)))}
                {tool("Reject", "x", Action::Reject, Signal::derive(move || no_mark() || is(Verdict::Rejected)))}
                {tool("Reset", "r", Action::Reset, Signal::derive(move || no_mark() || is(Verdict::Open)))}
            </div>
            <div class="tools steps">
                {step("Undo", "↶", Action::Undo, Signal::derive(move || !page.steps.get().0))}
                {step("Redo", "↷", Action::Redo, Signal::derive(move || !page.steps.get().1))}
                <button type="button" class="keys" on:click=move |_| page.help.set(true)>
                    "Keys"
                    <kbd aria-hidden="true">"?"</kbd>
                </button>
            </div>
            <div class="tools sizes" role="group" aria-label="Start and end">
                <span class="quiet" aria-hidden="true">"Start"</span>
                {size("Start one word earlier", "◂", Edge::Start, Step::Back)}
                {size("Start one word later", "▸", Edge::Start, Step::On)}
                <span class="quiet" aria-hidden="true">"End"</span>
                {size("End one word earlier", "◂", Edge::End, Step::Back)}
                {size("End one word later", "▸", Edge::End, Step::On)}
            </div>
            <Types page mark />
            <p id="keys-hint" class="unseen">
                "a accepts, x rejects, digits choose a type, question mark explains all keys."
            </p>
        </section>
    }
}

#[component]
fn Types(page: Page, mark: Memo<Option<Mark>>) -> impl IntoView {
    let types = move || page.types.get().into_iter().enumerate().collect::<Vec<_>>();
    let off = move || mark.with(Option::is_none) && page.selection.with(Option::is_none);
    // Where the row is longer than the screen, it can be pushed along by keyboard even while none of its buttons can be reached.
    let reachable = move || off().then_some("0");
    view! {
        <div class="tools types" role="group" aria-label="Type" tabindex=reachable>
            <For each=types key=|(index, name)| (*index, name.clone()) children=move |(index, name)| {
                let pressed = move || {
                    let of_mark = mark.with(|mark| mark.as_ref().is_some_and(|mark| mark.kind == index));
                    (of_mark && page.selection.with(Option::is_none)).to_string()
                };
                view! {
                    <button
                        type="button"
                        data-entity=name.clone()
                        title=kind::gloss(&name)
                        aria-pressed=pressed
                        disabled=off
                        // The words stay selected.
                        on:mousedown=|event| event.prevent_default()
                        on:click=move |_| act_by_button(page, Action::Label(index))
                    >
                        {name.clone()}
                        <kbd aria-hidden="true">{(index < 9).then_some(index + 1)}</kbd>
                    </button>
                }
            } />
        </div>
    }
}

fn name_of(page: Page, mark: &Mark) -> String {
    page.types().get(mark.kind).cloned().unwrap_or_default()
}

/// Score, what was decided, and where it is, counted in characters as files do.
fn describe(page: Page, mark: &Mark) -> String {
    let (start, end) = page.code_points(mark);
    format!("{} · characters {start} to {end}", in_words(mark))
}

/// What is under the pointer, beside it. The pointer can go on to it, and the escape key takes it away (WCAG 1.4.13).
#[component]
pub(crate) fn Tip(page: Page) -> impl IntoView {
    let tip = NodeRef::<html::Div>::new();
    let listener = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" {
            page.hover.set(None);
        }
    });
    on_cleanup(move || listener.remove());
    let mark = Memo::new(move |_| {
        let id = page.hover.get()?;
        page.shown.with(|note| {
            note.marks()
                .iter()
                .position(|mark| mark.id == id)
                .map(|at| (at, note.marks()[at].clone()))
        })
    });
    Effect::new(move |_| {
        let (Some((at, _)), Some(tip)) = (mark.get(), tip.get()) else {
            return;
        };
        let Some(element) = page.drawing.with_value(|drawing| drawing.element(at)) else {
            return;
        };
        let place = element.get_bounding_client_rect();
        let room = window()
            .inner_width()
            .ok()
            .and_then(|width| width.as_f64())
            .unwrap_or(0.0);
        let left = place
            .left()
            .min(room - f64::from(tip.offset_width()) - 8.0)
            .max(8.0);
        // Set by property: the page's policy allows no style attributes in markup.
        let style = web_sys::HtmlElement::style(&tip);
        for (property, value) in [("left", left), ("top", place.bottom() + 6.0)] {
            style
                .set_property(property, &format!("{value}px"))
                .expect("a length");
        }
    });
    let words = move || {
        mark.get().map(|(_, mark)| {
            let (start, end) = page.code_points(&mark);
            let score = mark.score.map_or_else(
                || String::from("made by you"),
                |score| format!("score {}", percent(score)),
            );
            let verdict = match mark.verdict {
                Verdict::Open => "",
                Verdict::Accepted => ", accepted",
                Verdict::Rejected => ", rejected",
            };
            (
                name_of(page, &mark),
                format!("{score}{verdict} · characters {start} to {end}"),
            )
        })
    };
    let entity = move || words().map(|(name, _)| name);
    view! {
        <div
            class="tip"
            aria-hidden="true"
            data-testid="tip"
            data-entity=entity
            hidden=move || mark.with(Option::is_none)
            node_ref=tip
            on:pointerleave=move |_| page.hover.set(None)
            // The next press is for what lies behind.
            on:pointerdown=move |_| page.hover.set(None)
        >
            <strong>{entity}</strong>
            " "
            {move || words().map(|(_, words)| words)}
        </div>
    }
}

/// What the keys do.
#[component]
pub(crate) fn Help(page: Page) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            match (page.help.get(), dialog.open()) {
                (true, false) => dialog
                    .show_modal()
                    .expect("a closed dialog of the document opens"),
                (false, true) => dialog.close(),
                _ => {}
            }
        }
    });
    let key = |keys: &'static str, what: &'static str| {
        view! {
            <div>
                <dt>{keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view()}</dt>
                <dd>{what}</dd>
            </div>
        }
    };
    view! {
        <dialog class="help" aria-labelledby="help-title" data-testid="help" node_ref=dialog on:close=move |_| page.help.set(false)>
            <h2 id="help-title">"Keys of the review"</h2>
            <p class="quiet">"They work while the focus is in the note."</p>
            <dl>
                {key("← →", "Go to the mark before or after")}
                {key("a", "Accept it, and go on to the next that is open")}
                {key("x", "Reject it, and go on")}
                {key("1 … 9", "Give it the type of that number, or mark the selected words")}
                {key("r", "Take the decision back")}
                {key("Shift ← →", "Move its end by a word")}
                {key("Shift ↑ ↓", "Move its start by a word")}
                {key("n", "Select a word; arrows move on, Shift with arrows takes in more")}
                {key("Ctrl Z", "Undo")}
                {key("Ctrl Y", "Redo")}
                {key("Enter", "Go to the buttons")}
                {key("Esc", "Select nothing")}
                {key("?", "This help")}
            </dl>
            <label class="switch">
                <input
                    type="checkbox"
                    prop:checked=page.single_keys
                    on:change=move |event| page.single_keys.set(event_target_checked(&event))
                />
                "Keys without Ctrl correct marks"
            </label>
            <form method="dialog">
                <button>"Close"</button>
            </form>
        </dialog>
    }
}
