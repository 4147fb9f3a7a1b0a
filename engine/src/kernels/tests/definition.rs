//! The definition against the textbook's formulas in F64.

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::super::*;
use super::*;
use lanes::Array;

/// Relative error of [`functions::Exp`] against F64: one unit in the last place is 1.2e-7.
const EXP_ERROR: f64 = 2e-7;
/// Absolute error of GELU against F64, for an input of at most 1 in magnitude and relative to the
/// input beyond: that of the approximation of erf and of three roundings.
const GELU_ERROR: f64 = 3e-7;
/// Absolute error of a normalized value of magnitude 1.
const LAYER_NORM_ERROR: f64 = 1e-6;
/// Error of attention relative to the largest value that it can read out. Scores are within ±6.
const ATTENTION_ERROR: f64 = 2e-6;
/// The same where attention computes in integers: a score is off by at most 32 products of a query and
/// a key that are each off by half of 1/2047, and a weight by half of 1/32767.
const INTEGER_ATTENTION_ERROR: f64 = 1e-3;

/// `found` within `error` of `expected`, value by value.
fn check_close(case: &str, found: &[f32], expected: &[f64], error: f64) {
    assert_eq!(found.len(), expected.len(), "{case}");
    for (i, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(found) - expected).abs();
        assert!(
            difference <= error,
            "{case}: value {i} is {found}, expected {expected}"
        );
    }
}

#[test]
fn linear_f32_is_a_matrix_product() {
    for (rows, columns, depth) in [(1, 1, 1), (5, 9, 3), (11, 17, 70), (67, 36, 384)] {
        let x = values(Fill::Usual, rows * depth, 1);
        let weights = values(Fill::Usual, columns * depth, 2);
        let bias = values(Fill::Usual, columns, 3);
        let mut out = vec![0.0; rows * columns];
        let matrix = FloatMatrix::new(&weights, depth);
        define(|runner| runner.linear_f32(&x, &matrix, &bias, Activate::Identity, &mut out));
        let mut expected = vec![];
        for x in x.chunks(depth) {
            for (weights, bias) in weights.chunks(depth).zip(&bias) {
                let products = x
                    .iter()
                    .zip(weights)
                    .map(|(x, w)| f64::from(*x) * f64::from(*w));
                expected.push(f64::from(*bias) + products.sum::<f64>());
            }
        }
        // Every addition rounds a sum that is at most as large as its number of terms.
        let error = (depth * depth) as f64 * f64::from(f32::EPSILON) / 2.0;
        check_close(
            &format!("{rows}, {columns}, {depth}"),
            &out,
            &expected,
            error,
        );
    }
}

#[test]
fn linear_i8_is_an_exact_integer_product() {
    for (rows, columns, depth) in [(1, 1, 1), (5, 9, 3), (11, 17, 70), (4, 8, 1536)] {
        for fill in [Fill::Usual, Fill::Alternating, Fill::Equal] {
            let x = values(fill, rows * depth, 1);
            let weights = int8_weights(columns, depth);
            let scales = values(Fill::Usual, columns, 2);
            let bias = values(Fill::Usual, columns, 3);
            let mut out = vec![0.0; rows * columns];
            let mut quantized = QuantizedRows::default();
            define(|runner| {
                runner.quantize(&x, depth, &mut quantized);
                let matrix = ByteMatrix::new(runner.isa, &weights, &scales, depth);
                runner.linear_i8(&quantized, &matrix, &bias, Activate::Identity, &mut out);
            });
            for (i, found) in out.into_iter().enumerate() {
                let (row, column) = (i / columns, i % columns);
                let x = &x[row * depth..][..depth];
                let range = functions::Range8::of(scalar::Scalar, x);
                let products = x
                    .iter()
                    .zip(&weights[column * depth..])
                    .map(|(&x, &weight)| i64::from(integer(range, x)) * i64::from(weight));
                let sum = products.sum::<i64>() as f32;
                let expected = sum * range.scale * scales[column] + bias[column];
                assert_eq!(
                    found.to_bits(),
                    expected.to_bits(),
                    "{rows}, {columns}, {depth}"
                );
            }
        }
    }
}

/// Without the zero point.
fn integer(range: functions::Range8, x: f32) -> i32 {
    i32::from(range.quantized::<i16, _>(Array([x; 8]))[0])
}

#[test]
fn quantization_is_within_half_a_step() {
    for depth in DEPTHS {
        for fill in [
            Fill::Usual,
            Fill::Equal,
            Fill::Alternating,
            Fill::Zeros,
            Fill::Huge,
        ] {
            for x in values(fill, 3 * depth, 1).chunks(depth) {
                let range = functions::Range8::of(scalar::Scalar, x);
                assert!((0..=255).contains(&range.zero));
                let found: Vec<f32> = x
                    .iter()
                    .map(|&x| integer(range, x) as f32 * range.scale)
                    .collect();
                let expected: Vec<f64> = x.iter().copied().map(f64::from).collect();
                let half = f64::from(range.scale) * 0.5001;
                check_close(&format!("{depth}, {fill:?}"), &found, &expected, half);
            }
        }
    }
}

#[test]
fn a_value_that_is_not_finite_marks_its_row() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for at in [0, 8, 10] {
            let mut x = values(Fill::Usual, 22, 1);
            x[at] = value;
            let mut quantized = QuantizedRows::default();
            define(|runner| runner.quantize(&x, 11, &mut quantized));
            let marked: Vec<bool> = quantized
                .scales
                .iter()
                .map(|scale| scale.is_nan())
                .collect();
            assert_eq!(marked, [true, false], "{value} at {at}");
        }
    }
}

/// A value that is not finite in a query reaches that token, one in a key or value all of them.
#[test]
fn a_value_that_is_not_finite_passes_attention() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for part in 0..3 {
            let mut qkv = values(Fill::Usual, 5 * 3 * 8, 1);
            qkv[(2 * 3 + part) * 8 + 3] = value;
            let mut out = [0.0; 5 * 8];
            let mut scratch = AttentionScratch::default();
            define(|runner| {
                runner.attention(Precision::I16, &qkv, 1, 8, &mut scratch, &mut out);
            });
            for (token, row) in out.chunks(8).enumerate() {
                let expected = match part {
                    0 => token == 2,
                    1 => true,
                    // Other columns of the values are as they should be.
                    _ => row[3].is_nan(),
                };
                assert_eq!(
                    row.iter().any(|x| x.is_nan()),
                    expected,
                    "{value} in part {part}, token {token}"
                );
            }
            assert!(out.iter().any(|x| x.is_nan()));
        }
    }
}

#[test]
fn attention_is_a_mean_of_values() {
    for (tokens, heads, head_size) in [(1, 1, 1), (9, 3, 8), (33, 2, 9), (70, 2, 32)] {
        let hidden = heads * head_size;
        let qkv = values(Fill::Usual, tokens * 3 * hidden, 1);
        let mut scratch = AttentionScratch::default();
        let part =
            |token: usize, part: usize, i: usize| f64::from(qkv[(token * 3 + part) * hidden + i]);
        let mut expected = vec![];
        for token in 0..tokens {
            for i in 0..hidden {
                let head = i / head_size * head_size..(i / head_size + 1) * head_size;
                let weights: Vec<f64> = (0..tokens)
                    .map(|key| {
                        let products = head.clone().map(|i| part(token, 0, i) * part(key, 1, i));
                        (products.sum::<f64>() / (head_size as f64).sqrt()).exp()
                    })
                    .collect();
                let total: f64 = weights.iter().sum();
                let mean = weights
                    .iter()
                    .enumerate()
                    .map(|(key, w)| w / total * part(key, 2, i));
                expected.push(mean.sum());
            }
        }
        let precisions = [
            (Precision::F32, ATTENTION_ERROR),
            (Precision::I16, INTEGER_ATTENTION_ERROR),
        ];
        for (precision, error) in precisions {
            let mut out = vec![0.0; tokens * hidden];
            define(|runner| {
                runner.attention(precision, &qkv, heads, head_size, &mut scratch, &mut out);
            });
            let case = format!("{tokens}, {heads}, {head_size}, {precision:?}");
            check_close(&case, &out, &expected, error);
        }
    }
}

#[test]
fn layer_norm_has_mean_0_and_variance_1() {
    for width in [2, 7, 8, 36, 384] {
        let x = values(Fill::Usual, 3 * width, 1);
        let (gain, bias) = (values(Fill::Usual, width, 2), values(Fill::Usual, width, 3));
        let mut out = x.clone();
        define(|runner| runner.add_layer_norm(&mut out, None, norm(&gain, &bias), None));
        let mut expected = vec![];
        for row in x.chunks(width) {
            let mean = row.iter().copied().map(f64::from).sum::<f64>() / width as f64;
            let deviations = row.iter().map(|x| f64::from(*x) - mean);
            let variance = deviations.clone().map(|d| d * d).sum::<f64>() / width as f64;
            for ((deviation, gain), bias) in deviations.zip(&gain).zip(&bias) {
                let normal = deviation / (variance + 1e-12).sqrt();
                expected.push(normal * f64::from(*gain) + f64::from(*bias));
            }
        }
        // The largest of `width` normalized values can be the square root of their number.
        let error = LAYER_NORM_ERROR * (width as f64).sqrt();
        check_close(&format!("{width}"), &out, &expected, error);
    }
    let mut huge = [1e30, -1e30, 0.0, 1e30];
    define(|runner| runner.add_layer_norm(&mut huge, None, norm(&[1.0; 4], &[0.0; 4]), None));
    assert!(huge.iter().all(|x| x.is_nan()), "what overflows shows");
    let mut equal = vec![3.0; 8];
    define(|runner| runner.add_layer_norm(&mut equal, None, norm(&[2.0; 8], &[0.5; 8]), None));
    assert_eq!(equal, [0.5; 8], "a row of equal values is all bias");
}

fn exp(x: f32) -> f32 {
    functions::Exp::new(scalar::Scalar).of(Array([x; 8])).0[0]
}

#[test]
fn exp_is_exact_to_the_last_bits() {
    for i in 0..=870_000 {
        let x = -(i as f32) * 1e-4;
        let expected = f64::from(x).exp();
        let error = (f64::from(exp(x)) - expected).abs() / expected;
        assert!(error <= EXP_ERROR, "exp({x}) is off by {error:e}");
    }
    for x in [-87.5, -104.0, -1e30, f32::NEG_INFINITY] {
        assert!((0.0..2e-38).contains(&exp(x)), "exp({x})");
    }
    assert_eq!(exp(0.0), 1.0);
    assert!(exp(f32::NAN).is_nan());
}

#[test]
fn softmax_of_extreme_rows() {
    let check = |mut row: Vec<f32>, expected: &[f64]| {
        let case = format!("{row:?}");
        functions::softmax(scalar::Scalar, &mut row, 0.5);
        check_close(&case, &row, expected, EXP_ERROR);
    };
    check(vec![7.0], &[1.0]);
    check(vec![-3.0; 16], &[1.0 / 16.0; 16]);
    check(vec![1e30; 5], &[0.2; 5]);
    check(vec![0.0, -1e30, 0.0, -1e4], &[0.5, 0.0, 0.5, 0.0]);
    check(vec![-1e30, f32::MIN], &[1.0, 0.0]);
}

#[test]
fn gelu_is_within_its_error() {
    // All terms are positive, so nothing cancels: Abramowitz and Stegun 7.1.6.
    let erf = |x: f64| {
        let mut term = x;
        let mut sum = x;
        for n in 1..300 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp() * sum
    };
    for i in -80_000..=80_000 {
        let x = i as f32 * 1e-4;
        let found = [functions::gelu(Array([x; 8])).0[0]];
        let x = f64::from(x);
        let expected = x * (1.0 + erf(x / 2f64.sqrt())) / 2.0;
        let error = GELU_ERROR * x.abs().max(1.0);
        check_close(&format!("gelu({x})"), &found, &[expected], error);
    }
    for (x, expected) in [
        (1e30, 1e30),
        (-1e30, 0.0),
        (0.0, 0.0),
        (20.0, 20.0),
        (-20.0, 0.0),
    ] {
        let found = [functions::gelu(Array([x; 8])).0[0]];
        assert_eq!(found, [expected], "gelu({x})");
    }
}
