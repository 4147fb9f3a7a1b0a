//! A safe, bounds-checked face of the `gemm` crate, which candle's own matrix product uses too.

/// A matrix within a slice.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Row-major with `row_stride` values from one row's first to the next one's.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(
            rows > 0 && columns > 0 && columns <= row_stride,
            "{rows} x {columns} with stride {row_stride}"
        );
        assert!(
            (rows - 1) * row_stride + columns <= values.len(),
            "{rows} rows beyond {} values",
            values.len()
        );
        Self {
            values,
            rows,
            columns,
            row_stride,
            column_stride: 1,
        }
    }

    /// The transpose, by exchanging the strides.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// What a product does with the values that `out` holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    /// Overwrites them.
    Replace,
    /// Adds to them.
    Add,
}

/// `out = scale · a · b`, or `out += …`; `out` is row-major with `row_stride`, on `threads` threads
/// of rayon's pool (1: the calling one only).
pub(super) fn gemm(
    out: &mut [f32],
    row_stride: usize,
    into: Into,
    scale: f32,
    a: Matrix,
    b: Matrix,
    threads: usize,
) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(k, b.rows, "inner dimensions");
    assert!(
        n <= row_stride && (m - 1) * row_stride + n <= out.len(),
        "{m} x {n} into {} values",
        out.len()
    );
    let parallelism = if threads > 1 {
        gemm::Parallelism::Rayon(threads)
    } else {
        gemm::Parallelism::None
    };
    // SAFETY: `Matrix::new` has checked that element (i, j) of `a` and `b`, at i * row_stride + j *
    // column_stride, lies in their slices (transposing exchanges i and j together with the
    // strides), and the assertion above that (i, j) of `out`, at i * row_stride + j, lies in `out`.
    // `out` is borrowed exclusively, so it overlaps neither. Lengths of slices fit isize.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            row_stride as isize,
            into == Into::Add,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_equal_the_definition() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (33, 17, 8), (64, 64, 64)] {
            let a: Vec<f32> = (0..m * (k + 2)).map(|i| (i % 13) as f32 - 6.0).collect();
            let b: Vec<f32> = (0..n * (k + 1)).map(|i| (i % 7) as f32 - 3.0).collect();
            let mut out = vec![1f32; m * (n + 3)];
            let (a_matrix, b_matrix) = (
                Matrix::new(&a, m, k, k + 2),
                Matrix::new(&b, n, k, k + 1).transposed(),
            );
            gemm(&mut out, n + 3, Into::Add, 0.5, a_matrix, b_matrix, 1);
            for i in 0..m {
                for j in 0..n + 3 {
                    let product: f32 = (0..k)
                        .map(|x| a[i * (k + 2) + x] * b[j.min(n - 1) * (k + 1) + x])
                        .sum();
                    let expected = if j < n { 1.0 + 0.5 * product } else { 1.0 };
                    // Small integers: every intermediate result is exact.
                    assert_eq!(
                        out[i * (n + 3) + j],
                        expected,
                        "{m} x {n} x {k} at ({i}, {j})"
                    );
                }
            }
        }
    }
}
