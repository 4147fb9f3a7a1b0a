//! The vectors of every variant at the values where instructions differ.

#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::super::*;
use lanes::Lanes;

/// Values at which instructions differ: zeros of both signs, ties, the ends of the integers' ranges,
/// and what is not finite, of which comparisons only have a definition.
const EDGES: [f32; 24] = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    1e-40,
    -1e-40,
    3.25,
    -7.0,
    127.5,
    254.5,
    255.5,
    -0.49,
    300.0,
    2046.5,
    -2047.0,
    32_766.5,
    -32_767.0,
    f32::MAX,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];
/// How many of them are within 16 bits.
const SHORTS: usize = 20;

#[test]
fn variants_of_lanes() {
    fn results<V: Variant>(v: V) -> Vec<u32> {
        let mut bits = Vec::new();
        let lanes = |from: usize, most: usize| {
            v.load(&std::array::from_fn(|lane| EDGES[(from + lane) % most]))
        };
        for shift in 0..EDGES.len() {
            for from in 0..EDGES.len() {
                let (a, b) = (lanes(from, EDGES.len()), lanes(from + shift, EDGES.len()));
                for lanes in [a + b, a - b, a * b, a / b] {
                    let canonical = |x: f32| if x.is_nan() { f32::NAN } else { x };
                    bits.extend(lanes.store().map(|x| canonical(x).to_bits()));
                }
                for chosen in [a.lesser(b), a.greater(b)] {
                    let operands = a.store().into_iter().zip(b.store());
                    bits.extend(operands.zip(chosen.store()).map(|((a, b), x)| {
                        // Where there is a choice, nothing is compared.
                        if a.partial_cmp(&b).is_some_and(|order| order.is_ne()) {
                            x.to_bits()
                        } else {
                            0
                        }
                    }));
                }
                let (a, b) = (lanes(from, SHORTS), lanes(from + shift, SHORTS));
                bits.extend(a.bytes(shift as i32 - 5).map(u32::from));
                bits.extend(a.shorts().map(|x| x as u32));
                bits.extend(a.pairs(b).as_flattened().iter().map(|&x| x as u32));
            }
        }
        for n in -126..=127 {
            let power = (v.splat(n as f32) + lanes::ROUND).power_of_two();
            bits.extend(power.store().map(f32::to_bits));
        }
        for (sum, zero, weight) in [(i32::MAX, -3, 7), (i32::MIN, 255, 1 << 24), (5, 0, 9)] {
            let lanes = v.without_zero(&[sum; 8], zero, &[weight; 8]);
            bits.extend(lanes.store().map(f32::to_bits));
        }
        bits
    }
    let definition = results(scalar::Scalar);
    for isa in Isa::available() {
        let found = with_variant!(isa, v => results(v));
        let differing = definition.iter().zip(&found).position(|(a, b)| a != b);
        assert_eq!(differing, None, "first result in which {isa} differs");
    }
    // 2^-126 and 2^127.
    assert!(definition.contains(&f32::MIN_POSITIVE.to_bits()));
    assert!(definition.contains(&1.701_411_8e38_f32.to_bits()));
}
