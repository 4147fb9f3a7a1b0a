//! The same operations from candle's own, for other devices and types and as the reference of the
//! fused ones' tests.

use candle_core::{D, Device, Result, Tensor};

use super::Dropout;

pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)?.broadcast_add(bias)
}

pub(super) fn dropout(x: &Tensor, dropout: Dropout) -> Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    x.mul(&mask(dropout, 0..rows, columns, x)?)
}

pub(super) fn add_norm(
    x: &Tensor,
    residual: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f64,
    dropout: Dropout,
) -> Result<Tensor> {
    let sum = residual.add(&super::dropout(super::Form::Composite, x, dropout)?)?;
    let centred = sum.broadcast_sub(&sum.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred
        .broadcast_div(&(variance + epsilon)?.sqrt()?)?
        .broadcast_mul(weight)?
        .broadcast_add(bias)
}

pub(super) fn attention(
    qkv: &Tensor,
    starts: &[usize],
    heads: usize,
    dropout: Dropout,
) -> Result<Tensor> {
    let (rows, width) = qkv.dims2()?;
    let hidden = width / 3;
    let depth = hidden / heads;
    let scale = 1.0 / (depth as f64).sqrt();
    let part = |rows: &Tensor, part: usize| -> Result<Tensor> {
        let length = rows.dim(0)?;
        // [T, H] to [A, T, d].
        rows.narrow(1, part * hidden, hidden)?
            .reshape((length, heads, depth))?
            .transpose(0, 1)?
            .contiguous()
    };
    let mut contexts = Vec::with_capacity(starts.len());
    for pair in starts.windows(2) {
        let length = pair[1] - pair[0];
        let sequence = qkv.narrow(0, pair[0], length)?;
        let (q, k, v) = (
            part(&sequence, 0)?,
            part(&sequence, 1)?,
            part(&sequence, 2)?,
        );
        let scores = (q.matmul(&k.t()?)? * scale)?;
        // Not `softmax_last_dim`, which has no backward pass.
        let mut probabilities = candle_nn::ops::softmax(&scores, D::Minus1)?;
        if dropout.is_active() {
            let queries =
                (0..heads).flat_map(|head| (pair[0]..pair[1]).map(move |row| head * rows + row));
            let mask = mask(dropout, queries, length, qkv)?.reshape((heads, length, length))?;
            probabilities = probabilities.mul(&mask)?;
        }
        contexts.push(
            probabilities
                .matmul(&v)?
                .transpose(0, 1)?
                .reshape((length, hidden))?,
        );
    }
    Tensor::cat(&contexts, 0)
}

/// The mask of some rows on the device and in the type of `like`.
fn mask(
    dropout: Dropout,
    rows: impl Iterator<Item = usize>,
    columns: usize,
    like: &Tensor,
) -> Result<Tensor> {
    let factors: Vec<f32> = rows
        .flat_map(|row| {
            let mask = dropout.row(row);
            (0..columns).map(move |column| mask.factor(column))
        })
        .collect();
    let rows = factors.len() / columns;
    Tensor::from_vec(factors, (rows, columns), &Device::Cpu)?
        .to_device(like.device())?
        .to_dtype(like.dtype())
}
