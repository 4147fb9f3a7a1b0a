//! Operands in the order in which the inner loops read them.
//!
//! A weight matrix is cut into panels of [`LANES`] output columns. Within a panel the values of one
//! depth (or pair of depths) lie together, so that a vector load yields one value for each of the
//! panel's columns. Columns and depths that a matrix lacks are zero. The layout is the same for
//! every variant.

/// Columns of a panel, and the number of partial sums of a reduction along a row.
pub(super) const LANES: usize = 8;

/// One depth of a float panel.
pub(super) type FloatStep = [f32; LANES];

/// Two depths of an int8 panel: `step[column][depth]`.
pub(super) type ByteStep = [[i8; 2]; LANES];

/// Two neighbouring quantized activations of a row.
pub(super) type Pair = [i16; 2];

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

/// An int8 weight matrix `[N, K]` with one scale per output column.
#[derive(Debug, Clone, Default)]
pub struct ByteMatrix {
    pub(super) columns: usize,
    pub(super) depth: usize,
    /// `[ceil(N / LANES)][ceil(K / 2)]` steps.
    pub(super) steps: Vec<ByteStep>,
    pub(super) scales: Vec<f32>,
}

impl ByteMatrix {
    /// Packs row-major `[N, K]` weights, one row and one scale per output column, where `depth` is
    /// K.
    ///
    /// # Panics
    /// When `weights` is not one row for each scale, or `depth` is over [`MAX_DEPTH`].
    pub fn new(weights: &[i8], scales: &[f32], depth: usize) -> Self {
        let columns = rows_of("weights", weights.len(), depth);
        assert_eq!(columns, scales.len(), "rows of weights and scales");
        assert!(depth <= MAX_DEPTH, "depth {depth} is over {MAX_DEPTH}");
        let pairs = depth.div_ceil(2);
        let mut steps = vec![[[0; 2]; LANES]; columns.div_ceil(LANES) * pairs];
        for (column, row) in weights.chunks_exact(depth).enumerate() {
            let panel = &mut steps[column / LANES * pairs..][..pairs];
            for (step, weights) in panel.iter_mut().zip(row.chunks(2)) {
                step[column % LANES][..weights.len()].copy_from_slice(weights);
            }
        }
        Self {
            columns,
            depth,
            steps,
            scales: scales.to_vec(),
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

/// Activations `[T, K]` as integers with one scale per row, written by [`super::quantize`].
///
/// The zero point is already taken off: an integer lies within ±255 and stands for `integer *
/// scale`.
#[derive(Debug, Clone, Default)]
pub struct QuantizedRows {
    pub(super) depth: usize,
    /// `[T][ceil(K / 2)]`; where K is odd, the second of the last pair is zero.
    pub(super) pairs: Vec<Pair>,
    pub(super) scales: Vec<f32>,
}

impl QuantizedRows {
    /// Makes room for `[rows, depth]`; allocates only to grow.
    pub(super) fn resize(&mut self, rows: usize, depth: usize) {
        self.depth = depth;
        self.pairs.resize(rows * depth.div_ceil(2), [0; 2]);
        self.scales.resize(rows, 0.0);
    }

    /// T.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }
}

/// Buffers of [`super::attention`], kept between calls.
#[derive(Debug, Clone, Default)]
pub struct AttentionScratch {
    /// The keys of one head as a matrix of T columns and the head's depth.
    pub(super) keys: Vec<FloatStep>,
    /// The values of one head as a matrix of the head's columns and depth T.
    pub(super) values: Vec<FloatStep>,
    /// Scores of a block of queries against every key.
    pub(super) scores: Vec<f32>,
}

/// Rows in `len` values of `width` each.
pub(super) fn rows_of(what: &str, len: usize, width: usize) -> usize {
    assert!(
        width > 0 && len.is_multiple_of(width),
        "{len} {what} are no whole rows of {width}"
    );
    len / width
}
