//! A linear-chain conditional random field over the words of a paragraph (Lafferty et al. 2001).
//!
//! W words, L labels. A label sequence scores the sum of its words' logits, of a term for each label
//! after another, for the first and the last one, and for each label at the beginning of a line,
//! which the network's tokens do not show. BIO's rules are part of the terms: what they forbid has
//! minus infinity. A model without a learned head has the rules alone, and then everything here is
//! softmax over legal sequences.

use crate::{Labels, Tag};

/// The terms of a sequence's score beside the logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Transitions {
    labels: usize,
    /// Of each label at the start, `[L]`.
    start: Vec<f64>,
    /// Of label `to` after label `from` at `from * L + to`, `[L, L]`.
    step: Vec<f64>,
    /// `exp(step)`, `[L, L]`.
    step_weight: Vec<f64>,
    /// Whether no step can bring back a weight that was lost to underflow.
    steps_are_small: bool,
    /// Of each label at the end, `[L]`.
    end: Vec<f64>,
    /// Of each label where a line begins, `[L]`.
    line: Vec<f64>,
}

/// Learned terms as a model file holds them.
#[derive(Debug, Clone, Copy)]
pub struct Learned<'a> {
    /// `[L]`.
    pub start: &'a [f32],
    /// `[L, L]`, from and to.
    pub step: &'a [f32],
    /// `[L]`.
    pub end: &'a [f32],
    /// `[L]`.
    pub line: &'a [f32],
}

impl Transitions {
    /// Forbids what BIO forbids and is indifferent to the rest.
    pub fn bio(labels: &Labels) -> Self {
        let none = vec![0.0; labels.len()];
        Self::learned(
            labels,
            Learned {
                start: &none,
                step: &vec![0.0; labels.len() * labels.len()],
                end: &none,
                line: &none,
            },
        )
    }

    /// Learned terms; what BIO forbids stays forbidden.
    ///
    /// # Panics
    /// When the terms are not those of `labels`; a model file's shapes are checked when it is read.
    pub fn learned(labels: &Labels, terms: Learned) -> Self {
        let count = labels.len();
        assert!(
            [terms.start, terms.end, terms.line].map(<[f32]>::len) == [count; 3]
                && terms.step.len() == count * count,
            "terms of {count} labels"
        );
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().copied().map(f64::from).collect() };
        let (mut start, mut step) = (wide(terms.start), wide(terms.step));
        let forbid = |score: &mut f64, tag: Tag, previous| {
            if !tag.follows(previous) {
                *score = f64::NEG_INFINITY;
            }
        };
        for (score, &tag) in start.iter_mut().zip(labels.tags()) {
            forbid(score, tag, None);
        }
        for (row, &from) in step.chunks_exact_mut(count).zip(labels.tags()) {
            for (score, &tag) in row.iter_mut().zip(labels.tags()) {
                forbid(score, tag, Some(from));
            }
        }
        Self {
            labels: count,
            start,
            step_weight: step.iter().map(|&step| libm::exp(step)).collect(),
            steps_are_small: step.iter().all(|step| *step <= MOST_STEP),
            step,
            end: wide(terms.end),
            line: wide(terms.line),
        }
    }

    /// Whether there is more than BIO's rules.
    pub fn is_learned(&self) -> bool {
        let rule = |score: &f64| *score == 0.0 || *score == f64::NEG_INFINITY;
        let terms = [&self.start, &self.step, &self.end, &self.line];
        !terms.into_iter().flatten().all(rule)
    }

    fn step(&self, from: usize, to: usize) -> f64 {
        self.step[from * self.labels + to]
    }
}

/// The words of one paragraph with what each label scores there on its own.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    transitions: &'a Transitions,
    /// `[W, L]`.
    scores: Vec<f64>,
}

impl<'a> Chain<'a> {
    /// From the L logits of each word, and whether a line begins with it. Minus infinity rules a label
    /// out; one at least has to be left.
    pub fn new<'r>(
        words: impl IntoIterator<Item = (&'r [f32], bool)>,
        transitions: &'a Transitions,
    ) -> Self {
        let mut scores = Vec::new();
        for (row, begins_line) in words {
            let line = if begins_line { 1.0 } else { 0.0 };
            let terms = row.iter().zip(&transitions.line);
            scores.extend(terms.map(|(&logit, term)| f64::from(logit) + line * term));
        }
        Self {
            transitions,
            scores,
        }
    }

    /// W.
    pub fn words(&self) -> usize {
        self.scores.len() / self.transitions.labels
    }

    fn word(&self, word: usize) -> &[f64] {
        let labels = self.transitions.labels;
        &self.scores[word * labels..(word + 1) * labels]
    }

    /// The score of one label sequence; minus infinity for an illegal one.
    pub fn score(&self, ids: &[usize]) -> f64 {
        let terms = self.transitions;
        let (Some(&first), Some(&last)) = (ids.first(), ids.last()) else {
            return 0.0;
        };
        let words: f64 = (0..).zip(ids).map(|(word, &id)| self.word(word)[id]).sum();
        let steps: f64 = ids
            .windows(2)
            .map(|pair| terms.step(pair[0], pair[1]))
            .sum();
        terms.start[first] + words + steps + terms.end[last]
    }

    /// The best-scoring label sequence (Viterbi 1967). Of equally good ones it is the one with the
    /// lowest ids, counted from the end.
    ///
    /// Logits need no log-softmax first: it subtracts the same number from all labels of a word.
    pub fn best(&self) -> Vec<usize> {
        let terms = self.transitions;
        let labels = terms.labels;
        let mut scores = Vec::new();
        // The best label before each label of each word but the first, [W - 1, L].
        let mut back: Vec<usize> = Vec::with_capacity(self.scores.len());
        for row in self.scores.chunks_exact(labels) {
            let mut next = terms.start.clone();
            if !scores.is_empty() {
                for (to, next) in next.iter_mut().enumerate() {
                    let (from, score) =
                        highest((0..labels).map(|from| scores[from] + terms.step(from, to)));
                    back.push(from);
                    *next = score;
                }
            }
            for (score, word) in next.iter_mut().zip(row) {
                *score += word;
            }
            scores = next;
        }
        let (mut id, _) = highest(
            scores
                .iter()
                .zip(&terms.end)
                .map(|(score, end)| score + end),
        );
        let mut ids = vec![id; self.words()];
        for (word, from) in back.chunks_exact(labels).enumerate().rev() {
            id = from[id];
            ids[word] = id;
        }
        ids
    }
}

/// The first of the highest scores and its index.
fn highest(scores: impl Iterator<Item = f64>) -> (usize, f64) {
    scores
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (i, score)| {
            if score > best.1 { (i, score) } else { best }
        })
}

/// The sums over all label sequences of a chain (forward-backward, Rabiner 1989), as logarithms.
#[derive(Debug, Clone)]
pub struct Lattice<'a> {
    chain: &'a Chain<'a>,
    /// Over what stands before a word and the word itself, by its label, `[W, L]`.
    forward: Vec<f64>,
    /// Over what stands after a word, by its label, `[W, L]`.
    backward: Vec<f64>,
    partition: f64,
}

impl<'a> Lattice<'a> {
    /// Sums up a chain.
    pub fn new(chain: &'a Chain<'a>) -> Self {
        let terms = chain.transitions;
        let (words, labels) = (chain.words(), terms.labels);
        let mut forward: Vec<f64> = Vec::with_capacity(words * labels);
        let mut last_weights = Weights::default();
        for word in 0..words {
            if let Some(last) = word.checked_sub(1) {
                last_weights.set(forward[last * labels..].iter().copied());
            }
            for to in 0..labels {
                let before = match word.checked_sub(1) {
                    None => terms.start[to],
                    Some(last) => {
                        let last = &forward[last * labels..][..labels];
                        let weight = |from| terms.step_weight[from * labels + to];
                        last_weights.log_sum(last, terms.steps_are_small, weight, |from| {
                            terms.step(from, to)
                        })
                    }
                };
                forward.push(before + chain.word(word)[to]);
            }
        }
        let mut backward = vec![0.0; words * labels];
        if let Some(last) = words.checked_sub(1) {
            backward[last * labels..].copy_from_slice(&terms.end);
            let mut next_weights = Weights::default();
            let mut next = vec![0.0; labels];
            for word in (0..last).rev() {
                let (here, after) = backward.split_at_mut((word + 1) * labels);
                for (to, next) in next.iter_mut().enumerate() {
                    *next = chain.word(word + 1)[to] + after[to];
                }
                next_weights.set(next.iter().copied());
                for (from, here) in here[word * labels..].iter_mut().enumerate() {
                    let weight = |to| terms.step_weight[from * labels + to];
                    *here = next_weights.log_sum(&next, terms.steps_are_small, weight, |to| {
                        terms.step(from, to)
                    });
                }
            }
        }
        let partition = match words.checked_sub(1) {
            None => 0.0,
            Some(last) => {
                log_sum((0..labels).map(|id| forward[last * labels + id] + terms.end[id]))
            }
        };
        Self {
            chain,
            forward,
            backward,
            partition,
        }
    }

    /// Logarithm of the sum of all sequences' exponentiated scores.
    pub fn log_partition(&self) -> f64 {
        self.partition
    }

    /// Log-probability that a word has a label.
    pub fn log_label(&self, word: usize, id: usize) -> f64 {
        let at = word * self.chain.transitions.labels + id;
        self.forward[at] + self.backward[at] - self.partition
    }

    /// Log-probability that a word has label `to` and the one before it `from`; `word` is at least 1.
    pub fn log_pair(&self, word: usize, from: usize, to: usize) -> f64 {
        let terms = self.chain.transitions;
        self.forward[(word - 1) * terms.labels + from]
            + terms.step(from, to)
            + self.chain.word(word)[to]
            + self.backward[word * terms.labels + to]
            - self.partition
    }

    /// Log-probability that the words from `start` on have just these labels and that the word after
    /// them, if there is one, does not have label `not_after`.
    pub fn log_run(&self, start: usize, ids: &[usize], not_after: usize) -> f64 {
        let terms = self.chain.transitions;
        let (Some(&first), Some(&last)) = (ids.first(), ids.last()) else {
            return 0.0;
        };
        let words = (start + 1..).zip(ids.windows(2));
        let inside: f64 = words
            .map(|(word, pair)| terms.step(pair[0], pair[1]) + self.chain.word(word)[pair[1]])
            .sum();
        let end = start + ids.len();
        let after = if end == self.chain.words() {
            terms.end[last]
        } else {
            let next = (0..terms.labels).filter(|&id| id != not_after);
            let backward = &self.backward[end * terms.labels..];
            log_sum(next.map(|id| terms.step(last, id) + self.chain.word(end)[id] + backward[id]))
        };
        // Rounding can leave a certainty slightly above 0.
        (self.forward[start * terms.labels + first] + inside + after - self.partition).min(0.0)
    }
}

/// The exponentials of L scores, which all labels of the next word share.
#[derive(Debug, Default)]
struct Weights {
    largest: f64,
    /// Of each score less the largest.
    weights: Vec<f64>,
}

/// Below this a sum of weights has lost digits, or all.
const LEAST_WEIGHT: f64 = 1e-280;

/// A score of 745 less than the largest has a weight of 0. A step of this much more than another one
/// cannot make it count beside a sum that is above [`LEAST_WEIGHT`].
const MOST_STEP: f64 = 50.0;

impl Weights {
    fn set(&mut self, scores: impl Iterator<Item = f64> + Clone) {
        self.largest = scores.clone().fold(f64::NEG_INFINITY, f64::max);
        self.weights.clear();
        self.weights
            .extend(scores.map(|score| libm::exp(score - self.largest)));
    }

    /// Logarithm of the sum of `exp(scores[i] + step(i))`, where these weights are those of `scores`
    /// and `weight(i)` is `exp(step(i))`: one logarithm instead of L exponentials, where the weights are
    /// `usable`.
    fn log_sum(
        &self,
        scores: &[f64],
        usable: bool,
        weight: impl Fn(usize) -> f64,
        step: impl Fn(usize) -> f64,
    ) -> f64 {
        let sum: f64 = (0..).zip(&self.weights).map(|(i, w)| w * weight(i)).sum();
        if usable && sum.is_finite() && sum > LEAST_WEIGHT {
            self.largest + libm::log(sum)
        } else {
            log_sum((0..).zip(scores).map(|(i, score)| score + step(i)))
        }
    }
}

/// Logarithm of the sum of exponentials, without overflow.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest
        + values
            .map(|value| (value - largest).exp())
            .sum::<f64>()
            .ln()
}
