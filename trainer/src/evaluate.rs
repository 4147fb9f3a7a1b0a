//! `trainer evaluate`: a model's answers against annotated documents.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use engine::Scratch;
use ner::metrics::{self, Mode};
use ner::{Document, Labels, Span, Tokenizer, decode, window};
use rayon::prelude::*;

use crate::data;
use crate::report::by_type;
use crate::source::Source;

pub use crate::report::Evaluation;

/// What to evaluate on what.
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// Exported file or fine-tuned directory; the shipped model where it is left out
    #[arg(long, value_name = "FILE|DIR")]
    pub model: Option<PathBuf>,
    /// Annotated documents: BIO (.bio, .txt), JSON lines (.jsonl), a file or a directory of marked
    /// text
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
    let documents = data::read_documents(&args.data, &source.labels)?;
    if documents.is_empty() {
        bail!("{}: holds no documents", args.data.display());
    }
    let answers = documents
        .par_iter()
        .map_init(Scratch::default, |scratch, document| {
            let forward = |ids: &[u32]| source.forward(ids, scratch);
            answer(
                document,
                &source.tokenizer,
                &source.labels,
                source.max_tokens,
                forward,
            )
        })
        .collect::<Result<Vec<_>>>()
        .with_context(|| args.data.display().to_string())?;
    let evaluation = summarize(&documents, &answers, &source.labels);

    let json = serde_json::to_string_pretty(&evaluation)? + "\n";
    if let Some(path) = &args.output {
        fs::write(path, &json).with_context(|| path.display().to_string())?;
    }
    let printed = match args.format {
        Format::Text => evaluation.table(source.labels.types()),
        Format::Json => json,
    };
    match std::io::stdout().write_all(printed.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(()),
    }
}

/// Runs a forward pass over documents and compares what it finds with their marks.
///
/// `max_tokens` is the longest input, special tokens included; `forward` gives the logits `[T, L]`
/// of one input `[T]`.
///
/// # Errors
/// What `forward` returns; a document with a mark that cuts a word or has a type that is not in
/// `labels`; logits that are not finite or not `[T, L]`.
pub fn evaluate_documents(
    documents: &[Document],
    tokenizer: &Tokenizer,
    labels: &Labels,
    max_tokens: usize,
    mut forward: impl FnMut(&[u32]) -> Result<Vec<f32>>,
) -> Result<Evaluation> {
    let answers = documents
        .iter()
        .map(|document| answer(document, tokenizer, labels, max_tokens, &mut forward))
        .collect::<Result<Vec<_>>>()?;
    Ok(summarize(documents, &answers, labels))
}

/// What a model says about a document.
struct Answer {
    /// Label ids of the words, as annotated and as decoded.
    gold: Vec<usize>,
    predicted: Vec<usize>,
    spans: Vec<Span>,
    /// Words that the network saw, and the sum of their cross-entropies.
    words: usize,
    loss: f64,
}

fn answer(
    document: &Document,
    tokenizer: &Tokenizer,
    labels: &Labels,
    max_tokens: usize,
    forward: impl FnMut(&[u32]) -> Result<Vec<f32>>,
) -> Result<Answer> {
    let in_document = || format!("document `{}`", document.id);
    let prepared = ner::prepare(&document.text, tokenizer, max_tokens);
    let tokens = &prepared.tokens;
    let gold = decode::label_ids(&document.text, &tokens.words, &document.spans, labels)
        .with_context(in_document)?;
    let logits = prepared
        .inputs
        .iter()
        .map(Vec::as_slice)
        .map(forward)
        .collect::<Result<Vec<_>>>();
    let logits = logits.with_context(in_document)?;
    let logits = window::stitch(tokens, &prepared.windows, &logits, labels.len())
        .with_context(in_document)?;
    let predicted =
        decode::decode(&document.text, tokens, &logits, labels).with_context(in_document)?;
    let spans = decode::spans(&tokens.words, &predicted, labels);
    let seen = || (0..gold.len()).filter(|&word| tokens.first[word].is_some());
    let loss = seen()
        .map(|word| cross_entropy(logits.row(word), gold[word]))
        .sum();
    Ok(Answer {
        words: seen().count(),
        loss,
        spans,
        gold,
        predicted,
    })
}

/// Negative logarithm of the softmax probability of a label.
fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits
        .iter()
        .map(|&logit| (f64::from(logit) - largest).exp())
        .sum();
    sum.ln() + largest - f64::from(logits[label])
}

fn summarize(documents: &[Document], answers: &[Answer], labels: &Labels) -> Evaluation {
    let pairs = || {
        documents
            .iter()
            .zip(answers)
            .map(|(gold, answer)| (&gold.spans[..], &answer.spans[..]))
    };
    let names = |ids: fn(&Answer) -> &[usize]| -> Vec<Vec<String>> {
        let name = |&id: &usize| labels.names()[id].clone();
        answers
            .iter()
            .map(|answer| ids(answer).iter().map(name).collect())
            .collect()
    };
    let (gold, predicted) = (
        names(|answer| &answer.gold),
        names(|answer| &answer.predicted),
    );
    let strict = metrics::spans(pairs(), labels.types());
    let overlap = metrics::overlap(pairs(), labels.types());
    let words: usize = answers.iter().map(|answer| answer.words).sum();
    let loss: f64 = answers.iter().map(|answer| answer.loss).sum();
    Evaluation {
        eval_loss: if words == 0 { 0.0 } else { loss / words as f64 },
        eval_precision: strict.overall.precision,
        eval_recall: strict.overall.recall,
        eval_f1: strict.overall.f1,
        eval_documents: documents.len(),
        eval_words: words,
        overall: strict.overall,
        types: by_type(&strict),
        overlap: overlap.overall,
        overlap_types: by_type(&overlap),
        seqeval_default: metrics::sequences(&gold, &predicted, labels, Mode::Default).overall,
        seqeval_strict: metrics::sequences(&gold, &predicted, labels, Mode::StrictIob2).overall,
    }
}
