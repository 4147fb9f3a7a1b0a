//! Nobody is kept out: the page in every state and view, as axe-core, the tab key, and a screen reader find it.

use std::cell::{Cell, RefCell};

use anyhow::{Context, Result, ensure};
use e2e::access::View;
use e2e::input::Place;
use e2e::notes::EXAMPLE;
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::shelf::SOON;
use e2e::{Need, Session, Setup};
use tempfile::TempDir;

mod states;

use states::{FILES, NOTE, SENTENCES, STATES, Step, long_text, shown, take};

const LIGHT: View = View {
    width: 1366,
    height: 900,
    scheme: "light",
    forced: false,
    still: true,
};

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

/// A browser that can be set to anything and asked for everything.
fn driven() -> Setup {
    Setup {
        needs: &[Need::DevTools],
        ..Setup::default()
    }
}

/// Goes through all states in a view, and looks at each with `check`, which says what is wrong.
fn walk(view: View, check: impl AsyncFn(&Session, &str) -> Result<Vec<String>>) -> Result<()> {
    let setup = Setup {
        needs: &[Need::DevTools],
        fault: Fault::Missing,
        expected_problems: &[
            "Failed to load resource",
            "on purpose",
            "WebAssembly is not defined",
        ],
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
        let works = matches!(state, "loading" | "note that takes long");
        ensure!(breathes == works, "the lamp moves: {breathes}");
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
        Ok(wrong)
    })
}

/// A small window at 400 %: there is hardly any room for what floats over the page.
#[test]
fn zoomed() -> Result<()> {
    let view = View {
        width: 320,
        height: 256,
        ..LIGHT
    };
    walk(view, async |page, _| {
        let mut wrong = page.too_wide().await?;
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
    // None where the walk is left out.
    let compared = Cell::new(None);
    walk(view, async |page, _| {
        let mut wrong = look(page, view).await?;
        wrong.extend(page.unreached().await?);
        let mut seen = compared.take().unwrap_or([false; DISTINCT.len()]);
        let differ = page.differ(DISTINCT).await?;
        for ((differ, pair), seen) in differ.into_iter().zip(DISTINCT).zip(&mut seen) {
            *seen |= differ.is_some();
            if differ == Some(false) {
                wrong.push(format!("{} looks like {}", pair.0, pair.1));
            }
        }
        compared.set(Some(seen));
        Ok(wrong)
    })?;
    for (pair, seen) in compared
        .take()
        .into_iter()
        .flat_map(|seen| DISTINCT.iter().zip(seen))
    {
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
    Session::run(driven(), async |page| {
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
        needs: &[Need::DevTools],
        fault: Fault::Missing,
        expected_problems: &["Failed to load resource"],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.state("error", LOAD).await?;
        page.listen().await?;
        page.click("Try again").await?;
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
        take(page, &Step::Open(FILES), &folder).await?;
        let opened = told(page, "1 note opened.").await?;
        ensure!(
            opened.iter().any(|line| line.contains("b.jsonl:")),
            "{opened:?}"
        );

        page.ready(SHORT_NOTE).await?;
        page.review().await?;
        page.told().await?;
        page.press("a").await?;
        told(page, "Accepted.").await?;
        Ok(())
    })
}

#[test]
fn tip_can_be_reached_and_dismissed() -> Result<()> {
    Session::run(driven(), async |page| {
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
