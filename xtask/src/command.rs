//! Running other programs.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A command that begins in the workspace's root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::root());
    // `cargo run` describes this package in the environment. Build scripts that watch those
    // variables would be run again whenever cargo is called by turns from here and from a shell.
    for (name, _) in env::vars_os() {
        let own = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
        ];
        if name
            .to_str()
            .is_some_and(|name| own.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Shows a command, runs it and waits for its success.
///
/// # Errors
/// When the program is missing or its exit status is not zero.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// The standard output of a command; `None` when it cannot be started or fails. Its standard error
/// is dropped.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command
        .stderr(Stdio::null())
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Holds a lock over all runs of xtask in this tree until the file is dropped. Says so when another
/// run has it.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let describe = || format!("cannot lock {}", path.display());
    std::fs::create_dir_all(path.parent().expect("a lock lies in a folder"))
        .with_context(describe)?;
    let file = File::create(path).with_context(describe)?;
    if file.try_lock().is_err() {
        eprintln!("another run holds {}: waiting for it", path.display());
        file.lock().with_context(describe)?;
    }
    Ok(file)
}

/// Program and arguments as one would type them, paths below the root shortened.
fn line(command: &Command) -> String {
    let root = format!("{}/", crate::root().display());
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let word = |word: &OsStr| {
        let word = word.to_string_lossy().replace(&root, "");
        if word.is_empty() || word.contains([' ', '\'', '"', '*', '$']) {
            format!("'{}'", word.replace('\'', r"'\''"))
        } else {
            word
        }
    };
    let line = words.map(word).collect::<Vec<_>>().join(" ");
    // The toolchain's own path says nothing to a reader.
    match line.split_once(' ') {
        Some((program, rest)) if program.ends_with("/cargo") => format!("cargo {rest}"),
        _ => line,
    }
}
