"""Writes lowercase.json: token ids of AutoTokenizer for bases that say different things of case.

The vocabulary and most texts are those of ner/tests/goldens. Needs transformers (made with 5.24.0).
"""

import json
import sys
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

HERE = Path(__file__).parent
NER = HERE.parents[2] / "ner/tests/goldens"
sys.path.insert(0, str(NER))
from wordpiece import TEXTS  # noqa: E402

MORE = [
    "Pt c/o MENORRHAGIA; LMP 3/12. Hx: PCOS, Fe deficiency.",
    "Irregular Periods IRREGULAR PERIODS irregular periods Estrogen ESTROGEN",
    "Müllerian MÜLLERIAN müllerian mullerian Ärztin ärztin Résumé",
    "Patient\u0301 CAFE\u0301 \u0130stanbul ẞ ΑΒΓ Боль",
    "LH 月经 FSH\x07\x00痛 AMH😀hCG 🥰 \ufeffThe",
]

CASED = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": False}

# Per base: tokenizer_config.json, and what its tokenizer.json changes in the normalizer; null where there is no such file.
BASES = {
    "vocab.txt alone, as Bio_ClinicalBERT": (None, None),
    "vocab.txt and a cased configuration": ({"do_lower_case": False}, None),
    "vocab.txt and an uncased configuration": ({"do_lower_case": True, "tokenizer_class": "BertTokenizer"}, None),
    "a cased tokenizer.json alone": (None, {}),
    "a cased tokenizer.json with a configuration that says nothing": ({"tokenizer_class": "BertTokenizerFast"}, {}),
    "a cased tokenizer.json with a cased configuration": ({"do_lower_case": False}, {}),
    "an uncased tokenizer.json with a cased configuration": ({"do_lower_case": False}, {"lowercase": True}),
    "a tokenizer.json of its own class": ({"tokenizer_class": "PreTrainedTokenizerFast"}, {}),
    "accents against the configuration": ({"do_lower_case": True}, {"lowercase": True, "strip_accents": False}),
    "accents kept by the configuration": ({"do_lower_case": True, "strip_accents": False}, {"lowercase": True}),
}


def main():
    vocabulary = (NER / "vocab.txt").read_bytes()
    texts = [text for text, times in TEXTS if times == 1] + MORE
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "config.json").write_text('{"model_type": "bert"}')
        (folder / "vocab.txt").write_bytes(vocabulary)
        plain = AutoTokenizer.from_pretrained(folder).backend_tokenizer.to_str()
    bases = []
    for name, (config, changes) in BASES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "config.json").write_text('{"model_type": "bert"}')
            (folder / "vocab.txt").write_bytes(vocabulary)
            if config is not None:
                (folder / "tokenizer_config.json").write_text(json.dumps(config))
            normalizer = None
            if changes is not None:
                normalizer = CASED | changes
                (folder / "tokenizer.json").write_text(json.dumps(json.loads(plain) | {"normalizer": normalizer}))
            tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = [tokenizer(text)["input_ids"] for text in texts]
        bases.append({"name": name, "config": config, "normalizer": normalizer, "auto": ids})
    both = {}
    for lowercase in [True, False]:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "config.json").write_text('{"model_type": "bert"}')
            (folder / "vocab.txt").write_bytes(vocabulary)
            tokenizer = AutoTokenizer.from_pretrained(folder, do_lower_case=lowercase)
        both[str(lowercase).lower()] = [tokenizer(text)["input_ids"] for text in texts]
    assert both["true"] != both["false"]
    # Most bases give one of the two, so ids are told by its name.
    for base in bases:
        same = [name for name, ids in both.items() if ids == base["auto"]]
        base["auto"] = same[0] if same else base["auto"]
        print(f"{base['name']}: {same[0] if same else 'its own'}")
    lines = ",\n".join(json.dumps(base) for base in bases)
    ids = ",\n".join(f"{json.dumps(name)}: {json.dumps(ids)}" for name, ids in both.items())
    (HERE / "lowercase.json").write_text(f'{{"texts": {json.dumps(texts)},\n{ids},\n"bases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
