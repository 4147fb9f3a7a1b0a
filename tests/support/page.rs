//! The page, through the hooks that it documents for tests.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;
use thirtyfour::By;

use crate::browser::Browser;

// Deadlines are far above what is usual (a second or two), for tests run side by side on machines
// that do other things as well.

/// How long the page may take from its first request until it is ready.
pub const LOAD: Duration = Duration::from_secs(60);
/// How long a short note may take.
pub const SHORT_NOTE: Duration = Duration::from_secs(60);
/// Rows that the table of findings shows at first.
const ROWS: usize = 100;
/// Between two looks at the page.
pub(crate) const LOOK: Duration = Duration::from_millis(25);

/// A marked entity or its row in the table of findings. Positions are UTF-16 units, as in
/// JavaScript's `slice`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Finding {
    /// Entity type.
    pub entity: String,
    /// First unit.
    pub start: usize,
    /// Unit after the last.
    pub end: usize,
    /// 0 to 1; 0 where a person made it.
    pub score: f64,
    /// `model` or `person`.
    pub source: String,
    /// `open`, `accepted` or `rejected`.
    pub verdict: String,
    /// What the element shows.
    pub text: String,
    /// The note's `value.slice(start, end)`.
    pub slice: String,
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Look {
    /// `data-state` of the state line.
    pub state: String,
    /// The state line's text.
    pub status: String,
    /// The error's text; empty where there is none.
    pub error: String,
    /// Bytes of the model that have arrived, while it loads.
    pub progress: Option<u64>,
    /// The kernels that run, and on how many threads; empty as long as there is no model.
    pub kernels: String,
    /// The note.
    pub value: String,
    /// The marks in the note, in document order.
    pub marks: Vec<Finding>,
    /// The rows of the table.
    pub rows: Vec<Finding>,
}

/// Reads all of [`Look`] at one moment, or, for `brief`, without the note, marks and rows.
const LOOK_SCRIPT: &str = r#"
const brief = arguments[0];
const get = (name) => document.querySelector(`[data-testid="${name}"]`);
const text = (name) => { const e = get(name); return e && e.checkVisibility() ? e.innerText.trim() : ""; };
const note = get("note");
const value = note ? note.value : "";
const all = (selector) => brief ? [] : Array.from(document.querySelectorAll(selector));
// Where marks are drawn, in UTF-16 units of what is drawn.
const places = new Map();
if (!brief && get("review")) {
    const texts = document.createTreeWalker(get("review"), NodeFilter.SHOW_TEXT);
    for (let at = 0; texts.nextNode(); at += texts.currentNode.length) {
        const mark = texts.currentNode.parentElement.closest("mark");
        if (mark && !places.has(mark)) places.set(mark, [at, at + mark.textContent.length]);
    }
}
const finding = (e) => {
    const [start, end] = places.get(e) ?? [Number(e.dataset.start), Number(e.dataset.end)];
    return {
        entity: e.dataset.entity,
        start,
        end,
        score: Number(e.dataset.score),
        source: e.dataset.source,
        verdict: e.dataset.verdict,
        text: (e.querySelector("button") ?? e).textContent,
        slice: value.slice(start, end),
    };
};
return {
    state: get("status")?.dataset.state ?? "",
    status: text("status"),
    error: text("error"),
    progress: get("progress") && Number(get("progress").dataset.received),
    kernels: text("kernels"),
    value: brief ? "" : value,
    marks: all("mark[data-entity]").map(finding),
    rows: all("[data-testid=findings] tr[data-entity]").map(finding),
};
"#;

/// Puts a text into the note as a paste of all of it does.
const SET_SCRIPT: &str = r#"
const note = document.querySelector("[data-testid=note]");
note.value = arguments[0];
note.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertFromPaste" }));
return document.querySelector("[data-testid=status]").dataset.state;
"#;

/// Watches how long the page goes without a turn of its event loop.
const PULSE_SCRIPT: &str = r#"
window.pulse = { last: performance.now(), worst: 0 };
setInterval(() => {
    const now = performance.now();
    window.pulse.worst = Math.max(window.pulse.worst, now - window.pulse.last);
    window.pulse.last = now;
}, 10);
"#;

/// A place to paste to, above everything else.
const PASTE_SCRIPT: &str = r#"
const box = document.createElement("textarea");
box.id = "e2e-paste";
self.e2ePasted = null;
box.addEventListener("paste", (event) => {
    event.preventDefault();
    event.stopPropagation();
    self.e2ePasted = event.clipboardData.getData("text/plain");
});
(document.querySelector("dialog[open]") ?? document.body).append(box);
box.focus();
"#;

/// An open page.
#[derive(Debug)]
pub struct Page {
    /// Where it is open.
    pub browser: Browser,
}

impl Page {
    /// Navigates to the page and waits until its editor is there.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.browser.goto(url).await?;
        let start = Instant::now();
        loop {
            let there = "return document.querySelector('[data-testid=note]') !== null \
                && document.querySelector('[data-testid=status]') !== null";
            if self.browser.execute(there, vec![]).await? == true {
                return Ok(());
            }
            if start.elapsed() > LOAD {
                let body = self
                    .browser
                    .execute("return document.body.innerText", vec![])
                    .await?;
                bail!("{url} shows no editor within {LOAD:?}, only {body}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What the page shows now.
    pub async fn look(&self) -> Result<Look> {
        self.look_at(false).await
    }

    async fn look_at(&self, brief: bool) -> Result<Look> {
        let look = async || self.browser.execute(LOOK_SCRIPT, vec![json!(brief)]).await;
        let mut seen = look().await?;
        if seen.is_null() {
            // The page has just given way to another, as it does once for the service worker.
            tokio::time::sleep(LOOK).await;
            seen = look().await?;
        }
        let look = seen;
        serde_json::from_value(look.clone())
            .with_context(|| format!("the page lacks a test hook: {look}"))
    }

    /// Waits until the page is ready and has made the last request of its own, and returns what it then shows.
    pub async fn ready(&self, limit: Duration) -> Result<Look> {
        self.state("ready", limit).await?;
        self.until("the page counts its requests", limit, async || {
            let counted = "return document.querySelector('[data-testid=sent]').dataset.requests !== undefined";
            let counted = self.browser.execute(counted, vec![]).await?;
            Ok((counted == true).then_some(()))
        })
        .await?;
        self.look().await
    }

    /// Waits for a state. An error state that is not waited for fails at once.
    pub async fn state(&self, wanted: &str, limit: Duration) -> Result<Look> {
        let start = Instant::now();
        loop {
            let look = self.look_at(true).await?;
            if look.state == wanted {
                return self.look().await;
            }
            ensure!(
                look.state != "error",
                "instead of {wanted:?} the page shows the error {:?}",
                look.error
            );
            ensure!(
                start.elapsed() < limit,
                "not {wanted:?} within {limit:?} but {:?}: {:?}",
                look.state,
                look.status
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Replaces the note. Returns the state right after the page was told of it.
    pub async fn set_note(&self, text: &str) -> Result<String> {
        let state = self.browser.execute(SET_SCRIPT, vec![json!(text)]).await?;
        state
            .as_str()
            .map(str::to_owned)
            .context("the state line has no data-state")
    }

    /// Replaces the note and waits until it is wholly analysed.
    pub async fn analyse(&self, text: &str, limit: Duration) -> Result<Look> {
        let state = self.set_note(text).await?;
        ensure!(
            state != "ready",
            "the page calls a note ready at the moment in which it comes"
        );
        self.ready(limit).await
    }

    /// Types into the note with the keyboard.
    pub async fn type_keys(&self, keys: &str) -> Result<()> {
        let note = self
            .browser
            .driver
            .find(By::Css("[data-testid=note]"))
            .await?;
        Ok(note.send_keys(keys).await?)
    }

    /// Clicks the button of that text.
    pub async fn click(&self, button: &str) -> Result<()> {
        let path = format!("//button[normalize-space()='{button}']");
        self.click_element(By::XPath(path)).await
    }

    /// Clicks an element, which is brought clear of what floats over the page first.
    pub(crate) async fn click_element(&self, element: By) -> Result<()> {
        let element = self.browser.driver.find(element).await?;
        let show = "arguments[0].scrollIntoView({ behavior: 'instant', block: 'center' })";
        self.browser.execute(show, vec![element.to_json()?]).await?;
        Ok(element.click().await?)
    }

    /// Clicks the first element that a CSS selector finds.
    pub async fn click_on(&self, selector: &str) -> Result<()> {
        self.click_element(By::Css(selector)).await
    }

    /// Waits until the browser has saved a file of this name, and returns what stands in it. The file is
    /// gone then, so that another one can have its name.
    pub async fn downloaded(&self, name: &str, limit: Duration) -> Result<String> {
        let bytes = self.downloaded_bytes(name, limit).await?;
        String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))
    }

    /// As [`Self::downloaded`], for a file that is no text.
    pub async fn downloaded_bytes(&self, name: &str, limit: Duration) -> Result<Vec<u8>> {
        let path = self.browser.downloads().join(name);
        let start = Instant::now();
        // Until it is whole the browser calls it otherwise, or keeps an empty file in its place.
        while !fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
            ensure!(
                start.elapsed() < limit,
                "the browser has not saved {name} within {limit:?}"
            );
            tokio::time::sleep(LOOK).await;
        }
        let content = fs::read(&path).with_context(|| path.display().to_string())?;
        fs::remove_file(&path)?;
        Ok(content)
    }

    /// Starts to watch for how long the page stands still.
    pub async fn watch_pulse(&self) -> Result<()> {
        self.browser.execute(PULSE_SCRIPT, vec![]).await.map(|_| ())
    }

    /// The longest time that the page has stood still since [`Self::watch_pulse`].
    pub async fn longest_standstill(&self) -> Result<Duration> {
        let script = "return Math.max(window.pulse.worst, performance.now() - window.pulse.last)";
        let worst = self.browser.execute(script, vec![]).await?;
        Ok(Duration::from_secs_f64(
            worst.as_f64().context("the watch does not run")? / 1000.0,
        ))
    }

    /// Sets the size of the view in CSS pixels and the colour scheme (`light` or `dark`).
    pub async fn set_view(&self, width: u32, height: u32, scheme: &str) -> Result<()> {
        self.browser
            .set_view([width, height], scheme, "screen")
            .await
    }

    /// What the page has put on the clipboard.
    pub async fn copied(&self) -> Result<String> {
        if let Some(devtools) = self.browser.devtools() {
            // It would ask a person.
            let permissions =
                json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
            devtools
                .command("Browser.grantPermissions", permissions)
                .await?;
            let text = self.browser.evaluate("navigator.clipboard.readText()");
            return text.await?.as_str().map(str::to_owned).context("no text");
        }
        // Elsewhere as a person looks what it is.
        self.browser.execute(PASTE_SCRIPT, vec![]).await?;
        self.press("Control+v").await?;
        let pasted = "document.querySelector('#e2e-paste').remove(); return self.e2ePasted";
        let text = self.browser.execute(pasted, vec![]).await?;
        text.as_str()
            .map(str::to_owned)
            .context("nothing is pasted")
    }
}

impl Look {
    /// Checks what must be true of every ready page: each mark shows exactly its part of the note,
    /// marks are in order and do not overlap, and the table lists the same findings.
    pub fn check(&self) -> Result<()> {
        let mut end = 0;
        for mark in &self.marks {
            ensure!(
                mark.start >= end && mark.end > mark.start,
                "{mark:?} begins before {end} or is empty"
            );
            ensure!(
                mark.text == mark.slice,
                "the mark shows {:?}, the note has {:?} there",
                mark.text,
                mark.slice
            );
            ensure!((0.0..=1.0).contains(&mark.score), "{mark:?}");
            end = mark.end;
        }
        let standing = || self.marks.iter().filter(|mark| mark.verdict != "rejected");
        let count = standing().count();
        ensure!(
            self.rows.len() == count.min(ROWS),
            "{} rows for {count} marks",
            self.rows.len(),
        );
        for (mark, row) in standing().zip(&self.rows) {
            ensure!(mark == row, "{mark:?}\nis listed as {row:?}");
        }
        Ok(())
    }

    /// Type and text of every mark in order.
    pub fn found(&self) -> Vec<(&str, &str)> {
        self.marks
            .iter()
            .map(|mark| (mark.text.as_str(), mark.entity.as_str()))
            .collect()
    }
}
