//! Word logits to labels to entities.

use std::ops::Range;

use crate::boundary::{Boundary, boundaries};
use crate::{Entity, Error, Labels, Span, Tag, Tokens};

/// Logits of a text's words, `[W, L]` row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct WordLogits {
    /// L.
    pub labels: usize,
    /// W times L values.
    pub values: Vec<f32>,
}

impl WordLogits {
    /// The L logits of a word.
    pub fn row(&self, word: usize) -> &[f32] {
        &self.values[word * self.labels..(word + 1) * self.labels]
    }
}

/// The label id of every word of a text.
///
/// Each paragraph is decoded on its own by [`viterbi`], so no entity reaches over a blank line.
/// Words without tokens are left out of that, as the network has not seen them: inside an entity
/// they continue it, elsewhere they are `O`.
///
/// # Errors
/// [`Error::Logit`] for a logit that is not a finite number.
pub fn decode(
    text: &str,
    tokens: &Tokens,
    logits: &WordLogits,
    labels: &Labels,
) -> Result<Vec<usize>, Error> {
    let outside = labels.id_of(Tag::Outside);
    let mut ids = vec![outside; tokens.words.len()];
    let ends = boundaries(text, tokens);
    let spoken: Vec<usize> = (0..tokens.words.len())
        .filter(|&w| tokens.first[w].is_some())
        .collect();
    let transitions = Transitions::bio(labels);
    for paragraph in spoken.chunk_by(|_, &word| ends[word] < Boundary::Paragraph) {
        if let Some((word, label)) = not_finite(paragraph, logits) {
            let value = logits.row(word)[label];
            return Err(Error::Logit {
                word,
                label: labels.names()[label].clone(),
                value,
            });
        }
        let rows: Vec<&[f32]> = paragraph.iter().map(|&word| logits.row(word)).collect();
        for (&word, id) in paragraph.iter().zip(viterbi(&rows, &transitions)) {
            ids[word] = id;
        }
    }
    for pair in spoken.windows(2) {
        if let Tag::Inside(_) = labels.tag(ids[pair[1]]) {
            let id = ids[pair[1]];
            ids[pair[0] + 1..pair[1]].fill(id);
        }
    }
    Ok(ids)
}

fn not_finite(words: &[usize], logits: &WordLogits) -> Option<(usize, usize)> {
    words.iter().find_map(|&word| {
        Some((
            word,
            logits
                .row(word)
                .iter()
                .position(|value| !value.is_finite())?,
        ))
    })
}

/// Scores of a label at the start and of a label after another: 0 or minus infinity where only
/// BIO's rules count.
#[derive(Debug, Clone, PartialEq)]
pub struct Transitions {
    /// Of each label at the start, `[L]`.
    start: Vec<f64>,
    /// Of label `to` after label `from` at `from * L + to`, `[L, L]`.
    step: Vec<f64>,
}

impl Transitions {
    /// Forbids what BIO forbids and is indifferent to the rest.
    pub fn bio(labels: &Labels) -> Self {
        let score = |tag: &Tag, previous| {
            if tag.follows(previous) {
                0.0
            } else {
                f64::NEG_INFINITY
            }
        };
        let start = labels.tags().iter().map(|tag| score(tag, None)).collect();
        let step = labels
            .tags()
            .iter()
            .flat_map(|from| labels.tags().iter().map(move |to| score(to, Some(*from))))
            .collect();
        Self { start, step }
    }
}

/// The best-scoring sequence of label ids for rows of L finite logits (Viterbi 1967). Of equally
/// good ones it is the one with the lowest ids, counted from the end.
///
/// Logits need no log-softmax first: it subtracts the same number from all labels of a word.
pub fn viterbi(rows: &[&[f32]], transitions: &Transitions) -> Vec<usize> {
    let labels = transitions.start.len();
    let mut scores = Vec::new();
    // The best label before each label of each word but the first, [W - 1, L].
    let mut back: Vec<usize> = Vec::with_capacity(rows.len().saturating_sub(1) * labels);
    for row in rows {
        let mut next = transitions.start.clone();
        if !scores.is_empty() {
            for (to, next) in next.iter_mut().enumerate() {
                let (from, score) = best(
                    (0..labels).map(|from| scores[from] + transitions.step[from * labels + to]),
                );
                back.push(from);
                *next = score;
            }
        }
        for (score, &logit) in next.iter_mut().zip(*row) {
            *score += f64::from(logit);
        }
        scores = next;
    }
    let (mut id, _) = best(scores.iter().copied());
    let mut ids = vec![id; rows.len()];
    for (word, from) in back.chunks_exact(labels).enumerate().rev() {
        id = from[id];
        ids[word] = id;
    }
    ids
}

/// The first of the highest scores and its index.
fn best(scores: impl Iterator<Item = f64>) -> (usize, f64) {
    scores
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (i, score)| {
            if score > best.1 { (i, score) } else { best }
        })
}

/// The entities that a legal sequence of label ids spells, with scores from the logits.
///
/// An entity's score is the mean over its words of the softmax probability of the label each was
/// given; words without tokens do not count.
pub fn entities(
    tokens: &Tokens,
    ids: &[usize],
    logits: &WordLogits,
    labels: &Labels,
) -> Vec<Entity> {
    runs(ids, labels)
        .map(|(words, kind)| {
            let spoken = words.clone().filter(|&word| tokens.first[word].is_some());
            let (sum, count) = spoken.fold((0.0, 0.0), |(sum, count), word| {
                (sum + probability(logits.row(word), ids[word]), count + 1.0)
            });
            let score = if count > 0.0 {
                (sum / count) as f32
            } else {
                0.0
            };
            Entity {
                span: span(&tokens.words, &words, kind, labels),
                score,
            }
        })
        .collect()
}

/// Softmax probability of entry `id` of a row of logits.
fn probability(row: &[f32], id: usize) -> f64 {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp = |logit: f32| f64::from(logit - highest).exp();
    exp(row[id]) / row.iter().map(|&logit| exp(logit)).sum::<f64>()
}

/// The spans that a sequence of label ids spells, one id per word. An `I-X` that nothing begins
/// starts a span of its own.
pub fn spans(words: &[Range<usize>], ids: &[usize], labels: &Labels) -> Vec<Span> {
    runs(ids, labels)
        .map(|(run, kind)| span(words, &run, kind, labels))
        .collect()
}

fn span(words: &[Range<usize>], run: &Range<usize>, kind: usize, labels: &Labels) -> Span {
    Span {
        range: words[run.start].start..words[run.end - 1].end,
        label: labels.types()[kind].clone(),
    }
}

/// The runs of words that label ids mark, each with its type's number.
fn runs<'a>(
    ids: &'a [usize],
    labels: &'a Labels,
) -> impl Iterator<Item = (Range<usize>, usize)> + 'a {
    let mut next = 0;
    std::iter::from_fn(move || {
        loop {
            let start = next;
            let tag = labels.tag(*ids.get(start)?);
            next += 1;
            let (Tag::Begin(kind) | Tag::Inside(kind)) = tag else {
                continue;
            };
            next += ids[next..]
                .iter()
                .take_while(|&&id| labels.tag(id) == Tag::Inside(kind))
                .count();
            return Some((start..next, kind));
        }
    })
}

/// The label ids that spans spell over words.
///
/// # Errors
/// [`Error::Span`] names a span that does not begin and end on a word, overlaps another or has an
/// unknown type.
pub fn label_ids(
    text: &str,
    words: &[Range<usize>],
    spans: &[Span],
    labels: &Labels,
) -> Result<Vec<usize>, Error> {
    let outside = labels.id_of(Tag::Outside);
    let mut ids = vec![outside; words.len()];
    for span in spans {
        let Range { start, end } = span.range;
        let error = |problem: String| Error::Span {
            start,
            end,
            label: span.label.clone(),
            problem,
        };
        let Some(kind) = labels.types().iter().position(|t| *t == span.label) else {
            return Err(error(format!(
                "the type is not one of {}",
                labels.types().join(", ")
            )));
        };
        let Some(marked) = text.get(span.range.clone()) else {
            return Err(error(format!(
                "it is not within the {} bytes of its text or cuts a character",
                text.len()
            )));
        };
        let first = words.binary_search_by_key(&start, |word| word.start);
        let last = words.binary_search_by_key(&end, |word| word.end);
        let (Ok(first), Ok(last)) = (first, last) else {
            return Err(error(format!(
                "`{marked}` does not begin and end on a word"
            )));
        };
        if first > last {
            return Err(error("it is empty".to_owned()));
        }
        if ids[first..=last].iter().any(|&id| id != outside) {
            return Err(error(format!("`{marked}` overlaps another span")));
        }
        ids[first..=last].fill(labels.id_of(Tag::Inside(kind)));
        ids[first] = labels.id_of(Tag::Begin(kind));
    }
    Ok(ids)
}
