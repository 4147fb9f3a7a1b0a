//! Overlapping windows over long texts.
//!
//! Where windows begin is content-defined chunking: every place between two tokens has a rank,
//! first by what ends there ([`Boundary`]), then by a hash of the tokens around it, and the text is
//! cut where a rank is the highest within a horizon. A rank and its neighbourhood are the same
//! wherever the text stands, so an edit moves no distant cut.

use std::ops::Range;

use crate::boundary::{Boundary, boundaries};
use crate::{Error, Tokens, WordLogits};

/// The longest input of a window by default, special tokens included. Shorter than BERT's 512
/// positions: attention costs less, an edit invalidates less, and the training documents are of
/// this length.
pub const MAX_TOKENS: usize = 256;

/// An edit leaves windows alone that are farther from it than this many times `max_tokens` tokens.
///
/// The bound follows from [`cut`]: a cut depends on stretches of up to four cores at each of its
/// two horizons, a window on its cuts and its context. Most edits reach one or two windows. There is
/// no such bound within a text that repeats itself token by token for thousands of tokens.
pub const REACH: usize = 8;

/// A stretch of tokens that goes through the network at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Tokens that the network sees (indices into [`Tokens::ids`]).
    pub tokens: Range<usize>,
    /// Tokens whose logits are taken from this window. The cores of a text's windows follow one
    /// another and cover it.
    pub core: Range<usize>,
}

/// Cuts a text into windows of at most `max_tokens - 2` tokens (of one token for a `max_tokens`
/// below 3).
///
/// A text that fits is one window; one without tokens has none. A core takes up to three quarters
/// of a longer text's window, the rest is context to both sides, begun and ended at a sentence end
/// where one is near.
///
/// Where windows begin is chosen from the text around (paragraph and sentence ends), not counted
/// from its start, so that an edit leaves distant windows as they were; see [`REACH`].
pub fn cut(text: &str, tokens: &Tokens, max_tokens: usize) -> Vec<Window> {
    let limit = max_tokens.saturating_sub(2).max(1);
    let len = tokens.ids.len();
    if len == 0 {
        return Vec::new();
    }
    if len <= limit {
        return vec![Window {
            tokens: 0..len,
            core: 0..len,
        }];
    }
    let ends = token_boundaries(text, tokens);
    let core = (limit * 3 / 4).max(1);
    let mut cuts = vec![0];
    divide(
        &ranks(&ends, &tokens.ids),
        0..len,
        core,
        &[core * 2 / 3, core / 8],
        &mut cuts,
    );
    cuts.windows(2)
        .map(|pair| with_context(pair[0]..pair[1], &ends, limit))
        .collect()
}

/// Takes each word's logits from the window whose core holds the word's first token. Words without
/// tokens get zeros.
///
/// # Errors
/// [`Error::WindowCount`] when `logits` has not one slice per window, [`Error::LogitShape`] when a
/// slice is not `[T, L]` with its window's two special tokens included.
pub fn stitch<R: AsRef<[f32]>>(
    tokens: &Tokens,
    windows: &[Window],
    logits: &[R],
    labels: usize,
) -> Result<WordLogits, Error> {
    check_shapes(windows, logits, labels)?;
    let mut values = vec![0.0; tokens.words.len() * labels];
    let mut sources = windows.iter().zip(logits).peekable();
    for (row, first) in values.chunks_exact_mut(labels).zip(&tokens.first) {
        let Some(token) = *first else { continue };
        while sources
            .next_if(|(window, _)| window.core.end <= token)
            .is_some()
        {}
        let Some((window, logits)) = sources.peek() else {
            break;
        };
        let at = (token - window.tokens.start + 1) * labels;
        row.copy_from_slice(&logits.as_ref()[at..at + labels]);
    }
    Ok(WordLogits { labels, values })
}

/// Logits of all tokens, `[T, L]` row-major, each from the window whose core holds it.
///
/// # Errors
/// As [`stitch`].
pub fn stitch_tokens<R: AsRef<[f32]>>(
    windows: &[Window],
    logits: &[R],
    labels: usize,
) -> Result<Vec<f32>, Error> {
    check_shapes(windows, logits, labels)?;
    let mut values = Vec::new();
    for (Window { tokens, core }, logits) in windows.iter().zip(logits) {
        let [start, end] = [core.start, core.end].map(|at| (at - tokens.start + 1) * labels);
        values.extend_from_slice(&logits.as_ref()[start..end]);
    }
    Ok(values)
}

fn check_shapes<R: AsRef<[f32]>>(
    windows: &[Window],
    logits: &[R],
    labels: usize,
) -> Result<(), Error> {
    if windows.len() != logits.len() {
        return Err(Error::WindowCount {
            expected: windows.len(),
            found: logits.len(),
        });
    }
    for (number, (window, logits)) in windows.iter().zip(logits).enumerate() {
        let (tokens, found) = (window.tokens.len() + 2, logits.as_ref().len());
        if found != tokens * labels {
            return Err(Error::LogitShape {
                window: number,
                tokens,
                labels,
                found,
            });
        }
    }
    Ok(())
}

/// What ends before each token; `None` inside a word.
fn token_boundaries(text: &str, tokens: &Tokens) -> Vec<Option<Boundary>> {
    let mut ends = vec![None; tokens.ids.len()];
    for (boundary, first) in boundaries(text, tokens).into_iter().zip(&tokens.first) {
        if let Some(token) = first {
            ends[*token] = Some(boundary);
        }
    }
    ends
}

/// How good a place each token's beginning is to cut at: the boundary in the top bits, a hash of
/// the [`NEAR`] tokens on either side below.
fn ranks(ends: &[Option<Boundary>], ids: &[u32]) -> Vec<u64> {
    let rank = |(token, end): (usize, &Option<Boundary>)| {
        let level = end.map_or(0, |boundary| boundary as u64 + 1);
        let near = &ids[token.saturating_sub(NEAR)..(token + NEAR).min(ids.len())];
        // FNV-1a, then the finalizer of SplitMix64, because FNV leaves the top bits of short inputs
        // alike.
        let mut hash = near.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &id| {
            (hash ^ u64::from(id)).wrapping_mul(0x0100_0000_01b3)
        });
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        level << 61 | (hash ^ (hash >> 31)) >> 3
    };
    ends.iter().enumerate().map(rank).collect()
}

/// Tokens on either side of a place that its rank's hash sees.
const NEAR: usize = 3;

/// A stretch of more cores than this is cut at its local maxima, a shorter one by halving.
const LONG: usize = 4;

/// Appends the ends of the cores of `stretch` to `cuts`.
///
/// Local maxima keep cuts apart by a horizon and do not depend on anything farther; what they leave
/// too long is halved, which depends on the stretch alone. Only text that repeats itself has no
/// maxima for long; it is cut step by step.
fn divide(
    ranks: &[u64],
    stretch: Range<usize>,
    core: usize,
    horizons: &[usize],
    cuts: &mut Vec<usize>,
) {
    let len = stretch.len();
    if len <= core {
        cuts.push(stretch.end);
        return;
    }
    let (places, horizons) = match horizons {
        _ if len <= LONG * core => (vec![middle(ranks, &stretch, core)], horizons),
        [horizon, rest @ ..] => (local_maxima(ranks, &stretch, *horizon), rest),
        [] => (steps(ranks, &stretch, core), horizons),
    };
    let mut start = stretch.start;
    for end in places.into_iter().chain([stretch.end]) {
        divide(ranks, start..end, core, horizons, cuts);
        start = end;
    }
}

/// The places of a stretch whose rank is above that of every place up to `horizon` before and not
/// below any up to `horizon` after it. The stretch's own ends count as higher than all.
fn local_maxima(ranks: &[u64], stretch: &Range<usize>, horizon: usize) -> Vec<usize> {
    let highest = |&at: &usize| {
        (1..=horizon).all(|d| ranks[at - d] < ranks[at] && ranks[at + d] <= ranks[at])
    };
    (stretch.start + horizon + 1..stretch.end.saturating_sub(horizon))
        .filter(highest)
        .collect()
}

/// The best place near the middle of a stretch that leaves both sides to as few cores as they can
/// be without being tight.
fn middle(ranks: &[u64], stretch: &Range<usize>, core: usize) -> usize {
    let len = stretch.len();
    let cores = (len * 8).div_ceil(core * 7).max(2);
    let left = cores / 2;
    let share = (len * left / cores).clamp(1, len - 1);
    let slack = (core * left)
        .saturating_sub(share)
        .min((core * (cores - left)).saturating_sub(len - share))
        .min(len / (2 * cores));
    let from = stretch.start + (share - slack).max(1);
    let to = stretch.start + (share + slack).min(len - 1);
    best(ranks, from, to)
}

/// Places half a core to a whole core apart, the last at most a core from the end.
fn steps(ranks: &[u64], stretch: &Range<usize>, core: usize) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = stretch.start;
    while stretch.end - at > core {
        at = best(ranks, at + (core / 2).max(1), at + core);
        places.push(at);
    }
    places
}

/// The last of the places with the highest rank.
fn best(ranks: &[u64], from: usize, to: usize) -> usize {
    (from..=to).max_by_key(|&at| ranks[at]).unwrap_or(to)
}

/// A core with context to both sides, in equal parts where the text goes on for long enough.
fn with_context(core: Range<usize>, ends: &[Option<Boundary>], limit: usize) -> Window {
    let len = ends.len();
    let spare = limit - core.len();
    let left = (spare / 2)
        .max(spare.saturating_sub(len - core.end))
        .min(core.start);
    let right = (spare - left).min(len - core.end);
    // Half of a context may go for a better place to begin; of equal places the farthest is taken.
    let level = |at: usize| {
        if at == len {
            Some(Boundary::Paragraph)
        } else {
            ends[at]
        }
    };
    let start = (core.start - left..=core.start - left / 2)
        .rev()
        .max_by_key(|&at| level(at))
        .unwrap_or(core.start);
    let end = (core.end + right / 2..=core.end + right)
        .max_by_key(|&at| level(at))
        .unwrap_or(core.end);
    Window {
        tokens: start..end,
        core,
    }
}
