//! A base model to fine-tune, as small as one can be.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, json};

/// H, F and the longest window.
const SIZES: [usize; 3] = [16, 32, 64];

/// Writes a BERT of one layer, whose words are those of `texts` and whose weights are drawn, as a
/// folder in Hugging Face's layout: `config.json`, `vocab.txt` and `model.safetensors`.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(folder: &Path, texts: &[&str]) -> Result<()> {
    let [hidden, inner, positions] = SIZES;
    let mut words: Vec<String> = texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .chain([".".to_owned(), ",".to_owned()])
        .collect();
    words.sort();
    words.dedup();
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
    let vocabulary = [&special[..], &words[..]].concat();
    let config = json!({
        "model_type": "bert", "vocab_size": vocabulary.len(), "hidden_size": hidden,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": inner,
        "max_position_embeddings": positions, "type_vocab_size": 2,
    });

    let mut shapes = vec![
        (
            "embeddings.word_embeddings.weight".to_owned(),
            vec![vocabulary.len(), hidden],
        ),
        (
            "embeddings.position_embeddings.weight".to_owned(),
            vec![positions, hidden],
        ),
        (
            "embeddings.token_type_embeddings.weight".to_owned(),
            vec![2, hidden],
        ),
        ("embeddings.LayerNorm.weight".to_owned(), vec![hidden]),
        ("embeddings.LayerNorm.bias".to_owned(), vec![hidden]),
    ];
    for (module, weight) in [
        ("attention.self.query", vec![hidden, hidden]),
        ("attention.self.key", vec![hidden, hidden]),
        ("attention.self.value", vec![hidden, hidden]),
        ("attention.output.dense", vec![hidden, hidden]),
        ("attention.output.LayerNorm", vec![hidden]),
        ("intermediate.dense", vec![inner, hidden]),
        ("output.dense", vec![hidden, inner]),
        ("output.LayerNorm", vec![hidden]),
    ] {
        let name = |part| format!("encoder.layer.0.{module}.{part}");
        shapes.push((name("bias"), vec![weight[0]]));
        shapes.push((name("weight"), weight));
    }

    // safetensors: the length of the header, the header, the numbers.
    let (mut header, mut numbers, mut draw) = (Map::new(), Vec::new(), 1_u32);
    for (name, shape) in shapes {
        let start = numbers.len();
        for _ in 0..shape.iter().product::<usize>() {
            draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let drawn = ((draw >> 8) as f32 / (1 << 24) as f32 - 0.5) / 4.0;
            let is_gain = name.ends_with("LayerNorm.weight");
            let number: f32 = if is_gain { 1.0 } else { drawn };
            numbers.extend(number.to_le_bytes());
        }
        let about =
            json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, numbers.len()] });
        header.insert(name, about);
    }
    let header = serde_json::to_vec(&header)?;
    let length = (header.len() as u64).to_le_bytes();
    fs::create_dir_all(folder)?;
    fs::write(
        folder.join("model.safetensors"),
        [&length[..], &header, &numbers].concat(),
    )?;
    fs::write(folder.join("config.json"), config.to_string())?;
    let mut lines = String::new();
    for token in &vocabulary {
        writeln!(lines, "{token}")?;
    }
    Ok(fs::write(folder.join("vocab.txt"), lines)?)
}
