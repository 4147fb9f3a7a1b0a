//! WebAssembly's fixed-width SIMD. The compiler vectorizes the scalar element-wise kernels, so they
//! serve as they are; the matrix products have their innermost loops written out, because it does
//! not find them by itself.

use std::arch::wasm32::{
    f32x4_add, f32x4_mul, f32x4_splat, i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8,
    i32x4_splat, v128, v128_load, v128_load32_splat, v128_store,
};

use super::pack::{
    AttentionScratch, ByteMatrix, ByteStep, FloatMatrix, FloatStep, LANES, Pair, QuantizedRows,
};
use super::product::{self, ByteSums, FloatSums, equal_depth};

pub(super) use super::scalar::{add_layer_norm, gelu, layer_norm, quantize};

pub(super) fn linear_i8(x: &QuantizedRows, weights: &ByteMatrix, bias: &[f32], out: &mut [f32]) {
    product::linear_i8::<4, 1>(x, weights, bias, out, tile_i8);
}

pub(super) fn linear_f32(x: &[f32], weights: &FloatMatrix, bias: &[f32], out: &mut [f32]) {
    product::linear_f32::<4, 1>(x, weights, bias, out, tile_f32);
}

pub(super) fn attention(
    qkv: &[f32],
    heads: usize,
    head_size: usize,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    product::attention::<4, 1>(qkv, heads, head_size, scratch, out, tile_f32);
}

/// The dot products of a tile, two vectors of four sums per row and panel.
///
/// Not unrolled over the depth: more values alive than the machine has registers cost more than the
/// loop's own instructions.
#[inline(always)]
fn tile_i8<const R: usize, const P: usize>(
    mut rows: [&[Pair]; R],
    mut panels: [&[ByteStep]; P],
) -> [[ByteSums; R]; P] {
    let depth = equal_depth(&mut rows, &mut panels);
    let mut sums = [[[i32x4_splat(0); 2]; R]; P];
    for k in 0..depth {
        for (sums, panel) in sums.iter_mut().zip(panels) {
            let step = panel[k].as_flattened().as_ptr();
            // SAFETY: a step is 16 bytes, of which each load reads 8, and the loads need no
            // alignment.
            let weights = unsafe {
                [
                    i16x8_load_extend_i8x8(step),
                    i16x8_load_extend_i8x8(step.add(8)),
                ]
            };
            for (sums, row) in sums.iter_mut().zip(rows) {
                // SAFETY: a pair is 4 bytes, and the load needs no alignment.
                let x = unsafe { v128_load32_splat(row[k].as_ptr().cast()) };
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = i32x4_add(*sum, i32x4_dot_i16x8(x, weights));
                }
            }
        }
    }
    let mut arrays = [[[0; LANES]; R]; P];
    for (array, [low, high]) in arrays
        .as_flattened_mut()
        .iter_mut()
        .zip(sums.as_flattened())
    {
        let array = array.as_mut_ptr().cast::<v128>();
        // SAFETY: the array is 32 bytes, of which each store writes 16, and the stores need no
        // alignment.
        unsafe {
            v128_store(array, *low);
            v128_store(array.add(1), *high);
        }
    }
    arrays
}

/// The dot products of a tile, two vectors of four sums per row and panel.
#[inline(always)]
fn tile_f32<const R: usize, const P: usize>(
    mut rows: [&[f32]; R],
    mut panels: [&[FloatStep]; P],
) -> [[FloatSums; R]; P] {
    let depth = equal_depth(&mut rows, &mut panels);
    let mut sums = [[[f32x4_splat(0.0); 2]; R]; P];
    for k in 0..depth {
        for (sums, panel) in sums.iter_mut().zip(panels) {
            let step = panel[k].as_ptr().cast::<v128>();
            // SAFETY: a step is 32 bytes, of which each load reads 16, and the loads need no
            // alignment.
            let weights = unsafe { [v128_load(step), v128_load(step.add(1))] };
            for (sums, row) in sums.iter_mut().zip(rows) {
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = f32x4_add(*sum, f32x4_mul(f32x4_splat(row[k]), weights));
                }
            }
        }
    }
    let mut arrays = [[[0.0; LANES]; R]; P];
    for (array, [low, high]) in arrays
        .as_flattened_mut()
        .iter_mut()
        .zip(sums.as_flattened())
    {
        let array = array.as_mut_ptr().cast::<v128>();
        // SAFETY: the array is 32 bytes, of which each store writes 16, and the stores need no
        // alignment.
        unsafe {
            v128_store(array, *low);
            v128_store(array.add(1), *high);
        }
    }
    arrays
}
