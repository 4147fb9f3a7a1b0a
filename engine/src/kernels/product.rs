//! Matrix products in tiles.
//!
//! What a sum is does not depend on the tiles: floats are added up depth by depth, and integers
//! exactly. So each variant chooses the tile that its registers hold, and brings the innermost
//! loops; and threads share the panels of the weights as they like.

use std::ops::Range;

use super::Activate;
use super::functions::{gelu, load, write};
use super::lanes::Lanes;
use super::pack::{Activation, Blocks, ByteMatrix, COLUMNS, FloatMatrix, LANES, QuantizedRows};
use super::pieces::Pieces;
use super::variant::{Variant, by_height};
use crate::Team;

/// Rows of float activations that meet all of a part's weights before the next rows do: few enough
/// to stay in a second-level cache.
const ROW_BLOCK: usize = 64;

/// Parts for each thread: more than one, because threads are not equally fast.
const PARTS_PER_THREAD: usize = 4;

/// How many of `units` make one part of the work.
pub(super) fn per_part(units: usize, team: &Team) -> usize {
    match team.threads() {
        1 => units.max(1),
        threads => units.div_ceil(threads * PARTS_PER_THREAD).max(1),
    }
}

/// The units of a part.
pub(super) fn of_part(part: usize, each: usize, units: usize) -> Range<usize> {
    part * each..units.min((part + 1) * each)
}

/// `activate(x [T, K] · weights [N, K]ᵀ + bias [N])`.
pub(super) fn linear_f32<V: Variant>(
    v: V,
    team: &Team,
    x: &[f32],
    weights: &FloatMatrix,
    bias: &[f32],
    activate: Activate,
    out: &mut [f32],
) {
    let (depth, columns) = (weights.depth, weights.columns);
    let rows = x.len() / depth;
    let panels = columns.div_ceil(LANES);
    let each = per_part(panels, team);
    let out = Pieces::new(out);
    team.run(panels.div_ceil(each), |part, _| {
        v.run(
            #[inline(always)]
            || {
                for first in (0..rows).step_by(ROW_BLOCK) {
                    let blocks = Blocks::new(ROW_BLOCK.min(rows - first), V::FLOAT_ROWS);
                    for panel in of_part(part, each, panels) {
                        let steps = &weights.steps[panel * depth..][..depth];
                        let column = panel * LANES;
                        let bias = load(v, &bias[column..]);
                        for block in 0..blocks.count() {
                            let rows = blocks.rows(block);
                            let start = first + rows.start;
                            by_height!(rows.len(), V::FLOAT_ROWS, R => {
                                let rows: [&[f32]; R] =
                                    std::array::from_fn(|row| &x[(start + row) * depth..][..depth]);
                                let tile = v.tile_f32(rows, steps);
                                for (row, sums) in (start..).zip(&tile) {
                                    let values = v.load(sums) + bias;
                                    finish(&out, row * columns, column..columns, [values], activate);
                                }
                            });
                        }
                    }
                }
            },
        )
    });
}

/// `activate(float(sum) * scale of the row * scale of the column + bias)`, from the left, with the
/// exact integer sums.
pub(super) fn linear_i8<V: Variant>(
    v: V,
    team: &Team,
    x: &QuantizedRows,
    weights: &ByteMatrix,
    bias: &[f32],
    activate: Activate,
    out: &mut [f32],
) {
    let (quads, columns) = (weights.depth.div_ceil(4), weights.columns);
    let blocks = Blocks::new(x.rows(), V::BYTE_ROWS);
    let panels = weights.scales.len();
    let each = per_part(panels, team);
    let out = Pieces::new(out);
    let x_quads = <V::Activation as Activation>::quads(x);
    team.run(panels.div_ceil(each), |part, _| {
        v.run(
            #[inline(always)]
            || {
                for panel in of_part(part, each, panels) {
                    let steps = &weights.steps[panel * quads..][..quads];
                    let column = panel * COLUMNS;
                    let bias = &bias[column..];
                    let rest = bias.get(LANES..).unwrap_or_default();
                    let bias = [load(v, bias), load(v, rest)];
                    let [low, high] = halves(&weights.scales[panel]);
                    let scales = [v.load(low), v.load(high)];
                    let column_sums = halves(&weights.sums[panel]);
                    for block in 0..blocks.count() {
                        let rows = blocks.rows(block);
                        let packed = &x_quads[rows.start * quads..rows.end * quads];
                        by_height!(rows.len(), V::BYTE_ROWS, R => {
                            let (packed, _) = packed.as_chunks::<R>();
                            let mut tile = v.tile_i8(packed, steps);
                            if let Some(excess) = &weights.excess {
                                v.add_excess(packed, excess, panel, &mut tile);
                            }
                            for (row, sums) in rows.zip(&tile) {
                                let (scale, zero) = (x.scales[row], x.zeros[row]);
                                let sums = halves(sums);
                                let mut values = bias;
                                for (i, value) in values.iter_mut().enumerate() {
                                    let sums = v.without_zero(sums[i], zero, column_sums[i]);
                                    *value = sums * scale * scales[i] + bias[i];
                                }
                                finish(&out, row * columns, column..columns, values, activate);
                            }
                        });
                    }
                }
            },
        )
    });
}

/// The two vectors of a panel's columns.
#[inline(always)]
fn halves<T>(columns: &[T; COLUMNS]) -> [&[T; LANES]; 2] {
    let (halves, _) = columns.as_chunks::<LANES>();
    [&halves[0], &halves[1]]
}

/// Activates a panel's columns of a row and writes those that there are, `columns` being those from
/// the panel on.
#[inline(always)]
fn finish<L: Lanes, const N: usize>(
    out: &Pieces<f32>,
    row: usize,
    columns: Range<usize>,
    values: [L; N],
    activate: Activate,
) {
    let width = columns.len().min(N * LANES);
    // SAFETY: a panel belongs to one part, and a part to one thread.
    let out = unsafe { out.get(row + columns.start..row + columns.start + width) };
    for (out, values) in out.chunks_mut(LANES).zip(values) {
        match activate {
            Activate::Identity => write(out, values),
            Activate::Gelu => write(out, gelu(values)),
        }
    }
}
