"""Writes predict.json: what `trainer predict` finds with the lookup model of predict_evaluate/model.rs.

That model knows the words below and nothing else, so that its entities can be told without it. Needs Python only, whose
str gives the code points and whose repr gives the printed form.
"""

import json
import pathlib
import unicodedata

LEXICON = {
    "irregular": "B-Symptoms",
    "periods": "I-Symptoms",
    "pelvic": "B-Symptoms",
    "pain": "I-Symptoms",
    "estrogen": "B-Hormones",
    "letrozole": "B-Medications",
    "scan": "B-Procedures",
    "follicle": "B-Ultrasound",
    "痛": "B-Symptoms",
}

TEXTS = [
    "Patient reports irregular periods and low estrogen.",
    "",
    " \t\r\n",
    "nothing of note",
    "PELVIC pain; Scan: follicle 18 mm -> letrozole 5 mg",
    "estrogen estrogen, letrozole/estrogen",
    "irregular\nperiods, pelvic\tpain, pelvic \r\n pain",
    "caf\u00e9: \u00e9strogen, e\u0301strogen, ESTROGE\u0301N\u0301",
    "\U0001f600 estrogen \U0001f469\u200d\u2695\ufe0f scan \U0001f1ec\U0001f1e7letrozole\U0001f1ec\U0001f1e7 follicle",
    "\u4e2d\u6587\u75db\u7684 estrogen",
    "he said \"pelvic pain\", she said 'scan'",
    "\ufeffestrogen\u2028scan\u2029follicle\u0085letrozole\u00a0scan",
    "back\\slash \\n estrogen <b>scan</b> &amp; \u007f",
    "nul \0 estrogen\0 and scan",
    "x" * 10_000 + " estrogen",
    ("Denies pelvic pain. " * 10 + "Seen at the clinic for a scan, all well, will come again next month.\n\n") * 8 + "estrogen",
]


def words(text):
    start = None
    for at, c in enumerate(text + " "):
        alone = unicodedata.category(c)[0] == "P" or c in "$+<=>^`|~" or "\u4e00" <= c <= "\u9fff"
        if alone or c.isspace():
            if start is not None:
                yield start, at
            start = None
            if alone:
                yield at, at + 1
        elif start is None:
            start = at


def normalized(word):
    plain = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cc", "Cf"))


def entities(text):
    found = []
    for start, end in words(text):
        tag, _, kind = LEXICON.get(normalized(text[start:end]), "O").partition("-")
        if tag == "B":
            found.append([kind, start, end])
        elif tag == "I":
            assert found[-1][0] == kind
            found[-1][2] = end
    return found


golden = []
for text in TEXTS:
    found = entities(text)
    golden.append(
        {
            "text": text,
            "entities": [
                {"entity_group": kind, "word": text[start:end], "start": start, "end": end} for kind, start, end in found
            ],
            "printed": repr([(text[start:end], kind) for kind, start, end in found]),
        }
    )
lines = ",\n".join(json.dumps(case) for case in golden)
pathlib.Path(__file__).with_name("predict.json").write_text(f"[\n{lines}\n]\n")
