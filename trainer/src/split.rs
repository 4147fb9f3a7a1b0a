//! `trainer data split`: marked documents into files for training, development and test.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use ner::Document;
use ner::formats::jsonl;

use crate::cli::Format;
use crate::data::{self, Fractions, Split};
use crate::labels::LabelsChoice;
use crate::parts::{WRITTEN_HELP, Written, print_written};
use crate::{checkpoint, parts};

/// What to split.
#[derive(Debug, Clone, PartialEq, clap::Args)]
#[command(after_long_help = WRITTEN_HELP)]
pub struct SplitArgs {
    /// Marked documents: BIO (.bio, .conll, .txt), JSON (.jsonl, .json; also doccano's and
    /// Prodigy's), brat (.ann, or a directory of them), a file or a directory of marked text; all
    /// with ids
    #[arg(value_name = "FILE|DIR")]
    pub input: PathBuf,
    /// Directory for train.jsonl, dev.jsonl and test.jsonl
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Share of the documents to choose the model by
    #[arg(long, value_name = "SHARE", default_value_t = Fractions::default().dev)]
    #[arg(value_parser = parts::share)]
    pub dev: f64,
    /// Share of the documents that only the last evaluation sees
    #[arg(long, value_name = "SHARE", default_value_t = Fractions::default().test)]
    #[arg(value_parser = parts::share)]
    pub test: f64,
    /// Labels of the data: `guide` (the five types of the annotation guide), `from-data` (those that
    /// occur: O, then the others as they sort), or a list separated by commas, of types, or of all
    /// labels in id order (O,B-Drug,I-Drug). What is in the data and not in the list is an error
    #[arg(long, value_name = "guide|from-data|LIST", default_value_t = LabelsChoice::Guide)]
    pub labels: LabelsChoice,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Splits as the arguments say; prints how many documents and entities each part has.
///
/// # Errors
/// Names the file or document that is wrong, and a part that would be empty.
pub fn run(arguments: &SplitArgs) -> Result<()> {
    let (_, parts) = arguments
        .labels
        .read(std::slice::from_ref(&arguments.input))?;
    let documents = parts.into_iter().flatten().map(|placed| placed.document);
    let fractions = Fractions {
        dev: arguments.dev,
        test: arguments.test,
    };
    let Split { train, dev, test } = data::split(documents.collect(), fractions)
        .with_context(|| arguments.input.display().to_string())?;
    let parts: [(&str, Vec<Document>, f64); 3] = [
        ("train", train, 1.0 - (arguments.dev + arguments.test)),
        ("dev", dev, arguments.dev),
        ("test", test, arguments.test),
    ];
    for (name, documents, share) in &parts {
        ensure!(
            *share == 0.0 || !documents.is_empty(),
            "{}: too few documents, none falls into {name}",
            arguments.input.display()
        );
    }
    std::fs::create_dir_all(&arguments.output)
        .with_context(|| format!("cannot make {}", arguments.output.display()))?;
    let mut written = Vec::new();
    for (name, documents, _) in parts {
        let records: Vec<_> = documents.iter().map(jsonl::annotation).collect();
        let path = arguments.output.join(format!("{name}.jsonl"));
        checkpoint::write(&path, jsonl::write(&records).as_bytes())?;
        written.push(Written {
            file: path.display().to_string(),
            documents: documents.len(),
            entities: documents.iter().map(|document| document.spans.len()).sum(),
        });
    }
    print_written(arguments.format, &written)
}
