"""Writes bootstrap.json: bootstrap intervals of F1 as numpy computes them, for documents at random.

Needs numpy (made with 2.4.6). Run it in this folder. A document has, for each type, the numbers of correct,
predicted and annotated entities. `types` and `overall` are 2.5th and 97.5th percentiles over 1,000 resamples, drawn with
SplitMix64 from the case's seed.
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
SAMPLES = 1000
MASK = (1 << 64) - 1


def splitmix(seed):
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        x = seed
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        yield x ^ (x >> 31)


def interval(counts):
    """Of counts [sample, 3]."""
    correct, predicted, support = counts.T.astype(float)
    marked = predicted + support > 0
    precision = np.divide(correct, predicted, out=np.zeros(SAMPLES), where=predicted > 0)
    recall = np.divide(correct, support, out=np.zeros(SAMPLES), where=support > 0)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros(SAMPLES), where=both > 0)
    return np.percentile(f1[marked], [2.5, 97.5]).tolist()


def case(seed, documents, types):
    rng = np.random.default_rng(seed)
    predicted = rng.integers(0, 6, (documents, types))
    support = rng.integers(0, 6, (documents, types))
    correct = rng.binomial(np.minimum(predicted, support), 0.8)
    counts = np.stack([correct, predicted, support], axis=-1)
    bits = splitmix(seed)
    drawn = np.array([[next(bits) * documents >> 64 for _ in range(documents)] for _ in range(SAMPLES)])
    sums = counts[drawn].sum(axis=1)
    return {
        "seed": seed,
        "documents": counts.tolist(),
        "overall": interval(sums.sum(axis=1)),
        "types": [interval(sums[:, kind]) for kind in range(types)],
    }


def main():
    cases = [case(1, 7, 2), case(2, 40, 3), case(4, 3, 1)]
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    (HERE / "bootstrap.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
