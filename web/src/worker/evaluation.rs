//! Annotated documents that go through the model while a note may be analysed.

use std::rc::Rc;

use ner::evaluate::confusion::{self, confusion};
use ner::evaluate::mistakes::{self, worst};
use ner::evaluate::{Answer, Evaluation, answer, summarize};
use ner::formats::read_annotated;
use ner::metrics::Score;
use ner::{Document, Prepared};
use web::pieces::pieces;
use web::protocol::Event;
use web::protocol::evaluation::{
    Bin, Confusion, Example, Marked, Measures, Mistake, MistakeKind, Pairs, Results, Scores,
    TypeScores,
};

use crate::scope;
use crate::session::Session;

/// Documents whose mistakes are shown, and mistakes of each.
const EXAMPLES: usize = 20;
const MISTAKES: usize = 50;

/// Evaluates the model on a file and tells the page how it did, unless a newer evaluation has come in between.
pub(crate) async fn run(session: Rc<Session>, revision: u32, file: String, content: String) {
    match evaluate(&session, revision, &file, &content).await {
        Ok(Some(results)) => scope::post(&Event::Evaluated {
            revision,
            results: Box::new(results),
        }),
        Ok(None) => {}
        Err(message) => scope::post(&Event::EvaluationFailed { revision, message }),
    }
}

async fn evaluate(
    session: &Session,
    revision: u32,
    file: &str,
    content: &str,
) -> Result<Option<Results>, String> {
    let read = read_annotated(file, content, &session.decoder.labels);
    let read = read.map_err(|error| error.to_string())?;
    let documents: Vec<Document> = read
        .iter()
        .map(|imported| Document::from(&imported.document))
        .collect();
    let Some(answers) = answers(session, revision, &documents).await? else {
        return Ok(None);
    };
    let evaluation = summarize(&documents, &answers, &session.decoder);
    let evaluation = evaluation.map_err(|error| error.to_string())?;
    Ok(Some(results(session, &documents, &answers, &evaluation)))
}

/// What the model says about each document; `None` when a newer evaluation came in between.
///
/// Short documents go through the network together, as the short windows of a text do.
async fn answers(
    session: &Session,
    revision: u32,
    documents: &[Document],
) -> Result<Option<Vec<Answer>>, String> {
    let mut prepared = documents
        .iter()
        .map(|document| (document, session.prepare(&document.text)))
        .peekable();
    let mut answers = Vec::with_capacity(documents.len());
    while let Some(first) = prepared.next() {
        let mut tokens = count_tokens(&first.1);
        let mut group = vec![first];
        while let Some(next) =
            prepared.next_if(|(_, next)| tokens + count_tokens(next) <= session.max_tokens)
        {
            tokens += count_tokens(&next.1);
            group.push(next);
        }
        scope::post(&Event::Evaluating {
            revision,
            done: answers.len() as u32,
            documents: documents.len() as u32,
        });
        // Also where the cache knows all of them: a stop has to be heard.
        if !session.evaluation_wanted(revision).await {
            return Ok(None);
        }
        let inputs = group.iter().flat_map(|(_, prepared)| &prepared.inputs);
        let inputs: Vec<Vec<u32>> = inputs.cloned().collect();
        let wanted = async |_| session.evaluation_wanted(revision).await;
        let Some(logits) = session.logits(&inputs, wanted).await? else {
            return Ok(None);
        };
        let mut logits = logits.as_slice();
        for (document, prepared) in &group {
            let (own, rest) = logits.split_at(prepared.inputs.len());
            logits = rest;
            let answer = answer(document, prepared, own, &session.decoder);
            answers.push(answer.map_err(|error| error.to_string())?);
        }
    }
    Ok(Some(answers))
}

fn count_tokens(prepared: &Prepared) -> usize {
    prepared.inputs.iter().map(Vec::len).sum()
}

/// An evaluation as the page shows it.
fn results(
    session: &Session,
    documents: &[Document],
    answers: &[Answer],
    evaluation: &Evaluation,
) -> Results {
    let decoder = &session.decoder;
    let found: Vec<_> = answers
        .iter()
        .map(|answer| answer.entities(decoder))
        .collect();
    let pairs = || documents.iter().zip(found.iter().map(Vec::as_slice));
    let types = decoder.labels.types();
    let of_type = |name: &String| TypeScores {
        name: name.clone(),
        scores: scores(
            [&evaluation.types, &evaluation.overlap_types].map(|scores| scores[name]),
            [&evaluation.f1_intervals, &evaluation.overlap_f1_intervals]
                .map(|ends| ends.types[name]),
        ),
    };
    let bins = evaluation.reliability.iter();
    Results {
        json: evaluation.to_json(),
        documents: evaluation.eval_documents as u32,
        words: evaluation.eval_words as u32,
        types: types.iter().map(of_type).collect(),
        overall: scores(
            [evaluation.overall, evaluation.overlap],
            [&evaluation.f1_intervals, &evaluation.overlap_f1_intervals].map(|ends| ends.overall),
        ),
        confusion: table(confusion(pairs(), types)),
        calibration_error: evaluation.calibration_error,
        reliability: bins
            .map(|bin| Bin {
                count: bin.count as u32,
                score: bin.score,
                accuracy: bin.accuracy,
            })
            .collect(),
        worst: worst(pairs(), EXAMPLES)
            .iter()
            .map(|(at, mistakes)| example(&documents[*at], mistakes))
            .collect(),
    }
}

/// Strict scores and those of overlapping entities, with their intervals.
fn scores([strict, overlap]: [Score; 2], [interval, overlap_interval]: [[f64; 2]; 2]) -> Scores {
    let measures = |score: &Score, interval| Measures {
        precision: score.precision,
        recall: score.recall,
        f1: score.f1,
        interval,
    };
    Scores {
        support: strict.support as u32,
        predicted: strict.predicted as u32,
        strict: measures(&strict, interval),
        overlap: measures(&overlap, overlap_interval),
    }
}

fn table(counted: confusion::Confusion) -> Confusion {
    let numbers = |counts: Vec<usize>| counts.into_iter().map(|count| count as u32).collect();
    let pairs = |pairs: &confusion::Pairs| Pairs {
        exact: pairs.exact as u32,
        overlapping: pairs.overlapping as u32,
    };
    Confusion {
        types: counted.types,
        pairs: counted
            .pairs
            .iter()
            .map(|row| row.iter().map(pairs).collect())
            .collect(),
        missed: numbers(counted.missed),
        spurious: numbers(counted.spurious),
    }
}

fn example(document: &Document, mistakes: &[mistakes::Mistake]) -> Example {
    Example {
        id: document.id.clone(),
        count: mistakes.len() as u32,
        mistakes: mistakes
            .iter()
            .take(MISTAKES)
            .map(|mistake| shown(&document.text, mistake))
            .collect(),
    }
}

/// A mistake in the text that it is from.
fn shown(text: &str, mistake: &mistakes::Mistake) -> Mistake {
    let (gold, found) = (mistake.gold(), mistake.found());
    let context = mistakes::context(text, &mistake.range());
    Mistake {
        kind: match mistake {
            mistakes::Mistake::Missed { .. } => MistakeKind::Missed,
            mistakes::Mistake::Spurious { .. } => MistakeKind::Spurious,
            mistakes::Mistake::WrongType { .. } => MistakeKind::WrongType,
            mistakes::Mistake::WrongBoundary { .. } => MistakeKind::WrongBoundary,
        },
        context: pieces(
            text,
            context,
            gold.map(|span| &span.range),
            found.map(|entity| &entity.span.range),
        ),
        gold: gold.map(|span| Marked {
            text: text[span.range.clone()].to_owned(),
            entity: span.label.clone(),
            score: None,
        }),
        found: found.map(|entity| Marked {
            text: text[entity.span.range.clone()].to_owned(),
            entity: entity.span.label.clone(),
            score: Some(entity.score),
        }),
    }
}
