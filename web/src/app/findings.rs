//! The table of entities.

use leptos::prelude::*;
use web::highlight::Mark;
use web_sys::FocusOptions;

use crate::editor::score_in_full;
use crate::page::Page;
use crate::stage::Stage;

/// Rows that a table shows at first: a very long note has ten thousands of entities.
const ROWS: usize = 500;

#[component]
pub(crate) fn Findings(page: Page) -> impl IntoView {
    let count = Memo::new(move |_| page.note.with(|note| note.marks().len()));
    let all = RwSignal::new(false);
    let limit = move || if all.get() { usize::MAX } else { ROWS };
    let shown = move || {
        page.note.with(|note| {
            note.marks()
                .iter()
                .take(limit())
                .map(|mark| mark.id)
                .collect::<Vec<_>>()
        })
    };
    let no_text = Memo::new(move |_| page.note.with(|note| note.text().is_empty()));
    let nothing = move || match (
        no_text.get(),
        page.stage.with(|stage| *stage == Stage::Ready),
    ) {
        (true, _) => "Findings appear here as soon as there is a note.",
        (false, true) => "Nothing of these kinds was found in the note.",
        (false, false) => "No findings yet.",
    };
    view! {
        <section class="card findings" aria-labelledby="findings-title">
            <h2 id="findings-title">
                "Findings " <span class="count">{count}</span>
            </h2>
            <p class="quiet" hidden=move || 0 < count.get()>
                {nothing}
            </p>
            <table data-testid="findings" hidden=move || count.get() == 0>
                <thead>
                    <tr>
                        <th scope="col">"Text"</th>
                        <th scope="col">"Type"</th>
                        <th scope="col" class="number">
                            "Score"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    <For each=shown key=|id| *id children=move |id| view! { <Row page id /> } />
                </tbody>
            </table>
            <button type="button" class="more" hidden=move || count.get() <= limit() on:click=move |_| all.set(true)>
                "Show all " {count}
            </button>
        </section>
    }
}

#[component]
fn Row(page: Page, id: u32) -> impl IntoView {
    let mark = Memo::new(move |_| {
        page.note
            .with(|note| note.marks().iter().find(|mark| mark.id == id).cloned())
    });
    let (text, kind) = page.note.with_untracked(|note| {
        let mark = note.marks().iter().find(|mark| mark.id == id);
        mark.map_or_else(Default::default, |mark| {
            (note.slice(mark.start..mark.end), mark.kind)
        })
    });
    let kind = page
        .model
        .with_untracked(|model| model.as_ref()?.types.get(kind).cloned())
        .unwrap_or_default();
    let entity = kind.clone();
    // An entity that has gone keeps its row for the rest of this turn.
    let of = move |what: fn(&Mark) -> String| move || mark.with(|mark| mark.as_ref().map(what));
    view! {
        <tr
            data-entity=entity
            data-start=of(|mark| mark.start.to_string())
            data-end=of(|mark| mark.end.to_string())
            data-score=of(|mark| score_in_full(mark.score))
            on:click=move |_| select(page, id)
        >
            <td>
                <button type="button" title="Select in the note">
                    {text}
                </button>
            </td>
            <td class="kind">{kind}</td>
            <td class="number">{of(|mark| format!("{} %", (100.0 * mark.score).round() as u32))}</td>
        </tr>
    }
}

/// Selects an entity in the note and brings it into view.
fn select(page: Page, id: u32) {
    page.note.with_untracked(|note| {
        let Some(index) = note.marks().iter().position(|mark| mark.id == id) else {
            return;
        };
        let (start, end) = (
            note.marks()[index].start as u32,
            note.marks()[index].end as u32,
        );
        if let Some(textarea) = page.textarea.get_untracked() {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            textarea
                .focus_with_options(&options)
                .expect("a text area takes the focus");
            textarea
                .set_selection_range(start, end)
                .expect("a text area has a selection");
        }
        page.backdrop
            .with_value(|backdrop| backdrop.show(note, index));
    });
}
