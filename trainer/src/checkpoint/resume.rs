//! Finding a run's last checkpoint, and going on from it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{FILES, step_of, write};

/// Arguments that may differ when a run goes on: they change nothing in its weights.
const FREE: [&str; 8] = [
    "keep",
    "offline",
    "output",
    "overwrite",
    "patience",
    "resume",
    "save_steps",
    "trainer_version",
];

/// `checkpoint-STEP` in an output directory.
pub(crate) fn path_of(output: &Path, step: usize) -> PathBuf {
    output.join(format!("checkpoint-{step}"))
}

/// Steps of the checkpoints that are there, in order.
pub(super) fn steps(output: &Path) -> Result<Vec<usize>> {
    let entries = match fs::read_dir(output) {
        Ok(entries) => entries,
        // Making the directory says what is wrong with it.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error).context(output.display().to_string()),
    };
    let mut steps = Vec::new();
    for entry in entries {
        steps.extend(step_of(&entry?.file_name().to_string_lossy()));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// Step of the last checkpoint; none where none was written.
///
/// # Errors
/// What the file system answers.
pub(crate) fn last(output: &Path) -> Result<Option<usize>> {
    Ok(steps(output)?.pop())
}

/// Removes what a run that was ended in the middle of writing has left behind.
///
/// # Errors
/// What the file system answers.
pub(crate) fn clean(output: &Path) -> Result<()> {
    for entry in fs::read_dir(output).with_context(|| output.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(".partial") {
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Puts the model of a checkpoint into the output directory itself. Doing so once more changes nothing.
///
/// # Errors
/// What the file system answers, with the file's name.
pub(crate) fn publish(output: &Path, step: usize) -> Result<()> {
    let checkpoint = path_of(output, step);
    for name in FILES {
        let from = checkpoint.join(name);
        let content = fs::read(&from).with_context(|| from.display().to_string())?;
        write(&output.join(name), &content)?;
    }
    sync(output)
}

/// Makes what was renamed in a directory outlast a power cut, where directories can be opened.
pub(super) fn sync(directory: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.with_context(|| directory.display().to_string())?;
    }
    Ok(())
}

/// Whether a checkpoint is of the run that `record`, its arguments and data, describes.
///
/// # Errors
/// Names the arguments that differ.
pub(crate) fn check(checkpoint: &Path, record: &Value) -> Result<()> {
    let path = checkpoint.join("training_args.json");
    let place = || path.display().to_string();
    let text = fs::read_to_string(&path).with_context(place)?;
    let recorded: Value = serde_json::from_str(&text).with_context(place)?;
    let (Some(recorded), Some(record)) = (recorded.as_object(), record.as_object()) else {
        bail!("{}: no JSON object", place());
    };
    let names = recorded.keys().chain(record.keys());
    let mut different: Vec<String> = names
        .filter(|name| !FREE.contains(&name.as_str()) && recorded.get(*name) != record.get(*name))
        .map(|name| {
            let value = |values: &serde_json::Map<String, Value>| {
                values
                    .get(name)
                    .map_or("not given".into(), Value::to_string)
            };
            format!("{name} was {}, is {}", value(recorded), value(record))
        })
        .collect();
    different.sort_unstable();
    different.dedup();
    if !different.is_empty() {
        bail!(
            "--resume: {} is of another run: {}. Give the same arguments and data, or --overwrite instead",
            checkpoint.display(),
            different.join("; ")
        );
    }
    if recorded.get("trainer_version") != record.get("trainer_version") {
        eprintln!("warning: the run was begun by another version of this program");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_same_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let recorded =
            json!({ "lr": 1e-4, "seed": 7, "output": "a", "keep": 2, "data_sha256": "x" });
        fs::write(
            folder.path().join("training_args.json"),
            recorded.to_string(),
        )
        .unwrap();
        let refused = |record: Value| {
            let error = check(folder.path(), &record).err();
            error.map(|error| error.to_string()).unwrap_or_default()
        };
        let same = json!({ "lr": 1e-4, "seed": 7, "output": "b", "keep": 1, "data_sha256": "x", "resume": true });
        assert_eq!(refused(same), "");
        let other = json!({ "lr": 1e-4, "seed": 8, "dropout": 0.1 });
        let message = refused(other);
        for part in [
            "data_sha256 was \"x\", is not given",
            "dropout was not given, is 0.1",
            "seed was 7, is 8",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(
            !message.contains("lr was") && !message.contains("keep"),
            "{message}"
        );
    }
}
