"""Writes pickle/*.bin, files of torch.save in both containers and every protocol, and pickle/tensors.json, what is in them.

Needs torch (made with 2.15.0). Run it in this folder.
"""

import collections
import io
import json
import pickle
import zipfile
from pathlib import Path

import torch

FOLDER = Path(__file__).with_name("pickle")


def count(n, dtype):
    """n values that every type can hold."""
    return torch.arange(n).sub(n // 2).abs().to(dtype)


def state_dict():
    """Every type, every way to lie in a storage, and what modules add."""
    module = torch.nn.Module()
    shared = count(24, torch.float32).div(8)
    tied = torch.nn.Parameter(count(6, torch.float32).sub(1.5).reshape(2, 3))
    module.register_parameter("tied", tied)
    for dtype in ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "uint8", "bool"]:
        module.register_buffer(f"of {dtype}", count(5, getattr(torch, dtype)))
    tensors = {
        "rows": shared.reshape(4, 6),
        "transposed": shared.reshape(4, 6).t(),
        "part": shared[7:19].reshape(3, 4),
        "column": shared.reshape(4, 6)[:, 2],
        "every third": shared[1::3],
        "permuted": shared.reshape(2, 3, 4).permute(2, 0, 1),
        "repeated": torch.tensor([[1.5], [-2.5]]).expand(2, 4),
        "scalar": torch.tensor(0.5),
        "empty": torch.empty(0, 3),
        "whole numbers, transposed": count(6, torch.int64).reshape(2, 3).t(),
    }
    for name, tensor in tensors.items():
        module.register_buffer(name, tensor)
    state = module.state_dict(keep_vars=True)
    assert isinstance(state, collections.OrderedDict) and state._metadata
    state["tied again"] = tied
    # No type of candle's: it must not be in the way of the others.
    state["unwanted, int8"] = count(5, torch.int8)
    state["unwanted, a number"] = 7
    return state


def main():
    FOLDER.mkdir(exist_ok=True)
    state = state_dict()
    for protocol in range(2, 6):
        for name, archive in [("archive", True), ("stream", False)]:
            path = FOLDER / f"{name}-{protocol}.bin"
            torch.save(state, path, pickle_protocol=protocol, _use_new_zipfile_serialization=archive)
    plain = {name: tensor for name, tensor in state.items() if not name.startswith("unwanted")}
    torch.save(plain, FOLDER / "dict.bin")
    foreign(FOLDER / "archive-2.bin", FOLDER / "archive-big-endian.bin", state)
    expected = {
        name: {
            "type": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "values": [float(value) for value in tensor.detach().flatten()],
        }
        for name, tensor in plain.items()
    }
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(tensor)}" for name, tensor in expected.items())
    (FOLDER / "tensors.json").write_text(f"{{\n{lines}\n}}\n")
    print(f"{len(expected)} tensors")


def foreign(source, target, state):
    """The same file as a machine of the other byte order would write it, by Python's zip; torch reads it as the same."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        keys = storage_sizes(source)
        for name in old.namelist():
            content = old.read(name)
            folder, _, rest = name.partition("/")
            if rest == "byteorder":
                content = b"big"
            elif rest.startswith("data/"):
                size = keys[rest.removeprefix("data/")]
                content = b"".join(content[at : at + size][::-1] for at in range(0, len(content), size))
            new.writestr(zipfile.ZipInfo(name), content)
    for name, tensor in torch.load(target).items():
        assert not torch.is_tensor(tensor) or torch.equal(tensor, state[name]), name


def storage_sizes(path):
    """Bytes of an element by the storages' keys."""
    sizes = {}

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, saved):
            _, kind, key, _, numel = saved
            sizes[key] = kind.dtype.itemsize
            return torch.storage.TypedStorage(numel, dtype=kind.dtype, _internal=True)

    with zipfile.ZipFile(path) as file:
        name = next(name for name in file.namelist() if name.endswith("/data.pkl"))
        Unpickler(io.BytesIO(file.read(name))).load()
    return sizes


if __name__ == "__main__":
    main()
