"""Writes seqeval_scores.json: seqeval's scores, default and strict IOB2, for label sequences made by hand and at random.

Needs seqeval (made with 1.2.2). Run it in this folder. Every case is a data set of one or more sentences of single-letter
codes: the upper case letter is B-, the lower case letter I- of the types in CODES, "." is O.
"""

import json
import pathlib
import random
import warnings

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

HERE = pathlib.Path(__file__).parent
CODES = {"s": "Symptoms", "h": "Hormones", "p": "Procedures"}
HAND = [
    (["Ss.H"], ["Ss.H"]),
    (["Ss.H"], ["S..H"]),
    (["ss.h"], ["Ss.H"]),  # I- that nothing begins
    (["Sh"], ["SH"]),  # I- of another type
    (["Shs"], ["Sss"]),
    (["SS"], ["Ss"]),  # neighbours
    (["S", "s"], ["S", "S"]),  # an entity never reaches over a sentence
    (["...."], ["...."]),
    (["...."], ["SsHh"]),
    (["SsHh"], ["...."]),
    (["Sss"], [".ss"]),
    ([".ss"], [".ss"]),
    (["S.s"], ["Sss"]),
    (["hsS"], ["hSs"]),
]


def labels(codes):
    return ["O" if c == "." else ("B-" if c.isupper() else "I-") + CODES[c.lower()] for c in codes]


def at_random(rng):
    gold, predicted = [], []
    for _ in range(rng.randint(1, 4)):
        length = rng.randint(1, 12)
        sentence = "".join(rng.choice("..SsHhPpsh") for _ in range(length))
        noise = rng.choice([0.0, 0.2, 0.5])
        gold.append(sentence)
        predicted.append("".join(rng.choice("..SsHhPpsh") if rng.random() < noise else c for c in sentence))
    return gold, predicted


def scores(gold, predicted, **mode):
    report = classification_report(
        [labels(s) for s in gold], [labels(s) for s in predicted], output_dict=True, zero_division=0, **mode
    )
    fields = ["precision", "recall", "f1-score", "support"]
    wanted = {"micro avg": "overall", **{kind: kind for kind in CODES.values()}}
    return {name: [float(report[key][f]) for f in fields] for key, name in wanted.items() if key in report}


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(20)
    cases = HAND + [at_random(rng) for _ in range(400)]
    lines = []
    for gold, predicted in cases:
        case = {
            "gold": gold,
            "predicted": predicted,
            "default": scores(gold, predicted),
            "strict": scores(gold, predicted, mode="strict", scheme=IOB2),
        }
        lines.append(json.dumps(case, separators=(",", ":")))
    (HERE / "seqeval_scores.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
