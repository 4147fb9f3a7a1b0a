//! `trainer predict` and `trainer evaluate`, run as a user runs them.

mod errors;
mod evaluate;
mod exit_codes;
mod formats;
mod json;
mod model;
mod predict;
mod refusals;
mod shipped;

use std::path::Path;
use std::process::{Command, Output};

/// Runs the command and waits for it.
fn trainer<S: AsRef<std::ffi::OsStr>>(
    directory: &Path,
    args: impl IntoIterator<Item = S>,
) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .current_dir(directory)
        .args(args)
        .output()
        .unwrap()
}

/// What a command printed that did its work and had nothing to complain about.
fn printed(output: &Output) -> &str {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.as_ref()), (Some(0), ""));
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Checks that a command refused its input with exit code 2 and all of these words.
fn check_refused(output: &Output, expected: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{expected:?}\n{errors}");
    for expected in expected {
        assert!(errors.contains(expected), "{errors}\nlacks: {expected}");
    }
}
