//! `trainer calibrate`: brings a model's scores in line with how often they are right.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use ner::calibration::Calibration;
use ner::evaluate::{calibrate, summarize};
use serde_json::Value;

use crate::evaluate::read_and_answer;
use crate::source::Source;
use crate::{checkpoint, cli};

/// What to calibrate on what.
#[derive(Debug, clap::Args)]
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
    let (documents, answers) = read_and_answer(&source, &args.data)?;
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
    let Calibration { slope, intercept } = calibration;
    cli::print(&format!(
        "{}: slope {slope:.4}, intercept {intercept:.4}\n\
         expected calibration error {:.4}, {:.4} without\n\
         strict F1 {:.4}, {:.4} without\n",
        path.display(),
        after.calibration_error,
        before.calibration_error,
        after.eval_f1,
        before.eval_f1
    ))
}
