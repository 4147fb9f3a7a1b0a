//! A headless Chromium of its own, with its WebDriver.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::devtools::DevTools;

/// Everything that could make the browser itself use the network is off, and no name but this
/// machine's resolves, so that a request by the page would have to be the page's own.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    // What is looked for stays where it was found.
    "--force-prefers-reduced-motion",
    "--window-size=1366,900",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// How long chromedriver may take until it listens.
const START: Duration = Duration::from_secs(20);

/// A running browser with one empty page.
#[derive(Debug)]
pub struct Browser {
    /// The page over WebDriver.
    pub driver: WebDriver,
    /// The page over the DevTools protocol.
    pub devtools: DevTools,
    chromedriver: Child,
    /// Holds the profile and whatever else the two leave behind.
    files: TempDir,
}

impl Browser {
    /// Starts a browser with a profile, a fresh one where none is named. The programs are those that the environment variables
    /// `CHROMIUM` and `CHROMEDRIVER` name, by default those of that name on PATH.
    pub async fn start(profile: Option<&Path>) -> Result<Self> {
        let program = env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
        let files = TempDir::with_prefix("e2e-").context("no folder for the browser's files")?;
        let mut chromedriver = Command::new(&program)
            .env("TMPDIR", files.path())
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {program}, the WebDriver of Chromium"))?;
        let stdout = chromedriver
            .stdout
            .take()
            .context("chromedriver has no output")?;
        let port = tokio::time::timeout(START, port(stdout));
        let port = port
            .await
            .with_context(|| format!("{program} does not listen within {START:?}"))??;

        let mut capabilities = DesiredCapabilities::chrome();
        capabilities
            .set_binary(&env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into()))?;
        for flag in FLAGS {
            capabilities.add_arg(flag)?;
        }
        if let Some(profile) = profile {
            capabilities.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await;
        let driver = driver.context("chromedriver cannot start Chromium")?;
        match Self::devtools(&driver, &files).await {
            Ok(devtools) => Ok(Self {
                driver,
                devtools,
                chromedriver,
                files,
            }),
            Err(error) => {
                driver.quit().await?;
                Err(error)
            }
        }
    }

    async fn devtools(driver: &WebDriver, files: &TempDir) -> Result<DevTools> {
        let options = driver.capabilities().get("goog:chromeOptions");
        let address = options.and_then(|options| options["debuggerAddress"].as_str());
        let address = address
            .context("chromedriver does not tell Chromium's DevTools address")?
            .to_owned();
        // chromedriver's window handle is the DevTools name of the page.
        let page = driver.window().await?;
        let devtools = DevTools::connect(&format!("ws://{address}/devtools/page/{page}")).await?;
        let behavior = json!({ "behavior": "allow", "downloadPath": downloads(files) });
        devtools
            .command("Browser.setDownloadBehavior", behavior)
            .await?;
        Ok(devtools)
    }

    /// Where files lie that the page has let the browser save. The folder is there once there is one.
    pub fn downloads(&self) -> PathBuf {
        downloads(&self.files)
    }

    /// Runs a function body in the page and returns what it returns.
    pub async fn execute(&self, body: &str, args: Vec<Value>) -> Result<Value> {
        let result = self.driver.execute(body, args).await;
        Ok(result
            .with_context(|| format!("in the page: {body}"))?
            .json()
            .clone())
    }

    /// Bytes that the processes of pages take now, workers included.
    ///
    /// # Errors
    /// Where there is no /proc.
    pub fn memory(&self) -> Result<u64> {
        let mut processes = Vec::new();
        for entry in fs::read_dir("/proc").context("there is no /proc")? {
            let path = entry?.path();
            // A process may end at any moment.
            let (Ok(status), Ok(line)) = (
                fs::read_to_string(path.join("status")),
                fs::read(path.join("cmdline")),
            ) else {
                continue;
            };
            let number = |name: &str| -> Option<u64> {
                let line = status.lines().find_map(|line| line.strip_prefix(name))?;
                line.split_whitespace().next()?.parse().ok()
            };
            if let (Some(id), Some(parent)) = (number("Pid:"), number("PPid:")) {
                let renders = String::from_utf8_lossy(&line).contains("--type=renderer");
                let bytes = number("VmRSS:").unwrap_or(0) * 1024;
                processes.push((id, parent, renders, bytes));
            }
        }
        let mut own: Vec<u64> = self.chromedriver.id().into_iter().map(u64::from).collect();
        let mut bytes = 0;
        while let Some(parent) = own.pop() {
            for &(id, _, renders, of_it) in processes.iter().filter(|process| process.1 == parent) {
                own.push(id);
                bytes += if renders { of_it } else { 0 };
            }
        }
        Ok(bytes)
    }

    /// Closes the browser and removes its files.
    pub async fn quit(mut self) -> Result<()> {
        let closed = self.driver.quit().await;
        self.chromedriver
            .kill()
            .await
            .context("chromedriver cannot be ended")?;
        closed.context("the browser cannot be closed")?;
        // The browser's last processes may still write while they end: what stays then is no reason
        // to fail.
        drop(self.files);
        Ok(())
    }
}

fn downloads(files: &TempDir) -> PathBuf {
    files.path().join("downloads")
}

/// The port that chromedriver says it listens on.
async fn port(stdout: tokio::process::ChildStdout) -> Result<u16> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim_end_matches('.').parse();
            // Whatever else it says must not fill the pipe.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return port.with_context(|| format!("chromedriver's port in {line:?}"));
        }
    }
    anyhow::bail!("chromedriver ended before it listened")
}
