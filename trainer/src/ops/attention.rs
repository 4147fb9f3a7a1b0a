//! Attention of packed sequences, one task per sequence.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::dropout::{Dropout, Row};
use super::gemm::{Into, Matrix, gemm};
use super::simd::{exp, max, sum, vectorized};
use super::slices;

/// Argument `[N, 3H]`: queries, keys, values; result `[N, H]`. Within a task T is the sequence's
/// length and d = H/A a head's width.
pub(super) struct Attention {
    /// First row of each sequence, then N.
    pub(super) starts: Vec<usize>,
    pub(super) heads: usize,
    pub(super) dropout: Dropout,
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = layout.shape().dims2()?;
        let hidden = width / 3;
        let qkv = slices::of_storage(qkv, layout)?;
        let mut out = vec![0f32; rows * hidden];
        self.sequences(&mut out, hidden)
            .into_par_iter()
            .for_each(|(start, out)| {
                let rows = out.len() / hidden;
                let qkv = &qkv[start * width..(start + rows) * width];
                let mut scores = vec![0f32; rows * rows];
                for head in 0..self.heads {
                    let [q, k, v] = self.views(qkv, rows, hidden, head);
                    self.probabilities(q, k, &mut scores, rows, hidden);
                    if self.dropout.is_active() {
                        for (i, row) in scores.chunks_exact_mut(rows).enumerate() {
                            let mask = self.mask(head, start + i);
                            vectorized(|| {
                                row.iter_mut()
                                    .enumerate()
                                    .for_each(|(j, p)| *p *= mask.factor(j))
                            });
                        }
                    }
                    let scores = Matrix::new(&scores, rows, rows, rows);
                    let column = head * (hidden / self.heads);
                    gemm(&mut out[column..], hidden, Into::Replace, 1.0, scores, v, 1);
                }
            });
        Ok((CpuStorage::F32(out), (rows, hidden).into()))
    }

    fn bwd(&self, qkv: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut d_qkv = vec![0f32; qkv.elem_count()];
        slices::with(qkv, |qkv| {
            slices::with(result, |result| {
                slices::with(&gradient.contiguous()?, |gradient| {
                    self.backward(qkv, result, gradient, &mut d_qkv);
                    Ok(())
                })
            })
        })?;
        Ok(Some(slices::tensor(d_qkv, qkv.dims())?))
    }
}

impl Attention {
    /// The rows of `values` that belong to each sequence, with the number of the first one.
    fn sequences<'a>(
        &self,
        mut values: &'a mut [f32],
        width: usize,
    ) -> Vec<(usize, &'a mut [f32])> {
        let mut sequences = Vec::with_capacity(self.starts.len());
        for pair in self.starts.windows(2) {
            let (rows, rest) = values.split_at_mut((pair[1] - pair[0]) * width);
            sequences.push((pair[0], rows));
            values = rest;
        }
        sequences
    }

    /// Queries, keys and values `[T, d]` of a head.
    fn views<'a>(
        &self,
        qkv: &'a [f32],
        rows: usize,
        hidden: usize,
        head: usize,
    ) -> [Matrix<'a>; 3] {
        let depth = hidden / self.heads;
        [0, 1, 2].map(|part| {
            Matrix::new(
                &qkv[part * hidden + head * depth..],
                rows,
                depth,
                3 * hidden,
            )
        })
    }

    /// Every head and query has a mask of its own.
    fn mask(&self, head: usize, row: usize) -> Row {
        self.dropout
            .row(head * self.starts[self.starts.len() - 1] + row)
    }

    fn scale(&self, hidden: usize) -> f32 {
        1.0 / ((hidden / self.heads) as f32).sqrt()
    }

    /// `softmax(q kᵀ / √d)` into `scores` `[T, T]`.
    fn probabilities(&self, q: Matrix, k: Matrix, scores: &mut [f32], rows: usize, hidden: usize) {
        gemm(
            scores,
            rows,
            Into::Replace,
            self.scale(hidden),
            q,
            k.transposed(),
            1,
        );
        for row in scores.chunks_exact_mut(rows) {
            vectorized(|| {
                let largest = max(row);
                for score in row.iter_mut() {
                    *score = exp(*score - largest);
                }
                let reciprocal = 1.0 / sum(row.len(), |j| row[j]);
                for score in row.iter_mut() {
                    *score *= reciprocal;
                }
            });
        }
    }

    /// With P the probabilities, M the mask, D = P M what multiplies V, and dO the gradient of the
    /// result O: `dV = Dᵀ dO`, `dS = P (M (dO Vᵀ) - rowsum(dO O))`, `dQ = dS K / √d`, `dK = dSᵀ Q /
    /// √d` (Dao et al. 2022, appendix B).
    fn backward(&self, qkv: &[f32], result: &[f32], gradient: &[f32], d_qkv: &mut [f32]) {
        let hidden = result.len() / self.starts[self.starts.len() - 1];
        let width = 3 * hidden;
        let depth = hidden / self.heads;
        self.sequences(d_qkv, width)
            .into_par_iter()
            .for_each(|(start, d_qkv)| {
                let rows = d_qkv.len() / width;
                let qkv = &qkv[start * width..(start + rows) * width];
                let result = &result[start * hidden..(start + rows) * hidden];
                let gradient = &gradient[start * hidden..(start + rows) * hidden];
                let mut scores = vec![0f32; rows * rows];
                let mut d_scores = vec![0f32; rows * rows];
                for head in 0..self.heads {
                    let [q, k, v] = self.views(qkv, rows, hidden, head);
                    let column = head * depth;
                    let d_out = Matrix::new(&gradient[column..], rows, depth, hidden);
                    self.probabilities(q, k, &mut scores, rows, hidden);
                    gemm(
                        &mut d_scores,
                        rows,
                        Into::Replace,
                        1.0,
                        d_out,
                        v.transposed(),
                        1,
                    );
                    let pairs = scores
                        .chunks_exact_mut(rows)
                        .zip(d_scores.chunks_exact_mut(rows));
                    for (i, (p, d)) in pairs.enumerate() {
                        let mask = self.mask(head, start + i);
                        let at = i * hidden + column..i * hidden + column + depth;
                        let (out, d_out) = (&result[at.clone()], &gradient[at]);
                        let dropped = self.dropout.is_active();
                        vectorized(|| {
                            let inner = sum(out.len(), |j| out[j] * d_out[j]);
                            if dropped {
                                for (j, (p, d)) in p.iter_mut().zip(d).enumerate() {
                                    let factor = mask.factor(j);
                                    *d = *p * (*d * factor - inner);
                                    *p *= factor;
                                }
                            } else {
                                for (p, d) in p.iter().zip(d) {
                                    *d = p * (*d - inner);
                                }
                            }
                        });
                    }
                    let scale = self.scale(hidden);
                    let scores = Matrix::new(&scores, rows, rows, rows);
                    let d_scores = Matrix::new(&d_scores, rows, rows, rows);
                    gemm(
                        &mut d_qkv[column..],
                        width,
                        Into::Replace,
                        scale,
                        d_scores,
                        k,
                        1,
                    );
                    gemm(
                        &mut d_qkv[hidden + column..],
                        width,
                        Into::Replace,
                        scale,
                        d_scores.transposed(),
                        q,
                        1,
                    );
                    gemm(
                        &mut d_qkv[2 * hidden + column..],
                        width,
                        Into::Replace,
                        1.0,
                        scores.transposed(),
                        d_out,
                        1,
                    );
                }
            });
    }
}
