//! The operations that dominate a training step, each with forward and backward.
//!
//! Notation: N tokens of a batch, packed one sequence after the other without padding; H hidden; A
//! heads; F intermediate.
//!
//! On the CPU in F32 every operation is a fused candle custom op, parallel over rows or sequences.
//! Everywhere else it is composed of candle's own operations, of which only those with a backward
//! pass are used: candle-nn's fused LayerNorm and softmax have none and would cut every parameter
//! before them off from training without an error. Both forms use the same dropout masks, so one
//! checks the other.

mod attention;
mod composite;
mod dropout;
mod gelu;
mod gemm;
mod linear;
mod norm;
mod simd;
pub(crate) mod slices;
#[cfg(test)]
mod tests;

use candle_core::{DType, Result, Tensor};

pub use dropout::Dropout;

/// Which implementation an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One custom op; F32 on the CPU only.
    Fused,
    /// candle's own operations; any float type on any device.
    Composite,
}

impl Form {
    /// The faster form that can run on a tensor.
    pub fn of(tensor: &Tensor) -> Self {
        if tensor.device().is_cpu() && tensor.dtype() == DType::F32 {
            Self::Fused
        } else {
            Self::Composite
        }
    }
}

/// `x · weightᵀ + bias`: x `[N, I]`, weight `[O, I]`, bias `[O]`, result `[N, O]`.
///
/// # Errors
/// As candle's own operations: shapes, types or devices that do not fit.
pub fn linear(form: Form, x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    match form {
        Form::Fused => {
            x.contiguous()?
                .apply_op3(&weight.contiguous()?, &bias.contiguous()?, linear::Linear)
        }
        Form::Composite => composite::linear(x, weight, bias),
    }
}

/// GELU in its erf form, `x · Φ(x)` (Hendrycks and Gimpel 2016), element by element.
///
/// # Errors
/// As candle's own operations.
pub fn gelu(form: Form, x: &Tensor) -> Result<Tensor> {
    match form {
        Form::Fused => x.contiguous()?.apply_op1(gelu::Gelu),
        Form::Composite => x.gelu_erf(),
    }
}

/// Zeroes elements of x `[N, C]` at random and scales the rest so that the mean stays (Srivastava
/// et al. 2014).
///
/// # Errors
/// As candle's own operations.
pub fn dropout(form: Form, x: &Tensor, dropout: Dropout) -> Result<Tensor> {
    match form {
        _ if !dropout.is_active() => Ok(x.clone()),
        Form::Fused => x.contiguous()?.apply_op1(dropout),
        Form::Composite => composite::dropout(x, dropout),
    }
}

/// `LayerNorm(residual + dropout(x)) * weight + bias` over the last dimension (Ba, Kiros and Hinton
/// 2016): x and residual `[N, H]`, weight and bias `[H]`, result `[N, H]`.
///
/// # Errors
/// As candle's own operations.
pub fn add_norm(
    form: Form,
    x: &Tensor,
    residual: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f64,
    dropout: Dropout,
) -> Result<Tensor> {
    match form {
        Form::Fused => {
            // A custom op has at most three arguments.
            let affine = Tensor::stack(&[weight, bias], 0)?;
            let op = norm::AddNorm {
                epsilon: epsilon as f32,
                dropout,
            };
            x.contiguous()?
                .apply_op3(&residual.contiguous()?, &affine, op)
        }
        Form::Composite => composite::add_norm(x, residual, weight, bias, epsilon, dropout),
    }
}

/// Scaled dot-product attention of each sequence on itself, with dropout of the probabilities
/// (Vaswani et al. 2017).
///
/// `qkv` is `[N, 3H]`: queries, keys and values beside one another, each `[N, H]` with head a in
/// columns `a·H/A..`; the result is `[N, H]`. Sequence b is rows `starts[b]..starts[b + 1]`. The
/// backward pass computes the probabilities anew, so nothing of size T x T outlives a sequence.
///
/// # Errors
/// As candle's own operations; `starts` that do not rise from 0 to N; `heads` that do not divide H.
pub fn attention(
    form: Form,
    qkv: &Tensor,
    starts: &[usize],
    heads: usize,
    dropout: Dropout,
) -> Result<Tensor> {
    let (rows, width) = qkv.dims2()?;
    let rising = starts.windows(2).all(|pair| pair[0] < pair[1]);
    if starts.first() != Some(&0) || starts.last() != Some(&rows) || !rising {
        candle_core::bail!("attention: sequence starts {starts:?} do not rise from 0 to {rows}");
    }
    if heads == 0 || width % (3 * heads) != 0 {
        candle_core::bail!(
            "attention: {width} columns do not divide into queries, keys and values of {heads} heads"
        );
    }
    match form {
        Form::Fused => {
            let op = attention::Attention {
                starts: starts.to_vec(),
                heads,
                dropout,
            };
            qkv.contiguous()?.apply_op1(op)
        }
        Form::Composite => composite::attention(qkv, starts, heads, dropout),
    }
}
