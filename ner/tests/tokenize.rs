//! Words and tokens: against transformers' ids, against the `tokenizers` crate on whole texts, and
//! on broken input.

use ner::Error;
use ner::tokenize::{Tokenizer, Tokens, is_punctuation, words};
use proptest::prelude::*;
use serde_json::{Value, json};

const VOCAB: &str = include_str!("goldens/vocab.txt");
const GOLDEN: &str = include_str!("goldens/wordpiece.json");

fn tokenizer(config: Option<&Value>) -> Tokenizer {
    Tokenizer::from_vocab(VOCAB, config.map(Value::to_string).as_deref()).unwrap()
}

/// What holds for the tokens of any text.
fn check_structure(text: &str, tokens: &Tokens) {
    assert_eq!(tokens.words, words(text));
    assert_eq!(tokens.first.len(), tokens.words.len());
    let covered: usize = tokens
        .words
        .iter()
        .map(|word| text[word.clone()].chars().count())
        .sum();
    assert_eq!(
        covered,
        text.chars().filter(|c| !c.is_whitespace()).count(),
        "a character was lost or doubled"
    );
    assert!(
        tokens
            .words
            .windows(2)
            .all(|pair| pair[0].end <= pair[1].start),
        "words out of order"
    );
    let firsts: Vec<usize> = tokens.first.iter().copied().flatten().collect();
    assert!(firsts.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(
        firsts.first().copied(),
        (!tokens.ids.is_empty()).then_some(0)
    );
    assert!(firsts.last().is_none_or(|&last| last < tokens.ids.len()));
}

#[test]
fn ids_are_those_of_transformers() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    for run in golden.as_array().unwrap() {
        let name = &run["name"];
        let tokenizer = tokenizer(Some(&run["config"]).filter(|config| !config.is_null()));
        let json: Value = serde_json::from_str(&tokenizer.to_json()).unwrap();
        for part in ["normalizer", "pre_tokenizer", "post_processor"] {
            assert_eq!(json[part], run["parts"][part], "{name}: {part}");
        }
        assert_eq!(Value::from(tokenizer.pad()), run["pad"], "{name}");
        for case in run["texts"].as_array().unwrap() {
            let text = case["text"]
                .as_str()
                .unwrap()
                .repeat(case["times"].as_u64().unwrap() as usize);
            let tokens = tokenizer.tokenize(&text);
            check_structure(&text, &tokens);
            let number = |value: &Value| value.as_u64().unwrap() as u32;
            let ids = &case["ids"];
            let block: Vec<u32> = ids["block"]
                .as_array()
                .unwrap()
                .iter()
                .map(number)
                .collect();
            let inner = block.repeat(ids["times"].as_u64().unwrap() as usize);
            let expected = [
                vec![number(&ids["first"])],
                inner,
                vec![number(&ids["last"])],
            ]
            .concat();
            assert_eq!(
                tokenizer.input(&tokens.ids),
                expected,
                "{name}: {:.60?}",
                text
            );
        }
    }
}

#[test]
fn words_of_texts() {
    let check = |text: &str, expected: &[&str]| {
        let found: Vec<&str> = words(text).into_iter().map(|word| &text[word]).collect();
        assert_eq!(found, expected, "{text:?}");
    };
    check("", &[]);
    check(" \t\r\n\u{a0}\u{3000}", &[]);
    check(
        "LH+6 (AMH), N/V",
        &["LH", "+", "6", "(", "AMH", ")", ",", "N", "/", "V"],
    );
    check(
        "anti-Müllerian 3.5µg",
        &["anti", "-", "Müllerian", "3", ".", "5µg"],
    );
    check("“pain”…x—y", &["“", "pain", "”", "…", "x", "—", "y"]);
    check("$5^2`~|", &["$", "5", "^", "2", "`", "~", "|"]);
    check("痛pain月经", &["痛", "pain", "月", "经"]);
    check(
        "cafe\u{301} 👩\u{200d}⚕\u{fe0f}",
        &["cafe\u{301}", "👩\u{200d}⚕\u{fe0f}"],
    );
    // Zero-width characters belong to the word that they touch; alone they are a word without
    // tokens.
    check(
        "heavy\u{200b} bleeding \u{200b} a\0b",
        &["heavy\u{200b}", "bleeding", "\u{200b}", "a\0b"],
    );
    check(
        "page\u{c}break\u{b}tab\u{85}next\u{2028}line",
        &["page", "break", "tab", "next", "line"],
    );
}

#[test]
fn words_that_normalization_removes_have_no_tokens() {
    let tokenizer = tokenizer(None);
    let tokens = tokenizer.tokenize("heavy \u{200b} bleeding \u{301}");
    assert_eq!(tokens.first, [Some(0), None, Some(1), None]);
    assert_eq!(tokens.ids, tokenizer.tokenize("heavy bleeding").ids);
    assert_eq!(
        tokenizer.tokenize("heavy\u{200b} bleed\u{200d}ing").ids,
        tokens.ids
    );
}

#[test]
fn special_tokens_in_a_text_are_text() {
    let tokenizer = tokenizer(None);
    let ids = |text: &str| tokenizer.tokenize(text).ids;
    assert_eq!(ids("[SEP]"), ids("[ SEP ]"));
    assert_eq!(ids("[SEP]").len(), 5, "[, s, ##e, ##p, ]");
    let specials: Vec<u32> = ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
        .iter()
        .flat_map(|text| ids(text))
        .collect();
    assert!(
        specials
            .iter()
            .all(|id| !tokenizer.input(&[]).contains(id) && *id != tokenizer.pad())
    );
}

/// The whole text through the `tokenizers` crate.
fn whole(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let inner: tokenizers::Tokenizer = tokenizer.to_json().parse().unwrap();
    inner.encode_fast(text, false).unwrap().get_ids().to_vec()
}

/// Characters of every kind that normalization, pre-tokenization and WordPiece treat differently.
const TRICKY: &str = "[a-zA-Z0-9éÄ一月ごа-яΑ-ω😀\u{300}-\u{305}\u{200b}-\u{200f}\0\u{1}\u{7f}\u{9f}\
    \u{ad}\u{feff}\u{fffd}\u{e000} \t\r\n\u{a0}\u{2003}\u{2028}.,;:+/()\\-_'\"“…—。≠\u{1fef}İßﬁ한]{0,40}";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ids_are_those_of_the_whole_text(
        text in TRICKY,
        lowercase: bool,
        strip_accents: Option<bool>,
    ) {
        let config = json!({"do_lower_case": lowercase, "strip_accents": strip_accents});
        let tokenizer = tokenizer(Some(&config));
        let tokens = tokenizer.tokenize(&text);
        check_structure(&text, &tokens);
        prop_assert_eq!(tokens.ids, whole(&tokenizer, &text));
    }

    #[test]
    fn any_text_is_tokenized(text in any::<String>()) {
        check_structure(&text, &tokenizer(None).tokenize(&text));
    }
}

/// Every character between two letters: where the ids differ from the whole text's is exactly what
/// [`Tokenizer::tokenize`] says.
#[test]
fn characters_whose_ids_differ_from_the_whole_text() {
    let tokenizer = tokenizer(None);
    let inner: tokenizers::Tokenizer = tokenizer.to_json().parse().unwrap();
    let mut separators = Vec::new();
    // Every assigned character that is neither an ideograph nor for private use.
    for c in ('\0'..='\u{20000}').chain('\u{e0000}'..='\u{e0200}') {
        let text = format!("a{c}b");
        if tokenizer.tokenize(&text).ids
            == inner.encode_fast(text.as_str(), false).unwrap().get_ids()
        {
            continue;
        }
        if words(&text).len() == 2 {
            separators.push(c);
        } else {
            // Older punctuation is the tokenizer's too.
            assert!(c > '\u{600}' && is_punctuation(c), "{c:?}");
        }
    }
    assert_eq!(separators, ['\u{b}', '\u{c}', '\u{85}']);
}

#[test]
fn a_tokenizer_survives_its_files() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    for run in golden.as_array().unwrap() {
        let tokenizer = tokenizer(Some(&run["config"]).filter(|config| !config.is_null()));
        let again = Tokenizer::from_json(&tokenizer.to_json()).unwrap();
        assert_eq!(again.to_json(), tokenizer.to_json());
        assert_eq!(
            (again.pad(), again.input(&[7])),
            (tokenizer.pad(), tokenizer.input(&[7]))
        );
        assert_eq!(again.to_vocab(), VOCAB);
        assert_eq!(again.vocab_size(), VOCAB.lines().count());
        let lowercase = run["config"]["do_lower_case"].as_bool().unwrap_or(true);
        assert_eq!(again.lowercase(), lowercase);
    }
}

#[test]
fn truncation_and_padding_are_switched_off() {
    let mut json: Value = serde_json::from_str(&tokenizer(None).to_json()).unwrap();
    json["truncation"] =
        json!({"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"});
    json["padding"] = json!({
        "strategy": {"Fixed": 8},
        "direction": "Right",
        "pad_to_multiple_of": null,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    });
    let tokenizer = Tokenizer::from_json(&json.to_string()).unwrap();
    assert_eq!(tokenizer.tokenize(&"pain ".repeat(1000)).ids.len(), 1000);
    assert_eq!(tokenizer.tokenize("pain").ids.len(), 1);
    let written: Value = serde_json::from_str(&tokenizer.to_json()).unwrap();
    assert_eq!(
        (&written["truncation"], &written["padding"]),
        (&Value::Null, &Value::Null)
    );
}

fn added_word(id: usize, content: &str) -> Value {
    json!({
        "id": id,
        "content": content,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": true,
        "special": false,
    })
}

#[test]
fn added_words_are_tokens() {
    let mut json: Value = serde_json::from_str(&tokenizer(None).to_json()).unwrap();
    let id = VOCAB.lines().count();
    let added = added_word(id, "pcos");
    json["added_tokens"].as_array_mut().unwrap().push(added);
    let tokenizer = Tokenizer::from_json(&json.to_string()).unwrap();
    assert_eq!(tokenizer.vocab_size(), id + 1);
    assert_eq!(tokenizer.tokenize("PCOS").ids, [id as u32]);
    assert!(tokenizer.to_vocab().ends_with("\npcos\n"));
}

#[test]
fn broken_vocabularies_are_refused() {
    let check = |vocab: &str, config: Option<&str>, message: &str| {
        let error = Tokenizer::from_vocab(vocab, config).unwrap_err();
        assert!(
            matches!(&error, Error::Tokenizer(problem) if problem.contains(message)),
            "{error}"
        );
    };
    let specials = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n";
    assert!(Tokenizer::from_vocab(specials, None).is_ok());
    assert_eq!(
        Tokenizer::from_vocab(&specials.replace('\n', "\r\n"), None)
            .unwrap()
            .to_vocab(),
        specials
    );
    for name in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] {
        let vocab = specials.replace(&format!("{name}\n"), "");
        check(
            &vocab,
            None,
            &format!("vocab.txt: the special token `{name}` is missing"),
        );
    }
    check("", None, "is missing");
    check(
        &format!("{specials}a\nb\na\n"),
        None,
        "lines 5 and 7 both hold `a`",
    );
    check(specials, Some("{"), "tokenizer_config.json: EOF");
    check(
        specials,
        Some(r#"{"do_lower_case": "yes"}"#),
        "tokenizer_config.json: invalid type",
    );
    check(
        specials,
        Some(r#"{"cls_token": "<s>"}"#),
        "the special token `<s>` is missing",
    );
}

#[test]
fn broken_tokenizer_files_are_refused() {
    let good: Value = serde_json::from_str(&tokenizer(None).to_json()).unwrap();
    let check = |change: &dyn Fn(&mut Value), message: &str| {
        let mut json = good.clone();
        change(&mut json);
        let error = Tokenizer::from_json(&json.to_string()).unwrap_err();
        assert!(
            matches!(&error, Error::Tokenizer(problem) if problem.contains(message)),
            "{error}"
        );
    };
    check(
        &|json| *json = Value::Null,
        "its model is none, not BERT's WordPiece",
    );
    check(
        &|json| json["model"]["type"] = "BPE".into(),
        "its model is BPE, not BERT's WordPiece",
    );
    check(
        &|json| json["normalizer"] = json!({"type": "NFC"}),
        "its normalizer is NFC",
    );
    check(
        &|json| json["pre_tokenizer"] = json!({"type": "Whitespace"}),
        "its pre_tokenizer is Whitespace",
    );
    check(
        &|json| json["post_processor"] = Value::Null,
        "its post_processor",
    );
    check(
        &|json| json["post_processor"]["single"] = json!([]),
        "its post_processor",
    );
    check(
        &|json| json["post_processor"]["special_tokens"]["[SEP]"]["ids"] = json!([9]),
        "gives `[SEP]` the id 9, the vocabulary",
    );
    check(
        &|json| json["post_processor"]["special_tokens"] = json!({}),
        "its post_processor",
    );
    check(&|json| json["decoder"] = json!({}), "its decoder");
    check(&|json| json["model"]["vocab"] = "none".into(), "");
    check(
        &|json| json["model"]["unk_token"] = "<unk>".into(),
        "lacks the special token `<unk>`",
    );
    check(
        &|json| {
            let vocab = json["model"]["vocab"].as_object_mut().unwrap();
            let id = vocab.remove("[UNK]").unwrap();
            vocab.insert("[UNKNOWN]".into(), id);
        },
        "`[UNK]` is an added token and none of the vocabulary",
    );
    let remove = |json: &mut Value, name: &str| {
        json["model"]["vocab"].as_object_mut().unwrap().remove(name);
        json["added_tokens"]
            .as_array_mut()
            .unwrap()
            .retain(|token| token["content"] != name);
    };
    for name in ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] {
        check(
            &|json| remove(json, name),
            &format!("lacks the special token `{name}`"),
        );
    }
    check(
        &|json| json["model"]["vocab"]["pain"] = 4_000_000_000_u32.into(),
        "has id 4000000000",
    );
    check(
        &|json| json["model"]["vocab"]["pain"] = 10.into(),
        "has id 10",
    );
    assert!(
        Tokenizer::from_json("{")
            .unwrap_err()
            .to_string()
            .contains("not JSON")
    );
    let added = added_word(VOCAB.lines().count(), "hot flash");
    check(
        &|json| {
            json["added_tokens"]
                .as_array_mut()
                .unwrap()
                .push(added.clone())
        },
        "`hot flash` is not one word",
    );
}
