//! `inspect`: what is in an exported file.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use ner::model::bundle::{FORMAT_VERSION, Values};
use ner::model::tensors::{scale_name, specs};
use ner::model::{Bundle, Card, Config};
use serde::Serialize;

use crate::Outcome;
use crate::cli::{Format, InspectArgs};

/// An exported file, described.
#[derive(Debug, Serialize)]
struct Inspection {
    file: String,
    bytes: usize,
    format_version: &'static str,
    source_sha256: String,
    card: Card,
    config: Config,
    labels: Vec<String>,
    tokenizer: TokenizerSummary,
    tensors: Vec<TensorSummary>,
    totals: Vec<Total>,
}

#[derive(Debug, Serialize)]
struct TokenizerSummary {
    tokens: usize,
    lowercase: bool,
    bytes: usize,
}

#[derive(Debug, Serialize)]
struct TensorSummary {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: usize,
}

#[derive(Debug, Serialize)]
struct Total {
    dtype: &'static str,
    tensors: usize,
    values: usize,
    bytes: usize,
}

pub(crate) fn run(args: &InspectArgs) -> Result<Outcome> {
    let file = args.file.display().to_string();
    let bytes = fs::read(&args.file).with_context(|| file.clone())?;
    let inspection = inspect(file, &bytes)?;
    let report = match args.format {
        Format::Text => text(&inspection),
        Format::Json => serde_json::to_string_pretty(&inspection)? + "\n",
    };
    Ok(Outcome { report, met: true })
}

fn inspect(file: String, bytes: &[u8]) -> Result<Inspection> {
    let bundle = Bundle::read(&file, bytes)?;
    let tokenizer = bundle.tokenizer().with_context(|| file.clone())?;
    let labels = bundle.config().labels()?;
    let mut tensors = Vec::new();
    for spec in specs(bundle.config(), labels.len()) {
        let summary = |name, dtype, shape, bytes| TensorSummary {
            name,
            dtype,
            shape,
            bytes,
        };
        match bundle.tensor(&spec.name) {
            Values::F32(bytes) => tensors.push(summary(spec.name, "F32", spec.shape, bytes.len())),
            Values::I8 { values, scales } => {
                let rows = vec![spec.shape[0]];
                let scale = summary(scale_name(&spec.name), "F32", rows, scales.len());
                tensors.push(summary(spec.name, "I8", spec.shape, values.len()));
                tensors.push(scale);
            }
        }
    }
    let totals = ["I8", "F32"].map(|dtype| {
        let of_type = || tensors.iter().filter(|tensor| tensor.dtype == dtype);
        Total {
            dtype,
            tensors: of_type().count(),
            values: of_type()
                .map(|tensor| tensor.shape.iter().product::<usize>())
                .sum(),
            bytes: of_type().map(|tensor| tensor.bytes).sum(),
        }
    });
    Ok(Inspection {
        file,
        bytes: bytes.len(),
        format_version: FORMAT_VERSION,
        source_sha256: bundle.source_sha256().to_owned(),
        card: bundle.card().clone(),
        config: bundle.config().clone(),
        labels: labels.names().to_vec(),
        tokenizer: TokenizerSummary {
            tokens: tokenizer.vocab_size(),
            lowercase: tokenizer.lowercase(),
            bytes: bundle.tokenizer_json().len(),
        },
        tensors,
        totals: totals.into(),
    })
}

fn text(inspection: &Inspection) -> String {
    let Inspection {
        config, tokenizer, ..
    } = inspection;
    let mut report = format!(
        "{file}: {bytes} bytes, format version {version}\n\
         source      SHA-256 {source}\n\
         card        {card}\n\
         network     {layers} layers, hidden {hidden}, {heads} heads, feed-forward {ffn}, {positions} positions\n\
         tokenizer   {tokens} tokens, {case}, {json} bytes\n\
         labels      {labels}\n\n",
        file = inspection.file,
        bytes = inspection.bytes,
        version = inspection.format_version,
        source = inspection.source_sha256,
        card = crate::describe::in_words(&inspection.card),
        layers = config.num_hidden_layers,
        hidden = config.hidden_size,
        heads = config.num_attention_heads,
        ffn = config.intermediate_size,
        positions = config.max_position_embeddings,
        tokens = tokenizer.tokens,
        case = if tokenizer.lowercase {
            "lower-cased"
        } else {
            "cased"
        },
        json = tokenizer.bytes,
        labels = inspection.labels.join(" "),
    );
    let width = inspection
        .tensors
        .iter()
        .map(|tensor| tensor.name.len())
        .max()
        .unwrap_or(0);
    for TensorSummary {
        name,
        dtype,
        shape,
        bytes,
    } in &inspection.tensors
    {
        let shape = format!("{shape:?}");
        // Writing to a string does not fail.
        let _ = writeln!(report, "{name:width$}  {dtype:3}  {shape:14}  {bytes:>10}");
    }
    for Total {
        dtype,
        tensors,
        values,
        bytes,
    } in &inspection.totals
    {
        let name = format!("total of {tensors} tensors, {values} values");
        let _ = writeln!(report, "{name:width$}  {dtype:3}  {:14}  {bytes:>10}", "");
    }
    report
}
