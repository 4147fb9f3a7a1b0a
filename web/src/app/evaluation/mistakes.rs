//! The documents with the most mistakes, and what is wrong in them.

use leptos::prelude::*;
use web::pieces::Piece;
use web::protocol::evaluation::{Example, Marked, Mistake, MistakeKind};

use super::counted;

#[component]
pub(super) fn Mistakes(worst: Vec<Example>) -> impl IntoView {
    let shown = if worst.is_empty() {
        view! { <p>"There is no mistake: every marked entity was found, and nothing else."</p> }
            .into_any()
    } else {
        view! {
            <p class="quiet">
                "The documents with the most mistakes. " <span class="piece" data-marked="gold">"Underlined"</span>
                " is what is marked, " <span class="piece" data-marked="found">"shaded"</span> " what was found."
            </p>
            <ol class="worst" data-testid="evaluation-worst">
                {worst.into_iter().map(document).collect_view()}
            </ol>
        }
        .into_any()
    };
    view! {
        <div class="part">
            <h3>"Worst mistakes"</h3>
            {shown}
        </div>
    }
}

fn document(example: Example) -> impl IntoView {
    let more = example.count as usize - example.mistakes.len();
    let more = (0 < more).then(|| view! { <p class="quiet">{format!("and {more} more")}</p> });
    view! {
        <li>
            <h4>
                "Document " {example.id} " " <span class="count">{counted(example.count, "mistake", "mistakes")}</span>
            </h4>
            <ul>{example.mistakes.into_iter().map(mistake).collect_view()}</ul>
            {more}
        </li>
    }
}

fn mistake(mistake: Mistake) -> impl IntoView {
    let (kind, name) = match mistake.kind {
        MistakeKind::Missed => ("missed", "Missed"),
        MistakeKind::Spurious => ("spurious", "Not marked"),
        MistakeKind::WrongType => ("type", "Wrong type"),
        MistakeKind::WrongBoundary => ("boundary", "Wrong boundary"),
    };
    view! {
        <li data-mistake=kind>
            <span class="verdict">{name}</span>
            <blockquote>{mistake.context.into_iter().map(piece).collect_view()}</blockquote>
            <dl>
                {mistake.gold.map(|gold| marked("Marked", gold))}
                {mistake.found.map(|found| marked("Found", found))}
            </dl>
        </li>
    }
}

fn piece(piece: Piece) -> impl IntoView {
    let marked = match (piece.gold, piece.found) {
        (false, false) => return piece.text.into_any(),
        (true, false) => "gold",
        (false, true) => "found",
        (true, true) => "both",
    };
    view! {
        <span class="piece" data-marked=marked>
            {piece.text}
        </span>
    }
    .into_any()
}

fn marked(name: &'static str, marked: Marked) -> impl IntoView {
    let entity = marked.entity.clone();
    let score = marked
        .score
        .map(|score| format!(", {} %", (100.0 * score).round() as u32));
    view! {
        <div>
            <dt>{name}</dt>
            <dd data-entity=entity>
                <q>{marked.text}</q>
                " "
                <span class="kind">{marked.entity}</span>
                {score}
            </dd>
        </div>
    }
}
