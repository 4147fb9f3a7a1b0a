//! NEON, and the dot products of bytes that came after it (Apple's processors and all server ones
//! have them). Every processor of this architecture has NEON.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::pack::{ByteStep, COLUMNS, FloatStep, LANES, ShortStep};
use super::scalar::Scalar;
use super::variant::Variant;

/// Proof that the processor multiplies bytes: [`Dotprod::detect`] alone makes one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dotprod(());

impl Dotprod {
    pub(super) fn detect() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then_some(Self(()))
    }
}

impl Variant for Dotprod {
    type Activation = i8;
    const FLOAT_ROWS: usize = 8;
    const BYTE_ROWS: usize = 6;
    const SHORT_ROWS: usize = 4;

    #[inline(always)]
    fn tile_f32<const R: usize>(self, rows: [&[f32]; R], panel: &[FloatStep]) -> [[f32; LANES]; R] {
        // The compiler finds it by itself.
        Scalar.tile_f32(rows, panel)
    }

    /// Four vectors of sums per row.
    #[inline(always)]
    fn tile_i8<const R: usize>(
        self,
        rows: &[[[i8; 4]; R]],
        panel: &[ByteStep],
    ) -> [[i32; COLUMNS]; R] {
        // SAFETY: every processor of this architecture has NEON; `self` is proof of dotprod. A step is
        // 64 bytes, of which each load reads 16, and a row's four activations are the 4 bytes that its
        // load reads.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 4]; R];
            for (rows, step) in rows.iter().zip(panel) {
                let step = step.as_ptr().cast::<i8>();
                let weights = [0, 16, 32, 48].map(|at| vld1q_s8(step.add(at)));
                for (sums, x) in sums.iter_mut().zip(rows) {
                    let x = vreinterpretq_s8_s32(vdupq_n_s32(i32::from_ne_bytes(
                        x.map(i8::cast_unsigned),
                    )));
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = dot(*sum, weights, x);
                    }
                }
            }
            store(sums)
        }
    }

    /// Four vectors of sums per row.
    #[inline(always)]
    fn tile_i16<const R: usize>(
        self,
        rows: &[[[i16; 2]; R]],
        panel: &[ShortStep],
    ) -> [[i32; COLUMNS]; R] {
        // SAFETY: every processor of this architecture has NEON. A step is 64 bytes, of which each load
        // reads 16 columns' first or second depth.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 4]; R];
            for (rows, step) in rows.iter().zip(panel) {
                let step = step.as_ptr().cast::<i16>();
                // Each load takes eight columns and sorts them by depth.
                let halves = [vld2q_s16(step), vld2q_s16(step.add(16))];
                for (sums, x) in sums.iter_mut().zip(rows) {
                    for (sums, half) in sums.as_chunks_mut::<2>().0.iter_mut().zip(halves) {
                        for (weights, &x) in [half.0, half.1].into_iter().zip(x) {
                            sums[0] = vmlal_n_s16(sums[0], vget_low_s16(weights), x);
                            sums[1] = vmlal_n_s16(sums[1], vget_high_s16(weights), x);
                        }
                    }
                }
            }
            store(sums)
        }
    }
}

#[inline(always)]
fn store<const R: usize>(sums: [[int32x4_t; 4]; R]) -> [[i32; COLUMNS]; R] {
    let mut arrays = [[0; COLUMNS]; R];
    for (array, sums) in arrays.iter_mut().zip(sums) {
        for (columns, sum) in array.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            // SAFETY: every processor of this architecture has NEON. Four columns are the 16 bytes that
            // the store writes.
            unsafe { vst1q_s32(columns.as_mut_ptr(), sum) };
        }
    }
    arrays
}

/// `sum + weights · x`, four bytes a lane. The intrinsic for it is not stable yet.
///
/// # Safety
/// The processor has dotprod.
#[inline(always)]
unsafe fn dot(mut sum: int32x4_t, weights: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes its registers only; the caller knows that it is there.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {sum:v}.4s, {weights:v}.16b, {x:v}.16b",
            sum = inout(vreg) sum,
            weights = in(vreg) weights,
            x = in(vreg) x,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
