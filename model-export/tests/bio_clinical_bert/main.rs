//! The whole line on a base of Bio_ClinicalBERT's layout: fine-tune, quantize, verify, predict.

mod base;
#[path = "../../../trainer/tests/pickle/program.rs"]
mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use serde_json::Value;

use base::Container;

const DATA: &str = "\
Patient O\nreports O\nirregular B-Symptoms\nPeriods I-Symptoms\n. O\n
Low O\nestrogen B-Hormones\nand O\nCramps B-Symptoms\n. O\n
FSH B-Hormones\nis O\nlow O\n. O\n
No O\ncramps B-Symptoms\ntoday O\n. O\n
irregular B-Symptoms\nperiods I-Symptoms\nand O\nEstrogen B-Hormones\nlow O\n";

/// With capitals, as a cased vocabulary has them; each word is there in lower case too.
const WORDS: [&str; 22] = [
    "Patient",
    "patient",
    "reports",
    "irregular",
    "Periods",
    "periods",
    "Low",
    "low",
    "estrogen",
    "Estrogen",
    "and",
    "Cramps",
    "cramps",
    "FSH",
    "fsh",
    "is",
    "No",
    "no",
    "today",
    ".",
    "##s",
    ",",
];

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the trainer with these words, of which those with a slash are names of files here.
    fn trainer(&self, arguments: &str) {
        let words = arguments
            .split(' ')
            .map(|word| match word.strip_prefix("./") {
                Some(name) => self.path(name).into_os_string(),
                None => word.into(),
            });
        let cli = trainer::cli::Cli::parse_from(std::iter::once("trainer".into()).chain(words));
        trainer::cli::run(&cli).unwrap();
    }

    fn model_export(&self, arguments: &str) {
        let output = Command::new(env!("CARGO_BIN_EXE_model-export"))
            .args(arguments.split(' '))
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{printed}{errors}");
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// The entities of a text, as `(word, type)`.
    fn predict(&self, model: &str, text: &str) -> Vec<(String, String)> {
        fs::write(self.path("note.txt"), text).unwrap();
        self.trainer(&format!(
            "predict --input ./note.txt --format json --model ./{model} --output ./found.json"
        ));
        let found = self.json("found.json");
        let field = |entity: &Value, name: &str| entity[name].as_str().unwrap().to_owned();
        let entities = found[0]["entities"].as_array().unwrap();
        entities
            .iter()
            .map(|entity| (field(entity, "word"), field(entity, "entity_group")))
            .collect()
    }
}

fn weights(place: &Place, output: &str) -> Vec<u8> {
    fs::read(place.path(output).join("model.safetensors")).unwrap()
}

#[test]
fn the_whole_line() {
    let place = Place {
        directory: tempfile::tempdir().unwrap(),
    };
    fs::write(place.path("data.bio"), DATA).unwrap();
    for (name, container) in [
        ("stream", Container::Stream),
        ("archive", Container::Archive),
    ] {
        base::write(&place.path(name), &WORDS, container);
    }
    let fine_tune = |base: &str, output: &str, extra: &str| {
        place.trainer(&format!(
            "fine-tune --base ./{base} --train ./data.bio --dev ./data.bio --output ./{output} \
             --epochs 15 --lr 5e-3 --batch-size 2 --max-length 32 --dropout 0 {extra}"
        ));
    };
    fine_tune("stream", "auto", "--labels Symptoms,Hormones");
    fine_tune("archive", "other", "--labels Symptoms,Hormones");
    assert!(
        weights(&place, "auto") == weights(&place, "other"),
        "the containers differ"
    );
    fine_tune(
        "stream",
        "cased",
        "--labels Symptoms,Hormones --lowercase false",
    );
    assert!(weights(&place, "auto") != weights(&place, "cased"));

    for (output, choice, lowercase) in [("auto", "auto", true), ("cased", "false", false)] {
        let config = place.json(&format!("{output}/tokenizer_config.json"));
        assert_eq!(config["do_lower_case"], lowercase, "{output}");
        assert_eq!(
            place.json(&format!("{output}/training_args.json"))["lowercase"],
            choice
        );
        assert_eq!(
            place.json(&format!("{output}/eval_metrics.json"))["eval_f1"],
            1.0,
            "{output}"
        );

        let file = format!("{output}.safetensors");
        place.model_export(&format!("quantize {output} --output {file}"));
        place.model_export(&format!("verify {file} --against {output} --data data.bio"));
        check_size(&place.path(&file), &place.path(output));

        let text = "Patient reports irregular Periods and low Estrogen.";
        let expected = [("irregular Periods", "Symptoms"), ("Estrogen", "Hormones")];
        let expected = expected.map(|(word, kind)| (word.to_owned(), kind.to_owned()));
        for model in [output, &file] {
            assert_eq!(place.predict(model, text), expected, "{model}");
        }
        // Without a token of its own in this case, a word is unknown where case is kept.
        let found = place.predict(&file, "IRREGULAR PERIODS");
        assert_eq!(
            found.iter().any(|(word, _)| word == "IRREGULAR PERIODS"),
            lowercase,
            "{found:?}"
        );
    }
}

/// The exported file has a byte for most weights, where the directory has four.
fn check_size(file: &Path, directory: &Path) {
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    let (exported, tuned) = (size(file), size(&directory.join("model.safetensors")));
    assert!(exported < tuned / 2, "{exported} of {tuned} bytes");
}
