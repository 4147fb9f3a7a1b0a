//! The instructions of the int8 product on registers alone, without loads and stores: what no product
//! can surpass.

use std::arch::wasm32::*;
use std::hint::black_box;

/// Sums of four lanes each: enough that no instruction waits for the one before, and as many as
/// registers hold.
const SUMS: usize = 12;

/// Adds in each turn to every sum its own products with weights, so that no two are alike and the
/// compiler computes them all. Only the first weight of a lane is 1, the others 0: a lane's lowest
/// part, which is `part` of it, is added to the lane.
type Loop = fn(turns: u32) -> [v128; SUMS];

/// A loop, and the products that a turn of it has.
pub(crate) struct Peak {
    turn: Loop,
    pub(crate) products: usize,
}

impl Peak {
    /// Of the kernels of this name; none of the definition.
    ///
    /// # Panics
    /// For other names, and when the loop does not compute what it should.
    pub(crate) fn of(kernels: &str) -> Option<Self> {
        let (turn, lane, part): (Loop, usize, fn(i32) -> i32) = match kernels {
            #[cfg(target_feature = "relaxed-simd")]
            "relaxed simd, unsigned" => (bytes, 4, |x| x & 0xff),
            #[cfg(target_feature = "relaxed-simd")]
            "relaxed simd, signed" => (bytes, 4, |x| i32::from(x as i8)),
            #[cfg(target_feature = "relaxed-simd")]
            "relaxed simd, pairs" => (pairs, 4, |x| x & 0xff),
            "simd128" => (shorts, 2, |x| i32::from(x as i16)),
            "scalar" => return None,
            unknown => panic!("no peak is known of {unknown}"),
        };
        const FEW: u32 = 1000;
        for (start, sum) in (1..).zip(turn(FEW)) {
            let expected = (0..FEW).fold(start, |x: i32, _| x.wrapping_add(part(x)));
            assert_eq!(i32x4_extract_lane::<0>(sum), expected, "{kernels}");
        }
        Some(Self {
            turn,
            products: SUMS * 4 * lane,
        })
    }

    pub(crate) fn run(&self, turns: u32) {
        black_box((self.turn)(turns));
    }
}

#[inline(always)]
fn repeat(turns: u32, add: impl Fn(v128) -> v128) -> [v128; SUMS] {
    let mut sums = std::array::from_fn(|sum| i32x4_splat(sum as i32 + 1));
    for _ in 0..turns {
        for sum in &mut sums {
            *sum = add(*sum);
        }
    }
    sums
}

#[cfg(target_feature = "relaxed-simd")]
#[inline(never)]
fn bytes(turns: u32) -> [v128; SUMS] {
    let weights = black_box(i32x4_splat(1));
    repeat(turns, |sum| {
        i32x4_relaxed_dot_i8x16_i7x16_add(weights, sum, sum)
    })
}

#[cfg(target_feature = "relaxed-simd")]
#[inline(never)]
fn pairs(turns: u32) -> [v128; SUMS] {
    let (weights, ones) = (black_box(i32x4_splat(1)), black_box(i16x8_splat(1)));
    repeat(turns, |sum| {
        i32x4_add(
            sum,
            i32x4_dot_i16x8(i16x8_relaxed_dot_i8x16_i7x16(weights, sum), ones),
        )
    })
}

#[inline(never)]
fn shorts(turns: u32) -> [v128; SUMS] {
    let weights = black_box(i32x4_splat(1));
    repeat(turns, |sum| i32x4_add(sum, i32x4_dot_i16x8(sum, weights)))
}
