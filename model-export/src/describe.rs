//! `describe`: where a model comes from and how it did, put into its file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ner::model::card::{Card, Measured};
use ner::model::{Bundle, bundle};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::cli::{DescribeArgs, Format};
use crate::quantize::write_atomically;

/// What a file tells now, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct Described<'a> {
    file: String,
    card: &'a Card,
}

pub(crate) fn run(args: &DescribeArgs) -> Result<Outcome> {
    let file = args.file.display().to_string();
    let bytes = fs::read(&args.file).with_context(|| file.clone())?;
    let mut model = Bundle::read(&file, &bytes)?;
    let mut card = model.card().clone();
    if let Some(base) = &args.base {
        card.base = Some(base.clone());
    }
    if let Some(metrics) = &args.metrics {
        card.metrics = Some(read_metrics(metrics)?);
    }
    ensure!(
        card != *model.card(),
        "{file}: nothing to change; name --base or --metrics"
    );
    model.set_card(card).with_context(|| file.clone())?;
    let described = bundle::write(&model)?;
    Bundle::read(&file, &described)
        .context("the file that was about to be written does not read back")?;
    write_atomically(&args.file, &described).with_context(|| file.clone())?;
    let card = model.card();
    let report = match args.format {
        Format::Text => format!("{file}: {}\n", in_words(card)),
        Format::Json => serde_json::to_string_pretty(&Described { file, card })? + "\n",
    };
    Ok(Outcome { report, met: true })
}

/// A card in a line.
pub(crate) fn in_words(card: &Card) -> String {
    let base = card.base.as_deref().unwrap_or("base unknown");
    match card.metrics {
        None => format!("{base}, not measured"),
        Some(Measured {
            precision,
            recall,
            f1,
            documents,
        }) => format!(
            "{base}, F1 {f1:.4} (precision {precision:.4}, recall {recall:.4}) on {documents} documents"
        ),
    }
}

/// What a fine-tuned directory tells of itself, as the trainer leaves it; nothing where another program wrote it.
pub(crate) fn of_directory(dir: &Path, base: Option<&str>) -> Result<Card> {
    #[derive(Deserialize)]
    struct Arguments {
        base: String,
    }
    let arguments = dir.join("training_args.json");
    let base = match base {
        Some(base) => Some(base.to_owned()),
        None if arguments.is_file() => {
            let Arguments { base } = read(&arguments)?;
            Card::named(&base)
        }
        None => None,
    };
    let metrics = dir.join("eval_metrics.json");
    let metrics = metrics.is_file().then(|| read_metrics(&metrics));
    Ok(Card {
        base,
        metrics: metrics.transpose()?,
    })
}

/// The scores in what `trainer evaluate` and `trainer fine-tune` write.
fn read_metrics(path: &Path) -> Result<Measured> {
    #[derive(Deserialize)]
    struct Metrics {
        eval_precision: f64,
        eval_recall: f64,
        eval_f1: f64,
        eval_documents: usize,
    }
    let metrics: Metrics = read(path)?;
    Ok(Measured {
        precision: metrics.eval_precision,
        recall: metrics.eval_recall,
        f1: metrics.eval_f1,
        documents: metrics.eval_documents,
    })
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}
