//! WebAssembly's relaxed SIMD, which multiplies bytes. The numbers are those of fixed SIMD: where the
//! browser or the processor leaves a choice, it is found out first.

use std::arch::wasm32::*;
use std::hint::black_box;
use std::marker::PhantomData;

use super::pack::{Activation, ByteStep, COLUMNS, Excess, FloatStep, LANES, QUARTERS, ShortStep};
use super::variant::Variant;
use super::wasm::{Pair, store, tile_f32, tile_i16, without_bytes};

/// Multiplies bytes with `i32x4.relaxed_dot_i8x16_i7x16_add_s`, where this browser takes the second
/// operand for bytes of the type A, and its sums are exact.
///
/// The instruction leaves to the processor what a set top bit there means, and whether the sum of
/// two products may saturate at 16 bits: see [`RelaxedPairs`].
#[derive(Debug)]
pub(super) struct Relaxed<A>(PhantomData<A>);

/// Multiplies unsigned bytes with signed ones by `i16x8.relaxed_dot_i8x16_i7x16_s`, on processors that
/// saturate the sum of two products (x86-64 without VNNI, or where the browser does not use it).
///
/// Seven-bit weights, which are never too much, would be other numbers than on all other machines.
/// Instead what a pair of weights has too much is multiplied apart from the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct RelaxedPairs(());

impl<A> Clone for Relaxed<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Relaxed<A> {}

impl RelaxedPairs {
    pub(super) fn detect() -> Option<Self> {
        /// All signs, and as much as a pair may have.
        const PAIRS: [[u8; 16]; 2] = [
            [
                127, 1, 64, 64, 128, 0, 192, 192, 129, 127, 3, 125, 250, 134, 77, 200,
            ],
            [
                255, 255, 255, 255, 255, 255, 255, 255, 128, 127, 129, 200, 254, 255, 131, 0,
            ],
        ];
        let [weights, x] = black_box(PAIRS);
        let sums = {
            // SAFETY: the arrays are 16 bytes, and the loads need no alignment.
            let [weights, x] =
                [weights, x].map(|bytes| unsafe { v128_load(bytes.as_ptr().cast()) });
            let mut array = [0i16; 8];
            // SAFETY: the array is 16 bytes, and the store needs no alignment.
            unsafe {
                v128_store(
                    array.as_mut_ptr().cast(),
                    i16x8_relaxed_dot_i8x16_i7x16(weights, x),
                );
            }
            array
        };
        let product = |i: usize| i32::from(PAIRS[0][i].cast_signed()) * i32::from(PAIRS[1][i]);
        let mut pairs = (0..8).map(|pair| product(2 * pair) + product(2 * pair + 1));
        sums.iter()
            .all(|&sum| Some(i32::from(sum)) == pairs.next())
            .then_some(Self(()))
    }
}

/// Weights and activations of the probe: all signs, and products of which two leave 16 bits.
const PROBE: [[u8; 16]; 2] = [
    [
        127, 127, 127, 127, 128, 128, 128, 128, 255, 1, 129, 126, 3, 200, 77, 250,
    ],
    [
        255, 255, 254, 253, 255, 255, 255, 255, 128, 127, 129, 200, 0, 255, 131, 64,
    ],
];

impl<A: Copy + Send + Sync + 'static> Relaxed<A> {
    /// Whether the products that `product` finds are those of this browser.
    fn detect_by(product: impl Fn(u8, u8) -> i32) -> Option<Self> {
        let [weights, x] = black_box(PROBE);
        let sums = {
            // SAFETY: the arrays are 16 bytes, and the loads need no alignment.
            let [weights, x] =
                [weights, x].map(|bytes| unsafe { v128_load(bytes.as_ptr().cast()) });
            let sums = i32x4_relaxed_dot_i8x16_i7x16_add(weights, x, i32x4_splat(black_box(11)));
            let mut array = [0; 4];
            store(&mut array, sums);
            array
        };
        let expected = std::array::from_fn::<i32, 4, _>(|lane| {
            let products = (4 * lane..4 * lane + 4).map(|i| product(PROBE[0][i], PROBE[1][i]));
            11 + products.sum::<i32>()
        });
        (sums == expected).then_some(Self(PhantomData))
    }
}

impl Relaxed<u8> {
    pub(super) fn detect() -> Option<Self> {
        Self::detect_by(|weight, x| i32::from(weight.cast_signed()) * i32::from(x))
    }
}

impl Relaxed<i8> {
    pub(super) fn detect() -> Option<Self> {
        Self::detect_by(|weight, x| i32::from(weight.cast_signed()) * i32::from(x.cast_signed()))
    }
}

impl<A: Activation> Variant for Relaxed<A> {
    type Activation = A;
    without_bytes!();
    const BYTE_ROWS: usize = 10;

    /// Four columns at a time, a vector of sums per row.
    #[inline(always)]
    fn tile_i8<const R: usize>(
        self,
        rows: &[[[A; 4]; R]],
        panel: &[ByteStep],
    ) -> [[i32; COLUMNS]; R] {
        const { assert!(size_of::<A>() == 1) }
        let mut arrays = [[0; COLUMNS]; R];
        for quarter in 0..4 {
            let mut sums = [i32x4_splat(0); R];
            for (rows, step) in rows.iter().zip(panel) {
                // SAFETY: four columns are 16 bytes, and the load needs no alignment.
                let weights = unsafe { v128_load(step[4 * quarter..][..4].as_ptr().cast()) };
                for (sum, x) in sums.iter_mut().zip(rows) {
                    // SAFETY: four activations are 4 bytes, and the load needs no alignment.
                    let x = unsafe { v128_load32_splat(x.as_ptr().cast()) };
                    *sum = i32x4_relaxed_dot_i8x16_i7x16_add(weights, x, *sum);
                }
            }
            for (array, sum) in arrays.iter_mut().zip(sums) {
                store(&mut array.as_chunks_mut().0[quarter], sum);
            }
        }
        arrays
    }
}

impl Variant for RelaxedPairs {
    type Activation = u8;
    without_bytes!();
    const BYTE_ROWS: usize = 10;
    const SATURATES: bool = true;

    /// Four columns at a time, a vector of sums per row.
    // V8 makes it 4 % faster by itself than amid the tiles of all heights.
    #[inline(never)]
    fn tile_i8<const R: usize>(
        self,
        rows: &[[[u8; 4]; R]],
        panel: &[ByteStep],
    ) -> [[i32; COLUMNS]; R] {
        let mut arrays = [[0; COLUMNS]; R];
        for quarter in 0..QUARTERS {
            let columns = panel.iter().map(|step| &step.as_chunks().0[quarter]);
            let sums = add_pairs([i32x4_splat(0); R], rows.iter().zip(columns));
            for (array, sum) in arrays.iter_mut().zip(sums) {
                store(&mut array.as_chunks_mut().0[quarter], sum);
            }
        }
        arrays
    }

    #[inline(never)]
    fn add_excess<const R: usize>(
        self,
        rows: &[[[u8; 4]; R]],
        excess: &Excess,
        panel: usize,
        sums: &mut [[i32; COLUMNS]; R],
    ) {
        for (quarter, parts) in excess.of(panel).into_iter().enumerate() {
            let steps = parts.iter().map(|part| (&rows[part.step], &part.weights));
            // SAFETY: a quarter is 16 bytes, and the load needs no alignment.
            let before = std::array::from_fn(|row| unsafe {
                v128_load(sums[row].as_chunks::<4>().0[quarter].as_ptr().cast())
            });
            for (array, sum) in sums.iter_mut().zip(add_pairs(before, steps)) {
                store(&mut array.as_chunks_mut().0[quarter], sum);
            }
        }
    }
}

/// Adds the products of four columns' weights with R rows, for the steps that are given.
#[inline(always)]
fn add_pairs<'a, const R: usize>(
    mut sums: [v128; R],
    steps: impl Iterator<Item = (&'a [[u8; 4]; R], &'a [[i8; 4]; 4])>,
) -> [v128; R] {
    let ones = i16x8_splat(1);
    for (rows, columns) in steps {
        // SAFETY: four columns are 16 bytes, and the load needs no alignment.
        let weights = unsafe { v128_load(columns.as_ptr().cast()) };
        for (sum, x) in sums.iter_mut().zip(rows) {
            // SAFETY: four activations are 4 bytes, and the load needs no alignment.
            let x = unsafe { v128_load32_splat(x.as_ptr().cast()) };
            let pairs = i16x8_relaxed_dot_i8x16_i7x16(weights, x);
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(pairs, ones));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::super::scalar::Scalar;
    use super::super::variant::by_height;
    use super::*;

    /// Of a panel.
    const STEPS: [usize; 4] = [1, 2, 7, 96];

    /// The tile with weights and activations whose products all browsers add up alike, so that it is
    /// tested also where its operands mean something else and [`Isa::available`] leaves it out.
    ///
    /// [`Isa::available`]: super::super::Isa::available
    fn check<V: Variant>(v: V, convert: fn(u8) -> V::Activation) {
        let mut state = 1u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) % below) as u8
        };
        for steps in STEPS {
            let mut step = || -> ByteStep {
                std::array::from_fn(|_| {
                    [0; 4].map(|_: i8| random(129).cast_signed().wrapping_sub(64))
                })
            };
            let panel: Vec<ByteStep> = (0..steps).map(|_| step()).collect();
            for height in 1..=V::BYTE_ROWS {
                by_height!(height, V::BYTE_ROWS, R => {
                    let rows: Vec<[[u8; 4]; R]> =
                        (0..steps).map(|_| [[0; 4]; R].map(|quad| quad.map(|_: u8| random(128)))).collect();
                    let expected = Scalar.tile_i8(&converted(&rows, i16::from), &panel);
                    let found = v.tile_i8(&converted(&rows, convert), &panel);
                    assert_eq!(found, expected, "{R} rows, {steps} steps");
                });
            }
        }
    }

    fn converted<A: Copy, const R: usize>(
        rows: &[[[u8; 4]; R]],
        convert: fn(u8) -> A,
    ) -> Vec<[[A; 4]; R]> {
        let quads = |rows: &[[u8; 4]; R]| rows.map(|quad| quad.map(convert));
        rows.iter().map(quads).collect()
    }

    #[test]
    fn unsigned_tile() {
        check(Relaxed::<u8>(PhantomData), |x| x);
    }

    #[test]
    fn pairs_tile() {
        check(RelaxedPairs(()), |x| x);
    }

    #[test]
    fn signed_tile() {
        check(Relaxed::<i8>(PhantomData), u8::cast_signed);
    }
}
