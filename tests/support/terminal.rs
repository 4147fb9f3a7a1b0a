//! The same model in the terminal.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::session::site_folder;

/// What `trainer` prints with these arguments and the site's model.
///
/// # Errors
/// When it complains about anything, and when the environment variable E2E_TRAINER does not name it.
pub fn trainer(args: &[&str]) -> Result<String> {
    let model = site_model()?;
    let model = model.to_str().context("a site whose path is no text")?;
    let (output, complaints) = start(&[args, &["--model", model]].concat())?;
    ensure!(complaints.is_empty(), "trainer {args:?}: {complaints}");
    Ok(output)
}

/// The site's model, which lies there in one part.
///
/// # Errors
/// When it does not.
pub fn site_model() -> Result<PathBuf> {
    let folder = site_folder()?.join("models/default");
    let mut models = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        models.extend((path.extension() == Some("safetensors".as_ref())).then_some(path));
    }
    match models.as_slice() {
        [model] => Ok(model.clone()),
        models => bail!("{} holds {models:?}", folder.display()),
    }
}

/// What `trainer` prints with these arguments; it may tell of its progress.
///
/// # Errors
/// When it fails, and when the environment variable E2E_TRAINER does not name it.
pub fn run(args: &[&str]) -> Result<String> {
    start(args).map(|(output, _)| output)
}

/// What it prints, and what else it says.
fn start(args: &[&str]) -> Result<(String, String)> {
    let program = env::var_os("E2E_TRAINER").context(
        "E2E_TRAINER does not name the trainer: `cargo xtask test --only browser` builds it",
    )?;
    let output = Command::new(&program)
        .args(args)
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "trainer {args:?}: {said}");
    let printed = String::from_utf8(output.stdout).context("trainer prints UTF-8")?;
    Ok((printed, said))
}
