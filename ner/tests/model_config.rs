//! Reading, checking and writing of `config.json`.

use ner::model::Config;
use ner::model::tensors::specs;
use ner::{Error, Labels};
use serde_json::{Value, json};

/// The shortest configuration that can be read, with labels.
fn minimal() -> Value {
    json!({
        "model_type": "bert", "vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 16, "id2label": {"0": "O", "1": "B-X", "2": "I-X"}
    })
}

fn with(field: &str, value: Value) -> String {
    let mut config = minimal();
    config[field] = value;
    config.to_string()
}

#[test]
fn absent_fields_have_the_defaults_of_bert() {
    let config = Config::from_json(&minimal().to_string()).unwrap();
    assert_eq!(config.hidden_act, "gelu");
    assert_eq!(
        (
            config.max_position_embeddings,
            config.type_vocab_size,
            config.pad_token_id
        ),
        (512, 2, 0)
    );
    assert_eq!(
        (
            config.hidden_dropout_prob,
            config.attention_probs_dropout_prob
        ),
        (0.1, 0.1)
    );
    assert_eq!(
        (
            config.layer_norm_eps,
            config.initializer_range,
            config.classifier_dropout
        ),
        (1e-12, 0.02, None)
    );
    assert_eq!(config.label2id["I-X"], 2, "label2id follows from id2label");
}

/// What transformers' `BertForTokenClassification` has, we ask for, name by name and shape by
/// shape.
#[test]
fn tensors_are_those_of_transformers() {
    let golden: Value = serde_json::from_str(include_str!("goldens/model_tensors.json")).unwrap();
    let config = Config::from_json(&golden["config"].to_string()).unwrap();
    let mut found: Vec<(String, Value)> = specs(&config, config.labels().unwrap().len())
        .into_iter()
        .map(|spec| (spec.name, json!(spec.shape)))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut expected: Vec<(String, Value)> = golden["tensors"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, shape)| (name.clone(), shape.clone()))
        .collect();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, expected);
}

#[test]
fn writes_what_it_reads() {
    let labels = Labels::guide();
    let config = Config::from_json(&minimal().to_string())
        .unwrap()
        .with_labels(&labels);
    let json = config.to_json();
    assert_eq!(Config::from_json(&json).unwrap(), config);
    assert_eq!(config.labels().unwrap(), labels);

    let written: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        written["architectures"],
        json!(["BertForTokenClassification"])
    );
    assert_eq!(written["model_type"], "bert");
    assert_eq!(written["id2label"]["10"], "I-Ultrasound");
    assert_eq!(written["label2id"]["I-Ultrasound"], 10);
    let position = |key: &str| json.find(key).unwrap_or_else(|| panic!("{key} is missing"));
    assert!(
        position("\"2\":") < position("\"10\":"),
        "labels stand in the order of their ids"
    );
}

#[test]
fn base_model_has_no_labels() {
    let mut base = minimal();
    base.as_object_mut().unwrap().remove("id2label");
    let config = Config::from_json(&base.to_string()).unwrap();
    match config.labels() {
        Err(Error::Config(problem)) => assert!(problem.contains("fine-tune"), "{problem}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        config.with_labels(&Labels::guide()).labels().unwrap(),
        Labels::guide()
    );
}

/// Each error names the field at fault.
fn check(json: &str, expected: &str) {
    match Config::from_json(json) {
        Err(Error::Config(problem)) => assert!(
            problem.contains(expected),
            "{problem}\nlacks: {expected}\nof: {json}"
        ),
        other => panic!("{other:?} for {json}"),
    }
}

#[test]
fn refuses_what_it_cannot_run() {
    check("", "not a BERT configuration");
    check("[1]", "not a BERT configuration");
    check("{}", "model_type");
    for (field, value, expected) in [
        (
            "model_type",
            json!("roberta"),
            "`model_type` is \"roberta\"",
        ),
        (
            "hidden_act",
            json!("gelu_new"),
            "`hidden_act` is \"gelu_new\"",
        ),
        (
            "position_embedding_type",
            json!("relative_key"),
            "`position_embedding_type`",
        ),
        ("is_decoder", json!(true), "`is_decoder`"),
        ("add_cross_attention", json!(true), "`add_cross_attention`"),
        ("vocab_size", json!(0), "`vocab_size` is 0"),
        ("vocab_size", json!(-1), "-1"),
        ("vocab_size", json!(4_000_000_000_u64), "`vocab_size`"),
        ("vocab_size", json!(u64::MAX), "`vocab_size`"),
        ("hidden_size", json!(0), "`hidden_size` is 0"),
        ("hidden_size", json!(9), "`hidden_size` 9 is not a multiple"),
        ("hidden_size", json!(1 << 20), "`hidden_size`"),
        ("num_hidden_layers", json!(0), "`num_hidden_layers`"),
        ("num_hidden_layers", json!(1_000_000), "`num_hidden_layers`"),
        ("num_attention_heads", json!(0), "`num_attention_heads`"),
        ("num_attention_heads", json!(3), "`num_attention_heads` 3"),
        ("intermediate_size", json!(0), "`intermediate_size`"),
        ("intermediate_size", json!(1.5), "1.5"),
        (
            "max_position_embeddings",
            json!(2),
            "`max_position_embeddings`",
        ),
        ("type_vocab_size", json!(0), "`type_vocab_size`"),
        ("pad_token_id", json!(30), "`pad_token_id` 30"),
        ("layer_norm_eps", json!(0.0), "`layer_norm_eps`"),
        ("layer_norm_eps", json!(-1e-12), "`layer_norm_eps`"),
        ("initializer_range", json!(-0.02), "`initializer_range`"),
        ("hidden_dropout_prob", json!(1.0), "`hidden_dropout_prob`"),
        (
            "attention_probs_dropout_prob",
            json!(-0.1),
            "`attention_probs_dropout_prob`",
        ),
        ("classifier_dropout", json!(7), "`classifier_dropout`"),
        ("classifier_head", json!("linear"), "unknown variant"),
        (
            "calibration",
            json!({"slope": 0.0, "intercept": 1.0}),
            "`calibration` is a slope of 0",
        ),
        (
            "calibration",
            json!({"slope": -1.0, "intercept": 1.0}),
            "`calibration` is a slope of -1",
        ),
        ("calibration", json!({"slope": 1.0}), "intercept"),
        ("id2label", json!({"0": "O", "2": "B-X"}), "none with id 1"),
        ("id2label", json!({"0": "O", "01": "B-X"}), "none with id 1"),
        ("id2label", json!({"0": "O", "x": "B-X"}), "none with id 1"),
        (
            "label2id",
            json!({"O": 0, "B-X": 2, "I-X": 1}),
            "`label2id` says something else",
        ),
        (
            "label2id",
            json!({"O": 0, "B-X": 1}),
            "`label2id` says something else",
        ),
        (
            "label2id",
            json!({"O": 0, "B-X": 1, "I-X": 2, "B-Y": 3}),
            "`label2id` has 4 labels",
        ),
    ] {
        check(&with(field, value), expected);
    }
}

/// Each size is allowed, together they are not: refused before anything is multiplied that could
/// overflow.
#[test]
fn refuses_a_model_that_no_memory_holds() {
    let mut config = minimal();
    for (field, size) in [
        ("vocab_size", 1 << 21),
        ("hidden_size", 1 << 14),
        ("num_hidden_layers", 1 << 8),
        ("intermediate_size", 1 << 16),
        ("max_position_embeddings", 1 << 16),
    ] {
        config[field] = json!(size);
    }
    check(&config.to_string(), "parameters");
}
