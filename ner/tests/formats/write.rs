use ner::formats::{Format, Writer, write};
use ner::{Document, Labels};
use serde_json::{Value, json};

use crate::{collection, provenance};

#[test]
fn formats_are_named_once() {
    let parts: [fn(Format) -> &'static str; 3] = [Format::name, Format::title, Format::extension];
    for part in parts {
        let mut found: Vec<&str> = Format::ALL.into_iter().map(part).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), Format::ALL.len());
    }
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
        assert!(format.media_type().contains('/'));
    }
    assert_eq!(Format::from_name("xml"), None);
}

/// Piece by piece and at once are the same, also where the pieces are made in another order.
#[test]
fn pieces_make_the_whole() {
    let (provenance, documents) = (provenance(), collection());
    for format in Format::ALL
        .into_iter()
        .filter(|&format| format != Format::Brat)
    {
        let mut pieces: Vec<String> = (0..documents.len())
            .rev()
            .map(|number| write::document(format, number, &documents[number], &provenance).unwrap())
            .collect();
        pieces.reverse();
        let mut writer = Writer::new(format, &provenance);
        let mut content: String = pieces.iter().map(|piece| writer.document(piece)).collect();
        content.push_str(&writer.end());
        assert_eq!(
            content,
            write::write(format, &documents, &provenance).unwrap()
        );
    }
}

#[test]
fn nothing_is_written_as_nothing() {
    let check = |format: Format, expected: &str| {
        let content = write::write(format, &[], &provenance()).unwrap();
        assert_eq!(content, expected, "{format:?}");
    };
    check(Format::Json, "[]\n");
    check(Format::Jsonl, "");
    check(Format::DoccanoJsonl, "");
    check(Format::ProdigyJsonl, "");
    check(Format::Conll, "");
    check(Format::Brat, "");
    check(
        Format::Csv,
        "document,start,end,text,type,score,source,accepted,model,version,sha256,threshold\n",
    );
    let html = write::write(Format::Html, &[], &provenance()).unwrap();
    assert!(html.ends_with("</dl>\n</main>\n</body>\n</html>\n"));
    let fhir: Value =
        serde_json::from_str(&write::write(Format::Fhir, &[], &provenance()).unwrap()).unwrap();
    assert_eq!(
        (&fhir["type"], fhir.get("entry")),
        (&json!("collection"), None)
    );
}

#[test]
fn files_have_safe_names() {
    for format in Format::ALL
        .into_iter()
        .filter(|&format| format != Format::Brat)
    {
        let files = write::files(
            format,
            "../my notes",
            &collection(),
            &provenance(),
            &Labels::guide(),
        )
        .unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].name, format!("my_notes.{}", format.extension()));
        assert_eq!(
            files[0].content,
            write::write(format, &collection(), &provenance()).unwrap()
        );
    }
}

/// The lines of a format, as JSON.
fn lines(format: Format) -> Vec<Value> {
    let content = write::write(format, &collection(), &provenance()).unwrap();
    content
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn model() -> Value {
    json!({
        "name": "models/default", "version": "clinical-ner 1.2.3", "sha256": "00ff".repeat(16),
        "threshold": 0.4,
    })
}

#[test]
fn json_lines_are_written() {
    let lines = lines(Format::Jsonl);
    let all = write::write(Format::Json, &collection(), &provenance()).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Value>>(&all).unwrap(), lines);
    assert_eq!(
        lines[0],
        json!({"id": "visit 1/2", "text": collection()[0].text, "model": model(), "entities": [
            {"entity_group": "Symptoms", "score": 0.984, "word": "pelvic\r\npain", "start": 9, "end": 21},
            {"entity_group": "Hormones", "score": 0.5, "word": "oestradiol", "start": 30, "end": 40, "accepted": true},
        ]})
    );
    assert_eq!(
        lines[1],
        json!({"id": "=1+1", "text": "", "model": model(), "entities": []})
    );
    assert_eq!(
        lines[2]["entities"][0],
        json!({"entity_group": "Symptoms", "word": "-5 cramps", "start": 0, "end": 9})
    );
}

#[test]
fn fields_keep_their_order() {
    let content = write::write(Format::Jsonl, &collection()[2..], &provenance()).unwrap();
    let keys = [
        "\"id\"",
        "\"text\"",
        "\"entities\"",
        "\"entity_group\"",
        "\"model\"",
        "\"name\"",
    ];
    let places = keys.map(|key| content.find(key).unwrap());
    assert!(places.is_sorted(), "{content}");
}

#[test]
fn doccano_is_written() {
    let lines = lines(Format::DoccanoJsonl);
    assert_eq!(
        lines[0],
        json!({
            "id": "visit 1/2", "text": collection()[0].text, "label": [[9, 21, "Symptoms"], [30, 40, "Hormones"]],
            "meta": {"id": "visit 1/2", "model": model(), "marks": [
                {"start": 9, "end": 21, "label": "Symptoms", "score": 0.984, "source": "model", "accepted": false},
                {"start": 30, "end": 40, "label": "Hormones", "score": 0.5, "source": "model", "accepted": true},
            ]},
        })
    );
    assert_eq!(lines[1]["label"], json!([]));
    assert_eq!(lines[1]["meta"], json!({"id": "=1+1", "model": model()}));
}

#[test]
fn prodigy_is_written() {
    assert_eq!(
        lines(Format::ProdigyJsonl)[2],
        json!({
            "text": collection()[2].text,
            "spans": [
                {"start": 0, "end": 9, "label": "Symptoms", "source": "person", "accepted": true},
                {"start": 11, "end": 13, "label": "Hormones", "score": 1.0, "source": "model", "accepted": false},
                {"start": 15, "end": 19, "label": "Procedures", "score": 0.75, "source": "model", "accepted": false},
                {"start": 21, "end": 29, "label": "Ultrasound", "score": 0.625, "source": "model", "accepted": false},
                {"start": 31, "end": 40, "label": "Medications", "source": "person", "accepted": true},
            ],
            "meta": {
                "id": "<script>\"&'", "model": "models/default", "version": "clinical-ner 1.2.3",
                "sha256": "00ff".repeat(16), "threshold": 0.4,
            },
        })
    );
}

/// What is not for people names the model in every document, as files are taken apart. For a document
/// without marks brat has no room but in its configuration.
#[test]
fn every_format_names_the_model() {
    let parts = ["models/default", "1.2.3", &"00ff".repeat(16), "0.4"];
    for (format, document) in Format::ALL.into_iter().flat_map(|f| [(f, 0), (f, 1)]) {
        let documents = &collection()[document..=document];
        let files = write::files(format, "n", documents, &provenance(), &Labels::guide()).unwrap();
        for file in files.iter().filter(|file| !file.name.ends_with(".txt")) {
            let named = parts.iter().all(|part| file.content.contains(part));
            let nameless = file.name.ends_with(".ann") && file.content.is_empty() && document == 1;
            assert!(named || nameless, "{format:?}: {}", file.content);
        }
    }
}

#[test]
fn an_export_is_a_document() {
    let document = Document::from(&collection()[0]);
    let marked: Vec<&str> = document
        .spans
        .iter()
        .map(|span| &document.text[span.range.clone()])
        .collect();
    assert_eq!(
        (document.id.as_str(), marked),
        ("visit 1/2", vec!["pelvic\r\npain", "oestradiol"])
    );
}
