//! The int8 scheme against numpy.

use ner::Error;
use ner::model::quant::{dequantize_rows, quantize_rows};
use serde::Deserialize;

/// A case of `goldens/model_quant.json`; floats as bits.
#[derive(Deserialize)]
struct Case {
    name: String,
    shape: [usize; 2],
    values: Vec<u32>,
    quantized: Vec<i8>,
    scales: Vec<u32>,
    dequantized: Vec<u32>,
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn equals_numpy_to_the_bit() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("goldens/model_quant.json")).unwrap();
    assert_eq!(cases.len(), 12);
    for Case {
        name,
        shape: [rows, cols],
        values,
        quantized,
        scales,
        dequantized,
    } in cases
    {
        let values: Vec<f32> = values.into_iter().map(f32::from_bits).collect();
        let (found, found_scales) = quantize_rows(&values, rows, cols).unwrap();
        assert_eq!(found, quantized, "{name}: values");
        assert_eq!(bits(&found_scales), scales, "{name}: scales");
        assert_eq!(
            bits(&dequantize_rows(&found, &found_scales, cols)),
            dequantized,
            "{name}: dequantized"
        );
    }
}

/// No value is farther from what it stands for than half a step, plus the rounding of the three
/// operations.
#[test]
fn error_is_half_a_step() {
    const ROUNDING: f32 = 128.0 * 2.0 * f32::EPSILON;
    let values: Vec<f32> = (0..4096)
        .map(|i| ((i * 2_654_435_761_u64 % 10_007) as f32 - 5003.0) * 1e-3)
        .collect();
    let (quantized, scales) = quantize_rows(&values, 64, 64).unwrap();
    let restored = dequantize_rows(&quantized, &scales, 64);
    for (i, (value, restored)) in values.iter().zip(&restored).enumerate() {
        let step = scales[i / 64];
        assert!(
            (value - restored).abs() <= step * (0.5 + ROUNDING),
            "value {i}: {value} became {restored}"
        );
    }
}

#[test]
fn what_is_no_number_is_an_error() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = vec![1.0; 12];
        values[7] = value;
        match quantize_rows(&values, 3, 4) {
            Err(Error::NotFinite {
                row: 1,
                column: 3,
                value: found,
            }) => assert_eq!(found.to_bits(), value.to_bits()),
            other => panic!("{value}: {other:?}"),
        }
    }
}

#[test]
fn no_rows_and_no_columns() {
    assert_eq!(quantize_rows(&[], 0, 5).unwrap(), (vec![], vec![]));
    assert_eq!(quantize_rows(&[], 2, 0).unwrap(), (vec![], vec![0.0, 0.0]));
}
