//! AVX2, and the dot products of bytes that came after it. No variant may fuse a multiplication with
//! an addition, and none does: the compiler never does so on its own.

use std::arch::x86_64::*;

use super::lanes::{Lanes, ROUND, operators};
use super::pack::{ByteStep, COLUMNS, FloatStep, LANES, ShortStep};
use super::variant::Variant;

/// A variant whose value [`detect`] alone makes, so that one is proof of its instructions; `tile_i8`
/// and `tile_i16` are functions of this module.
macro_rules! variant {
    (
        $(#[$doc:meta])* $name:ident: $detected:expr, $features:literal, $activation:ty, $rows:literal,
        $tile_i8:ident, $short_rows:literal, $tile_i16:ident
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name(());

        impl $name {
            pub(super) fn detect() -> Option<Self> {
                $detected.then_some(Self(()))
            }
        }

        impl Variant for $name {
            type Activation = $activation;
            type Lanes = Eight;
            const FLOAT_ROWS: usize = 8;
            const BYTE_ROWS: usize = $rows;
            const SHORT_ROWS: usize = $short_rows;

            #[inline(always)]
            fn run<O>(self, kernel: impl FnOnce() -> O) -> O {
                #[inline]
                #[target_feature(enable = $features)]
                fn compiled<O>(kernel: impl FnOnce() -> O) -> O {
                    kernel()
                }
                // SAFETY: `self` is proof that the processor has the features.
                unsafe { compiled(kernel) }
            }

            #[inline(always)]
            fn splat(self, x: f32) -> Eight {
                // SAFETY: as in `run`.
                Eight(unsafe { _mm256_set1_ps(x) })
            }

            #[inline(always)]
            fn load(self, values: &[f32; LANES]) -> Eight {
                // SAFETY: as in `run`; eight values are 32 bytes, and the load needs no alignment.
                Eight(unsafe { _mm256_loadu_ps(values.as_ptr()) })
            }

            #[inline(always)]
            fn without_zero(
                self,
                sums: &[i32; LANES],
                zero: i32,
                weights: &[i32; LANES],
            ) -> Eight {
                // SAFETY: as in `run`; eight integers are 32 bytes, and the loads need no alignment.
                Eight(unsafe {
                    let sums = _mm256_loadu_si256(sums.as_ptr().cast());
                    let weights = _mm256_loadu_si256(weights.as_ptr().cast());
                    let zeros = _mm256_mullo_epi32(_mm256_set1_epi32(zero), weights);
                    _mm256_cvtepi32_ps(_mm256_sub_epi32(sums, zeros))
                })
            }

            #[inline(always)]
            fn tile_f32<const R: usize>(
                self,
                rows: [&[f32]; R],
                panel: &[FloatStep],
            ) -> [[f32; LANES]; R] {
                // SAFETY: as in `run`; all variants of this module have AVX2.
                unsafe { tile_f32(rows, panel) }
            }

            #[inline(always)]
            fn tile_i8<const R: usize>(
                self,
                rows: &[[[$activation; 4]; R]],
                panel: &[ByteStep],
            ) -> [[i32; COLUMNS]; R] {
                // SAFETY: as in `run`.
                unsafe { $tile_i8(rows, panel) }
            }

            #[inline(always)]
            fn tile_i16<const R: usize>(
                self,
                rows: &[[[i16; 2]; R]],
                panel: &[ShortStep],
            ) -> [[i32; COLUMNS]; R] {
                // SAFETY: as in `run`.
                unsafe { $tile_i16(rows, panel) }
            }
        }
    };
}

/// Eight floats in one vector. A value is proof of AVX2: the variants alone make the first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eight(__m256);

impl Eight {
    #[inline(always)]
    fn rounded(self) -> __m256i {
        // SAFETY: a value is proof of AVX2.
        unsafe {
            let round = _mm256_set1_ps(ROUND);
            let x = _mm256_castps_si256(_mm256_add_ps(self.0, round));
            _mm256_sub_epi32(x, _mm256_castps_si256(round))
        }
    }
}

operators! {
    Eight:
    // SAFETY: a value is proof of AVX2.
    Add::add = |a, b| Eight(unsafe { _mm256_add_ps(a.0, b.0) });
    // SAFETY: as above.
    Sub::sub = |a, b| Eight(unsafe { _mm256_sub_ps(a.0, b.0) });
    // SAFETY: as above.
    Mul::mul = |a, b| Eight(unsafe { _mm256_mul_ps(a.0, b.0) });
    // SAFETY: as above.
    Div::div = |a, b| Eight(unsafe { _mm256_div_ps(a.0, b.0) });
}

impl Lanes for Eight {
    #[inline(always)]
    fn same(self, x: f32) -> Self {
        // SAFETY: a value is proof of AVX2.
        Self(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        let mut values = [0.0; LANES];
        // SAFETY: as above; eight values are 32 bytes, and the store needs no alignment.
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), self.0) };
        values
    }

    // Of the instruction's operands the second is the result where one is NaN.
    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        // SAFETY: a value is proof of AVX2.
        Self(unsafe { _mm256_min_ps(other.0, self.0) })
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        // SAFETY: a value is proof of AVX2.
        Self(unsafe { _mm256_max_ps(other.0, self.0) })
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        // SAFETY: a value is proof of AVX2.
        Self(unsafe {
            let shifted = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0));
            let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
            _mm256_castsi256_ps(_mm256_add_epi32(shifted, one))
        })
    }

    #[inline(always)]
    fn bytes(self, zero: i32) -> [u8; LANES] {
        // SAFETY: a value is proof of AVX2.
        unsafe {
            let integers = _mm256_add_epi32(self.rounded(), _mm256_set1_epi32(zero));
            let shorts = narrowed(integers);
            // Both saturate.
            _mm_cvtsi128_si64(_mm_packus_epi16(shorts, shorts)).to_le_bytes()
        }
    }

    #[inline(always)]
    fn shorts(self) -> [i16; LANES] {
        let mut shorts = [0; LANES];
        // SAFETY: as above; eight of 16 bits are 16 bytes, and the store needs no alignment.
        unsafe { _mm_storeu_si128(shorts.as_mut_ptr().cast(), narrowed(self.rounded())) };
        shorts
    }

    #[inline(always)]
    fn pairs(self, second: Self) -> [[i16; 2]; LANES] {
        let mut pairs = [[0; 2]; LANES];
        // SAFETY: as above; eight pairs are 32 bytes, and the store needs no alignment.
        unsafe {
            let low = _mm256_and_si256(self.rounded(), _mm256_set1_epi32(0xffff));
            let high = _mm256_slli_epi32::<16>(second.rounded());
            _mm256_storeu_si256(pairs.as_mut_ptr().cast(), _mm256_or_si256(low, high));
        }
        pairs
    }
}

/// Eight integers as 16 bits, saturating.
#[inline]
#[target_feature(enable = "avx2")]
fn narrowed(integers: __m256i) -> __m128i {
    let halves = _mm256_packs_epi32(integers, integers);
    _mm256_castsi256_si128(_mm256_permute4x64_epi64::<0b10_00>(halves))
}

variant! {
    /// Multiplies 16 bits.
    Avx2: is_x86_feature_detected!("avx2"), "avx2", i16, 6, tile_i8_avx2, 6, tile_i16_avx2
}
variant! {
    /// Multiplies bytes, in 256 bits: processors that have no AVX-512.
    AvxVnni: is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni"),
    "avx2,avxvnni", u8, 6, tile_i8_avx_vnni, 6, tile_i16_avx2
}
variant! {
    /// Multiplies bytes, in 512 bits. What surrounds the tiles is compiled for AVX2: given AVX-512, the
    /// compiler writes every second value through its scatter instructions, which are slow.
    Avx512Vnni: is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni"),
    "avx2", u8, 12, tile_i8_avx512, 12, tile_i16_avx512
}

/// A vector of sums per row.
#[inline]
#[target_feature(enable = "avx2")]
fn tile_f32<const R: usize>(rows: [&[f32]; R], panel: &[FloatStep]) -> [[f32; LANES]; R] {
    let rows = rows.map(|row| &row[..panel.len()]);
    let mut sums = [_mm256_setzero_ps(); R];
    for (k, step) in panel.iter().enumerate() {
        // SAFETY: a step is 32 bytes, and the load needs no alignment.
        let weights = unsafe { _mm256_loadu_ps(step.as_ptr()) };
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = _mm256_add_ps(*sum, _mm256_mul_ps(_mm256_set1_ps(row[k]), weights));
        }
    }
    let mut arrays = [[0.0; LANES]; R];
    for (array, sum) in arrays.iter_mut().zip(sums) {
        // SAFETY: the array is 32 bytes, and the store needs no alignment.
        unsafe { _mm256_storeu_ps(array.as_mut_ptr(), sum) };
    }
    arrays
}

/// Eight columns at a time, two vectors of sums of neighbouring pairs per row.
#[inline]
#[target_feature(enable = "avx2")]
fn tile_i8_avx2<const R: usize>(rows: &[[[i16; 4]; R]], panel: &[ByteStep]) -> [[i32; COLUMNS]; R] {
    let mut arrays = [[0; COLUMNS]; R];
    for half in 0..2 {
        let mut sums = [[_mm256_setzero_si256(); 2]; R];
        for (rows, step) in rows.iter().zip(panel) {
            let weights = [0, 1].map(|quarter| {
                let columns = &step[8 * half + 4 * quarter..][..4];
                // SAFETY: four columns are 16 bytes, and the load needs no alignment.
                _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(columns.as_ptr().cast()) })
            });
            for (sums, x) in sums.iter_mut().zip(rows) {
                // SAFETY: four activations are 8 bytes, and the load needs no alignment.
                let x = _mm256_broadcastq_epi64(unsafe { _mm_loadu_si64(x.as_ptr().cast()) });
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, weights));
                }
            }
        }
        for (array, sums) in arrays.iter_mut().zip(sums) {
            // Columns 0, 1, 4, 5 in the lower half, 2, 3, 6, 7 in the upper one.
            let pairs = _mm256_hadd_epi32(sums[0], sums[1]);
            let columns = _mm256_permute4x64_epi64::<0b11_01_10_00>(pairs);
            // SAFETY: eight columns are 32 bytes, and the store needs no alignment.
            unsafe { _mm256_storeu_si256(array[8 * half..][..8].as_mut_ptr().cast(), columns) };
        }
    }
    arrays
}

/// Two vectors of sums per row.
#[inline]
#[target_feature(enable = "avx2")]
fn tile_i16_avx2<const R: usize>(
    rows: &[[[i16; 2]; R]],
    panel: &[ShortStep],
) -> [[i32; COLUMNS]; R] {
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    for (rows, step) in rows.iter().zip(panel) {
        let weights = [0, 8].map(|column| {
            // SAFETY: eight columns are 32 bytes, and the load needs no alignment.
            unsafe { _mm256_loadu_si256(step[column..][..8].as_ptr().cast()) }
        });
        for (sums, x) in sums.iter_mut().zip(rows) {
            let x = _mm256_set1_epi32(pair(*x));
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, weights));
            }
        }
    }
    store256(sums)
}

/// Two vectors of sums per row.
#[inline]
#[target_feature(enable = "avx2,avxvnni")]
fn tile_i8_avx_vnni<const R: usize>(
    rows: &[[[u8; 4]; R]],
    panel: &[ByteStep],
) -> [[i32; COLUMNS]; R] {
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    for (rows, step) in rows.iter().zip(panel) {
        let weights = [0, 8].map(|column| {
            // SAFETY: eight columns are 32 bytes, and the load needs no alignment.
            unsafe { _mm256_loadu_si256(step[column..][..8].as_ptr().cast()) }
        });
        for (sums, x) in sums.iter_mut().zip(rows) {
            let x = _mm256_set1_epi32(i32::from_le_bytes(*x));
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm256_dpbusd_avx_epi32(*sum, x, weights);
            }
        }
    }
    store256(sums)
}

/// A vector of sums per row.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn tile_i8_avx512<const R: usize>(
    rows: &[[[u8; 4]; R]],
    panel: &[ByteStep],
) -> [[i32; COLUMNS]; R] {
    let mut sums = [_mm512_setzero_si512(); R];
    for (rows, step) in rows.iter().zip(panel) {
        // SAFETY: a step is 64 bytes, and the load needs no alignment.
        let weights = unsafe { _mm512_loadu_si512(step.as_ptr().cast()) };
        for (sum, x) in sums.iter_mut().zip(rows) {
            let x = _mm512_set1_epi32(i32::from_le_bytes(*x));
            *sum = _mm512_dpbusd_epi32(*sum, x, weights);
        }
    }
    store512(sums)
}

/// A vector of sums per row.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn tile_i16_avx512<const R: usize>(
    rows: &[[[i16; 2]; R]],
    panel: &[ShortStep],
) -> [[i32; COLUMNS]; R] {
    let mut sums = [_mm512_setzero_si512(); R];
    for (rows, step) in rows.iter().zip(panel) {
        // SAFETY: a step is 64 bytes, and the load needs no alignment.
        let weights = unsafe { _mm512_loadu_si512(step.as_ptr().cast()) };
        for (sum, x) in sums.iter_mut().zip(rows) {
            *sum = _mm512_dpwssd_epi32(*sum, _mm512_set1_epi32(pair(*x)), weights);
        }
    }
    store512(sums)
}

/// Two 16-bit integers as one of 32.
#[inline(always)]
fn pair([low, high]: [i16; 2]) -> i32 {
    i32::from(high) << 16 | i32::from(low.cast_unsigned())
}

#[inline]
#[target_feature(enable = "avx2")]
fn store256<const R: usize>(sums: [[__m256i; 2]; R]) -> [[i32; COLUMNS]; R] {
    let mut arrays = [[0; COLUMNS]; R];
    for (array, sums) in arrays.iter_mut().zip(sums) {
        for (columns, sum) in array.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
            // SAFETY: eight columns are 32 bytes, and the store needs no alignment.
            unsafe { _mm256_storeu_si256(columns.as_mut_ptr().cast(), sum) };
        }
    }
    arrays
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store512<const R: usize>(sums: [__m512i; R]) -> [[i32; COLUMNS]; R] {
    let mut arrays = [[0; COLUMNS]; R];
    for (array, sum) in arrays.iter_mut().zip(sums) {
        // SAFETY: the array is 64 bytes, and the store needs no alignment.
        unsafe { _mm512_storeu_si512(array.as_mut_ptr().cast(), sum) };
    }
    arrays
}
