//! Several notes in the page: opening, listing and exporting them, through the hooks that the page
//! documents for tests.
//!
//! `shelf` is all of it. `open-files` and `open-folder` are the file inputs, `drop` is what shows that
//! files can be dropped, `opening` and `opening-problems` say what came of it. `notes` is the table of
//! notes, a row for each with `data-state`: `waiting`, `analysed`, `from-file` or `unsaved`. `batch`
//! is the analysis of all of them. `export` is the dialog; in it are `export-open`, `export-all`,
//! `format-NAME`, `reviewed-only`, `export-unfinished` and `export-done`. `closing` asks before a note
//! is closed. `keep-draft` is the switch of the draft, `draft-trouble` what is wrong with it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use thirtyfour::By;

use crate::page::Page;

/// How long the page may take for what needs no model.
pub const SOON: Duration = Duration::from_secs(20);
/// Between two looks at the page.
const LOOK: Duration = Duration::from_millis(25);

/// A row of the list of notes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Row {
    /// What the note is called.
    pub name: String,
    /// `data-state`.
    pub state: String,
    /// Marks of each type.
    pub counts: Vec<usize>,
    /// Whether it is the open one.
    pub open: bool,
}

const ROWS_SCRIPT: &str = r#"
return Array.from(document.querySelectorAll("[data-testid=notes] tbody tr")).map((row) => ({
    name: row.querySelector(".name").textContent.trim(),
    state: row.dataset.state,
    counts: Array.from(row.querySelectorAll("[data-count]")).map((cell) => Number(cell.dataset.count)),
    open: row.getAttribute("aria-current") === "true",
}));
"#;

impl Page {
    /// Chooses files in the dialog of "Open files…", or a folder in that of "Open folder…".
    pub async fn choose(&self, input: &str, paths: &[&Path]) -> Result<()> {
        if let [folder] = paths
            && folder.is_dir()
            && self.browser.devtools().is_none()
        {
            // Other WebDrivers choose files only.
            return self.choose_folder(input, folder).await;
        }
        let mut files = Vec::new();
        for path in paths {
            files.push(path.to_str().context("a path that is no text")?);
        }
        let input = self.hook(input).await?;
        Ok(input.send_keys(files.join("\n")).await?)
    }

    /// Drags files and folders onto the page, looks whether it shows that they can be dropped, and drops
    /// them.
    pub async fn drop_files(&self, paths: &[&Path]) -> Result<()> {
        let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
        let devtools = self.browser.devtools();
        if devtools.is_none() {
            self.drag_files(paths).await?;
        }
        let (x, y) = (300, 500);
        for kind in ["dragEnter", "dragOver", "drop"] {
            if let Some(devtools) = devtools {
                let event = json!({ "type": kind, "x": x, "y": y, "data": data });
                devtools.command("Input.dispatchDragEvent", event).await?;
            } else {
                self.drag_event(&kind.to_lowercase(), x, y).await?;
            }
            let shown = self.is_shown("drop").await?;
            let wanted = kind != "drop";
            ensure!(
                shown == wanted,
                "after {kind} the place to drop is shown: {shown}"
            );
        }
        Ok(())
    }

    /// The list of notes; empty where it is not shown.
    pub async fn rows(&self) -> Result<Vec<Row>> {
        let rows = self.browser.execute(ROWS_SCRIPT, vec![]).await?;
        Ok(serde_json::from_value(rows)?)
    }

    /// Waits until what is being opened is there; returns what the page says of it.
    pub async fn opened(&self) -> Result<String> {
        self.until("files are opened", SOON, async || {
            let words = self.text("opening").await?;
            let done = words.contains("opened.") || words.contains("left out");
            Ok(done.then_some(words))
        })
        .await
    }

    /// Opens the note of that name from the list.
    pub async fn open_note(&self, name: &str) -> Result<()> {
        let path = format!("//*[@data-testid='notes']//button[normalize-space()='{name}']");
        self.click_element(By::XPath(path)).await
    }

    /// Goes on to the review of the open note, in which its first mark has the keyboard.
    pub async fn review(&self) -> Result<()> {
        self.click("Review").await?;
        let focused = "return document.activeElement.tagName === 'MARK'";
        self.until("a mark has the keyboard", SOON, async || {
            let focused = self.browser.execute(focused, vec![]).await?;
            Ok((focused == Value::Bool(true)).then_some(()))
        })
        .await
    }

    /// Opens the export of the open note or of all, chooses the format, and presses a button of the
    /// dialog. Returns what the dialog then says.
    pub async fn export(&self, format: &str, all: bool, button: &str) -> Result<String> {
        if !self.is_shown("export").await? {
            self.click("Export…").await?;
        }
        let several = self.is_shown("export-all").await?;
        if several {
            let scope = if all { "export-all" } else { "export-open" };
            self.click_on(&format!("[data-testid='{scope}']")).await?;
        }
        self.click_on(&format!("[data-testid='format-{format}']"))
            .await?;
        let path =
            format!("//*[@data-testid='export']//footer/button[normalize-space()='{button}']");
        self.click_element(By::XPath(path)).await?;
        self.until("the export is done", SOON, async || {
            let words = self.text("export-done").await?;
            Ok((!words.is_empty()).then_some(words))
        })
        .await
    }

    /// The element of a test hook.
    pub async fn hook(&self, name: &str) -> Result<thirtyfour::WebElement> {
        let found = self
            .browser
            .driver
            .find(By::Css(format!("[data-testid='{name}']")));
        found
            .await
            .with_context(|| format!("no {name} on the page"))
    }

    /// Whether the element of a test hook is seen.
    pub async fn is_shown(&self, name: &str) -> Result<bool> {
        let script = "const e = document.querySelector(`[data-testid='${arguments[0]}']`); \
            return e !== null && e.checkVisibility();";
        Ok(self.browser.execute(script, vec![json!(name)]).await? == Value::Bool(true))
    }

    /// What the element of a test hook shows; empty where it is not seen.
    pub async fn text(&self, name: &str) -> Result<String> {
        let script = "const e = document.querySelector(`[data-testid='${arguments[0]}']`); \
            return e && e.checkVisibility() ? e.innerText.trim() : '';";
        let text = self.browser.execute(script, vec![json!(name)]).await?;
        text.as_str().map(str::to_owned).context("no text")
    }

    /// Looks until there is something to return.
    pub async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        look: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            ensure!(start.elapsed() < limit, "not within {limit:?}: {what}");
            tokio::time::sleep(LOOK).await;
        }
    }
}
