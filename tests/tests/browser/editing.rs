//! A note goes in, entities come out.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::answers::{Entity, utf16_in_text_area};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND, long};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::terminal::trainer;
use e2e::{Session, Setup};

#[test]
fn pasted_example_gets_its_entities() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        let empty = page.ready(LOAD).await?;
        ensure!(
            empty.marks.is_empty() && empty.rows.is_empty(),
            "an empty note has findings: {empty:?}"
        );
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        look.check()?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        let places: Vec<_> = look
            .marks
            .iter()
            .map(|mark| (mark.start, mark.end))
            .collect();
        assert_eq!(places, [(16, 33), (42, 50)]);
        assert_eq!(look.rows.len(), 2, "{:?}", look.rows);
        Ok(())
    })
}

#[test]
fn works_below_a_path() -> Result<()> {
    let setup = Setup {
        base: "/a/b/",
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        let stray: Vec<_> = page
            .server
            .log()
            .into_iter()
            .filter(|line| !line.starts_with("GET /a/b/"))
            .collect();
        ensure!(
            stray.is_empty(),
            "requested outside of the site's path: {stray:?}"
        );
        Ok(())
    })
}

#[test]
fn typing_updates_the_entities() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.type_keys(EXAMPLE).await?;
        let look = page.ready(SHORT_NOTE).await?;
        assert_eq!(look.found(), EXAMPLE_FOUND);

        page.type_keys(" She denies nausea.").await?;
        let look = page.ready(SHORT_NOTE).await?;
        look.check()?;
        assert_eq!(
            look.found(),
            [EXAMPLE_FOUND.as_slice(), &[("nausea", "Symptoms")]].concat()
        );

        // Without the word that makes it one, the first entity goes or changes; the others stay
        // where they are.
        let look = page
            .analyse(
                &look.value.replacen("irregular periods", "nothing new", 1),
                SHORT_NOTE,
            )
            .await?;
        look.check()?;
        assert_eq!(
            look.found(),
            [("estrogen", "Hormones"), ("nausea", "Symptoms")]
        );

        let look = page.analyse("", SHORT_NOTE).await?;
        ensure!(look.marks.is_empty() && look.rows.is_empty(), "{look:?}");
        Ok(())
    })
}

/// Types one character at the note's start and tells the state right before and after, in the same
/// turn of the event loop.
const EDIT_AT_START: &str = r#"
const note = document.querySelector("[data-testid=note]");
const state = () => document.querySelector("[data-testid=status]").dataset.state;
const before = state();
note.setRangeText("X", 0, 0, "end");
note.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: "X" }));
return [before, state()];
"#;

#[test]
fn edit_ends_ready_at_once_and_marks_move_with_the_text() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let note = format!("Seen today.\n{EXAMPLE}");
        page.analyse(&note, SHORT_NOTE).await?;
        let states = page.browser.execute(EDIT_AT_START, vec![]).await?;
        ensure!(
            states[0] == "ready" && states[1] != "ready",
            "before and after an edit: {states}"
        );

        let look = page.look().await?;
        look.check()?;
        assert_eq!(look.value, format!("X{note}"));
        assert_eq!(
            look.found(),
            EXAMPLE_FOUND,
            "marks that the edit did not touch stay"
        );
        page.ready(SHORT_NOTE).await?.check()
    })
}

/// Types one character at the note's start and tells what that has changed in what is drawn, in the same turn of the event loop:
/// attributes of other elements, elements that came, and elements that went.
const DRAWN_BY_EDIT: &str = r#"
// Some browsers tell it as soon as the event has been heard.
const records = [];
const watch = new MutationObserver((told) => records.push(...told));
const all = { subtree: true, childList: true, attributes: true, characterData: true };
watch.observe(document.querySelector("[data-testid=review]"), all);
const note = document.querySelector("[data-testid=note]");
note.setRangeText("X", 0, 0, "end");
note.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: "X" }));
records.push(...watch.takeRecords());
const sum = (list) => records.reduce((total, record) => total + record[list].length, 0);
return [records.filter((record) => record.type !== "childList").length, sum("addedNodes"), sum("removedNodes")];
"#;

/// Whatever an edit changes in other lines, be it a single attribute, the browser styles or lays out anew: in a long note that
/// takes longer than a frame.
#[test]
fn edit_of_a_long_note_draws_its_own_line_only() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let lines = 300;
        let note = [EXAMPLE].repeat(lines).join("\n");
        let look = page.analyse(&note, SHORT_NOTE).await?;
        assert_eq!(look.marks.len(), lines * EXAMPLE_FOUND.len());
        let drawn = page.browser.execute(DRAWN_BY_EDIT, vec![]).await?;
        assert_eq!(drawn, serde_json::json!([0, 1, 1]));
        page.ready(SHORT_NOTE).await?.check()
    })
}

#[test]
fn click_on_a_finding_selects_it_in_the_note() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let look = page.analyse(EXAMPLE, SHORT_NOTE).await?;
        let script = r#"
            const row = document.querySelectorAll("[data-testid=findings] tr[data-entity]")[arguments[0]];
            (row.querySelector("button") ?? row).click();
            const note = document.querySelector("[data-testid=note]");
            return note.value.slice(note.selectionStart, note.selectionEnd);
        "#;
        for (number, row) in look.rows.iter().enumerate() {
            let selected = page.browser.execute(script, vec![number.into()]).await?;
            assert_eq!(selected, row.slice.as_str());
        }
        Ok(())
    })
}

#[test]
fn note_pasted_while_the_model_loads_is_analysed() -> Result<()> {
    let setup = Setup {
        fault: Fault::Slow(Duration::from_millis(150)),
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        let state = page.set_note(EXAMPLE).await?;
        assert_eq!(state, "loading");
        let mut progress = Vec::new();
        while page.look().await?.state == "loading" {
            progress.extend(page.look().await?.progress);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        progress.dedup();
        ensure!(progress.is_sorted(), "{progress:?}");
        ensure!(
            progress.len() >= 3,
            "the bytes that had arrived were only seen as {progress:?}"
        );
        assert_eq!(page.ready(LOAD).await?.found(), EXAMPLE_FOUND);
        Ok(())
    })
}

/// Type and place of every mark that the terminal finds in a text.
fn in_the_terminal(text: &str) -> Result<Vec<(String, usize, usize)>> {
    let printed = trainer(&["predict", text, "--format", "jsonl"])?;
    let mut record: serde_json::Value = serde_json::from_str(&printed)?;
    let entities: Vec<Entity> = serde_json::from_value(record["entities"].take())?;
    let place = |at| utf16_in_text_area(text, at);
    let found = entities
        .into_iter()
        .map(|entity| (entity.entity_group, place(entity.start), place(entity.end)));
    Ok(found.collect())
}

/// Edits without waiting for their analysis, as somebody who works on a note makes them; now and then it is waited for.
#[test]
fn edits_end_where_the_terminal_does() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let mut text = long(400, EXAMPLE);
        page.analyse(&text, SHORT_NOTE).await?;
        // Where in the text, by hundredths, how many characters go, and what comes.
        let edits: [(usize, usize, &str); 12] = [
            (50, 0, "She denies nausea. "),
            (10, 30, ""),
            (90, 0, "\n\nPlan: letrozole, then IUI."),
            (33, 1, " é😀 "),
            (0, 12, "Sie"),
            (66, 200, "Severe cramps on day 1."),
            (67, 0, "x"),
            (67, 1, ""),
            (25, 0, "\n"),
            (99, 40, ""),
            (45, 5, "hot flashes"),
            (5, 0, "Takes metformin. "),
        ];
        for (number, (at, gone, new)) in edits.into_iter().enumerate() {
            let at = (0..=text.len() * at / 100).rfind(|&at| text.is_char_boundary(at));
            let from = at.unwrap_or_default();
            let to = (from + gone).min(text.len());
            let to = (to..=text.len()).find(|&to| text.is_char_boundary(to));
            text.replace_range(from..to.unwrap_or(text.len()), new);
            page.set_note(&text).await?;
            if number % 4 == 3 {
                let look = page.ready(SHORT_NOTE).await?;
                look.check()?;
                let marks = look.marks.iter();
                let found: Vec<_> = marks
                    .map(|mark| (mark.entity.clone(), mark.start, mark.end))
                    .collect();
                assert_eq!(found, in_the_terminal(&text)?, "after edit {number}");
            } else {
                tokio::time::sleep(Duration::from_millis(120 * (number as u64 % 3))).await;
            }
        }
        Ok(())
    })
}
