//! What is written reads back.

use ner::formats::{Exported, Format, Imported, Mark, Source, brat, read, write};
use ner::tokenize::words;
use ner::{Labels, Span, decode};
use proptest::prelude::*;

use crate::{collection, provenance};

/// Texts of what notes are made of, and of what readers stumble over.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "pain",
        "LH",
        "é",
        "e\u{301}",
        "月经",
        "😀",
        "👩\u{200d}⚕️",
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        "\r\n \r\n",
        "\u{feff}",
        "\u{2028}",
        "\u{85}",
        "\u{b}",
        "\u{1c}",
        "\u{a0}",
        "\u{200b}",
        "\0",
        "\u{1b}",
        ",",
        ".",
        "-",
        "\"",
        "'",
        "\\",
        "=",
        "<b>",
        "&",
        "%20",
        "#",
        "O",
        "B-S",
        "-DOCSTART-",
        "{",
        "[[",
    ]);
    let known = prop::collection::vec(pieces, 0..25).prop_map(|pieces| pieces.concat());
    prop_oneof![4 => known, 1 => any::<String>()]
}

/// Any id, text and marks.
fn documents() -> impl Strategy<Value = Vec<Exported>> {
    let knowledge = (
        prop::option::of(0.0_f32..=1.0),
        prop::sample::select(vec![Source::Model, Source::Person]),
        any::<bool>(),
    );
    let document = (
        "[a-z]{0,3}|\\PC{0,8}|[ \r\n\t%=é]{0,4}",
        texts(),
        prop::collection::vec((0_usize..5, knowledge), 40),
    );
    let document = document.prop_map(|(id, text, words_marked)| {
        let mut words = words(&text);
        words.truncate(words_marked.len());
        let ids: Vec<usize> = words_marked.iter().map(|word| word.0).collect();
        let spans = decode::spans(&words, &ids[..words.len()], &labels());
        let marks = spans.into_iter().zip(words_marked);
        let mark = |(span, (_, (score, source, accepted)))| Mark {
            span,
            score,
            source,
            accepted,
        };
        Exported {
            id,
            marks: marks.map(mark).collect(),
            text,
        }
    });
    prop::collection::vec(document, 0..4)
}

fn labels() -> Labels {
    Labels::of_types(&["S", "H"])
}

/// A collection written and read by its file's name.
fn again(format: Format, documents: &[Exported], labels: &Labels) -> Vec<Exported> {
    let files = write::files(format, "notes", documents, &provenance(), labels).unwrap();
    let imported: Vec<Imported> = if format == Format::Brat {
        let name = |file: &write::File| file.name.rsplit_once('.').unwrap().0.to_owned();
        assert_eq!(files[0].name, "annotation.conf");
        let pairs = files[1..].chunks_exact(2);
        pairs
            .map(|pair| brat::read(&name(&pair[0]), &pair[0].content, &pair[1].content, labels))
            .collect::<Result<_, _>>()
            .unwrap()
    } else {
        read(&files[0].name, &files[0].content, labels).unwrap()
    };
    assert!(imported.iter().all(|imported| imported.annotated));
    imported
        .into_iter()
        .map(|imported| imported.document)
        .collect()
}

/// The words of a document with the labels of its marks.
fn labelled_words(document: &Exported, labels: &Labels) -> Vec<(String, usize)> {
    let words = words(&document.text);
    let spans: Vec<Span> = document
        .marks
        .iter()
        .map(|mark| mark.span.clone())
        .collect();
    let ids = decode::label_ids(&document.text, &words, &spans, labels).unwrap();
    let texts = words.into_iter().map(|word| document.text[word].to_owned());
    texts.zip(ids).collect()
}

fn check(documents: &[Exported], labels: &Labels) {
    for format in [
        Format::Json,
        Format::Jsonl,
        Format::DoccanoJsonl,
        Format::ProdigyJsonl,
    ] {
        assert_eq!(again(format, documents, labels), documents, "{format:?}");
    }
    let brat = again(Format::Brat, documents, labels);
    assert_eq!(brat.len(), documents.len());
    for (found, expected) in brat.iter().zip(documents) {
        assert_eq!(
            (&found.text, &found.marks),
            (&expected.text, &expected.marks)
        );
    }
    let conll = again(Format::Conll, documents, labels);
    assert_eq!(conll.len(), documents.len());
    for (found, expected) in conll.iter().zip(documents) {
        assert_eq!(found.id, expected.id);
        assert_eq!(
            labelled_words(found, labels),
            labelled_words(expected, labels)
        );
    }
}

#[test]
fn the_hard_collection_comes_back() {
    check(&collection(), &Labels::guide());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_back(documents in documents()) {
        check(&documents, &labels());
    }

    /// Every other format takes everything too.
    #[test]
    fn everything_can_be_written(documents in documents()) {
        for format in [Format::Csv, Format::Html, Format::Fhir] {
            let content = write::write(format, &documents, &provenance()).unwrap();
            let marks: usize = documents.iter().map(|document| document.marks.len()).sum();
            let counted = match format {
                Format::Csv => csv::Reader::from_reader(content.as_bytes()).records().count(),
                Format::Html => content.matches("<mark ").count(),
                _ => content.matches("\"fullUrl\"").count(),
            };
            let unmarked = documents.iter().filter(|document| document.marks.is_empty());
            let rows = if format == Format::Csv { unmarked.count() } else { 0 };
            prop_assert_eq!(counted, marks + rows, "{}", content);
        }
    }

    #[test]
    fn any_content_is_read_or_refused(
        name in "a\\.(txt|jsonl|json|conll|csv|ann|md)|a",
        content in "(\\{|\\}|\\[|\\]|\"text\"|\"spans\"|\"label\"|\"S\"|:|,|\"|1|text|a|B-S|O|-DOCSTART- id=| |\t|\r|\n|\u{feff}){0,40}",
        annotations in "((T1|#1)\t(S|X)( |;|\t|0|1|9|id|\n){0,9}){0,3}",
    ) {
        let _ = read(&name, &content, &labels());
        let _ = brat::read("a", &content, &annotations, &labels());
    }
}
