"""Shows that transformers reads a fine-tuned directory and computes the engine's logits.

    python check_transformers.py DIR

DIR is the --output of `trainer fine-tune`. Runs `cargo run --release -p trainer --example logits`. Needs torch and transformers. Not part
of the test run; its last output stands in check_transformers.txt.
"""

import json
import subprocess
import sys

import torch
import transformers
from transformers import AutoModelForTokenClassification, AutoTokenizer

# F32 sums in another order over all layers, logits being a few units.
TOLERANCE = 1e-4

TEXTS = [
    "Patient reports irregular periods and low estrogen.",
    "c/o N/V, LMP 3/12; β-hCG 5.2 IU/L — TVUS: 8.2 mm trilaminar lining (AFC 12).",
    "Ménorrhagie naïve 月经 test ☕ I can't sleep, my periods are all over the place!",
    "anti-Müllerian hormone (AMH) 0.8 " * 12,
]

directory = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(directory)
model = AutoModelForTokenClassification.from_pretrained(directory).eval()
command = ["cargo", "run", "--release", "--quiet", "-p", "trainer", "--example", "logits", "--", directory]
run = subprocess.run(command, input="\n".join(TEXTS) + "\n", capture_output=True, text=True)
if run.returncode != 0:
    sys.exit(run.stderr)
print(f"transformers {transformers.__version__}, {type(model).__name__}, {type(tokenizer).__name__}")
print(f"labels {[model.config.id2label[i] for i in range(model.config.num_labels)]}")
worst = 0.0
for text, line in zip(TEXTS, run.stdout.splitlines(), strict=True):
    engine = json.loads(line)
    inputs = tokenizer(text, return_tensors="pt")
    assert inputs["input_ids"][0].tolist() == engine["ids"], text
    with torch.no_grad():
        logits = model(**inputs).logits[0]
    error = (logits - torch.tensor(engine["logits"])).abs().max().item()
    worst = max(worst, error)
    print(f"{len(engine['ids']):4} tokens, logits up to {logits.abs().max():.2f}, largest difference {error:.1e}")
assert worst < TOLERANCE, worst
print("same ids, same logits")
