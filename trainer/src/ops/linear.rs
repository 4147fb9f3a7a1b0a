//! `x · weightᵀ + bias`.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::gemm::{Into, Matrix, gemm};
use super::simd::vectorized;
use super::slices;

/// Arguments x `[N, I]`, weight `[O, I]`, bias `[O]`; result `[N, O]`.
pub(super) struct Linear;

/// Rows that one task sums for the bias gradient; fixed, so that the order of the sum is the same
/// on every machine.
const ROWS_PER_TASK: usize = 256;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, inputs) = x_layout.shape().dims2()?;
        let (outputs, weight_inputs) = weight_layout.shape().dims2()?;
        if weight_inputs != inputs || bias_layout.shape().dims1()? != outputs || rows == 0 {
            candle_core::bail!(
                "linear: x {:?}, weight {:?}, bias {:?}",
                x_layout.dims(),
                weight_layout.dims(),
                bias_layout.dims()
            );
        }
        let x = slices::of_storage(x, x_layout)?;
        let weight = slices::of_storage(weight, weight_layout)?;
        let bias = slices::of_storage(bias, bias_layout)?;
        let mut out = vec![0f32; rows * outputs];
        out.par_chunks_mut(outputs)
            .with_min_len(64)
            .for_each(|row| row.copy_from_slice(bias));
        let weight = Matrix::new(weight, outputs, inputs, inputs).transposed();
        let x = Matrix::new(x, rows, inputs, inputs);
        gemm(
            &mut out,
            outputs,
            Into::Add,
            1.0,
            x,
            weight,
            rayon::current_num_threads(),
        );
        Ok((CpuStorage::F32(out), (rows, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (rows, inputs) = x.dims2()?;
        let outputs = weight.dim(0)?;
        let threads = rayon::current_num_threads();
        let mut d_x = vec![0f32; rows * inputs];
        let mut d_weight = vec![0f32; outputs * inputs];
        let mut d_bias = vec![0f32; outputs];
        slices::with(&gradient.contiguous()?, |gradient| {
            let d_out = Matrix::new(gradient, rows, outputs, outputs);
            slices::with(weight, |weight| {
                let weight = Matrix::new(weight, outputs, inputs, inputs);
                gemm(&mut d_x, inputs, Into::Replace, 1.0, d_out, weight, threads);
                Ok(())
            })?;
            slices::with(x, |x| {
                let x = Matrix::new(x, rows, inputs, inputs);
                gemm(
                    &mut d_weight,
                    inputs,
                    Into::Replace,
                    1.0,
                    d_out.transposed(),
                    x,
                    threads,
                );
                Ok(())
            })?;
            sum_rows(gradient, &mut d_bias);
            Ok(())
        })?;
        Ok((
            Some(slices::tensor(d_x, &[rows, inputs])?),
            Some(slices::tensor(d_weight, &[outputs, inputs])?),
            Some(slices::tensor(d_bias, &[outputs])?),
        ))
    }
}

/// Adds the rows of `values` to `sums`, one value per column.
fn sum_rows(values: &[f32], sums: &mut [f32]) {
    let columns = sums.len();
    let partial: Vec<Vec<f32>> = values
        .par_chunks(ROWS_PER_TASK * columns)
        .map(|rows| {
            let mut partial = vec![0f32; columns];
            vectorized(|| {
                rows.chunks_exact(columns)
                    .for_each(|row| add(&mut partial, row))
            });
            partial
        })
        .collect();
    partial.iter().for_each(|partial| add(sums, partial));
}

#[inline(always)]
fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
