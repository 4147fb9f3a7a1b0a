//! `trainer evaluate`: a model's answers against annotated documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use engine::Scratch;
use ner::bootstrap::{self, Intervals};
use ner::calibration::Calibration;
use ner::metrics::{self, Mode, Report};
use ner::tokenize::words;
use ner::{Decoder, Document, Span, Tokenizer, calibration, decode, window};
use rayon::prelude::*;

use crate::random::Stream;
use crate::report::by_type;
use crate::source::Source;
use crate::{cli, data};

pub use crate::report::Evaluation;

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

    let json = serde_json::to_string_pretty(&evaluation)? + "\n";
    if let Some(path) = &args.output {
        fs::write(path, &json).with_context(|| path.display().to_string())?;
    }
    let printed = match args.format {
        Format::Text => evaluation.table(source.decoder.labels.types()),
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
            answer(
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
        .map(|document| answer(document, tokenizer, decoder, max_tokens, &mut forward))
        .collect()
}

/// The calibration that fits a model's answers best.
pub fn calibrate(documents: &[Document], answers: &[Answer]) -> Calibration {
    Calibration::fit(&outcomes(documents, answers))
}

/// Candidates' log-probabilities, each with whether it is among its document's marks.
fn outcomes(documents: &[Document], answers: &[Answer]) -> Vec<(f64, bool)> {
    let pairs = documents.iter().zip(answers);
    let of_document = |(document, answer): (&Document, &Answer)| -> Vec<(f64, bool)> {
        let candidates = answer.candidates.iter();
        candidates
            .map(|(span, log_probability)| (*log_probability, document.spans.contains(span)))
            .collect()
    };
    pairs.flat_map(of_document).collect()
}

/// What a model says about a document.
pub struct Answer {
    /// Spans with their log-probabilities; which of them are entities the calibration decides.
    candidates: Vec<(Span, f64)>,
    /// Words that the network saw, and the sum of their cross-entropies.
    words: usize,
    loss: f64,
}

fn answer(
    document: &Document,
    tokenizer: &Tokenizer,
    decoder: &Decoder,
    max_tokens: usize,
    forward: impl FnMut(&[u32]) -> Result<Vec<f32>>,
) -> Result<Answer> {
    let in_document = || format!("document `{}`", document.id);
    let prepared = ner::prepare(&document.text, tokenizer, max_tokens);
    let tokens = &prepared.tokens;
    let (text, labels) = (&document.text, &decoder.labels);
    let gold = decode::label_ids(text, &tokens.words, &document.spans, labels)
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
    let candidates =
        decode::candidates(text, tokens, &logits, decoder).with_context(in_document)?;
    // The loss that training lowers.
    let seen = decode::seen_ids(tokens, &gold, labels);
    let loss = if decoder.transitions.is_learned() {
        -decode::log_likelihood(text, tokens, &seen, &logits, decoder)
    } else {
        let words = seen.iter().enumerate();
        words
            .filter_map(|(word, id)| Some(cross_entropy(logits.row(word), (*id)?)))
            .sum()
    };
    Ok(Answer {
        words: seen.iter().flatten().count(),
        loss,
        candidates,
    })
}

/// Intervals of the score that its reliability is measured in.
const BINS: usize = 10;

/// Negative logarithm of the softmax probability of a label.
fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits
        .iter()
        .map(|&logit| (f64::from(logit) - largest).exp())
        .sum();
    sum.ln() + largest - f64::from(logits[label])
}

/// Intervals of F1 from a report per document; the draws are always the same.
fn intervals(reports: impl Iterator<Item = Report>) -> Intervals {
    let mut draws = Stream::new(1);
    bootstrap::f1_intervals(&reports.collect::<Vec<_>>(), |n| draws.below(n))
}

/// Compares what a model says, through this decoder's calibration, with the documents' marks.
///
/// # Errors
/// Names a document whose marks cut a word or have a type that is not in the decoder's labels.
pub fn summarize(
    documents: &[Document],
    answers: &[Answer],
    decoder: &Decoder,
) -> Result<Evaluation> {
    let labels = &decoder.labels;
    // Spans of each document, and the scores of all, each with whether it is right.
    let (mut found, mut scores) = (Vec::new(), Vec::new());
    for (document, answer) in documents.iter().zip(answers) {
        let entities = answer
            .candidates
            .iter()
            .filter_map(|(span, log_probability)| {
                let score = decoder.score(*log_probability)?;
                scores.push((score, document.spans.contains(span)));
                Some(span.clone())
            });
        found.push(entities.collect::<Vec<_>>());
    }
    let pairs = || {
        let marks = documents.iter().map(|document| &document.spans[..]);
        marks.zip(found.iter().map(|spans| &spans[..]))
    };
    let names = |document: &Document, spans: &[Span]| -> Result<Vec<String>> {
        let ids = decode::label_ids(&document.text, &words(&document.text), spans, labels)
            .with_context(|| format!("document `{}`", document.id))?;
        Ok(ids
            .into_iter()
            .map(|id| labels.names()[id].clone())
            .collect())
    };
    let gold = documents
        .iter()
        .map(|document| names(document, &document.spans));
    let gold = gold.collect::<Result<Vec<_>>>()?;
    let predicted = documents.iter().zip(&found);
    let predicted = predicted.map(|(document, spans)| names(document, spans));
    let predicted = predicted.collect::<Result<Vec<_>>>()?;
    let types = labels.types();
    let strict = metrics::spans(pairs(), types);
    let overlap = metrics::overlap(pairs(), types);
    let strict_each = pairs().map(|pair| metrics::spans([pair], types));
    let overlap_each = pairs().map(|pair| metrics::overlap([pair], types));
    let reliability = calibration::reliability(&scores, BINS);
    let seen: usize = answers.iter().map(|answer| answer.words).sum();
    let loss: f64 = answers.iter().map(|answer| answer.loss).sum();
    Ok(Evaluation {
        eval_loss: if seen == 0 { 0.0 } else { loss / seen as f64 },
        eval_precision: strict.overall.precision,
        eval_recall: strict.overall.recall,
        eval_f1: strict.overall.f1,
        eval_documents: documents.len(),
        eval_words: seen,
        overall: strict.overall,
        types: by_type(&strict),
        f1_intervals: intervals(strict_each),
        overlap: overlap.overall,
        overlap_types: by_type(&overlap),
        overlap_f1_intervals: intervals(overlap_each),
        calibration_error: calibration::expected_error(&reliability),
        reliability,
        seqeval_default: metrics::sequences(&gold, &predicted, labels, Mode::Default).overall,
        seqeval_strict: metrics::sequences(&gold, &predicted, labels, Mode::StrictIob2).overall,
    })
}
