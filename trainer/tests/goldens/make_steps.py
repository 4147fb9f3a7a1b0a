"""Writes steps.json: the losses of twenty optimizer steps as Hugging Face's Trainer makes them, in double precision.

The model is that of gradients.safetensors. Batches of unlike lengths in a fixed order, no dropout; AdamW with the Trainer's groups
(no decay of biases and LayerNorm), a linear schedule with warm-up, gradients clipped to a norm of 1. Needs torch, transformers,
accelerate and safetensors.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors import safe_open
from transformers import BertConfig, BertForTokenClassification, Trainer, get_linear_schedule_with_warmup

HERE = Path(__file__).parent
STEPS, WARMUP, RATE, DECAY, NORM = 20, 3, 5e-3, 0.1, 1.0

with safe_open(HERE / "gradients.safetensors", "pt") as file:
    config = BertConfig(**json.loads(file.metadata()["config"]))
    weights = {name[7:]: file.get_tensor(name) for name in file.keys() if name.startswith("weight.")}
config._attn_implementation = "eager"
model = BertForTokenClassification(config)
model.load_state_dict(weights, strict=False)
model = model.double().eval()

torch.manual_seed(21)
labels = config.num_labels
batches = []
for step in range(STEPS):
    rows = []
    for length in torch.randint(2, 20, (3,)).tolist():
        ids = torch.randint(1, config.vocab_size, (length,)).tolist()
        # Learnable: the label follows from the token.
        rows.append({"ids": ids, "targets": [id % labels if id % 4 else None for id in ids]})
    rows[0]["ids"][0], rows[0]["targets"][0] = 5, 0
    batches.append(rows)

decayed = Trainer.get_decay_parameter_names(SimpleNamespace(), model)
groups = [
    {"params": [p for n, p in model.named_parameters() if n in decayed], "weight_decay": DECAY},
    {"params": [p for n, p in model.named_parameters() if n not in decayed], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)
schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)

losses, norms = [], []
for rows in batches:
    width = max(len(row["ids"]) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    targets = torch.full_like(ids, -100)
    for at, row in enumerate(rows):
        length = len(row["ids"])
        ids[at, :length] = torch.tensor(row["ids"])
        mask[at, :length] = 1
        targets[at, :length] = torch.tensor([-100 if target is None else target for target in row["targets"]])
    loss = model(input_ids=ids, attention_mask=mask, labels=targets).loss
    loss.backward()
    norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), NORM).item())
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    losses.append(loss.item())

golden = {
    "rate": RATE, "warmup": WARMUP, "weight_decay": DECAY, "max_norm": NORM, "batches": batches, "losses": losses, "norms": norms,
    "weight_norms": {name: parameter.norm().item() for name, parameter in model.named_parameters()},
}
(HERE / "steps.json").write_text(json.dumps(golden) + "\n")
print(losses[0], losses[-1], norms[0], norms[-1])
