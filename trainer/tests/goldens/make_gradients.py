"""Writes gradients.safetensors: loss and gradients of a tiny random BERT token classifier in double precision.

transformers' BertForTokenClassification with eager attention, dropout 0, a batch with padding and ignored labels. Weights are
float32 values, so that both sides begin with the same numbers. Needs torch, transformers and safetensors.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForTokenClassification

torch.manual_seed(20)
labels = ["O", "B-Symptoms", "I-Symptoms", "B-Hormones", "I-Hormones"]
config = BertConfig(
    vocab_size=40,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=24,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    id2label=dict(enumerate(labels)),
    label2id={label: i for i, label in enumerate(labels)},
)
config._attn_implementation = "eager"
model = BertForTokenClassification(config)
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter.normal_(1.0 if name.endswith("LayerNorm.weight") else 0.0, 0.3)
weights = {name: parameter.detach().clone().contiguous() for name, parameter in model.named_parameters()}
model = model.double().eval()

lengths = [13, 1, 24, 7]
ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
mask = torch.zeros_like(ids)
targets = torch.full_like(ids, -100)
for row, length in enumerate(lengths):
    ids[row, :length] = torch.randint(1, config.vocab_size, (length,))
    mask[row, :length] = 1
    counted = torch.rand(length) < 0.6
    targets[row, :length] = torch.where(counted, torch.randint(0, len(labels), (length,)), -100)

output = model(input_ids=ids, attention_mask=mask, labels=targets)
output.loss.backward()
tensors = {f"weight.{name}": value for name, value in weights.items()}
for name, parameter in model.named_parameters():
    tensors[f"gradient.{name}"] = parameter.grad.float().contiguous()
tensors["logits"] = output.logits.detach().float().contiguous()
tensors["loss"] = output.loss.detach().reshape(1)
tensors |= {"ids": ids, "lengths": torch.tensor(lengths), "targets": targets}
save_file(tensors, Path(__file__).with_name("gradients.safetensors"), {"config": json.dumps(config.to_dict())})
print(f"loss {output.loss.item():.6f}, {sum(w.numel() for w in weights.values())} parameters")
