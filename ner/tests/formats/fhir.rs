use std::collections::HashSet;

use ner::formats::{Exported, Format, Source, write};
use serde_json::{Value, json};

use crate::{collection, exported, provenance};

fn bundle(documents: &[Exported]) -> Value {
    serde_json::from_str(&write::write(Format::Fhir, documents, &provenance()).unwrap()).unwrap()
}

/// `goldens/fhir.py` builds it by itself, and validates it against R4.
#[test]
fn bundle_is_valid_r4() {
    let golden: Value = serde_json::from_str(include_str!("../goldens/fhir.json")).unwrap();
    let mark = |marked| (marked, "Symptoms", Some(0.5), Source::Model, false);
    let (first, second) = ("hot\u{a0}flushes", "heavy\u{2028}flow");
    let text = format!("{first}, {second}");
    let spaces = exported("no\u{a0}5", &text, &[mark(first), mark(second)]);
    let documents = [collection(), vec![spaces]].concat();
    assert_eq!(bundle(&documents), golden);
}

#[test]
fn resources_say_mentioned_and_nothing_more() {
    let check = |text: &str, marked: &str, label: &str, kind: &str, status: &str| {
        let document = exported(
            "a",
            text,
            &[(marked, label, Some(0.5), Source::Model, true)],
        );
        let bundle = bundle(&[document]);
        let resource = &bundle["entry"][0]["resource"];
        assert_eq!(resource["resourceType"], kind);
        assert_eq!(resource["status"], status, "{text}");
        assert_eq!(resource["subject"], json!({"display": "not identified"}));
        let note = resource["note"][0]["text"].as_str().unwrap();
        assert!(
            note.starts_with("Mentioned in the text. Whether it applies was not determined"),
            "{note}"
        );
        let code = match kind {
            "MedicationStatement" => &resource["medicationCodeableConcept"],
            _ => &resource["code"],
        };
        assert_eq!(*code, json!({"text": marked}));
        let absent = (kind == "Observation").then_some("unknown");
        assert_eq!(
            resource["dataAbsentReason"]["coding"][0]["code"].as_str(),
            absent
        );
        let content = bundle.to_string();
        for claimed in [
            "active",
            "completed",
            "final",
            "amended",
            "confirmed",
            "valueCodeableConcept",
        ] {
            assert!(!content.contains(claimed), "{claimed}");
        }
        // The rest of the text stays where it is.
        assert!(!content.to_lowercase().contains("denies"), "{content}");
    };
    check(
        "denies pelvic pain",
        "pelvic pain",
        "Symptoms",
        "Observation",
        "preliminary",
    );
    check("Denies LH", "LH", "Hormones", "Observation", "preliminary");
    check(
        "denies follicle",
        "follicle",
        "Ultrasound",
        "Observation",
        "preliminary",
    );
    check("denies it", "it", "Disease", "Observation", "preliminary");
    check("denies scan", "scan", "Procedures", "Procedure", "unknown");
    check(
        "denies Letrozole",
        "Letrozole",
        "Medications",
        "MedicationStatement",
        "unknown",
    );
}

#[test]
fn mentions_have_names_of_their_own() {
    let mark = |marked| (marked, "Symptoms", Some(0.5), Source::Model, false);
    let twice = exported("a", "pain, pains", &[mark("pain"), mark("pains")]);
    let other_type = exported(
        "a",
        "pain, pains",
        &[("pain", "Hormones", None, Source::Person, true)],
    );
    let other_text = exported("a", "pain, pain", &[mark("pain")]);
    let other_id = exported("b", "pain, pains", &[mark("pain")]);
    let documents = [twice.clone(), other_type, other_text, other_id, twice];
    let names = |bundle: &Value| -> Vec<String> {
        let entries = bundle["entry"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["fullUrl"].as_str().unwrap().to_owned())
            .collect()
    };
    let found = names(&bundle(&documents));
    let distinct: HashSet<&String> = found.iter().collect();
    assert_eq!((found.len(), distinct.len()), (7, 7));
    assert_eq!(names(&bundle(&documents)), found);
    for name in &found {
        let uuid = name.strip_prefix("urn:uuid:").unwrap();
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{name}");
        assert!(
            uuid.bytes()
                .all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
        // Version and variant.
        assert_eq!(&uuid[14..15], "8");
        assert!("89ab".contains(&uuid[19..20]));
    }
}

#[test]
fn strings_are_those_of_fhir() {
    let text = "a\0\u{1b}\tb\u{b}\u{feff}\u{3000}\r\n\u{85}c";
    let document = exported("", text, &[(text, "Symptoms", None, Source::Person, true)]);
    let bundle = bundle(&[document]);
    let resource = &bundle["entry"][0]["resource"];
    assert_eq!(resource["code"]["text"], "a\u{fffd}\u{fffd}\tb   \r\n c");
    let parts = resource["extension"][0]["extension"].as_array().unwrap();
    let names: Vec<&str> = parts
        .iter()
        .map(|part| part["url"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["start", "end", "source", "accepted"]);
}
