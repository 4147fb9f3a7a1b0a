//! `trainer data validate`: does a corpus keep its rules?

use std::fmt;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::cli::{self, Format};
use crate::data::consistency::inconsistencies;
use crate::data::validate::{Rules, problems};
use crate::data::{Part, stats};
use crate::parts::{self, PartsArgs};

/// What to validate by which rules.
#[derive(Debug, Clone, PartialEq, clap::Args)]
#[command(after_long_help = HELP)]
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
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

const HELP: &str = "\
JSON:
  problems (a list of texts, each with the place; with any of them the exit code is 1), warnings (the same of
  --consistency), parts: a list of {\"name\", \"documents\", \"entities\", \"distinct\"}.";

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

/// What was found, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    /// What breaks the rules, and where.
    problems: Vec<String>,
    /// What may be inconsistent.
    warnings: Vec<String>,
    parts: Vec<Summary>,
}

#[derive(Debug, Serialize)]
struct Summary {
    name: String,
    documents: usize,
    entities: usize,
    /// Distinct strings, case ignored, by type.
    distinct: usize,
}

/// Validates as the arguments say; prints a line for each problem, then a summary.
///
/// # Errors
/// [`Broken`] where there are problems; names file and line of what cannot be read.
pub fn run(arguments: &ValidateArgs) -> Result<()> {
    let report = report(arguments)?;
    cli::print_result(arguments.format, &report, || text(&report))?;
    if !report.problems.is_empty() {
        bail!(Broken(report.problems.len()));
    }
    Ok(())
}

fn report(arguments: &ValidateArgs) -> Result<Report> {
    let (labels, parts) = arguments.parts.read()?;
    let rules = Rules {
        documents: arguments.min_documents,
        strings: arguments.min_strings,
        mentions: arguments.min_mentions,
        sparse: arguments.min_sparse,
        similarity: arguments.max_similarity,
    };
    let warnings = match arguments.consistency {
        Some(least) => inconsistencies(&parts, least),
        None => Vec::new(),
    };
    Ok(Report {
        problems: problems(&parts, &labels, &rules),
        warnings: warnings.iter().map(ToString::to_string).collect(),
        parts: parts.iter().map(summary).collect(),
    })
}

fn summary(part: &Part) -> Summary {
    let documents = || part.documents.iter().map(|placed| &placed.document);
    let counts = stats::counts(documents());
    Summary {
        name: part.name.clone(),
        documents: documents().count(),
        entities: counts.values().sum(),
        distinct: counts.len(),
    }
}

fn text(report: &Report) -> String {
    let problems = report.problems.iter().map(|problem| format!("{problem}\n"));
    let warnings = report
        .warnings
        .iter()
        .map(|warning| format!("warning: {warning}\n"));
    let part = |part: &Summary| {
        let Summary {
            name,
            documents,
            entities,
            distinct,
        } = part;
        format!("{name}: {documents} documents, {entities} entities, {distinct} distinct\n")
    };
    problems
        .chain(warnings)
        .chain(report.parts.iter().map(part))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::{Cli, Command, DataCommand};
    use clap::Parser;

    /// What `trainer data validate` makes of a file in the corpus' format.
    fn validate(content: &str, options: &[&str]) -> Result<Report> {
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
            let found = validate(content, options);
            let found = found.ok().map(|report| report.problems.len());
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
            let report = validate(content, &[&zero[..], &[option]].concat()).unwrap();
            assert!(report.problems.is_empty(), "{report:?}");
            let report = text(&report);
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
