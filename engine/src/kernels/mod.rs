//! Safe, shape-checked kernels.
//!
//! Every variant gives the same results to the last bit, so that a model answers alike on every
//! machine and in every browser: the scalar code defines the order of all sums, and no variant
//! departs from it.
//!
//! Matrices are row-major slices. T is the number of tokens, K the width of an input row, N that of
//! an output row. A kernel panics when shapes do not fit each other; [`crate::Model`] checks
//! everything that comes from outside.

mod pack;
mod product;
mod scalar;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;

use pack::rows_of;
pub use pack::{AttentionScratch, ByteMatrix, FloatMatrix, MAX_DEPTH, QuantizedRows};

/// Which variant of the kernels runs. A value exists only for a variant that this processor has.
#[derive(Debug, Clone, Copy)]
pub struct Isa(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Scalar,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
}

impl Isa {
    /// The variants that this build and this processor have, the definition first and the fastest
    /// last.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let variant = x86::Avx2::detect().map(Kind::Avx2);
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        let variant = Some(Kind::Simd128);
        #[cfg(not(any(
            target_arch = "x86_64",
            all(target_arch = "wasm32", target_feature = "simd128")
        )))]
        let variant = None;
        [Some(Kind::Scalar), variant]
            .into_iter()
            .flatten()
            .map(Self)
    }

    /// The fastest variant.
    pub fn detect() -> Self {
        Self::available().last().unwrap_or(Self(Kind::Scalar))
    }
}

/// `scalar`, `simd128` or `avx2`.
impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 => "simd128",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
        })
    }
}

/// Calls the function of that name in the variant's module.
macro_rules! dispatch {
    ($isa:expr, $kernel:ident, $($argument:expr),+) => {
        match $isa.0 {
            Kind::Scalar => scalar::$kernel($($argument),+),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Kind::Simd128 => simd128::$kernel($($argument),+),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => x86::$kernel(avx2, $($argument),+),
        }
    };
}

/// Quantizes the rows of `x [T, K]`, `depth` being K, to 8 bits each with a scale and a zero point
/// of its own.
pub fn quantize(isa: Isa, x: &[f32], depth: usize, out: &mut QuantizedRows) {
    let rows = rows_of("activations", x.len(), depth);
    out.resize(rows, depth);
    dispatch!(isa, quantize, x, depth, out);
}

/// `out [T, N] = x [T, K] · weights [N, K]ᵀ + bias [N]` with exact integer dot products.
pub fn linear_i8(isa: Isa, x: &QuantizedRows, weights: &ByteMatrix, bias: &[f32], out: &mut [f32]) {
    assert_eq!(x.depth, weights.depth, "depth of activations and weights");
    assert_eq!(bias.len(), weights.columns, "bias and columns");
    assert_eq!(out.len(), x.rows() * weights.columns, "output and T * N");
    dispatch!(isa, linear_i8, x, weights, bias, out);
}

/// `out [T, N] = x [T, K] · weights [N, K]ᵀ + bias [N]`.
pub fn linear_f32(isa: Isa, x: &[f32], weights: &FloatMatrix, bias: &[f32], out: &mut [f32]) {
    let rows = rows_of("activations", x.len(), weights.depth);
    assert_eq!(bias.len(), weights.columns, "bias and columns");
    assert_eq!(out.len(), rows * weights.columns, "output and T * N");
    dispatch!(isa, linear_f32, x, weights, bias, out);
}

/// Scaled dot-product attention (Vaswani et al. 2017) of every token to every token.
///
/// A row of `qkv [T, 3H]` is a token's query, key and value, each of `heads` parts of `head_size`;
/// `out` is `[T, H]`.
pub fn attention(
    isa: Isa,
    qkv: &[f32],
    heads: usize,
    head_size: usize,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let tokens = rows_of("activations", out.len(), heads * head_size);
    assert_eq!(
        qkv.len(),
        tokens * 3 * heads * head_size,
        "queries, keys, values and T * 3H"
    );
    dispatch!(isa, attention, qkv, heads, head_size, scratch, out);
}

/// LayerNorm (Ba et al. 2016) of the rows of `x [T, H]`.
pub fn layer_norm(isa: Isa, x: &mut [f32], gain: &[f32], bias: &[f32], epsilon: f32) {
    rows_of("activations", x.len(), gain.len());
    assert_eq!(gain.len(), bias.len(), "gain and bias");
    dispatch!(isa, layer_norm, x, gain, bias, epsilon);
}

/// `x = LayerNorm(x + residual)`, both `[T, H]`.
pub fn add_layer_norm(
    isa: Isa,
    x: &mut [f32],
    residual: &[f32],
    gain: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    rows_of("activations", x.len(), gain.len());
    assert_eq!(x.len(), residual.len(), "activations and residual");
    assert_eq!(gain.len(), bias.len(), "gain and bias");
    dispatch!(isa, add_layer_norm, x, residual, gain, bias, epsilon);
}

/// GELU (Hendrycks and Gimpel 2016), the form with erf, in place.
pub fn gelu(isa: Isa, x: &mut [f32]) {
    dispatch!(isa, gelu, x);
}
