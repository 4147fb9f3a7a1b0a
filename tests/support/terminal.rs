//! The same model in the terminal.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::server::MODEL;
use crate::session::site_folder;

/// What `trainer` prints with these arguments and the site's model.
///
/// # Errors
/// When it complains about anything, and when the environment variable E2E_TRAINER does not name it.
pub fn trainer(args: &[&str]) -> Result<String> {
    let program = env::var_os("E2E_TRAINER").context(
        "E2E_TRAINER does not name the trainer: `cargo xtask test --only browser` builds it",
    )?;
    let output = Command::new(&program)
        .args(args)
        .arg("--model")
        .arg(site_folder()?.join(MODEL))
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && errors.is_empty(),
        "trainer {args:?}: {errors}"
    );
    String::from_utf8(output.stdout).context("trainer prints UTF-8")
}
