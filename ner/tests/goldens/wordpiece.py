"""Writes vocab.txt and wordpiece.json: token ids from transformers' BertTokenizerFast for texts of every nasty kind.

Needs transformers (made with 5.23.0 and tokenizers 0.23.3). Run it in this folder.
"""

import json
import pathlib
import string
import tempfile

from transformers import BertTokenizerFast

HERE = pathlib.Path(__file__).parent
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<pad>", "<s>", "</s>"]
WORDS = """
patient Patient reports irregular Irregular periods Periods and low estrogen Estrogen heavy Heavy bleeding pelvic pain
cramps spotting nausea FSH LH AMH hCG fsh lh the The was is on day of no mg ml naïve café cafe Müllerian mullerian hormone
Ärztin arztin straße résumé resume боль кровь Боль αβγ σας 月 经 痛 ご はん 한국 follicle ##s ##ing ##ular ##ed ##ation ##itis
""".split()


def vocabulary():
    letters = string.ascii_letters + string.digits + "éüÄäßïµαβγδςσбольёй́"
    tokens = SPECIALS + [c for c in string.punctuation] + list("–—…“”‘’°±×÷²½€£。，！？·•") + ["😀", "🥰", "##😀"]
    tokens += sorted(set(letters)) + ["##" + c for c in sorted(set(letters))] + WORDS
    return list(dict.fromkeys(tokens))


CONFIGS = {
    "no config": None,
    "uncased": {"do_lower_case": True, "strip_accents": None, "tokenize_chinese_chars": True},
    "cased": {"do_lower_case": False},
    "uncased, accents kept": {"do_lower_case": True, "strip_accents": False},
    "cased, accents stripped": {"do_lower_case": False, "strip_accents": True},
    "special tokens": {
        "do_lower_case": False,
        "pad_token": "<pad>",
        "cls_token": {"__type": "AddedToken", "content": "<s>", "lstrip": False, "normalized": False, "rstrip": False,
                      "single_word": False, "special": True},
        "sep_token": "</s>",
    },
}

# (text, times it is repeated)
TEXTS = [
    ("", 1),
    (" \t\r\n", 3),
    ("Patient reports irregular periods and low estrogen.", 1),
    ("c/o pelvic pain, N/V; LH+6 (AMH) β-hCG<2.5%, 3.5mg/ml", 1),
    ("heavy\r\nbleeding\r\rcramps\n\n\tspotting\u00a0nausea\u2003day\u3000of", 1),
    ("heavy\x00bleeding \x00 pain\ufffdpain \ufffd", 1),
    ("heavy\u200b bleeding \u200b pain\u200d\u200e \ufeff \u2060x", 1),
    ("\ufeffPatient", 1),
    ("\x01\x02 \x7f pain\x9fful \x1b[0m", 1),
    ("cafe\u0301 café CAFÉ na\u0131ve naïve nai\u0308ve", 1),
    ("anti-Müllerian ÄRZTIN Straße STRASSE İstanbul ǅ ﬁbroid", 1),
    ("\u0301 \u0301\u0302 a\u0301\u0323b .\u0301 \u20dd", 1),
    ("😀 😀😀 pain😀pain 👩‍⚕️ 👍🏽 🥰 🏳️‍🌈", 1),
    ("月经痛pain月 patient患者。痛，痛！ \U00020000\U0002a700 㐀 豈", 1),
    ("ごはん カタカナ 한국어 한국", 1),
    ("боль Боль БОЛЬ кровьpain ёй", 1),
    ("αβγ ΑΒΓ ΣΑΣ σας ΟΔΟΣ ὈΔΥΣΣΕΎΣ", 1),
    ("ألم الحيض دَمٌ", 1),
    ("दर्द मासिक ก่อน", 1),
    ("“heavy” ‘bleeding’ — pain… – ½ ² µ ± × ° € £ • · ¿¡§¶«»", 1),
    ("≠ a≠b ≮ ῏ \u037e \u0387 \u1fef", 1),
    ("line\u2028separator\u2029paragraph", 1),
    ("private \ue000 use \U000f0000x unassigned \u0378x", 1),
    ("a", 100),
    ("a", 101),
    ("a", 10000),
    ("pain", 2500),
    ("é", 100),
    ("e\u0301", 60),
    ("月", 300),
    ("a ", 600),
    ("...", 200),
    ("irregular periods ", 300),
    ("supercalifragilisticexpialidocious follicles follicleitis bleedinged painX", 1),
    ("[SEP", 1),
    ("$5+3=8 ^_^ `x` ~y~ |z| <b> a_b a#b a@b \\n", 1),
]


def main():
    (HERE / "vocab.txt").write_text("".join(token + "\n" for token in vocabulary()), encoding="utf-8")
    runs = []
    for name, config in CONFIGS.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "vocab.txt").write_bytes((HERE / "vocab.txt").read_bytes())
            if config is not None:
                (folder / "tokenizer_config.json").write_text(json.dumps(config))
            tokenizer = BertTokenizerFast.from_pretrained(folder)
        texts = []
        for text, times in TEXTS:
            ids = tokenizer(text * times)["input_ids"]
            texts.append({"text": text, "times": times, "ids": run_lengths(ids)})
        backend = json.loads(tokenizer.backend_tokenizer.to_str())
        parts = {part: backend[part] for part in ["normalizer", "pre_tokenizer", "post_processor"]}
        runs.append({"name": name, "config": config, "pad": tokenizer.pad_token_id, "parts": parts, "texts": texts})
    lines = ",\n".join(json.dumps(run, separators=(",", ":")) for run in runs)
    (HERE / "wordpiece.json").write_text(f"[\n{lines}\n]\n")


def run_lengths(ids):
    """The ids as what stands first, a block that repeats, how many times, and what stands last."""
    inner = ids[1:-1]
    for length in range(1, min(len(inner) // 2, 40) + 1):
        if len(inner) % length == 0 and inner[:length] * (len(inner) // length) == inner:
            return {"first": ids[0], "block": inner[:length], "times": len(inner) // length, "last": ids[-1]}
    return {"first": ids[0], "block": inner, "times": 1, "last": ids[-1]}


if __name__ == "__main__":
    main()
