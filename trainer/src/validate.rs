//! `trainer data validate`: does a corpus keep its rules?

use std::fmt::{self, Write as _};

use anyhow::{Result, bail};

use crate::cli;
use crate::data::consistency::inconsistencies;
use crate::data::validate::{Rules, problems};
use crate::data::{Part, stats};
use crate::parts::{self, PartsArgs};

/// What to validate by which rules.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct ValidateArgs {
    /// The documents
    #[command(flatten)]
    pub parts: PartsArgs,
    /// Least number of documents of 40 to 250 words
    #[arg(long, value_name = "N", default_value_t = Rules::default().documents)]
    pub min_documents: usize,
    /// Least number of distinct entity strings, case ignored
    #[arg(long, value_name = "N", default_value_t = Rules::default().strings)]
    pub min_strings: usize,
    /// Least number of mentions of each type
    #[arg(long, value_name = "N", default_value_t = Rules::default().mentions)]
    pub min_mentions: usize,
    /// Least share of documents with at most two entities
    #[arg(long, value_name = "SHARE", default_value_t = Rules::default().sparse)]
    #[arg(value_parser = parts::share)]
    pub min_sparse: f64,
    /// Highest share of 5-word sequences that two documents may have in common
    #[arg(long, value_name = "SHARE", default_value_t = Rules::default().similarity)]
    #[arg(value_parser = parts::share)]
    pub max_similarity: f64,
    /// List the strings, marked N times or more, that also stand unmarked or are marked with two
    /// types; a warning, no broken rule. N is 3 where it is left out
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "3")]
    pub consistency: Option<usize>,
}

/// The documents could be read, and break rules in so many places.
#[derive(Debug)]
pub struct Broken(pub usize);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 problem; it is listed above"),
            count => write!(f, "{count} problems; they are listed above"),
        }
    }
}

impl std::error::Error for Broken {}

/// Validates as the arguments say; prints a line for each problem, then a summary.
///
/// # Errors
/// [`Broken`] where there are problems; names file and line of what cannot be read.
pub fn run(arguments: &ValidateArgs) -> Result<()> {
    let (report, problems) = report(arguments)?;
    cli::print(&report)?;
    if problems > 0 {
        bail!(Broken(problems));
    }
    Ok(())
}

/// What is printed, and the number of problems in it.
fn report(arguments: &ValidateArgs) -> Result<(String, usize)> {
    let (labels, parts) = arguments.parts.read()?;
    let rules = Rules {
        documents: arguments.min_documents,
        strings: arguments.min_strings,
        mentions: arguments.min_mentions,
        sparse: arguments.min_sparse,
        similarity: arguments.max_similarity,
    };
    let problems = problems(&parts, &labels, &rules);
    let mut report = String::new();
    // Writing to a string does not fail.
    for problem in &problems {
        let _ = writeln!(report, "{problem}");
    }
    if let Some(least) = arguments.consistency {
        for finding in inconsistencies(&parts, least) {
            let _ = writeln!(report, "warning: {finding}");
        }
    }
    report.push_str(&summary(&parts));
    Ok((report, problems.len()))
}

fn summary(parts: &[Part]) -> String {
    let line = |part: &Part| {
        let documents = || part.documents.iter().map(|placed| &placed.document);
        let counts = stats::counts(documents());
        format!(
            "{}: {} documents, {} entities, {} distinct\n",
            part.name,
            documents().count(),
            counts.values().sum::<usize>(),
            counts.len(),
        )
    };
    parts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::{Cli, Command, DataCommand};
    use clap::Parser;

    /// What `trainer data validate` makes of a file in the corpus' format.
    fn validate(content: &str, options: &[&str]) -> Result<(String, usize)> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("train.txt");
        fs::write(&path, content)?;
        let path = path.to_string_lossy();
        let arguments = ["trainer", "data", "validate", &path];
        let cli = Cli::try_parse_from(arguments.iter().chain(options))?;
        match cli.command {
            Command::Data(DataCommand::Validate(arguments)) => report(&arguments),
            _ => unreachable!("the command is validate"),
        }
    }

    #[test]
    fn problems_are_told_from_broken_files() {
        let no_minimum = [
            "--min-documents=0",
            "--min-strings=0",
            "--min-mentions=0",
            "--min-sparse=0",
        ];
        let check = |content: &str, options: &[&str], problems: Option<usize>| {
            let found = validate(content, options)
                .ok()
                .map(|(_, problems)| problems);
            assert_eq!(found, problems, "{content:?} {options:?}");
        };
        let marked = "=== a\nlow [[AMH|Hormones]]";
        check(marked, &no_minimum, Some(0));
        // No documents of ordinary length, too few strings, too few mentions of five types.
        check(marked, &[], Some(7));
        check("=== a\nlow AMH\n=== b\nLow AMH.", &no_minimum, Some(1));
        check("=== a\nlow [[AMH|Hormone]]", &no_minimum, None);
        check("=== a\nAMH\n=== a\nFSH", &no_minimum, None);
    }

    #[test]
    fn what_may_be_inconsistent_breaks_no_rule() {
        let content = "=== a\nlow [[AMH|Hormones]], [[AMH|Hormones]] or AMH";
        let zero = ["--min-documents=0", "--min-strings=0", "--min-mentions=0"];
        for (option, warned) in [("--consistency", false), ("--consistency=2", true)] {
            let (report, problems) = validate(content, &[&zero[..], &[option]].concat()).unwrap();
            assert_eq!(problems, 0, "{report}");
            assert_eq!(
                report.contains("warning: `amh`: 2 marked"),
                warned,
                "{report}"
            );
            assert!(
                report.ends_with("train: 1 documents, 2 entities, 1 distinct\n"),
                "{report}"
            );
        }
    }
}
