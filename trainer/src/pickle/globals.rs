//! The few classes and functions that a state dict names, and what a call of them makes.

use std::rc::Rc;

use anyhow::{Context, Result, bail};

use super::machine::{Id, Value};
use super::view::{Dtype, Storage, View};

/// Longest name of a storage in bytes: PyTorch's are numbers.
const MAX_KEY: usize = 64;

/// What a pickle may name; nothing of it is code that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`, whose first four arguments are the
    /// same.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`
    RebuildParameter,
    /// `torch.FloatStorage` and its like, in old files also those of `torch.cuda`
    Storage(Dtype),
}

impl Global {
    /// # Errors
    /// Names what is none of them.
    pub(super) fn find(module: &str, name: &str) -> Result<Self> {
        let found = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch" | "torch.cuda", name) => Dtype::of_storage(name).map(Self::Storage),
            _ => None,
        };
        found.with_context(|| {
            format!(
                "it asks for `{module:.80}.{name:.80}`, which no state dict needs; {}",
                super::ADVICE
            )
        })
    }
}

/// The storage of a persistent id: `("storage", type, key, location, numel)` in an archive, in a
/// stream with what is meant of it behind that: None, or `(key, offset, numel)`.
///
/// # Errors
/// Where it is something else.
pub(super) fn storage(values: &[Value], id: Id) -> Result<Storage> {
    let get = |id: Id| &values[id as usize];
    let Value::Tuple(parts) = get(id) else {
        bail!(
            "the id of an object outside the pickle is {}",
            get(id).kind()
        );
    };
    let (fields, view) = match parts.as_slice() {
        [fields @ .., view] if fields.len() == 5 => (fields, get(*view)),
        fields => (fields, &Value::None),
    };
    let &[what, dtype, key, _location, numel] = fields else {
        bail!("an object outside the pickle with {} fields", parts.len());
    };
    let (Value::Text(what), Value::Global(Global::Storage(dtype)), Value::Text(key)) =
        (get(what), get(dtype), get(key))
    else {
        bail!(
            "an object outside the pickle that is no storage; {}",
            super::ADVICE
        );
    };
    if what != "storage" || key.len() > MAX_KEY {
        bail!("an object outside the pickle that is no storage: {what:.80} {key:.80}");
    }
    let numel = size(get(numel))?;
    let (start, len) = match view {
        Value::None => (0, numel),
        Value::Tuple(view) if view.len() == 3 => (size(get(view[1]))?, size(get(view[2]))?),
        other => bail!("a part of storage {key} that is {}", other.kind()),
    };
    if start.saturating_add(len) > numel {
        bail!("elements {start} to {start} + {len} of storage {key}, which has {numel}");
    }
    Ok(Storage {
        key: key.clone(),
        dtype: *dtype,
        numel,
        start,
        len,
    })
}

/// The tensor that `_rebuild_tensor_v2(storage, offset, shape, stride, requires_grad, hooks,
/// metadata)` makes, of which only the first four say where it lies.
///
/// # Errors
/// As [`View::new`], and where an argument is something else.
pub(super) fn tensor(values: &[Value], arguments: &[Id]) -> Result<View> {
    let get = |id: Id| &values[id as usize];
    let &[storage, offset, shape, stride, ref rest @ ..] = arguments else {
        bail!("a tensor of {} arguments", arguments.len());
    };
    // Metadata say that values are to be negated or conjugated.
    if let Some(metadata) = rest.get(2).map(|&id| get(id)) {
        let empty = match metadata {
            Value::None => true,
            Value::Dict(items) => items.is_empty(),
            _ => false,
        };
        if !empty {
            bail!("a tensor with metadata; {}", super::ADVICE);
        }
    }
    let Value::Storage(storage) = get(storage) else {
        bail!("a tensor in {}", get(storage).kind());
    };
    let sizes = |id: Id| match get(id) {
        Value::Tuple(sizes) if sizes.len() <= super::view::MAX_RANK => {
            sizes.iter().map(|&id| size(get(id))).collect()
        }
        Value::Tuple(sizes) => bail!("a tensor of {} dimensions", sizes.len()),
        other => bail!("a shape that is {}", other.kind()),
    };
    let offset = size(get(offset))?;
    View::new(Rc::clone(storage), offset, sizes(shape)?, sizes(stride)?)
}

/// The items of a list of pairs.
///
/// # Errors
/// Where it is something else.
pub(super) fn pairs(values: &[Value], list: Id) -> Result<Vec<(Id, Id)>> {
    let get = |id: Id| &values[id as usize];
    let Value::List(list) = get(list) else {
        bail!("a dict made of {}", get(list).kind());
    };
    let pair = |&id: &Id| match get(id) {
        Value::List(pair) | Value::Tuple(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
        other => bail!("a dict with an item that is {}", other.kind()),
    };
    list.iter().map(pair).collect()
}

/// A count, which Python writes as any int.
fn size(value: &Value) -> Result<u64> {
    match value {
        Value::Int(size) => i64::try_from(*size)
            .ok()
            .and_then(|size| u64::try_from(size).ok())
            .with_context(|| format!("a size of {size}")),
        other => bail!("a size that is {}", other.kind()),
    }
}
