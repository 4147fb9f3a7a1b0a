//! What the colours mean, how many entities of each type the note has, and which of them are shown.

use leptos::prelude::*;
use web::kind;

use crate::drawing::percent;
use crate::page::Page;

#[component]
pub(crate) fn Legend(page: Page) -> impl IntoView {
    // Until a model is there, the annotation guide's types; a model may have others.
    let types = Memo::new(move |_| {
        let types = page.types.get();
        if !types.is_empty() {
            return types;
        }
        let guide = kind::GUIDE.iter();
        guide.map(|kind| kind.name.to_owned()).collect()
    });
    let counts = Memo::new(move |_| {
        let open = page.open.get();
        page.list.with(|list| {
            let line = list.iter().find(|line| line.key == open);
            line.map(|line| line.counts.clone()).unwrap_or_default()
        })
    });
    let count = move |kind: usize| {
        counts
            .with(|counts| counts.get(kind).copied().unwrap_or(0))
            .to_string()
    };
    let some_hidden = move || page.hidden.with(|hidden| !hidden.is_empty());
    view! {
        <section class="card" aria-labelledby="legend-title">
            <h2 id="legend-title">"Types"</h2>
            <ul class="legend" data-testid="legend">
                <For
                    each=move || types.get().into_iter().enumerate()
                    key=|(index, name)| (*index, name.clone())
                    children=move |(index, name)| {
                        let (code, gloss, entity) = (kind::code(&name).to_owned(), kind::gloss(&name), name.clone());
                        let shown = move || page.hidden.with(|hidden| !hidden.contains(&index)).to_string();
                        view! {
                            <li data-entity=entity data-count=move || count(index)>
                                <button type="button" aria-pressed=shown title="Show or hide" on:click=move |_| toggle(page, index)>
                                    <span class="code" aria-hidden="true">
                                        {code}
                                    </span>
                                    <span class="name">{name}</span>
                                    <span class="gloss">{gloss}</span>
                                    <span class="count">{move || count(index)}</span>
                                </button>
                            </li>
                        }
                    }
                />
            </ul>
            <p class="quiet" hidden=move || !some_hidden()>
                "Hidden types are still exported."
            </p>
            <Threshold page />
        </section>
    }
}

fn toggle(page: Page, kind: usize) {
    page.hidden.update(|hidden| {
        if !hidden.remove(&kind) {
            hidden.insert(kind);
        }
    });
    page.refresh();
}

#[component]
fn Threshold(page: Page) -> impl IntoView {
    let least = move || {
        page.model
            .with(|model| model.as_ref().map_or(0.0, |model| model.least_score))
    };
    let in_percent = |score: f32| (100.0 * score).round().to_string();
    view! {
        <div class="threshold">
            <label for="threshold">
                "Least score " <output>{move || percent(page.threshold.get())}</output>
            </label>
            <input
                id="threshold"
                data-testid="threshold"
                type="range"
                min=move || in_percent(least())
                max="99"
                step="1"
                disabled=move || page.model.with(Option::is_none)
                aria-describedby="threshold-hint"
                prop:value=move || in_percent(page.threshold.get())
                on:input=move |event| {
                    if let Ok(value) = event_target_value(&event).parse::<f32>() {
                        page.threshold.set((value / 100.0).max(untrack(least)));
                        page.refresh();
                        page.list_all();
                    }
                }
            />
            <p id="threshold-hint" class="quiet">
                "Marks that the model is less sure of are left out, of exports too."
            </p>
        </div>
    }
}
