//! What a visitor waits for, downloads and spends memory on. `cargo xtask bench --page` builds what is measured and runs this, which
//! prints a table for the README. Nothing is reported of a page whose answers are not what they should be.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::browser::Browser;
use e2e::embedding::{evaluate, no_worker_is_left, with_page, with_site};
use e2e::notes::{EXAMPLE, EXAMPLE_FOUND, long};
use e2e::page::LOAD;
use e2e::{Session, Setup, site_folder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Of each kind, in turns.
const VISITS: usize = 5;
const NOTE_LENGTH: usize = 100_000;
/// As fast as a person who is good at it.
const KEY: Duration = Duration::from_millis(100);
const TYPED: &str = " Denies nausea. ";
/// How long the browser may take to give memory back.
const BACK: Duration = Duration::from_secs(20);

/// In place of a person: pastes the example as soon as there is an editor, and looks when its marks are there.
const CLOCK: &str = r#"
const example = "Patient reports irregular periods and low estrogen.";
let pasted = false;
const look = () => {
    const editor = document.querySelector("[data-testid=note]");
    if (editor && !pasted) {
        pasted = true;
        editor.value = example;
        editor.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }));
    }
    const marks = pasted ? [...document.querySelectorAll("mark[data-entity]")] : [];
    if (marks.length > 0 && !window.first) window.first = { ms: performance.now(), marks: marks.length };
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
"#;

fn main() -> Result<()> {
    let mut visits = Visits::default();
    for visit in 1..=VISITS {
        eprintln!("  visit {visit} of {VISITS}");
        visits.make()?;
    }
    eprintln!("  typing");
    let standstills = typing()?;
    eprintln!("  the package");
    let [without, with, after] = package()?;
    let [raw, gzip, brotli] = visits.weight;

    println!("| what a visitor waits for and spends | |");
    println!("|---|--:|");
    println!(
        "| page and worker, all that a first visit fetches but the model: brotli (gzip, raw) | {} ({}, {}) |",
        megabytes(brotli),
        megabytes(gzip),
        megabytes(raw)
    );
    for (name, times) in [
        ("nothing in the cache", &mut visits.cold),
        ("everything in the cache", &mut visits.warm),
    ] {
        println!(
            "| from navigation to the first entities, {name}: median (least) | {:.2} s ({:.2}) |",
            median(times),
            times[0]
        );
    }
    for (place, worst) in standstills {
        println!(
            "| longest block of the main thread while typing {place} a note of 100,000 characters | {} ms |",
            worst.as_millis()
        );
    }
    println!(
        "| memory of an empty page; of the page with its model | {}; {} |",
        megabytes(empty()?),
        megabytes(visits.loaded)
    );
    println!(
        "| memory of a page of somebody else's with the package, before it loads a model; with it; after `dispose()` | {}; {}; {} |",
        megabytes(without),
        megabytes(with),
        megabytes(after)
    );
    Ok(())
}

#[derive(Default)]
struct Visits {
    /// Seconds.
    cold: Vec<f64>,
    warm: Vec<f64>,
    /// Bytes: raw, and with gzip and brotli as the site has them.
    weight: [u64; 3],
    /// Bytes of memory.
    loaded: u64,
}

impl Visits {
    /// Comes for the first time, and once more.
    fn make(&mut self) -> Result<()> {
        let profile = TempDir::with_prefix("e2e-bench-")?;
        let setup = || Setup {
            before: Some(CLOCK),
            profile: Some(profile.path().to_owned()),
            ..Setup::default()
        };
        Session::run(setup(), async |page| {
            self.cold.push(first_entities(&page.browser).await?);
            page.ready(LOAD).await?;
            self.loaded = collected(&page.browser).await?;
            self.weight = weight(&page.server.log())?;
            page.browser.goto("about:blank").await?;
            page.browser.goto(&page.server.url()).await?;
            self.warm.push(first_entities(&page.browser).await?);
            page.ready(LOAD).await?;
            Ok(())
        })
    }
}

/// Seconds from navigation until the example's entities are marked.
async fn first_entities(browser: &Browser) -> Result<f64> {
    let mut first = Value::Null;
    wait(LOAD, "the first entities", async || {
        first = browser.evaluate("window.first ?? null").await?;
        Ok(!first.is_null())
    })
    .await?;
    ensure!(
        first["marks"] == EXAMPLE_FOUND.len(),
        "the example has other entities: {first}"
    );
    Ok(first["ms"].as_f64().context("no time")? / 1000.0)
}

/// Bytes of the files behind the requests, but for the model's: raw, gzip and brotli.
fn weight(log: &[String]) -> Result<[u64; 3]> {
    let site = site_folder()?;
    let mut sum = [0; 3];
    let paths: BTreeSet<_> = log
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|path| path.split('?').next().unwrap_or(path))
        .filter(|path| !path.contains("/models/"))
        .map(|path| path.trim_start_matches('/'))
        .map(|path| if path.is_empty() { "index.html" } else { path })
        .collect();
    for path in paths {
        let size = |ending: &str| fs::metadata(site.join(format!("{path}{ending}")));
        // An icon that every browser asks for.
        let Ok(raw) = size("") else { continue };
        let raw = raw.len();
        let packed = |ending: &str| size(ending).map_or(raw, |file| file.len());
        for (sum, bytes) in sum.iter_mut().zip([raw, packed(".gz"), packed(".br")]) {
            *sum += bytes;
        }
    }
    ensure!(sum[0] > 0, "nothing was fetched: {log:?}");
    Ok(sum)
}

/// For how long the page stands still at most while a person types into a long note.
fn typing() -> Result<Vec<(&'static str, Duration)>> {
    let mut standstills = Vec::new();
    Session::run(Setup::default(), async |page| {
        page.ready(LOAD).await?;
        let mut note = long(NOTE_LENGTH / 4, EXAMPLE);
        note.truncate(NOTE_LENGTH - EXAMPLE.len());
        note += EXAMPLE;
        ensure!(note.len() == NOTE_LENGTH, "the note is {}", note.len());
        page.analyse(&note, 3 * LOAD).await?;
        for (place, at) in [
            ("at the start of", 0),
            ("in the middle of", NOTE_LENGTH / 2),
            ("at the end of", usize::MAX),
        ] {
            let at = at.min(note.len());
            let caret = "const note = document.querySelector('[data-testid=note]'); note.focus(); \
                         note.setSelectionRange(arguments[0], arguments[0])";
            page.browser.execute(caret, vec![json!(at)]).await?;
            page.watch_pulse().await?;
            for letter in TYPED.chars() {
                let key = match letter {
                    ' ' => "Space".to_owned(),
                    letter => letter.to_string(),
                };
                page.press(&key).await?;
                tokio::time::sleep(KEY).await;
            }
            note.insert_str(at, TYPED);
            // What follows upon the last key as well.
            let look = page.ready(3 * LOAD).await?;
            ensure!(look.value == note, "what was typed is not in the note");
            ensure!(!look.marks.is_empty(), "nothing is marked");
            standstills.push((place, page.longest_standstill().await?));
        }
        Ok(())
    })?;
    Ok(standstills)
}

/// Memory of a page without anything.
fn empty() -> Result<u64> {
    let site = TempDir::with_prefix("e2e-bench-")?;
    let page = "<!doctype html><title>Empty</title><link rel=\"icon\" href=\"data:,\">";
    fs::write(site.path().join("index.html"), page)?;
    let mut bytes = 0;
    with_site(site.path(), true, &[], async |browser, _| {
        bytes = collected(browser).await?;
        Ok(())
    })?;
    Ok(bytes)
}

/// Memory of a page before there is a pipeline, with one, and after it was disposed of.
fn package() -> Result<[u64; 3]> {
    let mut bytes = [0; 3];
    with_page(true, async |browser, _| {
        bytes[0] = collected(browser).await?;
        let run = format!(
            "window.ner = await pipeline('token-classification'); \
             return (await ner({EXAMPLE:?})).map((entity) => [entity.word, entity.entity_group])"
        );
        let found = evaluate(browser, &run).await?;
        ensure!(found == json!(EXAMPLE_FOUND), "{found}");
        bytes[1] = collected(browser).await?;
        evaluate(browser, "await ner.dispose(); return 1").await?;
        no_worker_is_left(browser).await?;
        // The browser takes its time.
        let start = Instant::now();
        bytes[2] = u64::MAX;
        while start.elapsed() < BACK {
            bytes[2] = bytes[2].min(collected(browser).await?);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    })?;
    Ok(bytes)
}

/// Memory of the page's processes once what is garbage is gone.
async fn collected(browser: &Browser) -> Result<u64> {
    let devtools = browser.devtools().context("only Chromium is measured")?;
    let collect = devtools.command("HeapProfiler.collectGarbage", json!({}));
    collect.await?;
    browser.memory()
}

async fn wait(
    limit: Duration,
    what: &str,
    mut done: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let start = Instant::now();
    while !done().await? {
        ensure!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Ok(())
}

/// Sorts them, too.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn megabytes(bytes: u64) -> String {
    match bytes as f64 / 1e6 {
        small if small < 20.0 => format!("{small:.2} MB"),
        large => format!("{large:.0} MB"),
    }
}
