//! Whose page this is, what it promises, and what it is made of.

use js_sys::Promise;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web::bytes;
use web::protocol::ModelCard;

use crate::page::Page;
use crate::sent::Line;

#[wasm_bindgen]
extern "C" {
    /// Whether there is a model that the next visit finds here.
    #[wasm_bindgen(js_namespace = analysis, js_name = isKept)]
    fn is_kept() -> Promise;

    #[wasm_bindgen(js_namespace = analysis, js_name = forget)]
    fn forget_model() -> Promise;
}

#[component]
pub(crate) fn Masthead(page: Page) -> impl IntoView {
    // The build that is a single file has it in itself.
    let icon = document()
        .query_selector("link[rel=icon]")
        .ok()
        .flatten()
        .and_then(|link| link.get_attribute("href"));
    view! {
        <header class="masthead">
            <img src=icon alt="" width="44" height="44" />
            <div>
                <h1>"ClinicalBERT Menstrual NER"</h1>
                <p>"Finds symptoms, hormones, procedures, medications and ultrasound findings in clinical notes."</p>
            </div>
            <p class="promise">
                <strong>"Runs on this device."</strong>
                " The note is never sent. " <Line sent=page.sent />
            </p>
        </header>
    }
}

#[component]
pub(crate) fn Colophon(page: Page) -> impl IntoView {
    let details = move || {
        page.model
            .get()
            .map(|model| view! { <Details page model /> })
    };
    view! {
        <footer class="colophon">
            <p>
                <strong>"Not a medical device."</strong>
                " Marks are a model's suggestions: some are wrong, and some findings are missed. Whether a finding is denied, past or \
                planned is not told apart."
            </p>
            <p>
                <strong>"Private."</strong>
                " Notes stay on this device: the page sends nothing, and stores none unless a draft is kept. A draft lies in this \
                browser, unencrypted, until it is deleted."
            </p>
            {details}
        </footer>
    }
}

#[component]
fn Details(page: Page, model: ModelCard) -> impl IntoView {
    let ModelCard {
        layers,
        hidden,
        vocabulary,
        window_tokens,
        ..
    } = model;
    let threads = move || match page.analysis.threads.get() {
        1 => String::from("1 thread"),
        many => format!("{many} threads"),
    };
    let hash = |sha256: String| {
        let start = sha256.get(..12).unwrap_or(&sha256).to_owned();
        view! { <code title=sha256>{start}</code> }
    };
    view! {
        <dl>
            <div>
                <dt>"Model"</dt>
                <dd data-testid="model">{format!("BERT, {layers} layers of {hidden}, {vocabulary} tokens, windows of {window_tokens}")}</dd>
            </div>
            <div>
                <dt>"File"</dt>
                <dd data-testid="model-file">
                    {model.name} ", " {bytes::in_words(model.bytes)} ", format " {model.format_version} ", SHA-256 "
                    {hash(model.sha256)}
                </dd>
            </div>
            <div hidden=model.base.is_empty()>
                <dt>"Fine-tuned from"</dt>
                <dd data-testid="model-base">{model.base.clone()}</dd>
            </div>
            <div hidden=model.metrics.is_empty()>
                <dt>"Measured"</dt>
                <dd data-testid="model-metrics">{model.metrics.clone()}</dd>
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
                <dd>{hash(model.source_sha256)}</dd>
            </div>
        </dl>
        <Choice page />
    }
}

/// Which model runs, and whether one is kept.
#[component]
fn Choice(page: Page) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let choose = move |_| {
        if let Some(input) = input.get_untracked() {
            input.click();
        }
    };
    let chosen = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        let file = input.files().and_then(|files| files.get(0));
        // The same file can be chosen again.
        input.set_value("");
        if file.is_some() {
            page.use_model(file);
        }
    };
    let kept = RwSignal::new(false);
    spawn_local(async move {
        kept.set(
            JsFuture::from(is_kept())
                .await
                .is_ok_and(|kept| kept.is_truthy()),
        )
    });
    let forget = move |_| {
        spawn_local(async move {
            // What is still there is still said to be.
            let forgotten = JsFuture::from(forget_model()).await.is_ok();
            kept.set(!forgotten);
        });
    };
    view! {
        <p class="choice">
            <button type="button" on:click=choose title="A file that model-export wrote; it stays on this device">
                "Use a model of your own…"
            </button>
            <input type="file" accept=".safetensors" hidden data-testid="own-model" node_ref=input on:change=chosen />
            <button type="button" data-testid="site-model" hidden=move || !page.analysis.has_own_model() on:click=move |_| page.use_model(None)>
                "Back to the site's model"
            </button>
            <span class="kept" data-testid="kept" hidden=move || !kept.get()>
                "The site's model is kept in this browser, so that it need not be fetched again. "
                <button type="button" on:click=forget>
                    "Delete it"
                </button>
            </span>
        </p>
    }
}
