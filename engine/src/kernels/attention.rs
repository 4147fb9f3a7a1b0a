//! Scaled dot-product attention, a matrix product per head and block of queries with a head's keys
//! and then its values packed as the weights.
//!
//! A float model takes it in floats. An int8 model takes it in integers of 16 bits: exact, so that
//! every variant gives the same bits, twice as fast as floats that may not be fused, and finer than
//! the rounding of the model's weights, 16 times for queries and keys and 258 times for values.

use super::functions::{Extent, exponentials, load, softmax, write};
use super::lanes::Lanes;
use super::pack::{Blocks, COLUMNS, FloatStep, LANES, ShortStep};
use super::pieces::Pieces;
use super::product::{of_part, per_part};
use super::variant::{Variant, by_height};
use crate::Team;

/// Largest magnitude of a query's or key's integer.
const MOST_KEY: f32 = 2047.0;

/// Largest head whose products of queries and keys cannot leave `i32`.
pub const MAX_HEAD_SIZE: usize = i32::MAX as usize / (2047 * 2047);

/// Largest magnitude of a value's integer, and the sum that a query's integer weights are rounded
/// from. At most T / 2 is added by rounding.
const MOST_VALUE: f32 = 32_767.0;

/// Most tokens for which sums of weights times values cannot leave `i32`, with room for what a sum of
/// floats is off.
pub const MAX_TOKENS: usize = 60_000;

/// Queries of a part of the work.
const QUERIES: usize = 32;

/// A row whose values are all less than this is taken for zeros.
const MIN_MAGNITUDE: f32 = 1e-30;

/// The shape of attention.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub(super) tokens: usize,
    pub(super) count: usize,
    pub(super) size: usize,
}

impl Heads {
    fn hidden(self) -> usize {
        self.count * self.size
    }

    /// Where a head's part of a token's query (0), key (1) or value (2) begins.
    fn at(self, token: usize, part: usize, head: usize) -> usize {
        (token * 3 + part) * self.hidden() + head * self.size
    }
}

/// Buffers of [`shorts`].
#[derive(Debug, Default)]
pub(super) struct Shorts {
    /// The keys of each head as weights of T columns and the head's depth, with a scale per key.
    keys: Vec<ShortStep>,
    key_scales: Vec<f32>,
    /// The values of each head as weights of the head's columns and depth T, with a scale per column.
    values: Vec<ShortStep>,
    value_scales: Vec<f32>,
    /// Of each thread.
    threads: Vec<ShortThread>,
}

#[derive(Debug, Default)]
struct ShortThread {
    /// A query or key as integers, whole pairs of them.
    integers: Vec<i16>,
    /// A block of queries, `[ceil(size / 2)][R]`, with a scale each.
    queries: Vec<[i16; 2]>,
    query_scales: Vec<f32>,
    /// Their scores against every key, `[R, T rounded up]`.
    scores: Vec<f32>,
    /// The same as integer weights, `[ceil(T / 2)][R]`.
    weights: Vec<[i16; 2]>,
}

pub(super) fn shorts<V: Variant>(
    v: V,
    team: &Team,
    qkv: &[f32],
    heads: Heads,
    scratch: &mut Shorts,
    out: &mut [f32],
) {
    let Heads { tokens, size, .. } = heads;
    let (key_panels, key_steps) = (tokens.div_ceil(COLUMNS), size.div_ceil(2));
    let (value_panels, value_steps) = (size.div_ceil(COLUMNS), tokens.div_ceil(2));
    let (padded_tokens, padded_size) = (key_panels * COLUMNS, value_panels * COLUMNS);
    let Shorts {
        keys,
        key_scales,
        values,
        value_scales,
        threads,
    } = scratch;
    keys.resize(heads.count * key_panels * key_steps, Default::default());
    key_scales.resize(heads.count * padded_tokens, 0.0);
    values.resize(heads.count * value_panels * value_steps, Default::default());
    value_scales.resize(heads.count * padded_size, 0.0);
    threads.resize_with(team.threads(), Default::default);
    for thread in &mut *threads {
        thread.integers.resize(2 * key_steps, 0);
        thread.queries.resize(V::SHORT_ROWS * key_steps, [0; 2]);
        thread.query_scales.resize(V::SHORT_ROWS, 0.0);
        thread.scores.resize(V::SHORT_ROWS * padded_tokens, 0.0);
        thread.weights.resize(V::SHORT_ROWS * value_steps, [0; 2]);
    }
    let threads = Pieces::new(threads);

    let (key_pieces, key_scale_pieces) = (Pieces::new(keys), Pieces::new(key_scales));
    let (value_pieces, value_scale_pieces) = (Pieces::new(values), Pieces::new(value_scales));
    team.run(heads.count, |head, thread| {
        let range = |len: usize| head * len..(head + 1) * len;
        // SAFETY: each head has a piece of its own, and each thread its buffers.
        let (keys, key_scales, values, value_scales, buffers) = unsafe {
            (
                key_pieces.get(range(key_panels * key_steps)),
                key_scale_pieces.get(range(padded_tokens)),
                value_pieces.get(range(value_panels * value_steps)),
                value_scale_pieces.get(range(padded_size)),
                &mut threads.get(thread..thread + 1)[0],
            )
        };
        v.run(
            #[inline(always)]
            || {
                for token in 0..tokens {
                    let key = &qkv[heads.at(token, 1, head)..][..size];
                    let integers = &mut buffers.integers[..2 * key_steps];
                    key_scales[token] = quantize(v, key, integers);
                    let (panel, column) = (token / COLUMNS, token % COLUMNS);
                    let steps = &mut keys[panel * key_steps..][..key_steps];
                    for (step, pair) in steps.iter_mut().zip(integers.as_chunks().0) {
                        step[column] = *pair;
                    }
                }
                pack_values(v, qkv, heads, head, values, value_scales);
            },
        );
    });

    let (keys, key_scales, values, value_scales) = (&*keys, &*key_scales, &*values, &*value_scales);
    let out = Pieces::new(out);
    let groups = tokens.div_ceil(QUERIES);
    let units = heads.count * groups;
    let each = per_part(units, team);
    team.run(units.div_ceil(each), |part, thread| {
        // SAFETY: each thread has its buffers.
        let buffers = unsafe { &mut threads.get(thread..thread + 1)[0] };
        v.run(
            #[inline(always)]
            || {
                for unit in of_part(part, each, units) {
                    let (head, group) = (unit / groups, unit % groups);
                    let first = group * QUERIES;
                    let keys = &keys[head * key_panels * key_steps..][..key_panels * key_steps];
                    let key_scales = &key_scales[head * padded_tokens..][..padded_tokens];
                    let values =
                        &values[head * value_panels * value_steps..][..value_panels * value_steps];
                    let value_scales = &value_scales[head * padded_size..][..padded_size];
                    let blocks = Blocks::new(QUERIES.min(tokens - first), V::SHORT_ROWS);
                    for block in 0..blocks.count() {
                        let rows = blocks.rows(block);
                        by_height!(rows.len(), V::SHORT_ROWS, R => {
                            let start = first + rows.start;
                            read::<V, R>(v, heads, head, start, buffers, qkv,
                                (keys, key_scales), (values, value_scales), &out);
                        });
                    }
                }
            },
        );
    });
}

/// R queries from `start` on: their scores, the weights that these are, and the mean of the values.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn read<V: Variant, const R: usize>(
    v: V,
    heads: Heads,
    head: usize,
    start: usize,
    buffers: &mut ShortThread,
    qkv: &[f32],
    (keys, key_scales): (&[ShortStep], &[f32]),
    (values, value_scales): (&[ShortStep], &[f32]),
    out: &Pieces<f32>,
) {
    let Heads { tokens, size, .. } = heads;
    let (key_steps, value_steps) = (size.div_ceil(2), tokens.div_ceil(2));
    let padded_tokens = tokens.next_multiple_of(COLUMNS);
    let ShortThread {
        integers,
        queries,
        query_scales,
        scores,
        weights,
    } = buffers;
    let (queries, _) = queries.as_chunks_mut::<R>();
    let root = (size as f32).sqrt();
    for row in 0..R {
        let query = &qkv[heads.at(start + row, 0, head)..][..size];
        let integers = &mut integers[..2 * key_steps];
        query_scales[row] = quantize(v, query, integers) / root;
        for (step, pair) in queries.iter_mut().zip(integers.as_chunks().0) {
            step[row] = *pair;
        }
    }
    let queries = &queries[..key_steps];
    for (panel, steps) in keys.chunks_exact(key_steps).enumerate() {
        let column = panel * COLUMNS;
        let scales: &[f32; COLUMNS] = key_scales[column..].first_chunk().expect("whole panels");
        let tile = v.tile_i16(queries, steps);
        for (row, sums) in tile.iter().enumerate() {
            let scores = &mut scores[row * padded_tokens + column..][..COLUMNS];
            for (scores, values) in
                scores
                    .chunks_exact_mut(LANES)
                    .zip(scaled(v, sums, query_scales[row], scales))
            {
                write(scores, values);
            }
        }
    }

    let (weights, _) = weights.as_chunks_mut::<R>();
    let weights = &mut weights[..value_steps];
    let mut row_scales = [0.0; R];
    for (row, row_scale) in row_scales.iter_mut().enumerate() {
        let scores = &mut scores[row * padded_tokens..][..tokens];
        let sum = exponentials(v, scores, 1.0);
        let inverse = MOST_VALUE / sum;
        // A score that is not finite shows in the output.
        *row_scale = 1.0 / MOST_VALUE + 0.0 * sum;
        for (steps, scores) in weights.chunks_mut(LANES / 2).zip(scores.chunks(LANES)) {
            // Beyond the tokens these are zeros.
            let integers = (load(v, scores) * inverse).shorts();
            for (step, pair) in steps.iter_mut().zip(integers.as_chunks().0) {
                step[row] = *pair;
            }
        }
    }
    for (panel, steps) in values.chunks_exact(value_steps).enumerate() {
        let column = panel * COLUMNS;
        let width = COLUMNS.min(size - column);
        let scales: &[f32; COLUMNS] = value_scales[column..].first_chunk().expect("whole panels");
        let tile = v.tile_i16(weights, steps);
        for (row, sums) in tile.iter().enumerate() {
            let at = (start + row) * heads.hidden() + head * size + column;
            // SAFETY: a query of a head belongs to one part.
            let out = unsafe { out.get(at..at + width) };
            let values = scaled(v, sums, row_scales[row], scales);
            for (out, values) in out.chunks_mut(LANES).zip(values) {
                write(out, values);
            }
        }
    }
}

/// `float(sum) * scale of the row * scale of the column`, from the left.
#[inline(always)]
fn scaled<V: Variant>(
    v: V,
    sums: &[i32; COLUMNS],
    scale: f32,
    scales: &[f32; COLUMNS],
) -> [V::Lanes; 2] {
    let (sums, _) = sums.as_chunks();
    let (scales, _) = scales.as_chunks();
    [
        v.without_zero(&sums[0], 0, &[0; LANES]) * scale * v.load(&scales[0]),
        v.without_zero(&sums[1], 0, &[0; LANES]) * scale * v.load(&scales[1]),
    ]
}

/// Integers of at most [`MOST_KEY`] in magnitude for a query or key, then zeros; returns their
/// scale.
#[inline(always)]
fn quantize<V: Variant>(v: V, x: &[f32], out: &mut [i16]) -> f32 {
    let extent = Extent::of(v, x, 0.0);
    let most = extent.magnitude();
    let inverse = inverse(MOST_KEY, most);
    for (out, x) in out.chunks_mut(LANES).zip(x.chunks(LANES)) {
        let integers = integers(load(v, x) * inverse, MOST_KEY).shorts();
        out.copy_from_slice(&integers[..out.len()]);
    }
    // As a sum of values that are not all finite is not finite, a broken row shows in the output.
    most / MOST_KEY + 0.0 * extent.sum
}

/// What makes `to` of a greatest magnitude.
#[inline(always)]
fn inverse(to: f32, most: f32) -> f32 {
    if most < MIN_MAGNITUDE { 0.0 } else { to / most }
}

/// Keeps what is not finite, which its scale marks, from leaving the range of the integers wherever
/// comparisons choose the number; elsewhere products of 16 bits wrap.
#[inline(always)]
fn integers<L: Lanes>(x: L, most: f32) -> L {
    x.same(-most).greater(x).lesser(x.same(most))
}

/// A head's values as weights, with a scale for each of its columns. What columns beyond the head's
/// hold does not matter: their sums are dropped.
#[inline(always)]
fn pack_values<V: Variant>(
    v: V,
    qkv: &[f32],
    heads: Heads,
    head: usize,
    values: &mut [ShortStep],
    scales: &mut [f32],
) {
    let Heads { tokens, size, .. } = heads;
    let steps = tokens.div_ceil(2);
    for first in (0..size).step_by(LANES) {
        let width = LANES.min(size - first);
        let row = |token| load(v, &qkv[heads.at(token, 2, head) + first..][..width]);
        let (mut most, mut sum) = (v.splat(0.0), v.splat(0.0));
        for token in 0..tokens {
            let value = row(token);
            most = most.greater(value).greater(value * -1.0);
            sum = sum + value;
        }
        let inverses = v.load(&most.store().map(|most| inverse(MOST_VALUE, most)));
        let marked = most / MOST_VALUE + sum * 0.0;
        write(&mut scales[first..][..LANES], marked);
        let panel = &mut values[first / COLUMNS * steps..][..steps];
        for (step, out) in panel.iter_mut().enumerate() {
            let first_integers = integers(row(2 * step) * inverses, MOST_VALUE);
            let second = if 2 * step + 1 < tokens {
                integers(row(2 * step + 1) * inverses, MOST_VALUE)
            } else {
                v.splat(0.0)
            };
            let pairs = first_integers.pairs(second);
            out[first % COLUMNS..][..LANES].copy_from_slice(&pairs);
        }
    }
}

/// Buffers of [`floats`], of each thread.
#[derive(Debug, Default)]
pub(super) struct Floats {
    threads: Vec<FloatThread>,
}

#[derive(Debug, Default)]
struct FloatThread {
    /// The keys of one head as weights of T columns and the head's depth.
    keys: Vec<FloatStep>,
    /// The values of one head as weights of the head's columns and depth T.
    values: Vec<FloatStep>,
    /// Scores of a block of queries against every key.
    scores: Vec<f32>,
}

pub(super) fn floats<V: Variant>(
    v: V,
    team: &Team,
    qkv: &[f32],
    heads: Heads,
    scratch: &mut Floats,
    out: &mut [f32],
) {
    let Heads { tokens, size, .. } = heads;
    let padded = tokens.next_multiple_of(LANES);
    scratch
        .threads
        .resize_with(team.threads(), Default::default);
    for thread in &mut scratch.threads {
        let FloatThread {
            keys,
            values,
            scores,
        } = thread;
        keys.resize(tokens.div_ceil(LANES) * size, [0.0; LANES]);
        values.resize(size.div_ceil(LANES) * tokens, [0.0; LANES]);
        scores.resize(V::FLOAT_ROWS * padded, 0.0);
    }
    let (threads, out) = (Pieces::new(&mut scratch.threads), Pieces::new(out));
    team.run(heads.count, |head, thread| {
        // SAFETY: each thread has its buffers.
        let buffers = unsafe { &mut threads.get(thread..thread + 1)[0] };
        v.run(
            #[inline(always)]
            || {
                let FloatThread { keys, values, .. } = &mut *buffers;
                for token in 0..tokens {
                    let key = &qkv[heads.at(token, 1, head)..][..size];
                    let panel = &mut keys[token / LANES * size..][..size];
                    for (step, &key) in panel.iter_mut().zip(key) {
                        step[token % LANES] = key;
                    }
                    let value = &qkv[heads.at(token, 2, head)..][..size];
                    for (panel, chunk) in value.chunks(LANES).enumerate() {
                        values[panel * tokens + token][..chunk.len()].copy_from_slice(chunk);
                    }
                }
                let blocks = Blocks::new(tokens, V::FLOAT_ROWS);
                for block in 0..blocks.count() {
                    let rows = blocks.rows(block);
                    by_height!(rows.len(), V::FLOAT_ROWS, R =>
                    read_floats::<V, R>(v, heads, head, rows.start, buffers, qkv, &out));
                }
            },
        );
    });
}

/// As [`read`], in floats.
#[inline(always)]
fn read_floats<V: Variant, const R: usize>(
    v: V,
    heads: Heads,
    head: usize,
    start: usize,
    buffers: &mut FloatThread,
    qkv: &[f32],
    out: &Pieces<f32>,
) {
    let Heads { tokens, size, .. } = heads;
    let padded = tokens.next_multiple_of(LANES);
    let FloatThread {
        keys,
        values,
        scores,
    } = buffers;
    let queries: [&[f32]; R] =
        std::array::from_fn(|row| &qkv[heads.at(start + row, 0, head)..][..size]);
    for (panel, steps) in keys.chunks_exact(size).enumerate() {
        let tile = v.tile_f32(queries, steps);
        for (row, sums) in tile.iter().enumerate() {
            scores[row * padded + panel * LANES..][..LANES].copy_from_slice(sums);
        }
    }
    for row in scores.chunks_exact_mut(padded).take(R) {
        softmax(v, &mut row[..tokens], 1.0 / (size as f32).sqrt());
    }
    let weights: [&[f32]; R] = std::array::from_fn(|row| &scores[row * padded..][..tokens]);
    for (panel, steps) in values.chunks_exact(tokens).enumerate() {
        let column = panel * LANES;
        let width = LANES.min(size - column);
        let tile = v.tile_f32(weights, steps);
        for (row, sums) in tile.iter().enumerate() {
            let at = (start + row) * heads.hidden() + head * size + column;
            // SAFETY: a head belongs to one part.
            unsafe { out.get(at..at + width) }.copy_from_slice(&sums[..width]);
        }
    }
}
