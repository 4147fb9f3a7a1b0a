//! Precision, recall and F1.

use std::sync::Arc;

use leptos::prelude::*;
use web::protocol::evaluation::{self, Measures, Results};

#[component]
pub(super) fn Scores(results: Arc<Results>) -> impl IntoView {
    let rows = results
        .types
        .iter()
        .map(|of_type| row(of_type.name.clone(), of_type.scores))
        .collect_view();
    view! {
        <div class="part">
            <h3>"Scores"</h3>
            <p class="quiet">
                "Strict: right is what has exactly the marked words and type. Overlap: right is what shares a word with a marked \
                entity of its type. Behind F1 stand the ends of its 95 % interval, by a bootstrap over documents: where there are \
                few entities, they lie far apart."
            </p>
            <div class="wide" role="region" aria-label="Scores" tabindex="0">
                <table data-testid="evaluation-scores">
                    <thead>
                        <tr>
                            <td colspan="3"></td>
                            <th scope="colgroup" colspan="4">"Strict"</th>
                            <th scope="colgroup" colspan="4">"Overlap"</th>
                        </tr>
                        <tr>
                            <th scope="col">"Type"</th>
                            <th scope="col" class="number">"Marked"</th>
                            <th scope="col" class="number">"Found"</th>
                            {heads()}
                            {heads()}
                        </tr>
                    </thead>
                    <tbody>
                        {rows}
                        {row("All types".to_owned(), results.overall)}
                    </tbody>
                </table>
            </div>
        </div>
    }
}

fn heads() -> impl IntoView {
    ["Precision", "Recall", "F1", "95 %"].map(|name| {
        view! {
            <th scope="col" class="number">
                {name}
            </th>
        }
    })
}

fn row(name: String, scores: evaluation::Scores) -> impl IntoView {
    let entity = name.clone();
    view! {
        <tr data-entity=entity>
            <th scope="row">{name}</th>
            <td class="number">{scores.support}</td>
            <td class="number">{scores.predicted}</td>
            {measures(scores.strict)}
            {measures(scores.overlap)}
        </tr>
    }
}

fn measures(measures: Measures) -> impl IntoView {
    let [low, high] = measures.interval;
    [
        in_three(measures.precision),
        in_three(measures.recall),
        in_three(measures.f1),
        format!("{}–{}", in_three(low), in_three(high)),
    ]
    .map(|text| view! { <td class="number">{text}</td> })
}

/// A share with three decimals, which is more than an interval leaves certain.
pub(super) fn in_three(share: f64) -> String {
    format!("{share:.3}")
}
