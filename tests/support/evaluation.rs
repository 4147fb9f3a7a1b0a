//! The evaluation on the page, through the hooks that it documents for tests.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use thirtyfour::By;

use crate::page::{LOOK, Page};

/// How long the page may take for a file of some thousand words.
pub const SMALL_FILE: Duration = Duration::from_secs(120);

/// What the page shows of an evaluation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Evaluation {
    /// `data-state` of the section: `empty`, `running`, `done` or `failed`.
    pub state: String,
    /// Name of the file; empty where there has been none.
    pub file: String,
    /// What it says while it runs.
    pub status: String,
    /// Documents that are done, while it runs; absent as long as they are not counted.
    pub done: Option<u32>,
    /// Documents of the file, while it runs.
    pub documents: Option<u32>,
    /// The error's text; empty where there is none.
    pub error: String,
    /// Cells of the table of scores: a row per type, then that of all types.
    pub scores: Vec<Vec<String>>,
    /// Cells of the table of types against types: a row per type, then that of what is not marked.
    pub confusion: Vec<Vec<String>>,
    /// What stands about calibration.
    pub calibration: String,
    /// Texts in the drawing of the calibration.
    pub drawn: Vec<String>,
    /// Mistakes: the kind, and the text of what is marked and of what was found.
    pub mistakes: Vec<(String, String, String)>,
}

/// Reads all of [`Evaluation`] at one moment.
const LOOK_SCRIPT: &str = r#"
const get = (name) => document.querySelector(`[data-testid="${name}"]`);
const text = (e) => e ? e.innerText.replace(/\s+/g, " ").trim() : "";
const bar = get("evaluation-progress");
const number = (name) => bar && bar.hasAttribute(name) ? Number(bar.getAttribute(name)) : null;
const rows = (name) => Array.from(get(name)?.tBodies[0].rows ?? [], (row) => Array.from(row.cells, text));
const pieces = (mistake, ...marked) => Array.from(mistake.querySelectorAll(".piece"))
    .filter((piece) => marked.includes(piece.dataset.marked)).map((piece) => piece.textContent).join("");
return {
    state: get("evaluation")?.dataset.state ?? "",
    file: get("evaluation")?.dataset.file ?? "",
    status: text(get("evaluation-status")),
    done: number("value"),
    documents: number("max"),
    error: text(get("evaluation-error")),
    scores: rows("evaluation-scores"),
    confusion: rows("evaluation-confusion"),
    calibration: text(get("evaluation-calibration-error")),
    drawn: Array.from(get("evaluation-calibration")?.querySelectorAll("text") ?? [], (e) => e.textContent.trim()),
    mistakes: Array.from(get("evaluation-worst")?.querySelectorAll("[data-mistake]") ?? [], (mistake) =>
        [mistake.dataset.mistake, pieces(mistake, "gold", "both"), pieces(mistake, "found", "both")]),
};
"#;

/// Drops a file of this name and content.
const DROP_SCRIPT: &str = r#"
const files = new DataTransfer();
files.items.add(new File([arguments[1]], arguments[0]));
const zone = document.querySelector("[data-testid=evaluation-file]").closest("label");
const event = (name) => new DragEvent(name, { bubbles: true, cancelable: true, dataTransfer: files });
const over = event("dragover");
zone.dispatchEvent(over);
const drop = event("drop");
zone.dispatchEvent(drop);
return over.defaultPrevented && drop.defaultPrevented;
"#;

impl Page {
    /// Chooses a file, of another name than the last, for the evaluation, and waits until the page knows of it.
    pub async fn choose_file(&self, path: &Path) -> Result<()> {
        let input = By::Css("[data-testid=evaluation-file]");
        let input = self.browser.driver.find(input).await?;
        let name = path.file_name().and_then(|name| name.to_str());
        let path = path.to_str().context("a path in UTF-8")?;
        input.send_keys(path).await?;
        let start = Instant::now();
        while Some(self.evaluation().await?.file.as_str()) != name {
            ensure!(
                start.elapsed() < SMALL_FILE,
                "the page does not take {path}"
            );
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Drops a file for the evaluation.
    pub async fn drop_file(&self, name: &str, content: &str) -> Result<()> {
        let args = vec![json!(name), json!(content)];
        let taken = self.browser.execute(DROP_SCRIPT, args).await?;
        ensure!(taken == true, "the browser would show the file instead");
        Ok(())
    }

    /// What the page shows of the evaluation now.
    pub async fn evaluation(&self) -> Result<Evaluation> {
        let look = self.browser.execute(LOOK_SCRIPT, vec![]).await?;
        serde_json::from_value(look.clone())
            .with_context(|| format!("the page lacks a test hook: {look}"))
    }

    /// Waits for a state of the evaluation; one in which it has ended otherwise fails at once.
    pub async fn evaluation_state(&self, wanted: &str, limit: Duration) -> Result<Evaluation> {
        self.evaluation_until(limit, |look| look.state == wanted)
            .await
            .with_context(|| format!("waiting for {wanted:?}"))
    }

    /// Waits until the evaluation looks as wanted; when it has ended, it can no longer.
    pub async fn evaluation_until(
        &self,
        limit: Duration,
        wanted: impl Fn(&Evaluation) -> bool,
    ) -> Result<Evaluation> {
        let start = Instant::now();
        loop {
            let look = self.evaluation().await?;
            if wanted(&look) {
                return Ok(look);
            }
            let running = look.state == "running";
            ensure!(running, "the evaluation has ended: {look:?}");
            ensure!(start.elapsed() < limit, "after {limit:?}: {look:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Saves the metrics of the evaluation, and returns the file's content.
    pub async fn metrics(&self, file: &str) -> Result<String> {
        self.click_on("[data-testid=evaluation-download]").await?;
        self.downloaded(file, SMALL_FILE).await
    }
}
