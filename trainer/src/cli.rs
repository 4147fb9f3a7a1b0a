//! The command line.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::fine_tune::{self, FineTuneArgs};
use crate::plot::PlotCommand;
use crate::train::Stopped;
use crate::validate::{self, Broken};
use crate::{calibrate, evaluate, generate, plot, predict, split, stats};

/// Fine-tunes, evaluates and runs BERT token classifiers for clinical entities
///
/// Exit codes: 0 done; 1 the work failed although its input was right (training stopped, the disk
/// is full), or `data validate` found problems; 2 wrong usage, input that is missing or broken, or
/// an output that cannot be there.
#[derive(Debug, Parser)]
#[command(name = "trainer", version)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fine-tune a base model on marked documents
    #[command(after_long_help = OUTPUT_HELP)]
    FineTune(FineTuneArgs),
    /// Find the entities of a text or of a file of texts
    Predict(predict::PredictArgs),
    /// Score a model on marked documents
    Evaluate(evaluate::EvaluateArgs),
    /// Bring a model's scores in line with how often they are right
    Calibrate(calibrate::CalibrateArgs),
    /// Draw a run or an evaluation as SVG
    #[command(subcommand)]
    Plot(PlotCommand),
    /// Prepare marked documents for training
    #[command(subcommand)]
    Data(DataCommand),
}

/// What to do with data.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Check that the parts of a corpus keep its rules: unique ids, no documents that nearly repeat
    /// one another, enough of everything
    Validate(validate::ValidateArgs),
    /// Count documents, words, entities and strings, part by part
    Stats(stats::StatsArgs),
    /// Make synthetic documents from marked ones, lists of surface forms and templates
    Generate(generate::GenerateArgs),
    /// Split documents into train.jsonl, dev.jsonl and test.jsonl by a hash of their ids
    Split(split::SplitArgs),
}

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object; `--help` tells its keys.
    Json,
}

const OUTPUT_HELP: &str = "\
Output:
  DIR holds the epoch with the best strict F1 on the development documents, of equal ones that
  with the lowest loss, in Hugging Face's layout: config.json, model.safetensors, tokenizer.json,
  vocab.txt, tokenizer_config.json, training_args.json, trainer_state.json, eval_metrics.json; and
  checkpoint-N/ with the same files after step N and optimizer.safetensors, for the last ones
  (--keep) and the best one, from which --resume goes on. train_log.jsonl has a line for each step
  and each epoch, runs/ the same for TensorBoard; `trainer plot` draws them.
  `AutoModelForTokenClassification.from_pretrained(DIR)` reads it; `model-export quantize DIR`
  makes the single file that the page loads.";

/// Does what the command line says.
///
/// # Errors
/// Whatever the command could not do; [`exit_code`] classifies it.
pub fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::FineTune(arguments) => fine_tune::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Calibrate(arguments) => calibrate::run(arguments),
        Command::Plot(command) => plot::run(command),
        Command::Data(command) => match command {
            DataCommand::Validate(arguments) => validate::run(arguments),
            DataCommand::Stats(arguments) => stats::run(arguments),
            DataCommand::Generate(arguments) => generate::run(arguments),
            DataCommand::Split(arguments) => split::run(arguments),
        },
    }
}

/// 1 where the input could be read and yet the work failed or the answer is no, otherwise 2.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Stopped>() || error.is::<Broken>() || is_full(error) {
        1
    } else {
        2
    }
}

/// Whether there was no room to write to.
fn is_full(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| {
        matches!(
            cause.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    })
}

/// Prints a result as it was asked for.
pub(crate) fn print_result(
    format: Format,
    result: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> Result<()> {
    match format {
        Format::Text => print(&text()),
        Format::Json => print(&(serde_json::to_string_pretty(result)? + "\n")),
    }
}

/// Prints to standard output; a reader that has seen enough (`head`) is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_values_are_refused_while_parsing() {
        let fine_tune = |extra: &[&str]| {
            let required = [
                "trainer",
                "fine-tune",
                "--base",
                "b",
                "--train",
                "t",
                "--dev",
                "d",
                "--output",
                "o",
            ];
            Cli::try_parse_from(required.iter().chain(extra))
        };
        assert!(fine_tune(&[]).is_ok());
        assert!(fine_tune(&["--train", "more"]).is_ok());
        assert!(fine_tune(&["--lr", "5e-5", "--epochs", "3", "--dropout", "0"]).is_ok());
        for wrong in [
            ["--lr", "0"],
            ["--lr", "NaN"],
            ["--epochs", "0"],
            ["--batch-size", "0"],
            ["--max-length", "2"],
            ["--warmup-ratio", "1.0"],
            ["--weight-decay", "-0.1"],
            ["--dropout", "1"],
            ["--device", "abacus"],
            ["--max-grad-norm", "inf"],
        ] {
            assert!(fine_tune(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn data_commands_take_their_options() {
        let check = |arguments: &str, fits: bool| {
            let words = ["trainer", "data"].into_iter().chain(arguments.split(' '));
            assert_eq!(Cli::try_parse_from(words).is_ok(), fits, "{arguments}");
        };
        check("validate train dev test", true);
        check("validate train --min-documents 0 --min-sparse 0.1", true);
        check("validate --consistency train dev", true);
        check("validate --consistency=5 train", true);
        check("validate", false);
        check("validate train --min-documents -1", false);
        check("validate train --min-sparse 2", false);
        check("stats train dev --format json", true);
        check("stats --format xml train", false);
        check("stats --labels from-data train", true);
        check("stats --labels O,B-X train", false);
        let generate = "generate --corpus train --count 10 --output out";
        check(generate, true);
        check(
            &format!("{generate} --seed 7 --swap-share 1 --noise 0"),
            true,
        );
        check(&format!("{generate} --swap-share 1.1"), false);
        check("generate --corpus train --count 0 --output out", false);
        check("generate --count 10 --output out", false);
        check("split corpus --output out", true);
    }

    #[test]
    fn plots_take_their_inputs() {
        let check = |arguments: &str, fits: bool| {
            let words = ["trainer", "plot"].into_iter().chain(arguments.split(' '));
            assert_eq!(Cli::try_parse_from(words).is_ok(), fits, "{arguments}");
        };
        check("training run-1 run-2 --output a.svg", true);
        check("training --output a.svg", false);
        check("reliability eval_metrics.json --output a.svg", true);
        check("reliability eval_metrics.json", false);
        check("confusion eval_metrics.json --output a.svg", true);
        check("learning-curve a.json b.json --output a.svg", false);
    }

    #[test]
    fn stopped_work_is_told_from_wrong_input() {
        assert_eq!(exit_code(&anyhow::anyhow!("no such file")), 2);
        assert_eq!(
            exit_code(&anyhow::anyhow!("NaN").context(Stopped::new("training stopped"))),
            1
        );
        assert_eq!(exit_code(&Broken(2).into()), 1);
        let io = |kind| anyhow::Error::from(io::Error::from(kind)).context("out/model.safetensors");
        assert_eq!(exit_code(&io(ErrorKind::StorageFull)), 1);
        assert_eq!(exit_code(&io(ErrorKind::QuotaExceeded)), 1);
        assert_eq!(exit_code(&io(ErrorKind::NotFound)), 2);
        assert_eq!(exit_code(&io(ErrorKind::PermissionDenied)), 2);
    }
}
