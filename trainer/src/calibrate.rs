//! `trainer calibrate`: brings a model's scores in line with how often they are right.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use ner::calibration::Calibration;
use ner::evaluate::{Evaluation, calibrate, summarize};
use serde::Serialize;
use serde_json::Value;

use crate::cli::Format;
use crate::evaluate::{Answered, read_and_answer};
use crate::source::Source;
use crate::{checkpoint, cli};

/// What to calibrate on what.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct CalibrateArgs {
    /// Fine-tuned directory; its config.json gets the calibration, which `model-export quantize`
    /// takes over
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Annotated documents that the model was not trained on and will not be judged by: BIO (.bio,
    /// .conll, .txt), JSON (.jsonl, .json; also doccano's and Prodigy's), brat (.ann, or a
    /// directory of them), a file or a directory of marked text
    #[arg(long, value_name = "FILE|DIR")]
    pub data: PathBuf,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

const HELP: &str = "\
JSON:
  config (the file), slope, intercept; calibration_error and f1, each {\"before\", \"after\"}.";

/// What a calibration was good for, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    /// The file that has it now.
    config: String,
    #[serde(flatten)]
    calibration: Calibration,
    /// Expected calibration error on the data, 0 to 1, without the calibration and with it.
    calibration_error: Change,
    /// Strict F1 on the data.
    f1: Change,
}

#[derive(Debug, Serialize)]
struct Change {
    before: f64,
    after: f64,
}

/// Calibrates as the arguments say and prints what it was good for.
///
/// # Errors
/// Names the file or document that is wrong.
pub fn run(args: &CalibrateArgs) -> Result<()> {
    ensure!(
        args.model.is_dir(),
        "--model {}: not a directory; give the one that `trainer fine-tune` wrote",
        args.model.display()
    );
    let mut source = Source::load(Some(&args.model))?;
    let Answered {
        documents, answers, ..
    } = read_and_answer(&source, &args.data)?;
    let calibration = calibrate(&documents, &answers);
    let mut evaluate = |calibration| {
        source.decoder.calibration = calibration;
        summarize(&documents, &answers, &source.decoder)
    };
    let (before, after) = (evaluate(None)?, evaluate(Some(calibration))?);

    let path = args.model.join("config.json");
    let name = || path.display().to_string();
    let config = fs::read_to_string(&path).with_context(name)?;
    let mut config: Value = serde_json::from_str(&config).with_context(name)?;
    let Some(fields) = config.as_object_mut() else {
        bail!("{}: not a JSON object", path.display());
    };
    fields.insert("calibration".into(), serde_json::to_value(calibration)?);
    checkpoint::write(&path, &checkpoint::pretty(&config))?;
    let change = |value: fn(&Evaluation) -> f64| Change {
        before: value(&before),
        after: value(&after),
    };
    let report = Report {
        config: name(),
        calibration,
        calibration_error: change(|evaluation| evaluation.calibration_error),
        f1: change(|evaluation| evaluation.eval_f1),
    };
    cli::print_result(args.format, &report, || text(&report))
}

fn text(report: &Report) -> String {
    let Report {
        config,
        calibration: Calibration { slope, intercept },
        calibration_error: error,
        f1,
    } = report;
    format!(
        "{config}: slope {slope:.4}, intercept {intercept:.4}\n\
         expected calibration error {:.4}, {:.4} without\n\
         strict F1 {:.4}, {:.4} without\n",
        error.after, error.before, f1.after, f1.before
    )
}
