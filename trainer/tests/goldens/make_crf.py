"""Writes crf.json: loss and gradients of a linear-chain CRF by pytorch-crf in double precision.

Chains of words with legal targets; transitions that BIO forbids have -1e4 added, as is usual with pytorch-crf. The term for
the first word of a line is added to the emissions. The loss is the negative log-likelihood of all chains by word. Needs torch
and pytorch-crf.
"""

import json
from pathlib import Path

import torch
from torchcrf import CRF

torch.manual_seed(21)
labels = ["O", "B-Symptoms", "I-Symptoms", "B-Hormones", "I-Hormones"]
count = len(labels)


def follows(label, previous):
    return not label.startswith("I-") or (previous is not None and previous[1:] == label[1:] and previous != "O")


def float32(*shape):
    return torch.randn(*shape).double().requires_grad_()


start, step, end, line = float32(count), float32(count, count), float32(count), float32(count)
illegal_start = torch.tensor([0.0 if follows(to, None) else -1e4 for to in labels])
illegal_step = torch.tensor([[0.0 if follows(to, previous) else -1e4 for to in labels] for previous in labels])

loss, words, chains, leaves = 0.0, 0, [], []
for length in [1, 2, 7, 12]:
    logits = (3 * torch.randn(length, count)).float().double().requires_grad_()
    begins_line = torch.rand(length) < 0.3
    begins_line[0] = True
    targets = []
    for _ in range(length):
        legal = [i for i, to in enumerate(labels) if follows(to, labels[targets[-1]] if targets else None)]
        targets.append(legal[torch.randint(len(legal), ()).item()])
    crf = CRF(count, batch_first=True)
    del crf.start_transitions, crf.end_transitions, crf.transitions
    crf.start_transitions, crf.transitions, crf.end_transitions = start + illegal_start, step + illegal_step, end
    emissions = logits + begins_line[:, None] * line
    loss = loss - crf(emissions[None], torch.tensor([targets]), reduction="sum")
    words += length
    chains.append({"logits": logits.tolist(), "begins_line": begins_line.tolist(), "targets": targets})
    leaves.append(logits)
loss = loss / words
loss.backward()

for chain, logits in zip(chains, leaves):
    chain["gradient"] = logits.grad.tolist()
terms = {"start": start, "step": step, "end": end, "line": line}
golden = {
    "labels": labels,
    "loss": loss.item(),
    "terms": {name: value.tolist() for name, value in terms.items()},
    "gradients": {name: value.grad.tolist() for name, value in terms.items()},
    "chains": chains,
}
Path(__file__).with_name("crf.json").write_text(json.dumps(golden) + "\n")
print(f"loss {loss.item():.6f} over {words} words")
