use ner::formats::bio;
use ner::tokenize::words;
use ner::{Document, Labels, Span};
use proptest::prelude::*;

use crate::span;

/// Texts of documents and of their marks.
type Marked = Vec<(String, Vec<(String, String)>)>;

fn marked(documents: &[Document]) -> Marked {
    let marks = |document: &Document| {
        let mark = |span: &Span| {
            (
                document.text[span.range.clone()].to_owned(),
                span.label.clone(),
            )
        };
        document.spans.iter().map(mark).collect()
    };
    documents
        .iter()
        .map(|document| (document.text.clone(), marks(document)))
        .collect()
}

#[test]
fn bio_is_read() {
    let check = |content: &str, expected: &[(&str, &[(&str, &str)])]| {
        let documents = bio::read("notes.bio", content, &Labels::guide()).unwrap();
        let owned = |(text, kind): &(&str, &str)| (text.to_string(), kind.to_string());
        let expected: Marked = expected
            .iter()
            .map(|(text, marks)| (text.to_string(), marks.iter().map(owned).collect()))
            .collect();
        assert_eq!(marked(&documents), expected, "{content:?}");
    };
    let symptom: &[(&str, &str)] = &[("irregular periods", "Symptoms")];
    check("", &[]);
    check("\n \n\t\n", &[]);
    check(
        "irregular B-Symptoms\nperiods I-Symptoms\nand O\n",
        &[("irregular periods and", symptom)],
    );
    check(
        "irregular\tB-Symptoms\r\nperiods \t I-Symptoms  \r\n\r\nno O",
        &[("irregular periods", symptom), ("no", &[])],
    );
    check(
        "\u{feff}irregular B-Symptoms\nperiods I-Symptoms",
        &[("irregular periods", symptom)],
    );
    // CoNLL's further columns and document lines.
    check(
        "-DOCSTART- -X- O O\n\nirregular JJ B-NP B-Symptoms\nperiods NN I-NP I-Symptoms\n",
        &[("irregular periods", symptom)],
    );
    check("-DOCSTART-\nno O\n", &[("no", &[])]);

    // The seed's white-space words: bordering punctuation leaves the span, inner punctuation stays.
    check(
        "irregular B-Symptoms\nperiods, I-Symptoms\n",
        &[("irregular periods,", symptom)],
    );
    check(
        "(AMH) B-Hormones\nlow O\n",
        &[("(AMH) low", &[("AMH", "Hormones")])],
    );
    check(
        "“(irregular B-Symptoms\nperiods).” I-Symptoms\n",
        &[("“(irregular periods).”", symptom)],
    );
    check("N/V. B-Symptoms\n", &[("N/V.", &[("N/V", "Symptoms")])]);
    check(
        "breast, B-Symptoms\npelvic I-Symptoms\n",
        &[("breast, pelvic", &[("breast, pelvic", "Symptoms")])],
    );
    check(
        "LH+ B-Hormones\nFSH+ B-Hormones\n",
        &[("LH+ FSH+", &[("LH", "Hormones"), ("FSH", "Hormones")])],
    );
    check(
        "-- B-Symptoms\npain I-Symptoms\n",
        &[("-- pain", &[("pain", "Symptoms")])],
    );
    // Pre-tokens are taken at their word.
    check(
        "LH B-Hormones\n+ I-Hormones\n",
        &[("LH +", &[("LH +", "Hormones")])],
    );
}

#[test]
fn bio_documents_are_named_by_their_line() {
    let documents = bio::read("f", "\nno O\nmore O\n\n\nyes O\n", &Labels::guide()).unwrap();
    let ids: Vec<&str> = documents
        .iter()
        .map(|document| document.id.as_str())
        .collect();
    assert_eq!(ids, ["2", "6"]);
}

#[test]
fn broken_bio_names_file_and_line() {
    let check = |content: &str, message: &str| {
        let error =
            bio::read("data/notes.bio", content, &Labels::of_types(&["S", "H"])).unwrap_err();
        assert_eq!(error.to_string(), message, "{content:?}");
    };
    check(
        "no O\nword\n",
        "data/notes.bio:2: `word` has no label: a line is a word, a space or tab, and a label",
    );
    check(
        "no O\nyes B-X\n",
        "data/notes.bio:2: `B-X` is not a label; the labels are O, B-S, I-S, B-H, I-H",
    );
    for label in ["E-S", "S-S", "L-S", "U-S", "M-S", "W-S"] {
        let scheme = format!(
            "data/notes.bio:1: `{label}` is of a scheme like BIOES or BILOU, and labels are BIO (IOB2); convert \
             the file: an entity's first word is B-, every further one I-"
        );
        check(&format!("yes {label} \n"), &scheme);
    }
    check(
        "yes ES-S\n",
        "data/notes.bio:1: `ES-S` is not a label; the labels are O, B-S, I-S, B-H, I-H",
    );
    check(
        "yes b-s\n",
        "data/notes.bio:1: `b-s` is not a label; the labels are O, B-S, I-S, B-H, I-H",
    );
    check(
        "yes I-S\n",
        "data/notes.bio:1: `I-S` at the beginning of a sentence: an entity begins with `B-S`; where the file is IOB1, convert it to IOB2",
    );
    check(
        "no O\nyes I-S\n",
        "data/notes.bio:2: `I-S` after a word that is not of its entity: an entity begins with `B-S`; where the file is IOB1, convert it to IOB2",
    );
    check(
        "a B-H\nb I-S\n",
        "data/notes.bio:2: `I-S` after a word that is not of its entity: an entity begins with `B-S`; where the file is IOB1, convert it to IOB2",
    );
    check(
        "a B-S\n\nb I-S\n",
        "data/notes.bio:3: `I-S` at the beginning of a sentence: an entity begins with `B-S`; where the file is IOB1, convert it to IOB2",
    );
    check(
        "no O\r\n.) B-S\r\n",
        "data/notes.bio:2: the entity `.)` is punctuation only",
    );
}

#[test]
fn bio_is_written() {
    let labels = Labels::of_types(&["S", "H"]);
    let text = "Heavy bleeding,\nLH+6 (AMH)";
    let spans = vec![
        span(text, "Heavy bleeding", "S"),
        span(text, "LH", "H"),
        span(text, "AMH", "H"),
    ];
    let document = Document {
        id: "a".into(),
        text: text.into(),
        spans,
    };
    let empty = Document {
        text: " \n".into(),
        ..Document::default()
    };
    let other = Document {
        text: "no".into(),
        ..Document::default()
    };
    let content = bio::write(&[empty, document.clone(), other], &labels).unwrap();
    assert_eq!(
        content,
        "Heavy B-S\nbleeding I-S\n, O\nLH B-H\n+ O\n6 O\n( O\nAMH B-H\n) O\n\nno O\n"
    );

    let cut = Document {
        spans: vec![span(text, "bleed", "S")],
        ..document
    };
    let error = bio::write(&[cut], &labels).unwrap_err();
    assert_eq!(
        error.to_string(),
        "document `a`: span 6..11 of type `S`: `bleed` does not begin and end on a word"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Marks -> BIO -> marks, over any words and any marks on them.
    #[test]
    fn bio_is_lossless(
        texts in prop::collection::vec(
            (
                "\\PC{0,20}|[a-c(),.+\u{feff}\u{200b}é月\0 \r\n\t]{0,20}",
                prop::collection::vec(0_usize..5, 20),
            ),
            0..4,
        ),
    ) {
        let labels = Labels::of_types(&["S", "H"]);
        let documents: Vec<Document> = texts
            .into_iter()
            .map(|(text, ids)| {
                let words = words(&text);
                let ids = &ids[..words.len().min(20)];
                let spans = ner::decode::spans(&words[..ids.len()], ids, &labels);
                Document { id: String::new(), text, spans }
            })
            .filter(|document| !words(&document.text).is_empty())
            .collect();
        let content = bio::write(&documents, &labels).unwrap();
        let read = bio::read("f", &content, &labels).unwrap();
        prop_assert_eq!(read.len(), documents.len());
        let in_words = |document: &Document| {
            let words = words(&document.text);
            let ids = ner::decode::label_ids(&document.text, &words, &document.spans, &labels);
            let texts = words.into_iter().map(|word| document.text[word].to_owned());
            texts.zip(ids.unwrap()).collect::<Vec<(String, usize)>>()
        };
        for (read, document) in read.iter().zip(&documents) {
            prop_assert_eq!(in_words(read), in_words(document));
        }
        prop_assert_eq!(bio::write(&read, &labels).unwrap(), content);
    }

    #[test]
    fn any_bio_content_is_read_or_refused(content in "(a|B-S|I-S|O|,| |\t|\r|\n|\u{feff}){0,40}") {
        let _ = bio::read("f", &content, &Labels::of_types(&["S"]));
    }
}
