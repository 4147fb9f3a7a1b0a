//! What runs along rows: reductions, LayerNorm, softmax, GELU, and the quantization of activations.
//!
//! The order of every sum is part of the definition: a sum along a row is kept in eight partial sums
//! that are folded in a fixed tree ([`fold`]). A multiplication is never fused with an addition. A row
//! that is not finite is marked by its sum, as comparisons pass over what is not a number.

use super::lanes::{Lanes, ROUND};
use super::pack::{Activation, LANES};
use super::variant::Variant;

/// A row whose values span less than this is taken for zeros: 255 over its span could overflow.
const MIN_SPAN: f32 = 1e-36;

/// What is known of a row after one pass over it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// The least of its values and `inner`.
    low: f32,
    /// The greatest of its values and `inner`.
    high: f32,
    /// Of its values; not finite where one of them is not.
    pub(super) sum: f32,
}

impl Extent {
    #[inline(always)]
    pub(super) fn of<V: Variant>(v: V, row: &[f32], inner: f32) -> Self {
        let start = [v.splat(inner), v.splat(inner), v.splat(0.0)];
        let [low, high, sum] = reduce(v, row, start, |[low, high, sum], x| {
            [low.lesser(x), high.greater(x), sum + x]
        });
        Self {
            low: tree(low, |a, b| if b < a { b } else { a }),
            high: tree(high, |a, b| if b > a { b } else { a }),
            sum: fold(sum),
        }
    }

    /// The greatest magnitude, where `inner` is zero.
    #[inline(always)]
    pub(super) fn magnitude(self) -> f32 {
        if self.high > -self.low {
            self.high
        } else {
            -self.low
        }
    }
}

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
    pub(super) fn of<V: Variant>(v: V, row: &[f32]) -> Self {
        let Extent { low, high, sum } = Extent::of(v, row, 0.0);
        let span = high - low;
        let inverse = if span < MIN_SPAN { 0.0 } else { 255.0 / span };
        let [zero, ..] = v.splat(-low * inverse).bytes(0);
        Self {
            // A sum of values that are not finite is not finite either and makes the scale NaN, so that
            // a broken row shows in the logits.
            scale: span / 255.0 + 0.0 * sum,
            zero: i32::from(zero),
            inverse,
        }
    }

    #[inline(always)]
    pub(super) fn quantized<A: Activation, L: Lanes>(self, x: L) -> [A; LANES] {
        A::quantized(x * self.inverse, self.zero)
    }
}

/// `(x - mean) / sqrt(variance + epsilon) * gain + bias` in place of a row.
#[inline(always)]
pub(super) fn layer_norm<V: Variant>(
    v: V,
    row: &mut [f32],
    gain: &[f32],
    bias: &[f32],
    epsilon: f32,
) {
    let width = row.len() as f32;
    let zero = v.splat(0.0);
    let [sum] = reduce(v, row, [zero], |[sum], x| [sum + x]);
    let mean = fold(sum) / width;
    let [squares] = reduce(v, row, [zero], |[sum], x| [sum + (x - mean) * (x - mean)]);
    let variance = fold(squares) / width;
    // A variance that overflows would leave nothing of the row: it becomes NaN, which shows.
    let inverse = 1.0 / (variance + epsilon).sqrt() + 0.0 * variance;
    let parts = row
        .chunks_mut(LANES)
        .zip(gain.chunks(LANES))
        .zip(bias.chunks(LANES));
    for ((row, gain), bias) in parts {
        let x = load(v, row);
        write(row, (x - mean) * inverse * load(v, gain) + load(v, bias));
    }
}

/// `exp(scale * x)` over its sum along the row.
#[inline(always)]
pub(super) fn softmax<V: Variant>(v: V, row: &mut [f32], scale: f32) {
    let inverse = 1.0 / exponentials(v, row, scale);
    for part in row.chunks_mut(LANES) {
        let x = load(v, part);
        write(part, x * inverse);
    }
}

/// `exp(scale * (x - the greatest))` in place of each x; returns their sum, which is NaN where an x is
/// not finite.
#[inline(always)]
pub(super) fn exponentials<V: Variant>(v: V, row: &mut [f32], scale: f32) -> f32 {
    let Extent { high, sum, .. } = Extent::of(v, row, f32::NEG_INFINITY);
    let exp = Exp::new(v);
    let mut lanes = v.splat(0.0);
    let (chunks, tail) = row.as_chunks_mut::<LANES>();
    for chunk in chunks {
        let y = exp.of((v.load(chunk) - high) * scale);
        *chunk = y.store();
        lanes = lanes + y;
    }
    let mut lanes = lanes.store();
    if !tail.is_empty() {
        let y = exp.of((load(v, tail) - high) * scale).store();
        for ((x, lane), y) in tail.iter_mut().zip(&mut lanes).zip(y) {
            *x = y;
            *lane += y;
        }
    }
    fold(lanes) + 0.0 * sum
}

/// `exp(x)` for x of at most 0, after Cephes' `expf`: `2^n` times a polynomial in what the rounding
/// to n left. Below -87 it stays at `exp(-87)`, the last whose `2^n` is a normal float.
///
/// Its constants are values because V8 would make them anew for every vector of a row.
#[derive(Clone, Copy)]
pub(super) struct Exp<L> {
    least: L,
    log2_e: L,
    round: L,
    /// ln 2 in two parts; n times the first is exact.
    ln_2: [L; 2],
    p: [L; 6],
    one: L,
}

impl<L: Lanes> Exp<L> {
    #[inline(always)]
    pub(super) fn new<V: Variant<Lanes = L>>(v: V) -> Self {
        Self {
            least: v.splat(-87.0),
            log2_e: v.splat(std::f32::consts::LOG2_E),
            round: v.splat(ROUND),
            ln_2: [v.splat(0.693_359_4), v.splat(-2.121_944_4e-4)],
            p: [
                v.splat(1.987_569_1e-4),
                v.splat(1.398_2e-3),
                v.splat(8.333_452e-3),
                v.splat(4.166_579_6e-2),
                v.splat(1.666_666_5e-1),
                v.splat(0.5),
            ],
            one: v.splat(1.0),
        }
    }

    #[inline(always)]
    pub(super) fn of(&self, x: L) -> L {
        let x = x.greater(self.least);
        let shifted = x * self.log2_e + self.round;
        let n = shifted - self.round;
        let r = x - n * self.ln_2[0] - n * self.ln_2[1];
        let p = r * r * polynomial(r, self.p) + r + self.one;
        p * shifted.power_of_two()
    }
}

/// `x * (1 + erf(x / sqrt 2)) / 2`.
#[inline(always)]
pub(super) fn gelu<L: Lanes>(x: L) -> L {
    x * 0.5 * (erf(x * std::f32::consts::FRAC_1_SQRT_2) + 1.0)
}

/// The error function as a rational approximation (Eigen's `generic_fast_erf_float`). From ±3.875
/// on it is ±1 exactly, as the approximation is there.
#[inline(always)]
fn erf<L: Lanes>(x: L) -> L {
    let x = x.lesser(x.same(3.875)).greater(x.same(-3.875));
    let s = x * x;
    let p = [
        s.same(-2.726_142_3e-10),
        s.same(2.770_681_4e-8),
        s.same(-2.101_024_1e-6),
        s.same(-5.692_506_4e-5),
        s.same(-7.349_906_3e-4),
        s.same(-2.954_6e-3),
        s.same(-1.609_603_3e-2),
    ];
    let q = [
        s.same(-1.456_607_2e-5),
        s.same(-2.133_740_6e-4),
        s.same(-1.682_827e-3),
        s.same(-7.373_329e-3),
        s.same(-1.426_473_9e-2),
    ];
    x * polynomial(s, p) / polynomial(s, q)
}

/// By Horner's rule, the coefficient of the highest power first.
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(x: L, coefficients: [L; N]) -> L {
    let mut sum = coefficients[0];
    for &coefficient in &coefficients[1..] {
        sum = x * sum + coefficient;
    }
    sum
}

/// Folds the values of a row into eight lanes each: the value at index i into lane i mod 8.
#[inline(always)]
fn reduce<V: Variant, const N: usize>(
    v: V,
    row: &[f32],
    start: [V::Lanes; N],
    f: impl Fn([V::Lanes; N], V::Lanes) -> [V::Lanes; N],
) -> [[f32; LANES]; N] {
    let (chunks, tail) = row.as_chunks::<LANES>();
    let mut lanes = start;
    for chunk in chunks {
        lanes = f(lanes, v.load(chunk));
    }
    let mut folded = [[0.0; LANES]; N];
    for (folded, lanes) in folded.iter_mut().zip(lanes) {
        *folded = lanes.store();
    }
    if !tail.is_empty() {
        for (folded, with_tail) in folded.iter_mut().zip(f(lanes, load(v, tail))) {
            folded[..tail.len()].copy_from_slice(&with_tail.store()[..tail.len()]);
        }
    }
    folded
}

/// At most eight values; zeros where there are fewer.
#[inline(always)]
pub(super) fn load<V: Variant>(v: V, values: &[f32]) -> V::Lanes {
    match values.first_chunk() {
        Some(whole) => v.load(whole),
        None => {
            let mut lanes = [0.0; LANES];
            lanes[..values.len()].copy_from_slice(values);
            v.load(&lanes)
        }
    }
}

/// The first of eight values, as many as there is room for.
#[inline(always)]
pub(super) fn write<L: Lanes>(to: &mut [f32], values: L) {
    match to.first_chunk_mut() {
        Some(whole) => *whole = values.store(),
        None => to.copy_from_slice(&values.store()[..to.len()]),
    }
}

/// The sum of eight partial sums.
#[inline(always)]
fn fold(lanes: [f32; LANES]) -> f32 {
    tree(lanes, |a, b| a + b)
}

/// Halves onto each other, as a vector unit folds them.
#[inline(always)]
fn tree(l: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let half = |i| f(f(l[i], l[i + 4]), f(l[i + 2], l[i + 6]));
    f(half(0), half(1))
}
