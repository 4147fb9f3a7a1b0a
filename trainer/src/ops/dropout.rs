//! Dropout whose mask is a function of seed and position, so that the backward pass and any other
//! device make it anew.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::simd::vectorized;
use super::slices;
use crate::random::mix;

/// One place of the network in one step, with its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Bits below it are dropped: probability times 2^32.
    threshold: u32,
    scale: f32,
    seed: u64,
}

impl Dropout {
    /// Keeps everything.
    pub const NONE: Self = Self {
        threshold: 0,
        scale: 1.0,
        seed: 0,
    };

    /// Drops with `probability`, which is at least 0 and below 1; `seed` must differ between places
    /// and steps.
    pub fn new(probability: f64, seed: u64) -> Self {
        assert!(
            (0.0..1.0).contains(&probability),
            "dropout probability {probability}"
        );
        let threshold = (probability * 4_294_967_296.0)
            .round()
            .min(f64::from(u32::MAX)) as u32;
        Self {
            threshold,
            scale: (1.0 / (1.0 - probability)) as f32,
            seed,
        }
    }

    /// Whether anything is ever dropped.
    pub fn is_active(&self) -> bool {
        self.threshold > 0
    }

    /// The mask of one row; rows of different numbers are independent.
    pub(super) fn row(&self, row: usize) -> Row {
        Row {
            key: mix(self.seed ^ mix(row as u64)) as u32,
            threshold: self.threshold,
            scale: self.scale,
        }
    }
}

/// The mask of one row of values.
#[derive(Clone, Copy)]
pub(super) struct Row {
    key: u32,
    threshold: u32,
    scale: f32,
}

impl Row {
    /// What value `column` is multiplied by: 0, or the scale that keeps the mean.
    #[inline(always)]
    pub(super) fn factor(self, column: usize) -> f32 {
        // Wellons' lowbias32 over a Weyl sequence.
        let mut x = (column as u32).wrapping_mul(0x9e37_79b9) ^ self.key;
        x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        x ^= x >> 16;
        if x < self.threshold { 0.0 } else { self.scale }
    }
}

/// Rows per task.
const ROWS: usize = 64;

impl Dropout {
    fn apply(&self, x: &[f32], columns: usize) -> Vec<f32> {
        let mut out = vec![0f32; x.len()];
        let chunk = ROWS * columns;
        out.par_chunks_mut(chunk)
            .zip(x.par_chunks(chunk))
            .enumerate()
            .for_each(|(task, (out, x))| {
                for (i, (out, x)) in out
                    .chunks_exact_mut(columns)
                    .zip(x.chunks_exact(columns))
                    .enumerate()
                {
                    let mask = self.row(task * ROWS + i);
                    vectorized(|| {
                        for (j, (out, &x)) in out.iter_mut().zip(x).enumerate() {
                            *out = x * mask.factor(j);
                        }
                    });
                }
            });
        out
    }
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, columns) = layout.shape().dims2()?;
        let x = slices::of_storage(x, layout)?;
        Ok((
            CpuStorage::F32(self.apply(x, columns)),
            layout.shape().clone(),
        ))
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let columns = x.dim(1)?;
        let gradient = slices::with(&gradient.contiguous()?, |gradient| {
            Ok(self.apply(gradient, columns))
        })?;
        Ok(Some(slices::tensor(gradient, x.dims())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_drop_at_the_stated_rate_and_differ() {
        let (rows, columns) = (2000, 96);
        let n = (rows * columns) as f64;
        let mask = |seed| -> Vec<bool> {
            let dropout = Dropout::new(0.1, seed);
            (0..rows)
                .flat_map(|r| (0..columns).map(move |c| dropout.row(r).factor(c) == 0.0))
                .collect()
        };
        let first = mask(1);
        let rate = |count: usize| count as f64 / n;
        // Five standard errors of a rate p over n trials.
        let bound = |p: f64| 5.0 * (p * (1.0 - p) / n).sqrt();
        let dropped = rate(first.iter().filter(|&&d| d).count());
        assert!((dropped - 0.1).abs() < bound(0.1), "{dropped}");
        // Pairs drop together as often as independent ones: next columns, next rows, next seeds.
        let second = mask(2);
        let pairs: [(&str, &[bool], &[bool]); 3] = [
            ("columns", &first[..first.len() - 1], &first[1..]),
            ("rows", &first[..first.len() - columns], &first[columns..]),
            ("seeds", &first, &second),
        ];
        for (name, a, b) in pairs {
            let both = rate(a.iter().zip(b).filter(|&(&a, &b)| a && b).count());
            assert!((both - 0.01).abs() < bound(0.01) + 1e-4, "{name}: {both}");
        }
    }

    #[test]
    fn nothing_is_dropped_at_zero() {
        assert!(!Dropout::NONE.is_active());
        assert!(!Dropout::new(0.0, 5).is_active());
        assert!((0..1000).all(|c| Dropout::NONE.row(3).factor(c) == 1.0));
    }
}
