//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Quantizes a fine-tuned BERT token classifier to one safetensors file and verifies it.
///
/// Exit codes: 0 done; 1 `verify` found a limit passed, or the disk is full; 2 wrong usage, input
/// that is missing or damaged, or an output that cannot be there.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Quantize(QuantizeArgs),
    Verify(VerifyArgs),
    Describe(DescribeArgs),
    Inspect(InspectArgs),
}

/// Quantize a fine-tuned directory to one file.
///
/// Matrices become int8 with one scale per output channel, embeddings int8 with one scale per row;
/// the rest stays F32. The file holds the configuration, the labels and the tokenizer too: nothing
/// else is needed to run it.
#[derive(Debug, Args)]
pub(crate) struct QuantizeArgs {
    /// Directory with config.json, model.safetensors and tokenizer.json (or vocab.txt and
    /// tokenizer_config.json), as `trainer fine-tune` and Hugging Face's `save_pretrained` write
    /// it.
    pub(crate) dir: PathBuf,
    /// The file to write. It is replaced only once the new one is complete.
    #[arg(long, short)]
    pub(crate) output: PathBuf,
    /// What the model was fine-tuned from, for the file to tell; by default what the directory's training_args.json says.
    #[arg(long, value_name = "NAME")]
    pub(crate) base: Option<String>,
    /// How to print the result; JSON has the keys file, bytes, weight_bytes (those of
    /// model.safetensors), source_sha256 and card.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Put into an exported file where its model comes from and how it did.
///
/// The page shows both. `quantize` takes them from the directory: metrics there are those of the
/// development documents. Tensors stay as they are.
#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// The exported file. It is replaced only once the new one is complete.
    pub(crate) file: PathBuf,
    /// What the model was fine-tuned from.
    #[arg(long, value_name = "NAME")]
    pub(crate) base: Option<String>,
    /// What `trainer evaluate --output` wrote.
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// How to print the result; JSON has the keys file and card.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Compare an exported file with the directory it was made from.
///
/// Both models run over the documents of a data file. Compared are the words' logits, the labels
/// they choose, and the strict entity-level F1 of the decoded entities against the file's own. Exit
/// code 1 when a limit is passed.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The exported file.
    pub(crate) file: PathBuf,
    /// The fine-tuned directory it was made from.
    #[arg(long, value_name = "DIR")]
    pub(crate) against: PathBuf,
    /// Annotated documents: JSON (`.jsonl`, `.json`; also doccano's and Prodigy's), or BIO lines in any
    /// other file.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// Largest difference of one logit. A decision of probability 0.99 has a margin of 4.6 over the
    /// next label, so that two logits may each be wrong by this much.
    #[arg(long, value_name = "X", default_value_t = 2.0, value_parser = limit)]
    pub(crate) max_logit_error: f64,
    /// Smallest share of words for which both models score the same label highest. Quantization to
    /// 8 bits leaves only words undecided that the float model was undecided about too.
    #[arg(long, value_name = "Y", default_value_t = 0.995, value_parser = share)]
    pub(crate) min_agreement: f64,
    /// Largest loss of F1, of 1: less than two training runs that differ only in their seed are
    /// apart. The data should have 500 entities or more; of 300, one alone is as much.
    #[arg(long, value_name = "Z", default_value_t = 0.003, value_parser = limit)]
    pub(crate) max_f1_drop: f64,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Show what is in an exported file: metadata, labels, every tensor.
///
/// The whole file is read and its checksums are compared; a damaged file is an error.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The exported file.
    pub(crate) file: PathBuf,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading.
    Text,
    /// One JSON object.
    Json,
}

fn limit(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if value >= 0.0 => Ok(value),
        _ => Err("expected a number, 0 or more".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1".into()),
    }
}
