//! What the built page weighs, waits for and takes; `tests/benches/page.rs` measures it.

use std::fs;

use anyhow::{Context, Result};

use super::report::Report;
use crate::command::{cargo, run};
use crate::site;
use crate::tools::{self, Engine};

/// Builds the site and the package and prints a table.
pub(super) fn measure() -> Result<()> {
    let browser = tools::for_browser(Engine::Chromium)?;
    let site = site::dist(site::Args {
        npm: true,
        ..site::Args::default()
    })?;
    let output = crate::target().join("e2e").join(Engine::Chromium.name());
    fs::create_dir_all(&output).with_context(|| format!("cannot create {}", output.display()))?;
    let report = Report::of_this_machine(&browser["CHROMIUM"]);
    println!("{}, {}\n", report.place(), report.chromium);
    // Its errors say what is wrong; stack traces would bury that.
    // The profile and the features of the end-to-end tests, for which most is compiled already.
    run(cargo()
        .args(["bench", "--profile", "dev", "--workspace"])
        .args(["--features", "e2e/browser", "--bench", "page"])
        .env("RUST_BACKTRACE", "0")
        .env("E2E_BROWSER", Engine::Chromium.name())
        .env("E2E_SITE", site)
        .env("E2E_OUTPUT", output)
        .envs(browser))
}
