//! The parts of a corpus that `trainer data` commands read.

use std::path::{Path, PathBuf};

use anyhow::Result;
use ner::Labels;
use serde::Serialize;

use crate::cli::{self, Format};
use crate::data::Part;
use crate::labels::LabelsChoice;

/// Which documents.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct PartsArgs {
    /// Parts of a corpus, the training part first: BIO (.bio, .conll, .txt), JSON (.jsonl, .json;
    /// also doccano's and Prodigy's), brat (.ann, or a directory of them), a file or a directory
    /// of marked text
    #[arg(value_name = "FILE|DIR", required = true)]
    pub paths: Vec<PathBuf>,
    /// Labels of the data: `guide` (the five types of the annotation guide), `from-data` (those that
    /// occur: O, then the others as they sort), or a list separated by commas, of types, or of all
    /// labels in id order (O,B-Drug,I-Drug). What is in the data and not in the list is an error
    #[arg(long, value_name = "guide|from-data|LIST", default_value_t = LabelsChoice::Guide)]
    pub labels: LabelsChoice,
}

impl PartsArgs {
    /// Reads every part.
    ///
    /// # Errors
    /// Names file and line of what cannot be read.
    pub fn read(&self) -> Result<(Labels, Vec<Part>)> {
        let (labels, parts) = self.labels.read(&self.paths)?;
        let part = |(path, documents): (&PathBuf, _)| Part {
            name: name(path),
            documents,
        };
        Ok((labels, self.paths.iter().zip(parts).map(part).collect()))
    }
}

/// A file of documents that was written, as `--format json` lists it.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    /// Its name.
    pub(crate) file: String,
    /// How many it holds.
    pub(crate) documents: usize,
    /// How many are marked in them.
    pub(crate) entities: usize,
}

/// What [`print_written`] prints as JSON.
pub(crate) const WRITTEN_HELP: &str = "\
JSON:
  {\"files\"}: a list of {\"file\", \"documents\", \"entities\"}.";

/// Prints what was written.
pub(crate) fn print_written(format: Format, files: &[Written]) -> Result<()> {
    #[derive(Serialize)]
    struct Report<'a> {
        files: &'a [Written],
    }
    let line = |written: &Written| {
        let Written {
            file,
            documents,
            entities,
        } = written;
        format!("{file}: {documents} documents, {entities} entities\n")
    };
    cli::print_result(format, &Report { files }, || {
        files.iter().map(line).collect()
    })
}

/// The last component of a path, without extension.
fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    stem.to_string_lossy().into_owned()
}

/// Parses a share, 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "not a number from 0 to 1".into())
}
