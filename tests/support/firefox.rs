//! A headless Firefox of its own, with its WebDriver, and WebDriver BiDi over it.

use std::env;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use thirtyfour::{Capabilities, WebDriver};
use tokio::process::Command;

use crate::browser::{Started, Watch, downloads, listening};
use crate::wire::{Wire, lock};

/// Width and height of the window; the page has 86 pixels less of the height.
const WINDOW: [&str; 4] = ["-width", "1366", "-height", "986"];

/// Starts the programs that the environment variables `FIREFOX` and `GECKODRIVER` name, by default those of that name on PATH.
pub(crate) async fn start(profile: Option<&Path>, files: &Path) -> Result<Started> {
    let program = env::var("GECKODRIVER").unwrap_or_else(|_| "geckodriver".into());
    let mut command = Command::new(&program);
    command
        .args(["--port=0", "--websocket-port=0"])
        // To ask the browser what only it knows, such as its console.
        .arg("--allow-system-access")
        // Firefox tells of its own scripts there.
        .stderr(Stdio::null());
    let words = "Listening on 127.0.0.1:";
    let (geckodriver, port) = listening(&program, &mut command, files, words).await?;

    let mut arguments = vec!["-headless".to_owned()];
    arguments.extend(WINDOW.map(str::to_owned));
    if let Some(profile) = profile {
        arguments.extend(["-profile".to_owned(), profile.display().to_string()]);
    }
    let mut options = json!({
        "args": arguments,
        // geckodriver's own preferences keep the browser itself off the network.
        "prefs": {
            // No name resolves, so that a request by the page would have to be the page's own.
            "network.dns.disabled": true,
            "network.captive-portal-service.enabled": false,
            "network.connectivity-service.enabled": false,
            // What is looked for stays where it was found.
            "ui.prefersReducedMotion": 1,
            "dom.w3c_touch_events.enabled": 1,
            "browser.download.folderList": 2,
            "browser.download.dir": downloads(files),
            "browser.download.alwaysOpenPanel": false,
            // Started beforehand for a page that no test opens.
            "dom.ipc.processPrelaunch.enabled": false,
            // A page that was left is gone, as it is with a tab that is closed.
            "browser.sessionhistory.max_total_viewers": 0,
        },
    });
    if let Ok(binary) = env::var("FIREFOX") {
        options["binary"] = json!(binary);
    }
    let mut capabilities = Capabilities::new();
    capabilities.set("browserName", "firefox")?;
    capabilities.set("webSocketUrl", true)?;
    capabilities.set("moz:firefoxOptions", options)?;
    let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await;
    let driver = driver.context("geckodriver cannot start Firefox")?;
    match Bidi::connect(&driver).await {
        Ok(bidi) => Ok(Started {
            driver,
            watch: Watch::Bidi(bidi),
            programs: vec![geckodriver],
        }),
        Err(error) => {
            driver.quit().await?;
            Err(error)
        }
    }
}

/// WebDriver BiDi over one page and its workers.
#[derive(Debug)]
pub(crate) struct Bidi {
    wire: Arc<Wire>,
    /// The protocol's name of the page.
    context: String,
}

impl Bidi {
    async fn connect(driver: &WebDriver) -> Result<Self> {
        let url = driver.capabilities().get("webSocketUrl");
        let url = url
            .and_then(Value::as_str)
            .context("geckodriver does not tell Firefox's BiDi address")?;
        let wire = Wire::connect(url, |_, _| {}).await?;
        let events = json!({ "events": ["log.entryAdded", "network.beforeRequestSent"] });
        wire.command(None, "session.subscribe", events).await?;
        let context = driver.window().await?.to_string();
        Ok(Self { wire, context })
    }

    /// Has a script run in every page before its own first one.
    pub(crate) async fn before(&self, script: &str) -> Result<()> {
        let script = json!({ "functionDeclaration": format!("() => {{ {script} }}") });
        let added = self.wire.command(None, "script.addPreloadScript", script);
        added.await.map(|_| ())
    }

    /// Sets the size of the view in CSS pixels.
    pub(crate) async fn set_size(&self, width: u32, height: u32) -> Result<()> {
        let size =
            json!({ "context": self.context, "viewport": { "width": width, "height": height } });
        let set = self.wire.command(None, "browsingContext.setViewport", size);
        set.await.map(|_| ())
    }

    /// Evaluates an expression in the page, not beside it as a WebDriver's scripts, which see nothing that the page's own have
    /// made; waits for the promise that it may give, and returns its value.
    pub(crate) async fn evaluate(&self, expression: &str) -> Result<Value> {
        let json =
            format!("Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))");
        let params = json!({
            "expression": json, "target": { "context": self.context }, "awaitPromise": true,
        });
        let answer = self.wire.command(None, "script.evaluate", params).await?;
        let value = answer["result"]["value"].as_str();
        let value = value.with_context(|| format!("{expression}: {answer}"))?;
        Ok(serde_json::from_str(value)?)
    }

    /// Addresses of everything that was requested by the page so far; of its workers' requests Firefox does not tell.
    pub(crate) fn requests(&self) -> Vec<String> {
        let events = lock(&self.wire.events);
        let requests = events
            .iter()
            .filter(|(_, method, _)| method == "network.beforeRequestSent");
        let url = |params: &Value| params["request"]["url"].as_str().map(str::to_owned);
        let urls = requests.filter_map(|(_, _, params)| url(params));
        // Firefox's own drawing of controls is among them, with its fonts in the address.
        urls.filter(|url| !url.starts_with("data:")).collect()
    }

    /// Errors, warnings and uncaught exceptions in the page's console.
    pub(crate) fn problems(&self) -> Vec<String> {
        let events = lock(&self.wire.events);
        let entries = events
            .iter()
            .filter(|(_, method, _)| method == "log.entryAdded");
        let grave = entries
            .filter(|(_, _, entry)| matches!(entry["level"].as_str(), Some("error" | "warn")));
        grave
            .map(|(_, _, entry)| format!("{}: {}", entry["type"], entry["text"]))
            .collect()
    }

    /// Whatever the browser has told of the page that contains a text.
    pub(crate) fn mentions(&self, text: &str) -> Vec<String> {
        self.wire.mentions(text)
    }
}
