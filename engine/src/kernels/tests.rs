//! Every variant against the definition to the bit, over a table of shapes; in `definition` the
//! definition against the textbook's formulas in F64.

mod definition;
mod edges;

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::sync::LazyLock;

use super::*;

/// T: around the rows of a tile and of a block.
const ROWS: [usize; 9] = [1, 2, 3, 4, 5, 11, 13, 64, 67];
/// N: around the columns of one and of two panels.
const COLUMNS: [usize; 9] = [1, 7, 8, 9, 15, 16, 17, 24, 36];
/// K: around the lanes of a reduction, odd and even.
const DEPTHS: [usize; 9] = [1, 2, 3, 7, 8, 9, 31, 70, 384];

#[derive(Debug, Clone, Copy)]
enum Fill {
    /// Evenly between -1 and 1.
    Usual,
    Zeros,
    /// One value for all.
    Equal,
    /// The largest magnitude in turns positive and negative.
    Alternating,
    /// So large that squares overflow.
    Huge,
    /// Denormal.
    Tiny,
    /// Usual but for one NaN.
    OneNan,
}

const FILLS: [Fill; 7] = [
    Fill::Usual,
    Fill::Zeros,
    Fill::Equal,
    Fill::Alternating,
    Fill::Huge,
    Fill::Tiny,
    Fill::OneNan,
];

/// Values that differ for each `seed` (xorshift64*).
fn values(fill: Fill, len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..len)
        .map(|i| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let bits = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
            let usual = bits as f32 / (1 << 23) as f32 - 1.0;
            match fill {
                Fill::Usual => usual,
                Fill::Zeros => 0.0,
                Fill::Equal => -0.7,
                Fill::Alternating => [1.0, -1.0][i % 2],
                Fill::Huge => usual * 1e30,
                Fill::Tiny => usual * 1e-40,
                Fill::OneNan if i == len / 2 => f32::NAN,
                Fill::OneNan => usual,
            }
        })
        .collect()
}

fn int8_matrix(isa: Isa, columns: usize, depth: usize) -> ByteMatrix {
    let scales = values(Fill::Usual, columns, 2);
    ByteMatrix::new(isa, &int8_weights(columns, depth), &scales, depth)
}

fn int8_weights(columns: usize, depth: usize) -> Vec<i8> {
    let mut weights: Vec<i8> = values(Fill::Usual, columns * depth, 1)
        .iter()
        .map(|x| (x * 127.0) as i8)
        .collect();
    weights[..depth].fill(-127);
    weights[(columns - 1) * depth..].fill(127);
    weights
}

/// Runs a kernel in every variant, on one thread and on several; all must give the definition's
/// bits. A NaN equals any other.
fn check_variants(case: &str, kernel: impl Fn(Runner) -> Vec<f32>) {
    let bits = |isa, team| -> Vec<u32> {
        let canonical = |x: f32| if x.is_nan() { f32::NAN } else { x };
        kernel(Runner { isa, team })
            .into_iter()
            .map(|x| canonical(x).to_bits())
            .collect()
    };
    let mut definition = None;
    for isa in Isa::available() {
        for team in TEAMS.iter() {
            let found = bits(isa, team);
            let definition = definition.get_or_insert_with(|| found.clone());
            let differing = definition.iter().zip(&found).position(|(a, b)| a != b);
            let threads = team.threads();
            assert_eq!(
                differing, None,
                "{case}: first value in which {isa} on {threads} threads differs"
            );
        }
    }
    assert!(definition.is_some());
}

/// The second one cuts the work into parts also where no thread comes to help.
static TEAMS: LazyLock<[Team; 2]> = LazyLock::new(|| {
    #[cfg(target_family = "wasm")]
    let several = Team::waiting_for_help(3);
    #[cfg(not(target_family = "wasm"))]
    let several = Team::new(3).expect("two threads");
    [Team::solo(), several]
});

/// The definition on one thread.
fn define(act: impl FnOnce(Runner)) {
    let isa = Isa(Kind::Scalar(scalar::Scalar));
    act(Runner {
        isa,
        team: &Team::solo(),
    });
}

#[test]
fn variants_of_linear_f32() {
    for rows in ROWS {
        for columns in COLUMNS {
            for depth in DEPTHS {
                let weights = FloatMatrix::new(&values(Fill::Usual, columns * depth, 1), depth);
                let bias = values(Fill::Usual, columns, 2);
                for fill in FILLS {
                    let x = values(fill, rows * depth, 3);
                    let case = format!("[{rows}, {depth}] x [{columns}, {depth}], {fill:?}");
                    check_variants(&case, |runner| {
                        let mut out = vec![f32::NAN; rows * columns];
                        runner.linear_f32(&x, &weights, &bias, Activate::Identity, &mut out);
                        out
                    });
                }
            }
        }
    }
}

#[test]
fn variants_of_quantize_and_linear_i8() {
    for rows in ROWS {
        for columns in COLUMNS {
            for depth in DEPTHS {
                let bias = values(Fill::Usual, columns, 2);
                for fill in FILLS {
                    let x = values(fill, rows * depth, 3);
                    let case = format!("[{rows}, {depth}] x [{columns}, {depth}], {fill:?}");
                    check_variants(&case, |runner| {
                        let weights = int8_matrix(runner.isa, columns, depth);
                        let mut quantized = QuantizedRows::default();
                        runner.quantize(&x, depth, &mut quantized);
                        let mut out = vec![f32::NAN; 2 * rows * columns];
                        let (plain, gelu) = out.split_at_mut(rows * columns);
                        let activations = [(Activate::Identity, plain), (Activate::Gelu, gelu)];
                        for (activate, out) in activations {
                            runner.linear_i8(&quantized, &weights, &bias, activate, out);
                        }
                        out.extend(&quantized.scales);
                        out
                    });
                }
            }
        }
    }
}

#[test]
fn variants_of_attention() {
    let larger = values(Fill::OneNan, 75 * 3 * 60, 2);
    for tokens in [1, 2, 7, 8, 9, 31, 32, 33, 70] {
        for (heads, head_size) in [(1, 1), (1, 9), (2, 32), (3, 8), (3, 20)] {
            let hidden = heads * head_size;
            for fill in FILLS {
                let qkv = values(fill, tokens * 3 * hidden, 1);
                let case = format!("{tokens} tokens, {heads} heads of {head_size}, {fill:?}");
                for precision in [Precision::F32, Precision::I16] {
                    check_variants(&format!("{precision:?}, {case}"), |runner| {
                        let mut out = vec![f32::NAN; tokens * hidden];
                        let mut scratch = AttentionScratch::default();
                        // What an input of another shape leaves behind must not show.
                        runner.attention(precision, &larger, 3, 20, &mut scratch, &mut [0.0; 4500]);
                        runner.attention(precision, &qkv, heads, head_size, &mut scratch, &mut out);
                        out
                    });
                }
            }
        }
    }
}

#[test]
fn variants_of_layer_norm() {
    for rows in [1, 3, 27] {
        for width in DEPTHS {
            let gain = values(Fill::Usual, width, 1);
            let bias = values(Fill::Usual, width, 2);
            let norm = norm(&gain, &bias);
            let residual = values(Fill::Usual, rows * width, 3);
            for fill in FILLS {
                let x = values(fill, rows * width, 4);
                let case = format!("[{rows}, {width}], {fill:?}");
                for residual in [None, Some(&residual[..])] {
                    check_variants(&case, |runner| {
                        let (mut out, mut quantized) = (x.clone(), QuantizedRows::default());
                        runner.add_layer_norm(&mut out, residual, norm, Some(&mut quantized));
                        // The quantized rows differ in form; what they stand for shows in a product.
                        let weights = int8_matrix(runner.isa, 5, width);
                        let mut products = vec![f32::NAN; rows * 5];
                        let bias = [0.0; 5];
                        let activate = Activate::Identity;
                        runner.linear_i8(&quantized, &weights, &bias, activate, &mut products);
                        let mut alone = QuantizedRows::default();
                        let mut same = vec![f32::NAN; rows * 5];
                        runner.quantize(&out, width, &mut alone);
                        runner.linear_i8(&alone, &weights, &bias, activate, &mut same);
                        let bits = |values: &[f32]| -> Vec<bool> {
                            values.iter().map(|x| x.is_nan()).collect()
                        };
                        assert!(products == same || bits(&products) == bits(&same), "{case}");
                        out.extend(products);
                        out
                    });
                }
            }
        }
    }
}

fn norm<'a>(gain: &'a [f32], bias: &'a [f32]) -> Norm<'a> {
    Norm {
        gain,
        bias,
        epsilon: 1e-12,
    }
}

#[test]
#[should_panic(expected = "depth of activations and weights")]
fn depths_must_agree() {
    define(|runner| {
        let mut x = QuantizedRows::default();
        runner.quantize(&[1.0; 9], 9, &mut x);
        let weights = int8_matrix(runner.isa, 8, 10);
        runner.linear_i8(&x, &weights, &[0.0; 8], Activate::Identity, &mut [0.0; 8]);
    });
}

#[test]
#[cfg(not(target_family = "wasm"))] // A panic ends everything there.
fn rows_of_another_variant_are_refused() {
    for from in Isa::available() {
        let mut x = QuantizedRows::default();
        let team = &Team::solo();
        Runner { isa: from, team }.quantize(&[1.0; 12], 12, &mut x);
        for isa in Isa::available() {
            let weights = int8_matrix(isa, 8, 12);
            let apply = || {
                let runner = Runner { isa, team };
                runner.linear_i8(&x, &weights, &[0.0; 8], Activate::Identity, &mut [0.0; 8]);
            };
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(apply));
            assert_eq!(
                outcome.is_ok(),
                from.to_string() == isa.to_string(),
                "{from} to {isa}"
            );
        }
    }
}

#[test]
#[should_panic(expected = "15 activations are no whole rows of 4")]
fn rows_must_be_whole() {
    let norm = norm(&[1.0; 4], &[0.0; 4]);
    define(|runner| runner.add_layer_norm(&mut [0.0; 15], None, norm, None));
}

#[test]
fn excess_leaves_sums_of_two_products_within_16_bits() {
    let (columns, depth): (usize, usize) = (19, 70);
    let quads = depth.div_ceil(4);
    let weights = int8_weights(columns, depth);
    let isa = Isa(Kind::Scalar(scalar::Scalar));
    let whole = ByteMatrix::new(isa, &weights, &[1.0; 19], depth).steps;
    let mut steps = whole.clone();
    let excess = pack::Excess::take(&mut steps, quads);
    for pair in steps.as_flattened().as_flattened().as_chunks::<2>().0 {
        let [first, second] = pair.map(|weight| 255 * i32::from(weight));
        for sum in [first.max(0) + second.max(0), first.min(0) + second.min(0)] {
            assert_eq!(i32::from(sum as i16), sum, "{pair:?}");
        }
    }
    assert!(!excess.of(0)[0].is_empty());
    // Together they are the weights again.
    for panel in 0..2 {
        for (quarter, parts) in excess.of(panel).into_iter().enumerate() {
            for part in parts {
                let step = &mut steps[panel * quads + part.step];
                for (column, lack) in step[4 * quarter..].iter_mut().zip(part.weights) {
                    for (weight, lack) in column.iter_mut().zip(lack) {
                        *weight += lack;
                    }
                }
            }
        }
    }
    assert!(steps == whole);
}
