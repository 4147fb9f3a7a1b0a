//! `model-export`, run as a user runs it.

mod describe;
mod inspect;
mod model;
mod quantize;
mod verify;

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Annotated words of the model's lexicon; its words are found, the last entity is not.
const DATA: &str =
    "low O\nestrogen B-Hormones\n\npelvic B-Symptoms\npain I-Symptoms\n\nClomid B-Medications\n";

fn model_export<const N: usize>(directory: &TempDir, args: [&str; N]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_model-export"))
        .current_dir(directory.path())
        .args(args)
        .output()
        .unwrap()
}

/// What a command printed that ended with this exit code.
fn check(output: &Output, code: i32, printed: &[&str], errors: &[&str]) -> String {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    for expected in printed {
        assert!(stdout.contains(expected), "{stdout}\nlacks: {expected}");
    }
    for expected in errors {
        assert!(stderr.contains(expected), "{stderr}\nlacks: {expected}");
    }
    assert!(!errors.is_empty() || stderr.is_empty(), "{stderr}");
    stdout
}

/// A directory with the fine-tuned model `tuned`, exported to `model.safetensors`, and `dev.bio`.
fn exported() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    model::write(&directory.path().join("tuned"), 1);
    fs::write(directory.path().join("dev.bio"), DATA).unwrap();
    let output = model_export(
        &directory,
        ["quantize", "tuned", "--output", "model.safetensors"],
    );
    check(
        &output,
        0,
        &["model.safetensors: ", " bytes, ", "SHA-256 "],
        &[],
    );
    directory
}
