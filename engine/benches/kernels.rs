//! Kernels one by one: multiply-accumulates a second for the products, elements a second for the
//! others. `linear_i8` beside `linear_i8_peak` tells its share of what the processor could do.
//! `cargo bench -p engine --bench kernels`

use divan::Bencher;
use divan::counter::ItemsCount;
use engine::kernels::{
    Activate, AttentionScratch, ByteMatrix, FloatMatrix, Norm, Precision, QuantizedRows, Runner,
};
use engine::{Isa, Team};

/// T, N and K of the products in MiniLM and in BERT-base at 128 tokens.
const SHAPES: [[usize; 3]; 4] = [
    [128, 1152, 384],
    [128, 384, 1536],
    [128, 2304, 768],
    [128, 768, 3072],
];

fn main() {
    divan::main();
}

/// Numbers between -1 and 1 with no pattern that a kernel could profit from.
fn values(len: usize) -> Vec<f32> {
    (0..len as u32)
        .map(|i| i.wrapping_mul(2_654_435_761) as f32 / (1u32 << 31) as f32 - 1.0)
        .collect()
}

/// Times `kernel` in the fastest variant, once its output has been found to be that of the
/// definition.
fn run(bencher: Bencher, items: usize, mut kernel: impl FnMut(Runner, &mut Vec<f32>)) {
    let (mut expected, mut out) = (vec![], vec![]);
    let team = &Team::solo();
    let isa = Isa::available().next().expect("the scalar variant");
    kernel(Runner { isa, team }, &mut expected);
    let isa = Isa::detect();
    kernel(Runner { isa, team }, &mut out);
    assert_eq!(out, expected);
    bencher
        .counter(ItemsCount::new(items))
        .bench_local(|| kernel(Runner { isa, team }, &mut out));
}

#[divan::bench(args = SHAPES)]
fn linear_i8(bencher: Bencher, [rows, columns, depth]: [usize; 3]) {
    let weights: Vec<i8> = values(columns * depth)
        .iter()
        .map(|x| (x * 127.0) as i8)
        .collect();
    let weights = ByteMatrix::new(Isa::detect(), &weights, &vec![0.01; columns], depth);
    let bias = values(columns);
    let mut x = QuantizedRows::default();
    let activations = values(rows * depth);
    let mut quantized_for = None;
    run(bencher, rows * columns * depth, |runner, out| {
        out.resize(rows * columns, 0.0);
        let isa = runner.isa.to_string();
        if quantized_for.as_ref() != Some(&isa) {
            runner.quantize(&activations, depth, &mut x);
            quantized_for = Some(isa);
        }
        runner.linear_i8(&x, &weights, &bias, Activate::Identity, out);
    });
}

/// The instruction of `linear_i8` on registers alone: as many sums as its tile has, no loads, no
/// stores.
#[cfg(target_arch = "x86_64")]
#[divan::bench]
fn linear_i8_peak(bencher: Bencher) {
    const TURNS: u32 = 100_000;
    let isa = Isa::detect().to_string();
    let (turn, products): (unsafe fn(u32), usize) = match isa.as_str() {
        "avx2" => (peak::avx2, peak::SUMS * 16),
        "avx-vnni" => (peak::avx_vnni, peak::SUMS * 32),
        "avx512-vnni" => (peak::avx512_vnni, peak::SUMS * 64),
        _ => return eprintln!("no peak is known of {isa}"),
    };
    bencher
        .counter(ItemsCount::new(TURNS as usize * products))
        // SAFETY: the engine has found out that the processor has the instructions.
        .bench_local(|| unsafe { turn(TURNS) });
}

#[cfg(target_arch = "x86_64")]
mod peak {
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    /// Independent sums: enough that no instruction waits for the one before.
    pub(super) const SUMS: usize = 12;

    macro_rules! peak {
        ($name:ident, $features:literal, $vector:ty, $register:ident, $zero:ident,
         |$sum:ident, $x:ident, $weights:ident| $add:expr) => {
            #[target_feature(enable = $features)]
            pub(super) fn $name(turns: u32) {
                let ($x, mut $weights) = (black_box($zero()), black_box($zero()));
                let mut sums = [$zero(); SUMS];
                for _ in 0..turns {
                    // SAFETY: does nothing; the compiler cannot know, and so multiplies every time.
                    unsafe {
                        asm!("/* {0} */", inout($register) $weights, options(nomem, nostack))
                    };
                    for sum in &mut sums {
                        let $sum = *sum;
                        *sum = $add;
                    }
                }
                black_box::<[$vector; SUMS]>(sums);
            }
        };
    }

    peak!(
        avx2,
        "avx2",
        __m256i,
        ymm_reg,
        _mm256_setzero_si256,
        |sum, x, weights| {
            let mut x = x;
            // SAFETY: as above, for each of the sums.
            unsafe { asm!("/* {0} */", inout(ymm_reg) x, options(nomem, nostack)) };
            _mm256_add_epi32(sum, _mm256_madd_epi16(x, weights))
        }
    );
    peak!(
        avx_vnni,
        "avx2,avxvnni",
        __m256i,
        ymm_reg,
        _mm256_setzero_si256,
        |sum, x, weights| _mm256_dpbusd_avx_epi32(sum, x, weights)
    );
    peak!(
        avx512_vnni,
        "avx512f,avx512vnni",
        __m512i,
        zmm_reg,
        _mm512_setzero_si512,
        |sum, x, weights| _mm512_dpbusd_epi32(sum, x, weights)
    );
}

#[divan::bench(args = SHAPES)]
fn linear_f32(bencher: Bencher, [rows, columns, depth]: [usize; 3]) {
    let weights = FloatMatrix::new(&values(columns * depth), depth);
    let (x, bias) = (values(rows * depth), values(columns));
    run(bencher, rows * columns * depth, |runner, out| {
        out.resize(rows * columns, 0.0);
        runner.linear_f32(&x, &weights, &bias, Activate::Identity, out);
    });
}

/// Tokens, heads and size of a head; the products are counted, the softmax is not.
const HEADS: [[usize; 3]; 4] = [[128, 12, 32], [512, 12, 32], [128, 12, 64], [512, 12, 64]];

#[divan::bench(args = HEADS)]
fn attention_i16(bencher: Bencher, shape: [usize; 3]) {
    attention(bencher, Precision::I16, shape);
}

#[divan::bench(args = HEADS)]
fn attention_f32(bencher: Bencher, shape: [usize; 3]) {
    attention(bencher, Precision::F32, shape);
}

fn attention(bencher: Bencher, precision: Precision, [tokens, heads, head_size]: [usize; 3]) {
    let hidden = heads * head_size;
    let qkv = values(tokens * 3 * hidden);
    let mut scratch = AttentionScratch::default();
    run(bencher, 2 * tokens * tokens * hidden, |runner, out| {
        out.resize(tokens * hidden, 0.0);
        runner.attention(precision, &qkv, heads, head_size, &mut scratch, out);
    });
}

#[divan::bench]
fn quantize(bencher: Bencher) {
    let (rows, depth) = (128, 768);
    let x = values(rows * depth);
    let identity: Vec<i8> = (0..depth).map(|k| i8::from(k == 0)).collect();
    let identity = ByteMatrix::new(Isa::detect(), &identity, &[1.0], depth);
    let mut quantized = QuantizedRows::default();
    run(bencher, rows * depth, |runner, out| {
        runner.quantize(&x, depth, &mut quantized);
        // One column of the result is read back, which costs a hundredth of the time.
        out.resize(rows, 0.0);
        runner.linear_i8(&quantized, &identity, &[0.0], Activate::Identity, out);
    });
}

#[divan::bench]
fn add_layer_norm(bencher: Bencher) {
    let (rows, hidden) = (128, 768);
    let (x, gain, bias) = (values(rows * hidden), values(hidden), values(hidden));
    let norm = Norm {
        gain: &gain,
        bias: &bias,
        epsilon: 1e-12,
    };
    run(bencher, rows * hidden, |runner, out| {
        out.clone_from(&x);
        runner.add_layer_norm(out, Some(&x), norm, None);
    });
}
