//! A corpus of other types, from training to an exported file.

use std::fs;
use std::path::Path;

use ner::model::{Bundle, bundle};
use serde_json::{Value, json};

use crate::{base, check, trainer};

/// As CoNLL-2003 has it: word, part of speech, chunk, label; a line before each document.
const CORPUS: &str = "\
-DOCSTART- -X- -X- O

Anna NNP B-NP B-PER
Berg NNP I-NP I-PER
lives VBZ B-VP O
in IN B-PP O
Paris NNP B-NP B-LOC
. . O O

Tom NNP B-NP B-PER
saw VBD B-VP O
New NNP B-NP B-LOC
York NNP I-NP I-LOC
. . O O

-DOCSTART- -X- -X- O

In IN B-PP O
Rome NNP B-NP B-LOC
Anna NNP B-NP B-PER
met VBD B-VP O
Tom NNP B-NP B-PER
Berg NNP I-NP I-PER
. . O O
";

const LABELS: [&str; 5] = ["O", "B-LOC", "B-PER", "I-LOC", "I-PER"];

/// A folder with the corpus and a base that knows its words.
pub(crate) fn workplace() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let words = CORPUS.lines().filter_map(|line| line.split(' ').next());
    base::write(
        &place.path().join("base"),
        words.filter(|word| !word.is_empty()),
    );
    fs::write(place.path().join("train.conll"), CORPUS).unwrap();
    place
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn labels_of_the_data_are_those_of_the_model() {
    let place = workplace();
    let folder = place.path();
    let run = |arguments: &str| check(&trainer(folder, arguments.split(' ')), 0, &[]);
    run(
        "fine-tune --base base --train train.conll --dev train.conll --output out --labels from-data \
         --epochs 40 --lr 3e-3 --batch-size 2 --max-length 48",
    );
    let config = json_of(&folder.join("out/config.json"));
    for (id, label) in LABELS.into_iter().enumerate() {
        assert_eq!(config["id2label"][id.to_string()], label, "{config}");
        assert_eq!(config["label2id"][label], id, "{config}");
    }
    let arguments = json_of(&folder.join("out/training_args.json"));
    assert_eq!(arguments["labels"], "from-data", "{arguments}");

    // The file that `model-export quantize` writes.
    let read = |name: &str| fs::read(folder.join("out").join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let weights = read("model.safetensors");
    let model = Bundle::from_fine_tuned(
        "out",
        &text("config.json"),
        &text("tokenizer.json"),
        &weights,
    );
    let exported = bundle::write(&model.unwrap()).unwrap();
    fs::write(folder.join("exported.safetensors"), exported).unwrap();

    for model in ["out", "exported.safetensors"] {
        let printed = run(&format!(
            "evaluate --model {model} --data train.conll --format json"
        ));
        let metrics: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(metrics["eval_f1"], 1.0, "{model}: {metrics}");
        assert_eq!(metrics["types"].as_object().unwrap().len(), 2, "{metrics}");
        assert_eq!(metrics["confusion"]["types"], json!(["LOC", "PER"]));
        let table = run(&format!("evaluate --model {model} --data train.conll"));
        assert!(table.contains("\nnone                0    0\n"), "{table}");
        let predict = ["predict", "--model", model, "Tom Berg lives in New York."];
        let printed = check(&trainer(folder, predict), 0, &[]);
        assert_eq!(
            printed, "[('Tom Berg', 'PER'), ('New York', 'LOC')]\n",
            "{model}"
        );
    }
}

#[test]
fn every_command_for_data_takes_its_labels() {
    let place = workplace();
    let run = |arguments: &str| check(&trainer(place.path(), arguments.split(' ')), 0, &[]);
    for labels in ["from-data", "LOC,PER", "O,B-LOC,B-PER,I-LOC,I-PER"] {
        let stats = run(&format!(
            "data stats train.conll --format json --labels {labels}"
        ));
        let stats: Value = serde_json::from_str(&stats).unwrap();
        let names = stats["total"]["types"].as_array().unwrap().iter();
        let counts: Vec<_> = names
            .map(|kind| (&kind["name"], &kind["mentions"]))
            .collect();
        assert_eq!(
            counts,
            [(&json!("LOC"), &json!(3)), (&json!("PER"), &json!(4))],
            "{labels}"
        );
    }
    // Every format says what its types are.
    let split = run(
        "data split train.conll --labels from-data --dev 0 --test 0 --output parts --format json",
    );
    let split: Value = serde_json::from_str(&split).unwrap();
    assert_eq!(
        split["files"][0],
        json!({"file": "parts/train.jsonl", "documents": 3, "entities": 7})
    );
    let marked = "=== a\n[[Anna|PER]] in [[Rome|LOC]]\n";
    fs::write(place.path().join("marked.txt"), marked).unwrap();
    fs::create_dir(place.path().join("brat")).unwrap();
    fs::write(place.path().join("brat/a.txt"), "Anna in Rome").unwrap();
    fs::write(
        place.path().join("brat/a.ann"),
        "T1\tPER 0 4\tAnna\nT2\tLOC 8 12\tRome\n",
    )
    .unwrap();
    for (data, mentions) in [
        ("parts/train.jsonl", [3, 4]),
        ("marked.txt", [1, 1]),
        ("brat", [1, 1]),
    ] {
        let stats = run(&format!(
            "data stats {data} --format json --labels from-data"
        ));
        let stats: Value = serde_json::from_str(&stats).unwrap();
        for (at, (name, mentions)) in ["LOC", "PER"].into_iter().zip(mentions).enumerate() {
            let kind = &stats["total"]["types"][at];
            assert_eq!(
                (&kind["name"], &kind["mentions"]),
                (&json!(name), &json!(mentions)),
                "{data}"
            );
        }
    }
}
