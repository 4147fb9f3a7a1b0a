//! Bio_ClinicalBERT as it lies on the hub, but small and with random weights: `config.json`,
//! `vocab.txt` with capitals, `pytorch_model.bin` with heads of pre-training, and nothing else.

use std::fs;
use std::path::Path;

use crate::program::{NONE, archive, dict, entry, entry_storage, storage, stream, tensor};

const CONFIG: &str = include_str!("config.json");
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

const HIDDEN: usize = 32;
const INTERMEDIATE: usize = 64;
const LAYERS: usize = 2;
const POSITIONS: usize = 64;

/// How `torch.save` has packed the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// Before PyTorch 1.6.
    Stream,
    /// Since then.
    Archive,
}

/// Writes the three files for a vocabulary of these words.
pub(crate) fn write(directory: &Path, words: &[&str], container: Container) {
    fs::create_dir_all(directory).unwrap();
    let tokens: Vec<&str> = SPECIAL.iter().chain(words).copied().collect();
    let put = |name: &str, content: &[u8]| fs::write(directory.join(name), content).unwrap();
    put("vocab.txt", (tokens.join("\n") + "\n").as_bytes());
    let size = format!("\"vocab_size\": {}", tokens.len());
    put(
        "config.json",
        CONFIG.replace("\"vocab_size\": 28996", &size).as_bytes(),
    );
    put("pytorch_model.bin", &weights(tokens.len(), container));
}

/// Names and shapes of `BertForPreTraining`, as files made from the original TensorFlow ones have
/// them. The decoder of the language model is not among them: it is the word embeddings.
fn specs(vocabulary: usize) -> Vec<(String, Vec<usize>)> {
    let mut specs = Vec::new();
    let norm = |name: &str| {
        ["gamma", "beta"].map(|part| (format!("{name}.LayerNorm.{part}"), vec![HIDDEN]))
    };
    let dense = |name: &str, to: usize, from: usize| {
        [
            (format!("{name}.weight"), vec![to, from]),
            (format!("{name}.bias"), vec![to]),
        ]
    };
    for (name, rows) in [
        ("word", vocabulary),
        ("position", POSITIONS),
        ("token_type", 2),
    ] {
        specs.push((
            format!("bert.embeddings.{name}_embeddings.weight"),
            vec![rows, HIDDEN],
        ));
    }
    specs.extend(norm("bert.embeddings"));
    for layer in 0..LAYERS {
        let layer = format!("bert.encoder.layer.{layer}");
        for name in ["self.query", "self.key", "self.value", "output.dense"] {
            specs.extend(dense(&format!("{layer}.attention.{name}"), HIDDEN, HIDDEN));
        }
        specs.extend(norm(&format!("{layer}.attention.output")));
        specs.extend(dense(
            &format!("{layer}.intermediate.dense"),
            INTERMEDIATE,
            HIDDEN,
        ));
        specs.extend(dense(
            &format!("{layer}.output.dense"),
            HIDDEN,
            INTERMEDIATE,
        ));
        specs.extend(norm(&format!("{layer}.output")));
    }
    specs.extend(dense("bert.pooler.dense", HIDDEN, HIDDEN));
    specs.push(("cls.predictions.bias".into(), vec![vocabulary]));
    specs.extend(dense("cls.predictions.transform.dense", HIDDEN, HIDDEN));
    specs.extend(norm("cls.predictions.transform"));
    specs.extend(dense("cls.seq_relationship", 2, HIDDEN));
    specs
}

fn weights(vocabulary: usize, container: Container) -> Vec<u8> {
    let mut random = 1_u64;
    let mut items = Vec::new();
    let mut storages = Vec::new();
    for (at, (name, shape)) in specs(vocabulary).into_iter().enumerate() {
        let numel = shape.iter().product::<usize>();
        let mut value = || {
            // Knuth's MMIX generator; what counts is that no two weights are the same.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let uniform = (random >> 40) as f32 / (1 << 24) as f32 - 0.5;
            0.1 * uniform + if name.ends_with("gamma") { 1.0 } else { 0.0 }
        };
        let content: Vec<u8> = (0..numel).flat_map(|_| value().to_le_bytes()).collect();
        let key = at.to_string();
        let storage = match container {
            Container::Stream => storage("FloatStorage", &key, numel as i64, NONE),
            Container::Archive => entry_storage("FloatStorage", &key, numel as i64),
        };
        let stride = if shape.len() == 2 {
            vec![shape[1] as i64, 1]
        } else {
            vec![1]
        };
        let shape: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
        let view = tensor(&storage, 0, &shape, &stride);
        if name == "bert.embeddings.word_embeddings.weight" {
            items.push(("cls.predictions.decoder.weight".to_owned(), view.clone()));
        }
        items.push((name, view));
        storages.push((key, numel as i64, content));
    }
    let items: Vec<(&str, &[u8])> = items
        .iter()
        .map(|(name, view)| (name.as_str(), view.as_slice()))
        .collect();
    let state = dict(&items);
    match container {
        Container::Stream => {
            let storages: Vec<_> = storages
                .iter()
                .map(|(key, numel, content)| (key.as_str(), *numel, content.as_slice()))
                .collect();
            stream(&state, &storages)
        }
        Container::Archive => {
            let pickle = [b"\x80\x02", state.as_slice(), b"."].concat();
            let mut entries = vec![entry("archive/data.pkl", &pickle)];
            let data = |(key, _, content): &(String, i64, Vec<u8>)| {
                entry(&format!("archive/data/{key}"), content)
            };
            entries.extend(storages.iter().map(data));
            entries.push(entry("archive/version", b"3\n"));
            archive(&entries, b"")
        }
    }
}
