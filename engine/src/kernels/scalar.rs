//! The definition of the products. Results do not depend on the width of a machine's vectors: floats
//! are added up depth by depth, a multiplication is never fused with an addition, and integers are
//! exact.

use super::lanes::Array;
use super::pack::{ByteStep, COLUMNS, FloatStep, LANES, ShortStep};
use super::variant::Variant;

/// No instructions beyond those of the build.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar;

impl Variant for Scalar {
    type Activation = i16;
    type Lanes = Array;
    const FLOAT_ROWS: usize = 4;
    const BYTE_ROWS: usize = 4;
    const SHORT_ROWS: usize = 4;

    #[inline(always)]
    fn splat(self, x: f32) -> Array {
        Array([x; LANES])
    }

    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> Array {
        Array(*values)
    }

    #[inline(always)]
    fn without_zero(self, sums: &[i32; LANES], zero: i32, weights: &[i32; LANES]) -> Array {
        let without = |lane: usize| sums[lane].wrapping_sub(zero.wrapping_mul(weights[lane]));
        Array(std::array::from_fn(|lane| without(lane) as f32))
    }

    #[inline(always)]
    fn tile_f32<const R: usize>(self, rows: [&[f32]; R], panel: &[FloatStep]) -> [[f32; LANES]; R] {
        let rows = rows.map(|row| &row[..panel.len()]);
        let mut sums = [[0.0; LANES]; R];
        for (k, step) in panel.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip(rows) {
                for (sum, weight) in sums.iter_mut().zip(step) {
                    *sum += row[k] * weight;
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn tile_i8<const R: usize>(
        self,
        rows: &[[[i16; 4]; R]],
        panel: &[ByteStep],
    ) -> [[i32; COLUMNS]; R] {
        let mut sums = [[0; COLUMNS]; R];
        for (rows, step) in rows.iter().zip(panel) {
            for (sums, x) in sums.iter_mut().zip(rows) {
                for (sum, weights) in sums.iter_mut().zip(step) {
                    for (&x, &weight) in x.iter().zip(weights) {
                        *sum += i32::from(x) * i32::from(weight);
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn tile_i16<const R: usize>(
        self,
        rows: &[[[i16; 2]; R]],
        panel: &[ShortStep],
    ) -> [[i32; COLUMNS]; R] {
        let mut sums = [[0i32; COLUMNS]; R];
        for (rows, step) in rows.iter().zip(panel) {
            for (sums, x) in sums.iter_mut().zip(rows) {
                for (sum, weights) in sums.iter_mut().zip(step) {
                    for (&x, &weight) in x.iter().zip(weights) {
                        // What is not finite may overflow here, and is marked elsewhere.
                        *sum = sum.wrapping_add(i32::from(x) * i32::from(weight));
                    }
                }
            }
        }
        sums
    }
}
