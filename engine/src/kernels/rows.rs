//! Kernels that take rows one by one: quantization and LayerNorm.

use std::ops::Range;

use super::functions::{self, Range8, load};
use super::pack::{Activation, Blocks, LANES, QuantizedRows};
use super::pieces::Pieces;
use super::product::{of_part, per_part};
use super::variant::Variant;
use crate::Team;

/// What is added to the rows and how they are normalized.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// `[H]`.
    pub gain: &'a [f32],
    /// `[H]`.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

pub(super) fn quantize<V: Variant>(v: V, team: &Team, x: &[f32], out: &mut QuantizedRows) {
    let depth = out.depth;
    let out = Packer::<V::Activation>::new(out);
    in_blocks::<V>(v, team, x.len() / depth, |rows| {
        // SAFETY: a block belongs to one part.
        unsafe { out.pack(v, &x[rows.start * depth..rows.end * depth], rows) };
    });
}

/// `x = LayerNorm(x + residual)`; then `quantized` is what [`quantize`] makes of x.
pub(super) fn add_layer_norm<V: Variant>(
    v: V,
    team: &Team,
    x: &mut [f32],
    residual: Option<&[f32]>,
    norm: Norm,
    quantized: Option<&mut QuantizedRows>,
) {
    let width = norm.gain.len();
    let count = x.len() / width;
    let x = Pieces::new(x);
    let quantized = quantized.map(Packer::<V::Activation>::new);
    in_blocks::<V>(v, team, count, |rows| {
        let range = rows.start * width..rows.end * width;
        // SAFETY: a block belongs to one part.
        let x = unsafe { x.get(range.clone()) };
        if let Some(residual) = residual {
            for (x, r) in x.iter_mut().zip(&residual[range]) {
                *x += r;
            }
        }
        for row in x.chunks_exact_mut(width) {
            functions::layer_norm(v, row, norm.gain, norm.bias, norm.epsilon);
        }
        if let Some(quantized) = &quantized {
            // SAFETY: as above.
            unsafe { quantized.pack(v, x, rows) };
        }
    });
}

/// Calls `act` for all blocks of rows.
#[inline(always)]
fn in_blocks<V: Variant>(v: V, team: &Team, rows: usize, act: impl Fn(Range<usize>) + Sync) {
    let blocks = Blocks::new(rows, V::BYTE_ROWS);
    let each = per_part(blocks.count(), team);
    team.run(blocks.count().div_ceil(each), |part, _| {
        v.run(
            #[inline(always)]
            || {
                for block in of_part(part, each, blocks.count()) {
                    act(blocks.rows(block));
                }
            },
        );
    });
}

/// Writes blocks of [`QuantizedRows`].
struct Packer<'a, A> {
    depth: usize,
    quads: Pieces<'a, [A; 4]>,
    scales: Pieces<'a, f32>,
    zeros: Pieces<'a, i32>,
}

impl<'a, A: Activation> Packer<'a, A> {
    fn new(rows: &'a mut QuantizedRows) -> Self {
        let depth = rows.depth;
        let (quads, scales, zeros) = A::parts_mut(rows);
        Self {
            depth,
            quads: Pieces::new(quads),
            scales: Pieces::new(scales),
            zeros: Pieces::new(zeros),
        }
    }

    /// Quantizes `x`, the rows of a block.
    ///
    /// # Safety
    /// No block is packed by two threads at once.
    #[inline(always)]
    unsafe fn pack<V: Variant<Activation = A>>(&self, v: V, x: &[f32], rows: Range<usize>) {
        let per_row = self.depth.div_ceil(4);
        let height = rows.len();
        // SAFETY: what belongs to a block is nobody else's.
        let (quads, scales, zeros) = unsafe {
            (
                self.quads.get(rows.start * per_row..rows.end * per_row),
                self.scales.get(rows.clone()),
                self.zeros.get(rows),
            )
        };
        for (row, x) in x.chunks_exact(self.depth).enumerate() {
            let range = Range8::of(v, x);
            scales[row] = range.scale;
            zeros[row] = A::zero(range.zero);
            let mut places = quads[row..].iter_mut().step_by(height);
            for x in x.chunks(LANES) {
                // The weights beyond the depth are zero: any number will do there.
                let integers: [A; LANES] = range.quantized(load(v, x));
                let (packed, _) = integers.as_chunks::<4>();
                for (quad, place) in packed.iter().zip(&mut places) {
                    *place = *quad;
                }
            }
        }
    }
}
