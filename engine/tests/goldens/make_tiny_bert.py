"""Makes tiny_bert/: a small random BERT token classifier and what PyTorch makes of it.

    pip install torch transformers tokenizers safetensors
    python make_tiny_bert.py

`config.json`, `tokenizer.json` and `model.safetensors` are what `save_pretrained` writes. `logits.json`
holds, for a few inputs, `float`: the logits of `BertForTokenClassification` in double precision; and
`int8`: those of the same network with the tables and the encoder's matrices rounded to int8 per row,
with the inputs of those matrices rounded to 8 bits per token with a zero point, and with attention's
queries, keys, values and weights rounded to 16 bits or fewer, again in double precision. Widths are odd on purpose: no vector width divides them.
"""

import copy
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
        self.register_buffer("weight", int8_rows(linear.weight))
        self.bias = linear.bias

    def forward(self, x):
        low = x.amin(-1, keepdim=True).clamp(max=0)
        high = x.amax(-1, keepdim=True).clamp(min=0)
        scale = (high - low) / 255
        zero = torch.round(-low / scale)
        x = torch.clamp(torch.round(x / scale) + zero, 0, 255) - zero
        return torch.nn.functional.linear(x * scale, self.weight, self.bias)


class Int16Attention(torch.nn.Module):
    """Self-attention as an int8 engine computes it: of integers, in double precision but for the scales."""

    def __init__(self, attention):
        super().__init__()
        self.query, self.key, self.value = attention.query, attention.key, attention.value
        self.size = attention.attention_head_size

    def forward(self, hidden_states, *_, **__):
        heads = [
            linear(hidden_states).unflatten(-1, (-1, self.size)).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        ]
        query, key, value = heads
        scores = round_to(query, 2047, -1) @ round_to(key, 2047, -1).transpose(-1, -2)
        weights = (scores / self.size**0.5).softmax(-1)
        context = torch.round(weights * 32767) / 32767 @ round_to(value, 32767, -2)
        return context.transpose(1, 2).flatten(2), weights


def round_to(x, most, dim):
    """Symmetric integers of at most `most` along a dimension, as the floats that they stand for."""
    scale = x.abs().amax(dim, keepdim=True) / most
    return torch.round(x / scale) * scale


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


def draw(length, vocab_size, int8):
    """Token ids for which single precision takes no 8-bit activation to another integer than double does."""
    while True:
        ids = torch.randint(5, vocab_size, (length,))
        exact = int8(ids[None]).logits
        single = copy.deepcopy(int8).float()(ids[None]).logits.double()
        if (exact - single).abs().max() < 1e-5 * exact.abs().max():
            return ids
        print("another input of", length, "tokens")


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

    int8 = copy.deepcopy(model)
    with torch.no_grad():
        model.double()
        int8.double()
        embeddings = int8.bert.embeddings
        for table in ["word_embeddings", "position_embeddings", "token_type_embeddings"]:
            table = getattr(embeddings, table)
            table.weight.data = int8_rows(table.weight)
        for module in list(int8.bert.encoder.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, torch.nn.Linear):
                    setattr(module, name, Int8Linear(child))
        for layer in int8.bert.encoder.layer:
            layer.attention.self = Int16Attention(layer.attention.self)
        inputs = [draw(length, config.vocab_size, int8) for length in LENGTHS]
        float_logits = [model(ids[None]).logits[0] for ids in inputs]
        int8_logits = [int8(ids[None]).logits[0] for ids in inputs]

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
