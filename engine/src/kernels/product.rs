//! Matrix products in tiles, and attention made of them.
//!
//! What a sum is does not depend on the tiles: it adds up its depths one after the other. So each
//! variant chooses the tile that its registers hold, and brings the innermost loops.

use super::pack::{
    AttentionScratch, ByteMatrix, ByteStep, FloatMatrix, FloatStep, LANES, Pair, QuantizedRows,
};
use super::scalar::softmax;

/// Rows of activations that meet all weights before the next rows do: few enough to stay in a
/// second-level cache.
const ROW_BLOCK: usize = 64;

/// Queries whose scores against every key are alive at once.
const QUERY_BLOCK: usize = 32;

/// Dot products of a row with the columns of a panel.
pub(super) type FloatSums = [f32; LANES];

/// As [`FloatSums`], of integers.
pub(super) type ByteSums = [i32; LANES];

/// `x [T, K] · weights [N, K]ᵀ + bias [N]`.
#[inline(always)]
pub(super) fn linear_f32<const R: usize, const P: usize>(
    x: &[f32],
    weights: &FloatMatrix,
    bias: &[f32],
    out: &mut [f32],
    tile: impl Fn([&[f32]; R], [&[FloatStep]; P]) -> [[FloatSums; R]; P],
) {
    let (width, columns) = (weights.depth, weights.columns);
    let x = Rows {
        values: x,
        stride: width,
        count: x.len() / width,
        width,
    };
    product(
        x,
        &weights.steps,
        out,
        columns,
        columns,
        &tile,
        |_, column, mut sums| {
            for (sum, bias) in sums.iter_mut().zip(&bias[column..]) {
                *sum += bias;
            }
            sums
        },
    );
}

/// `float(sum) * scale of the row * scale of the column + bias`, from the left, with the exact
/// integer sums that `tile` finds.
#[inline(always)]
pub(super) fn linear_i8<const R: usize, const P: usize>(
    x: &QuantizedRows,
    weights: &ByteMatrix,
    bias: &[f32],
    out: &mut [f32],
    tile: impl Fn([&[Pair]; R], [&[ByteStep]; P]) -> [[ByteSums; R]; P],
) {
    let (width, columns) = (x.depth.div_ceil(2), weights.columns);
    let rows = Rows {
        values: &x.pairs,
        stride: width,
        count: x.scales.len(),
        width,
    };
    product(
        rows,
        &weights.steps,
        out,
        columns,
        columns,
        &tile,
        |row, column, sums| {
            let column_scales = lanes(&weights.scales[column..]);
            let bias = lanes(&bias[column..]);
            std::array::from_fn(|i| sums[i] as f32 * x.scales[row] * column_scales[i] + bias[i])
        },
    );
}

/// Scaled dot-product attention of `[T, 3 * heads * head_size]` queries, keys and values. A matrix
/// product per head and block of queries, with a head's keys and then its values packed as the
/// weights.
#[inline(always)]
pub(super) fn attention<const R: usize, const P: usize>(
    qkv: &[f32],
    heads: usize,
    head_size: usize,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
    tile: impl Fn([&[f32]; R], [&[FloatStep]; P]) -> [[FloatSums; R]; P],
) {
    let hidden = heads * head_size;
    let tokens = out.len() / hidden;
    let scale = 1.0 / (head_size as f32).sqrt();
    let AttentionScratch {
        keys,
        values,
        scores,
    } = scratch;
    keys.resize(tokens.div_ceil(LANES) * head_size, [0.0; LANES]);
    values.resize(head_size.div_ceil(LANES) * tokens, [0.0; LANES]);
    // An odd number of cache lines, so that the rows of a block do not compete for the same few
    // sets.
    let stride = tokens.next_multiple_of(16) | 16;
    scores.resize(QUERY_BLOCK.min(tokens) * stride, 0.0);
    for head in 0..heads {
        let [queries_at, keys_at, values_at] =
            [0, 1, 2].map(|part| part * hidden + head * head_size);
        for token in 0..tokens {
            let row = &qkv[token * 3 * hidden..][..3 * hidden];
            let panel = &mut keys[token / LANES * head_size..][..head_size];
            for (step, &key) in panel.iter_mut().zip(&row[keys_at..]) {
                step[token % LANES] = key;
            }
            for (panel, chunk) in row[values_at..][..head_size].chunks(LANES).enumerate() {
                values[panel * tokens + token][..chunk.len()].copy_from_slice(chunk);
            }
        }
        for first in (0..tokens).step_by(QUERY_BLOCK) {
            let rows = QUERY_BLOCK.min(tokens - first);
            let scores = &mut scores[..rows * stride];
            let queries = Rows {
                values: &qkv[first * 3 * hidden + queries_at..],
                stride: 3 * hidden,
                count: rows,
                width: head_size,
            };
            product(
                queries,
                keys,
                scores,
                stride,
                tokens,
                &tile,
                |_, _, sums| sums,
            );
            for row in scores.chunks_exact_mut(stride) {
                softmax(&mut row[..tokens], scale);
            }
            let weights = Rows {
                values: scores,
                stride,
                count: rows,
                width: tokens,
            };
            let out = &mut out[first * hidden + head * head_size..];
            product(
                weights,
                values,
                out,
                hidden,
                head_size,
                &tile,
                |_, _, sums| sums,
            );
        }
    }
}

/// Rows of activations, `stride` apart.
#[derive(Clone, Copy)]
struct Rows<'a, A> {
    values: &'a [A],
    stride: usize,
    count: usize,
    width: usize,
}

/// Rows times packed weights, in tiles of R rows and P panels, for which `tile` finds the dot
/// products of every row with the eight columns of every panel.
///
/// `finish(row, column, sums)` turns a row's sums of the panel that begins at `column` into what is
/// written to `out`, whose rows are `stride` apart and `columns` wide.
#[inline(always)]
fn product<A, B, S, const R: usize, const P: usize>(
    x: Rows<A>,
    steps: &[B],
    out: &mut [f32],
    stride: usize,
    columns: usize,
    tile: &impl Fn([&[A]; R], [&[B]; P]) -> [[S; R]; P],
    finish: impl Fn(usize, usize, S) -> [f32; LANES],
) {
    let panels = columns.div_ceil(LANES);
    // Past the edge a tile computes the last row or panel again and drops it.
    let row_at = |row: usize| &x.values[row.min(x.count - 1) * x.stride..][..x.width];
    let panel_at = |panel: usize| &steps[panel.min(panels - 1) * x.width..][..x.width];
    for block in (0..x.count).step_by(ROW_BLOCK) {
        let end = x.count.min(block + ROW_BLOCK);
        for panel in (0..panels).step_by(P) {
            for row in (block..end).step_by(R) {
                let rows = std::array::from_fn(|i| row_at(row + i));
                let sums = tile(rows, std::array::from_fn(|i| panel_at(panel + i)));
                for (panel, sums) in (panel..panels).zip(sums) {
                    let column = panel * LANES;
                    let width = LANES.min(columns - column);
                    for (row, sums) in (row..end).zip(sums) {
                        let out = &mut out[row * stride + column..][..width];
                        store(finish(row, column, sums), out);
                    }
                }
            }
        }
    }
}

/// Writes a panel's columns; the last panel may have fewer.
#[inline(always)]
fn store(values: [f32; LANES], out: &mut [f32]) {
    match out.first_chunk_mut() {
        Some(whole) => *whole = values,
        None => out.copy_from_slice(&values[..out.len()]),
    }
}

/// The first eight values; zeros where there are fewer.
#[inline(always)]
fn lanes(values: &[f32]) -> [f32; LANES] {
    match values.first_chunk() {
        Some(whole) => *whole,
        None => {
            let mut lanes = [0.0; LANES];
            lanes[..values.len()].copy_from_slice(values);
            lanes
        }
    }
}

/// Cuts rows and panels to the depth of the first row, which they all have, so that the compiler
/// sees one length and checks no index; returns it.
#[inline(always)]
pub(super) fn equal_depth<A, B>(rows: &mut [&[A]], panels: &mut [&[B]]) -> usize {
    let depth = rows[0].len();
    for row in rows {
        *row = &row[..depth];
    }
    for panel in panels {
        *panel = &panel[..depth];
    }
    depth
}
