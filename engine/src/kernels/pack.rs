//! Operands in the order in which the inner loops read them.
//!
//! A weight matrix is cut into panels of output columns. Within a panel the values of one depth (or
//! of the two or four depths that an instruction takes) lie together for all of its columns.
//! Activations of integer products are cut into blocks of rows, and packed in the same way. Columns
//! and depths that a matrix lacks are zero. The layout of weights is the same for every variant;
//! that of activations follows the height of the variant's tile.

use super::Isa;
use super::lanes::Lanes;

/// Columns of a float panel, and the number of partial sums of a reduction along a row.
pub(super) const LANES: usize = 8;

/// Columns of an integer panel: a step of it is a cache line.
pub(super) const COLUMNS: usize = 16;

/// One depth of a float panel.
pub(super) type FloatStep = [f32; LANES];

/// Four depths of an int8 panel: `step[column][depth]`.
pub(super) type ByteStep = [[i8; 4]; COLUMNS];

/// Two depths of an int16 panel: `step[column][depth]`.
pub(super) type ShortStep = [[i16; 2]; COLUMNS];

/// Deepest matrix whose int8 dot products cannot leave `i32`: an activation is within ±255, a
/// weight within ±128.
pub const MAX_DEPTH: usize = i32::MAX as usize / (255 * 128);

/// A float weight matrix `[N, K]`.
#[derive(Debug, Clone, Default)]
pub struct FloatMatrix {
    pub(super) columns: usize,
    pub(super) depth: usize,
    /// `[ceil(N / LANES)][K]` steps.
    pub(super) steps: Vec<FloatStep>,
}

impl FloatMatrix {
    /// Packs row-major `[N, K]` weights, one row per output column, where `depth` is K.
    ///
    /// # Panics
    /// When `weights` is not a whole number of rows.
    pub fn new(weights: &[f32], depth: usize) -> Self {
        let columns = rows_of("weights", weights.len(), depth);
        let mut steps = vec![[0.0; LANES]; columns.div_ceil(LANES) * depth];
        for (column, row) in weights.chunks_exact(depth).enumerate() {
            let panel = &mut steps[column / LANES * depth..][..depth];
            for (step, &weight) in panel.iter_mut().zip(row) {
                step[column % LANES] = weight;
            }
        }
        Self {
            columns,
            depth,
            steps,
        }
    }

    /// N, the width of the output.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// K, the width of the input.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

/// An int8 weight matrix `[N, K]` with one scale per output column, in the form that a variant reads.
#[derive(Debug, Clone)]
pub struct ByteMatrix {
    pub(super) columns: usize,
    pub(super) depth: usize,
    /// `[ceil(N / COLUMNS)][ceil(K / 4)]` steps.
    pub(super) steps: Vec<ByteStep>,
    /// What the steps lack, where the variant's sums of two products saturate.
    pub(super) excess: Option<Excess>,
    /// Of each column of each panel.
    pub(super) scales: Vec<[f32; COLUMNS]>,
    /// Sums of the weights of each column, likewise.
    pub(super) sums: Vec<[i32; COLUMNS]>,
}

impl ByteMatrix {
    /// Packs row-major `[N, K]` weights for `isa`, one row and one scale per output column, where
    /// `depth` is K.
    ///
    /// # Panics
    /// When `weights` is not one row for each scale, one is -128, or `depth` is over [`MAX_DEPTH`].
    pub fn new(isa: Isa, weights: &[i8], scales: &[f32], depth: usize) -> Self {
        let columns = rows_of("weights", weights.len(), depth);
        assert_eq!(columns, scales.len(), "rows of weights and scales");
        assert!(depth <= MAX_DEPTH, "depth {depth} is over {MAX_DEPTH}");
        // Two products of -128 would leave 16 bits, in which some processors add them up.
        assert!(!weights.contains(&i8::MIN), "a weight of -128");
        let (panels, quads) = (columns.div_ceil(COLUMNS), depth.div_ceil(4));
        let mut matrix = Self {
            columns,
            depth,
            steps: vec![[[0; 4]; COLUMNS]; panels * quads],
            excess: None,
            scales: vec![[0.0; COLUMNS]; panels],
            sums: vec![[0; COLUMNS]; panels],
        };
        for (column, (row, &scale)) in weights.chunks_exact(depth).zip(scales).enumerate() {
            let (panel, column) = (column / COLUMNS, column % COLUMNS);
            let steps = &mut matrix.steps[panel * quads..][..quads];
            let (whole, rest) = row.as_chunks();
            for (step, weights) in steps.iter_mut().zip(whole) {
                step[column] = *weights;
            }
            if let Some(last) = steps.get_mut(whole.len()) {
                last[column][..rest.len()].copy_from_slice(rest);
            }
            matrix.scales[panel][column] = scale;
            matrix.sums[panel][column] = row.iter().map(|&weight| i32::from(weight)).sum();
        }
        if isa.saturates() {
            matrix.excess = Some(Excess::take(&mut matrix.steps, quads));
        }
        matrix
    }

    /// N, the width of the output.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// K, the width of the input.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

/// Weights that have to be multiplied apart from the others, because the sum of two products would
/// leave 16 bits: an unsigned byte is at most 255, so that two neighbouring weights of one sign may
/// have 128 between them. Of trained weights a pair in sixty is over that.
#[derive(Debug, Clone, Default)]
pub(super) struct Excess {
    /// By panel and quarter, each in the order of depth.
    parts: Vec<ExcessPart>,
    /// Where those of a quarter of a panel end.
    ends: Vec<[usize; QUARTERS]>,
}

/// Quarters of a panel: the columns that a vector of 16 bytes holds.
pub(super) const QUARTERS: usize = 4;

/// What a quarter of a step lacks: `weights[column][depth]`.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(target_feature = "relaxed-simd"),
    allow(dead_code, reason = "only relaxed SIMD saturates")
)]
pub(super) struct ExcessPart {
    pub(super) step: usize,
    pub(super) weights: [[i8; 4]; COLUMNS / QUARTERS],
}

impl Excess {
    /// Takes off the steps, of which a panel has `quads`, what is too much.
    pub(super) fn take(steps: &mut [ByteStep], quads: usize) -> Self {
        let mut excess = Self::default();
        for panel in steps.chunks_exact_mut(quads) {
            excess.ends.push(std::array::from_fn(|quarter| {
                for (step, columns) in panel.iter_mut().enumerate() {
                    let columns = &mut columns.as_chunks_mut().0[quarter];
                    let weights = columns.each_mut().map(|column| {
                        let (pairs, _) = column.as_chunks_mut::<2>();
                        let [first, second] = [0, 1].map(|pair| excess_of(&mut pairs[pair]));
                        [first, 0, second, 0]
                    });
                    if weights != [[0; 4]; COLUMNS / QUARTERS] {
                        excess.parts.push(ExcessPart { step, weights });
                    }
                }
                excess.parts.len()
            }));
        }
        excess
    }

    /// Those of the quarters of a panel.
    #[inline(always)]
    #[cfg_attr(
        not(target_feature = "relaxed-simd"),
        allow(dead_code, reason = "only relaxed SIMD saturates")
    )]
    pub(super) fn of(&self, panel: usize) -> [&[ExcessPart]; QUARTERS] {
        let before = panel
            .checked_sub(1)
            .map_or(0, |before| self.ends[before][QUARTERS - 1]);
        let ends = self.ends[panel];
        std::array::from_fn(|quarter| {
            let start = quarter.checked_sub(1).map_or(before, |before| ends[before]);
            &self.parts[start..ends[quarter]]
        })
    }
}

/// Takes off the first weight of a pair what both have over 128, and returns it.
fn excess_of(pair: &mut [i8; 2]) -> i8 {
    const MOST: i32 = 128;
    let sum = i32::from(pair[0]) + i32::from(pair[1]);
    // Weights of different signs add up to less.
    let excess = (sum - sum.clamp(-MOST, MOST)) as i8;
    pair[0] -= excess;
    excess
}

/// Rows in blocks of nearly equal height, none taller than a tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    rows: usize,
    count: usize,
}

impl Blocks {
    pub(super) fn new(rows: usize, tallest: usize) -> Self {
        Self {
            rows,
            count: rows.div_ceil(tallest),
        }
    }

    pub(super) fn count(self) -> usize {
        self.count
    }

    /// The rows of a block.
    #[inline(always)]
    pub(super) fn rows(self, block: usize) -> std::ops::Range<usize> {
        let (least, more) = (self.rows / self.count, self.rows % self.count);
        let start = |block: usize| block * least + block.min(more);
        start(block)..start(block + 1)
    }
}

/// Activations `[T, K]` as integers with one scale per row, written by a [`super::Runner`] for the
/// variant that reads them.
///
/// With the zero point taken off, an integer lies within ±255 and stands for `integer * scale`.
#[derive(Debug, Clone, Default)]
pub struct QuantizedRows {
    pub(super) depth: usize,
    /// Of which variant.
    pub(super) packing: Packing,
    /// In blocks of H rows, `[ceil(K / 4)][H]`; one of the three, as the variant asks for it.
    shorts: Vec<[i16; 4]>,
    unsigned: Vec<[u8; 4]>,
    signed: Vec<[i8; 4]>,
    pub(super) scales: Vec<f32>,
    /// What times the sum of a column's weights has still to be taken off a dot product.
    pub(super) zeros: Vec<i32>,
}

impl QuantizedRows {
    /// T.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// Makes room for `[rows, depth]`; allocates only to grow.
    pub(super) fn resize<A: Activation>(&mut self, rows: usize, depth: usize, tallest: usize) {
        self.depth = depth;
        self.packing = Packing::of::<A>(tallest);
        self.scales.resize(rows, 0.0);
        self.zeros.resize(rows, 0);
        let quads = A::parts_mut(self).0;
        quads.resize(rows * depth.div_ceil(4), [A::default(); 4]);
    }
}

/// How rows are packed: the tallest block, and the form of an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Packing {
    tallest: usize,
    form: &'static str,
}

impl Packing {
    pub(super) fn of<A: Activation>(tallest: usize) -> Self {
        Self {
            tallest,
            form: std::any::type_name::<A>(),
        }
    }
}

/// The form of an int8 activation: `integer + offset`, where 0 to 255 are the integers with the
/// row's zero point still in them. The dot products of every form give the same numbers, once
/// [`Activation::zero`] times the sum of the column's weights is taken off.
pub(super) trait Activation: Copy + Default + Send + Sync + 'static {
    /// From integers that are not rounded yet and lack the row's zero point.
    fn quantized<L: Lanes>(x: L, zero: i32) -> [Self; LANES];
    /// What is left of a row's zero point to be taken off.
    fn zero(zero: i32) -> i32;
    fn quads(rows: &QuantizedRows) -> &[[Self; 4]];
    /// Quads, scales and zeros.
    fn parts_mut(rows: &mut QuantizedRows) -> (&mut Vec<[Self; 4]>, &mut [f32], &mut [i32]);
}

macro_rules! activation {
    ($kind:ty, $field:ident, |$x:ident, $zero:ident| $quantized:expr, $left:expr) => {
        impl Activation for $kind {
            #[inline(always)]
            fn quantized<L: Lanes>($x: L, $zero: i32) -> [Self; LANES] {
                $quantized
            }
            #[inline(always)]
            fn zero($zero: i32) -> i32 {
                let _ = $zero;
                $left
            }
            #[inline(always)]
            fn quads(rows: &QuantizedRows) -> &[[Self; 4]] {
                &rows.$field
            }
            fn parts_mut(
                rows: &mut QuantizedRows,
            ) -> (&mut Vec<[Self; 4]>, &mut [f32], &mut [i32]) {
                (&mut rows.$field, &mut rows.scales, &mut rows.zeros)
            }
        }
    };
}
// For products of 16 bits; of an unsigned byte with a signed one; of two signed bytes.
activation!(i16, shorts, |x, zero| clamped(x, zero).shorts(), 0);
activation!(u8, unsigned, |x, zero| x.bytes(zero), zero);
activation!(
    i8,
    signed,
    |x, zero| {
        let bytes = u64::from_ne_bytes(x.bytes(zero)) ^ u64::from_ne_bytes([128; LANES]);
        bytes.to_ne_bytes().map(u8::cast_signed)
    },
    zero - 128
);

/// What [`Lanes::bytes`] makes integers of, without the zero point. What is not finite stays in the same
/// range wherever comparisons choose the number; elsewhere products of 16 bits wrap.
#[inline(always)]
fn clamped<L: Lanes>(x: L, zero: i32) -> L {
    let zero = zero as f32;
    x.same(-zero).greater(x).lesser(x.same(255.0 - zero))
}

/// Buffers of [`super::attention`], kept between calls.
#[derive(Debug, Default)]
pub struct AttentionScratch {
    pub(super) shorts: super::attention::Shorts,
    pub(super) floats: super::attention::Floats,
}

/// Rows in `len` values of `width` each.
pub(super) fn rows_of(what: &str, len: usize, width: usize) -> usize {
    assert!(
        width > 0 && len.is_multiple_of(width),
        "{len} {what} are no whole rows of {width}"
    );
    len / width
}
