//! The tensors of a model in the kernels' layout.

use ner::model::Bundle;
use ner::model::bundle::{Tensor, Values};

use crate::Isa;
use crate::kernels::{Activate, ByteMatrix, FloatMatrix, Norm, QuantizedRows, Runner};

/// An embedding table `[rows, H]`.
#[derive(Debug)]
pub(crate) enum Table {
    F32(Vec<f32>),
    /// The values are signed.
    I8 {
        values: Vec<u8>,
        scales: Vec<f32>,
    },
}

impl Table {
    pub(crate) fn take(bundle: &mut Bundle, name: &str) -> Self {
        match bundle.take(name) {
            Tensor::F32(bytes) => Self::F32(Values::F32(&bytes).to_f32()),
            Tensor::I8 { values, scales } => Self::I8 {
                values: values.into_owned(),
                scales: Values::F32(&scales).to_f32(),
            },
        }
    }

    /// Adds a row to `out [H]`.
    pub(crate) fn add_row(&self, row: usize, out: &mut [f32]) {
        let at = row * out.len()..(row + 1) * out.len();
        match self {
            Self::F32(values) => {
                for (out, value) in out.iter_mut().zip(&values[at]) {
                    *out += value;
                }
            }
            Self::I8 { values, scales } => {
                let scale = scales[row];
                for (out, &value) in out.iter_mut().zip(&values[at]) {
                    *out += f32::from(value.cast_signed()) * scale;
                }
            }
        }
    }
}

/// A linear layer `[T, K] -> [T, N]`.
#[derive(Debug)]
pub(crate) struct Linear {
    matrix: Matrix,
    bias: Vec<f32>,
}

#[derive(Debug)]
enum Matrix {
    F32(FloatMatrix),
    I8(ByteMatrix),
}

impl Linear {
    /// The layers of these names (`.weight` and `.bias` are appended) as one, their outputs side by
    /// side, for `isa`; `depth` is K.
    pub(crate) fn take(bundle: &mut Bundle, isa: Isa, names: &[String], depth: usize) -> Self {
        let (mut weights, mut values, mut scales) = (vec![], vec![], vec![]);
        for name in names {
            match bundle.take(&format!("{name}.weight")) {
                Tensor::F32(bytes) => weights.extend(Values::F32(&bytes).to_f32()),
                Tensor::I8 {
                    values: bytes,
                    scales: rows,
                } => {
                    values.extend(bytes.iter().map(|byte| byte.cast_signed()));
                    scales.extend(Values::F32(&rows).to_f32());
                }
            }
        }
        // A bundle has the encoder's matrices all in one type.
        let matrix = if values.is_empty() {
            Matrix::F32(FloatMatrix::new(&weights, depth))
        } else {
            Matrix::I8(ByteMatrix::new(isa, &values, &scales, depth))
        };
        let mut bias = Vec::new();
        for name in names {
            bias.extend(vector(bundle, &format!("{name}.bias")));
        }
        Self { matrix, bias }
    }

    /// N.
    pub(crate) fn columns(&self) -> usize {
        self.bias.len()
    }

    /// Whether its input has to be quantized.
    pub(crate) fn is_int8(&self) -> bool {
        matches!(self.matrix, Matrix::I8(_))
    }

    /// `out [T, N]` from `x [T, K]`, or where this is an int8 layer from `quantized`, which
    /// [`Runner::quantize`] has made of x.
    pub(crate) fn apply(
        &self,
        runner: Runner,
        x: &[f32],
        quantized: &QuantizedRows,
        activate: Activate,
        out: &mut [f32],
    ) {
        let bias = &self.bias;
        match &self.matrix {
            Matrix::F32(matrix) => runner.linear_f32(x, matrix, bias, activate, out),
            Matrix::I8(matrix) => runner.linear_i8(quantized, matrix, bias, activate, out),
        }
    }
}

/// Gain and bias of a LayerNorm.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    gain: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl LayerNorm {
    pub(crate) fn take(bundle: &mut Bundle, name: &str) -> Self {
        Self {
            gain: vector(bundle, &format!("{name}.weight")),
            bias: vector(bundle, &format!("{name}.bias")),
            epsilon: bundle.config().layer_norm_eps as f32,
        }
    }

    pub(crate) fn norm(&self) -> Norm<'_> {
        Norm {
            gain: &self.gain,
            bias: &self.bias,
            epsilon: self.epsilon,
        }
    }
}

fn vector(bundle: &mut Bundle, name: &str) -> Vec<f32> {
    bundle.take(name).values().to_f32()
}
