"""Writes base.bin: a one-layer BERT for pre-training as torch.save leaves it.

It has the names of files made from the original TensorFlow ones (gamma, beta), a pooler and a
pre-training head, as Bio_ClinicalBERT's file has. Needs torch and transformers.

Value k of a tensor of n values is (k % 7 - 3) / 8 + n / 1024, which is exact in float32.
"""

from pathlib import Path

import torch
from transformers import BertConfig, BertForPreTraining

config = BertConfig(
    vocab_size=11,
    hidden_size=4,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=8,
    max_position_embeddings=16,
)
state = {}
for name, tensor in BertForPreTraining(config).state_dict().items():
    k = torch.arange(tensor.numel())
    values = ((k % 7 - 3) / 8 + tensor.numel() / 1024).reshape(tensor.shape)
    state[name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")] = values
torch.save(state, Path(__file__).with_name("base.bin"))
print(f"{len(state)} tensors")
