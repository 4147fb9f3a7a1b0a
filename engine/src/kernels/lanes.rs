//! Eight floats at a time.
//!
//! What runs along rows is written once ([`super::functions`]), over the vectors that a variant brings:
//! left to the compiler, its speed was a matter of luck. Each operation rounds by itself, lane by
//! lane, so that all vectors give the same bits.
//!
//! On x86 the instructions are those of a function that everything here is inlined into
//! ([`super::variant::Variant::run`]). What the compiler does not inline, such as the closure of an
//! array's `map`, calls a function for every operation: loops over vectors are plain ones.

use std::ops::{Add, Div, Mul, Sub};

use super::pack::LANES;

/// `1.5 * 2^23`. Added to a float under `2^22` in magnitude it leaves that float, rounded to the
/// nearest integer with ties to even, in the low bits of the sum.
pub(super) const ROUND: f32 = 12_582_912.0;

/// Eight floats. A value is proof that the processor has the instructions, as the variant is that
/// makes the first one ([`super::variant::Variant::splat`]).
pub(super) trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f32, Output = Self>
    + Sub<f32, Output = Self>
    + Mul<f32, Output = Self>
    + Div<f32, Output = Self>
{
    /// `x` in all lanes.
    fn same(self, x: f32) -> Self;

    fn store(self) -> [f32; LANES];

    /// The lesser of two values; either, where they are equal (zeros of both signs are) or one is NaN:
    /// LLVM makes WebAssembly's relaxed minimum of it, which leaves that open.
    fn lesser(self, other: Self) -> Self;

    /// The greater of two values; either, as above.
    fn greater(self, other: Self) -> Self;

    /// `2^n` of the integers n, from -126 to 127, in the low bits of `n + ROUND`.
    fn power_of_two(self) -> Self;

    /// `clamp(round(x) + zero, 0, 255)`. This and the following round as [`ROUND`] does, and make any
    /// integer of what is not under `2^22` in magnitude.
    fn bytes(self, zero: i32) -> [u8; LANES];

    /// `round(x)` of values within 16 bits.
    fn shorts(self) -> [i16; LANES];

    /// The same of two vectors, lane by lane.
    fn pairs(self, second: Self) -> [[i16; 2]; LANES];
}

/// Operators of two vectors, and their counterparts with a number.
macro_rules! operators {
    ($lanes:ty: $($trait:ident::$method:ident = |$a:ident, $b:ident| $act:expr;)*) => {
        $(
            impl std::ops::$trait for $lanes {
                type Output = Self;

                #[inline(always)]
                fn $method(self, other: Self) -> Self {
                    let ($a, $b) = (self, other);
                    $act
                }
            }

            impl std::ops::$trait<f32> for $lanes {
                type Output = Self;

                #[inline(always)]
                fn $method(self, x: f32) -> Self {
                    std::ops::$trait::$method(self, crate::kernels::lanes::Lanes::same(self, x))
                }
            }
        )*
    };
}
#[allow(
    unused_imports,
    reason = "a build without vectors has only the definition"
)]
pub(super) use operators;

/// The definition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Array(pub(super) [f32; LANES]);

impl Array {
    #[inline(always)]
    fn with(self, other: Self, act: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| act(self.0[lane], other.0[lane])))
    }
}

operators! {
    Array:
    Add::add = |a, b| a.with(b, |a, b| a + b);
    Sub::sub = |a, b| a.with(b, |a, b| a - b);
    Mul::mul = |a, b| a.with(b, |a, b| a * b);
    Div::div = |a, b| a.with(b, |a, b| a / b);
}

impl Lanes for Array {
    #[inline(always)]
    fn same(self, x: f32) -> Self {
        Self([x; LANES])
    }

    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        self.0
    }

    #[inline(always)]
    fn lesser(self, other: Self) -> Self {
        self.with(other, |a, b| if b < a { b } else { a })
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        self.with(other, |a, b| if b > a { b } else { a })
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        // Onto the exponent.
        let power = |x: f32| (x.to_bits() << 23).wrapping_add(1.0_f32.to_bits());
        Self(self.0.map(|x| f32::from_bits(power(x))))
    }

    #[inline(always)]
    fn bytes(self, zero: i32) -> [u8; LANES] {
        self.0
            .map(|x| rounded(x).wrapping_add(zero).clamp(0, 255) as u8)
    }

    #[inline(always)]
    fn shorts(self) -> [i16; LANES] {
        self.0.map(|x| rounded(x) as i16)
    }

    #[inline(always)]
    fn pairs(self, second: Self) -> [[i16; 2]; LANES] {
        let (first, second) = (self.shorts(), second.shorts());
        std::array::from_fn(|lane| [first[lane], second[lane]])
    }
}

#[inline(always)]
fn rounded(x: f32) -> i32 {
    (x + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32
}
