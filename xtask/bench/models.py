"""Writes what the benchmark runs: two models in Hugging Face's layout with an ONNX export, and the inputs.

    python models.py SHIPPED.safetensors TEXTS.jsonl OUTPUT

`minilm` is the shipped model. Its float weights are in no repository, so they are what its int8 rows stand for. `base` has
the shape of BERT-base and random weights. Both are exported by torch.onnx and quantized by
onnxruntime.quantization.quantize_dynamic, as people who run onnxruntime do. Needs requirements.txt.
"""

import json
import logging
import sys
from pathlib import Path

import numpy
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import BertConfig, BertForTokenClassification

# What is pasted into the pages.
NOTE = "visit-note"
# Tokens and batch of every input.
CELLS = [(16, 1), (32, 1), (128, 1), (256, 1), (512, 1), (128, 8)]
# With one scale per matrix the answers are worse; neither that nor 7-bit weights nor `quant_pre_process` is faster.
QUANTIZATION = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": False}
# transformers.js asks for this file as well; what the tokenizer does is in tokenizer.json.
TOKENIZER_CONFIG = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
BASE = {
    "vocab_size": 28996,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}


def shipped(path):
    """The model of an exported file and the text of its tokenizer.json."""
    with safe_open(path, "np") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    state = {}
    for name, values in tensors.items():
        if name.endswith("_scale"):
            continue
        if values.dtype == numpy.int8:
            values = values.astype(numpy.float32) * tensors[f"{name}_scale"][:, None]
        # The CRF stands behind the network, which ends with the classifier's logits.
        if not name.startswith("crf."):
            state[name] = torch.from_numpy(values)
    model = BertForTokenClassification(BertConfig(**json.loads(metadata["config"])))
    model.load_state_dict(state)
    return model, metadata["tokenizer"]


def export(model, folder):
    """config.json and the quantized onnx/model_quantized.onnx, where transformers.js looks for them."""
    onnx = folder / "onnx"
    onnx.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    model.eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    ones = torch.ones(1, 16, dtype=torch.int64)
    free = {0: "batch", 1: "tokens"}
    with torch.no_grad():
        torch.onnx.export(
            model,
            (ones, ones, torch.zeros_like(ones)),
            onnx / "model.onnx",
            input_names=names,
            output_names=["logits"],
            dynamic_axes={name: free for name in [*names, "logits"]},
            opset_version=17,
            # What optimum, which made most of the models on the hub, uses.
            dynamo=False,
        )
    quantize_dynamic(onnx / "model.onnx", onnx / "model_quantized.onnx", **QUANTIZATION)
    onnx.joinpath("model.onnx").unlink()


def windows(stream, tokens, batch):
    """`batch` inputs of `tokens` ids each, cut from a stream of ids one behind the other."""
    inside = tokens - 2
    parts = [stream[start : start + inside] for start in range(0, batch * inside, inside)]
    assert all(len(part) == inside for part in parts), "the texts have too few tokens"
    return [[101, *part, 102] for part in parts]


def main():
    # quantize_dynamic advises a preparation that changes nothing here.
    logging.disable(logging.WARNING)
    source, texts, output = map(Path, sys.argv[1:])
    minilm, base = output / "minilm", output / "base"

    model, tokenizer_json = shipped(source)
    export(model, minilm)
    minilm.joinpath("tokenizer.json").write_text(tokenizer_json)
    minilm.joinpath("tokenizer_config.json").write_text(json.dumps(TOKENIZER_CONFIG))

    torch.manual_seed(1)
    labels = {"id2label": model.config.id2label, "label2id": model.config.label2id}
    random = BertForTokenClassification(BertConfig(**BASE, **labels))
    export(random, base)
    random.save_pretrained(base)
    # Nothing is tokenized for this model; a file must have a tokenizer.
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    base.joinpath("vocab.txt").write_text("\n".join(special + [f"t{id}" for id in range(5, BASE["vocab_size"])]))

    tokenizer = Tokenizer.from_str(tokenizer_json)
    notes = {note["id"]: note["text"] for note in map(json.loads, texts.read_text().splitlines())}
    note = notes[NOTE]
    output.joinpath("note.json").write_text(json.dumps({"note": note, "ids": tokenizer.encode(note).ids}))
    stream = [id for note in notes.values() for id in tokenizer.encode(note, add_special_tokens=False).ids]
    cells = [{"tokens": t, "batch": b, "ids": sum(windows(stream, t, b), [])} for t, b in CELLS]
    minilm.joinpath("cells.json").write_text(json.dumps(cells))
    for cell in cells:
        cell["ids"] = [id % BASE["vocab_size"] for id in cell["ids"]]
    base.joinpath("cells.json").write_text(json.dumps(cells))


main()
