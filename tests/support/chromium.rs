//! A headless Chromium of its own, with its WebDriver.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};
use tokio::process::Command;

use crate::browser::{Started, Watch, downloads, listening};
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

/// Starts the programs that the environment variables `CHROMIUM` and `CHROMEDRIVER` name, by default those of that name on
/// PATH.
pub(crate) async fn start(profile: Option<&Path>, files: &Path) -> Result<Started> {
    let program = env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
    let mut command = Command::new(&program);
    let command = command.args(["--port=0", "--log-level=SEVERE"]);
    let words = "started successfully on port ";
    let (chromedriver, port) = listening(&program, command, files, words).await?;

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
    match devtools(&driver, files).await {
        Ok(devtools) => Ok(Started {
            driver,
            watch: Watch::DevTools(devtools),
            programs: vec![chromedriver],
        }),
        Err(error) => {
            driver.quit().await?;
            Err(error)
        }
    }
}

async fn devtools(driver: &WebDriver, files: &Path) -> Result<DevTools> {
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
