//! Nobody is kept out: the page in every state and view, as axe-core, the tab key, and a screen reader find it.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::access::View;
use e2e::evaluation::SMALL_FILE;
use e2e::input::Place;
use e2e::notes::EXAMPLE;
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::shelf::SOON;
use e2e::{Session, Setup};
use serde_json::json;
use tempfile::TempDir;

const LIGHT: View = View {
    width: 1366,
    height: 900,
    scheme: "light",
    forced: false,
    still: true,
};

const NOTE: &str = "CC: heavy menstrual bleeding.\nReports fatigue, denies pelvic pain. Labs: FSH 7.2, estradiol 48.\n\
    Transvaginal ultrasound: endometrial thickness 9 mm. Plan: hysteroscopy, ibuprofen 400 mg.";

const SENTENCES: &str = "\
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
const FILES: &[(&str, &str)] = &[("a.txt", "Severe cramps."), ("b.jsonl", "{\"text\":\n")];

/// What leads from a state of the page to the next.
#[derive(Debug, Clone)]
enum Step {
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

use Step::*;

/// Every state of the page, and how to come to it from the one before.
const STATES: &[(&str, &[Step])] = &[
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
    ("review without marks", &[Click("Review")]),
    ("review", &[Click("Write"), Note(NOTE), Click("Review")]),
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
            Click("Review"),
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
        &[OtherModel, State("ready"), Click("Review")],
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

/// What axe-core cannot decide, by the rule and a part of its lines, and why it is right all the same.
const EXPLAINED: &[(&str, &str, &str)] = &[(
    "label-content-name-mismatch",
    "Unable to determine if the visible text is part",
    "A sign (an arrow, a cross) is no text that somebody could say.",
)];

/// Elements that differ by lines where colours do not tell them apart. Each two are there in some state.
const DISTINCT: &[(&str, &str)] = &[
    (".backdrop mark", ".backdrop > div"),
    (
        ".reviewed mark[aria-current]",
        ".reviewed mark:not([aria-current])",
    ),
    (
        ".reviewed mark[data-verdict=rejected]",
        ".reviewed mark[data-verdict=open]",
    ),
    (".modes [aria-pressed=true]", ".modes [aria-pressed=false]"),
    (".types [aria-pressed=true]", ".types [aria-pressed=false]"),
    (
        ".legend [aria-pressed=true] .name",
        ".legend [aria-pressed=false] .name",
    ),
    (".note-row[aria-current]", ".note-row:not([aria-current])"),
    (
        ".formats label:has(:checked)",
        ".formats label:not(:has(:checked))",
    ),
    (".piece[data-marked=gold]", ".piece[data-marked=found]"),
    (".piece[data-marked=both]", ".piece[data-marked=found]"),
];

/// A colour, what it is on, and the least contrast: 4.5 for letters, 3 for what shows where something is or how it stands.
const COLOURS: &[(&str, &str, f64)] = &[
    ("var(--ink)", "var(--tint)", 4.5),
    ("var(--label)", "var(--surface)", 4.5),
    ("var(--label)", "var(--hover)", 4.5),
    ("var(--label)", "var(--tint)", 3.0),
    ("var(--line)", "var(--surface)", 3.0),
    ("var(--ink)", "var(--hover)", 4.5),
    ("var(--soft)", "var(--hover)", 4.5),
    ("var(--soft)", "var(--surface)", 4.5),
    ("var(--soft)", "var(--desk)", 4.5),
    ("var(--ink)", "var(--wrong-tint)", 4.5),
    // Words that are selected.
    (
        "var(--ink)",
        "color-mix(in srgb, var(--accent) 32%, transparent)",
        4.5,
    ),
    // Outlines of what has the keyboard.
    ("var(--accent)", "var(--surface)", 3.0),
    ("var(--accent)", "var(--desk)", 3.0),
    ("var(--accent)", "var(--hover)", 3.0),
    ("var(--accent)", "var(--tint)", 3.0),
    // Lamps.
    ("var(--wait)", "var(--surface)", 3.0),
    ("var(--done)", "var(--surface)", 3.0),
    ("var(--wrong)", "var(--surface)", 3.0),
];

/// The guide's types; and hues of types that only a model of the visitor's has.
const TYPES: [&str; 5] = [
    "Symptoms",
    "Hormones",
    "Procedures",
    "Medications",
    "Ultrasound",
];
const HUES: usize = 24;

/// Takes a step.
async fn take(page: &Session, step: &Step, folder: &TempDir) -> Result<()> {
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
            let event = json!({ "type": "dragEnter", "x": 100, "y": 300, "data": data });
            let devtools = &page.browser.devtools;
            devtools.command("Input.dispatchDragEvent", event).await?;
            shown(page, "drop").await?;
        }
        Evaluate(name, content) => page.drop_file(name, content).await?,
        LongEvaluation => page.drop_file("long.bio", &long_text(LONG, " O\n")).await?,
        Evaluated(state) => drop(page.evaluation_state(state, SMALL_FILE).await?),
        Shown(hook) => shown(page, hook).await?,
        Run(script) => drop(page.browser.execute(script, vec![]).await?),
        Anew(before) => {
            let devtools = &page.browser.devtools;
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

async fn shown(page: &Session, hook: &str) -> Result<()> {
    page.until(hook, SOON, async || {
        Ok(page.is_shown(hook).await?.then_some(()))
    })
    .await
}

/// Sentences that keep the network busy for as long as a look at the page takes.
const LONG: u32 = 4_000;

/// Sentences in which there is little to find, and none of which is like another.
fn long_text(sentences: u32, between: &str) -> String {
    let sentence = |day: u32| {
        format!(
            "On day {day} there was nothing to say of number {} .",
            7 * day + 1
        )
    };
    let text: Vec<String> = (0..sentences).map(sentence).collect();
    text.join(" ").replace(' ', between)
}

/// Goes through all states in a view, and looks at each with `check`, which says what is wrong.
fn walk(view: View, check: impl AsyncFn(&Session, &str) -> Result<Vec<String>>) -> Result<()> {
    let setup = Setup {
        fault: Fault::Missing,
        expected_problems: &["Failed to load resource", "on purpose"],
        ..Setup::default()
    };
    let folder = TempDir::with_prefix("e2e-access-").context("no folder for files")?;
    Session::run(setup, async |page| {
        page.see(view).await?;
        let mut wrong = Vec::new();
        for (state, steps) in STATES {
            for step in *steps {
                let taken = take(page, step, &folder).await;
                taken.with_context(|| format!("{state}: {step:?}"))?;
            }
            let found = check(page, state).await;
            let found = found.with_context(|| state.to_string())?;
            wrong.extend(found.into_iter().map(|line| format!("{state}: {line}")));
        }
        ensure!(
            wrong.is_empty(),
            "{} faults:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        Ok(())
    })
}

/// What axe-core, the sizes of targets and the rest of movement have to say of a state.
async fn look(page: &Session, view: View) -> Result<Vec<String>> {
    let barriers = page.barriers().await?;
    let explained = |line: &String| {
        EXPLAINED
            .iter()
            .any(|(rule, part, _)| line.starts_with(rule) && line.contains(part))
    };
    let undecided = barriers
        .undecided
        .into_iter()
        .filter(|line| !explained(line));
    let mut wrong: Vec<_> = undecided.map(|line| format!("undecided {line}")).collect();
    wrong.extend(barriers.violations);
    let small = page.small_targets().await?;
    wrong.extend(small.into_iter().map(|line| format!("small target {line}")));
    if view.still {
        let moves = page.moves().await?;
        wrong.extend(moves.into_iter().map(|line| format!("moves: {line}")));
    }
    Ok(wrong)
}

#[test]
fn light() -> Result<()> {
    walk(LIGHT, async |page, _| {
        let mut wrong = look(page, LIGHT).await?;
        // From phones to walls, and what zooming to 200 and 400 % leaves of common windows.
        for width in [320, 360, 683, 960, 1920, 3840] {
            page.see(View { width, ..LIGHT }).await?;
            let wide = page.too_wide().await?;
            wrong.extend(
                wide.into_iter()
                    .map(|line| format!("at {width} px wider: {line}")),
            );
        }
        page.see(LIGHT).await?;
        Ok(wrong)
    })
}

#[test]
fn dark_with_movement() -> Result<()> {
    let view = View {
        scheme: "dark",
        still: false,
        ..LIGHT
    };
    walk(view, async |page, state| {
        let breathes = page.moves().await?.iter().any(|line| line.contains("lamp"));
        ensure!(
            breathes == (state == "loading"),
            "the lamp moves: {breathes}"
        );
        look(page, view).await
    })
}

#[test]
fn narrow() -> Result<()> {
    let view = View {
        width: 360,
        height: 740,
        ..LIGHT
    };
    walk(view, async |page, _| {
        let mut wrong = look(page, view).await?;
        let tight = page.too_tight().await?;
        wrong.extend(
            tight
                .into_iter()
                .map(|line| format!("with more space: {line}")),
        );
        wrong.extend(page.unreached().await?);
        Ok(wrong)
    })
}

#[test]
fn forced_colours() -> Result<()> {
    let view = View {
        forced: true,
        ..LIGHT
    };
    let compared = Cell::new(vec![false; DISTINCT.len()]);
    walk(view, async |page, _| {
        let mut wrong = look(page, view).await?;
        wrong.extend(page.unreached().await?);
        let mut seen = compared.take();
        let differ = page.differ(DISTINCT).await?;
        for ((differ, pair), seen) in differ.into_iter().zip(DISTINCT).zip(&mut seen) {
            *seen |= differ.is_some();
            if differ == Some(false) {
                wrong.push(format!("{} looks like {}", pair.0, pair.1));
            }
        }
        compared.set(seen);
        Ok(wrong)
    })?;
    for (pair, seen) in DISTINCT.iter().zip(compared.take()) {
        ensure!(seen, "{pair:?} were never there");
    }
    Ok(())
}

#[test]
fn colours_are_far_enough_apart() -> Result<()> {
    let pairs: Vec<_> = COLOURS
        .iter()
        .map(|&(colour, on, _)| (colour, on))
        .collect();
    let mut types = TYPES.map(|name| (name, None)).to_vec();
    types.extend((0..HUES).map(|at| ("Findings", Some((360 * at / HUES) as u32))));
    Session::run(Setup::default(), async |page| {
        let mut wrong = Vec::new();
        for scheme in ["light", "dark"] {
            page.see(View { scheme, ..LIGHT }).await?;
            for (name, hue) in &types {
                let ratios = page.contrasts(name, *hue, &pairs).await?;
                for ((colour, on, least), ratio) in COLOURS.iter().zip(ratios) {
                    if ratio < *least {
                        wrong.push(format!(
                            "{scheme} {name} {hue:?}: {colour} on {on}: {ratio:.2} of {least}"
                        ));
                    }
                }
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
}

/// Waits until screen readers are told something with these words; returns all that they were told till then.
async fn told(page: &Session, words: &str) -> Result<Vec<String>> {
    let all = RefCell::new(Vec::new());
    page.until(words, SHORT_NOTE, async || {
        let new = page.told().await?;
        all.borrow_mut().extend(new);
        let found = all
            .borrow()
            .iter()
            .any(|line: &String| line.contains(words));
        Ok(found.then_some(()))
    })
    .await
    .with_context(|| format!("only {:?}", all.borrow()))?;
    Ok(all.into_inner())
}

#[test]
fn screen_readers_are_told_what_has_settled() -> Result<()> {
    let setup = Setup {
        fault: Fault::Missing,
        expected_problems: &["Failed to load resource"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.listen().await?;
        page.state("error", LOAD).await?;
        told(page, "404").await?;
        page.server.set_fault(Fault::None);
        page.click("Try again").await?;
        told(page, "Ready for a note").await?;

        // With pauses in which the note is analysed, and found to have one finding, then two.
        page.type_keys("").await?;
        for word in EXAMPLE.split_inclusive(' ') {
            for key in word.chars() {
                page.type_keys(&key.to_string()).await?;
            }
            page.ready(SHORT_NOTE).await?;
        }
        let while_typing = page.told().await?;
        let noise = while_typing
            .iter()
            .filter(|line| *line != "Analysing")
            .count();
        ensure!(noise <= 1, "while typing: {while_typing:?}");
        let after = told(page, "Whole note analysed, 2 findings").await?;
        ensure!(after.len() == 1, "after typing: {after:?}");

        page.set_note(&long_text(800, " ")).await?;
        let long = told(page, "Whole note analysed").await?;
        ensure!(
            long.len() == 2 && long[0] == "Analysing" && long[1].ends_with("findings"),
            "of a long note: {long:?}"
        );

        page.drop_file("sentences.bio", SENTENCES).await?;
        told(page, "sentences.bio is evaluated: 2 documents").await?;
        page.drop_file("broken.bio", "low O\nestrogen\n").await?;
        told(page, "broken.bio:2").await?;

        let folder = TempDir::with_prefix("e2e-access-")?;
        take(page, &Open(FILES), &folder).await?;
        let opened = told(page, "1 note opened.").await?;
        ensure!(
            opened.iter().any(|line| line.contains("b.jsonl:")),
            "{opened:?}"
        );

        page.click("Review").await?;
        page.told().await?;
        page.press("a").await?;
        told(page, "Accepted.").await?;
        Ok(())
    })
}

#[test]
fn tip_can_be_reached_and_dismissed() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.analyse(NOTE, SHORT_NOTE).await?;
        page.review().await?;
        let mark = page.in_note("estradiol", "middle").await?;
        for dismissed in [false, true] {
            page.hover(mark).await?;
            shown(page, "tip").await?;
            // The tip does not move while the mouse goes there.
            let tip = page.middle_of("[data-testid=tip]").await?;
            for part in [0.25, 0.5, 0.75, 1.0] {
                let on_the_way = |from: f64, to: f64| from + part * (to - from);
                let (x, y) = (on_the_way(mark.x, mark.x), on_the_way(mark.y, tip.y));
                page.hover(Place { x, y }).await?;
                ensure!(page.is_shown("tip").await?, "gone after {part} of the way");
            }
            if dismissed {
                page.press("Escape").await?;
            } else {
                page.hover(Place { x: 5.0, y: 5.0 }).await?;
            }
            page.until("the tip is gone", SOON, async || {
                Ok((!page.is_shown("tip").await?).then_some(()))
            })
            .await?;
        }
        Ok(())
    })
}
