//! GELU in its erf form.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::simd::{erf, exp, vectorized};
use super::slices;

/// `x · Φ(x)`, element by element.
pub(super) struct Gelu;

/// Elements per task: some tens of microseconds, so that handing out tasks costs nothing beside
/// them.
const CHUNK: usize = 16 * 1024;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = slices::of_storage(x, layout)?;
        let mut out = vec![0f32; x.len()];
        out.par_chunks_mut(CHUNK)
            .zip(x.par_chunks(CHUNK))
            .for_each(|(out, x)| {
                vectorized(|| {
                    for (out, &x) in out.iter_mut().zip(x) {
                        *out = x * normal_cdf(x);
                    }
                });
            });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut out = vec![0f32; x.elem_count()];
        slices::with(&gradient.contiguous()?, |gradient| {
            slices::with(x, |x| {
                let inputs = x.par_chunks(CHUNK).zip(gradient.par_chunks(CHUNK));
                out.par_chunks_mut(CHUNK)
                    .zip(inputs)
                    .for_each(|(out, (x, gradient))| {
                        vectorized(|| {
                            for ((out, &x), &gradient) in out.iter_mut().zip(x).zip(gradient) {
                                *out = gradient * (normal_cdf(x) + x * normal_pdf(x));
                            }
                        });
                    });
                Ok(())
            })
        })?;
        Ok(Some(slices::tensor(out, x.dims())?))
    }
}

/// Φ(x).
#[inline(always)]
fn normal_cdf(x: f32) -> f32 {
    0.5 + 0.5 * erf(x * std::f32::consts::FRAC_1_SQRT_2)
}

/// φ(x) = Φ'(x).
#[inline(always)]
fn normal_pdf(x: f32) -> f32 {
    const FRAC_1_SQRT_TAU: f32 = 0.398_942_3;
    FRAC_1_SQRT_TAU * exp(-0.5 * x * x)
}
