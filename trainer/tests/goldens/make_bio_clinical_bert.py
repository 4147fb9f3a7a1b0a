"""Makes a base model of Bio_ClinicalBERT's layout and full size (108 million weights, random): 436 MB.

    python make_bio_clinical_bert.py DIR [--archive]

DIR gets what emilyalsentzer/Bio_ClinicalBERT has on the hub: config.json, a cased vocab.txt of 28,996 entries, and
pytorch_model.bin with the heads of pre-training and LayerNorm's old names, in the stream of torch.save before 1.6, or with
--archive in the zip archive of today. Nothing else: no tokenizer.json, tokenizer_config.json or safetensors.

The weights are good for measuring and for trying the whole line (CONTRIBUTING.md), not for finding anything. Needs torch and
transformers (made with 2.15.0 and 5.24.0).
"""

import argparse
import collections
import itertools
import json
import re
import string
from pathlib import Path

import torch
from transformers import BertConfig, BertForPreTraining

CORPUS = Path(__file__).parents[2] / "data/corpus"
SIZE = 28_996
CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "type_vocab_size": 2,
    "vocab_size": SIZE,
}


def vocabulary():
    """In the order of BERT's cased one: special tokens, characters, words by how often the corpus has them, pieces."""
    special = ["[PAD]"] + [f"[unused{i}]" for i in range(1, 100)] + ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    characters = string.punctuation + string.digits + string.ascii_letters
    counts = collections.Counter()
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file():
            counts.update(re.findall(r"[A-Za-z]{2,}", path.read_text(encoding="utf-8")))
    pieces = ["##" + "".join(letters) for n in (1, 2, 3) for letters in itertools.product(string.ascii_lowercase, repeat=n)]
    pieces += ["##" + c for c in string.digits + string.ascii_uppercase]
    syllables = ("".join(letters).capitalize() for letters in itertools.product(string.ascii_lowercase, repeat=4))
    tokens = dict.fromkeys([*special, *characters, *(word for word, _ in counts.most_common(9000)), *pieces])
    for token in syllables:
        if len(tokens) == SIZE:
            break
        tokens.setdefault(token)
    return list(tokens)[:SIZE]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--archive", action="store_true")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    (arguments.directory / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    tokens = vocabulary()
    assert len(tokens) == SIZE
    (arguments.directory / "vocab.txt").write_text("".join(token + "\n" for token in tokens))

    torch.manual_seed(0)
    state = collections.OrderedDict()
    for name, tensor in BertForPreTraining(BertConfig(**CONFIG)).state_dict().items():
        # Neither is in a file of 2019.
        if name.endswith("position_ids") or name == "cls.predictions.decoder.bias":
            continue
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        state[name] = tensor
    path = arguments.directory / "pytorch_model.bin"
    torch.save(state, path, _use_new_zipfile_serialization=arguments.archive)
    print(f"{len(state)} tensors, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
