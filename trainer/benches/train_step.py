"""Sequences per second of PyTorch for the work of train_step.rs. Needs torch and transformers. Argument: threads."""

import sys
import time

import torch
from transformers import BertConfig, BertForTokenClassification

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)
config = BertConfig(
    vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, num_labels=11
)
model = BertForTokenClassification(config).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
ids = torch.randint(0, config.vocab_size, (32, 128))
labels = torch.randint(0, 11, (32, 128))
mask = torch.ones_like(ids)
times = []
for _ in range(7):
    start = time.perf_counter()
    model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    times.append(time.perf_counter() - start)
print(32 / (sum(times[1:]) / len(times[1:])))
