//! Token logits to entities, as Hugging Face's `TokenClassificationPipeline` does it: each token or word decides alone.
//!
//! It is for who compares with that pipeline or comes from it. [`crate::decode`] knows how labels follow each other and what a
//! score is worth.

use std::ops::Range;

use crate::tokenize::Piece;
use crate::{Error, Prepared, Tokenizer, window};

/// What decides on a label, by the names of `aggregation_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Each token alone; nothing is put together.
    None,
    /// Each token alone; neighbours of one type are put together.
    Simple,
    /// A word's first token.
    First,
    /// The mean of the probabilities of a word's tokens.
    Average,
    /// A word's token with the highest probability.
    Max,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Simple,
        Self::First,
        Self::Average,
        Self::Max,
    ];

    /// The name, as Hugging Face's.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Simple => "simple",
            Self::First => "first",
            Self::Average => "average",
            Self::Max => "max",
        }
    }

    /// The strategy of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.name() == name)
    }
}

/// Tokens, words or a run of them with what they are said to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// A label with [`Strategy::None`], otherwise its type: what stands behind `B-` or `I-`.
    pub name: String,
    /// 0 to 1: the probability of the label, the mean of those of a run.
    pub score: f32,
    /// Where, in bytes of the text.
    pub range: Range<usize>,
    /// Its first token, among those of the text.
    pub first: usize,
}

/// Window logits to groups, in text order; those named in `ignored` are left out. `logits` is as for [`crate::finish`], `labels` the
/// names by id.
///
/// A word is what the pipeline takes for one: a token continues it whose name is not as long as what stands in the text. That holds
/// for `##` tokens, and also for a first token whose letters the tokenizer has replaced by fewer or more (accents in a text that
/// writes them apart).
///
/// # Errors
/// As [`crate::finish`].
pub fn aggregate<R: AsRef<[f32]>>(
    text: &str,
    prepared: &Prepared,
    logits: &[R],
    tokenizer: &Tokenizer,
    labels: &[String],
    strategy: Strategy,
    ignored: &[String],
) -> Result<Vec<Group>, Error> {
    let pieces = tokenizer.pieces(text, &prepared.tokens);
    let logits = window::stitch_tokens(&prepared.windows, logits, labels.len())?;
    if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
        let (token, label) = (at / labels.len(), at % labels.len());
        // The last word that begins up to there.
        let word = |first: &Option<usize>| first.is_some_and(|first| first <= token);
        return Err(Error::Logit {
            word: prepared.tokens.first.iter().rposition(word).unwrap_or(0),
            label: labels[label].clone(),
            value: logits[at],
        });
    }
    let tokens: Vec<_> = pieces
        .into_iter()
        .zip(logits.chunks_exact(labels.len()))
        .map(|(piece, logits)| (piece, softmax(logits)))
        .collect();
    let word = |(piece, _): &(Piece, Vec<f32>)| match strategy {
        Strategy::None | Strategy::Simple => false,
        Strategy::First | Strategy::Average | Strategy::Max => piece.continues,
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut next = 0;
    let mut run = Run::default();
    for parts in tokens.chunk_by(|_, next| word(next)) {
        let first = next;
        next += parts.len();
        let (label, score) = decide(parts, strategy);
        let range = parts[0].0.range.start..parts[parts.len() - 1].0.range.end;
        let name = &labels[label];
        if strategy == Strategy::None {
            groups.push(Group {
                name: name.clone(),
                score,
                range,
                first,
            });
            continue;
        }
        let (begins, kind) = match name.split_once('-') {
            Some(("B", kind)) => (true, kind),
            Some(("I", kind)) => (false, kind),
            _ => (false, name.as_str()),
        };
        if begins || run.kind != kind {
            groups.extend(std::mem::take(&mut run).end());
            run.kind = kind;
            run.first = first;
            // The pipeline takes whatever stands before a hyphen for a prefix here.
            run.name = name.split_once('-').map_or(name, |(_, name)| name);
        }
        run.scores.push(score);
        run.range = match run.scores.len() {
            1 => range,
            _ => run.range.start..range.end,
        };
    }
    groups.extend(run.end());
    groups.retain(|group| !ignored.contains(&group.name));
    Ok(groups)
}

/// Neighbours of one type.
#[derive(Default)]
struct Run<'a> {
    kind: &'a str,
    name: &'a str,
    scores: Vec<f32>,
    range: Range<usize>,
    first: usize,
}

impl Run<'_> {
    fn end(self) -> Option<Group> {
        let count = self.scores.len();
        (count > 0).then(|| Group {
            name: self.name.to_owned(),
            score: self.scores.iter().sum::<f32>() / count as f32,
            range: self.range,
            first: self.first,
        })
    }
}

/// The label of a word's tokens, or of the only one, and its probability.
fn decide(parts: &[(Piece, Vec<f32>)], strategy: Strategy) -> (usize, f32) {
    match strategy {
        Strategy::None | Strategy::Simple | Strategy::First => best(&parts[0].1),
        Strategy::Average => {
            let mut mean = vec![0.0; parts[0].1.len()];
            for (_, probabilities) in parts {
                for (mean, probability) in mean.iter_mut().zip(probabilities) {
                    *mean += probability / parts.len() as f32;
                }
            }
            best(&mean)
        }
        Strategy::Max => {
            let all = parts.iter().map(|(_, probabilities)| best(probabilities));
            all.reduce(|first, next| if next.1 > first.1 { next } else { first })
                .expect("a word has a token")
        }
    }
}

/// The first of the highest.
fn best(values: &[f32]) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (at, &value) in values.iter().enumerate() {
        if value > best.1 {
            best = (at, value);
        }
    }
    best
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits
        .iter()
        .map(|logit| libm::expf(logit - most))
        .collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
