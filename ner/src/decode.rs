//! Word logits to labels to entities.

use std::ops::Range;

use crate::boundary::{Boundary, boundaries};
use crate::calibration::Calibration;
use crate::crf::{Chain, Lattice, Learned, Transitions};
use crate::model::tensors;
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

/// What turns logits into entities with scores: the part of a model behind its network.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoder {
    /// What the logits stand for.
    pub labels: Labels,
    /// How labels follow each other.
    pub transitions: Transitions,
    /// From probabilities to scores.
    pub calibration: Option<Calibration>,
}

/// Least score of an entity, where scores are calibrated. F1 is highest where what is right less often
/// than half of the F1 is left out (Lipton, Elkan and Naryanaswamy 2014), so at about 0.45. A little
/// below that, F1 is all but the same, and more of those are kept whose boundaries alone are in doubt.
pub const LEAST_SCORE: f32 = 0.4;

impl Decoder {
    /// For a model that learnt no transitions and was not calibrated.
    pub fn bio(labels: Labels) -> Self {
        Self {
            transitions: Transitions::bio(&labels),
            calibration: None,
            labels,
        }
    }

    /// The score below which there is no entity: [`LEAST_SCORE`] where scores are calibrated, otherwise 0.
    pub fn least_score(&self) -> f32 {
        self.calibration.map_or(0.0, |_| LEAST_SCORE)
    }

    /// The score of an entity of this log-probability; `None` where it is too low for an entity.
    pub fn score(&self, log_probability: f64) -> Option<f32> {
        match self.calibration {
            None => Some(libm::exp(log_probability) as f32),
            Some(calibration) => {
                let score = calibration.score(log_probability);
                (score >= self.least_score()).then_some(score)
            }
        }
    }

    /// For a model with a CRF, whose tensors `values` gives by name; without calibration.
    ///
    /// # Errors
    /// What `values` returns.
    pub fn crf<E>(labels: Labels, values: impl Fn(&str) -> Result<Vec<f32>, E>) -> Result<Self, E> {
        let [start, step, end, line] = tensors::CRF;
        let learned = Learned {
            start: &values(start)?,
            step: &values(step)?,
            end: &values(end)?,
            line: &values(line)?,
        };
        Ok(Self {
            transitions: Transitions::learned(&labels, learned),
            ..Self::bio(labels)
        })
    }
}

/// The label id of every word of a text.
///
/// Each paragraph is decoded on its own, so no entity reaches over a blank line. Words without
/// tokens are left out of that, as the network has not seen them: inside an entity they continue it,
/// elsewhere they are `O`.
///
/// # Errors
/// [`Error::Logit`] for a logit that is not a finite number.
pub fn decode(
    text: &str,
    tokens: &Tokens,
    logits: &WordLogits,
    decoder: &Decoder,
) -> Result<Vec<usize>, Error> {
    let labels = &decoder.labels;
    let outside = labels.id_of(Tag::Outside);
    let mut ids = vec![outside; tokens.words.len()];
    let paragraphs = paragraphs(text, tokens);
    for paragraph in &paragraphs {
        if let Some((word, label)) = not_finite(&paragraph.words, logits) {
            let value = logits.row(word)[label];
            return Err(Error::Logit {
                word,
                label: labels.names()[label].clone(),
                value,
            });
        }
        let best = paragraph.chain(logits, &decoder.transitions).best();
        for (&word, id) in paragraph.words.iter().zip(best) {
            ids[word] = id;
        }
    }
    let spoken: Vec<usize> = paragraphs
        .into_iter()
        .flat_map(|paragraph| paragraph.words)
        .collect();
    for pair in spoken.windows(2) {
        if let Tag::Inside(_) = labels.tag(ids[pair[1]]) {
            let id = ids[pair[1]];
            ids[pair[0] + 1..pair[1]].fill(id);
        }
    }
    Ok(ids)
}

/// The words of a paragraph that have tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paragraph {
    /// Their numbers in the text, ascending; at least one.
    pub words: Vec<usize>,
    /// Whether a line begins with each of them.
    pub begins_line: Vec<bool>,
}

impl Paragraph {
    fn chain<'a>(&self, logits: &WordLogits, transitions: &'a Transitions) -> Chain<'a> {
        let rows = self.words.iter().map(|&word| logits.row(word));
        Chain::new(rows.zip(self.begins_line.iter().copied()), transitions)
    }
}

/// The paragraphs of a text. Labels are decoded, and learnt, within each.
pub fn paragraphs(text: &str, tokens: &Tokens) -> Vec<Paragraph> {
    let ends = boundaries(text, tokens);
    let spoken: Vec<usize> = (0..tokens.words.len())
        .filter(|&w| tokens.first[w].is_some())
        .collect();
    spoken
        .chunk_by(|_, &word| ends[word] < Boundary::Paragraph)
        .map(|words| Paragraph {
            begins_line: words
                .iter()
                .map(|&word| ends[word] >= Boundary::Line)
                .collect(),
            words: words.to_vec(),
        })
        .collect()
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

/// The entities of a text, with their scores.
///
/// An entity's score is the probability, over all legal label sequences of its paragraph, that just
/// these words are an entity of just this type; calibrated, where the decoder has a calibration. Then
/// those with less than [`LEAST_SCORE`] are left out.
///
/// # Errors
/// As [`decode`].
pub fn entities(
    text: &str,
    tokens: &Tokens,
    logits: &WordLogits,
    decoder: &Decoder,
) -> Result<Vec<Entity>, Error> {
    let candidates = candidates(text, tokens, logits, decoder)?.into_iter();
    Ok(candidates
        .filter_map(|(span, log_probability)| {
            let score = decoder.score(log_probability)?;
            Some(Entity { span, score })
        })
        .collect())
}

/// The spans that the label ids of [`decode`] spell, each with the logarithm of its probability.
///
/// # Errors
/// As [`decode`].
pub fn candidates(
    text: &str,
    tokens: &Tokens,
    logits: &WordLogits,
    decoder: &Decoder,
) -> Result<Vec<(Span, f64)>, Error> {
    let labels = &decoder.labels;
    let ids = decode(text, tokens, logits, decoder)?;
    let mut found = Vec::new();
    for paragraph in paragraphs(text, tokens) {
        let own: Vec<usize> = paragraph.words.iter().map(|&word| ids[word]).collect();
        let mut runs = runs(&own, labels).peekable();
        if runs.peek().is_none() {
            continue;
        }
        let chain = paragraph.chain(logits, &decoder.transitions);
        let lattice = Lattice::new(&chain);
        for (run, kind) in runs {
            let not_after = labels.id_of(Tag::Inside(kind));
            let log_probability = lattice.log_run(run.start, &own[run.clone()], not_after);
            let words = paragraph.words[run.start]..paragraph.words[run.end - 1] + 1;
            found.push((span(&tokens.words, &words, kind, labels), log_probability));
        }
    }
    Ok(found)
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

/// The label of each word that the network sees, `None` for words without tokens: a span whose first
/// words have none begins with the first that has.
pub fn seen_ids(tokens: &Tokens, ids: &[usize], labels: &Labels) -> Vec<Option<usize>> {
    let mut lost = None;
    let words = tokens.first.iter().zip(ids);
    words
        .map(|(first, &id)| {
            let id = match (lost.take(), labels.tag(id)) {
                (Some(begin), Tag::Inside(_)) => begin,
                _ => id,
            };
            if first.is_none() && matches!(labels.tag(id), Tag::Begin(_)) {
                lost = Some(id);
            }
            first.map(|_| id)
        })
        .collect()
}

/// Log-probability of label ids, those of [`seen_ids`], among all legal ones.
pub fn log_likelihood(
    text: &str,
    tokens: &Tokens,
    ids: &[Option<usize>],
    logits: &WordLogits,
    decoder: &Decoder,
) -> f64 {
    let of_paragraph = |paragraph: Paragraph| {
        let ids: Vec<usize> = paragraph.words.iter().filter_map(|&w| ids[w]).collect();
        let chain = paragraph.chain(logits, &decoder.transitions);
        chain.score(&ids) - Lattice::new(&chain).log_partition()
    };
    paragraphs(text, tokens).into_iter().map(of_paragraph).sum()
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
