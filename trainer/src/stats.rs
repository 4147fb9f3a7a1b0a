//! `trainer data stats`: what marked documents hold, in numbers.

use anyhow::Result;

use crate::cli;
use crate::data::stats::stats;
use crate::parts::PartsArgs;

/// What to count.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct StatsArgs {
    /// The documents
    #[command(flatten)]
    pub parts: PartsArgs,
    /// How to print the numbers
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How numbers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Tables.
    Text,
    /// One JSON object: `parts`, a list, and `total`.
    Json,
}

/// Counts as the arguments say and prints the numbers.
///
/// # Errors
/// Names file and line of what cannot be read.
pub fn run(arguments: &StatsArgs) -> Result<()> {
    let (labels, parts) = arguments.parts.read()?;
    let stats = stats(&parts, &labels);
    match arguments.format {
        Format::Text => cli::print(&stats.to_string()),
        Format::Json => cli::print(&(serde_json::to_string_pretty(&stats)? + "\n")),
    }
}
