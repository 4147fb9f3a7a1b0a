//! Safe, shape-checked kernels.
//!
//! Every variant gives the same results to the last bit, so that a model answers alike on every
//! machine and in every browser: the scalar variant and `functions` define the order of all sums, and
//! no variant departs from it.
//!
//! Matrices are row-major slices. T is the number of tokens, K the width of an input row, N that of
//! an output row. A kernel panics when shapes do not fit each other; [`crate::Model`] checks
//! everything that comes from outside.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod attention;
mod functions;
mod lanes;
mod pack;
mod pieces;
mod product;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed;
mod rows;
mod scalar;
mod variant;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::fmt;

use attention::Heads;
use pack::{Packing, rows_of};
use variant::Variant;

pub use attention::{MAX_HEAD_SIZE, MAX_TOKENS};
pub use pack::{AttentionScratch, ByteMatrix, FloatMatrix, MAX_DEPTH, QuantizedRows};
pub use rows::Norm;

use crate::Team;

/// Which variant of the kernels runs. A value exists only for a variant that this processor has.
#[derive(Debug, Clone, Copy)]
pub struct Isa(Kind);

/// Names all variants of this build, with the types that stand for them, from the definition to the
/// fastest.
macro_rules! variants {
    // `$d` is a dollar for the inner macro.
    ($d:tt; $($(#[$cfg:meta])? $kind:ident($variant:ty) = $detect:expr, $name:literal;)*) => {
        #[derive(Debug, Clone, Copy)]
        enum Kind {
            $($(#[$cfg])? $kind($variant),)*
        }

        impl Isa {
            /// The variants that this build and this processor have, the definition first and the
            /// fastest last.
            pub fn available() -> impl Iterator<Item = Self> {
                [$($(#[$cfg])? $detect.map(Kind::$kind),)*].into_iter().flatten().map(Self)
            }
        }

        /// A short name.
        impl fmt::Display for Isa {
            fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(match self.0 {
                    $($(#[$cfg])? Kind::$kind(_) => $name,)*
                })
            }
        }

        /// Runs an expression with the variant as `$v`.
        macro_rules! with_variant {
            ($d isa:expr, $d v:ident => $d body:expr) => {
                match $d isa.0 {
                    $($(#[$cfg])? Kind::$kind($d v) => $d body,)*
                }
            };
        }
    };
}

variants! {
    $;
    Scalar(scalar::Scalar) = Some(scalar::Scalar), "scalar";
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128(wasm::Simd128) = Some(wasm::Simd128), "simd128";
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    RelaxedPairs(relaxed::RelaxedPairs) = relaxed::RelaxedPairs::detect(), "relaxed simd, pairs";
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    RelaxedUnsigned(relaxed::Relaxed<u8>) = relaxed::Relaxed::<u8>::detect(), "relaxed simd, unsigned";
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    RelaxedSigned(relaxed::Relaxed<i8>) = relaxed::Relaxed::<i8>::detect(), "relaxed simd, signed";
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2) = x86::Avx2::detect(), "avx2";
    #[cfg(target_arch = "x86_64")]
    AvxVnni(x86::AvxVnni) = x86::AvxVnni::detect(), "avx-vnni";
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(x86::Avx512Vnni) = x86::Avx512Vnni::detect(), "avx512-vnni";
    #[cfg(target_arch = "aarch64")]
    Dotprod(aarch64::Dotprod) = aarch64::Dotprod::detect(), "dotprod";
}

impl Isa {
    /// The fastest variant.
    pub fn detect() -> Self {
        let fastest = Self::available().last();
        fastest.unwrap_or(Self(Kind::Scalar(scalar::Scalar)))
    }

    /// Whether its sums of two products may saturate at 16 bits.
    fn saturates(self) -> bool {
        with_variant!(self, v => saturates(v))
    }
}

/// Who computes: with which instructions, on which threads.
#[derive(Debug, Clone, Copy)]
pub struct Runner<'a> {
    /// The variant of the kernels.
    pub isa: Isa,
    /// The threads.
    pub team: &'a Team,
}

/// What is done to the outputs of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activate {
    /// Nothing.
    Identity,
    /// GELU (Hendrycks and Gimpel 2016), the form with erf.
    Gelu,
}

/// In which numbers attention computes; `attention.rs` tells why there are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit integers, for heads of at most [`MAX_HEAD_SIZE`] and inputs of at most [`MAX_TOKENS`].
    I16,
}

impl Runner<'_> {
    /// Quantizes the rows of `x [T, K]`, `depth` being K, to 8 bits each with a scale and a zero point
    /// of its own.
    pub fn quantize(self, x: &[f32], depth: usize, out: &mut QuantizedRows) {
        let rows = rows_of("activations", x.len(), depth);
        with_variant!(self.isa, v => {
            resize(v, out, rows, depth);
            rows::quantize(v, self.team, x, out);
        });
    }

    /// `out [T, N] = activate(x [T, K] · weights [N, K]ᵀ + bias [N])` with exact integer dot products.
    ///
    /// # Panics
    /// When `x` comes from a runner of another variant, or shapes do not fit each other.
    pub fn linear_i8(
        self,
        x: &QuantizedRows,
        weights: &ByteMatrix,
        bias: &[f32],
        activate: Activate,
        out: &mut [f32],
    ) {
        assert_eq!(x.depth, weights.depth(), "depth of activations and weights");
        assert_eq!(bias.len(), weights.columns(), "bias and columns");
        assert_eq!(out.len(), x.rows() * weights.columns(), "output and T * N");
        let team = self.team;
        with_variant!(self.isa, v => {
            assert_eq!(x.packing, packing(v), "packing of activations and variant");
            assert_eq!(weights.excess.is_some(), saturates(v), "packing of weights and variant");
            product::linear_i8(v, team, x, weights, bias, activate, out);
        });
    }

    /// `out [T, N] = activate(x [T, K] · weights [N, K]ᵀ + bias [N])`.
    pub fn linear_f32(
        self,
        x: &[f32],
        weights: &FloatMatrix,
        bias: &[f32],
        activate: Activate,
        out: &mut [f32],
    ) {
        let rows = rows_of("activations", x.len(), weights.depth());
        assert_eq!(bias.len(), weights.columns(), "bias and columns");
        assert_eq!(out.len(), rows * weights.columns(), "output and T * N");
        let team = self.team;
        with_variant!(self.isa, v => product::linear_f32(v, team, x, weights, bias, activate, out));
    }

    /// Scaled dot-product attention (Vaswani et al. 2017) of every token to every token.
    ///
    /// A row of `qkv [T, 3H]` is a token's query, key and value, each of `heads` parts of `head_size`;
    /// `out` is `[T, H]`.
    pub fn attention(
        self,
        precision: Precision,
        qkv: &[f32],
        heads: usize,
        head_size: usize,
        scratch: &mut AttentionScratch,
        out: &mut [f32],
    ) {
        let tokens = rows_of("activations", out.len(), heads * head_size);
        let expected = tokens * 3 * heads * head_size;
        assert_eq!(qkv.len(), expected, "queries, keys, values and T * 3H");
        let heads = Heads {
            tokens,
            count: heads,
            size: head_size,
        };
        let team = self.team;
        match precision {
            Precision::F32 => with_variant!(self.isa, v =>
                attention::floats(v, team, qkv, heads, &mut scratch.floats, out)),
            Precision::I16 => {
                assert!(head_size <= MAX_HEAD_SIZE, "heads of {head_size}");
                assert!(tokens <= MAX_TOKENS, "{tokens} tokens");
                with_variant!(self.isa, v =>
                    attention::shorts(v, team, qkv, heads, &mut scratch.shorts, out));
            }
        }
    }

    /// `x = LayerNorm(x + residual)` (Ba et al. 2016), both `[T, H]`; where `quantized` is given, it
    /// becomes what [`Runner::quantize`] makes of x.
    pub fn add_layer_norm(
        self,
        x: &mut [f32],
        residual: Option<&[f32]>,
        norm: Norm,
        mut quantized: Option<&mut QuantizedRows>,
    ) {
        let width = norm.gain.len();
        let rows = rows_of("activations", x.len(), width);
        assert_eq!(norm.bias.len(), width, "gain and bias");
        if let Some(residual) = residual {
            assert_eq!(x.len(), residual.len(), "activations and residual");
        }
        with_variant!(self.isa, v => {
            if let Some(quantized) = quantized.as_deref_mut() {
                resize(v, quantized, rows, width);
            }
            rows::add_layer_norm(v, self.team, x, residual, norm, quantized);
        });
    }
}

fn resize<V: Variant>(_: V, out: &mut QuantizedRows, rows: usize, depth: usize) {
    out.resize::<V::Activation>(rows, depth, V::BYTE_ROWS);
}

fn saturates<V: Variant>(_: V) -> bool {
    V::SATURATES
}

fn packing<V: Variant>(_: V) -> Packing {
    Packing::of::<V::Activation>(V::BYTE_ROWS)
}

// Behind the macro that it uses.
#[cfg(test)]
mod tests;
