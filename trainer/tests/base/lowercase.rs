//! Whether texts are lower-cased: the ids of transformers' AutoTokenizer, whatever a base's files say.

use std::fs;
use std::path::Path;

use ner::Tokenizer;
use serde_json::Value;
use trainer::hub::{self, Lowercase};

use crate::{Workplace, write_base};

const GOLDEN: &str = include_str!("../goldens/lowercase.json");
const VOCABULARY: &str = include_str!("../../../ner/tests/goldens/vocab.txt");

/// A base with what the golden file says of its tokenizer.
fn write(directory: &Path, base: &Value) {
    write_base(directory);
    let size = VOCABULARY.lines().count();
    let config = crate::CONFIG.replace("\"vocab_size\": 11", &format!("\"vocab_size\": {size}"));
    let put = |name: &str, content: String| fs::write(directory.join(name), content).unwrap();
    put("config.json", config);
    put("vocab.txt", VOCABULARY.to_owned());
    match &base["config"] {
        Value::Null => fs::remove_file(directory.join("tokenizer_config.json")).unwrap(),
        config => put("tokenizer_config.json", config.to_string()),
    }
    if !base["normalizer"].is_null() {
        let whole = Tokenizer::from_vocab(VOCABULARY, None).unwrap().to_json();
        let mut whole: Value = serde_json::from_str(&whole).unwrap();
        whole["normalizer"] = base["normalizer"].clone();
        put("tokenizer.json", whole.to_string());
    }
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Value {
    tokenizer.input(&tokenizer.tokenize(text).ids).into()
}

#[test]
fn ids_are_those_of_auto_tokenizer() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let texts: Vec<&str> = golden["texts"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(Value::as_str)
        .collect();
    for base in golden["bases"].as_array().unwrap() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), base);
        let auto = base["auto"]
            .as_str()
            .map_or(&base["auto"], |name| &golden[name]);
        for (lowercase, expected) in [
            (Lowercase::Auto, auto),
            (Lowercase::True, &golden["true"]),
            (Lowercase::False, &golden["false"]),
        ] {
            // Whether accents go is another question, which this base answers by itself.
            if base["config"].get("strip_accents").is_some() && lowercase != Lowercase::Auto {
                continue;
            }
            let path = directory.path().to_str().unwrap();
            let tokenizer = hub::load(path, lowercase, false).unwrap().tokenizer;
            // What the output directory and the exported model have.
            let written = Tokenizer::from_json(&tokenizer.to_json()).unwrap();
            for (text, expected) in texts.iter().zip(expected.as_array().unwrap()) {
                let name = &base["name"];
                assert_eq!(
                    ids(&tokenizer, text),
                    *expected,
                    "{name}, {lowercase:?}: {text:?}"
                );
                assert_eq!(
                    ids(&written, text),
                    *expected,
                    "{name}, {lowercase:?}: {text:?}"
                );
            }
        }
    }
}

#[test]
fn a_vocabulary_of_the_other_case_is_told() {
    let place = Workplace::new();
    write_base(&place.path("base"));
    let check = |output: &str, extra: &[&str], expected: Option<&str>| {
        let (code, message) = place.fine_tune("base", output, "", extra);
        assert_eq!(code, 0, "{message}");
        let warned = message.contains("warning: texts");
        assert_eq!(warned, expected.is_some(), "{output}: {message}");
        assert!(
            message.contains(expected.unwrap_or("")),
            "{output}: {message}"
        );
    };
    check("a", &[], None);
    fs::remove_file(place.path("base/tokenizer_config.json")).unwrap();
    check("b", &[], Some("1 of its 11 tokens have capitals"));
    check("c", &["--lowercase", "true"], None);
    check("d", &["--lowercase", "false"], None);
    let vocabulary = crate::VOCABULARY.replace("No", "nose");
    fs::write(place.path("base/vocab.txt"), vocabulary).unwrap();
    check("e", &[], None);
    check(
        "f",
        &["--lowercase", "false"],
        Some("no token of the base has a capital"),
    );
}
