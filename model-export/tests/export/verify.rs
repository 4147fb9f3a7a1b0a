use std::fs;
use std::process::Command;

use serde::Deserialize;

use crate::{check, exported, model, model_export};

/// The documented object of `verify --format json`, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Comparison {
    documents: usize,
    words: usize,
    mean_logit_error: f64,
    max_logit_error: f64,
    agreement: f64,
    f1_float: f64,
    f1_quantized: f64,
    f1_drop: f64,
    support: usize,
    failures: Vec<String>,
}

#[test]
fn verify_compares_and_fails_past_a_limit() {
    let directory = exported();
    let verify = |extra: &[&str]| {
        let args = [
            "verify",
            "model.safetensors",
            "--against",
            "tuned",
            "--data",
            "dev.bio",
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_model-export"));
        command
            .current_dir(directory.path())
            .args(args)
            .args(extra)
            .output()
            .unwrap()
    };
    check(
        &verify(&[]),
        0,
        &[
            "3 documents, 5 words, 3 entities",
            "float 0.8000, quantized 0.8000",
            "within the limits",
        ],
        &[],
    );
    let json = check(&verify(&["--format", "json"]), 0, &[], &[]);
    let found: Comparison = serde_json::from_str(&json).unwrap();
    assert_eq!((found.documents, found.words, found.support), (3, 5, 3));
    assert!(0.0 < found.mean_logit_error && found.mean_logit_error <= found.max_logit_error);
    assert!(found.max_logit_error < 0.5, "{}", found.max_logit_error);
    assert_eq!((found.agreement, found.f1_drop), (1.0, 0.0));
    // Two of three entities found, nothing else: precision 1, recall 2/3.
    assert!((found.f1_float - 0.8).abs() < 1e-12 && (found.f1_quantized - 0.8).abs() < 1e-12);
    assert!(found.failures.is_empty());

    check(
        &verify(&["--max-logit-error", "0"]),
        1,
        &["FAILED: logit error", "over the limit of 0"],
        &[],
    );
    let json = check(
        &verify(&["--max-logit-error", "0", "--format", "json"]),
        1,
        &[],
        &[],
    );
    assert_eq!(
        serde_json::from_str::<Comparison>(&json)
            .unwrap()
            .failures
            .len(),
        1
    );
    for (option, value) in [
        ("--max-logit-error", "-1"),
        ("--min-agreement", "1.1"),
        ("--max-f1-drop", "NaN"),
    ] {
        check(&verify(&[&format!("{option}={value}")]), 2, &[], &[option]);
    }
}

#[test]
fn verify_reads_records() {
    let directory = exported();
    let record = concat!(
        r#"{"text":"low estrogen","entities":"#,
        r#"[{"entity_group":"Hormones","word":"estrogen","start":4,"end":12}]}"#,
        "\n"
    );
    fs::write(directory.path().join("dev.jsonl"), record).unwrap();
    let args = [
        "verify",
        "model.safetensors",
        "--against",
        "tuned",
        "--data",
        "dev.jsonl",
    ];
    check(
        &model_export(&directory, args),
        0,
        &["1 documents, 2 words, 1 entities", "float 1.0000"],
        &[],
    );
    fs::write(
        directory.path().join("dev.jsonl"),
        record.replace("Hormones", "Allergies"),
    )
    .unwrap();
    check(
        &model_export(&directory, args),
        2,
        &[],
        &["dev.jsonl", "Allergies"],
    );
    fs::write(
        directory.path().join("dev.jsonl"),
        format!("\n{}", record.replace("12", "13")),
    )
    .unwrap();
    check(&model_export(&directory, args), 2, &[], &["dev.jsonl:2"]);
}

#[test]
fn verify_refuses_what_does_not_belong_together() {
    let directory = exported();
    let verify = |against: &str, data: &str| {
        model_export(
            &directory,
            [
                "verify",
                "model.safetensors",
                "--against",
                against,
                "--data",
                data,
            ],
        )
    };
    model::write(&directory.path().join("another"), 2);
    check(
        &verify("another", "dev.bio"),
        2,
        &[],
        &["was not made from another", "SHA-256"],
    );
    check(&verify("tuned", "absent.bio"), 2, &[], &["absent.bio"]);
    fs::write(directory.path().join("empty.bio"), "\n").unwrap();
    check(
        &verify("tuned", "empty.bio"),
        2,
        &[],
        &["empty.bio: holds no documents"],
    );
    fs::write(directory.path().join("bad.bio"), "low O\nestrogen\n").unwrap();
    check(&verify("tuned", "bad.bio"), 2, &[], &["bad.bio:2"]);
}
