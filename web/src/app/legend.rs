//! What the colours mean, and how many entities of each type the note has.

use leptos::prelude::*;
use web::kind;

use crate::page::Page;

#[component]
pub(crate) fn Legend(page: Page) -> impl IntoView {
    // Until a model is there, the annotation guide's types; a model may have others.
    let types = Memo::new(move |_| {
        match page
            .model
            .with(|model| model.as_ref().map(|model| model.types.clone()))
        {
            Some(types) => types,
            None => kind::GUIDE
                .iter()
                .map(|kind| kind.name.to_owned())
                .collect(),
        }
    });
    let counts = Memo::new(move |_| {
        let mut counts = vec![0_u32; types.with(Vec::len)];
        page.note.with(|note| {
            for mark in note.marks() {
                if let Some(count) = counts.get_mut(mark.kind) {
                    *count += 1;
                }
            }
        });
        counts
    });
    let count = move |kind: usize| {
        counts
            .with(|counts| counts.get(kind).copied().unwrap_or(0))
            .to_string()
    };
    view! {
        <section class="card" aria-labelledby="legend-title">
            <h2 id="legend-title">"Types"</h2>
            <ul class="legend" data-testid="legend">
                <For
                    each=move || types.get().into_iter().enumerate()
                    key=|(_, name)| name.clone()
                    children=move |(index, name)| {
                        let (code, gloss, entity) = (kind::code(&name).to_owned(), kind::gloss(&name), name.clone());
                        view! {
                            <li data-entity=entity data-count=move || count(index)>
                                <span class="code" aria-hidden="true">
                                    {code}
                                </span>
                                <span class="name">{name}</span>
                                <span class="gloss">{gloss}</span>
                                <span class="count">{move || count(index)}</span>
                            </li>
                        }
                    }
                />
            </ul>
        </section>
    }
}
