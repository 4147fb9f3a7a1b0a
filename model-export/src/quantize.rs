//! `quantize`: a fine-tuned directory to one file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use ner::model::{Bundle, Card, bundle};
use serde::Serialize;

use crate::Outcome;
use crate::cli::{Format, QuantizeArgs};
use crate::describe;
use crate::directory::Directory;

/// What was written, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct Export<'a> {
    file: String,
    /// Of the file.
    bytes: usize,
    /// Of the directory's model.safetensors.
    weight_bytes: usize,
    /// Of the same.
    source_sha256: &'a str,
    card: &'a Card,
}

pub(crate) fn run(args: &QuantizeArgs) -> Result<Outcome> {
    let directory = Directory::read(&args.dir)?;
    let mut model = directory.bundle()?;
    let card = describe::of_directory(&args.dir, args.base.as_deref())?;
    model
        .set_card(card)
        .with_context(|| args.dir.display().to_string())?;
    // A tokenizer that cannot be built would make a file that cannot be used.
    model
        .tokenizer()
        .with_context(|| format!("{}: tokenizer", args.dir.display()))?;
    let bytes = bundle::write(&model)?;
    let file = args.output.display().to_string();
    Bundle::read(&file, &bytes)
        .context("the file that was about to be written does not read back")?;
    write_atomically(&args.output, &bytes).with_context(|| file.clone())?;

    let export = Export {
        file,
        bytes: bytes.len(),
        weight_bytes: directory.weight_bytes(),
        source_sha256: model.source_sha256(),
        card: model.card(),
    };
    let report = match args.format {
        Format::Text => text(&export),
        Format::Json => serde_json::to_string_pretty(&export)? + "\n",
    };
    Ok(Outcome { report, met: true })
}

fn text(export: &Export) -> String {
    let Export {
        file,
        bytes,
        weight_bytes,
        source_sha256,
        card,
    } = export;
    format!(
        "{file}: {bytes} bytes, {:.1} % of the {weight_bytes} bytes of model.safetensors (SHA-256 {source_sha256})\n\
         {}\n",
        100.0 * *bytes as f64 / *weight_bytes as f64,
        describe::in_words(card),
    )
}

/// Writes beside the file and renames, so that nobody ever reads half of it and a failure leaves
/// what was there.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    written
}
