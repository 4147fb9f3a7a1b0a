//! `trainer evaluate`: a model's answers against annotated documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use engine::Scratch;
use ner::evaluate::{Answer, answer, summarize};
use ner::{Decoder, Document, Tokenizer};
use rayon::prelude::*;

use crate::cli::Format;
use crate::error_analysis::{self, Case, Listing, Subject};
use crate::report::report;
use crate::source::Source;
use crate::{cli, data};

/// What to evaluate on what.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
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
    /// List every error in this file, with its surroundings: .txt, .html (a page without scripts) or
    /// .jsonl, as its name says; repeat it for several. See Errors below
    #[arg(long, value_name = "FILE")]
    pub errors: Vec<Listing>,
    /// How to print the metrics
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

const HELP: &str = "\
Errors:
  Each gold entity and each prediction counts once, alone or in a pair of both. Within a document, those with the same
  boundaries are a pair, whatever their types. Of the others, as many pairs as there can be are made of those that
  overlap and have the same type, then of those that overlap, from left to right. A pair is
    correct                  same boundaries, same type
    wrong type               same boundaries, another type
    wrong boundary           other boundaries, same type
    wrong type and boundary  other boundaries, another type
  and what is in no pair is
    missed                   a gold entity
    spurious                 a prediction
  so that correct, the three kinds of wrong and missed are all gold entities (support), and correct, wrong and spurious
  all predictions. In nervaluate's words, the three kinds of wrong are `incorrect` by its strict scheme.

  .jsonl has a line {\"category\", \"place\", \"document\", \"gold\", \"predicted\", \"context\"} per error; gold and predicted
  are {\"entity_group\", \"score\", \"word\", \"start\", \"end\"} or null. start and end are Unicode code points of the
  document's text; place is the file, and the line where the document begins.

JSON:
  eval_loss, eval_precision, eval_recall, eval_f1, eval_documents, eval_words; overall, types, overlap, overlap_types,
  seqeval_default, seqeval_strict (precision, recall, f1, support, predicted, correct); f1_intervals, overlap_f1_intervals
  (95 %, by a bootstrap over documents); calibration_error, reliability; outcomes (the counts of Errors);
  confusion: types, pairs[gold][predicted] ({\"exact\", \"overlapping\"}), missed and spurious by type.
  `trainer plot confusion` and `trainer plot reliability` draw it.";

/// Evaluates as the arguments say and prints the result.
///
/// # Errors
/// Names the file or document that is wrong.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    let source = Source::load(args.model.as_deref())?;
    let answered = read_and_answer(&source, &args.data)?;
    let Answered {
        documents, answers, ..
    } = &answered;
    let evaluation = summarize(documents, answers, &source.decoder)?;

    let json = evaluation.to_json();
    if let Some(path) = &args.output {
        fs::write(path, &json).with_context(|| path.display().to_string())?;
    }
    if !args.errors.is_empty() {
        let model = args.model.as_ref().map(|path| path.display().to_string());
        let subject = Subject {
            model: model.as_deref().unwrap_or("the shipped model"),
            data: &args.data,
            evaluation: &evaluation,
        };
        let cases = answered.cases(&source.decoder);
        error_analysis::write(&args.errors, &subject, &cases)?;
    }
    let printed = match args.format {
        Format::Text => report(&evaluation, source.decoder.labels.types()),
        Format::Json => json,
    };
    cli::print(&printed)
}

/// Documents with what a model says about each.
#[derive(Debug)]
pub struct Answered {
    /// The documents.
    pub documents: Vec<Document>,
    /// Where each was read from.
    pub places: Vec<String>,
    /// What the model says about each.
    pub answers: Vec<Answer>,
}

impl Answered {
    /// Each document with the entities found in it.
    fn cases(&self, decoder: &Decoder) -> Vec<Case<'_>> {
        let documents = self.documents.iter().zip(&self.places);
        documents
            .zip(&self.answers)
            .map(|((document, place), answer)| Case {
                place,
                document,
                found: answer.entities(decoder),
            })
            .collect()
    }
}

/// Reads documents and runs a model over them.
///
/// # Errors
/// Names the file or document that is wrong.
pub fn read_and_answer(source: &Source, data: &Path) -> Result<Answered> {
    let placed = data::read_placed(data, &source.decoder.labels)?;
    if placed.is_empty() {
        bail!("{}: holds no documents", data.display());
    }
    let (places, documents): (Vec<String>, Vec<Document>) = placed
        .into_iter()
        .map(|placed| (placed.place, placed.document))
        .unzip();
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
    Ok(Answered {
        documents,
        places,
        answers,
    })
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
