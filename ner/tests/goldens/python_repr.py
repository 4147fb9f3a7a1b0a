"""Writes python_repr.json: pairs of a string and CPython's repr of it.

Made with CPython 3.11 (Unicode 14). Characters that a later Unicode assigns are left out, as repr depends on them.
"""

import json
import pathlib
import random
import unicodedata

HERE = pathlib.Path(__file__).parent
HAND = [
    "", "irregular periods", "it's", 'say "ah"', "it's \"so\"", "'", '"', "\\", "\\n", "a\nb\r\n\tc", "\x00\x01\x1f\x7f", "\x80\x85\x9f",
    "\xa0\xad", "café", "cafe\u0301", "月经", "😀", "👩\u200d⚕️", "\u200b\u200e\ufeff", "\u2028\u2029", "\u2003\u3000\u1680",
    "\ue000\U000f0000\U0010ffff", "\ufffd\ufffe\uffff", "\U0001f970", "\u0378\u0530", "\U000e0001\U000e0041", "$5 ± 3 µg",
    "\u0600\u06dd\u070f", "ß ﬁ ǅ", "\U00012000\U00020000\U0002a6de",
]


def main():
    rng = random.Random(3)
    assigned = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c)) != "Cn"]
    texts = HAND + ["".join(rng.sample(assigned, 12)) for _ in range(150)]
    low = [chr(c) for c in range(0x3000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    texts += ["".join(rng.sample(low, 12)) for _ in range(150)]
    lines = [json.dumps([text, repr(text)]) for text in texts]
    (HERE / "python_repr.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
