//! What a variant of the kernels brings: how its instructions are reached, and its innermost loops.

use super::lanes::Lanes;
use super::pack::{Activation, ByteStep, COLUMNS, Excess, FloatStep, LANES, ShortStep};

/// A set of instructions. A value is proof that the processor has it.
pub(super) trait Variant: Copy + Send + Sync {
    /// An int8 activation as the variant's int8 tile takes it.
    type Activation: Activation;
    /// Its vectors.
    type Lanes: Lanes;
    /// Rows of a tile of floats, of int8 weights, and of attention's integers: as many as its sums fit
    /// into registers.
    const FLOAT_ROWS: usize;
    const BYTE_ROWS: usize;
    const SHORT_ROWS: usize;
    /// Whether [`Variant::tile_i8`] takes no two neighbouring weights whose products may together
    /// leave 16 bits, and [`Variant::add_excess`] has to add what they lack.
    const SATURATES: bool = false;

    /// Runs a kernel compiled for these instructions. The kernel has to be inlined to be. Those that
    /// the whole program is compiled for, and those that are written as assembly, need nothing.
    #[inline(always)]
    fn run<O>(self, kernel: impl FnOnce() -> O) -> O {
        kernel()
    }

    fn splat(self, x: f32) -> Self::Lanes;

    fn load(self, values: &[f32; LANES]) -> Self::Lanes;

    /// `float(sums - zero * weights)`, the integers wrapping.
    fn without_zero(self, sums: &[i32; LANES], zero: i32, weights: &[i32; LANES]) -> Self::Lanes;

    /// Dot products of float rows with the columns of a panel, each added up depth by depth.
    fn tile_f32<const R: usize>(self, rows: [&[f32]; R], panel: &[FloatStep]) -> [[f32; LANES]; R];

    /// Dot products of R int8 rows, packed, with the columns of a panel.
    fn tile_i8<const R: usize>(
        self,
        rows: &[[[Self::Activation; 4]; R]],
        panel: &[ByteStep],
    ) -> [[i32; COLUMNS]; R];

    /// Adds the dot products of R int8 rows with what the columns of the panel lack.
    #[inline(always)]
    fn add_excess<const R: usize>(
        self,
        _rows: &[[[Self::Activation; 4]; R]],
        _excess: &Excess,
        _panel: usize,
        _sums: &mut [[i32; COLUMNS]; R],
    ) {
    }

    /// Dot products of R int16 rows, packed, with the columns of a panel.
    fn tile_i16<const R: usize>(
        self,
        rows: &[[[i16; 2]; R]],
        panel: &[ShortStep],
    ) -> [[i32; COLUMNS]; R];
}

/// Runs `$body` with `$rows` as a constant of the value of `$height`, which is at most `$most`.
macro_rules! by_height {
    ($height:expr, $most:expr, $rows:ident => $body:expr) => {
        by_height!(@ $height, $most, $rows => $body, 1 2 3 4 5 6 7 8 9 10 11 12)
    };
    (@ $height:expr, $most:expr, $rows:ident => $body:expr, $($n:literal)*) => {
        match $height {
            // The comparison is known when this is compiled: taller tiles than the variant's are not.
            $($n if $n <= $most => { const $rows: usize = $n; $body })*
            height => unreachable!("a tile of {height} rows"),
        }
    };
}
pub(super) use by_height;
