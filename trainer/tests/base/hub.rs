//! Bases of every layout: a directory with PyTorch's older file, the hub, the hub's cache.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use candle_core::Device;
use ner::Labels;
use trainer::bert::Bert;
use trainer::hub;

const WEIGHTS: &[u8] = include_bytes!("goldens/base.bin");

const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 11, "hidden_size": 4,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
    "max_position_embeddings": 16}"#;

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nNo\nno\ncramps\n.\ntoday\n##s\n";

/// A cased model: without this file a vocabulary counts as lower-cased.
const TOKENIZER_CONFIG: &str = r#"{"do_lower_case": false}"#;

fn files() -> HashMap<&'static str, &'static [u8]> {
    HashMap::from([
        ("config.json", CONFIG.as_bytes()),
        ("pytorch_model.bin", WEIGHTS),
        ("tokenizer_config.json", TOKENIZER_CONFIG.as_bytes()),
        ("vocab.txt", VOCABULARY.as_bytes()),
    ])
}

fn write_base(directory: &Path) {
    for (name, content) in files() {
        fs::write(directory.join(name), content).unwrap();
    }
}

#[test]
fn an_older_file_has_every_weight_of_the_encoder() {
    let directory = tempfile::tempdir().unwrap();
    write_base(directory.path());
    let base = hub::load(directory.path().to_str().unwrap(), false).unwrap();
    assert!(!base.tokenizer.lowercase());
    for (name, tensor) in &base.weights {
        let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        for (k, value) in values.iter().enumerate() {
            let expected = (k as f32 % 7.0 - 3.0) / 8.0 + values.len() as f32 / 1024.0;
            assert_eq!(*value, expected, "{name}[{k}]");
        }
    }
    let config = base.config.with_labels(&Labels::guide());
    let (_, drawn) = Bert::new(config, base.weights, 0, &Device::Cpu).unwrap();
    assert_eq!(drawn, ["classifier.weight", "classifier.bias"]);
}

#[test]
fn a_base_that_lacks_a_file_says_which() {
    for (missing, expected) in [
        ("config.json", "config.json"),
        (
            "pytorch_model.bin",
            "no model.safetensors and no pytorch_model.bin",
        ),
        ("vocab.txt", "vocab.txt"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        write_base(directory.path());
        fs::remove_file(directory.path().join(missing)).unwrap();
        let error = hub::load(directory.path().to_str().unwrap(), false).err();
        let message = format!("{:#}", error.expect("an error"));
        assert!(message.contains(expected), "{missing}: {message}");
    }
    let directory = tempfile::tempdir().unwrap();
    write_base(directory.path());
    fs::write(directory.path().join("pytorch_model.bin"), &WEIGHTS[..500]).unwrap();
    let error = hub::load(directory.path().to_str().unwrap(), false).err();
    let message = format!("{:#}", error.expect("an error"));
    assert!(message.contains("pytorch_model.bin"), "{message}");
}

/// Answers as the hub does for one model, `owner/model`; returns its address.
fn serve_model() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&stream);
            let mut request = String::new();
            reader.read_line(&mut request).unwrap();
            let mut first = 0;
            let mut last = usize::MAX;
            for line in reader
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
            {
                if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
                    let (from, to) = range.split_once('-').unwrap();
                    first = from.parse().unwrap();
                    last = to.parse().unwrap_or(last);
                }
            }
            let path = request.split(' ').nth(1).unwrap();
            let (status, body, size) = match path.strip_prefix("/owner/model/resolve/main/") {
                Some(name) => {
                    let content = files()[name];
                    let last = last.min(content.len() - 1);
                    (
                        "206 Partial Content",
                        content[first..=last].to_vec(),
                        content.len(),
                    )
                }
                None if path.starts_with("/api/models/owner/model") => {
                    let name = |name: &&str| serde_json::json!({"rfilename": name});
                    let siblings: Vec<_> = files().keys().map(name).collect();
                    let info = serde_json::json!({"siblings": siblings, "sha": "c0ffee"});
                    ("200 OK", info.to_string().into_bytes(), 0)
                }
                None => ("404 Not Found", Vec::new(), 0),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                 content-range: bytes {first}-{last}/{size}\r\netag: \"{}\"\r\n\
                 x-repo-commit: c0ffee\r\nconnection: close\r\n\r\n",
                body.len(),
                path.replace('/', "-"),
            );
            let mut stream = &stream;
            let written = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
            written.unwrap();
        }
    });
    address
}

struct Workplace {
    directory: tempfile::TempDir,
}

impl Workplace {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Trains one epoch; returns exit code and standard error.
    fn fine_tune(&self, base: &str, output: &str, endpoint: &str, extra: &[&str]) -> (i32, String) {
        fs::write(self.path("data.bio"), "No O\ncramps B-Symptoms\ntoday O\n").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args([
                "fine-tune",
                "--epochs",
                "1",
                "--max-length",
                "16",
                "--base",
                base,
            ])
            .args([
                "--train", "data.bio", "--dev", "data.bio", "--output", output,
            ])
            .args(extra)
            .current_dir(self.directory.path())
            .env("HF_ENDPOINT", endpoint)
            .env("HF_HOME", self.path("cache"))
            .env_remove("HF_HUB_OFFLINE")
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }
}

/// A port that nothing listens on.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_model_of_the_hub_is_fetched_once() {
    let place = Workplace {
        directory: tempfile::tempdir().unwrap(),
    };
    let hub = serve_model();
    let (code, message) = place.fine_tune("owner/model", "out", &hub, &[]);
    assert_eq!(code, 0, "{message}");
    assert_eq!(
        fs::read_to_string(place.path("out/vocab.txt")).unwrap(),
        VOCABULARY
    );

    let (code, message) = place.fine_tune("owner/model", "again", &nowhere(), &["--offline"]);
    assert_eq!(code, 0, "{message}");
    let weights = |output: &str| fs::read(place.path(output).join("model.safetensors")).unwrap();
    assert!(weights("out") == weights("again"));

    let (code, message) = place.fine_tune("owner/other", "other", &hub, &[]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("404"), "{message}");
}

#[test]
fn a_hub_out_of_reach_is_explained() {
    let place = Workplace {
        directory: tempfile::tempdir().unwrap(),
    };
    for (extra, expected) in [
        (&[] as &[&str], "the Hugging Face hub does not answer"),
        (&["--offline"], "was not downloaded before"),
    ] {
        let (code, message) = place.fine_tune("owner/model", "out", &nowhere(), extra);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(expected), "{message}");
        for name in [
            "owner/model",
            "config.json",
            "model.safetensors",
            "vocab.txt",
            "--base",
        ] {
            assert!(message.contains(name), "{name}: {message}");
        }
        assert!(!place.path("out").exists());
    }
}
