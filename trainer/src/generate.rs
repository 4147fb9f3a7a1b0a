//! `trainer data generate`: synthetic documents.

use std::path::PathBuf;

use anyhow::{Context, Result};
use ner::Labels;
use ner::formats::{bio, jsonl};

use crate::data::generate::{Options, generate};
use crate::{checkpoint, cli, data, parts};

/// What to make from what.
#[derive(Debug, Clone, PartialEq, clap::Args)]
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
}

/// Makes documents as the arguments say; prints where they are and how many entities they have.
///
/// # Errors
/// Names the file or document that is wrong.
pub fn run(arguments: &GenerateArgs) -> Result<()> {
    cli::print(&write(arguments)?)
}

/// Writes both files; returns a line about each.
fn write(arguments: &GenerateArgs) -> Result<String> {
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
    let mut report = String::new();
    for (name, content) in [
        ("bio_dataset.txt", bio::write(&documents, &labels)?),
        ("generated.jsonl", jsonl::write(&records)),
    ] {
        let path = arguments.output.join(name);
        checkpoint::write(&path, content.as_bytes())?;
        let (path, count) = (path.display(), documents.len());
        report.push_str(&format!("{path}: {count} documents, {entities} entities\n"));
    }
    Ok(report)
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
        let report = write(&GenerateArgs {
            corpus,
            count: 60,
            seed: 1,
            output: output.clone(),
            swap_share: 0.5,
            noise: 0.5,
        })
        .unwrap();
        let read = |name: &str| data::read_documents(&output.join(name), &Labels::guide()).unwrap();
        let (lines, records) = (read("bio_dataset.txt"), read("generated.jsonl"));
        assert_eq!(report.lines().count(), 2);
        assert_eq!(records[0].id, "gen-000001");
        assert_eq!(records.len(), 60);
        // The words of each document and what is marked among them; BIO keeps no white space.
        let words = |documents: &[ner::Document]| bio::write(documents, &Labels::guide()).unwrap();
        assert_eq!(words(&lines), words(&records));
    }
}
