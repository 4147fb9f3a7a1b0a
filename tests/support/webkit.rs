//! WebKitGTK in a MiniBrowser of its own, with its WebDriver, on a screen that nobody sees.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use thirtyfour::{Capabilities, WebDriver};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::browser::{LOOK, START, Started, Watch, downloads};

/// It keeps what goes wrong in the page, which no protocol tells: what the page's console is told, what nobody catches, and what
/// the policy forbids. What a worker does not catch comes to the page as an error of it.
pub(crate) const COLLECTOR: &str = r#"
if (!self.e2eProblems) {
    const problems = self.e2eProblems = [];
    const text = (value) => value instanceof Error ? `${value.name}: ${value.message}` : String(value);
    addEventListener("error", (event) => problems.push(event.message
        ? `error: ${event.message}` : `error: Failed to load resource ${event.target.src ?? event.target.href ?? ""}`), true);
    addEventListener("unhandledrejection", (event) => problems.push(`unhandled: ${text(event.reason)}`));
    document.addEventListener("securitypolicyviolation", (event) => problems.push(
        `Content Security Policy: ${event.effectiveDirective} forbids ${event.blockedURI}`));
    for (const level of ["error", "warn"]) {
        const plain = console[level];
        console[level] = (...args) => { problems.push(`${level}: ${args.map(text).join(" ")}`); plain.apply(console, args); };
    }
}
"#;

/// Starts the programs that the environment variables `WEBKIT_MINIBROWSER`, `WEBKIT_WEBDRIVER` and `XVFB` name; the first lies
/// where Debian puts it by default, the others on PATH.
pub(crate) async fn start(files: &Path) -> Result<Started> {
    let named = |variable, otherwise: &str| env::var(variable).unwrap_or_else(|_| otherwise.into());
    // One for each browser: on a screen that several share, one of them would have the keyboard.
    let (screen, display) = screen(&named("XVFB", "Xvfb")).await?;
    let folder = |name: &str| -> Result<PathBuf> {
        let folder = files.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    };
    let config = folder("config")?;
    let downloads = format!("XDG_DOWNLOAD_DIR={:?}\n", downloads(files));
    fs::write(config.join("user-dirs.dirs"), downloads)?;
    fs::create_dir_all(crate::browser::downloads(files))?;

    // It cannot be told to look for a free port, nor does it say when it listens.
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let program = named("WEBKIT_WEBDRIVER", "WebKitWebDriver");
    let webdriver = Command::new(&program)
        .arg(format!("--port={port}"))
        .env("DISPLAY", display)
        .env("GDK_BACKEND", "x11")
        .env("HOME", files)
        .env("TMPDIR", files)
        .env("XDG_CONFIG_HOME", config)
        .env("XDG_CACHE_HOME", folder("cache")?)
        .env("XDG_DATA_HOME", folder("data")?)
        // Its sandbox needs rights that containers do not give, and pages here are our own.
        .env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env("NO_AT_BRIDGE", "1")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {program}, the WebDriver of WebKitGTK"))?;
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        ensure!(
            start.elapsed() < START,
            "{program} does not listen within {START:?}"
        );
        tokio::time::sleep(LOOK).await;
    }

    let browser = env::var("WEBKIT_MINIBROWSER")
        .context("WEBKIT_MINIBROWSER does not name WebKitGTK's MiniBrowser")?;
    let mut capabilities = Capabilities::new();
    let options = json!({ "binary": browser, "args": ["--automation"] });
    capabilities.set("webkitgtk:browserOptions", options)?;
    // It closes connections that it has just been asked over.
    let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), capabilities);
    let driver = driver.keep_alive(false).connect().await;
    let driver = driver.context("WebKitWebDriver cannot start the MiniBrowser")?;
    driver.set_window_rect(0, 0, 1366, 986).await?;
    Ok(Started {
        driver,
        watch: Watch::Page,
        programs: vec![webdriver, screen],
    })
}

/// A screen in memory, and its name.
async fn screen(program: &str) -> Result<(Child, String)> {
    let mut screen = Command::new(program)
        .args(["-displayfd", "1", "-screen", "0", "1400x1000x24"])
        .args(["-nolisten", "tcp", "-noreset"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {program}, which gives WebKitGTK a screen"))?;
    let stdout = screen.stdout.take().context("Xvfb has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let number = tokio::time::timeout(START, lines.next_line()).await;
    let number = number
        .with_context(|| format!("{program} has no screen within {START:?}"))??
        .with_context(|| format!("{program} has no screen"))?;
    Ok((screen, format!(":{}", number.trim())))
}
