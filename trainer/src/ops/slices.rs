//! The values of candle's CPU tensors as slices.

use candle_core::{CpuStorage, Device, Layout, Result, Storage, Tensor};

/// Values that an op was given; its callers make every argument contiguous.
pub(crate) fn of_storage<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => candle_core::bail!(
            "a fused op needs contiguous values, found strides {:?}",
            layout.stride()
        ),
    }
}

/// Runs `f` over the values of a contiguous F32 tensor on the CPU.
pub(crate) fn with<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(of_storage(storage, layout)?),
        _ => candle_core::bail!("a fused op needs a tensor on the CPU"),
    }
}

/// A tensor on the CPU that takes over `values`.
pub(crate) fn tensor(values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)
}
