//! FHIR R4 (<https://hl7.org/fhir/R4/>): a Bundle with a resource per mark.
//!
//! The model finds what is mentioned. Whether it was denied, is past or planned, or another person's,
//! it does not tell, so that nothing here says that it is so: an Observation is `preliminary` and without
//! value, the status of a Procedure and of a MedicationStatement `unknown`, and each has a note that
//! says why. The patient is not identified, codes are the words of the text, and of the text nothing
//! else is here.

use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Exported, Mark, Provenance, jsonl};
use crate::kind;

/// What stands between the head and the first resource; without any, FHIR has no empty array.
pub(super) const FIRST: &str = ",\"entry\":[\n";

const NOTE: &str = "Mentioned in the text. Whether it applies was not determined: the mention may be \
negated, past, planned or hypothetical, or about another person.";

/// Where the extensions are defined, which is here: FHIR asks for an address of each.
const MODEL: &str = "urn:x-clinical-ner:model";
const MENTION: &str = "urn:x-clinical-ner:mention";

/// The Bundle up to its entries.
pub fn head(provenance: &Provenance) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Bundle<'a> {
        resource_type: &'static str,
        meta: Meta<'a>,
        r#type: &'static str,
    }
    let mut bundle = json(&Bundle {
        resource_type: "Bundle",
        meta: Meta::of(provenance),
        r#type: "collection",
    });
    bundle.pop();
    bundle
}

/// The entries of a document, the `number`th of its Bundle from 0, with commas between.
pub fn entries(number: usize, document: &Exported, provenance: &Provenance) -> String {
    let points = jsonl::mark_points(&document.text, &document.marks);
    // Once for the document, as a text is much longer than what else tells a mark from all others.
    let text = Sha256::digest(&document.text);
    let entry = |(mark, points): (&Mark, &(usize, usize))| {
        json(&Entry {
            full_url: uuid(number, &document.id, &text, mark),
            resource: resource(document, mark, *points, provenance),
        })
    };
    let entries: Vec<String> = document.marks.iter().zip(&points).map(entry).collect();
    entries.join(",\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    full_url: String,
    resource: Resource<'a>,
}

/// An Observation, a Procedure or a MedicationStatement, which agree in most elements.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    resource_type: &'static str,
    meta: Meta<'a>,
    extension: [Extension<'a>; 1],
    status: &'static str,
    category: Category<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Concept<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    medication_codeable_concept: Option<Concept<'a>>,
    subject: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_absent_reason: Option<Absent>,
    note: [Annotation; 1],
}

#[derive(Serialize)]
struct Meta<'a> {
    extension: [Extension<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extension<'a> {
    url: &'static str,
    extension: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    url: &'static str,
    #[serde(flatten)]
    value: Value<'a>,
}

#[derive(Serialize)]
enum Value<'a> {
    #[serde(rename = "valueString")]
    String(FhirString<'a>),
    #[serde(rename = "valueUnsignedInt")]
    UnsignedInt(usize),
    #[serde(rename = "valueDecimal")]
    Decimal(f32),
    #[serde(rename = "valueBoolean")]
    Boolean(bool),
}

/// An Observation has any number of categories, the others have one.
#[derive(Serialize)]
#[serde(untagged)]
enum Category<'a> {
    Many([Concept<'a>; 1]),
    One(Concept<'a>),
}

#[derive(Serialize)]
struct Concept<'a> {
    text: FhirString<'a>,
}

#[derive(Serialize)]
struct Subject {
    display: &'static str,
}

#[derive(Serialize)]
struct Annotation {
    text: &'static str,
}

#[derive(Serialize)]
struct Absent {
    coding: [Coding; 1],
}

#[derive(Serialize)]
struct Coding {
    system: &'static str,
    code: &'static str,
}

/// A string as FHIR has it, `[ \r\n\t\S]+`: without control characters but tab and line ends, and of
/// white space with the space alone. U+FEFF is white space to JavaScript.
#[derive(Serialize)]
#[serde(transparent)]
struct FhirString<'a>(std::borrow::Cow<'a, str>);

impl<'a> FhirString<'a> {
    fn of(text: &'a str) -> Self {
        let allowed = |c: char| match c {
            ' ' | '\t' | '\n' | '\r' => c,
            '\u{feff}' => ' ',
            c if c.is_whitespace() => ' ',
            c if c < ' ' => char::REPLACEMENT_CHARACTER,
            c => c,
        };
        Self(match text.chars().all(|c| allowed(c) == c) {
            true => text.into(),
            false => text.chars().map(allowed).collect::<String>().into(),
        })
    }
}

impl<'a> Meta<'a> {
    fn of(provenance: &'a Provenance) -> Self {
        let texts = [
            ("name", &provenance.model),
            ("version", &provenance.version),
            ("sha256", &provenance.sha256),
        ];
        let mut parts: Vec<Part> = texts
            .into_iter()
            .filter_map(|(url, t)| text(url, t))
            .collect();
        parts.push(Part {
            url: "threshold",
            value: Value::Decimal(provenance.threshold),
        });
        Self {
            extension: [Extension {
                url: MODEL,
                extension: parts,
            }],
        }
    }
}

/// A text as part of an extension; FHIR has no empty strings.
fn text<'a>(url: &'static str, text: &'a str) -> Option<Part<'a>> {
    (!text.trim().is_empty()).then(|| Part {
        url,
        value: Value::String(FhirString::of(text)),
    })
}

fn resource<'a>(
    document: &'a Exported,
    mark: &'a Mark,
    (start, end): (usize, usize),
    provenance: &'a Provenance,
) -> Resource<'a> {
    let concept = || Concept {
        text: FhirString::of(&document.text[mark.span.range.clone()]),
    };
    let category = Concept {
        text: FhirString::of(&mark.span.label),
    };
    let part = |url, value| Some(Part { url, value });
    let parts = [
        text("document", &document.id),
        part("start", Value::UnsignedInt(start)),
        part("end", Value::UnsignedInt(end)),
        mark.score
            .and_then(|score| part("score", Value::Decimal(score))),
        text("source", mark.source.name()),
        part("accepted", Value::Boolean(mark.accepted)),
    ];
    let resource = Resource {
        resource_type: "",
        meta: Meta::of(provenance),
        extension: [Extension {
            url: MENTION,
            extension: parts.into_iter().flatten().collect(),
        }],
        status: "unknown",
        category: Category::One(category),
        code: None,
        medication_codeable_concept: None,
        subject: Subject {
            display: "not identified",
        },
        data_absent_reason: None,
        note: [Annotation { text: NOTE }],
    };
    match (mark.span.label.as_str(), resource.category) {
        (kind::PROCEDURES, category) => Resource {
            resource_type: "Procedure",
            code: Some(concept()),
            category,
            ..resource
        },
        (kind::MEDICATIONS, category) => Resource {
            resource_type: "MedicationStatement",
            medication_codeable_concept: Some(concept()),
            category,
            ..resource
        },
        (_, Category::One(category) | Category::Many([category])) => Resource {
            resource_type: "Observation",
            status: "preliminary",
            code: Some(concept()),
            category: Category::Many([category]),
            data_absent_reason: Some(Absent {
                coding: [Coding {
                    system: "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                    code: "unknown",
                }],
            }),
            ..resource
        },
    }
}

/// A name of a mark in its collection that is the same in each export and another's in none: a UUID of
/// version 8 (RFC 9562) from SHA-256.
fn uuid(number: usize, id: &str, digest_of_text: &[u8], mark: &Mark) -> String {
    let mut hash = Sha256::new();
    let range = &mark.span.range;
    for number in [number, range.start, range.end] {
        hash.update((number as u64).to_le_bytes());
    }
    hash.update(digest_of_text);
    for text in [id, &mark.span.label] {
        // The length keeps apart what would read alike in a row.
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    let mut bytes: [u8; 16] = hash.finalize()[..16].try_into().expect("of 32 bytes");
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let mut name = "urn:uuid:".to_owned();
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            name.push('-');
        }
        write!(name, "{byte:02x}").expect("writing to a string does not fail");
    }
    name
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers are JSON")
}
