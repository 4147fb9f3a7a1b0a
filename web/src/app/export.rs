//! Notes and their marks as files, written by the same code as in the terminal.

use leptos::html;
use leptos::prelude::*;
use ner::Labels;
use ner::formats::{Exported, Format, Provenance, VERSION, write};
use wasm_bindgen_futures::spawn_local;
use web::archive;
use web::note::Note;
use web::protocol::ModelCard;
use web_sys::HtmlElement;

use crate::announcing;
use crate::download;
use crate::drawing::percent;
use crate::page::Page;
use crate::stage::Stage;

/// Handles to the state of the export; copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct Export {
    page: Page,
    shown: RwSignal<bool>,
    /// Whether all notes are exported, or the open one.
    all: RwSignal<bool>,
    format: RwSignal<Format>,
    /// Whether marks are left out that nobody has confirmed.
    reviewed_only: RwSignal<bool>,
    /// What came of it.
    done: RwSignal<Result<String, String>>,
}

/// What a format is for.
fn describe(format: Format) -> &'static str {
    match format {
        Format::Json => "An array of notes with their entities, for programs.",
        Format::Jsonl => "A note per line. What a model of your own is trained on.",
        Format::Csv => "A row per mark, for spreadsheets. Several notes make one table.",
        Format::Html => "A report to read, print and pass on.",
        Format::Conll => "A word and its label per line, for training.",
        Format::Brat => "A text and its annotations per note, in a .zip.",
        Format::DoccanoJsonl => "For import into doccano.",
        Format::ProdigyJsonl => "For import into Prodigy.",
        Format::Fhir => {
            "A Bundle of what is mentioned. It does not say what applies to the patient."
        }
    }
}

impl Export {
    pub(crate) fn new(page: Page) -> Self {
        Self {
            page,
            shown: RwSignal::new(false),
            all: RwSignal::new(false),
            format: RwSignal::new(Format::Jsonl),
            reviewed_only: RwSignal::new(false),
            done: RwSignal::new(Ok(String::new())),
        }
    }

    /// Opens the dialog.
    pub(crate) fn open(self) {
        self.done.set(Ok(String::new()));
        self.shown.set(true);
    }

    /// Notes that are exported and not wholly analysed, and notes that are exported.
    fn unfinished(self) -> (usize, usize) {
        let (all, open) = (self.all.get(), self.page.open.get());
        self.page.list.with(|list| {
            let scope = || list.iter().filter(|line| all || line.key == open);
            (
                scope().filter(|line| !line.analysed).count(),
                scope().count(),
            )
        })
    }

    /// Whether an export has everything that it would have later. What a person has decided waits for no model.
    fn is_ready(self) -> bool {
        self.page.model.with(Option::is_some)
            && (self.unfinished().0 == 0 || self.reviewed_only.get())
    }

    /// The notes as files hold them; `None` without a model, as there is nobody to name then.
    fn collect(self) -> Option<(Vec<Exported>, Provenance, Labels)> {
        let model = self.page.model.get_untracked()?;
        let types = self.page.types();
        let labels = Labels::of_types(&types);
        let threshold = self.page.threshold.get_untracked();
        let reviewed_only = self.reviewed_only.get_untracked();
        let open = self.page.open.get_untracked();
        let all = self.all.get_untracked();
        let documents = self.page.with_notes(|notes| {
            let scope = notes.iter().filter(|note| all || note.key == open);
            scope
                .map(|note| note.exported(&types, threshold, reviewed_only))
                .collect()
        });
        Some((documents, provenance(&model, threshold), labels))
    }

    fn download(self) -> Result<String, String> {
        let (documents, provenance, labels) = self.collect().ok_or("There is no model yet.")?;
        let format = self.format.get_untracked();
        let name = match documents.as_slice() {
            [only] => only.id.as_str(),
            _ => "notes",
        };
        let files = write::files(format, name, &documents, &provenance, &labels)
            .map_err(|error| error.to_string())?;
        let name = match files.as_slice() {
            [file] if format != Format::Brat => {
                download::save(&file.name, format.media_type(), file.content.as_bytes())?;
                file.name.clone()
            }
            files => {
                let archive = archive::zip(files).map_err(|error| error.to_string())?;
                let name = ner::formats::FileNames::default().unique(name) + ".zip";
                download::save(&name, "application/zip", &archive)?;
                name
            }
        };
        self.saved();
        Ok(format!("Saved as {name}."))
    }

    fn text(self) -> Result<String, String> {
        let (documents, provenance, _) = self.collect().ok_or("There is no model yet.")?;
        write::write(self.format.get_untracked(), &documents, &provenance)
            .map_err(|error| error.to_string())
    }

    /// What was exported counts as saved.
    fn saved(self) {
        let (all, open) = (self.all.get_untracked(), self.page.open.get_untracked());
        self.page.update_notes(|notes| {
            let scope = notes.iter_mut().filter(|note| all || note.key == open);
            scope.for_each(Note::set_saved);
        });
        self.page.list_all();
    }
}

/// What an export says of its marks.
fn provenance(model: &ModelCard, threshold: f32) -> Provenance {
    Provenance {
        model: model.name.clone(),
        version: VERSION.to_owned(),
        sha256: model.source_sha256.clone(),
        threshold,
    }
}

#[component]
pub(crate) fn Dialog(export: Export) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            match (export.shown.get(), dialog.open()) {
                (true, false) => dialog
                    .show_modal()
                    .expect("a closed dialog of the document opens"),
                (false, true) => dialog.close(),
                _ => {}
            }
        }
    });
    view! {
        <dialog
            class="export"
            aria-labelledby="export-title"
            data-testid="export"
            node_ref=dialog
            on:close=move |_| export.shown.set(false)
        >
            <Show when=move || export.shown.get()>
                <Form export dialog />
            </Show>
        </dialog>
    }
}

#[component]
fn Form(export: Export, dialog: NodeRef<html::Dialog>) -> impl IntoView {
    let Export { all, done, .. } = export;
    let ready = Memo::new(move |_| export.is_ready());
    let one_text =
        Memo::new(move |_| export.format.get() != Format::Brat || export.unfinished().1 == 1);
    let copy = move |_| {
        let Some(dialog) = dialog.get_untracked() else {
            return;
        };
        let text = export.text();
        done.set(Ok(String::new()));
        spawn_local(async move {
            let within: &HtmlElement = &dialog;
            let copied = match text {
                Ok(text) => download::copy(&text, within).await,
                Err(problem) => Err(problem),
            };
            if copied.is_ok() {
                export.saved();
            }
            done.set(copied.map(|()| String::from("Copied.")));
        });
    };
    let problem = move || done.with(|done| done.clone().err());
    view! {
        <header>
            <h2 id="export-title">"Export"</h2>
            <button type="button" class="close" aria-label="Close" on:click=move |_| export.shown.set(false)>
                "×"
            </button>
        </header>
        <div class="export-body">
            <Scope export />
            <Formats export />
            <label class="switch">
                <input
                    type="checkbox"
                    data-testid="reviewed-only"
                    prop:checked=export.reviewed_only
                    on:change=move |event| export.reviewed_only.set(event_target_checked(&event))
                />
                "Only what was reviewed: marks that a person accepted, changed or added"
            </label>
            <Facts page=export.page />
        </div>
        <footer>
            <Unfinished export />
            <p role="status" data-testid="export-done">
                {move || done.with(|done| done.clone().unwrap_or_default())}
            </p>
            <p role="alert" class="wrong" hidden=move || problem().is_none()>
                {problem}
            </p>
            <button
                type="button"
                disabled=move || !ready.get() || !one_text.get()
                title=move || (!one_text.get()).then_some("brat has two files per note; download them, or copy one note")
                on:click=copy
            >
                "Copy"
            </button>
            <button type="button" class="main" disabled=move || !ready.get() on:click=move |_| done.set(export.download())>
                {move || if all.get() { "Download all" } else { "Download" }}
            </button>
        </footer>
    }
}

/// This note or all of them.
#[component]
fn Scope(export: Export) -> impl IntoView {
    let page = export.page;
    let count = Memo::new(move |_| page.list.with(Vec::len));
    let name = move || {
        let open = page.open.get();
        page.list.with(|list| {
            let line = list.iter().find(|line| line.key == open);
            line.map(|line| line.name.clone())
        })
    };
    if count.get_untracked() < 2 {
        export.all.set(false);
    }
    let choice = move |all: bool, id: &'static str| {
        view! {
            <input
                type="radio"
                name="export-scope"
                id=id
                data-testid=id
                prop:checked=move || export.all.get() == all
                on:change=move |_| export.all.set(all)
            />
        }
    };
    view! {
        <fieldset class="scope" hidden=move || count.get() < 2>
            <legend>"Notes"</legend>
            <label>{choice(false, "export-open")} <span>"The open one: " {name}</span></label>
            <label>{choice(true, "export-all")} <span>"All " {count} " notes, in one file"</span></label>
        </fieldset>
    }
}

#[component]
fn Formats(export: Export) -> impl IntoView {
    let choice = move |format: Format| {
        view! {
            <label>
                <input
                    type="radio"
                    name="export-format"
                    value=format.name()
                    data-testid=format!("format-{}", format.name())
                    prop:checked=move || export.format.get() == format
                    on:change=move |_| {
                        export.format.set(format);
                        export.done.set(Ok(String::new()));
                    }
                />
                <span>
                    <strong>{format.title()}</strong>
                    <span class="quiet">{describe(format)}</span>
                </span>
            </label>
        }
    };
    view! {
        <fieldset class="formats">
            <legend>"Format"</legend>
            {Format::ALL.map(choice).into_view()}
        </fieldset>
    }
}

/// What the file will say of its marks.
#[component]
fn Facts(page: Page) -> impl IntoView {
    let model = move || {
        page.model
            .get()
            .map(|model| (model.name.clone(), short(&model)))
    };
    let hidden = move || page.hidden.with(|hidden| !hidden.is_empty());
    view! {
        <p class="quiet facts" data-testid="export-facts">
            "The file names the model ("
            {move || model().map(|(name, _)| name)}
            ", SHA-256 "
            <code>{move || model().map(|(_, hash)| hash)}</code>
            "…) and the least score of its marks, "
            {move || percent(page.threshold.get())}
            ". "
            {move || hidden().then_some("Types that are hidden on the page are exported too.")}
        </p>
    }
}

/// The beginning of the hash of a model's weights.
fn short(model: &ModelCard) -> String {
    let hash = &model.source_sha256;
    hash.get(..12).unwrap_or(hash).to_owned()
}

/// Says that an export would lack marks, and offers to find them first.
#[component]
fn Unfinished(export: Export) -> impl IntoView {
    let page = export.page;
    let batch = page.analysis.batch;
    let no_model = move || !page.stage.with(Stage::has_model);
    let failed = move || page.stage.with(|stage| matches!(stage, Stage::Failed(_)));
    let words = move || match export.unfinished() {
        _ if failed() => String::from(
            "Not everything is analysed, and there is no model to do it: see above the note.",
        ),
        _ if no_model() => String::from("The model is not there yet."),
        (_, 1) => String::from("The note is not wholly analysed yet."),
        (count, all) => format!("{count} of {all} notes are not analysed yet."),
    };
    let progress = move || {
        let batch = batch.get().filter(|batch| 0 < batch.all)?;
        Some(format!(
            "Analysing note {} of {}",
            batch.done + 1,
            batch.all
        ))
    };
    let told = Memo::new(move |before: Option<&String>| {
        let words = match (export.is_ready(), before.map(String::as_str)) {
            (false, _) => "Not everything is analysed yet.",
            (true, None | Some("")) => "",
            (true, Some(_)) => "Everything is analysed.",
        };
        words.to_owned()
    });
    let offered = move || export.all.get() && !no_model() && batch.with(Option::is_none);
    view! {
        <div class="unfinished" data-testid="export-unfinished" hidden=move || export.is_ready()>
            <p>{words} " " {progress}</p>
            <button type="button" hidden=move || !offered() on:click=move |_| page.analyse_all()>
                "Analyse first"
            </button>
        </div>
        // The elements outside of an open dialog are told to nobody.
        <announcing::Settled name="news-export" words=told />
    }
}

/// What the printed note is called; on paper only.
#[component]
pub(crate) fn PrintedName(page: Page) -> impl IntoView {
    let name = move || {
        let open = page.open.get();
        page.list.with(|list| {
            let line = list.iter().find(|line| line.key == open);
            line.map(|line| line.name.clone())
        })
    };
    view! {
        <p class="printed-name" data-testid="printed-name">
            {name}
        </p>
    }
}

/// What a print says of its marks; on paper only.
#[component]
pub(crate) fn Imprint(page: Page) -> impl IntoView {
    let about = move || {
        let Provenance {
            model,
            version,
            sha256,
            threshold,
        } = provenance(&page.model.get()?, page.threshold.get());
        Some(format!(
            "Marked by the model {model} (weights SHA-256 {sha256}) with a score of at least {}, and by whoever reviewed the note. \
             Made with {version}.",
            percent(threshold)
        ))
    };
    view! {
        <p class="imprint" data-testid="imprint">
            {about}
        </p>
    }
}
