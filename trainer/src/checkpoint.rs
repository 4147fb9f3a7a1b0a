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
//!   train_log.jsonl  runs/   what happened at each step, for programs and for TensorBoard
//!   checkpoint-N/            the same files after step N, without the metrics within an epoch, and
//!                            optimizer.safetensors: the last ones and the best one
//! ```
//!
//! Every file and every checkpoint appears whole or not at all: it is written under another name
//! beside its place and then renamed.

mod optimizer;
mod resume;

use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use ner::Tokenizer;
use ner::calibration::Calibration;
use ner::model::Config;
use serde_json::{Value, json};

use crate::adamw::Moment;
use crate::bert::Bert;

pub(crate) use optimizer::load as load_moments;
pub(crate) use resume::{check, clean, last, path_of, publish};

/// What a directory of a model holds.
const FILES: [&str; 8] = [
    "config.json",
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "training_args.json",
    "trainer_state.json",
    "model.safetensors",
    "eval_metrics.json",
];

/// Refuses a directory that holds a model already, unless a run goes on there, or removes that one where it is to be replaced; makes
/// the directory where it is missing.
///
/// # Errors
/// As said, and what the file system answers.
pub fn prepare(output: &Path, overwrite: bool, resume: bool) -> Result<()> {
    if resume && last(output)?.is_some() {
        return make(output);
    }
    if !overwrite && output.join("config.json").exists() {
        bail!(
            "{} holds a model already: give another --output, or --overwrite",
            output.display()
        );
    }
    if !overwrite && last(output)?.is_some() {
        bail!(
            "{} holds a run that is not finished: --resume goes on with it, --overwrite begins anew",
            output.display()
        );
    }
    make(output)?;
    if overwrite {
        // Whatever is found here later is of the new run.
        for entry in fs::read_dir(output)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let removed = match name.as_ref() {
                "model.safetensors" | "eval_metrics.json" | "trainer_state.json"
                | "train_log.jsonl" => fs::remove_file(&path),
                name if name == "runs" || step_of(name).is_some() => fs::remove_dir_all(&path),
                _ => Ok(()),
            };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Makes the directory, and whether it can be written to is known before the first hour of training is over.
fn make(output: &Path) -> Result<()> {
    fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
    let probe = output.join(".probe");
    write(&probe, b"")?;
    fs::remove_file(&probe).with_context(|| probe.display().to_string())
}

/// The number N of `checkpoint-N`.
fn step_of(name: &str) -> Option<usize> {
    name.strip_prefix("checkpoint-")?.parse().ok()
}

/// What a directory holds.
pub struct Contents<'a> {
    /// Configuration and weights.
    pub bert: &'a Bert,
    /// From probabilities to scores, where the model was evaluated.
    pub calibration: Option<Calibration>,
    /// The tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// `training_args.json`.
    pub arguments: Value,
    /// `trainer_state.json`.
    pub state: Value,
    /// `eval_metrics.json`, where the model was evaluated.
    pub metrics: Option<Value>,
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
        calibration: *calibration,
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
    ];
    for (name, content) in files {
        write(&directory.join(name), &content)?;
    }
    match metrics {
        Some(metrics) => write(&directory.join("eval_metrics.json"), &pretty(metrics)),
        None => Ok(()),
    }
}

/// Writes `checkpoint-STEP` within the output directory, from which a run goes on.
///
/// # Errors
/// As [`save`]; nothing of the checkpoint is left then.
pub fn save_step(
    output: &Path,
    step: usize,
    contents: &Contents,
    moments: &[Moment],
) -> Result<()> {
    let path = path_of(output, step);
    let partial = output.join(format!(".checkpoint-{step}.partial"));
    let written = || -> Result<()> {
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(|| partial.display().to_string())?;
        }
        fs::create_dir(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
        save(&partial, contents)?;
        optimizer::save(&partial, moments)?;
        fs::rename(&partial, &path).with_context(|| path.display().to_string())?;
        resume::sync(output)
    };
    written().inspect_err(|_| {
        // It takes room, which may be what is missing.
        let _ = fs::remove_dir_all(&partial);
    })
}

/// Removes all checkpoints but the last `keep` ones and the best one, of which only the model stays.
///
/// # Errors
/// What the file system answers.
pub fn prune(output: &Path, keep: usize, best: Option<usize>) -> Result<()> {
    let steps = resume::steps(output)?;
    let old = &steps[..steps.len().saturating_sub(keep)];
    for &step in old {
        let path = path_of(output, step);
        let removed = if Some(step) != best {
            fs::remove_dir_all(&path)
        } else {
            match fs::remove_file(path.join(optimizer::FILE)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
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
    fn pruning_keeps_the_last_ones_and_the_best() {
        let output = tempfile::tempdir().unwrap();
        for (step, keep, best, expected, without_optimizer) in [
            (10, 2, Some(10), vec![10], None),
            (20, 2, Some(10), vec![10, 20], None),
            (30, 2, Some(20), vec![20, 30], None),
            (40, 2, Some(20), vec![20, 30, 40], Some(20)),
            (50, 1, Some(20), vec![20, 50], Some(20)),
            (60, 2, None, vec![50, 60], None),
            (100, 3, Some(60), vec![50, 60, 100], None),
        ] {
            let path = path_of(output.path(), step);
            fs::create_dir(&path).unwrap();
            fs::write(path.join(optimizer::FILE), "").unwrap();
            prune(output.path(), keep, best).unwrap();
            assert_eq!(
                resume::steps(output.path()).unwrap(),
                expected,
                "after {step}"
            );
            for &kept in &expected {
                let has = path_of(output.path(), kept).join(optimizer::FILE).exists();
                assert_eq!(has, Some(kept) != without_optimizer, "{kept} after {step}");
            }
        }
    }

    #[test]
    fn an_output_directory_with_a_model_is_refused() {
        let output = tempfile::tempdir().unwrap();
        prepare(output.path(), false, false).unwrap();
        fs::write(output.path().join("config.json"), "{}").unwrap();
        fs::create_dir(output.path().join("checkpoint-7")).unwrap();
        let refused = || format!("{:#}", prepare(output.path(), false, false).unwrap_err());
        assert!(refused().contains("holds a model"), "{}", refused());
        fs::remove_file(output.path().join("config.json")).unwrap();
        assert!(refused().contains("--resume"), "{}", refused());
        fs::write(output.path().join("config.json"), "{}").unwrap();
        prepare(output.path(), true, false).unwrap();
        assert!(!output.path().join("checkpoint-7").exists());
        assert!(output.path().join("config.json").exists());
    }
}
