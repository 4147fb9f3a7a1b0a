//! Element-wise arithmetic that the compiler turns into SIMD code.
//!
//! Functions here are plain scalar code without branches. Inside [`vectorized`] they are compiled
//! once per instruction set and the best one of the machine runs. Sums go through a fixed number of
//! lanes, so a result depends neither on the instruction set nor on the number of threads.

/// Runs `f` compiled for the best instruction set of this machine.
#[inline(always)]
pub(super) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Partial sums that a reduction keeps side by side.
const LANES: usize = 16;

/// Sum of `term(i)` for `i` in `0..n`.
#[inline(always)]
pub(super) fn sum(n: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let whole = n - n % LANES;
    let mut start = 0;
    while start < whole {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
        start += LANES;
    }
    let mut total: f32 = lanes.iter().sum();
    for i in whole..n {
        total += term(i);
    }
    total
}

/// The largest value; negative infinity of none. NaN values may be passed over: they reach the
/// result by other ways.
#[inline(always)]
pub(super) fn max(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(value, *lane);
        }
    }
    chunks
        .remainder()
        .iter()
        .chain(&lanes)
        .fold(f32::NEG_INFINITY, |a, &b| larger(b, a))
}

/// `e^x` to within 2 units in the last place for -87 <= x <= 88; clamped outside (Cephes' `expf`).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the product with n is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let power = f32::from_bits(
        (shifted
            .to_bits()
            .wrapping_sub(ROUND.to_bits())
            .wrapping_add(127))
            << 23,
    );
    (p * r * r + r + 1.0) * power
}

/// erf to within 4e-7 (the rational approximation of Eigen and XLA).
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let x = if x < -4.0 { -4.0 } else { x };
    let x = if x > 4.0 { 4.0 } else { x };
    let s = x * x;
    let mut p = -2.726_142_3e-10;
    p = p * s + 2.770_681_3e-8;
    p = p * s - 2.101_024e-6;
    p = p * s - 5.692_506_3e-5;
    p = p * s - 7.349_906e-4;
    p = p * s - 2.954_6e-3;
    p = p * s - 1.609_603_4e-2;
    let mut q = -1.456_607_2e-5;
    q = q * s - 2.133_740_6e-4;
    q = q * s - 1.682_827e-3;
    q = q * s - 7.373_329e-3;
    q = q * s - 1.426_473_9e-2;
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abramowitz and Stegun's 7.1.6 for small and the continued fraction's tail bound for large
    /// arguments, in f64.
    fn erf_series(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
            sum += term;
        }
        2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
    }

    #[test]
    fn exp_and_erf_follow_double_precision() {
        let mut exp_error = 0f64;
        let mut erf_error = 0f64;
        for i in -87_000..=88_000 {
            let x = i as f32 / 1000.0;
            let exact = f64::from(x).exp();
            exp_error = exp_error.max(((f64::from(exp(x)) - exact) / exact).abs());
        }
        for i in -6_000..=6_000 {
            let x = i as f32 / 1000.0;
            erf_error = erf_error.max((f64::from(erf(x)) - erf_series(f64::from(x))).abs());
        }
        // Two units in the last place of a float between 1 and 2.
        assert!(exp_error < 2.4e-7, "exp {exp_error}");
        assert!(erf_error < 4e-7, "erf {erf_error}");
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan() && erf(f32::NAN).is_nan());
    }

    #[test]
    fn reductions_take_every_value() {
        for n in 0..70 {
            let values: Vec<f32> = (0..n).map(|i| i as f32 - 100.0).collect();
            assert_eq!(
                sum(n, |i| values[i]),
                values.iter().sum::<f32>(),
                "sum of {n}"
            );
            assert_eq!(
                max(&values),
                values.last().copied().unwrap_or(f32::NEG_INFINITY),
                "max of {n}"
            );
        }
    }
}
