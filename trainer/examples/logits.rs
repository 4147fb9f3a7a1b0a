//! Prints the engine's token ids and logits of each line of standard input as a line of JSON, for
//! comparison with other implementations: `cargo run -p trainer --example logits -- DIR` with a
//! fine-tuned directory.

use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, Result};
use ner::model::Bundle;

fn main() -> Result<()> {
    let directory = std::env::args()
        .nth(1)
        .context("give a fine-tuned directory")?;
    let path = |name: &str| Path::new(&directory).join(name);
    let text = |name: &str| {
        std::fs::read_to_string(path(name)).with_context(|| path(name).display().to_string())
    };
    let weights = std::fs::read(path("model.safetensors")).context("model.safetensors")?;
    let bundle = Bundle::from_fine_tuned(
        &directory,
        &text("config.json")?,
        &text("tokenizer.json")?,
        &weights,
    )?;
    let tokenizer = bundle.tokenizer()?;
    let model = engine::Model::new(bundle)?;
    let mut scratch = engine::Scratch::default();
    for line in std::io::stdin().lock().lines() {
        let ids = tokenizer.input(&tokenizer.tokenize(&line?).ids);
        let logits = model.forward(&ids, &mut scratch)?;
        let rows: Vec<&[f32]> = logits.chunks(model.labels()).collect();
        println!("{}", serde_json::json!({"ids": ids, "logits": rows}));
    }
    Ok(())
}
