//! NEON, and the dot products of bytes that came after it (Apple's processors and all server ones
//! have them). Every processor of this architecture has NEON.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::lanes::{Lanes, ROUND, operators};
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

/// Eight floats in two vectors of NEON, which every processor of this architecture has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair([float32x4_t; 2]);

impl Pair {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: every processor of this architecture has NEON.
        Self([unsafe { vdupq_n_f32(x) }; 2])
    }

    #[inline(always)]
    fn with(self, other: Self, act: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Self {
        Self([0, 1].map(|half| act(self.0[half], other.0[half])))
    }

    #[inline(always)]
    fn rounded(self) -> [int32x4_t; 2] {
        // SAFETY: as above.
        self.0.map(|x| unsafe {
            let round = vdupq_n_f32(ROUND);
            let [x, round] = [vaddq_f32(x, round), round].map(|x| vreinterpretq_s32_f32(x));
            vsubq_s32(x, round)
        })
    }
}

operators! {
    Pair:
    // SAFETY: every processor of this architecture has NEON.
    Add::add = |a, b| a.with(b, |a, b| unsafe { vaddq_f32(a, b) });
    // SAFETY: as above.
    Sub::sub = |a, b| a.with(b, |a, b| unsafe { vsubq_f32(a, b) });
    // SAFETY: as above.
    Mul::mul = |a, b| a.with(b, |a, b| unsafe { vmulq_f32(a, b) });
    // SAFETY: as above.
    Div::div = |a, b| a.with(b, |a, b| unsafe { vdivq_f32(a, b) });
}

impl Lanes for Pair {
    #[inline(always)]
    fn same(self, x: f32) -> Self {
        Self::splat(x)
    }

    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        let mut values = [0.0; LANES];
        for (to, half) in values.as_chunks_mut::<4>().0.iter_mut().zip(self.0) {
            // SAFETY: every processor of this architecture has NEON; a half is the 16 bytes that the store
            // writes.
            unsafe { vst1q_f32(to.as_mut_ptr(), half) };
        }
        values
    }

    // Not by the instructions for minimum and maximum, which give NaN where one is.
    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        // SAFETY: as above.
        self.with(other, |a, b| unsafe { vbslq_f32(vcltq_f32(b, a), b, a) })
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        // SAFETY: as above.
        self.with(other, |a, b| unsafe { vbslq_f32(vcgtq_f32(b, a), b, a) })
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        // SAFETY: as above.
        Self(self.0.map(|x| unsafe {
            let shifted = vshlq_n_s32::<23>(vreinterpretq_s32_f32(x));
            let one = vreinterpretq_s32_f32(vdupq_n_f32(1.0));
            vreinterpretq_f32_s32(vaddq_s32(shifted, one))
        }))
    }

    #[inline(always)]
    fn bytes(self, zero: i32) -> [u8; LANES] {
        // SAFETY: as above.
        unsafe {
            let [low, high] = self.rounded().map(|x| vaddq_s32(x, vdupq_n_s32(zero)));
            // Both saturate.
            let shorts = vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
            vget_lane_u64::<0>(vreinterpret_u64_u8(vqmovun_s16(shorts))).to_le_bytes()
        }
    }

    #[inline(always)]
    fn shorts(self) -> [i16; LANES] {
        let mut shorts = [0; LANES];
        // SAFETY: as above; eight of 16 bits are the 16 bytes that the store writes.
        unsafe {
            let [low, high] = self.rounded();
            let narrow = vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
            vst1q_s16(shorts.as_mut_ptr(), narrow);
        }
        shorts
    }

    #[inline(always)]
    fn pairs(self, second: Self) -> [[i16; 2]; LANES] {
        let (first, second) = (self.rounded(), second.rounded());
        let mut pairs = [[0; 2]; LANES];
        for (half, to) in pairs.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            // SAFETY: as above; four pairs are the 16 bytes that the store writes.
            unsafe {
                // The first's low bits below the second's.
                let pair = vsliq_n_s32::<16>(first[half], second[half]);
                vst1q_s16(
                    to.as_flattened_mut().as_mut_ptr(),
                    vreinterpretq_s16_s32(pair),
                );
            }
        }
        pairs
    }
}

impl Variant for Dotprod {
    type Activation = i8;
    type Lanes = Pair;
    const FLOAT_ROWS: usize = 8;
    const BYTE_ROWS: usize = 6;
    const SHORT_ROWS: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> Pair {
        Pair::splat(x)
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Pair {
        let (halves, _) = values.as_chunks::<4>();
        // SAFETY: every processor of this architecture has NEON; a half is the 16 bytes that the load
        // reads.
        Pair([0, 1].map(|half| unsafe { vld1q_f32(halves[half].as_ptr()) }))
    }

    #[inline(always)]
    fn without_zero(self, sums: &[i32; LANES], zero: i32, weights: &[i32; LANES]) -> Pair {
        let [sums, weights] = [sums, weights].map(|eight| eight.as_chunks::<4>().0);
        // SAFETY: as above.
        Pair([0, 1].map(|half| unsafe {
            let sums = vld1q_s32(sums[half].as_ptr());
            let weights = vld1q_s32(weights[half].as_ptr());
            vcvtq_f32_s32(vmlsq_n_s32(sums, weights, zero))
        }))
    }

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
