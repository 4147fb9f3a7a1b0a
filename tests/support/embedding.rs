//! The npm package in a page of somebody else's.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::engine::Engine;
use crate::page::LOAD;
use crate::server::{Fault, Server};
use crate::session::package;

/// A plain page, under a strict Content-Security-Policy.
pub const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
    content="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src blob:; img-src data:">
<link rel="icon" href="data:,">
<title>A page of somebody else's</title>
<script type="module" src="page.js"></script>
<p>Not yet.</p>
"#;

/// Its script, which leaves the package to whoever evaluates something in it.
const SCRIPT: &str = r#"
import { pipeline } from "./clinical-ner/clinical-ner.js";
import "./clinical-ner/element.js";
window.pipeline = pipeline;
"#;

/// The package in a page, which `test` is given.
pub fn with_page(
    isolated: bool,
    test: impl AsyncFnOnce(&Browser, &Server) -> Result<()>,
) -> Result<()> {
    with_policy(PAGE, isolated, &[], test)
}

/// The same in another page, where problems that contain one of these are expected.
pub fn with_policy(
    page: &str,
    isolated: bool,
    expected: &[&str],
    test: impl AsyncFnOnce(&Browser, &Server) -> Result<()>,
) -> Result<()> {
    let site = TempDir::with_prefix("e2e-embedding-")?;
    fs::write(site.path().join("index.html"), page)?;
    fs::write(site.path().join("page.js"), SCRIPT)?;
    copy(&package()?, &site.path().join("clinical-ner"))?;
    with_site(site.path(), isolated, expected, async |browser, server| {
        until(
            "the package is loaded",
            browser,
            "typeof pipeline === 'function'",
        )
        .await?;
        test(browser, server).await
    })
}

/// A site's first page, which `test` is given.
pub fn with_site(
    site: &Path,
    isolated: bool,
    expected: &[&str],
    test: impl AsyncFnOnce(&Browser, &Server) -> Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::start(site, "/", isolated, "none", Fault::None).await?;
        let browser = Browser::start(Engine::asked_for()?, None).await?;
        let done = async {
            browser.goto(&server.url()).await?;
            test(&browser, &server).await
        };
        let done = done.await;
        if done.is_err() {
            println!("the server was asked for {:#?}", server.log());
        }
        let problems = browser.problems().await?;
        browser.quit().await?;
        done?;
        // Files that are asked for on purpose and are not there, and an icon that the page does not name.
        let unexpected = |problem: &&String| {
            let mut known = expected.iter().chain(&["404"]);
            !known.any(|part| problem.contains(part))
        };
        let problems: Vec<_> = problems.iter().filter(unexpected).collect();
        ensure!(problems.is_empty(), "in the console: {problems:#?}");
        Ok(())
    })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Waits until an expression is true.
pub async fn until(what: &str, browser: &Browser, condition: &str) -> Result<()> {
    let start = Instant::now();
    while browser.evaluate(condition).await? != true {
        ensure!(start.elapsed() < LOAD, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// How many workers run.
pub fn running(browser: &Browser) -> usize {
    // Elsewhere nobody tells.
    let workers = browser.devtools().map(|devtools| devtools.workers());
    let workers = workers.unwrap_or_default();
    workers.iter().filter(|worker| worker.running).count()
}

/// Waits until the last worker has ended.
pub async fn no_worker_is_left(browser: &Browser) -> Result<()> {
    let start = Instant::now();
    while running(browser) > 0 {
        ensure!(
            start.elapsed() < Duration::from_secs(10),
            "a worker is left"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The value of an expression in which `await` may stand; an error is its words.
pub async fn evaluate(browser: &Browser, expression: &str) -> Result<Value> {
    let body = format!(
        "(async () => {{ try {{ {expression} }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }} }})()"
    );
    browser
        .evaluate(&body)
        .await
        .with_context(|| expression.to_owned())
}
