//! The output directory of a run, in Hugging Face's layout.
//!
//! ```text
//! OUTPUT/                    the epoch with the best F1 on the development documents
//!   config.json              with id2label and label2id, the head, and the scores' calibration on
//!                            the development documents
//!   model.safetensors        Hugging Face's names, F32
//!   tokenizer.json  vocab.txt  tokenizer_config.json
//!   training_args.json       how the run was made
//!   trainer_state.json       losses and scores of the epochs so far
//!   eval_metrics.json        eval_loss, eval_precision, eval_recall, eval_f1, and per type
//!   checkpoint-N/            the same files after step N: the last two epochs and the best one
//! ```
//!
//! Every file appears whole or not at all: it is written under another name beside its place and
//! then renamed.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ner::Tokenizer;
use ner::calibration::Calibration;
use ner::model::Config;
use serde_json::{Value, json};

use crate::bert::Bert;

/// Refuses a directory that holds a model already, or removes that one where it is to be replaced;
/// makes the directory where it is missing.
///
/// # Errors
/// As said, and what the file system answers.
pub fn prepare(output: &Path, overwrite: bool) -> Result<()> {
    if !overwrite && output.join("config.json").exists() {
        bail!(
            "{} holds a model already: give another --output, or --overwrite",
            output.display()
        );
    }
    fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
    if overwrite {
        // Whatever is found here later is of the new run.
        for entry in fs::read_dir(output)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let removed = match name.as_ref() {
                "model.safetensors" | "eval_metrics.json" | "trainer_state.json" => {
                    fs::remove_file(&path)
                }
                name if step_of(name).is_some() => fs::remove_dir_all(&path),
                _ => Ok(()),
            };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// The number N of `checkpoint-N`.
fn step_of(name: &str) -> Option<usize> {
    name.strip_prefix("checkpoint-")?.parse().ok()
}

/// What a directory holds.
pub struct Contents<'a> {
    /// Configuration and weights.
    pub bert: &'a Bert,
    /// From probabilities to scores.
    pub calibration: Calibration,
    /// The tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// `training_args.json`.
    pub arguments: Value,
    /// `trainer_state.json`.
    pub state: Value,
    /// `eval_metrics.json`.
    pub metrics: Value,
}

/// Writes the files of a model into a directory that exists.
///
/// # Errors
/// What the file system answers, with the file's name.
pub fn save(directory: &Path, contents: &Contents) -> Result<()> {
    let Contents {
        bert,
        calibration,
        tokenizer,
        arguments,
        state,
        metrics,
    } = contents;
    let config = Config {
        calibration: Some(*calibration),
        ..bert.config().clone()
    };
    let files = [
        ("config.json", config.to_json().into_bytes()),
        ("tokenizer.json", tokenizer.to_json().into_bytes()),
        ("vocab.txt", tokenizer.to_vocab().into_bytes()),
        (
            "tokenizer_config.json",
            pretty(&tokenizer_config(
                tokenizer,
                bert.config().max_position_embeddings,
            )?),
        ),
        ("training_args.json", pretty(arguments)),
        ("trainer_state.json", pretty(state)),
        ("model.safetensors", weights(bert)?),
        ("eval_metrics.json", pretty(metrics)),
    ];
    for (name, content) in files {
        write(&directory.join(name), &content)?;
    }
    Ok(())
}

/// Writes `checkpoint-STEP` within the output directory and returns its path.
///
/// # Errors
/// As [`save`].
pub fn save_step(output: &Path, step: usize, contents: &Contents) -> Result<PathBuf> {
    let path = output.join(format!("checkpoint-{step}"));
    let partial = output.join(format!(".checkpoint-{step}.partial"));
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| partial.display().to_string())?;
    }
    fs::create_dir(&partial).with_context(|| partial.display().to_string())?;
    save(&partial, contents)?;
    fs::rename(&partial, &path).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Removes all but the last two checkpoints and the best one from the directory and from `steps`,
/// which are in order.
///
/// # Errors
/// What the file system answers.
pub fn prune(output: &Path, steps: &mut Vec<usize>, best: usize) -> Result<()> {
    let first_kept = steps.len().saturating_sub(2);
    for step in steps[..first_kept].iter().filter(|&&step| step != best) {
        let path = output.join(format!("checkpoint-{step}"));
        fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
    }
    let last = steps[first_kept..].to_vec();
    steps.retain(|step| *step == best || last.contains(step));
    Ok(())
}

/// JSON for reading, with a line end at the end.
pub(crate) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Writes a file so that it appears whole or not at all.
///
/// # Errors
/// What the file system answers, with the file's name.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let name = path
        .file_name()
        .context("a file has a name")?
        .to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial"));
    let written = || -> std::io::Result<()> {
        let mut file = fs::File::create(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

/// The weights as a safetensors file; the same weights give the same bytes.
fn weights(bert: &Bert) -> Result<Vec<u8>> {
    let mut tensors = Vec::new();
    for (name, var) in bert.parameters() {
        let values = var.as_tensor().flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        tensors.push((name, var.dims().to_vec(), bytes));
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)?;
        Ok((*name, view))
    });
    let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    // transformers asks for this key before it reads a file.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}

/// What `BertTokenizer` needs to tokenize as `tokenizer.json` says.
fn tokenizer_config(tokenizer: &Tokenizer, positions: usize) -> Result<Value> {
    let whole: Value = serde_json::from_str(&tokenizer.to_json())?;
    let normalizer = &whole["normalizer"];
    Ok(json!({
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": tokenizer.lowercase(),
        "strip_accents": normalizer["strip_accents"],
        "tokenize_chinese_chars": normalizer["handle_chinese_chars"].as_bool().unwrap_or(true),
        "model_max_length": positions,
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruning_keeps_the_last_two_and_the_best() {
        let output = tempfile::tempdir().unwrap();
        let mut steps = Vec::new();
        for (step, best, expected) in [
            (10, 10, vec![10]),
            (20, 20, vec![10, 20]),
            (30, 20, vec![20, 30]),
            (40, 20, vec![20, 30, 40]),
            (50, 20, vec![20, 40, 50]),
            (60, 60, vec![50, 60]),
        ] {
            fs::create_dir(output.path().join(format!("checkpoint-{step}"))).unwrap();
            steps.push(step);
            prune(output.path(), &mut steps, best).unwrap();
            assert_eq!(steps, expected, "after {step}");
            let found = fs::read_dir(output.path()).unwrap();
            let mut found: Vec<usize> = found
                .map(|entry| step_of(entry.unwrap().file_name().to_str().unwrap()).unwrap())
                .collect();
            found.sort_unstable();
            assert_eq!(found, expected, "after {step}");
        }
    }

    #[test]
    fn an_output_directory_with_a_model_is_refused() {
        let output = tempfile::tempdir().unwrap();
        prepare(output.path(), false).unwrap();
        fs::write(output.path().join("config.json"), "{}").unwrap();
        fs::create_dir(output.path().join("checkpoint-7")).unwrap();
        assert!(prepare(output.path(), false).is_err());
        prepare(output.path(), true).unwrap();
        assert!(!output.path().join("checkpoint-7").exists());
        assert!(output.path().join("config.json").exists());
    }
}
