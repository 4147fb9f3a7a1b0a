//! AVX2. The element-wise kernels are the scalar ones compiled again for wider vectors (the feature
//! set has no FMA, so nothing can be fused); the matrix products have their innermost loops written
//! out, because the compiler does not find them by itself.

use std::arch::x86_64::{
    _mm_loadu_si32, _mm_loadu_si128, _mm256_add_epi32, _mm256_add_ps, _mm256_broadcastd_epi32,
    _mm256_cvtepi8_epi16, _mm256_loadu_ps, _mm256_madd_epi16, _mm256_mul_ps, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps, _mm256_storeu_si256,
};

use super::pack::{
    AttentionScratch, ByteMatrix, ByteStep, FloatMatrix, FloatStep, LANES, Pair, QuantizedRows,
};
use super::product::{self, ByteSums, FloatSums, equal_depth};
use super::scalar;

/// Proof that the processor has AVX2: [`Avx2::detect`] alone makes one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

pub(super) fn quantize(_: Avx2, x: &[f32], depth: usize, out: &mut QuantizedRows) {
    #[target_feature(enable = "avx2")]
    fn kernel(x: &[f32], depth: usize, out: &mut QuantizedRows) {
        scalar::quantize(x, depth, out);
    }
    // SAFETY: an `Avx2` is only made where the processor has AVX2.
    unsafe { kernel(x, depth, out) }
}

pub(super) fn linear_i8(
    _: Avx2,
    x: &QuantizedRows,
    weights: &ByteMatrix,
    bias: &[f32],
    out: &mut [f32],
) {
    #[target_feature(enable = "avx2")]
    fn kernel(x: &QuantizedRows, weights: &ByteMatrix, bias: &[f32], out: &mut [f32]) {
        product::linear_i8::<4, 2>(x, weights, bias, out, |rows, panels| tile_i8(rows, panels));
    }
    // SAFETY: an `Avx2` is only made where the processor has AVX2.
    unsafe { kernel(x, weights, bias, out) }
}

pub(super) fn linear_f32(_: Avx2, x: &[f32], weights: &FloatMatrix, bias: &[f32], out: &mut [f32]) {
    #[target_feature(enable = "avx2")]
    fn kernel(x: &[f32], weights: &FloatMatrix, bias: &[f32], out: &mut [f32]) {
        product::linear_f32::<4, 2>(x, weights, bias, out, |rows, panels| tile_f32(rows, panels));
    }
    // SAFETY: an `Avx2` is only made where the processor has AVX2.
    unsafe { kernel(x, weights, bias, out) }
}

pub(super) fn attention(
    _: Avx2,
    qkv: &[f32],
    heads: usize,
    head_size: usize,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    #[target_feature(enable = "avx2")]
    fn kernel(
        qkv: &[f32],
        heads: usize,
        head_size: usize,
        scratch: &mut AttentionScratch,
        out: &mut [f32],
    ) {
        product::attention::<4, 2>(qkv, heads, head_size, scratch, out, |rows, panels| {
            tile_f32(rows, panels)
        });
    }
    // SAFETY: an `Avx2` is only made where the processor has AVX2.
    unsafe { kernel(qkv, heads, head_size, scratch, out) }
}

pub(super) fn layer_norm(_: Avx2, x: &mut [f32], gain: &[f32], bias: &[f32], epsilon: f32) {
    #[target_feature(enable = "avx2")]
    fn kernel(x: &mut [f32], gain: &[f32], bias: &[f32], epsilon: f32) {
        scalar::layer_norm(x, gain, bias, epsilon);
    }
    // SAFETY: an `Avx2` is only made where the processor has AVX2.
    unsafe { kernel(x, gain, bias, epsilon) }
}

pub(super) fn add_layer_norm(
    _: Avx2,
    x: &mut [f32],
    residual: &[f32],
    gain: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    #[target_feature(enable = "avx2")]
    fn kernel(x: &mut [f32], residual: &[f32], gain: &[f32], bias: &[f32], epsilon: f32) {
        scalar::add_layer_norm(x, residual, gain, bias, epsilon);
    }
    // SAFETY: an `Avx2` is only made where the processor has AVX2.
    unsafe { kernel(x, residual, gain, bias, epsilon) }
}

pub(super) fn gelu(_: Avx2, x: &mut [f32]) {
    #[target_feature(enable = "avx2")]
    fn kernel(x: &mut [f32]) {
        scalar::gelu(x);
    }
    // SAFETY: an `Avx2` is only made where the processor has AVX2.
    unsafe { kernel(x) }
}

/// The dot products of a tile, a vector of sums per row and panel.
#[inline]
#[target_feature(enable = "avx2")]
fn tile_i8<const R: usize, const P: usize>(
    mut rows: [&[Pair]; R],
    mut panels: [&[ByteStep]; P],
) -> [[ByteSums; R]; P] {
    let depth = equal_depth(&mut rows, &mut panels);
    let mut sums = [[_mm256_setzero_si256(); R]; P];
    for k in 0..depth {
        for (sums, panel) in sums.iter_mut().zip(panels) {
            // SAFETY: a step is 16 bytes, and the load needs no alignment.
            let step = unsafe { _mm_loadu_si128(std::ptr::from_ref(&panel[k]).cast()) };
            let weights = _mm256_cvtepi8_epi16(step);
            for (sum, row) in sums.iter_mut().zip(rows) {
                // SAFETY: a pair is 4 bytes, and the load needs no alignment.
                let pair = unsafe { _mm_loadu_si32(row[k].as_ptr().cast()) };
                let x = _mm256_broadcastd_epi32(pair);
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, weights));
            }
        }
    }
    let mut arrays = [[[0; LANES]; R]; P];
    for (array, sum) in arrays
        .as_flattened_mut()
        .iter_mut()
        .zip(sums.as_flattened())
    {
        // SAFETY: the array is 32 bytes, and the store needs no alignment.
        unsafe { _mm256_storeu_si256(array.as_mut_ptr().cast(), *sum) };
    }
    arrays
}

/// The dot products of a tile, a vector of sums per row and panel.
#[inline]
#[target_feature(enable = "avx2")]
fn tile_f32<const R: usize, const P: usize>(
    mut rows: [&[f32]; R],
    mut panels: [&[FloatStep]; P],
) -> [[FloatSums; R]; P] {
    let depth = equal_depth(&mut rows, &mut panels);
    let mut sums = [[_mm256_setzero_ps(); R]; P];
    for k in 0..depth {
        for (sums, panel) in sums.iter_mut().zip(panels) {
            // SAFETY: a step is 32 bytes, and the load needs no alignment.
            let weights = unsafe { _mm256_loadu_ps(panel[k].as_ptr()) };
            for (sum, row) in sums.iter_mut().zip(rows) {
                let products = _mm256_mul_ps(_mm256_set1_ps(row[k]), weights);
                *sum = _mm256_add_ps(*sum, products);
            }
        }
    }
    let mut arrays = [[[0.0; LANES]; R]; P];
    for (array, sum) in arrays
        .as_flattened_mut()
        .iter_mut()
        .zip(sums.as_flattened())
    {
        // SAFETY: the array is 32 bytes, and the store needs no alignment.
        unsafe { _mm256_storeu_ps(array.as_mut_ptr(), *sum) };
    }
    arrays
}
