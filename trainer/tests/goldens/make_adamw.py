"""Writes adamw.json: steps of torch.optim.AdamW with clipping and a linear schedule, in double precision.

Parameters, gradients and results are float32 values. Biases and LayerNorm weights do not decay. Needs torch and transformers.
"""

import json
from pathlib import Path

import torch
from transformers import get_linear_schedule_with_warmup

torch.manual_seed(21)
PEAK, DECAY, MAX_NORM, WARMUP, STEPS = 0.05, 0.1, 1.0, 2, 7
shapes = {"a.weight": (3, 5), "a.bias": (5,), "b.LayerNorm.weight": (5,), "c.weight": (3000,)}
values = {name: torch.randn(shape) for name, shape in shapes.items()}
values["c.weight"] = ((torch.arange(3000) % 17) - 8) / 8
parameters = {name: torch.nn.Parameter(value.double()) for name, value in values.items()}
still = ("a.bias", "b.LayerNorm.weight")
optimizer = torch.optim.AdamW(
    [
        {"params": [p for n, p in parameters.items() if n not in still], "weight_decay": DECAY},
        {"params": [p for n, p in parameters.items() if n in still], "weight_decay": 0.0},
    ],
    lr=PEAK,
)
scheduler = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)

# Most values of `c` get a gradient late or never, as rows of an embedding do; the test has the same formula.
steps = []
for step in range(STEPS):
    gradients = {name: torch.randn(shape) * (0.001 if step % 3 == 1 else 0.3) for name, shape in shapes.items()}
    gradients["c.weight"] = torch.zeros(3000)
    gradients["c.weight"][: 10 if step < 4 else 1500 : 5] = 0.01 * (step + 1)
    if step >= 4:
        gradients["c.weight"][2900:2910] = -0.02
    for name, parameter in parameters.items():
        parameter.grad = gradients[name].double()
    norm = torch.nn.utils.clip_grad_norm_(parameters.values(), MAX_NORM).item()
    rate = scheduler.get_last_lr()[0]
    optimizer.step()
    scheduler.step()
    flat = lambda tensor: [float(value) for value in tensor.detach().float().flatten()]
    small = lambda tensors: {name: flat(tensor) for name, tensor in tensors.items() if name != "c.weight"}
    # Of `c` the values that change kind: beginning, first gap, late block.
    picks = [0, 1, 5, 9, 10, 500, 1495, 1496, 1500, 2047, 2048, 2899, 2900, 2909, 2910, 2999]
    c = flat(parameters["c.weight"])
    steps.append(
        {
            "rate": rate,
            "norm": norm,
            "gradients": small(gradients),
            "values": small(parameters) | {"c.weight": {str(i): c[i] for i in picks}},
        }
    )

schedules = []
for warmup, total in [(0, 5), (2, 7), (3, 3), (10, 100), (1, 1)]:
    dummy = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    schedule = get_linear_schedule_with_warmup(dummy, warmup, total)
    rates = []
    for _ in range(total):
        rates.append(schedule.get_last_lr()[0])
        dummy.step()
        schedule.step()
    schedules.append({"peak": 0.3, "warmup": warmup, "total": total, "rates": rates})

golden = {
    "peak": PEAK,
    "weight_decay": DECAY,
    "max_norm": MAX_NORM,
    "warmup": WARMUP,
    "initial": {name: [float(v) for v in value.flatten()] for name, value in values.items() if name != "c.weight"},
    "steps": steps,
    "schedules": schedules,
}
Path(__file__).with_name("adamw.json").write_text(json.dumps(golden) + "\n")
print(f"norms {[round(step['norm'], 3) for step in steps]}")
