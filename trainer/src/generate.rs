//! `trainer data generate`: synthetic documents.

use std::path::PathBuf;

use anyhow::{Context, Result};
use ner::Labels;
use ner::formats::{bio, jsonl};

use crate::cli::Format;
use crate::data::generate::{Options, generate};
use crate::parts::{WRITTEN_HELP, Written, print_written};
use crate::{checkpoint, data, parts};

/// What to make from what.
#[derive(Debug, Clone, PartialEq, clap::Args)]
#[command(after_long_help = WRITTEN_HELP)]
pub struct GenerateArgs {
    /// Marked documents with the five types of the guide, in any format; the training part alone,
    /// as what is made from the others would give their answers away
    #[arg(long, value_name = "FILE|DIR")]
    pub corpus: PathBuf,
    /// Documents to make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// The same seed gives the same documents, and of more documents the same first ones
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Directory for bio_dataset.txt and generated.jsonl
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Share of documents that are authored ones with other entities; the rest is from templates
    #[arg(long, value_name = "SHARE", default_value_t = Options::default().swaps)]
    #[arg(value_parser = parts::share)]
    pub swap_share: f64,
    /// Share of documents with typing errors, lost punctuation or another layout
    #[arg(long, value_name = "SHARE", default_value_t = Options::default().noise)]
    #[arg(value_parser = parts::share)]
    pub noise: f64,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Makes documents as the arguments say; prints where they are and how many entities they have.
///
/// # Errors
/// Names the file or document that is wrong.
pub fn run(arguments: &GenerateArgs) -> Result<()> {
    print_written(arguments.format, &write(arguments)?)
}

/// Writes both files; tells what is in each.
fn write(arguments: &GenerateArgs) -> Result<Vec<Written>> {
    let labels = Labels::guide();
    let corpus = data::read_documents(&arguments.corpus, &labels)?;
    let options = Options {
        count: arguments.count as usize,
        seed: arguments.seed,
        swaps: arguments.swap_share,
        noise: arguments.noise,
    };
    let documents =
        generate(&corpus, options).with_context(|| arguments.corpus.display().to_string())?;
    let records: Vec<_> = documents.iter().map(jsonl::annotation).collect();
    std::fs::create_dir_all(&arguments.output)
        .with_context(|| format!("cannot make {}", arguments.output.display()))?;
    let entities: usize = documents.iter().map(|document| document.spans.len()).sum();
    let mut written = Vec::new();
    for (name, content) in [
        ("bio_dataset.txt", bio::write(&documents, &labels)?),
        ("generated.jsonl", jsonl::write(&records)),
    ] {
        let path = arguments.output.join(name);
        checkpoint::write(&path, content.as_bytes())?;
        written.push(Written {
            file: path.display().to_string(),
            documents: documents.len(),
            entities,
        });
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn both_files_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = folder.path().join("train.txt");
        fs::write(
            &corpus,
            "=== a\nLow [[AMH|Hormones]], no [[pain|Symptoms]].",
        )
        .unwrap();
        let output = folder.path().join("out/deep");
        let written = write(&GenerateArgs {
            corpus,
            count: 60,
            seed: 1,
            output: output.clone(),
            swap_share: 0.5,
            noise: 0.5,
            format: Format::Text,
        })
        .unwrap();
        let read = |name: &str| data::read_documents(&output.join(name), &Labels::guide()).unwrap();
        let (lines, records) = (read("bio_dataset.txt"), read("generated.jsonl"));
        let counts: Vec<_> = written.iter().map(|written| written.documents).collect();
        assert_eq!(counts, [60, 60]);
        assert_eq!(records[0].id, "gen-000001");
        assert_eq!(records.len(), 60);
        // The words of each document and what is marked among them; BIO keeps no white space.
        let words = |documents: &[ner::Document]| bio::write(documents, &Labels::guide()).unwrap();
        assert_eq!(words(&lines), words(&records));
    }
}
