//! The keys of `--format json`, which `docs/trainer.md` lists.

use std::fs;

use serde_json::{Value, json};

use crate::model::Models;
use crate::{printed, trainer};

/// Checks that an object has these keys, and no others.
fn check_keys(value: &Value, expected: &str) {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected: Vec<&str> = expected.split(' ').collect();
    // Whether objects keep the order of a file is a feature of serde_json that other packages turn on.
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn keys_are_those_of_the_documentation() {
    let models = Models::new();
    let root = models.root.path();
    let text = "=== a\nShe takes [[letrozole|Medications]] for [[pelvic pain|Symptoms]].\n";
    fs::write(root.join("train.txt"), text).unwrap();
    let run = |arguments: &str| -> Value {
        let mut arguments: Vec<&str> = arguments.split(' ').collect();
        arguments.extend(["--format", "json"]);
        serde_json::from_str(printed(&trainer(root, arguments))).unwrap()
    };

    let metrics = run("evaluate --model model.safetensors --data train.txt");
    check_keys(
        &metrics,
        "eval_loss eval_precision eval_recall eval_f1 eval_documents eval_words overall types overlap overlap_types \
         seqeval_default seqeval_strict f1_intervals overlap_f1_intervals calibration_error reliability outcomes \
         confusion",
    );
    let outcomes = json!({
        "correct": 2, "wrong_type": 0, "wrong_boundary": 0, "wrong_type_and_boundary": 0, "missed": 0, "spurious": 0
    });
    assert_eq!(metrics["outcomes"], outcomes);
    check_keys(&metrics["confusion"], "types pairs missed spurious");
    assert_eq!(
        metrics["confusion"]["pairs"][0][0],
        json!({"exact": 1, "overlapping": 0})
    );

    fs::rename(&models.directory, root.join("tuned")).unwrap();
    let calibrated = run("calibrate --model tuned --data train.txt");
    check_keys(&calibrated, "config slope intercept calibration_error f1");
    check_keys(&calibrated["f1"], "before after");
    let config = fs::read_to_string(root.join("tuned/config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["calibration"]["slope"], calibrated["slope"]);

    let few = "--min-documents 0 --min-strings 0 --min-mentions 0 --min-sparse 0";
    let valid = run(&format!("data validate train.txt {few}"));
    let part = json!({"name": "train", "documents": 1, "entities": 2, "distinct": 2});
    assert_eq!(
        valid,
        json!({"problems": [], "warnings": [], "parts": [part]})
    );

    let stats = run("data stats train.txt");
    check_keys(&stats, "parts total");
    check_keys(
        &stats["total"],
        "name documents words entities sparse length types",
    );

    let written = run("data split train.txt --dev 0 --test 0 --output parts");
    check_keys(&written, "files");
    check_keys(&written["files"][0], "file documents entities");
    let written = run("data generate --corpus train.txt --count 3 --output made");
    check_keys(&written, "files");
    assert_eq!(written["files"][1]["file"], "made/generated.jsonl");
    assert_eq!(written["files"][1]["documents"], 3);
}

/// Problems are in the result too, and the exit code says that there are some.
#[test]
fn problems_are_listed() {
    let models = Models::new();
    let root = models.root.path();
    fs::write(root.join("train.txt"), "=== a\nlow [[AMH|Hormones]]\n").unwrap();
    let output = trainer(root, ["data", "validate", "train.txt", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Documents of ordinary length, strings, mentions of five types.
    assert_eq!(report["problems"].as_array().unwrap().len(), 7, "{report}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.starts_with("error: 7 problems"), "{errors}");
}
