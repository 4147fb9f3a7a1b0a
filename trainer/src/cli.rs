//! The command line.

use clap::{Parser, Subcommand};

use crate::fine_tune::{self, FineTuneArgs};
use crate::train::Stopped;
use crate::{evaluate, predict, split};

/// Fine-tunes, evaluates and runs BERT token classifiers for clinical entities
///
/// Exit codes: 0 done; 1 the work failed although its input was right (training stopped, the disk
/// is full); 2 wrong usage, or input that is missing or broken.
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
    /// Prepare marked documents for training
    #[command(subcommand)]
    Data(DataCommand),
}

/// What to do with data.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Split documents into train.jsonl, dev.jsonl and test.jsonl by a hash of their ids
    Split(split::SplitArgs),
}

const OUTPUT_HELP: &str = "\
Output:
  DIR holds the epoch with the best strict F1 on the development documents, of equal ones that
  with the lowest loss, in Hugging Face's layout: config.json, model.safetensors, tokenizer.json,
  vocab.txt, tokenizer_config.json, training_args.json, trainer_state.json, eval_metrics.json; and
  checkpoint-N/ with the same files after step N, for the last two epochs and the best one.
  `AutoModelForTokenClassification.from_pretrained(DIR)` reads it; `model-export quantize DIR`
  makes the single file that the page loads.";

/// Does what the command line says.
///
/// # Errors
/// Whatever the command could not do; [`exit_code`] classifies it.
pub fn run(cli: &Cli) -> anyhow::Result<()> {
    match &cli.command {
        Command::FineTune(arguments) => fine_tune::run(arguments),
        Command::Predict(arguments) => predict::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Data(DataCommand::Split(arguments)) => split::run(arguments),
    }
}

/// 1 where the work failed although its input was right, otherwise 2.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Stopped>().is_some() {
        1
    } else {
        2
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
    fn stopped_work_is_told_from_wrong_input() {
        assert_eq!(exit_code(&anyhow::anyhow!("no such file")), 2);
        assert_eq!(
            exit_code(&anyhow::anyhow!("NaN").context(Stopped::new("training stopped"))),
            1
        );
    }
}
