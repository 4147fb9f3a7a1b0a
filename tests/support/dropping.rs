//! Files and folders that are chosen and dropped where no protocol does it: by what a page itself can make of a file input.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use thirtyfour::By;

use crate::page::Page;

/// An input of our own, by which the browser lets the page have files.
const INPUT_SCRIPT: &str = r#"
const input = document.createElement("input");
Object.assign(input, { id: "e2e-files", type: "file", multiple: true });
document.body.append(input);
"#;

/// Takes our input away and hands its files to the folder input `arguments[0]`, each with its path in the folder.
const CHOOSE_SCRIPT: &str = r#"
const [name, paths] = arguments;
const own = document.querySelector("[id=e2e-files]");
own.remove();
Array.from(own.files).forEach((file, at) => Object.defineProperty(file, "webkitRelativePath", { value: paths[at] }));
const input = document.querySelector(`[data-testid='${name}']`);
Object.defineProperty(input, "files", { value: own.files, configurable: true });
input.dispatchEvent(new Event("change", { bubbles: true }));
"#;

/// Takes our input away and makes of its files what is dropped. A script can put no folder there, so that where there is one,
/// what the page asks about the dropped is answered by ourselves.
const DRAG_SCRIPT: &str = r#"
const paths = arguments[0];
const own = document.querySelector("[id=e2e-files]");
own.remove();
const data = self.e2eDrop = new DataTransfer();
const roots = new Map();
Array.from(own.files).forEach((file, at) => {
    const parts = paths[at].split("/");
    let within = roots;
    for (const part of parts.slice(0, -1)) {
        if (!within.has(part)) within.set(part, new Map());
        within = within.get(part);
    }
    within.set(parts.at(-1), file);
});
const entry = (path, content) => content instanceof File
    ? { isFile: true, isDirectory: false, fullPath: path, file: (done) => done(content) }
    : { isFile: false, isDirectory: true, fullPath: path, createReader: () => {
        let rest = [...content].map(([name, inner]) => entry(`${path}/${name}`, inner));
        // As browsers do it, some at a time.
        return { readEntries: (done) => setTimeout(() => done(rest.splice(0, 2))) };
    } };
const entries = [...roots].map(([name, content]) => entry(`/${name}`, content));
const isFolder = (content) => !(content instanceof File);
for (const [name, content] of roots) data.items.add(isFolder(content) ? new File([], name) : content);
if ([...roots.values()].some(isFolder)) {
    const order = [...roots.keys()];
    DataTransferItem.prototype.webkitGetAsEntry = function () { return entries[order.indexOf(this.getAsFile().name)]; };
}
"#;

/// One event of the drag.
const EVENT_SCRIPT: &str = r#"
const [kind, x, y] = arguments;
const at = document.elementFromPoint(x, y) ?? document.body;
at.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, clientX: x, clientY: y, dataTransfer: self.e2eDrop }));
"#;

impl Page {
    /// Chooses a folder in the input of a test hook.
    pub(crate) async fn choose_folder(&self, input: &str, folder: &Path) -> Result<()> {
        let paths = self.have_files(&[folder]).await?;
        let args = vec![json!(input), paths];
        self.browser.execute(CHOOSE_SCRIPT, args).await.map(|_| ())
    }

    /// Begins to drag files and folders.
    pub(crate) async fn drag_files(&self, paths: &[&Path]) -> Result<()> {
        let paths = self.have_files(paths).await?;
        self.browser
            .execute(DRAG_SCRIPT, vec![paths])
            .await
            .map(|_| ())
    }

    /// An event of what is dragged: `dragenter`, `dragover` or `drop`.
    pub(crate) async fn drag_event(&self, kind: &str, x: u32, y: u32) -> Result<()> {
        let args = vec![json!(kind), json!(x), json!(y)];
        self.browser.execute(EVENT_SCRIPT, args).await.map(|_| ())
    }

    /// Lets the page have files and what is in folders; returns their paths, a folder's from its name on.
    async fn have_files(&self, paths: &[&Path]) -> Result<Value> {
        let mut files = Vec::new();
        for path in paths {
            collect(path, &mut files)?;
        }
        ensure!(!files.is_empty(), "no files in {paths:?}");
        let mut names = Vec::new();
        for file in &files {
            let root = paths.iter().find(|root| file.starts_with(root));
            let parent = root.and_then(|root| root.parent()).context("a root")?;
            let name = file.strip_prefix(parent)?;
            names.push(name.to_str().context("a path that is no text")?.to_owned());
        }
        self.browser.execute(INPUT_SCRIPT, vec![]).await?;
        let input = self.browser.driver.find(By::Css("[id=e2e-files]")).await?;
        let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        input.send_keys(files.join("\n")).await?;
        Ok(json!(names))
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let inner = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let mut inner = inner.collect::<Result<Vec<_>>>()?;
    inner.sort();
    inner.iter().try_for_each(|path| collect(path, files))
}
