//! Files and folders become notes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND, long};
use e2e::page::{LOAD, SHORT_NOTE};
use e2e::server::Fault;
use e2e::shelf::SOON;
use e2e::{Need, Session, Setup};
use serde_json::json;
use tempfile::TempDir;

/// How long the page may stand still while it opens a thousand files, on a machine that does other
/// things as well.
const STANDSTILL: Duration = Duration::from_secs(2);

/// Files of every kind, and two that are broken.
const FILES: [(&str, &[u8]); 9] = [
    ("plain.txt", EXAMPLE.as_bytes()),
    (
        "lines.jsonl",
        br#"{"id":"first","text":"No cramps."}
{"id":"second","text":"Severe cramps.","entities":[{"entity_group":"Symptoms","word":"cramps","start":7,"end":13}]}
"#,
    ),
    ("array.json", br#"[{"id":"third","text":"Low LH."}]"#),
    ("words.bio", b"Low O\nestrogen B-Hormones\n\n"),
    ("table.csv", b"id,text\nv1,\"Takes\nletrozole.\"\n"),
    ("pair.txt", b"Heavy menstrual bleeding"),
    ("pair.ann", b"T1\tSymptoms 6 24\tmenstrual bleeding\n"),
    ("latin.txt", b"first line\nma\xf1ana"),
    ("broken.jsonl", b"{\"text\":\"x\"}\n{\"text\":\n"),
];

fn write(folder: &Path, files: &[(&str, &[u8])]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (name, content) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content)?;
        paths.push(path);
    }
    Ok(paths)
}

fn folder() -> Result<TempDir> {
    TempDir::with_prefix("e2e-notes-").context("no folder for notes")
}

async fn names(page: &Session) -> Result<Vec<String>> {
    Ok(page.rows().await?.into_iter().map(|row| row.name).collect())
}

#[test]
fn files_of_every_kind_become_notes() -> Result<()> {
    let folder = folder()?;
    let paths = write(folder.path(), &FILES)?;
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.choose("open-files", &paths).await?;
        let words = page.opened().await?;
        ensure!(words.contains("7 notes opened"), "{words:?}");
        let expected = ["third", "second", "first", "pair", "plain", "v1", "words"];
        let mut found = names(page).await?;
        found.sort();
        let mut sorted = expected.map(str::to_owned);
        sorted.sort();
        assert_eq!(found, sorted);

        let problems = page.text("opening-problems").await?;
        for problem in ["latin.txt:2: not UTF-8", "broken.jsonl:2: "] {
            ensure!(problems.contains(problem), "{problems:?} lacks {problem:?}");
        }

        for (name, value, marks) in [
            (
                "second",
                "Severe cramps.",
                [("cramps", "Symptoms")].as_slice(),
            ),
            ("words", "Low estrogen", &[("estrogen", "Hormones")]),
            (
                "pair",
                "Heavy menstrual bleeding",
                &[("menstrual bleeding", "Symptoms")],
            ),
        ] {
            page.open_note(name).await?;
            let look = page.ready(SHORT_NOTE).await?;
            assert_eq!(look.value, value);
            assert_eq!(look.found(), marks, "{name} shows the marks of its file");
            ensure!(page.is_shown("from-file").await?, "{name} does not say so");
        }
        page.click_on("[data-testid=from-file] button").await?;
        page.ready(SHORT_NOTE).await?;
        ensure!(!page.is_shown("from-file").await?);

        page.open_note("plain").await?;
        let look = page.ready(SHORT_NOTE).await?;
        look.check()?;
        assert_eq!(look.found(), EXAMPLE_FOUND);
        page.open_note("v1").await?;
        assert_eq!(page.ready(SHORT_NOTE).await?.value, "Takes\nletrozole.");
        Ok(())
    })
}

#[test]
fn folders_are_opened_whole() -> Result<()> {
    let folder = folder()?;
    let root = folder.path().join("clinic");
    write(
        &root,
        &[
            ("a.txt", b"No cramps."),
            ("inner/b.txt", b"Low LH."),
            ("inner/deep/c.bio", b"LH B-Hormones\n"),
            ("inner/a.txt", b"Another a."),
            ("image.png", b"\x89PNG"),
            (".hidden", b""),
        ],
    )?;
    let alone = write(folder.path(), &[("alone.txt", b"Alone.")])?;
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.choose("open-folder", &[&root]).await?;
        let words = page.opened().await?;
        ensure!(
            words.starts_with("4 notes opened. 2 other files left out"),
            "{words:?}"
        );
        let whole = ["a", "a (2)", "b", "c"];
        assert_eq!(names(page).await?, whole);

        page.open(&page.server.url()).await?;
        page.ready(LOAD).await?;
        page.drop_files(&[&root, &alone[0]]).await?;
        page.opened().await?;
        let mut found = names(page).await?;
        found.sort();
        assert_eq!(found, ["a", "a (2)", "alone", "b", "c"]);
        Ok(())
    })
}

#[test]
fn a_thousand_files_do_not_freeze_the_page() -> Result<()> {
    let folder = folder()?;
    for number in 0..1000 {
        let name = format!("note {number:03}.txt");
        fs::write(folder.path().join(name), format!("Visit {number}: cramps."))?;
    }
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.watch_pulse().await?;
        page.choose("open-folder", &[folder.path()]).await?;
        page.until("a thousand notes", LOAD, async || {
            let words = page.text("opening").await?;
            Ok(words.starts_with("1000 notes opened").then_some(()))
        })
        .await?;
        let worst = page.longest_standstill().await?;
        ensure!(worst < STANDSTILL, "the page stood still for {worst:?}");
        let rows = page.rows().await?;
        assert_eq!(rows.len(), 100);
        ensure!(rows[0].open && rows[0].name == "note 000", "{:?}", rows[0]);
        page.click("Show all 1000").await?;
        assert_eq!(page.rows().await?.len(), 1000);
        Ok(())
    })
}

#[test]
fn files_wait_for_the_model() -> Result<()> {
    let folder = folder()?;
    let paths = write(folder.path(), &[("early.bio", b"LH B-Hormones\n")])?;
    let setup = Setup {
        fault: Fault::Slow(Duration::from_millis(150)),
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.type_keys("Typed.").await?;
        page.choose("open-files", &[&paths[0]]).await?;
        let words = page.text("opening").await?;
        ensure!(words.contains("as soon as the model is there"), "{words:?}");
        page.ready(LOAD).await?;
        page.opened().await?;
        assert_eq!(names(page).await?, ["Note 1", "early"]);
        assert_eq!(page.ready(SHORT_NOTE).await?.found(), [("LH", "Hormones")]);
        page.open_note("Note 1").await?;
        assert_eq!(page.ready(SHORT_NOTE).await?.value, "Typed.");
        Ok(())
    })
}

#[test]
fn all_notes_are_analysed_or_the_rest_is_left() -> Result<()> {
    const NOTES: usize = 12;
    let folder = folder()?;
    for number in 0..NOTES {
        let text = long(400, &format!("This was visit {number}. {EXAMPLE}"));
        fs::write(folder.path().join(format!("{number:02}.txt")), text)?;
    }
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        page.choose("open-folder", &[folder.path()]).await?;
        page.opened().await?;
        page.ready(SHORT_NOTE).await?;
        let analysed = async || {
            let rows = page.rows().await?;
            let done = rows.iter().filter(|row| row.state == "analysed");
            Ok::<_, anyhow::Error>(done.count())
        };
        assert_eq!(analysed().await?, 1, "only the open note is analysed");

        page.click("Analyse all").await?;
        page.until("progress", SHORT_NOTE, async || {
            let words = page.text("batch").await?;
            Ok(words.contains(&format!("of {NOTES}")).then_some(()))
        })
        .await?;
        page.click("Cancel").await?;
        let done = analysed().await?;
        ensure!(
            done < NOTES,
            "all were analysed before the analysis was cancelled"
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(analysed().await?, done, "it went on after it was cancelled");

        page.click("Analyse all").await?;
        page.until("all notes are analysed", LOAD, async || {
            Ok((analysed().await? == NOTES).then_some(()))
        })
        .await?;
        page.until("the end", SOON, async || {
            let words = page.text("batch").await?;
            Ok(words.contains("All notes are analysed").then_some(()))
        })
        .await?;
        let rows = page.rows().await?;
        ensure!(
            rows.iter().all(|row| row.counts.iter().sum::<usize>() > 2),
            "{rows:?}"
        );
        Ok(())
    })
}

#[test]
fn the_list_is_worked_by_keyboard_and_asks_before_corrections_are_lost() -> Result<()> {
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        ensure!(page.rows().await?.is_empty(), "one note needs no list");
        page.analyse(EXAMPLE, SHORT_NOTE).await?;
        page.click("New note").await?;
        page.analyse("No cramps.", SHORT_NOTE).await?;
        assert_eq!(names(page).await?, ["Note 1", "Note 2"]);

        let focus = "document.querySelectorAll('[data-testid=notes] .name')[1].focus()";
        page.browser.execute(focus, vec![]).await?;
        page.press("ArrowUp").await?;
        let active = "return document.activeElement.innerText.trim()";
        let active = page.browser.execute(active, vec![]).await?;
        assert_eq!(active, "Note 1");
        page.press("Enter").await?;
        assert_eq!(page.ready(SHORT_NOTE).await?.found(), EXAMPLE_FOUND);

        page.review().await?;
        page.press("a").await?;
        assert_eq!(page.rows().await?[0].state, "unsaved");
        let close =
            |name: &str| format!("document.querySelector('[aria-label=\"Close {name}\"]').click()");
        page.browser.execute(&close("Note 1"), vec![]).await?;
        ensure!(page.text("closing").await?.contains("Close Note 1?"));
        page.click("Keep it open").await?;
        ensure!(!page.is_shown("closing").await?);
        assert_eq!(page.rows().await?.len(), 2);

        page.browser.execute(&close("Note 1"), vec![]).await?;
        page.click("Close without exporting").await?;
        ensure!(
            page.rows().await?.is_empty(),
            "one is left, which needs no list"
        );
        assert_eq!(page.look().await?.value, "No cramps.");
        Ok(())
    })
}

/// Pictures for people to look at: the list and the export, in the sizes of `screenshots`.
#[test]
fn views_of_several_notes() -> Result<()> {
    let output = std::env::var_os("E2E_OUTPUT").context("E2E_OUTPUT names no folder")?;
    let output = PathBuf::from(output);
    fs::create_dir_all(&output)?;
    let folder = folder()?;
    let paths = write(folder.path(), &FILES)?;
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let setup = Setup {
        needs: &[Need::View],
        ..Setup::default()
    };
    Session::run(setup, async |page| {
        page.ready(LOAD).await?;
        page.choose("open-files", &paths).await?;
        page.opened().await?;
        page.open_note("plain").await?;
        page.ready(SHORT_NOTE).await?;
        for (name, width, height) in [
            ("narrow", 360, 740),
            ("phone", 390, 844),
            ("laptop", 1366, 900),
            ("desktop", 2560, 1440),
        ] {
            for scheme in ["light", "dark"] {
                page.set_view(width, height, scheme).await?;
                let picture = async |what: &str| {
                    let overflow =
                        "const r = document.documentElement; return r.scrollWidth - r.clientWidth";
                    let overflow = page.browser.execute(overflow, vec![]).await?;
                    ensure!(
                        overflow == json!(0),
                        "{name} {what} sticks out by {overflow}"
                    );
                    let png = page.browser.driver.screenshot_as_png().await?;
                    let file = format!("notes-{name}-{scheme}-{what}.png");
                    Ok(fs::write(output.join(file), png)?)
                };
                picture("list").await?;
                page.click("Export…").await?;
                page.hook("export-open").await?.click().await?;
                picture("export").await?;
                page.hook("export-all").await?.click().await?;
                picture("unfinished").await?;
                page.browser
                    .execute(
                        "document.querySelector('[data-testid=export]').close()",
                        vec![],
                    )
                    .await?;
            }
        }
        Ok(())
    })
}
