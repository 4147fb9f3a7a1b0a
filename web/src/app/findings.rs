//! The table of entities.

use leptos::ev;
use leptos::prelude::*;
use web::mark::Mark;
use web_sys::FocusOptions;

use crate::drawing::{in_words, percent, score_in_full, source, verdict};
use crate::page::{Mode, Page};
use crate::stage::Stage;

/// Rows that the table shows at first: all of them follow every edit, and a very long note has ten thousands.
const ROWS: usize = 100;

/// What the rows are in the order of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Where they stand.
    Place,
    Text,
    Type,
    Score,
}

/// A row: a type with its count, or a mark of the note with that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Line {
    Group { kind: usize, count: usize },
    Mark { note: u32, id: u32 },
}

#[component]
pub(crate) fn Findings(page: Page) -> impl IntoView {
    let count = Memo::new(move |_| {
        page.shown
            .with(|note| note.marks().iter().filter(|mark| mark.stands()).count())
    });
    let all = RwSignal::new(false);
    let order = RwSignal::new(Order::Place);
    let backwards = RwSignal::new(false);
    let grouped = RwSignal::new(false);
    // Nothing is left out on paper.
    let printing = RwSignal::new(false);
    let listeners = [
        window_event_listener(ev::beforeprint, move |_| printing.set(true)),
        window_event_listener(ev::afterprint, move |_| printing.set(false)),
    ];
    on_cleanup(move || listeners.into_iter().for_each(|listener| listener.remove()));
    Effect::new(move |_| {
        page.open.track();
        all.set(false);
    });
    let limit = move || {
        if all.get() || printing.get() {
            usize::MAX
        } else {
            ROWS
        }
    };
    let lines = move || lines(page, order.get(), backwards.get(), grouped.get(), limit());
    let no_text = Memo::new(move |_| page.shown.with(|note| note.text().is_empty()));
    let nothing = move || match (
        no_text.get(),
        page.stage.with(|stage| *stage == Stage::Ready),
    ) {
        (true, _) => "Findings appear here as soon as there is a note.",
        (false, true) => "Nothing of the types and scores that are shown was found in the note.",
        (false, false) => "No findings yet.",
    };
    let heading = move |of: Order, name: &'static str, class: &'static str| {
        let sorted = move || match (order.get() == of, backwards.get()) {
            (false, _) => "none",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        let sort = move |_| {
            if order.get_untracked() != of {
                order.set(of);
                // The surest first.
                backwards.set(of == Order::Score);
            } else if backwards.get_untracked() == (of == Order::Score) {
                backwards.update(|backwards| *backwards = !*backwards);
            } else {
                order.set(Order::Place);
                backwards.set(false);
            }
        };
        view! {
            <th scope="col" class=class aria-sort=sorted>
                <button type="button" title="Sort; a third time brings back the order of the text" on:click=sort>
                    {name}
                </button>
            </th>
        }
    };
    view! {
        <section class="card findings" aria-labelledby="findings-title">
            <div class="findings-head">
                <h2 id="findings-title">
                    "Findings " <span class="count">{count}</span>
                </h2>
                <label class="switch" hidden=move || count.get() == 0>
                    <input
                        type="checkbox"
                        data-testid="grouped"
                        prop:checked=grouped
                        on:change=move |event| grouped.set(event_target_checked(&event))
                    />
                    "By type"
                </label>
            </div>
            <p class="quiet" hidden=move || 0 < count.get()>
                {nothing}
            </p>
            <table data-testid="findings" hidden=move || count.get() == 0>
                <thead>
                    <tr>
                        {heading(Order::Text, "Text", "")} {heading(Order::Type, "Type", "")}
                        {heading(Order::Score, "Score", "number")}
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=lines
                        key=|line| *line
                        children=move |line| match line {
                            Line::Group { kind, count } => view! { <Group page kind count /> }.into_any(),
                            Line::Mark { id, .. } => view! { <Row page id /> }.into_any(),
                        }
                    />
                </tbody>
            </table>
            <button type="button" class="more" hidden=move || count.get() <= limit() on:click=move |_| all.set(true)>
                "Show all " {count}
            </button>
        </section>
    }
}

/// The rows of the open note.
fn lines(page: Page, order: Order, backwards: bool, grouped: bool, limit: usize) -> Vec<Line> {
    let note = page.open.get();
    let types = page.types();
    page.shown.with(|shown| {
        let mut marks: Vec<&Mark> = shown.marks().iter().filter(|mark| mark.stands()).collect();
        // All sorts are stable: what is equal stays in the order of the text.
        match order {
            Order::Place => {}
            Order::Text => {
                marks.sort_by_cached_key(|mark| shown.slice(mark.range()).to_lowercase())
            }
            Order::Type => marks.sort_by_key(|mark| types.get(mark.kind)),
            // What a person says is sure.
            Order::Score => marks.sort_by(|a, b| {
                let [a, b] = [a, b].map(|mark| mark.score.unwrap_or(1.0));
                a.total_cmp(&b)
            }),
        }
        if backwards {
            marks.reverse();
        }
        let line = |mark: &&Mark| Line::Mark { note, id: mark.id };
        if !grouped {
            return marks.iter().take(limit).map(line).collect();
        }
        let mut lines = Vec::with_capacity(marks.len() + types.len());
        for kind in 0..types.len() {
            let of_kind: Vec<_> = marks.iter().filter(|mark| mark.kind == kind).collect();
            if !of_kind.is_empty() {
                let count = of_kind.len();
                lines.push(Line::Group { kind, count });
                lines.extend(of_kind.into_iter().map(line));
            }
        }
        lines.truncate(limit);
        lines
    })
}

#[component]
fn Group(page: Page, kind: usize, count: usize) -> impl IntoView {
    let name = page.types().get(kind).cloned().unwrap_or_default();
    view! {
        <tr class="group">
            // Not a heading: every row has its type all the same.
            <td colspan="3" data-group=name.clone()>
                {name.clone()}
                " "
                <span class="count">{count}</span>
            </td>
        </tr>
    }
}

#[component]
fn Row(page: Page, id: u32) -> impl IntoView {
    let mark = Memo::new(move |_| {
        page.shown
            .with(|note| note.marks().iter().find(|mark| mark.id == id).cloned())
    });
    // An entity that has gone keeps its row for the rest of this turn.
    let of = move |what: fn(&Mark) -> String| move || mark.with(|mark| mark.as_ref().map(what));
    let text = move || {
        mark.with(|mark| {
            let range = mark.as_ref()?.range();
            page.shown
                .with(|note| (range.end <= note.text().len()).then(|| note.slice(range)))
        })
    };
    let kind = Memo::new(move |_| {
        let kind = mark.with(|mark| mark.as_ref().map(|mark| mark.kind))?;
        page.types().get(kind).cloned()
    });
    view! {
        <tr
            data-entity=kind
            data-start=of(|mark| mark.start.to_string())
            data-end=of(|mark| mark.end.to_string())
            data-score=of(|mark| score_in_full(mark.score))
            data-source=of(|mark| source(mark).to_owned())
            data-verdict=of(|mark| verdict(mark).to_owned())
            on:click=move |_| select(page, id)
        >
            <td>
                <button type="button" title="Show in the note">
                    {text}
                </button>
            </td>
            <td class="kind">{kind}</td>
            <td class="number" title=of(in_words)>
                {of(|mark| mark.score.map_or_else(|| String::from("you"), percent))}
            </td>
        </tr>
    }
}

/// Selects an entity in the note and brings it into view.
fn select(page: Page, id: u32) {
    let found = page.shown.with_untracked(|note| {
        let index = note.marks().iter().position(|mark| mark.id == id)?;
        Some((index, note.marks()[index].range()))
    });
    let Some((index, range)) = found else { return };
    page.focus.set(Some(id));
    if page.mode.get_untracked() == Mode::Review {
        page.focus_mark();
    } else if let Some(textarea) = page.textarea.get_untracked() {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        textarea
            .focus_with_options(&options)
            .expect("a text area takes the focus");
        textarea
            .set_selection_range(range.start as u32, range.end as u32)
            .expect("a text area has a selection");
    }
    page.drawing.with_value(|drawing| drawing.show(index));
}
