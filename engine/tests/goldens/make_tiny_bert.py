"""Makes tiny_bert/: a small random BERT token classifier and what PyTorch makes of it.

    pip install torch transformers tokenizers safetensors
    python make_tiny_bert.py

`config.json`, `tokenizer.json` and `model.safetensors` are what `save_pretrained` writes. `logits.json`
holds, for a few inputs, `float`: the logits of `BertForTokenClassification` in double precision; and
`int8`: those of the same network with the tables and the encoder's matrices rounded to int8 per row,
and with the inputs of those matrices rounded to 8 bits per token with a zero point, again in double
precision. Widths are odd on purpose: no vector width divides them.
"""

import json
import pathlib

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertForTokenClassification

HERE = pathlib.Path(__file__).parent / "tiny_bert"
LENGTHS = [1, 2, 3, 8, 17, 33, 40]
TYPES = ["Symptoms", "Hormones", "Procedures", "Medications", "Ultrasound"]


class Int8Linear(torch.nn.Module):
    """A linear layer as an int8 engine computes it, in double precision but for the scales."""

    def __init__(self, linear):
        super().__init__()
        self.weight = int8_rows(linear.weight)
        self.bias = linear.bias

    def forward(self, x):
        low = x.amin(-1, keepdim=True).clamp(max=0)
        high = x.amax(-1, keepdim=True).clamp(min=0)
        scale = (high - low) / 255
        zero = torch.round(-low / scale)
        x = torch.clamp(torch.round(x / scale) + zero, 0, 255) - zero
        return torch.nn.functional.linear(x * scale, self.weight, self.bias)


def int8_rows(weight):
    """Symmetric int8 per row, as the floats that the integers stand for."""
    weight = weight.detach().float()
    scale = weight.abs().amax(-1, keepdim=True) / 127
    return (torch.round(weight / scale).double() * scale.double()).requires_grad_(False)


def randomize(model):
    """Weights of which every part matters: no zero bias, no gain of 1, attention that is not even."""
    for name, parameter in model.named_parameters():
        noise = torch.randn_like(parameter)
        if "LayerNorm.weight" in name:
            parameter.data = 1 + 0.2 * noise
        elif "embeddings" in name or parameter.dim() == 1:
            parameter.data = 0.3 * noise
        elif "query" in name or "key" in name:
            parameter.data = 0.4 * noise
        else:
            parameter.data = 0.2 * noise


def make_tokenizer(vocab_size):
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    tokens += [f"word{i}" for i in range(vocab_size - len(tokens))]
    vocab = {token: id for id, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(tokens[:5])
    return tokenizer


def main():
    torch.manual_seed(20261123)
    labels = ["O"] + [f"{tag}-{type}" for type in TYPES for tag in "BI"]
    config = BertConfig(
        vocab_size=120,
        hidden_size=36,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=70,
        max_position_embeddings=40,
        id2label=dict(enumerate(labels)),
        label2id={label: id for id, label in enumerate(labels)},
    )
    model = BertForTokenClassification(config).eval()
    randomize(model)
    model.save_pretrained(HERE)
    make_tokenizer(config.vocab_size).save(str(HERE / "tokenizer.json"), pretty=False)

    inputs = [torch.randint(5, config.vocab_size, (length,)) for length in LENGTHS]
    with torch.no_grad():
        model.double()
        float_logits = [model(ids[None]).logits[0] for ids in inputs]
        embeddings = model.bert.embeddings
        for table in ["word_embeddings", "position_embeddings", "token_type_embeddings"]:
            table = getattr(embeddings, table)
            table.weight.data = int8_rows(table.weight)
        for module in list(model.bert.encoder.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, torch.nn.Linear):
                    setattr(module, name, Int8Linear(child))
        int8_logits = [model(ids[None]).logits[0] for ids in inputs]

    cases = [
        {
            "ids": ids.tolist(),
            "float": [round(x, 9) for x in exact.flatten().tolist()],
            "int8": [round(x, 9) for x in rounded.flatten().tolist()],
        }
        for ids, exact, rounded in zip(inputs, float_logits, int8_logits)
    ]
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "logits.json").write_text(f"[\n{lines}\n]\n")
    for case in cases:
        worst = max(abs(a - b) for a, b in zip(case["float"], case["int8"]))
        print(len(case["ids"]), "tokens, int8 moves a logit by", worst, "of", max(map(abs, case["float"])))


if __name__ == "__main__":
    main()
