//! A headless Chromium that opens one page, which posts its result to our server.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::folder;
use super::server::Server;
use super::setup::Tools;

/// Nothing but the page: no window, and no requests of the browser's own.
const FLAGS: [&str; 12] = [
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
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// Between two looks at whether the browser still runs.
const LOOK: Duration = Duration::from_millis(500);

/// What came of a page.
pub(super) struct Visit {
    pub(super) result: Value,
    /// Most memory that its process had at any time; none where there is no /proc.
    pub(super) peak_mib: Option<f64>,
}

/// A browser that ends with this, and its profile.
struct Running {
    browser: Child,
    profile: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, and its last processes may still write while they end: what
        // then stays of the profile is no reason to fail.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// Opens a page with an empty cache and waits for its result.
pub(super) fn visit(tools: &Tools, server: &Server, page: &str, limit: Duration) -> Result<Visit> {
    // One that no browser before has used.
    let age = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let profile = folder().join(format!("profile-{}", age.as_nanos()));
    let browser = Command::new(&tools.chromium)
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(server.url(page))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", tools.chromium.display()))?;
    let mut running = Running { browser, profile };
    let start = Instant::now();
    let result = loop {
        match server.results().recv_timeout(LOOK) {
            Ok(result) => break result,
            Err(RecvTimeoutError::Disconnected) => bail!("the server ended"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(status) = running.browser.try_wait()? {
            bail!("Chromium ended ({status}) before {page} had a result");
        }
        if start.elapsed() > limit {
            bail!("{page} has no result after {limit:?}");
        }
    };
    let peak_mib = peak_mib(running.browser.id());
    let result: Value = serde_json::from_str(&result)?;
    match result.get("error") {
        Some(error) => bail!("{page}: {}", error.as_str().unwrap_or_default()),
        None => Ok(Visit { result, peak_mib }),
    }
}

/// The greatest of the peaks of a browser's renderer processes. There is one page, and at most an
/// idle process for the next.
fn peak_mib(browser: u32) -> Option<f64> {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // A process may end at any moment.
        if let Ok(status) = fs::read_to_string(entry.path().join("status")) {
            parents.insert(id, (number(&status, "PPid:"), number(&status, "VmHWM:")));
        }
    }
    let of_browser = |mut id: u32| {
        while let Some((Some(parent), _)) = parents.get(&id) {
            if *parent == u64::from(browser) {
                return true;
            }
            id = *parent as u32;
        }
        false
    };
    let is_renderer = |id: u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("--type=renderer")
    };
    let renderers = parents
        .iter()
        .filter(|(id, _)| of_browser(**id) && is_renderer(**id));
    let peak = renderers.filter_map(|(_, (_, peak))| *peak).max()?;
    Some(peak as f64 / 1024.0)
}

/// A line's first number in /proc/PID/status.
fn number(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_process() {
        let status = "Name:\tchromium\nPPid:\t17\nVmHWM:\t  264192 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(number(status, "VmHWM:"), Some(264_192));
        assert_eq!(number(status, "PPid:"), Some(17));
        assert_eq!(number(status, "VmSwap:"), None);
    }
}
