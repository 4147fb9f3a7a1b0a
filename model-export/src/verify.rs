//! `verify`: an exported file against the directory it was made from.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use engine::{Model, Scratch};
use ner::formats::read_annotated;
use ner::model::Bundle;
use ner::{Decoder, Document, Labels, Span, Tokenizer, WordLogits, decode, metrics, window};
use rayon::prelude::*;
use serde::Serialize;

use crate::Outcome;
use crate::cli::{Format, VerifyArgs};
use crate::directory::Directory;

/// What was found, as `--format json` prints it.
#[derive(Debug, Serialize)]
struct Comparison {
    documents: usize,
    /// Words with a token, whose logits are compared.
    words: usize,
    mean_logit_error: f64,
    max_logit_error: f64,
    /// Share of words for which both models score the same label highest.
    agreement: f64,
    /// Strict entity-level F1, micro average.
    f1_float: f64,
    f1_quantized: f64,
    f1_drop: f64,
    /// Entities in the data.
    support: usize,
    /// Limits that were passed, in words; empty when the file is good.
    failures: Vec<String>,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<Outcome> {
    let file = args.file.display().to_string();
    let bytes = fs::read(&args.file).with_context(|| file.clone())?;
    let quantized = Bundle::read(&file, &bytes)?;
    let directory = Directory::read(&args.against)?;
    let float = directory.bundle()?;
    if quantized.source_sha256() != float.source_sha256() {
        bail!(
            "{file} was not made from {}: it says its source has SHA-256 {}, model.safetensors there has {}",
            args.against.display(),
            quantized.source_sha256(),
            float.source_sha256(),
        );
    }
    let decoder = quantized.decoder()?;
    let documents = read_documents(&args.data, &decoder.labels)?;
    let models = Models {
        tokenizer: quantized.tokenizer().with_context(|| file.clone())?,
        max_tokens: window::MAX_TOKENS.min(quantized.config().max_position_embeddings),
        decoder,
        float: Model::new(float)?,
        quantized: Model::new(quantized)?,
    };
    let answers = documents
        .par_iter()
        .map_init(Scratch::default, |scratch, document| {
            answer(document, &models, scratch)
        })
        .collect::<Result<Vec<_>>>()?;
    let mut comparison = compare(&documents, &answers, models.decoder.labels.types());
    comparison.failures = failures(&comparison, args);
    let report = match args.format {
        Format::Text => text(&comparison),
        Format::Json => serde_json::to_string_pretty(&comparison)? + "\n",
    };
    Ok(Outcome {
        report,
        met: comparison.failures.is_empty(),
    })
}

/// Refuses a type that the model does not know, and a mark that cuts a word.
fn read_documents(path: &Path, labels: &Labels) -> Result<Vec<Document>> {
    let file = path.display().to_string();
    let content = fs::read_to_string(path).with_context(|| file.clone())?;
    let imported = read_annotated(&file, &content, labels)?;
    Ok(imported
        .iter()
        .map(|i| Document::from(&i.document))
        .collect())
}

/// Both models and what they share.
struct Models {
    tokenizer: Tokenizer,
    decoder: Decoder,
    max_tokens: usize,
    float: Model,
    quantized: Model,
}

/// What both models say about a document.
#[derive(Debug, Default)]
struct Answer {
    words: usize,
    /// Logits compared.
    values: usize,
    error_sum: f64,
    error_max: f64,
    agreeing: usize,
    float: Vec<Span>,
    quantized: Vec<Span>,
}

fn answer(document: &Document, models: &Models, scratch: &mut Scratch) -> Result<Answer> {
    let prepared = ner::prepare(&document.text, &models.tokenizer, models.max_tokens);
    let labels = &models.decoder.labels;
    let mut word_logits = |model: &Model| -> Result<WordLogits> {
        let mut logits = Vec::with_capacity(prepared.inputs.len());
        for input in &prepared.inputs {
            logits.push(model.forward(input, scratch)?.to_vec());
        }
        Ok(window::stitch(
            &prepared.tokens,
            &prepared.windows,
            &logits,
            labels.len(),
        )?)
    };
    let (float, quantized) = (word_logits(&models.float)?, word_logits(&models.quantized)?);
    let tokens = &prepared.tokens;
    let spans = |logits: &WordLogits| -> Result<Vec<Span>> {
        let entities = decode::entities(&document.text, tokens, logits, &models.decoder)?;
        Ok(entities.into_iter().map(|entity| entity.span).collect())
    };
    let mut answer = Answer {
        float: spans(&float)?,
        quantized: spans(&quantized)?,
        ..Answer::default()
    };
    for word in (0..tokens.words.len()).filter(|&word| tokens.first[word].is_some()) {
        let (float, quantized) = (float.row(word), quantized.row(word));
        answer.words += 1;
        answer.values += float.len();
        answer.agreeing += usize::from(argmax(float) == argmax(quantized));
        for (a, b) in float.iter().zip(quantized) {
            let error = f64::from((a - b).abs());
            answer.error_sum += error;
            answer.error_max = answer.error_max.max(error);
        }
    }
    Ok(answer)
}

fn argmax(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, label| {
        if logits[label] > logits[best] {
            label
        } else {
            best
        }
    })
}

fn compare(documents: &[Document], answers: &[Answer], types: &[String]) -> Comparison {
    let score = |spans: fn(&Answer) -> &[Span]| {
        let pairs = documents
            .iter()
            .zip(answers)
            .map(|(document, answer)| (&document.spans[..], spans(answer)));
        metrics::spans(pairs, types).overall
    };
    let (float, quantized) = (
        score(|answer| &answer.float),
        score(|answer| &answer.quantized),
    );
    let words: usize = answers.iter().map(|answer| answer.words).sum();
    let values: usize = answers.iter().map(|answer| answer.values).sum();
    let share = |part: f64, whole: usize| if whole == 0 { 0.0 } else { part / whole as f64 };
    Comparison {
        documents: documents.len(),
        words,
        mean_logit_error: share(answers.iter().map(|answer| answer.error_sum).sum(), values),
        max_logit_error: answers
            .iter()
            .map(|answer| answer.error_max)
            .fold(0.0, f64::max),
        agreement: share(
            answers.iter().map(|answer| answer.agreeing).sum::<usize>() as f64,
            words,
        ),
        f1_float: float.f1,
        f1_quantized: quantized.f1,
        f1_drop: float.f1 - quantized.f1,
        support: float.support,
        failures: Vec::new(),
    }
}

fn failures(comparison: &Comparison, args: &VerifyArgs) -> Vec<String> {
    let Comparison {
        max_logit_error,
        agreement,
        f1_drop,
        ..
    } = *comparison;
    let mut failures = Vec::new();
    if max_logit_error > args.max_logit_error {
        failures.push(format!(
            "logit error {max_logit_error:.4} is over the limit of {}",
            args.max_logit_error
        ));
    }
    if agreement < args.min_agreement {
        failures.push(format!(
            "label agreement {agreement:.4} is under the limit of {}",
            args.min_agreement
        ));
    }
    if f1_drop > args.max_f1_drop {
        failures.push(format!(
            "F1 drop {f1_drop:.4} is over the limit of {}",
            args.max_f1_drop
        ));
    }
    failures
}

fn text(comparison: &Comparison) -> String {
    let c = comparison;
    let mut report = format!(
        "compared         {} documents, {} words, {} entities\n\
         logit error      mean {:.5}, max {:.5}\n\
         label agreement  {:.3} %\n\
         strict F1        float {:.4}, quantized {:.4}, drop {:.4}\n",
        c.documents,
        c.words,
        c.support,
        c.mean_logit_error,
        c.max_logit_error,
        100.0 * c.agreement,
        c.f1_float,
        c.f1_quantized,
        c.f1_drop,
    );
    for failure in &c.failures {
        // Writing to a string does not fail.
        let _ = writeln!(report, "FAILED: {failure}");
    }
    if c.failures.is_empty() {
        report.push_str("within the limits\n");
    }
    report
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    /// How many limits a comparison passes, by default.
    fn check(max_logit_error: f64, agreement: f64, f1_drop: f64, expected: &[&str]) {
        let args = Cli::parse_from([
            "model-export",
            "verify",
            "f",
            "--against",
            "d",
            "--data",
            "b",
        ]);
        let Command::Verify(args) = args.command else {
            unreachable!("verify was asked for")
        };
        let comparison = Comparison {
            documents: 1,
            words: 1,
            mean_logit_error: 0.0,
            max_logit_error,
            agreement,
            f1_float: 0.9,
            f1_quantized: 0.9 - f1_drop,
            f1_drop,
            support: 1,
            failures: Vec::new(),
        };
        let found = failures(&comparison, &args);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn every_limit_is_a_failure_of_its_own() {
        check(2.0, 0.995, 0.003, &[]);
        check(0.0, 1.0, -0.5, &[]);
        check(2.1, 1.0, 0.0, &["logit error 2.1"]);
        check(0.0, 0.994, 0.0, &["label agreement 0.994"]);
        check(0.0, 1.0, 0.004, &["F1 drop 0.004"]);
        check(
            9.0,
            0.5,
            0.5,
            &["logit error", "label agreement", "F1 drop"],
        );
    }
}
