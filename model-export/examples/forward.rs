//! The engine, asked over standard input: `cargo xtask bench` has it and onnxruntime (its counterpart is
//! xtask/bench/native.py) run in turns.
//!
//! `forward MODEL.safetensors THREADS` first prints a line about itself, then answers each line
//! `{"ids", "tokens", "repeats"}`, inputs of so many tokens one behind the other, with the time that each repetition took
//! and the logits.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use engine::{Model, Scratch, Team};
use ner::model::Bundle;
use serde_json::{Value, json};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next().context("give an exported file")?;
    let threads = args.next().context("give the number of threads")?.parse()?;
    let bytes = std::fs::read(&path).with_context(|| path.clone())?;
    let model = Model::new(Bundle::read(&path, &bytes)?)?;
    let mut scratch = Scratch::with_team(Arc::new(Team::new(threads)?));

    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "{}",
        json!({ "name": model.isa().to_string(), "threads": threads })
    )?;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let number = |name: &str| request[name].as_u64().with_context(|| name.to_owned());
        let (tokens, repeats) = (number("tokens")? as usize, number("repeats")?);
        let ids: Vec<u32> = serde_json::from_value(request["ids"].clone()).context("ids")?;
        let inputs: Vec<&[u32]> = ids.chunks(tokens).collect();
        let (mut ms, mut logits) = (Vec::new(), Vec::new());
        for _ in 0..repeats {
            let start = Instant::now();
            logits = model.forward_all(&inputs, &mut scratch)?.to_vec();
            ms.push(1000.0 * start.elapsed().as_secs_f64());
        }
        writeln!(output, "{}", json!({ "ms": ms, "logits": logits }))?;
    }
    Ok(())
}
