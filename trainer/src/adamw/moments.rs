//! What an optimizer remembers, for another one to go on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};

use super::{AdamW, BLOCK, Blocks, Moments};

/// What the optimizer remembers of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The parameter.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Mean of its gradients, row by row.
    pub mean: Vec<f32>,
    /// Mean of their squares.
    pub square: Vec<f32>,
}

impl AdamW {
    /// Means and mean squares of the gradients so far, for [`Self::restore`]: name, shape, and the values of both.
    ///
    /// # Errors
    /// candle's, for moments on another device than the CPU.
    pub fn moments(&self) -> Result<Vec<Moment>> {
        let moments = self.parameters.iter().map(|parameter| {
            let (mean, square) = match &parameter.moments {
                Moments::Host(blocks) => {
                    let blocks = blocks.lock().unwrap_or_else(PoisonError::into_inner);
                    (blocks.mean.clone(), blocks.square.clone())
                }
                Moments::Device { mean, square } => (
                    mean.flatten_all()?.to_vec1()?,
                    square.flatten_all()?.to_vec1()?,
                ),
            };
            Ok(Moment {
                name: parameter.name.clone(),
                shape: parameter.var.dims().to_vec(),
                mean,
                square,
            })
        });
        moments.collect()
    }

    /// Goes on as an optimizer that had made so many steps and had these moments, in any order.
    ///
    /// # Errors
    /// Names a parameter whose moments are missing or of another shape; the optimizer is of no use then.
    pub fn restore(&mut self, moments: Vec<Moment>, steps: usize) -> Result<()> {
        let mut moments: HashMap<String, Moment> = moments
            .into_iter()
            .map(|moment| (moment.name.clone(), moment))
            .collect();
        self.steps = i32::try_from(steps).context("too many steps")?;
        for parameter in &mut self.parameters {
            let name = &parameter.name;
            let Moment {
                shape,
                mean,
                square,
                ..
            } = moments
                .remove(name)
                .with_context(|| format!("there are no moments of {name}"))?;
            if shape != parameter.var.dims() {
                bail!(
                    "the moments of {name} have shape {shape:?}, the parameter has {:?}",
                    parameter.var.dims()
                );
            }
            parameter.moments = match parameter.var.device() {
                Device::Cpu => {
                    // A block whose moments are zero is stepped alike whether it was touched or not.
                    let untouched = mean.chunks(BLOCK).zip(square.chunks(BLOCK));
                    let untouched = untouched.map(|(mean, square)| {
                        mean.iter().chain(square).all(|&moment| moment == 0.0)
                    });
                    Moments::Host(Mutex::new(Blocks {
                        untouched: untouched.collect(),
                        mean,
                        square,
                    }))
                }
                device => Moments::Device {
                    mean: Tensor::from_vec(mean, shape.clone(), device)?,
                    square: Tensor::from_vec(square, shape, device)?,
                },
            };
        }
        Ok(())
    }
}
