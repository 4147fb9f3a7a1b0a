//! A model's answers against annotated documents. Page and terminal give the same numbers, to the
//! bit.
//!
//! [`read_annotated`](crate::formats::read_annotated) reads the documents, [`answer`] takes the logits
//! of each, [`summarize`] counts over all of them; [`mod@confusion`] and [`mistakes`] tell what was
//! taken for what, and where.

pub mod confusion;
pub mod mistakes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bootstrap::{self, Intervals};
use crate::calibration::{self, Bin, Calibration};
use crate::evaluate::confusion::{Confusion, Outcomes, confusion};
use crate::metrics::{self, Mode, Report, Score};
use crate::random::Stream;
use crate::tokenize::words;
use crate::{Decoder, Document, Entity, Error, Labels, Prepared, Span, decode, window};

/// How a model did on annotated documents; this is what `eval_metrics.json` holds.
///
/// Precision, recall and F1 are those of whole entities: a prediction is right when its boundaries
/// and its type are. The overall values are micro averages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Mean cross-entropy of the words' labels, before decoding; with a CRF the negative log-likelihood
    /// of the label sequences, by word.
    pub eval_loss: f64,
    /// Overall precision.
    pub eval_precision: f64,
    /// Overall recall.
    pub eval_recall: f64,
    /// Overall F1.
    pub eval_f1: f64,
    /// Documents evaluated.
    pub eval_documents: usize,
    /// Words that the network saw, over which the loss is the mean.
    pub eval_words: usize,
    /// Whole entities, all types.
    pub overall: Score,
    /// Whole entities, by type.
    pub types: BTreeMap<String, Score>,
    /// 95 % intervals of the F1 of whole entities, by a bootstrap over documents.
    pub f1_intervals: Intervals,
    /// All types, when a prediction that overlaps an entity of its type is right.
    pub overlap: Score,
    /// The same by type.
    pub overlap_types: BTreeMap<String, Score>,
    /// 95 % intervals of the F1 of overlapping entities.
    pub overlap_f1_intervals: Intervals,
    /// How far scores are from the share of entities that are right: the expected calibration error
    /// over `reliability`.
    pub calibration_error: f64,
    /// Entities by score, in intervals of equal width from 0 to 1.
    pub reliability: Vec<Bin>,
    /// Every gold entity and every prediction, by what became of it.
    pub outcomes: Outcomes,
    /// Gold types against predicted types.
    pub confusion: Confusion,
    /// All types, as seqeval counts by default.
    pub seqeval_default: Score,
    /// All types, as seqeval counts with `mode="strict", scheme=IOB2`.
    pub seqeval_strict: Score,
}

impl Evaluation {
    /// The file that holds it: indented, with a line feed at its end.
    pub fn to_json(&self) -> String {
        // Names and numbers only: nothing that serde_json could refuse.
        serde_json::to_string_pretty(self).expect("an evaluation is JSON") + "\n"
    }
}

/// What a model says about a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Spans with their log-probabilities; which of them are entities the calibration decides.
    candidates: Vec<(Span, f64)>,
    /// Words that the network saw, and the sum of their cross-entropies.
    words: usize,
    loss: f64,
}

impl Answer {
    /// The document's entities with their scores, in text order, through this decoder's calibration.
    pub fn entities(&self, decoder: &Decoder) -> Vec<Entity> {
        let candidates = self.candidates.iter();
        candidates
            .filter_map(|(span, log_probability)| {
                let score = decoder.score(*log_probability)?;
                Some(Entity {
                    span: span.clone(),
                    score,
                })
            })
            .collect()
    }
}

/// The answer of a network whose logits for `prepared.inputs[i]` are `logits[i]`, `[T, L]`
/// row-major, special tokens included; `prepared` is the document's text.
///
/// # Errors
/// [`Error::Document`] for a mark that cuts a word or has a type that is not in the decoder's labels,
/// and for logits that are not finite or not `[T, L]`.
pub fn answer<R: AsRef<[f32]>>(
    document: &Document,
    prepared: &Prepared,
    logits: &[R],
    decoder: &Decoder,
) -> Result<Answer, Error> {
    let (text, tokens, labels) = (&document.text, &prepared.tokens, &decoder.labels);
    let gold = label_ids(document, &document.spans, labels)?;
    let logits = window::stitch(tokens, &prepared.windows, logits, labels.len())
        .map_err(|error| in_document(document, &error))?;
    let candidates = decode::candidates(text, tokens, &logits, decoder)
        .map_err(|error| in_document(document, &error))?;
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

/// The calibration that fits a model's answers best.
pub fn calibrate(documents: &[Document], answers: &[Answer]) -> Calibration {
    let pairs = documents.iter().zip(answers);
    let outcomes = pairs.flat_map(|(document, answer)| {
        let candidates = answer.candidates.iter();
        candidates.map(|(span, log_probability)| (*log_probability, document.spans.contains(span)))
    });
    Calibration::fit(&outcomes.collect::<Vec<_>>())
}

/// Compares what a model says, through this decoder's calibration, with the documents' marks.
///
/// # Errors
/// [`Error::Document`] names a document whose marks cut a word or have a type that is not in the
/// decoder's labels.
pub fn summarize(
    documents: &[Document],
    answers: &[Answer],
    decoder: &Decoder,
) -> Result<Evaluation, Error> {
    let labels = &decoder.labels;
    let types = labels.types();
    let entities: Vec<Vec<Entity>> = answers
        .iter()
        .map(|answer| answer.entities(decoder))
        .collect();
    let table = confusion(
        documents.iter().zip(entities.iter().map(Vec::as_slice)),
        types,
    );
    // Spans of each document, and the scores of all, each with whether it is right.
    let (mut found, mut scores) = (Vec::new(), Vec::new());
    for (document, entities) in documents.iter().zip(entities) {
        let mut spans = Vec::new();
        for Entity { span, score } in entities {
            scores.push((score, document.spans.contains(&span)));
            spans.push(span);
        }
        found.push(spans);
    }
    let pairs = || {
        let marks = documents.iter().map(|document| &document.spans[..]);
        marks.zip(found.iter().map(|spans| &spans[..]))
    };
    let names = |document: &Document, spans: &[Span]| -> Result<Vec<String>, Error> {
        let ids = label_ids(document, spans, labels)?.into_iter();
        Ok(ids.map(|id| labels.names()[id].clone()).collect())
    };
    let gold = documents
        .iter()
        .map(|document| names(document, &document.spans));
    let gold = gold.collect::<Result<Vec<_>, _>>()?;
    let predicted = documents.iter().zip(&found);
    let predicted = predicted.map(|(document, spans)| names(document, spans));
    let predicted = predicted.collect::<Result<Vec<_>, _>>()?;
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
        types: by_type(strict),
        f1_intervals: intervals(strict_each),
        overlap: overlap.overall,
        overlap_types: by_type(overlap),
        overlap_f1_intervals: intervals(overlap_each),
        calibration_error: calibration::expected_error(&reliability),
        reliability,
        outcomes: table.outcomes(),
        confusion: table,
        seqeval_default: metrics::sequences(&gold, &predicted, labels, Mode::Default).overall,
        seqeval_strict: metrics::sequences(&gold, &predicted, labels, Mode::StrictIob2).overall,
    })
}

/// Intervals of the score that its reliability is measured in.
const BINS: usize = 10;

/// Intervals of F1 from a report per document; the draws are always the same.
fn intervals(reports: impl Iterator<Item = Report>) -> Intervals {
    let mut draws = Stream::new(1);
    bootstrap::f1_intervals(&reports.collect::<Vec<_>>(), |n| draws.below(n))
}

fn by_type(report: Report) -> BTreeMap<String, Score> {
    report.types.into_iter().collect()
}

/// Negative logarithm of the softmax probability of a label.
fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits
        .iter()
        .map(|&logit| libm::exp(f64::from(logit) - largest))
        .sum();
    libm::log(sum) + largest - f64::from(logits[label])
}

/// The label ids that spans spell over the words of a document.
fn label_ids(document: &Document, spans: &[Span], labels: &Labels) -> Result<Vec<usize>, Error> {
    let text = &document.text;
    decode::label_ids(text, &words(text), spans, labels)
        .map_err(|error| in_document(document, &error))
}

fn in_document(document: &Document, error: &Error) -> Error {
    Error::Document {
        id: document.id.clone(),
        problem: error.to_string(),
    }
}
