//! WebAssembly's SIMD of 128 bits. Its features hold for the whole module, so the compiler vectorizes
//! the element-wise kernels without being told.

use std::arch::wasm32::*;

use super::pack::{ByteStep, COLUMNS, FloatStep, LANES, ShortStep};
use super::variant::Variant;

/// What every browser of the last years has: multiplies 16 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simd128;

impl Variant for Simd128 {
    type Activation = i16;
    const FLOAT_ROWS: usize = 4;
    const BYTE_ROWS: usize = 4;
    const SHORT_ROWS: usize = 4;

    #[inline(always)]
    fn tile_f32<const R: usize>(self, rows: [&[f32]; R], panel: &[FloatStep]) -> [[f32; LANES]; R] {
        tile_f32(rows, panel)
    }

    /// Four columns at a time, two vectors of sums of neighbouring pairs per row.
    #[inline(always)]
    fn tile_i8<const R: usize>(
        self,
        rows: &[[[i16; 4]; R]],
        panel: &[ByteStep],
    ) -> [[i32; COLUMNS]; R] {
        let mut arrays = [[0; COLUMNS]; R];
        for quarter in 0..4 {
            let mut sums = [[i32x4_splat(0); 2]; R];
            for (rows, step) in rows.iter().zip(panel) {
                let columns = step[4 * quarter..][..4].as_flattened().as_ptr();
                // SAFETY: four columns are 16 bytes, of which each load reads 8, and the loads need no
                // alignment.
                let weights = unsafe {
                    [
                        i16x8_load_extend_i8x8(columns),
                        i16x8_load_extend_i8x8(columns.add(8)),
                    ]
                };
                for (sums, x) in sums.iter_mut().zip(rows) {
                    // SAFETY: four activations are 8 bytes, and the load needs no alignment.
                    let x = unsafe { v128_load64_splat(x.as_ptr().cast()) };
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = i32x4_add(*sum, i32x4_dot_i16x8(x, weights));
                    }
                }
            }
            for (array, [low, high]) in arrays.iter_mut().zip(sums) {
                let even = i32x4_shuffle::<0, 2, 4, 6>(low, high);
                let odd = i32x4_shuffle::<1, 3, 5, 7>(low, high);
                store(&mut array.as_chunks_mut().0[quarter], i32x4_add(even, odd));
            }
        }
        arrays
    }

    #[inline(always)]
    fn tile_i16<const R: usize>(
        self,
        rows: &[[[i16; 2]; R]],
        panel: &[ShortStep],
    ) -> [[i32; COLUMNS]; R] {
        tile_i16(rows, panel)
    }
}

/// Two vectors of sums per row. Relaxed multiply-add is not used: it fuses on some machines and not
/// on others.
#[inline(always)]
pub(super) fn tile_f32<const R: usize>(
    rows: [&[f32]; R],
    panel: &[FloatStep],
) -> [[f32; LANES]; R] {
    let rows = rows.map(|row| &row[..panel.len()]);
    let mut sums = [[f32x4_splat(0.0); 2]; R];
    for (k, step) in panel.iter().enumerate() {
        let step = step.as_ptr().cast::<v128>();
        // SAFETY: a step is 32 bytes, of which each load reads 16, and the loads need no alignment.
        let weights = unsafe { [v128_load(step), v128_load(step.add(1))] };
        for (sums, row) in sums.iter_mut().zip(rows) {
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = f32x4_add(*sum, f32x4_mul(f32x4_splat(row[k]), weights));
            }
        }
    }
    let mut arrays = [[0.0; LANES]; R];
    for (array, [low, high]) in arrays.iter_mut().zip(sums) {
        let array = array.as_mut_ptr().cast::<v128>();
        // SAFETY: the array is 32 bytes, of which each store writes 16, and the stores need no alignment.
        unsafe {
            v128_store(array, low);
            v128_store(array.add(1), high);
        }
    }
    arrays
}

/// Eight columns at a time, two vectors of sums per row.
#[inline(always)]
pub(super) fn tile_i16<const R: usize>(
    rows: &[[[i16; 2]; R]],
    panel: &[ShortStep],
) -> [[i32; COLUMNS]; R] {
    let mut arrays = [[0; COLUMNS]; R];
    for half in 0..2 {
        let mut sums = [[i32x4_splat(0); 2]; R];
        for (rows, step) in rows.iter().zip(panel) {
            let columns = step[8 * half..][..8].as_ptr().cast::<v128>();
            // SAFETY: eight columns are 32 bytes, of which each load reads 16, and the loads need no
            // alignment.
            let weights = unsafe { [v128_load(columns), v128_load(columns.add(1))] };
            for (sums, x) in sums.iter_mut().zip(rows) {
                // SAFETY: a pair is 4 bytes, and the load needs no alignment.
                let x = unsafe { v128_load32_splat(x.as_ptr().cast()) };
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = i32x4_add(*sum, i32x4_dot_i16x8(x, weights));
                }
            }
        }
        for (array, sums) in arrays.iter_mut().zip(sums) {
            for (i, sum) in sums.into_iter().enumerate() {
                store(&mut array.as_chunks_mut().0[2 * half + i], sum);
            }
        }
    }
    arrays
}

#[inline(always)]
pub(super) fn store(to: &mut [i32; 4], sums: v128) {
    // SAFETY: the array is 16 bytes, and the store needs no alignment.
    unsafe { v128_store(to.as_mut_ptr().cast(), sums) };
}
