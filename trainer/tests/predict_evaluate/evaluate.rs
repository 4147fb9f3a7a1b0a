use std::collections::BTreeMap;
use std::fs;

use ner::evaluate::{Evaluation, summarize};
use ner::metrics::Score;
use ner::{Decoder, Document, Labels, Span, Tokenizer};
use serde_json::Value;
use trainer::evaluate::answers;

use crate::model::Models;
use crate::{check_refused, printed, trainer};

/// Five entities. The lookup model finds three of them exactly, one with another boundary and one
/// not at all; and it marks one word more.
const DATA: &str = "\
low O
estrogen B-Hormones

pelvic B-Symptoms
pain I-Symptoms
, O
scan B-Procedures

chronic B-Symptoms
pelvic I-Symptoms
pain I-Symptoms
no O
follicle O

Clomid B-Medications
";

fn score(correct: usize, predicted: usize, support: usize) -> Score {
    let share = |whole: usize| {
        if whole == 0 {
            0.0
        } else {
            correct as f64 / whole as f64
        }
    };
    let (precision, recall) = (share(predicted), share(support));
    let f1 = if correct == 0 {
        0.0
    } else {
        2.0 * precision * recall / (precision + recall)
    };
    Score {
        precision,
        recall,
        f1,
        support,
        predicted,
        correct,
    }
}

fn check_close(found: &Score, expected: &Score, what: &str) {
    // Two ways of adding and dividing the same small integers.
    const TOLERANCE: f64 = 1e-12;
    let counts = |score: &Score| (score.correct, score.predicted, score.support);
    assert_eq!(counts(found), counts(expected), "{what}");
    for (found, expected) in [
        (found.precision, expected.precision),
        (found.recall, expected.recall),
        (found.f1, expected.f1),
    ] {
        assert!(
            (found - expected).abs() < TOLERANCE,
            "{what}: {found} instead of {expected}"
        );
    }
}

#[test]
fn scores_are_those_counted_by_hand() {
    let models = Models::new();
    let root = models.root.path();
    fs::write(root.join("dev.bio"), DATA).unwrap();
    for model in [&models.file, &models.directory] {
        let model = model.to_str().unwrap();
        let args = [
            "evaluate",
            "--model",
            model,
            "--data",
            "dev.bio",
            "--output",
            "metrics.json",
            "--format",
            "json",
        ];
        let output = trainer(root, args);
        let found: Evaluation = serde_json::from_str(printed(&output)).unwrap();
        let written: Evaluation =
            serde_json::from_str(&fs::read_to_string(root.join("metrics.json")).unwrap()).unwrap();
        assert_eq!(found, written);

        assert_eq!((found.eval_documents, found.eval_words), (4, 12));
        let overall = score(3, 5, 5);
        assert_eq!(
            (found.eval_precision, found.eval_recall, found.eval_f1),
            (
                found.overall.precision,
                found.overall.recall,
                found.overall.f1
            )
        );
        for (what, found) in [
            ("strict", &found.overall),
            ("default", &found.seqeval_default),
            ("IOB2", &found.seqeval_strict),
        ] {
            check_close(found, &overall, what);
        }
        check_close(&found.overlap, &score(4, 5, 5), "overlap");
        assert_eq!(found.f1_intervals.overall, [0.0, 1.0]);
        assert_eq!(found.f1_intervals.types["Symptoms"], [0.0, 1.0]);
        assert_eq!(found.overlap_f1_intervals.types["Symptoms"], [1.0, 1.0]);
        let expected = BTreeMap::from([
            ("Symptoms", (score(1, 2, 2), score(2, 2, 2))),
            ("Hormones", (score(1, 1, 1), score(1, 1, 1))),
            ("Procedures", (score(1, 1, 1), score(1, 1, 1))),
            ("Medications", (score(0, 0, 1), score(0, 0, 1))),
            ("Ultrasound", (score(0, 1, 0), score(0, 1, 0))),
        ]);
        assert!(
            found.types.keys().eq(expected
                .keys()
                .copied()
                .collect::<std::collections::BTreeSet<_>>())
        );
        for (name, (strict, overlap)) in expected {
            check_close(&found.types[name], &strict, name);
            check_close(&found.overlap_types[name], &overlap, name);
        }
        // Of 12 words the model is sure and right about 8; of the other 4 it is as sure and wrong.
        // The LayerNorm of a one-hot row of 16 has 15 / sqrt(15) and -1 / sqrt(15), the classifier
        // multiplies by 3; quantization changes neither.
        const TOLERANCE: f64 = 1e-4;
        let (high, low) = (3.0 * 15.0_f64.sqrt(), -3.0 / 15.0_f64.sqrt());
        let norm = (high.exp() + 10.0 * low.exp()).ln();
        let loss = (8.0 * (norm - high) + 4.0 * (norm - low)) / 12.0;
        assert!(
            (found.eval_loss - loss).abs() < TOLERANCE * loss,
            "{} instead of {loss}",
            found.eval_loss
        );
    }
}

#[test]
fn table_has_a_line_per_type() {
    let models = Models::new();
    fs::write(models.root.path().join("dev.bio"), DATA).unwrap();
    let args = [
        "evaluate",
        "--data",
        "dev.bio",
        "--model",
        models.file.to_str().unwrap(),
    ];
    let output = trainer(models.root.path(), args);
    let table: Vec<Vec<&str>> = printed(&output)
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let expected = [
        "strict precision recall F1 95 % support predicted overlap F1",
        "Symptoms 0.5000 0.5000 0.5000 0.000-1.000 2 2 1.0000",
        "Hormones 1.0000 1.0000 1.0000 1.000-1.000 1 1 1.0000",
        "Procedures 1.0000 1.0000 1.0000 1.000-1.000 1 1 1.0000",
        "Medications 0.0000 0.0000 0.0000 0.000-0.000 1 0 0.0000",
        "Ultrasound 0.0000 0.0000 0.0000 0.000-0.000 0 1 0.0000",
        // A sixteenth of the resamples have but the two documents without an error, and another one
        // but the two where nothing is right.
        "all types 0.6000 0.6000 0.6000 0.000-1.000 5 5 0.8000",
        "",
        "seqeval F1: default 0.6000, strict IOB2 0.6000",
    ];
    let check = |from: usize, expected: &[&str]| {
        for (found, expected) in table[from..].iter().zip(expected) {
            assert_eq!(found, &expected.split_whitespace().collect::<Vec<_>>());
        }
        from + expected.len()
    };
    let next = check(0, &expected);
    // Calibration, loss and a blank line are between the two.
    let end = check(
        next + 3,
        &[
            "3 correct; 1 missed, 1 spurious, 0 wrong type, 1 wrong boundary, 0 wrong type and boundary",
            "",
            "gold \\ predicted Symptoms Hormones Procedures Medications Ultrasound none",
            "Symptoms 1+1 0 0 0 0 0",
            "Hormones 0 1 0 0 0 0",
            "Procedures 0 0 1 0 0 0",
            "Medications 0 0 0 0 0 1",
            "Ultrasound 0 0 0 0 0 0",
            "none 0 0 0 0 1",
        ],
    );
    assert_eq!(table.len(), end);
}

#[test]
fn metrics_are_drawn() {
    let models = Models::new();
    let root = models.root.path();
    fs::write(root.join("dev.bio"), DATA).unwrap();
    let run = |arguments: &str| {
        printed(&trainer(root, arguments.split(' ')));
    };
    run("evaluate --model model.safetensors --data dev.bio --output metrics.json");
    run("plot reliability metrics.json --output reliability.svg");
    let svg = fs::read_to_string(root.join("reliability.svg")).unwrap();
    assert!(svg.contains(", 5 entities\n"), "{svg}");
    run("plot confusion metrics.json --output confusion.svg");
    let svg = fs::read_to_string(root.join("confusion.svg")).unwrap();
    assert!(svg.contains("\n1+1\n"), "{svg}");
}

#[test]
fn reads_records_and_names_what_is_wrong() {
    let models = Models::new();
    let root = models.root.path();
    let evaluate = |data: &str| {
        trainer(
            root,
            ["evaluate", "--model", "model.safetensors", "--data", data],
        )
    };
    let record = |label: &str, start: usize| {
        let word = &"low estrogen"[start..];
        format!(
            "{{\"id\":\"x\",\"text\":\"low estrogen\",\"entities\":[{{\"entity_group\":\"{label}\",\"word\":\"{word}\",\
             \"start\":{start},\"end\":12}}]}}\n"
        )
    };
    fs::write(root.join("good.jsonl"), record("Hormones", 4)).unwrap();
    assert!(printed(&evaluate("good.jsonl")).contains("all types"));

    fs::write(root.join("type.jsonl"), record("Allergies", 4)).unwrap();
    check_refused(&evaluate("type.jsonl"), &["type.jsonl", "Allergies"]);
    fs::write(root.join("cut.jsonl"), record("Hormones", 6)).unwrap();
    check_refused(&evaluate("cut.jsonl"), &["cut.jsonl", "word"]);
    fs::write(root.join("label.bio"), "low O\nestrogen B-Allergies\n").unwrap();
    check_refused(&evaluate("label.bio"), &["label.bio:2", "B-Allergies"]);
    fs::write(root.join("empty.jsonl"), "").unwrap();
    check_refused(&evaluate("empty.jsonl"), &["empty.jsonl"]);
    check_refused(&evaluate("absent.bio"), &["absent.bio"]);
    fs::write(root.join("dev.bio"), DATA).unwrap();
    let args = [
        "evaluate",
        "--model",
        "model.safetensors",
        "--data",
        "dev.bio",
        "--output",
        "no/such/dir.json",
    ];
    check_refused(&trainer(root, args), &["no/such/dir.json"]);
}

/// A model that is measured on its own answers is always right.
#[test]
fn guesses_are_no_gold() {
    let models = Models::new();
    let root = models.root.path();
    let run = |arguments: &str| trainer(root, arguments.split(' '));
    let guesses = run("predict --model model.safetensors --format jsonl estrogen");
    fs::write(root.join("guesses.jsonl"), printed(&guesses)).unwrap();
    for command in [
        "evaluate --model model.safetensors --data guesses.jsonl",
        "data validate guesses.jsonl --min-documents 0 --min-strings 0 --min-mentions 0 --min-sparse 0",
    ] {
        let output = run(command);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        let begin =
            "warning: guesses.jsonl: 1 of the marks are a model's that nobody has accepted; ";
        assert!(errors.starts_with(begin), "{errors}");
    }
    let mixed = printed(&guesses).to_owned() + "{\"text\": \"low estrogen\"}\n";
    fs::write(root.join("mixed.jsonl"), mixed).unwrap();
    check_refused(
        &run("evaluate --model model.safetensors --data mixed.jsonl"),
        &["mixed.jsonl:2: has a text without marks"],
    );
}

/// Any forward pass can be evaluated; its errors name the document.
#[test]
fn forward_passes_of_others_are_evaluated() {
    let decoder = Decoder::bio(Labels::of_types(&["X"]));
    let tokenizer = Tokenizer::from_vocab("[PAD]\n[UNK]\n[CLS]\n[SEP]\nx\n", None).unwrap();
    let document = |text: &str, range| Document {
        id: "note".into(),
        text: text.into(),
        spans: vec![Span {
            range,
            label: "X".into(),
        }],
    };
    let documents = [document("x y", 0..1), document("y x x", 2..5)];
    let forward = |ids: &[u32]| {
        Ok(ids
            .iter()
            .flat_map(|&id| {
                if id == 4 {
                    [0.0, 1.0, 0.0]
                } else {
                    [1.0, 0.0, 0.0]
                }
            })
            .collect())
    };
    let found = answers(&documents, &tokenizer, &decoder, 16, forward).unwrap();
    let found = summarize(&documents, &found, &decoder).unwrap();
    check_close(&found.overall, &score(1, 3, 2), "overall");
    // Four of the five words have their label's logit 1 above the two others, the last has another
    // label's.
    let norm = (1.0_f64.exp() + 2.0).ln();
    let loss = (4.0 * (norm - 1.0) + norm) / 5.0;
    assert!(
        (found.eval_loss - loss).abs() < 1e-12,
        "{} instead of {loss}",
        found.eval_loss
    );

    let refused = |forward: fn(&[u32]) -> anyhow::Result<Vec<f32>>| -> String {
        let result = answers(&documents, &tokenizer, &decoder, 16, forward);
        format!("{:#}", result.expect_err("logits that are no logits"))
    };
    let error = refused(|_| anyhow::bail!("the device is gone"));
    assert_eq!(error, "document `note`: the device is gone");
    let error = refused(|_| Ok(vec![0.0; 3]));
    assert!(error.starts_with("document `note`: "), "{error}");
    let error = refused(|ids| Ok(vec![f32::NAN; ids.len() * 3]));
    assert!(error.starts_with("document `note`: "), "{error}");
}

/// Three of five entities are right, and the model is sure of all.
#[test]
fn calibration_goes_into_the_directory() {
    let models = Models::new();
    let root = models.root.path();
    fs::write(root.join("dev.bio"), DATA).unwrap();
    let directory = models.directory.to_str().unwrap();
    let error = || {
        let args = ["evaluate", "--format", "json", "--data", "dev.bio"];
        let output = trainer(root, args.into_iter().chain(["--model", directory]));
        let found: Evaluation = serde_json::from_str(printed(&output)).unwrap();
        found.calibration_error
    };
    let before = error();
    assert!((before - 0.4).abs() < 1e-3, "{before}");
    let config = models.directory.join("config.json");
    let read = || -> Value { serde_json::from_str(&fs::read_to_string(&config).unwrap()).unwrap() };
    let mut expected = read();

    let calibrate = |model| trainer(root, ["calibrate", "--data", "dev.bio", "--model", model]);
    let output = calibrate(directory);
    assert!(
        printed(&output).contains("0.4000 without"),
        "{}",
        printed(&output)
    );
    // Five entities with Platt's targets, 4/5 and 1/4 instead of 1 and 0.
    let after = error();
    assert!(after < 0.1, "{after}");
    // Nothing else has changed.
    expected["calibration"] = read()["calibration"].clone();
    assert_eq!(read(), expected);

    let file = models.file.to_str().unwrap();
    check_refused(&calibrate(file), &["--model", "not a directory"]);
}
