//! AdamW (Loshchilov and Hutter 2019) with clipping of the global gradient norm, in place on the
//! CPU.

mod moments;

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Device, InplaceOp2, Layout, Tensor, Var};
use rayon::prelude::*;

pub use moments::Moment;

/// What the optimizer needs to know besides the gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Decay rate of the mean gradient.
    pub beta1: f64,
    /// Decay rate of the mean squared gradient.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Decoupled decay of matrices; biases, LayerNorm weights and a CRF's terms have none.
    pub weight_decay: f64,
    /// Largest global norm of the gradient; longer ones are scaled down to it.
    pub max_norm: f64,
}

impl Default for Options {
    /// PyTorch's and Hugging Face's values.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            max_norm: 1.0,
        }
    }
}

/// The state of a run.
pub struct AdamW {
    options: Options,
    parameters: Vec<Parameter>,
    steps: i32,
}

struct Parameter {
    name: String,
    var: Var,
    decays: bool,
    /// Factor of the learning rate.
    rate: f64,
    moments: Moments,
}

/// Mean and mean square of the gradients so far.
enum Moments {
    /// Beside the parameter on the CPU. The lock is never contended: candle hands in-place ops out
    /// by shared reference.
    Host(Mutex<Blocks>),
    /// On any other device.
    Device { mean: Tensor, square: Tensor },
}

struct Blocks {
    mean: Vec<f32>,
    square: Vec<f32>,
    /// Whether a block's moments are still zero. Most rows of a word embedding never occur in a
    /// data set: where moments and gradient are zero the step is the decay alone, and the moments
    /// need not be read.
    untouched: Vec<bool>,
}

/// Adam moves a parameter by about the learning rate a step, whatever the gradient. A rate that is
/// right for the weights of a pre-trained network, some 0.05 large, would leave a CRF's terms, which
/// begin at 0 and are of a logit's size, where they are.
pub const CRF_RATE: f64 = 30.0;

/// Elements per block, the unit of work.
const BLOCK: usize = 1024;

impl AdamW {
    /// An optimizer of named parameters. Decay spares `*.bias`, `*LayerNorm.weight` and `crf.*`, which
    /// learns [`CRF_RATE`] times as fast as the rest.
    ///
    /// # Errors
    /// When moments cannot be allocated on a parameter's device.
    pub fn new(
        parameters: impl IntoIterator<Item = (String, Var)>,
        options: Options,
    ) -> Result<Self> {
        let parameters = parameters.into_iter().map(|(name, var)| {
            let is_crf = name.starts_with("crf.");
            let decays = !(name.ends_with(".bias") || name.ends_with("LayerNorm.weight") || is_crf);
            let rate = if is_crf { CRF_RATE } else { 1.0 };
            let moments = match var.device() {
                Device::Cpu => {
                    let count = var.elem_count();
                    Moments::Host(Mutex::new(Blocks {
                        mean: vec![0.0; count],
                        square: vec![0.0; count],
                        untouched: vec![true; count.div_ceil(BLOCK)],
                    }))
                }
                _ => Moments::Device {
                    mean: var.zeros_like()?,
                    square: var.zeros_like()?,
                },
            };
            Ok(Parameter {
                name,
                var,
                decays,
                rate,
                moments,
            })
        });
        Ok(Self {
            options,
            parameters: parameters.collect::<Result<_>>()?,
            steps: 0,
        })
    }

    /// Clips the gradients, updates every parameter and returns the norm before clipping.
    ///
    /// # Errors
    /// Names a parameter that has no gradient (a part of the network that the loss does not reach)
    /// and a norm that is not finite; no parameter has changed then.
    pub fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<f64> {
        let mut square = 0.0;
        let mut found = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let Some(gradient) = gradients.get(&parameter.var) else {
                bail!(
                    "{} has no gradient: the loss does not depend on it",
                    parameter.name
                );
            };
            let gradient = gradient.contiguous()?;
            square += sum_of_squares(&gradient)?;
            found.push(gradient);
        }
        let norm = square.sqrt();
        if !norm.is_finite() {
            bail!("the gradient's norm is {norm}");
        }
        self.steps += 1;
        // As torch.nn.utils.clip_grad_norm_ has it.
        let clip = (self.options.max_norm / (norm + 1e-6)).min(1.0);
        for (parameter, gradient) in self.parameters.iter_mut().zip(&found) {
            let rate = rate * parameter.rate;
            let step = Step::new(&self.options, self.steps, rate, clip, parameter.decays);
            parameter
                .update(gradient, &step)
                .with_context(|| parameter.name.clone())?;
        }
        Ok(norm)
    }
}

impl Parameter {
    fn update(&mut self, gradient: &Tensor, step: &Step) -> candle_core::Result<()> {
        match &mut self.moments {
            Moments::Host(blocks) => self.var.inplace_op2(gradient, &Update { step, blocks }),
            Moments::Device { mean, square } => step.composite(&self.var, gradient, mean, square),
        }
    }
}

/// The numbers of one step of one parameter.
struct Step {
    clip: f64,
    keep: f64,
    beta1: f64,
    beta2: f64,
    /// Learning rate over the mean's bias correction.
    size: f64,
    /// Reciprocal root of the mean square's bias correction.
    correction: f64,
    epsilon: f64,
}

impl Step {
    fn new(options: &Options, steps: i32, rate: f64, clip: f64, decays: bool) -> Self {
        let Options {
            beta1,
            beta2,
            epsilon,
            weight_decay,
            ..
        } = *options;
        Self {
            clip,
            keep: if decays {
                1.0 - rate * weight_decay
            } else {
                1.0
            },
            beta1,
            beta2,
            size: rate / (1.0 - beta1.powi(steps)),
            correction: 1.0 / (1.0 - beta2.powi(steps)).sqrt(),
            epsilon,
        }
    }

    fn composite(
        &self,
        var: &Var,
        gradient: &Tensor,
        mean: &mut Tensor,
        square: &mut Tensor,
    ) -> candle_core::Result<()> {
        let gradient = (gradient * self.clip)?;
        *mean = ((&*mean * self.beta1)? + (&gradient * (1.0 - self.beta1))?)?;
        *square = ((&*square * self.beta2)? + (gradient.sqr()? * (1.0 - self.beta2))?)?;
        let deviation = ((square.sqrt()? * self.correction)? + self.epsilon)?;
        var.set(&((var.as_tensor() * self.keep)? - (mean.div(&deviation)? * self.size)?)?)
    }

    /// The step of one block.
    #[inline(always)]
    fn block(&self, values: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32]) {
        let (keep, clip, size) = (self.keep as f32, self.clip as f32, self.size as f32);
        let (beta1, beta2) = (self.beta1 as f32, self.beta2 as f32);
        let (rest1, rest2) = ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32);
        let (correction, epsilon) = (self.correction as f32, self.epsilon as f32);
        let n = values.len();
        let (gradient, mean, square) = (&gradient[..n], &mut mean[..n], &mut square[..n]);
        for i in 0..n {
            let g = gradient[i] * clip;
            mean[i] = beta1 * mean[i] + rest1 * g;
            square[i] = beta2 * square[i] + rest2 * g * g;
            values[i] =
                keep * values[i] - size * mean[i] / (square[i].sqrt() * correction + epsilon);
        }
    }
}

/// The step as an in-place op of candle: it writes the parameter, reads the gradient.
struct Update<'a> {
    step: &'a Step,
    blocks: &'a Mutex<Blocks>,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(
        &self,
        values: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let CpuStorage::F32(values) = values else {
            candle_core::bail!("parameters must be F32");
        };
        let gradient = gradient.as_slice::<f32>()?;
        let (Some((start, end)), Some((from, to))) = (
            layout.contiguous_offsets(),
            gradient_layout.contiguous_offsets(),
        ) else {
            candle_core::bail!("parameter and gradient must be contiguous");
        };
        if end - start != to - from {
            candle_core::bail!("{} parameters, {} gradients", end - start, to - from);
        }
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let Blocks {
            mean,
            square,
            untouched,
        } = &mut *blocks;
        let gradients = gradient[from..to].par_chunks(BLOCK);
        let moments = mean
            .par_chunks_mut(BLOCK)
            .zip(square.par_chunks_mut(BLOCK))
            .zip(untouched);
        let parameters = values[start..end].par_chunks_mut(BLOCK);
        parameters
            .zip(gradients)
            .zip(moments)
            .with_min_len(16)
            .for_each(|((values, gradient), ((mean, square), untouched))| {
                pulp::Arch::new().dispatch(|| {
                    // Branch-free, so that it is one pass of SIMD code.
                    let zero = gradient.iter().fold(0, |bits, g| bits | (g.to_bits() << 1)) == 0;
                    if *untouched && zero {
                        let keep = self.step.keep as f32;
                        values.iter_mut().for_each(|value| *value *= keep);
                    } else {
                        *untouched = false;
                        self.step.block(values, gradient, mean, square);
                    }
                });
            });
        Ok(())
    }
}

/// Sum of the squares of a contiguous gradient; on the CPU in blocks of fixed size, added in order,
/// so that it does not depend on the number of threads.
fn sum_of_squares(gradient: &Tensor) -> Result<f64> {
    if !gradient.device().is_cpu() {
        return Ok(f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?));
    }
    let (storage, layout) = gradient.storage_and_layout();
    let (candle_core::Storage::Cpu(storage), Some((start, end))) =
        (&*storage, layout.contiguous_offsets())
    else {
        bail!("a gradient must be contiguous");
    };
    let partial: Vec<f64> = storage.as_slice::<f32>()?[start..end]
        .par_chunks(BLOCK)
        .with_min_len(16)
        .map(|block| {
            pulp::Arch::new().dispatch(|| {
                let mut lanes = [0f64; 8];
                for chunk in block.chunks(8) {
                    for (lane, &value) in lanes.iter_mut().zip(chunk) {
                        *lane += f64::from(value) * f64::from(value);
                    }
                }
                lanes.iter().sum::<f64>()
            })
        })
        .collect();
    Ok(partial.iter().sum())
}
