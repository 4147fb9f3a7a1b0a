//! The definition of every kernel.
//!
//! Results do not depend on the width of a machine's vectors, because the order of every sum is
//! part of the definition: a matrix product adds up its depths one after the other, a sum along a
//! row is kept in eight partial sums that are folded in a fixed tree ([`fold`]). A multiplication
//! is never fused with an addition. A comparison with what is not a number may go either way, as
//! WebAssembly's relaxed minimum and maximum leave it open: rows that are not finite are marked by
//! their sums instead. The loops are written so that the compiler can vectorize them,
//! and are inlined into the variants to be compiled again for their instruction sets.

use super::pack::{ByteStep, COLUMNS, FloatStep, LANES, ShortStep};
use super::variant::Variant;

/// `1.5 * 2^23`. Added to a float under `2^22` in magnitude it leaves that float, rounded to the
/// nearest integer with ties to even, in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// A row whose values span less than this is taken for zeros: 255 over its span could overflow.
const MIN_SPAN: f32 = 1e-36;

/// How a row is quantized to asymmetric 8 bits. With 0 among the row's values, `span = max - min`,
/// `scale = span / 255`, `zero = round(-min * (255 / span))` and `integer = clamp(round(x * (255 /
/// span)) + zero, 0, 255)`, which stands for `(integer - zero) * scale`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range8 {
    pub(super) scale: f32,
    /// Between 0 and 255.
    pub(super) zero: i32,
    inverse: f32,
}

impl Range8 {
    #[inline(always)]
    pub(super) fn of(row: &[f32]) -> Self {
        let low = reduce(row, 0.0, lesser).into_iter().fold(0.0, lesser);
        let high = reduce(row, 0.0, greater).into_iter().fold(0.0, greater);
        let span = high - low;
        let inverse = if span < MIN_SPAN { 0.0 } else { 255.0 / span };
        Self {
            // A sum of values that are not finite is not finite either and makes the scale NaN, so that
            // a broken row shows in the logits.
            scale: span / 255.0 + 0.0 * sum(row, |x| x),
            zero: rounded(-low * inverse).clamp(0, 255),
            inverse,
        }
    }

    #[inline(always)]
    pub(super) fn integer(self, x: f32) -> i32 {
        rounded(x * self.inverse)
            .wrapping_add(self.zero)
            .clamp(0, 255)
    }
}

/// The nearest integer, ties to even, of a float under `2^22` in magnitude.
#[inline(always)]
pub(super) fn rounded(x: f32) -> i32 {
    (x + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32
}

/// `(x - mean) / sqrt(variance + epsilon) * gain + bias` for every row.
#[inline(always)]
pub(super) fn layer_norm(x: &mut [f32], gain: &[f32], bias: &[f32], epsilon: f32) {
    let width = gain.len() as f32;
    for row in x.chunks_exact_mut(gain.len()) {
        let mean = sum(row, |x| x) / width;
        let variance = sum(row, |x| (x - mean) * (x - mean)) / width;
        // A variance that overflows would leave nothing of the row: it becomes NaN, which shows.
        let inverse = 1.0 / (variance + epsilon).sqrt() + 0.0 * variance;
        for ((x, gain), bias) in row.iter_mut().zip(gain).zip(bias) {
            *x = (*x - mean) * inverse * gain + bias;
        }
    }
}

/// Sum of `f(x)` over a row.
#[inline(always)]
pub(super) fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    fold(reduce(row, 0.0, |sum, x| sum + f(x)))
}

/// Folds the values of a row into eight lanes: the value at index i into lane i mod 8.
#[inline(always)]
fn reduce(row: &[f32], start: f32, f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut lanes = [start; LANES];
    let (chunks, tail) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = f(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(tail) {
        *lane = f(*lane, x);
    }
    lanes
}

/// The lesser of two values, `a` where one is NaN.
#[inline(always)]
fn lesser(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The greater of two values, `a` where one is NaN.
#[inline(always)]
pub(super) fn greater(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The sum of eight partial sums, halves onto each other as a vector unit folds them.
#[inline(always)]
fn fold(l: [f32; LANES]) -> f32 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

/// `x * (1 + erf(x / sqrt 2)) / 2`.
#[inline(always)]
pub(super) fn gelu(x: &mut [f32]) {
    for x in x {
        *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
    }
}

/// The error function as a rational approximation (Eigen's `generic_fast_erf_float`). From ±3.875
/// on it is ±1 exactly, as the approximation is there.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = if x > 3.875 { 3.875 } else { x };
    let x = if x < -3.875 { -3.875 } else { x };
    let s = x * x;
    let p = s * -2.726_142_3e-10 + 2.770_681_4e-8;
    let p = s * p - 2.101_024_1e-6;
    let p = s * p - 5.692_506_4e-5;
    let p = s * p - 7.349_906_3e-4;
    let p = s * p - 2.954_6e-3;
    let p = s * p - 1.609_603_3e-2;
    let q = s * -1.456_607_2e-5 - 2.133_740_6e-4;
    let q = s * q - 1.682_827e-3;
    let q = s * q - 7.373_329e-3;
    let q = s * q - 1.426_473_9e-2;
    x * p / q
}

/// `exp(scale * x)` over its sum along the row.
#[inline(always)]
pub(super) fn softmax(row: &mut [f32], scale: f32) {
    let inverse = 1.0 / exponentials(row, scale);
    for x in row {
        *x *= inverse;
    }
}

/// `exp(scale * (x - the greatest))` in place of each x; returns their sum, which is NaN where an x is
/// not finite.
#[inline(always)]
pub(super) fn exponentials(row: &mut [f32], scale: f32) -> f32 {
    let mark = 0.0 * sum(row, |x| x);
    let high = reduce(row, f32::NEG_INFINITY, greater)
        .into_iter()
        .fold(f32::NEG_INFINITY, greater);
    for x in row.iter_mut() {
        *x = exp((*x - high) * scale);
    }
    sum(row, |x| x) + mark
}

/// The greatest magnitude in a row; what is not a number does not count.
#[inline(always)]
pub(super) fn magnitude(row: &[f32]) -> f32 {
    let lanes = reduce(row, 0.0, |most, x| greater(most, x.abs()));
    lanes.into_iter().fold(0.0, greater)
}

/// `exp(x)` for x of at most 0, after Cephes' `expf`: `2^n` times a polynomial in what the rounding
/// to n left. Below -87 it stays at `exp(-87)`, the last whose `2^n` is a normal float.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// ln 2 in two parts; n times the first is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p = r * 1.987_569_1e-4 + 1.398_2e-3;
    let p = r * p + 8.333_452e-3;
    let p = r * p + 4.166_579_6e-2;
    let p = r * p + 1.666_666_5e-1;
    let p = r * p + 0.5;
    let p = r * r * p + r + 1.0;
    // The shift moves n, from the low bits of the rounded sum, onto the exponent.
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}

/// No instructions beyond those of the build.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar;

impl Variant for Scalar {
    type Activation = i16;
    const FLOAT_ROWS: usize = 4;
    const BYTE_ROWS: usize = 4;
    const SHORT_ROWS: usize = 4;

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
