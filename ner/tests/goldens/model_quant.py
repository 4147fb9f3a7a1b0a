"""Writes model_quant.json: int8 rows as numpy computes them, in float32 as IEEE 754 defines it.

Needs numpy. Run it anywhere: python model_quant.py
Floats are written as their bits, so that denormals, signed zeros and the last digit survive.
"""

import json
import pathlib

import numpy as np

F = np.float32
TINY = np.finfo(F).smallest_subnormal
random = np.random.default_rng(20)

CASES = {
    "normal weights": random.normal(0, 0.05, (8, 33)),
    "rows of very different size": random.normal(0, 1, (6, 16)) * 10.0 ** np.arange(-36, 36, 12)[:, None],
    "ties: the scale is 1, halves go to even": [[127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, -126.5]],
    "ties with a scale of 2": [[254, 1, 3, 5, -1, -3, -5, 253, -253]],
    "a row of zeros between others": [[1, -2, 3], [0, 0, 0], [-0.0, 0.0, -0.0], [4, 5, -6]],
    "only negative values": [[-0.25, -1, -3e-3]],
    "one column": [[3], [-7], [0]],
    "large floats": [[3e38, -3e38, 1]],
    "denormal values, normal scale": [[1e-36, 1e-40, -3e-39, TINY]],
    "denormal scale": [[100 * TINY, -50 * TINY, 13 * TINY, TINY]],
    "scale of one step, whose rounding takes a value past 127": [[190 * TINY, -190 * TINY, 128 * TINY, 60 * TINY]],
    "scale that underflows to zero": [[60 * TINY, -TINY, 0]],
}


def quantize_rows(values):
    scales = np.abs(values).max(axis=1) / F(127)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.clip(np.rint(values / scales[:, None]), F(-127), F(127))
    return np.where(scales[:, None] == 0, F(0), steps).astype(np.int8), scales


def bits(values):
    return values.astype(F).view(np.uint32).ravel().tolist()


golden = []
for name, values in CASES.items():
    values = np.array(values, dtype=F)
    quantized, scales = quantize_rows(values)
    assert scales.dtype == F
    golden.append(
        {
            "name": name,
            "shape": list(values.shape),
            "values": bits(values),
            "quantized": quantized.ravel().tolist(),
            "scales": bits(scales),
            "dequantized": bits(quantized.astype(F) * scales[:, None]),
        }
    )
lines = ",\n".join(json.dumps(case) for case in golden)
pathlib.Path(__file__).with_name("model_quant.json").write_text(f"[\n{lines}\n]\n")
