//! Part one: forward passes in one Chromium, ours and onnxruntime-web in turns.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::chromium::visit;
use super::measure::{
    About, Cell, Input, Runs, Side, Turns, check_bits, check_labels, check_logits, equal_labels,
};
use super::native::Program;
use super::server::Server;
use super::setup::{Model, Tools};
use super::{read_json, wasm};

/// Far above what is usual, which is half a minute for a session with its cells.
const LIMIT: Duration = Duration::from_secs(3600);

/// What `cargo xtask bench --quick` runs.
const QUICK: (&str, usize, usize) = ("minilm", 128, 1);

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Browser {
    /// Without isolation from other origins there are no threads.
    pub(super) isolated: bool,
    /// Version of onnxruntime-web.
    pub(super) peer: String,
    /// Variant of our kernels.
    pub(super) kernels: String,
    pub(super) cells: Vec<Cell>,
}

/// What `xtask/bench/pages/browser.js` posts.
#[derive(Deserialize)]
struct Outcome {
    isolated: bool,
    sessions: Vec<SessionOutcome>,
}

/// Ours first, the peer second.
#[derive(Deserialize)]
struct SessionOutcome {
    about: [About; 2],
    cells: Vec<[Runs; 2]>,
}

/// Measures every model with every number of threads; with `quick` only [`QUICK`].
pub(super) fn measure(
    tools: &Tools,
    models: &[Model],
    threads: &[usize],
    turns: &Turns,
    quick: bool,
) -> Result<Browser> {
    let builds = wasm::build()?;
    let mut plan = Vec::new();
    let mut sessions = Vec::new();
    for model in models {
        let mut inputs: Vec<Input> = read_json(&model.cells)?;
        inputs.retain(|input| !quick || (model.name, input.tokens, input.batch) == QUICK);
        if inputs.is_empty() {
            continue;
        }
        let expected = expected(model, &inputs)?;
        for &threads in threads {
            let engine = wasm::choose(&builds, threads)?;
            let address = |file| format!("/bench/models/{}/{file}", model.name);
            sessions.push(json!({
                "name": format!("{}, {threads} threads", model.name),
                "inputs": inputs,
                "ours": {
                    "script": engine.script,
                    "wasm": engine.wasm,
                    "model": address("engine.safetensors"),
                    "threads": threads,
                },
                "peer": { "model": address("onnx/model_quantized.onnx"), "threads": threads },
            }));
            plan.push((model, threads, inputs.clone(), expected.clone()));
        }
    }

    let server = Server::start(tools)?;
    server.set_job(&json!({ "turns": turns, "sessions": sessions }));
    let page = "/bench/pages/wait.html?next=browser.html";
    let outcome: Outcome = serde_json::from_value(visit(tools, &server, page, LIMIT)?.result)?;
    ensure!(
        outcome.sessions.len() == plan.len(),
        "the page has left out sessions"
    );
    let [ours, peer] = &outcome
        .sessions
        .first()
        .context("nothing to measure")?
        .about;
    let (kernels, peer) = (ours.name.clone(), peer.name.clone());

    let mut cells = Vec::new();
    for ((model, threads, inputs, expected), session) in plan.iter().zip(&outcome.sessions) {
        ensure!(
            session.cells.len() == inputs.len(),
            "the page has left out inputs"
        );
        for ((input, expected), runs) in inputs.iter().zip(expected).zip(&session.cells) {
            let cell = cell(model, *threads, input, runs, &session.about, &peer)?;
            let what = format!("{}, {} x {}", model.name, input.batch, input.tokens);
            check_bits(&what, &runs[0].logits, expected)?;
            cells.push(cell);
        }
    }
    check_labels(&format!("onnxruntime-web {peer}"), &cells)?;
    Ok(Browser {
        isolated: outcome.isolated,
        peer,
        kernels,
        cells,
    })
}

/// What the engine answers in the terminal.
fn expected(model: &Model, inputs: &[Input]) -> Result<Vec<Vec<f32>>> {
    let mut engine = Program::ours(model, 1)?;
    inputs
        .iter()
        .map(|input| Ok(engine.ask(input, 1)?.logits))
        .collect()
}

/// Checks the answers of both and compares them.
pub(super) fn cell(
    model: &Model,
    threads: usize,
    input: &Input,
    [ours, theirs]: &[Runs; 2],
    about: &[About; 2],
    peer: &str,
) -> Result<Cell> {
    check_logits("ours", input, &ours.logits)?;
    check_logits(peer, input, &theirs.logits)?;
    Ok(Cell {
        model: model.name.to_owned(),
        tokens: input.tokens,
        batch: input.batch,
        threads,
        ours: Side::new(ours, &about[0]),
        peer: Side::new(theirs, &about[1]),
        equal_labels: model
            .trained
            .then(|| equal_labels(&ours.logits, &theirs.logits)),
    })
}
