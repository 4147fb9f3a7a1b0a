use std::fs;

use ner::model::Card;
use serde::Deserialize;

use crate::{check, exported, model_export};

const METRICS: &str = r#"{"eval_loss": 0.1, "eval_precision": 0.9, "eval_recall": 0.8, "eval_f1": 0.847, "eval_documents": 150, "types": {}}"#;

#[test]
fn file_tells_where_its_model_comes_from() {
    let directory = exported();
    let file = directory.path().join("model.safetensors");
    fs::write(directory.path().join("metrics.json"), METRICS).unwrap();
    let before = fs::read(&file).unwrap();
    let inspect = |printed: &str| {
        check(
            &model_export(&directory, ["inspect", "model.safetensors"]),
            0,
            &[printed],
            &[],
        )
    };
    inspect("card        base unknown, not measured");
    let tensors = |report: String| report.split_once("\n\n").unwrap().1.to_owned();
    let plain = tensors(inspect(""));

    let words = "a/bert, F1 0.8470 (precision 0.9000, recall 0.8000) on 150 documents";
    let describe = [
        "describe",
        "model.safetensors",
        "--base",
        "a/bert",
        "--metrics",
        "metrics.json",
    ];
    check(&model_export(&directory, describe), 0, &[words], &[]);
    assert_eq!(tensors(inspect(words)), plain);

    // Nothing that fails changes the file.
    let described = fs::read(&file).unwrap();
    assert!(described != before);
    fs::write(directory.path().join("other.json"), "{\"f1\": 1}").unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&[], "nothing to change"),
        (&["--base", "a/bert"], "nothing to change"),
        (&["--base", ""], "a line of at most 200 bytes"),
        (&["--metrics", "gone.json"], "gone.json"),
        (
            &["--metrics", "other.json"],
            "other.json: missing field `eval_precision`",
        ),
    ];
    for (args, error) in cases {
        let all: Vec<_> = ["describe", "model.safetensors"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let output = match all[..] {
            [a, b] => model_export(&directory, [a, b]),
            [a, b, c, d] => model_export(&directory, [a, b, c, d]),
            _ => unreachable!("two or four words"),
        };
        check(&output, 2, &[], &[error]);
        assert!(fs::read(&file).unwrap() == described);
    }
}

#[test]
fn quantize_tells_what_the_trainer_left() {
    let directory = exported();
    let tuned = directory.path().join("tuned");
    fs::write(
        tuned.join("training_args.json"),
        r#"{"base": "/home/somebody/models/bert", "epochs": 3}"#,
    )
    .unwrap();
    fs::write(tuned.join("eval_metrics.json"), METRICS).unwrap();
    let quantize = ["quantize", "tuned", "-o", "model.safetensors"];
    let report = check(
        &model_export(&directory, quantize),
        0,
        &["bert, F1 0.8470 (precision 0.9000, recall 0.8000) on 150 documents"],
        &[],
    );
    assert!(!report.contains("somebody"), "{report}");
    let named = [
        "quantize",
        "tuned",
        "-o",
        "model.safetensors",
        "--base",
        "lab/bert",
    ];
    check(&model_export(&directory, named), 0, &["lab/bert, F1"], &[]);
}

/// The documented object of `describe --format json`, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    file: String,
    card: Card,
}

#[test]
fn card_is_printed_as_json() {
    let directory = exported();
    let args = [
        "describe",
        "model.safetensors",
        "--base",
        "a/bert",
        "--format",
        "json",
    ];
    let printed = check(&model_export(&directory, args), 0, &[], &[]);
    let Described { file, card } = serde_json::from_str(&printed).unwrap();
    assert_eq!(file, "model.safetensors");
    assert_eq!((card.base.as_deref(), card.metrics), (Some("a/bert"), None));
}
