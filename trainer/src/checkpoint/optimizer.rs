//! The optimizer's part of a checkpoint: a safetensors file of `exp_avg.NAME` and `exp_avg_sq.NAME` for each parameter, as PyTorch
//! calls the two.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::Device;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::adamw::Moment;

pub(super) const FILE: &str = "optimizer.safetensors";
const MEAN: &str = "exp_avg";
const SQUARE: &str = "exp_avg_sq";

/// Writes the file into a directory.
pub(super) fn save(directory: &Path, moments: &[Moment]) -> Result<()> {
    let path = directory.join(FILE);
    let both = moments.iter().flat_map(|moment| {
        [(MEAN, &moment.mean), (SQUARE, &moment.square)].map(|(what, values)| {
            let bytes = bytemuck::cast_slice(values);
            let view = TensorView::new(Dtype::F32, moment.shape.clone(), bytes)?;
            Ok((format!("{what}.{}", moment.name), view))
        })
    });
    let views = both.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    // Tensor by tensor: together they are twice as large as the model.
    safetensors::serialize_to_file(views, None, &path)
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(File::open(&path)?.sync_all()?))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Reads the file of a checkpoint.
///
/// # Errors
/// Names the file, and a tensor in it that is not what [`save`] writes.
pub(crate) fn load(directory: &Path) -> Result<Vec<Moment>> {
    let path = directory.join(FILE);
    let read = || -> Result<Vec<Moment>> {
        fs::metadata(&path)?;
        let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu)?;
        let names: Vec<String> = tensors.keys().cloned().collect();
        let mut moments = HashMap::new();
        for name in names {
            let Some(parameter) = name.strip_prefix("exp_avg.") else {
                continue;
            };
            let mut take = |what: &str| -> Result<_> {
                let name = format!("{what}.{parameter}");
                let tensor = tensors
                    .remove(&name)
                    .with_context(|| format!("{name} is missing"))?;
                let values = tensor.flatten_all()?.to_vec1::<f32>().context(name)?;
                Ok((tensor.dims().to_vec(), values))
            };
            let ((shape, mean), (other, square)) = (take(MEAN)?, take(SQUARE)?);
            if shape != other {
                bail!("{parameter}: moments of shapes {shape:?} and {other:?}");
            }
            let name = parameter.to_owned();
            moments.insert(
                name.clone(),
                Moment {
                    name,
                    shape,
                    mean,
                    square,
                },
            );
        }
        Ok(moments.into_values().collect())
    };
    read().with_context(|| path.display().to_string())
}
