"""Writes aggregate.json: what transformers' TokenClassificationPipeline makes of given logits, by each of its strategies.

Only the pipeline's own steps after the network run, on logits from here, so that PyTorch is not needed. The tokenizer is
BertTokenizerFast with vocab.txt. Needs transformers and numpy (made with 5.23.0 and 2.4.6). Run it in this folder.
"""

import json
import pathlib
import types

import numpy as np
from transformers import BertTokenizerFast
from transformers.pipelines import token_classification

HERE = pathlib.Path(__file__).parent
LABELS = ["O", "B-Symptoms", "I-Symptoms", "B-Hormones", "I-Hormones", "Other"]
STRATEGIES = ["none", "simple", "first", "average", "max"]
TEXTS = [
    "",
    " \n",
    "Patient reports irregular periods and low estrogen.",
    "irregularing periods spottings, estrogens; no pain",
    "anti-Müllerian café cafe\u0301 naïve nai\u0308ve İstanbul",
    "😀 pain😀pain \U00020000 月经痛 low FSH\u200b LH",
    "c/o pelvic pain, N/V; LH+6 (AMH) β-hCG<2.5%",
    "unbekannteswort estrogening Ärztin",
    "heavy\r\nbleeding\n\ncramps \u00a0 nausea",
    "FSHFSH lhlh pains",
]


class Tensor(np.ndarray):
    """What the pipeline asks of PyTorch's."""

    def numpy(self):
        return np.asarray(self)


def tensor(values):
    return np.asarray(values).view(Tensor)


def main():
    token_classification.torch = types.SimpleNamespace(bfloat16="bfloat16", float16="float16")
    tokenizer = BertTokenizerFast(vocab=str(HERE / "vocab.txt"))
    pipeline = token_classification.TokenClassificationPipeline.__new__(token_classification.TokenClassificationPipeline)
    pipeline.tokenizer = tokenizer
    pipeline.model = types.SimpleNamespace(config=types.SimpleNamespace(id2label=dict(enumerate(LABELS))))
    random = np.random.default_rng(7)
    cases = []
    for text in TEXTS:
        # Each text with labels that seem random, and with ones that go on as an entity's do.
        for steady in [0.0, 0.8]:
            encoding = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
            count = len(encoding["input_ids"])
            logits = random.normal(0, 2, (count, len(LABELS))).round(2).astype(np.float32)
            for at in range(1, count):
                if random.random() < steady:
                    logits[at] = (logits[at - 1] + 0.1 * logits[at]).round(2)
            output = {
                "logits": tensor([logits]),
                "input_ids": tensor([encoding["input_ids"]]),
                "offset_mapping": [encoding["offset_mapping"]],
                "special_tokens_mask": tensor([encoding["special_tokens_mask"]]),
                "sentence": text,
            }
            found = {}
            for strategy in STRATEGIES:
                for ignored in [["O"], []]:
                    entities = pipeline.postprocess(
                        [output], token_classification.AggregationStrategy(strategy), ignored)
                    found[strategy if ignored else strategy + " all"] = [
                        [entity.get("entity", entity.get("entity_group")), round(float(entity["score"]), 6), entity["start"],
                         entity["end"]] for entity in entities]
            inner = logits[1:-1].astype(float).round(2).tolist()
            cases.append({"text": text, "logits": inner, "found": found})
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    text = f'{{"labels": {json.dumps(LABELS)}, "cases": [\n{lines}\n]}}\n'
    (HERE / "aggregate.json").write_text(text)


main()
