//! The states of the page, and the steps that lead through them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::Session;
use e2e::evaluation::SMALL_FILE;
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::shelf::SOON;
use serde_json::json;
use tempfile::TempDir;

pub(super) const NOTE: &str = "CC: heavy menstrual bleeding.\nReports fatigue, denies pelvic pain. Labs: FSH 7.2, estradiol 48.\n\
    Transvaginal ultrasound: endometrial thickness 9 mm. Plan: hysteroscopy, ibuprofen 400 mg.";

pub(super) const SENTENCES: &str = "\
Patient O
reports O
irregular B-Symptoms
periods I-Symptoms
and O
low O
estrogen B-Medications
. O

Severe B-Procedures
cramps O
. O
";

/// One that opens, and one that cannot be opened.
pub(super) const FILES: &[(&str, &str)] =
    &[("a.txt", "Severe cramps."), ("b.jsonl", "{\"text\":\n")];

/// What leads from a state of the page to the next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Has the server spoil the model in another way.
    Spoil(Fault),
    /// Waits for the state of that name.
    State(&'static str),
    /// Puts a text into the note, and waits for its marks.
    Note(&'static str),
    /// Puts a text into the note that takes long.
    LongNote,
    /// Clicks the button of that text.
    Click(&'static str),
    /// Goes on to the review of the note, which then has the keyboard.
    Review,
    /// Clicks the first element of that selector.
    On(&'static str),
    /// Presses keys where the keyboard is.
    Press(&'static str),
    /// Holds the mouse over a word of the reviewed note.
    Over(&'static str),
    /// Opens files.
    Open(&'static [(&'static str, &'static str)]),
    /// Opens a model with other labels.
    OtherModel,
    /// Drags a file over the page, drops nothing.
    Drag,
    /// Evaluates a file.
    Evaluate(&'static str, &'static str),
    /// Evaluates a file that takes long.
    LongEvaluation,
    /// Waits for that state of the evaluation.
    Evaluated(&'static str),
    /// Waits until the element of a test hook is shown.
    Shown(&'static str),
    /// Runs in the page.
    Run(&'static str),
    /// Opens the page anew, with something run before it.
    Anew(&'static str),
}

use Step::{
    Anew, Click, Drag, Evaluate, Evaluated, LongEvaluation, LongNote, Note, On, Open, OtherModel,
    Over, Press, Review, Run, Shown, Spoil, State,
};

/// Every state of the page, and how to come to it from the one before.
pub(super) const STATES: &[(&str, &[Step])] = &[
    ("model failed", &[State("error")]),
    (
        "loading",
        &[
            Spoil(Fault::Slow(Duration::from_millis(400))),
            Click("Try again"),
            Shown("progress"),
        ],
    ),
    ("ready", &[Spoil(Fault::None), State("ready")]),
    ("note", &[Note(NOTE)]),
    (
        "types hidden, findings grouped and sorted",
        &[
            On("[data-testid=legend] li:nth-child(2) button"),
            On("[data-testid=grouped]"),
            On("[data-testid=findings] th:nth-child(3) button"),
        ],
    ),
    (
        "nothing shown",
        &[
            Note("Nothing of interest."),
            On("[data-testid=legend] li:nth-child(2) button"),
        ],
    ),
    ("review without marks", &[Review]),
    ("review", &[Click("Write"), Note(NOTE), Review]),
    ("marks decided", &[Press("a x 3")]),
    ("words selected", &[Press("n")]),
    ("words marked", &[Press("4 Home")]),
    ("tip", &[Over("estradiol")]),
    ("keys", &[On("[data-testid=review] mark"), Press("?")]),
    ("export of a note", &[Press("Escape"), Click("Export…")]),
    ("exported", &[Click("Download"), Shown("export-done")]),
    (
        "files with problems",
        &[
            Press("Escape"),
            Open(&[
                ("from file.bio", "Low O\nestrogen B-Hormones\n\n"),
                ("plain.txt", "Severe cramps."),
                ("broken.jsonl", "{\"text\":\n"),
            ]),
            Shown("opening-problems"),
        ],
    ),
    ("marks of a file", &[Click("from file"), State("ready")]),
    (
        "note with corrections is closed",
        &[
            Click("Dismiss"),
            Review,
            Press("x"),
            On("[aria-label='Close from file']"),
        ],
    ),
    (
        "export of all notes",
        &[
            Click("Keep it open"),
            Click("Export…"),
            On("[data-testid=export-all]"),
        ],
    ),
    ("draft", &[Press("Escape"), On("[data-testid=keep-draft]")]),
    (
        "draft deleted elsewhere",
        &[
            // It is stored by now.
            Run(
                "dispatchEvent(new Event('pagehide')); localStorage.clear(); dispatchEvent(new StorageEvent('storage'))",
            ),
            Shown("draft-trouble"),
        ],
    ),
    ("files dragged over", &[Drag]),
    (
        "note that takes long",
        &[
            Run("dispatchEvent(new DragEvent('drop'))"),
            Click("New note"),
            LongNote,
        ],
    ),
    (
        "evaluation",
        &[Note(NOTE), LongEvaluation, Evaluated("running")],
    ),
    (
        "evaluation failed",
        &[
            Click("Cancel"),
            Evaluate("broken.bio", "low O\nestrogen\n"),
            Evaluated("failed"),
        ],
    ),
    (
        "evaluation done",
        &[Evaluate("sentences.bio", SENTENCES), Evaluated("done")],
    ),
    (
        "model of the visitor's",
        &[OtherModel, State("ready"), Review],
    ),
    (
        "requests and a crash",
        &[Run(
            "fetch('icon.svg'); dispatchEvent(new ErrorEvent('error', { error: new WebAssembly.RuntimeError('on purpose') }))",
        )],
    ),
    (
        "newer version, draft of another tab",
        &[
            Anew(
                "let it; Object.defineProperty(self, 'analysis', { get: () => it, \
                set: (value) => { it = value; it.newer = async () => true; } });",
            ),
            Shown("note"),
            State("ready"),
            Run("localStorage.setItem('clinical-ner draft /', '{}')"),
            On("[data-testid=keep-draft]"),
            Shown("draft-question"),
        ],
    ),
    (
        "not started",
        &[Anew("delete self.WebAssembly"), Shown("error")],
    ),
];

/// Takes a step.
pub(super) async fn take(page: &Session, step: &Step, folder: &TempDir) -> Result<()> {
    let write = |name: &str, content: &str| -> Result<PathBuf> {
        let path = folder.path().join(name);
        fs::write(&path, content)?;
        Ok(path)
    };
    match step {
        Spoil(fault) => page.server.set_fault(fault.clone()),
        State("error") => drop(page.state("error", LOAD).await?),
        State(name) => {
            let start = page.state(name, LOAD);
            drop(start.await?);
        }
        Note(text) => drop(page.analyse(text, SHORT_NOTE).await?),
        LongNote => {
            page.set_note(&long_text(LONG, " ")).await?;
            page.state("analysing", SHORT_NOTE).await?;
        }
        Click(button) => page.click(button).await?,
        Review => {
            page.click("Review").await?;
            let within = "return document.activeElement.closest('[data-testid=review]') !== null";
            page.until("the note has the keyboard", SOON, async || {
                let within = page.browser.execute(within, vec![]).await?;
                Ok((within == true).then_some(()))
            })
            .await?;
        }
        On(selector) => page.click_on(selector).await?,
        Press(keys) => page.press(keys).await?,
        Over(word) => {
            page.hover(page.in_note(word, "middle").await?).await?;
            ensure!(page.is_shown("tip").await?, "there is no tip over {word}");
        }
        Open(files) => {
            let paths: Result<Vec<_>> =
                files.iter().map(|(name, text)| write(name, text)).collect();
            let paths = paths?;
            let paths: Vec<_> = paths.iter().map(PathBuf::as_path).collect();
            page.choose("open-files", &paths).await?;
            page.opened().await?;
        }
        OtherModel => {
            let model = crate::model::renamed("Symptoms", "Findings")?;
            page.choose("own-model", &[&model]).await?;
            page.state("loading", LOAD).await?;
        }
        Drag => {
            let file = write("dragged.txt", "No cramps.")?;
            let data = json!({ "items": [], "files": [file], "dragOperationsMask": 1 });
            let event = json!({ "type": "dragEnter", "x": 100, "y": 200, "data": data });
            let devtools = page.browser.devtools().context("no DevTools")?;
            devtools.command("Input.dispatchDragEvent", event).await?;
            shown(page, "drop").await?;
        }
        Evaluate(name, content) => page.drop_file(name, content).await?,
        LongEvaluation => page.drop_file("long.bio", &long_text(LONG, " O\n")).await?,
        Evaluated(state) => drop(page.evaluation_state(state, SMALL_FILE).await?),
        Shown(hook) => shown(page, hook).await?,
        Run(script) => drop(page.browser.execute(script, vec![]).await?),
        Anew(before) => {
            let devtools = page.browser.devtools().context("no DevTools")?;
            let script = json!({ "source": format!("if (location.protocol.startsWith('http')) {{ {before} }}") });
            devtools.command("Page.enable", json!({})).await?;
            devtools
                .command("Page.addScriptToEvaluateOnNewDocument", script)
                .await?;
            page.browser.driver.goto(&page.server.url()).await?;
        }
    }
    Ok(())
}

pub(super) async fn shown(page: &Session, hook: &str) -> Result<()> {
    page.until(hook, SOON, async || {
        Ok(page.is_shown(hook).await?.then_some(()))
    })
    .await
}

/// Sentences that keep the network busy for as long as a look at the page takes.
const LONG: u32 = 4_000;

/// Sentences in which there is little to find, and none of which is like another.
pub(super) fn long_text(sentences: u32, between: &str) -> String {
    let sentence = |day: u32| {
        format!(
            "On day {day} there was nothing to say of number {} .",
            7 * day + 1
        )
    };
    let text: Vec<String> = (0..sentences).map(sentence).collect();
    (text.join(" ") + " ").replace(' ', between)
}
