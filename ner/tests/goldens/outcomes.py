"""Writes outcomes.json: outcomes as nervaluate counts them, for label sequences at random.

Needs nervaluate (made with 1.1.0). Run it in this folder. Every case is a data set of sentences of single-letter codes: the
upper case letter is B-, the lower case letter I- of a type, "." is O. No entity overlaps two of the other side, where
nervaluate counts one of them twice.

Of nervaluate's schemes, `strict` asks for boundaries and type, `exact` for boundaries, `ent_type` for the type of what
overlaps.
"""

import json
import pathlib
import random

from nervaluate import Evaluator

HERE = pathlib.Path(__file__).parent
TYPES = ["S", "H", "P"]


def labels(codes):
    return ["O" if c == "." else ("B-" if c.isupper() else "I-") + c.upper() for c in codes]


def spans(codes):
    found = []
    for at, code in enumerate(codes):
        if code.isupper():
            found.append([at, at + 1])
        elif code != ".":
            found[-1][1] = at + 1
    return found


def sentence(rng, length):
    codes = ""
    while len(codes) < length:
        kind = rng.choice(TYPES)
        codes += rng.choice([".", ".." , kind, kind + kind.lower(), kind + 2 * kind.lower()])
    return codes[:length]


def changed(rng, codes):
    """Entities that are gone, of another type, longer or shorter, and new ones."""
    out = list(codes)
    for start, end in spans(codes):
        how = rng.choice(["same", "same", "gone", "type", "short", "both", "long"])
        kind = rng.choice([k for k in TYPES if k != codes[start]]) if how in ("type", "both") else codes[start]
        new = [kind] + [kind.lower()] * (end - start - 1)
        if how == "gone":
            new = ["."] * (end - start)
        elif how in ("short", "both") and end - start > 1:
            new[-1] = "."
        elif how == "long" and end < len(codes) and codes[end] == ".":
            new.append(kind.lower())
        out[start : start + len(new)] = new
    for at, code in enumerate(codes):
        if code == "." and out[at] == "." and rng.random() < 0.1:
            out[at] = rng.choice(TYPES)
    return "".join(out)


def apart(gold, predicted):
    def most(ours, theirs):
        return max((sum(a < d and c < b for c, d in theirs) for a, b in ours), default=0)

    return max(most(spans(gold), spans(predicted)), most(spans(predicted), spans(gold))) <= 1


def outcomes(gold, predicted):
    results = Evaluator(
        [labels(s) for s in gold], [labels(s) for s in predicted], tags=TYPES, loader="list"
    ).evaluate()["overall"]
    strict, exact, ent_type = results["strict"], results["exact"], results["ent_type"]
    wrong_type = exact.correct - strict.correct
    wrong_boundary = ent_type.correct - strict.correct
    return {
        "correct": strict.correct,
        "wrong_type": wrong_type,
        "wrong_boundary": wrong_boundary,
        "wrong_type_and_boundary": strict.incorrect - wrong_type - wrong_boundary,
        "missed": strict.missed,
        "spurious": strict.spurious,
    }


def main():
    rng = random.Random(7)
    lines = []
    while len(lines) < 200:
        gold = [sentence(rng, rng.randint(1, 12)) for _ in range(rng.randint(1, 4))]
        predicted = [changed(rng, codes) for codes in gold]
        if all(map(apart, gold, predicted)):
            case = {"gold": gold, "predicted": predicted, "outcomes": outcomes(gold, predicted)}
            lines.append(json.dumps(case, separators=(",", ":")))
    (HERE / "outcomes.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
