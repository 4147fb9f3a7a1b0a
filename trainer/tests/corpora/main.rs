//! Corpora that are not the authored one: other labels, other schemes, and what is broken.

mod bad_input;
mod base;
mod other_labels;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the command in a folder and waits for it.
fn trainer<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// What a command printed that ended with this exit code and said all of these words to standard error.
fn check(output: &Output, code: i32, errors: &[&str]) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors:?}\n{stderr}");
    for expected in errors {
        assert!(stderr.contains(expected), "{stderr}\nlacks: {expected}");
    }
    String::from_utf8(output.stdout.clone()).unwrap()
}
