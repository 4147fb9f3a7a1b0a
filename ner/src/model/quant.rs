//! The int8 scheme, in scalar code: the definition.
//!
//! Symmetric per row: `scale = max|w| / 127`, `q = round_ties_even(w / scale)` in -127..=127, `w ≈
//! q * scale`. A row of zeros has scale 0. All in F32 as IEEE 754 defines it, so that every machine
//! writes the same bytes.
//!
//! Where `max|w|` is so small that the scale is denormal, its relative error can take `w / scale`
//! past 127: the value is then clamped. Where the scale underflows to 0, the row is one of zeros.

use crate::Error;

/// Largest magnitude of a quantized value. -128 is not used, so that negation never overflows.
pub const MAX: i8 = 127;

/// Quantizes a row-major `[rows, cols]` matrix; returns values and one scale per row.
///
/// # Errors
/// [`Error::NotFinite`] for a NaN or an infinity.
///
/// # Panics
/// When `values` has not `rows * cols` elements.
pub fn quantize_rows(
    values: &[f32],
    rows: usize,
    cols: usize,
) -> Result<(Vec<i8>, Vec<f32>), Error> {
    assert_eq!(
        Some(values.len()),
        rows.checked_mul(cols),
        "a [{rows}, {cols}] matrix"
    );
    let mut quantized = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(rows);
    for row in 0..rows {
        let weights = &values[row * cols..][..cols];
        if let Some(column) = weights.iter().position(|w| !w.is_finite()) {
            return Err(Error::NotFinite {
                row,
                column,
                value: weights[column],
            });
        }
        let max = f32::from(MAX);
        let scale = weights
            .iter()
            .fold(0.0f32, |largest, w| largest.max(w.abs()))
            / max;
        let quantize = |w: &f32| {
            if scale == 0.0 {
                0
            } else {
                (w / scale).round_ties_even().clamp(-max, max) as i8
            }
        };
        quantized.extend(weights.iter().map(quantize));
        scales.push(scale);
    }
    Ok((quantized, scales))
}

/// The floats that int8 rows stand for, row-major `[scales.len(), cols]`.
///
/// # Panics
/// When `values` has not `scales.len() * cols` elements.
pub fn dequantize_rows(values: &[i8], scales: &[f32], cols: usize) -> Vec<f32> {
    assert_eq!(
        Some(values.len()),
        scales.len().checked_mul(cols),
        "a [{}, {cols}] matrix",
        scales.len()
    );
    (0..values.len())
        .map(|i| f32::from(values[i]) * scales[i / cols])
        .collect()
}
