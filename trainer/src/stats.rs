//! `trainer data stats`: what marked documents hold, in numbers.

use anyhow::Result;

use crate::cli::{self, Format};
use crate::data::stats::stats;
use crate::parts::PartsArgs;

/// What to count.
#[derive(Debug, Clone, PartialEq, clap::Args)]
#[command(after_long_help = HELP)]
pub struct StatsArgs {
    /// The documents
    #[command(flatten)]
    pub parts: PartsArgs,
    /// How to print the numbers
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

const HELP: &str = "\
JSON:
  parts, a list, and total, each with name, documents, words, entities, sparse (the share of documents with at most 2
  entities), length (quantiles of their words), types: a list of {\"name\", \"mentions\", \"strings\", \"mean_words\",
  \"frequent\"}; all parts but the first also with unseen, what the first lacks.";

/// Counts as the arguments say and prints the numbers.
///
/// # Errors
/// Names file and line of what cannot be read.
pub fn run(arguments: &StatsArgs) -> Result<()> {
    let (labels, parts) = arguments.parts.read()?;
    let stats = stats(&parts, &labels);
    cli::print_result(arguments.format, &stats, || stats.to_string())
}
