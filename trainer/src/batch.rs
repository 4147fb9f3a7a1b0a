//! Documents to training examples to batches.

use anyhow::{Context, Result};
use ner::boundary::{Boundary, boundaries};
use ner::{Document, Labels, Tag, Tokenizer};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::random::Stream;

/// One input of the network with what it should answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Token ids, special tokens included.
    pub ids: Vec<u32>,
    /// For each token its label id; `None` where the loss ignores it: special tokens, tokens of a
    /// window's context and, with [`Subwords::First`], the further subwords of a word.
    pub targets: Vec<Option<u32>>,
    /// What ends before each token. Labels form one chain up to the next [`Boundary::Paragraph`];
    /// the first target of a window counts as one.
    pub boundaries: Vec<Boundary>,
    /// For each token whether it is the first or last target of a window and its paragraph goes on
    /// beyond. A chain neither starts nor ends there, which only its loss has to know.
    pub cut: Vec<bool>,
}

/// Which tokens of a word learn its label. Recognition asks the first one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subwords {
    /// The first one.
    First,
    /// All; those after the first of a `B-X` word learn `I-X`.
    All,
}

/// Cuts documents into windows of at most `max_length` tokens, the same ones that recognition uses.
///
/// # Errors
/// Names the document whose marks do not fit its words or the label set.
pub fn examples(
    documents: &[Document],
    tokenizer: &Tokenizer,
    labels: &Labels,
    max_length: usize,
    subwords: Subwords,
) -> Result<Vec<Example>> {
    let mut examples = Vec::with_capacity(documents.len());
    for document in documents {
        let tokens = tokenizer.tokenize(&document.text);
        let ids = ner::decode::label_ids(&document.text, &tokens.words, &document.spans, labels)
            .with_context(|| format!("document {:?}", document.id))?;
        let mut targets = vec![None; tokens.ids.len()];
        let mut before = vec![Boundary::Word; tokens.ids.len()];
        let ends = boundaries(&document.text, &tokens);
        let ids = ner::decode::seen_ids(&tokens, &ids, labels);
        for (word, first) in tokens.first.iter().enumerate() {
            if let Some(first) = *first {
                targets[first] = ids[word].map(|id| id as u32);
                before[first] = ends[word];
            }
        }
        if subwords == Subwords::All {
            fill_subwords(&mut targets, labels);
        }
        for window in ner::window::cut(&document.text, &tokens, max_length) {
            let inside = window
                .tokens
                .clone()
                .map(|i| targets[i].filter(|_| window.core.contains(&i)));
            let targets: Vec<_> = std::iter::once(None)
                .chain(inside)
                .chain(std::iter::once(None))
                .collect();
            let mut boundaries = vec![Boundary::Word];
            boundaries.extend(&before[window.tokens.clone()]);
            boundaries.push(Boundary::Word);
            // A window of an empty or wordless text teaches nothing and would divide the loss by
            // zero.
            let is_target = |target: &Option<u32>| target.is_some();
            let (Some(first), Some(last)) = (
                targets.iter().position(is_target),
                targets.iter().rposition(is_target),
            ) else {
                continue;
            };
            let mut cut = vec![false; targets.len()];
            cut[first] = boundaries[first] != Boundary::Paragraph;
            boundaries[first] = Boundary::Paragraph;
            let next_word = tokens
                .first
                .iter()
                .position(|first| first.is_some_and(|first| first >= window.core.end));
            cut[last] |= next_word.is_some_and(|word| ends[word] != Boundary::Paragraph);
            examples.push(Example {
                ids: tokenizer.input(&tokens.ids[window.tokens]),
                targets,
                boundaries,
                cut,
            });
        }
    }
    Ok(examples)
}

/// SHA-256 of examples in their order, as 64 lower-case hexadecimal digits.
pub fn sha256<'a>(examples: impl IntoIterator<Item = &'a Example>) -> String {
    let mut hash = Sha256::new();
    for example in examples {
        hash.update((example.ids.len() as u64).to_le_bytes());
        for (id, target) in example.ids.iter().zip(&example.targets) {
            hash.update(id.to_le_bytes());
            hash.update(target.unwrap_or(u32::MAX).to_le_bytes());
        }
    }
    let digits = hash.finalize();
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives the tokens after a word's first its label, as a continuation.
fn fill_subwords(targets: &mut [Option<u32>], labels: &Labels) {
    let mut word = None;
    for target in targets {
        match *target {
            Some(id) => {
                word = Some(match labels.tag(id as usize) {
                    Tag::Begin(kind) => labels.id_of(Tag::Inside(kind)) as u32,
                    _ => id,
                })
            }
            None => *target = word,
        }
    }
}

/// Sequences one after the other, without padding. N is their total length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Token ids `[N]`.
    pub ids: Vec<u32>,
    /// First token of each sequence, then N.
    pub starts: Vec<usize>,
    /// Tokens that count in the loss.
    pub rows: Vec<u32>,
    /// Label ids of these tokens.
    pub targets: Vec<u32>,
    /// What ends before each of these tokens.
    pub boundaries: Vec<Boundary>,
    /// Whether the chain of each of these tokens goes on beyond the window there.
    pub cut: Vec<bool>,
}

impl Batch {
    /// Packs examples in the given order.
    pub fn of<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Self {
        let mut batch = Self {
            starts: vec![0],
            ..Self::default()
        };
        for example in examples {
            for (token, &id) in example.ids.iter().enumerate() {
                if let Some(target) = example.targets[token] {
                    batch.rows.push(batch.ids.len() as u32);
                    batch.targets.push(target);
                    batch.boundaries.push(example.boundaries[token]);
                    batch.cut.push(example.cut[token]);
                }
                batch.ids.push(id);
            }
            batch.starts.push(batch.ids.len());
        }
        batch
    }

    /// One sequence without targets.
    pub fn single(ids: &[u32]) -> Self {
        Self {
            ids: ids.to_vec(),
            starts: vec![0, ids.len()],
            ..Self::default()
        }
    }

    /// Position of each token within its sequence, `[N]`.
    pub fn positions(&self) -> Vec<u32> {
        self.starts
            .windows(2)
            .flat_map(|pair| 0..(pair[1] - pair[0]) as u32)
            .collect()
    }

    /// Number of sequences, B.
    pub fn sequences(&self) -> usize {
        self.starts.len() - 1
    }
}

/// Batches of a chunk that is sorted by length together.
const BATCHES_PER_CHUNK: usize = 50;

/// Indices of the examples of each batch of an epoch: shuffled, then of like length within chunks
/// of [`BATCHES_PER_CHUNK`] batches, then the batches shuffled. Attention within a batch costs the
/// square of the lengths and sequences are handed to threads whole, so like lengths keep all
/// threads at work.
pub fn order(lengths: &[usize], batch_size: usize, random: &mut Stream) -> Vec<Vec<usize>> {
    let mut indices: Vec<usize> = (0..lengths.len()).collect();
    random.shuffle(&mut indices);
    for chunk in indices.chunks_mut(batch_size * BATCHES_PER_CHUNK) {
        chunk.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    }
    let mut batches: Vec<Vec<usize>> = indices.chunks(batch_size).map(<[usize]>::to_vec).collect();
    random.shuffle(&mut batches);
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_example_once_in_batches_of_like_length() {
        let lengths: Vec<usize> = (0..1003).map(|i| 5 + (i * 7919) % 200).collect();
        let epoch = |seed| order(&lengths, 8, &mut Stream::new(seed));
        let batches = epoch(3);
        let mut seen: Vec<usize> = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..1003).collect::<Vec<_>>());
        assert!(batches.iter().all(|batch| (1..=8).contains(&batch.len())));
        assert_eq!(batches, epoch(3));
        assert_ne!(batches, epoch(4));

        let spread = |batch: &Vec<usize>| {
            let of = |i: &usize| lengths[*i];
            batch.iter().map(of).max().unwrap() - batch.iter().map(of).min().unwrap()
        };
        let mean = batches.iter().map(spread).sum::<usize>() as f64 / batches.len() as f64;
        // Random batches of eight from 5..205 spread over about 155.
        assert!(mean < 10.0, "mean spread {mean}");
    }

    #[test]
    fn the_first_subword_of_every_word_counts_once() {
        let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhot\nflash\n##es\nagain\n.\n";
        let tokenizer = Tokenizer::from_vocab(vocabulary, None).unwrap();
        let labels = Labels::guide();
        let document = |text: &str, range: std::ops::Range<usize>| Document {
            id: "note".into(),
            text: text.into(),
            spans: vec![ner::Span {
                range,
                label: "Symptoms".into(),
            }],
        };
        let short = document("Hot flashes again.", 0..11);
        let examples = |document: Document, max_length| {
            let first = Subwords::First;
            super::examples(&[document], &tokenizer, &labels, max_length, first).unwrap()
        };
        let mut boundaries = vec![Boundary::Word; 7];
        boundaries[1] = Boundary::Paragraph;
        let mut expected = Example {
            ids: vec![2, 5, 6, 7, 8, 9, 3],
            targets: vec![None, Some(1), Some(2), None, Some(0), Some(0), None],
            boundaries,
            cut: vec![false; 7],
        };
        assert_eq!(examples(short.clone(), 16), [expected.clone()]);
        let all = super::examples(
            std::slice::from_ref(&short),
            &tokenizer,
            &labels,
            16,
            Subwords::All,
        );
        expected.targets[3] = Some(2);
        assert_eq!(all.unwrap(), [expected]);
        // A line and a paragraph of their own.
        let lines = &examples(document("Hot\nflashes\n\nagain.", 0..3), 16)[0];
        assert_eq!(lines.boundaries[1..6], {
            use Boundary::{Line, Paragraph, Word};
            [Paragraph, Line, Word, Paragraph, Word]
        });
        assert_eq!(examples(Document::default(), 16), []);

        // In windows of a long text context tokens repeat, targets do not.
        let long = "Hot flashes again. ".repeat(40);
        let windows = examples(document(&long, 0..11), 32);
        assert!(windows.len() > 5 && windows.iter().all(|window| window.ids.len() <= 32));
        let targets = windows
            .iter()
            .flat_map(|window| window.targets.iter().flatten());
        let targets: Vec<u32> = targets.copied().collect();
        assert_eq!((targets.len(), &targets[..3]), (160, &[1, 2, 0][..]));
        assert!(targets[2..].iter().all(|&target| target == 0));
        // One paragraph: its first word and its last one are the only edges that are not cut.
        let cuts = windows.iter().map(|window| {
            let cuts = window.cut.iter().zip(&window.targets);
            let cuts = cuts.filter(|(_, target)| target.is_some());
            let cuts: Vec<bool> = cuts.map(|(&cut, _)| cut).collect();
            (
                cuts[0],
                cuts[cuts.len() - 1],
                cuts.iter().filter(|&&cut| cut).count(),
            )
        });
        let cuts: Vec<_> = cuts.collect();
        let mut expected = vec![(true, true, 2); windows.len()];
        expected[0] = (false, true, 1);
        expected[windows.len() - 1] = (true, false, 1);
        assert_eq!(cuts, expected);
        // Where windows are whole paragraphs nothing is cut.
        let paragraphs = "Hot flashes again.\n\n".repeat(40);
        let windows = examples(document(&paragraphs, 0..11), 32);
        assert!(windows.len() > 5);
        assert!(windows.iter().all(|window| !window.cut.contains(&true)));

        let cut = super::examples(
            &[document("Hot flashes", 0..6)],
            &tokenizer,
            &labels,
            16,
            Subwords::First,
        );
        let message = format!("{:#}", cut.unwrap_err());
        assert!(message.contains("note"), "{message}");
    }

    #[test]
    fn packing_keeps_tokens_targets_and_positions() {
        let example = |ids: &[u32], targets: &[i32]| Example {
            ids: ids.to_vec(),
            targets: targets.iter().map(|&t| u32::try_from(t).ok()).collect(),
            boundaries: vec![Boundary::Word; ids.len()],
            cut: vec![false; ids.len()],
        };
        let examples = [
            example(&[2, 7, 8, 3], &[-1, 4, -1, -1]),
            example(&[2, 9, 3], &[-1, 0, -1]),
        ];
        let batch = Batch::of(&examples);
        assert_eq!(batch.ids, [2, 7, 8, 3, 2, 9, 3]);
        assert_eq!(batch.starts, [0, 4, 7]);
        assert_eq!(
            (batch.rows.as_slice(), batch.targets.as_slice()),
            ([1, 5].as_slice(), [4, 0].as_slice())
        );
        assert_eq!(batch.positions(), [0, 1, 2, 3, 0, 1, 2]);
        assert_eq!(batch.sequences(), 2);
    }
}
