//! Tensors as views of storages.

use std::borrow::Cow;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor};

/// Most dimensions of a tensor; BERT has two.
pub(super) const MAX_RANK: usize = 8;

/// What a storage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Dtype {
    /// Of `torch.FloatStorage` and its like, by the name in `torch`.
    pub(super) fn of_storage(name: &str) -> Option<Self> {
        Some(match name {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "LongStorage" => Self::I64,
            "IntStorage" => Self::I32,
            "ShortStorage" => Self::I16,
            "CharStorage" => Self::I8,
            "ByteStorage" => Self::U8,
            "BoolStorage" => Self::Bool,
            _ => return None,
        })
    }

    /// Bytes of an element.
    pub(super) fn size(self) -> u64 {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    fn candle(self) -> Option<DType> {
        Some(match self {
            Self::F64 => DType::F64,
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
            Self::I64 => DType::I64,
            Self::I32 => DType::I32,
            Self::I16 => DType::I16,
            Self::U8 | Self::Bool => DType::U8,
            Self::I8 => return None,
        })
    }
}

/// What a pickle says of a storage; counts are in elements.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Storage {
    /// Its name in the file.
    pub(super) key: String,
    pub(super) dtype: Dtype,
    pub(super) numel: u64,
    /// The part of it that is meant, which is all of it in files of today: `start + len` is at most
    /// `numel`.
    pub(super) start: u64,
    pub(super) len: u64,
}

impl Storage {
    /// Bytes of the whole storage.
    ///
    /// # Errors
    /// Where that is no number of bytes.
    pub(super) fn bytes(&self) -> Result<u64> {
        let bytes = self.numel.checked_mul(self.dtype.size());
        bytes.with_context(|| format!("storage {} of {} elements", self.key, self.numel))
    }
}

/// A tensor that has been checked to lie in its storage.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct View {
    pub(super) storage: Rc<Storage>,
    /// Elements of the storage before the first one.
    offset: u64,
    shape: Vec<u64>,
    /// Elements of the storage from one index to the next, per dimension.
    stride: Vec<u64>,
    numel: u64,
}

impl View {
    /// # Errors
    /// Where it has too many dimensions or an element outside its storage.
    pub(super) fn new(
        storage: Rc<Storage>,
        offset: u64,
        shape: Vec<u64>,
        stride: Vec<u64>,
    ) -> Result<Self> {
        if shape.len() != stride.len() || shape.len() > MAX_RANK {
            bail!(
                "a tensor of {} dimensions with {} strides, of at most {MAX_RANK}",
                shape.len(),
                stride.len()
            );
        }
        let numel = shape
            .iter()
            .try_fold(1_u64, |numel, &size| numel.checked_mul(size));
        let numel = numel.with_context(|| format!("a tensor of shape {shape:?}"))?;
        let span = shape
            .iter()
            .zip(&stride)
            .try_fold(1_u64, |span, (size, stride)| {
                span.checked_add(size.saturating_sub(1).checked_mul(*stride)?)
            });
        let end = span.and_then(|span| span.checked_add(offset));
        if numel > 0 && end.is_none_or(|end| end > storage.len) {
            bail!(
                "a tensor of shape {shape:?}, strides {stride:?} and offset {offset} reaches out of \
                 storage {} with its {} elements",
                storage.key,
                storage.len
            );
        }
        Ok(Self {
            storage,
            offset,
            shape,
            stride,
            numel,
        })
    }

    /// Bytes of its elements, each counted as often as the tensor has it.
    pub(super) fn bytes(&self) -> u64 {
        self.numel.saturating_mul(self.storage.dtype.size())
    }

    /// The tensor, given the bytes of the whole storage, which are in the order that `swap` makes
    /// this machine's.
    ///
    /// # Errors
    /// Where candle has no such type.
    pub(super) fn tensor(&self, storage: &[u8], swap: bool) -> Result<Tensor> {
        let dtype = self.storage.dtype;
        let dtype = dtype
            .candle()
            .with_context(|| format!("tensors of {dtype:?} are not supported"))?;
        let mut elements = self.elements(storage)?;
        if swap {
            let size = dtype.size_in_bytes();
            for element in elements.to_mut().chunks_exact_mut(size) {
                element.reverse();
            }
        }
        let shape = self.shape.iter().map(|&size| usize::try_from(size));
        let shape = shape.collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::from_raw_buffer(
            &elements,
            dtype,
            &shape,
            &Device::Cpu,
        )?)
    }

    /// The bytes of its elements, row by row.
    fn elements<'a>(&self, storage: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let size = usize::try_from(self.storage.dtype.size())?;
        let first = usize::try_from(self.storage.start + self.offset)?;
        let numel = usize::try_from(self.numel)?;
        if self.is_contiguous() {
            // An empty tensor may begin anywhere.
            let range = if numel == 0 {
                0..0
            } else {
                first * size..(first + numel) * size
            };
            return Ok(Cow::Borrowed(&storage[range]));
        }
        let mut elements = Vec::with_capacity(numel * size);
        let mut index = vec![0; self.shape.len()];
        let mut at = first as u64;
        for _ in 0..numel {
            let byte = usize::try_from(at)? * size;
            elements.extend_from_slice(&storage[byte..byte + size]);
            for (k, place) in index.iter_mut().enumerate().rev() {
                *place += 1;
                at += self.stride[k];
                if *place < self.shape[k] {
                    break;
                }
                at -= self.stride[k] * self.shape[k];
                *place = 0;
            }
        }
        Ok(Cow::Owned(elements))
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.numel == 0
            || self
                .shape
                .iter()
                .zip(&self.stride)
                .rev()
                .all(|(&size, &stride)| {
                    let fits = size == 1 || stride == expected;
                    expected *= size;
                    fits
                })
    }
}
