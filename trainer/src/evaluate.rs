//! `trainer evaluate`: a model's answers against annotated documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use engine::Scratch;
use ner::evaluate::{Answer, answer, summarize};
use ner::{Decoder, Document, Tokenizer};
use rayon::prelude::*;

use crate::report::table;
use crate::source::Source;
use crate::{cli, data};

/// What to evaluate on what.
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// Exported file or fine-tuned directory; the shipped model where it is left out
    #[arg(long, value_name = "FILE|DIR")]
    pub model: Option<PathBuf>,
    /// Annotated documents: BIO (.bio, .conll, .txt), JSON (.jsonl, .json; also doccano's and
    /// Prodigy's), brat (.ann, or a directory of them), a file or a directory of marked text
    #[arg(long, value_name = "FILE|DIR")]
    pub data: PathBuf,
    /// Write the metrics to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How an evaluation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table, per type.
    Text,
    /// One JSON object: `eval_loss`, `eval_precision`, `eval_recall`, `eval_f1`, and per type.
    Json,
}

/// Evaluates as the arguments say and prints the result.
///
/// # Errors
/// Names the file or document that is wrong.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    let source = Source::load(args.model.as_deref())?;
    let (documents, answers) = read_and_answer(&source, &args.data)?;
    let evaluation = summarize(&documents, &answers, &source.decoder)?;

    let json = evaluation.to_json();
    if let Some(path) = &args.output {
        fs::write(path, &json).with_context(|| path.display().to_string())?;
    }
    let printed = match args.format {
        Format::Text => table(&evaluation, source.decoder.labels.types()),
        Format::Json => json,
    };
    cli::print(&printed)
}

/// Reads documents and runs a model over them.
///
/// # Errors
/// Names the file or document that is wrong.
pub fn read_and_answer(source: &Source, data: &Path) -> Result<(Vec<Document>, Vec<Answer>)> {
    let documents = data::read_documents(data, &source.decoder.labels)?;
    if documents.is_empty() {
        bail!("{}: holds no documents", data.display());
    }
    let answers = documents
        .par_iter()
        .map_init(Scratch::default, |scratch, document| {
            let forward = |ids: &[u32]| source.forward(ids, scratch);
            answer_of(
                document,
                &source.tokenizer,
                &source.decoder,
                source.max_tokens,
                forward,
            )
        })
        .collect::<Result<_>>()
        .with_context(|| data.display().to_string())?;
    Ok((documents, answers))
}

/// Runs a forward pass over documents.
///
/// `max_tokens` is the longest input, special tokens included; `forward` gives the logits `[T, L]`
/// of one input `[T]`.
///
/// # Errors
/// What `forward` returns; a document with a mark that cuts a word or has a type that is not in
/// `labels`; logits that are not finite or not `[T, L]`.
pub fn answers(
    documents: &[Document],
    tokenizer: &Tokenizer,
    decoder: &Decoder,
    max_tokens: usize,
    mut forward: impl FnMut(&[u32]) -> Result<Vec<f32>>,
) -> Result<Vec<Answer>> {
    documents
        .iter()
        .map(|document| answer_of(document, tokenizer, decoder, max_tokens, &mut forward))
        .collect()
}

/// What a forward pass makes of a document.
fn answer_of(
    document: &Document,
    tokenizer: &Tokenizer,
    decoder: &Decoder,
    max_tokens: usize,
    forward: impl FnMut(&[u32]) -> Result<Vec<f32>>,
) -> Result<Answer> {
    let prepared = ner::prepare(&document.text, tokenizer, max_tokens);
    let inputs = prepared.inputs.iter().map(Vec::as_slice);
    let logits: Vec<Vec<f32>> = inputs
        .map(forward)
        .collect::<Result<_>>()
        .with_context(|| format!("document `{}`", document.id))?;
    Ok(answer(document, &prepared, &logits, decoder)?)
}
