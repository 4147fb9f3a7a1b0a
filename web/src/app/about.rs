//! Whose page this is, what it promises, and what it is made of.

use leptos::prelude::*;
use web::bytes;
use web::protocol::ModelCard;

use crate::page::Page;

#[component]
pub(crate) fn Masthead() -> impl IntoView {
    view! {
        <header class="masthead">
            <img src="icon.svg" alt="" width="44" height="44" />
            <div>
                <h1>"ClinicalBERT Menstrual NER"</h1>
                <p>"Finds symptoms, hormones, procedures, medications and ultrasound findings in clinical notes."</p>
            </div>
            <p class="promise">
                <strong>"Runs on this device."</strong>
                " The note is never sent."
            </p>
        </header>
    }
}

#[component]
pub(crate) fn Colophon(page: Page) -> impl IntoView {
    let details = move || {
        page.model
            .get()
            .map(|model| view! { <Details model threads=page.analysis.threads /> })
    };
    view! {
        <footer class="colophon">
            <p>
                <strong>"Not a medical device."</strong>
                " Marks are a model's suggestions: some are wrong, and some findings are missed. Whether a finding is denied, past or \
                planned is not told apart."
            </p>
            {details}
        </footer>
    }
}

#[component]
fn Details(model: ModelCard, threads: RwSignal<u32>) -> impl IntoView {
    let ModelCard {
        layers,
        hidden,
        vocabulary,
        window_tokens,
        ..
    } = model;
    let threads = move || match threads.get() {
        1 => String::from("1 thread"),
        many => format!("{many} threads"),
    };
    let start_of_hash = model
        .source_sha256
        .get(..12)
        .unwrap_or(&model.source_sha256)
        .to_owned();
    view! {
        <dl>
            <div>
                <dt>"Model"</dt>
                <dd data-testid="model">{format!("BERT, {layers} layers of {hidden}, {vocabulary} tokens, windows of {window_tokens}")}</dd>
            </div>
            <div>
                <dt>"File"</dt>
                <dd>{bytes::in_words(model.bytes)} ", format " {model.format_version}</dd>
            </div>
            <div>
                <dt>"Kernels"</dt>
                <dd data-testid="kernels">{model.kernels} ", " {threads}</dd>
            </div>
            <div>
                <dt>"Labels"</dt>
                <dd>{model.types.join(", ")}</dd>
            </div>
            <div>
                <dt>"Weights (SHA-256)"</dt>
                <dd>
                    <code title=model.source_sha256>{start_of_hash}</code>
                </dd>
            </div>
        </dl>
    }
}
