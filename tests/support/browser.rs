//! A browser of a test's own, with its WebDriver.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::WebDriver;
use thirtyfour::common::command::{Command as WebDriverCommand, ExtensionCommand};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::devtools::DevTools;
use crate::engine::Engine;
use crate::firefox::Bidi;
use crate::wire::lock;
use crate::{chromium, firefox, memory, webkit};

/// How long a WebDriver may take until it listens.
pub(crate) const START: Duration = Duration::from_secs(20);
/// Between two looks whether it does.
pub(crate) const LOOK: Duration = Duration::from_millis(25);

/// How what happens in the page is seen.
#[derive(Debug)]
pub(crate) enum Watch {
    /// Over the DevTools protocol.
    DevTools(DevTools),
    /// Over WebDriver BiDi, and in the browser's own console.
    Bidi(Bidi),
    /// By a script in the page.
    Page,
}

/// What an engine has started.
pub(crate) struct Started {
    pub(crate) driver: WebDriver,
    pub(crate) watch: Watch,
    /// What is ended after the browser.
    pub(crate) programs: Vec<Child>,
}

/// A running browser with one empty page.
#[derive(Debug)]
pub struct Browser {
    /// What it is.
    pub engine: Engine,
    /// The page over WebDriver.
    pub driver: WebDriver,
    watch: Watch,
    /// What [`Watch::Page`] has seen in pages that were left.
    left: Mutex<Vec<String>>,
    programs: Vec<Child>,
    /// Holds the profile and whatever else they leave behind.
    files: TempDir,
}

impl Browser {
    /// Starts a browser with a profile, a fresh one where none is named.
    pub async fn start(engine: Engine, profile: Option<&Path>) -> Result<Self> {
        let files = TempDir::with_prefix("e2e-").context("no folder for the browser's files")?;
        let started = match engine {
            Engine::Chromium => chromium::start(profile, files.path()).await?,
            Engine::Firefox => firefox::start(profile, files.path()).await?,
            Engine::WebKit => webkit::start(files.path()).await?,
        };
        Ok(Self {
            engine,
            driver: started.driver,
            watch: started.watch,
            left: Mutex::default(),
            programs: started.programs,
            files,
        })
    }

    /// The DevTools protocol, where there is one.
    pub fn devtools(&self) -> Option<&DevTools> {
        match &self.watch {
            Watch::DevTools(devtools) => Some(devtools),
            _ => None,
        }
    }

    /// Where files lie that the page has let the browser save. The folder is there once there is one.
    pub fn downloads(&self) -> PathBuf {
        downloads(self.files.path())
    }

    /// Runs a function body in the page and returns what it returns.
    pub async fn execute(&self, body: &str, args: Vec<Value>) -> Result<Value> {
        let result = self.driver.execute(body, args).await;
        Ok(result
            .with_context(|| format!("in the page: {body}"))?
            .json()
            .clone())
    }

    /// Evaluates an expression in the page, waits for the promise that it may give, and returns its value.
    pub async fn evaluate(&self, expression: &str) -> Result<Value> {
        match &self.watch {
            Watch::DevTools(devtools) => return devtools.evaluate(None, expression).await,
            Watch::Bidi(bidi) => return bidi.evaluate(expression).await,
            Watch::Page => {}
        }
        let body = format!(
            "const done = arguments[arguments.length - 1];
             Promise.resolve({expression}).then((value) => done([value]), (error) => done(String(error)));"
        );
        let result = self.driver.execute_async(&body, vec![]).await;
        let result = result.with_context(|| format!("in the page: {expression}"))?;
        match result.json() {
            Value::Array(value) => Ok(value.first().cloned().unwrap_or_default()),
            error => bail!("{expression}: {error}"),
        }
    }

    /// Has a script run in every page before its own first one. Where this returns a script, nothing but the server can see to
    /// that.
    pub(crate) async fn before(&self, script: Option<&str>) -> Result<Option<String>> {
        // The browser begins with an empty page that may do little.
        let guarded =
            |script: &str| format!("if (location.protocol.startsWith(\"http\")) {{ {script} }}");
        match (&self.watch, script) {
            (Watch::Page, script) => {
                let script = script.unwrap_or_default();
                return Ok(Some(format!("{}\n{script}", webkit::COLLECTOR)));
            }
            (_, None) => {}
            (Watch::DevTools(devtools), Some(script)) => {
                let params = json!({ "source": guarded(script) });
                devtools.command("Page.enable", json!({})).await?;
                devtools
                    .command("Page.addScriptToEvaluateOnNewDocument", params)
                    .await?;
            }
            (Watch::Bidi(bidi), Some(script)) => bidi.before(&guarded(script)).await?,
        }
        Ok(None)
    }

    /// Goes to an address.
    pub async fn goto(&self, url: &str) -> Result<()> {
        let left = self.seen_by_page().await?;
        lock(&self.left).extend(left);
        let gone = self.driver.goto(url).await;
        gone.with_context(|| format!("cannot open {url}"))?;
        if matches!(self.watch, Watch::Page) {
            // Where the page does not come from the server that puts it there.
            self.execute(webkit::COLLECTOR, vec![]).await?;
        }
        Ok(())
    }

    async fn seen_by_page(&self) -> Result<Vec<String>> {
        match self.watch {
            Watch::Page => {
                let seen = self.execute("return self.e2eProblems ?? []", vec![]);
                Ok(serde_json::from_value(seen.await?)?)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Errors, warnings and uncaught exceptions in the console of the page and, as far as the browser tells of them, of its
    /// workers; violations of the Content-Security-Policy are among them.
    pub async fn problems(&self) -> Result<Vec<String>> {
        match &self.watch {
            Watch::DevTools(devtools) => Ok(devtools.problems()),
            Watch::Bidi(bidi) => {
                let console = self.in_firefox(CONSOLE, vec![]).await?;
                let console: Vec<String> = serde_json::from_value(console)?;
                let mut problems = bidi.problems();
                problems.extend(console);
                Ok(problems)
            }
            Watch::Page => {
                let mut problems = lock(&self.left).clone();
                problems.extend(self.seen_by_page().await?);
                Ok(problems)
            }
        }
    }

    /// Everything that was requested by the page and its workers so far, as far as the browser tells of it.
    pub fn requests(&self) -> Vec<String> {
        match &self.watch {
            Watch::DevTools(devtools) => devtools.requests(),
            Watch::Bidi(bidi) => bidi.requests(),
            Watch::Page => Vec::new(),
        }
    }

    /// Whatever the browser has told of page and workers that contains a text: requests with their addresses, and lines of
    /// their consoles; `None` where it tells nothing.
    pub fn mentions(&self, text: &str) -> Option<Vec<String>> {
        match &self.watch {
            Watch::DevTools(devtools) => Some(devtools.mentions(text)),
            Watch::Bidi(bidi) => Some(bidi.mentions(text)),
            Watch::Page => None,
        }
    }

    /// Sets the size of the view in CSS pixels, the colour scheme (`light` or `dark`), and the medium (`screen` or `print`).
    pub async fn set_view(
        &self,
        [width, height]: [u32; 2],
        scheme: &str,
        medium: &str,
    ) -> Result<()> {
        match &self.watch {
            Watch::DevTools(devtools) => {
                let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
                let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
                let media = json!({ "media": medium, "features": scheme });
                devtools
                    .command("Emulation.setDeviceMetricsOverride", size)
                    .await?;
                devtools
                    .command("Emulation.setEmulatedMedia", media)
                    .await?;
            }
            Watch::Bidi(bidi) => {
                bidi.set_size(width, height).await?;
                let script = "const page = gBrowser.selectedBrowser.browsingContext; \
                    [page.prefersColorSchemeOverride, page.mediumOverride] = arguments;";
                self.in_firefox(script, vec![json!(scheme), json!(medium)])
                    .await?;
            }
            Watch::Page => bail!("nothing sets the view of {}", self.engine),
        }
        Ok(())
    }

    /// Takes the network away, where the browser lets that be done.
    pub async fn go_offline(&self) -> Result<()> {
        match &self.watch {
            Watch::DevTools(devtools) => {
                let offline = json!({ "offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
                let taken = devtools.command("Network.emulateNetworkConditions", offline);
                taken.await.map(|_| ())
            }
            Watch::Bidi(_) => {
                let taken = self.in_firefox("Services.io.offline = true", vec![]);
                taken.await.map(|_| ())
            }
            Watch::Page => Ok(()),
        }
    }

    /// Runs a function body in Firefox itself.
    async fn in_firefox(&self, body: &str, args: Vec<Value>) -> Result<Value> {
        let context = |name: &str| self.command("/moz/context", json!({ "context": name }));
        context("chrome").await?;
        let result = self.execute(body, args).await;
        context("content").await?;
        result
    }

    /// Acts by keyboard, mouse or touch, as WebDriver notes actions.
    pub(crate) async fn act(&self, actions: Value) -> Result<()> {
        self.command("/actions", json!({ "actions": actions }))
            .await
    }

    /// A command of WebDriver's that the library has no function for.
    async fn command(&self, endpoint: &str, body: Value) -> Result<()> {
        let command = Post {
            endpoint: endpoint.into(),
            body,
        };
        let sent = self
            .driver
            .handle()
            .cmd(WebDriverCommand::ExtensionCommand(Box::new(command)));
        sent.await.map(|_| ()).with_context(|| endpoint.to_owned())
    }

    /// Bytes that the processes of pages take now, workers included.
    ///
    /// # Errors
    /// Where there is no /proc.
    pub fn memory(&self) -> Result<u64> {
        memory::of_pages(self.programs.iter().filter_map(Child::id))
    }

    /// Closes the browser and removes its files.
    pub async fn quit(self) -> Result<()> {
        let closed = self.driver.quit().await;
        for mut program in self.programs {
            program.kill().await.context("a program cannot be ended")?;
        }
        closed.context("the browser cannot be closed")?;
        // The browser's last processes may still write while they end: what stays then is no reason
        // to fail.
        drop(self.files);
        Ok(())
    }
}

/// What Firefox's console says of pages and workers beside what they say themselves.
const CONSOLE: &str = r#"
return Services.console.getMessageArray()
    .filter((message) => message instanceof Ci.nsIScriptError && /^(http|blob|file|data)/.test(message.sourceName))
    // Where an `integrity` is asked for it takes nothing that was loaded beforehand, but asks the server once more whether it is new.
    .filter((message) => !/wasm” preloaded with link preload was not used/.test(message.errorMessage))
    // A page that gives way to another while it runs.
    .filter((message) => !/^Script terminated by timeout/.test(message.errorMessage))
    .map((message) => `${message.category}: ${message.errorMessage} ${message.sourceName}`);
"#;

/// A WebDriver command that is posted.
#[derive(Debug)]
struct Post {
    endpoint: Arc<str>,
    body: Value,
}

impl ExtensionCommand for Post {
    fn parameters_json(&self) -> Option<Value> {
        Some(self.body.clone())
    }

    fn method(&self) -> Method {
        Method::POST
    }

    fn endpoint(&self) -> Arc<str> {
        Arc::clone(&self.endpoint)
    }
}

pub(crate) fn downloads(files: &Path) -> PathBuf {
    files.join("downloads")
}

/// Starts a WebDriver that says which port it listens on, after `words`.
pub(crate) async fn listening(
    program: &str,
    driver: &mut Command,
    files: &Path,
    words: &str,
) -> Result<(Child, u16)> {
    let mut driver = driver
        .env("TMPDIR", files)
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {program}, the WebDriver of the browser"))?;
    let stdout = driver
        .stdout
        .take()
        .with_context(|| format!("{program} has no output"))?;
    let port = tokio::time::timeout(START, port(stdout, words)).await;
    let port = port.with_context(|| format!("{program} does not listen within {START:?}"))?;
    Ok((driver, port.with_context(|| program.to_owned())?))
}

async fn port(stdout: tokio::process::ChildStdout, words: &str) -> Result<u16> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.split_once(words) {
            let port = port.trim_end_matches('.').parse();
            // Whatever else it says must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return port.with_context(|| format!("the port in {line:?}"));
        }
    }
    bail!("it ended before it listened")
}
