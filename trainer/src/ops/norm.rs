//! Residual connection, dropout and LayerNorm in one pass over the rows.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::dropout::Dropout;
use super::simd::{sum, vectorized};
use super::slices;

/// Arguments x `[N, H]`, residual `[N, H]`, weight and bias as rows of `[2, H]`; result `[N, H]`.
pub(super) struct AddNorm {
    pub(super) epsilon: f32,
    pub(super) dropout: Dropout,
}

/// Rows per task; fixed, so that the order of the weight gradient's sum is the same on every
/// machine.
const ROWS: usize = 64;

impl AddNorm {
    /// Writes `residual + dropout(x)`, standardized, to `out`; returns the reciprocal of the
    /// standard deviation.
    #[inline(always)]
    fn standardize(&self, row: usize, x: &[f32], residual: &[f32], out: &mut [f32]) -> f32 {
        let width = out.len();
        let (x, residual) = (&x[..width], &residual[..width]);
        if self.dropout.is_active() {
            let mask = self.dropout.row(row);
            for j in 0..width {
                out[j] = residual[j] + x[j] * mask.factor(j);
            }
        } else {
            for j in 0..width {
                out[j] = residual[j] + x[j];
            }
        }
        let mean = sum(width, |j| out[j]) / width as f32;
        let variance = sum(width, |j| (out[j] - mean) * (out[j] - mean)) / width as f32;
        let reciprocal = 1.0 / (variance + self.epsilon).sqrt();
        for value in &mut *out {
            *value = (*value - mean) * reciprocal;
        }
        reciprocal
    }
}

impl CustomOp3 for AddNorm {
    fn name(&self) -> &'static str {
        "add-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
        affine: &CpuStorage,
        affine_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, width) = x_layout.shape().dims2()?;
        if residual_layout.shape() != x_layout.shape() || affine_layout.dims() != [2, width] {
            candle_core::bail!(
                "add-norm: x {:?}, residual {:?}, weight and bias {:?}",
                x_layout.dims(),
                residual_layout.dims(),
                affine_layout.dims()
            );
        }
        let x = slices::of_storage(x, x_layout)?;
        let residual = slices::of_storage(residual, residual_layout)?;
        let (weight, bias) = slices::of_storage(affine, affine_layout)?.split_at(width);
        let mut out = vec![0f32; x.len()];
        let chunk = ROWS * width;
        let inputs = x.par_chunks(chunk).zip(residual.par_chunks(chunk));
        out.par_chunks_mut(chunk).zip(inputs).enumerate().for_each(
            |(task, (out, (x, residual)))| {
                let rows = x
                    .chunks_exact(width)
                    .zip(residual.chunks_exact(width))
                    .zip(out.chunks_exact_mut(width));
                for (i, ((x, residual), out)) in rows.enumerate() {
                    vectorized(|| {
                        self.standardize(task * ROWS + i, x, residual, out);
                        for ((out, weight), bias) in out.iter_mut().zip(weight).zip(bias) {
                            *out = *out * weight + bias;
                        }
                    });
                }
            },
        );
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        residual: &Tensor,
        affine: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let width = x.dim(1)?;
        let gradient = gradient.contiguous()?;
        let backward = slices::with(x, |x| {
            slices::with(residual, |residual| {
                slices::with(affine, |affine| {
                    slices::with(&gradient, |gradient| {
                        Ok(self.backward(x, residual, &affine[..width], gradient))
                    })
                })
            })
        })?;
        Ok((
            Some(slices::tensor(backward.x, x.dims())?),
            Some(slices::tensor(backward.residual, x.dims())?),
            Some(slices::tensor(backward.affine, &[2, width])?),
        ))
    }
}

struct Backward {
    x: Vec<f32>,
    residual: Vec<f32>,
    affine: Vec<f32>,
}

impl AddNorm {
    /// With s the standardized row, g the gradient times weight and r the reciprocal deviation, the
    /// gradient of the sum is `r (g - mean(g) - s mean(g s))`.
    fn backward(&self, x: &[f32], residual: &[f32], weight: &[f32], gradient: &[f32]) -> Backward {
        let width = weight.len();
        let chunk = ROWS * width;
        let mut d_x = vec![0f32; x.len()];
        let mut d_residual = vec![0f32; x.len()];
        let outputs = d_x
            .par_chunks_mut(chunk)
            .zip(d_residual.par_chunks_mut(chunk));
        let inputs = x
            .par_chunks(chunk)
            .zip(residual.par_chunks(chunk))
            .zip(gradient.par_chunks(chunk));
        let partial: Vec<Vec<f32>> = outputs
            .zip(inputs)
            .enumerate()
            .map(|(task, ((d_x, d_residual), ((x, residual), gradient)))| {
                let mut d_affine = vec![0f32; 2 * width];
                let mut standard = vec![0f32; width];
                for i in 0..x.len() / width {
                    let at = i * width..(i + 1) * width;
                    let (d_x, d_residual) = (&mut d_x[at.clone()], &mut d_residual[at.clone()]);
                    let (x, residual, gradient) =
                        (&x[at.clone()], &residual[at.clone()], &gradient[at]);
                    vectorized(|| {
                        let row = task * ROWS + i;
                        let reciprocal = self.standardize(row, x, residual, &mut standard);
                        let standard = &standard[..width];
                        let (d_weight, d_bias) = d_affine.split_at_mut(width);
                        for j in 0..width {
                            d_weight[j] += gradient[j] * standard[j];
                            d_bias[j] += gradient[j];
                        }
                        let weighted = |j: usize| gradient[j] * weight[j];
                        let mean = sum(width, weighted) / width as f32;
                        let projection = sum(width, |j| weighted(j) * standard[j]) / width as f32;
                        for j in 0..width {
                            d_residual[j] =
                                reciprocal * (weighted(j) - mean - standard[j] * projection);
                        }
                        if self.dropout.is_active() {
                            let mask = self.dropout.row(row);
                            for j in 0..width {
                                d_x[j] = d_residual[j] * mask.factor(j);
                            }
                        } else {
                            d_x.copy_from_slice(d_residual);
                        }
                    });
                }
                d_affine
            })
            .collect();
        let mut affine = vec![0f32; 2 * width];
        for partial in partial {
            for (sum, value) in affine.iter_mut().zip(partial) {
                *sum += value;
            }
        }
        Backward {
            x: d_x,
            residual: d_residual,
            affine,
        }
    }
}
