//! `trainer data stats`: what marked documents hold, in numbers.

use anyhow::Result;

use crate::cli::{self, Format};
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

/// Counts as the arguments say and prints the numbers.
///
/// # Errors
/// Names file and line of what cannot be read.
pub fn run(arguments: &StatsArgs) -> Result<()> {
    let (labels, parts) = arguments.parts.read()?;
    let stats = stats(&parts, &labels);
    cli::print_result(arguments.format, &stats, || stats.to_string())
}
