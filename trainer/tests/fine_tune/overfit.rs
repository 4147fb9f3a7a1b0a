//! A tiny model learns twenty sentences by heart; what it leaves behind is complete, readable and
//! the same every time.

use std::fs;
use std::path::Path;

use candle_core::Device;
use ner::crf::Transitions;
use ner::model::{Bundle, bundle};
use serde_json::{Value, json};
use trainer::batch::Batch;
use trainer::bert::{Bert, Mode};
use trainer::hub::{self, Lowercase};

use crate::workplace::{FILES, arguments, fine_tune, json_of, names, run_binary, workplace};

/// The engine sums in another order than candle: F32 rounding over two layers, logits being a few
/// units.
const LOGIT_PRECISION: f32 = 1e-4;

#[test]
fn twenty_sentences_are_learned_and_the_directory_is_complete() {
    let place = workplace();
    let output = fine_tune(
        place.path(),
        "base",
        "out",
        &["--epochs", "30", "--lr", "3e-3"],
    )
    .unwrap();

    let metrics = json_of(&output.join("eval_metrics.json"));
    assert_eq!(metrics["eval_f1"], 1.0, "{metrics}");
    assert!(metrics["eval_loss"].as_f64().unwrap() < 0.2, "{metrics}");
    for kind in [
        "Symptoms",
        "Hormones",
        "Procedures",
        "Medications",
        "Ultrasound",
    ] {
        assert_eq!(metrics["types"][kind]["f1"], 1.0, "{kind}: {metrics}");
    }
    let state = json_of(&output.join("trainer_state.json"));
    assert_eq!(state["best_metric"], 1.0, "{state}");
    let best = state["global_step"].as_u64().unwrap();
    assert_eq!(state["best_global_step"], best, "{state}");
    assert_eq!(
        state["log_history"].as_array().unwrap().len() as u64,
        state["epoch"].as_u64().unwrap()
    );
    let mut expected = vec![
        format!("checkpoint-{best}"),
        "checkpoint-145".into(),
        "checkpoint-150".into(),
        "runs".into(),
        "train_log.jsonl".into(),
    ];
    expected.extend(FILES.map(String::from));
    expected.sort();
    expected.dedup();
    assert_eq!(names(&output), expected);
    let checkpoint = output.join(format!("checkpoint-{best}"));
    let mut files = FILES.to_vec();
    // Only of what a run can go on from.
    if best >= 145 {
        files.insert(3, "optimizer.safetensors");
    }
    assert_eq!(names(&checkpoint), files);
    for file in FILES {
        let read = |directory: &Path| fs::read(directory.join(file)).unwrap();
        assert_eq!(read(&output), read(&checkpoint), "{file}");
    }
    let recorded = json_of(&output.join("training_args.json"));
    assert_eq!(
        (&recorded["epochs"], &recorded["total_steps"]),
        (&json!(30), &json!(150))
    );

    // The engine reads the directory and computes what the trainer computed.
    let text = |name: &str| fs::read_to_string(output.join(name)).unwrap();
    let weights = fs::read(output.join("model.safetensors")).unwrap();
    let bundle = Bundle::from_fine_tuned(
        "out",
        &text("config.json"),
        &text("tokenizer.json"),
        &weights,
    )
    .unwrap();
    let model = engine::Model::new(bundle).unwrap();
    let base = hub::load(output.to_str().unwrap(), Lowercase::Auto, true).unwrap();
    let (bert, drawn) = Bert::new(base.config, base.weights, 0, &Device::Cpu).unwrap();
    assert!(drawn.is_empty(), "{drawn:?}");
    let ids: Vec<u32> = (2..30).collect();
    let trained: Vec<f32> = bert
        .logits(&Batch::single(&ids), Mode::Evaluate)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    let mut scratch = engine::Scratch::default();
    let run = model.forward(&ids, &mut scratch).unwrap();
    assert_eq!(trained.len(), run.len());
    for (a, b) in trained.iter().zip(run) {
        assert!((a - b).abs() < LOGIT_PRECISION, "{a}, engine {b}");
    }

    // A fine-tuned directory is a base too, and its classifier goes on.
    let output = fine_tune(
        place.path(),
        "out",
        "further",
        &["--epochs", "1", "--lr", "1e-5"],
    )
    .unwrap();
    assert_eq!(json_of(&output.join("eval_metrics.json"))["eval_f1"], 1.0);
}

/// A CRF is learnt, goes through directory and exported file, and leaves with its head.
#[test]
fn a_crf_is_learned_and_exported() {
    let place = workplace();
    let crf = ["--head", "crf", "--epochs", "30", "--lr", "3e-3"];
    let output = fine_tune(place.path(), "base", "out", &crf).unwrap();
    let metrics = json_of(&output.join("eval_metrics.json"));
    assert_eq!(metrics["eval_f1"], 1.0, "{metrics}");
    let config = json_of(&output.join("config.json"));
    assert_eq!(config["classifier_head"], "crf");
    assert!(
        config["calibration"]["slope"].as_f64().unwrap() > 0.0,
        "{config}"
    );

    let text = |name: &str| fs::read_to_string(output.join(name)).unwrap();
    let weights = fs::read(output.join("model.safetensors")).unwrap();
    let (config, tokenizer) = (text("config.json"), text("tokenizer.json"));
    let bundle = Bundle::from_fine_tuned("out", &config, &tokenizer, &weights).unwrap();
    let decoder = bundle.decoder().unwrap();
    assert_ne!(decoder.transitions, Transitions::bio(&decoder.labels));
    let exported = bundle::write(&bundle).unwrap();
    let read = Bundle::read("exported", &exported).unwrap();
    assert_eq!(read.decoder().unwrap(), decoder);

    let further = ["--epochs", "1", "--lr", "1e-5"];
    let output = fine_tune(place.path(), "out", "further", &further).unwrap();
    let config = json_of(&output.join("config.json"));
    assert_eq!(config.get("classifier_head"), None, "{config}");
    let error = fine_tune(
        place.path(),
        "base",
        "none",
        &["--head", "crf", "--subwords", "all"],
    );
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.starts_with("--head crf: "), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let place = workplace();
    let weights = |output: &str, seed: &str| {
        let output = fine_tune(
            place.path(),
            "base",
            output,
            &["--epochs", "2", "--seed", seed],
        )
        .unwrap();
        fs::read(output.join("checkpoint-10/model.safetensors")).unwrap()
    };
    let first = weights("first", "7");
    assert!(
        first == weights("second", "7"),
        "two runs of one seed differ"
    );
    assert!(
        first != weights("third", "8"),
        "two seeds give the same model"
    );
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run() {
    let place = workplace();
    let extra = [
        "--epochs",
        "2",
        "--lr",
        "1e36",
        "--max-grad-norm",
        "1e30",
        "--warmup-ratio",
        "0",
    ];
    let (code, message) = run_binary(&arguments(place.path(), "base", "out", &extra));
    assert_eq!(code, 1, "{message}");
    assert!(
        message.contains("training stopped") && message.contains("--lr"),
        "{message}"
    );
    assert!(!place.path().join("out/model.safetensors").exists());
}

#[test]
fn wrong_input_is_named_before_anything_is_written() {
    let place = workplace();
    let base = place.path().join("base");
    fs::write(place.path().join("empty.bio"), "\n").unwrap();
    fs::write(place.path().join("bad.bio"), "cramps B-Nonsense\n").unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let table: [(&[&str], &str); 7] = [
        (&["--base", &path("nowhere")], "no such directory"),
        (&["--base", &path("data.bio")], "is a file"),
        (&["--train", &path("bad.bio")], "bad.bio:1"),
        (
            &["--dev", &path("empty.bio")],
            "empty.bio: holds no documents",
        ),
        (&["--max-length", "65"], "64 positions"),
        (&["--labels", "Symptoms"], "data.bio:7"),
        (&["--labels", "O,B-X"], "`I-X` is missing"),
    ];
    for (extra, expected) in table {
        let mut arguments = arguments(place.path(), "base", "out", &[]);
        // The last of two equal flags would be refused: replace the value.
        for pair in extra.chunks(2) {
            match arguments.iter().position(|argument| argument == pair[0]) {
                Some(flag) => arguments[flag + 1] = pair[1].to_owned(),
                None => arguments.extend(pair.iter().map(ToString::to_string)),
            }
        }
        let (code, message) = run_binary(&arguments);
        assert_eq!(code, 2, "{extra:?}: {message}");
        assert!(message.contains(expected), "{extra:?}: {message}");
        assert!(!place.path().join("out").exists(), "{extra:?}");
    }

    // Files of the base that are broken or do not belong together.
    let break_file = |name: &str, content: &[u8], expected: &str| {
        let whole = fs::read(base.join(name)).unwrap();
        fs::write(base.join(name), content).unwrap();
        let (code, message) = run_binary(&arguments(place.path(), "base", "out", &[]));
        assert_eq!(code, 2, "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
        fs::write(base.join(name), whole).unwrap();
    };
    let weights = fs::read(base.join("model.safetensors")).unwrap();
    break_file(
        "model.safetensors",
        &weights[..weights.len() / 2],
        "model.safetensors",
    );
    break_file("config.json", b"{", "config.json");
    let config = fs::read_to_string(base.join("config.json")).unwrap();
    let changed = |from: &str, to: &str| config.replace(from, to).into_bytes();
    break_file(
        "config.json",
        &changed("\"intermediate_size\": 64", "\"intermediate_size\": 80"),
        "intermediate.dense.weight",
    );
    break_file(
        "config.json",
        &changed("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
        "lack bert.encoder.layer.2",
    );
}

#[test]
fn data_is_split_into_files_that_training_reads() {
    let place = workplace();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let split = |input: &str, output: &str, extra: &[&str]| {
        let (input, output) = (path(input), path(output));
        let fixed = ["trainer", "data", "split", &input, "--output", &output];
        let arguments: Vec<String> = fixed.iter().chain(extra).map(ToString::to_string).collect();
        run_binary(&arguments)
    };
    let corpus: String = (0..60)
        .map(|n| format!("=== note-{n}\nShe has [[pelvic pain|Symptoms]] again.\n\n"))
        .collect();
    fs::write(place.path().join("corpus.txt"), corpus).unwrap();
    let (code, message) = split("corpus.txt", "parts", &["--dev", "0.2", "--test", "0.2"]);
    assert_eq!(code, 0, "{message}");
    let mut ids = Vec::new();
    for part in ["train", "dev", "test"] {
        let content = fs::read_to_string(path(&format!("parts/{part}.jsonl"))).unwrap();
        for line in content.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["text"], "She has pelvic pain again.");
            assert_eq!(record["entities"][0]["word"], "pelvic pain");
            ids.push(record["id"].as_str().unwrap().to_owned());
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 60, "every document is in one part");

    for (input, extra, expected) in [
        (
            "corpus.txt",
            ["--dev", "0.6", "--test", "0.6"],
            "not possible",
        ),
        (
            "data.bio",
            ["--dev", "0", "--test", "0.001"],
            "none falls into test",
        ),
        (
            "missing.txt",
            ["--dev", "0.1", "--test", "0.1"],
            "missing.txt",
        ),
    ] {
        let (code, message) = split(input, "other", &extra);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(expected), "{message}");
    }
    assert!(!place.path().join("other").exists());
}
