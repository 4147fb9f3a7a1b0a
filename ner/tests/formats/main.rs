//! Files in every format.

mod bio;
mod brat;
mod conll;
mod csv;
mod fhir;
mod gold;
mod html;
mod jsonl;
mod python;
mod read;
mod round_trips;
mod write;

use ner::Span;
use ner::formats::{Exported, Mark, Provenance, Source};

/// The first place of a text in another, as a span.
fn span(text: &str, marked: &str, label: &str) -> Span {
    let start = text.find(marked).unwrap();
    Span {
        range: start..start + marked.len(),
        label: label.to_owned(),
    }
}

/// What the marks of the tests are from.
fn provenance() -> Provenance {
    Provenance {
        model: "models/default".into(),
        version: "clinical-ner 1.2.3".into(),
        sha256: "00ff".repeat(16),
        threshold: 0.4,
    }
}

/// A document with marks `(marked text, type, score, source, accepted)`.
fn exported(id: &str, text: &str, marks: &[(&str, &str, Option<f32>, Source, bool)]) -> Exported {
    let mark = |&(marked, label, score, source, accepted): &(_, _, _, _, _)| Mark {
        span: span(text, marked, label),
        score,
        source,
        accepted,
    };
    Exported {
        id: id.into(),
        text: text.into(),
        marks: marks.iter().map(mark).collect(),
    }
}

/// Documents with all that formats find hard: a mark over a line break, characters of several bytes,
/// markup, formulas, each kind of source, and nothing at all.
fn collection() -> Vec<Exported> {
    let model = |score| (Some(score), Source::Model);
    let with = |marked, label, (score, source), accepted| (marked, label, score, source, accepted);
    vec![
        exported(
            "visit 1/2",
            "😀 Denies pelvic\r\npain.\r\n\r\nLow oestradiol — café <b>\u{301}\n",
            &[
                with("pelvic\r\npain", "Symptoms", model(0.984), false),
                with("oestradiol", "Hormones", model(0.5), true),
            ],
        ),
        exported("=1+1", "", &[]),
        exported(
            "<script>\"&'",
            "-5 cramps, LH; scan: follicle. Letrozole",
            &[
                with("-5 cramps", "Symptoms", (None, Source::Person), true),
                with("LH", "Hormones", model(1.0), false),
                with("scan", "Procedures", model(0.75), false),
                with("follicle", "Ultrasound", model(0.625), false),
                with("Letrozole", "Medications", (None, Source::Person), true),
            ],
        ),
    ]
}
