"""Writes model_tensors.json: the tensors of transformers' BertForTokenClassification of a small configuration.

Needs torch and transformers (written with 5.23). Run it anywhere: python model_tensors.py
"""

import json
import pathlib

from transformers import BertConfig, BertForTokenClassification

config = BertConfig(
    vocab_size=11,
    hidden_size=6,
    num_hidden_layers=2,
    num_attention_heads=3,
    intermediate_size=10,
    max_position_embeddings=9,
    type_vocab_size=2,
    id2label={0: "O", 1: "B-X", 2: "I-X"},
    label2id={"O": 0, "B-X": 1, "I-X": 2},
)
model = BertForTokenClassification(config)
golden = {
    "config": json.loads(config.to_json_string(use_diff=False)),
    "tensors": {name: list(tensor.shape) for name, tensor in sorted(model.state_dict().items())},
}
pathlib.Path(__file__).with_name("model_tensors.json").write_text(json.dumps(golden, indent=1) + "\n")
