//! WebAssembly's SIMD of 128 bits. Its features hold for the whole module.

use std::arch::wasm32::*;

use super::lanes::{Lanes, ROUND, operators};
use super::pack::{ByteStep, COLUMNS, FloatStep, LANES, ShortStep};
use super::variant::Variant;

/// What every browser of the last years has: multiplies 16 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simd128;

/// Eight floats in two vectors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair([v128; 2]);

impl Pair {
    #[inline(always)]
    pub(super) fn splat(x: f32) -> Self {
        Self([f32x4_splat(x); 2])
    }

    #[inline(always)]
    pub(super) fn load(values: &[f32; LANES]) -> Self {
        let (halves, _) = values.as_chunks::<4>();
        // SAFETY: a half is 16 bytes, and the load needs no alignment.
        Self([0, 1].map(|half| unsafe { v128_load(halves[half].as_ptr().cast()) }))
    }

    #[inline(always)]
    pub(super) fn without_zero(sums: &[i32; LANES], zero: i32, weights: &[i32; LANES]) -> Self {
        let half = |values: &[i32; LANES], half: usize| {
            // SAFETY: a half is 16 bytes, and the load needs no alignment.
            unsafe { v128_load(values.as_chunks::<4>().0[half].as_ptr().cast()) }
        };
        Self([0, 1].map(|i| {
            let zeros = i32x4_mul(i32x4_splat(zero), half(weights, i));
            f32x4_convert_i32x4(i32x4_sub(half(sums, i), zeros))
        }))
    }

    #[inline(always)]
    fn each(self, act: impl Fn(v128) -> v128) -> Self {
        Self(self.0.map(act))
    }

    #[inline(always)]
    fn with(self, other: Self, act: impl Fn(v128, v128) -> v128) -> Self {
        Self([0, 1].map(|half| act(self.0[half], other.0[half])))
    }

    #[inline(always)]
    fn rounded(self) -> [v128; 2] {
        let round = f32x4_splat(ROUND);
        self.0.map(|x| i32x4_sub(f32x4_add(x, round), round))
    }
}

operators! {
    Pair:
    Add::add = |a, b| a.with(b, |a, b| f32x4_add(a, b));
    Sub::sub = |a, b| a.with(b, |a, b| f32x4_sub(a, b));
    Mul::mul = |a, b| a.with(b, |a, b| f32x4_mul(a, b));
    Div::div = |a, b| a.with(b, |a, b| f32x4_div(a, b));
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
            // SAFETY: a half is 16 bytes, and the store needs no alignment.
            unsafe { v128_store(to.as_mut_ptr().cast(), half) };
        }
        values
    }

    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        self.with(other, |a, b| f32x4_pmin(a, b))
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        self.with(other, |a, b| f32x4_pmax(a, b))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        self.each(|x| i32x4_add(i32x4_shl(x, 23), f32x4_splat(1.0)))
    }

    #[inline(always)]
    fn bytes(self, zero: i32) -> [u8; LANES] {
        let [low, high] = self.rounded().map(|x| i32x4_add(x, i32x4_splat(zero)));
        // Both saturate.
        let shorts = i16x8_narrow_i32x4(low, high);
        let bytes = u8x16_narrow_i16x8(shorts, shorts);
        i64x2_extract_lane::<0>(bytes).to_le_bytes()
    }

    #[inline(always)]
    fn shorts(self) -> [i16; LANES] {
        let [low, high] = self.rounded();
        let mut shorts = [0; LANES];
        // SAFETY: eight of 16 bits are 16 bytes, and the store needs no alignment.
        unsafe { v128_store(shorts.as_mut_ptr().cast(), i16x8_narrow_i32x4(low, high)) };
        shorts
    }

    #[inline(always)]
    fn pairs(self, second: Self) -> [[i16; 2]; LANES] {
        let (first, second) = (self.rounded(), second.rounded());
        let mut pairs = [[0; 2]; LANES];
        for (half, to) in pairs.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let low = v128_and(first[half], i32x4_splat(0xffff));
            let pair = v128_or(low, i32x4_shl(second[half], 16));
            // SAFETY: four pairs are 16 bytes, and the store needs no alignment.
            unsafe { v128_store(to.as_mut_ptr().cast(), pair) };
        }
        pairs
    }
}

/// What all variants of this architecture have in common: their vectors, and products of other
/// numbers than bytes.
macro_rules! without_bytes {
    () => {
        type Lanes = Pair;
        const FLOAT_ROWS: usize = 4;
        const SHORT_ROWS: usize = 4;

        #[inline(always)]
        fn splat(self, x: f32) -> Pair {
            // As a value it stays in a register through a loop; a constant V8 makes anew in each turn.
            Pair::splat(std::hint::black_box(x))
        }

        #[inline(always)]
        fn load(self, values: &[f32; LANES]) -> Pair {
            Pair::load(values)
        }

        #[inline(always)]
        fn without_zero(self, sums: &[i32; LANES], zero: i32, weights: &[i32; LANES]) -> Pair {
            Pair::without_zero(sums, zero, weights)
        }

        #[inline(always)]
        fn tile_f32<const R: usize>(
            self,
            rows: [&[f32]; R],
            panel: &[FloatStep],
        ) -> [[f32; LANES]; R] {
            tile_f32(rows, panel)
        }

        #[inline(always)]
        fn tile_i16<const R: usize>(
            self,
            rows: &[[[i16; 2]; R]],
            panel: &[ShortStep],
        ) -> [[i32; COLUMNS]; R] {
            tile_i16(rows, panel)
        }
    };
}
#[cfg(target_feature = "relaxed-simd")]
pub(super) use without_bytes;

impl Variant for Simd128 {
    type Activation = i16;
    without_bytes!();
    const BYTE_ROWS: usize = 4;

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
