//! Where the time of a forward pass in the browser goes.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::chromium::visit;
use super::measure::{About, Input, least};
use super::server::Server;
use super::setup::{Model, Tools};
use super::{read_json, wasm};

/// Tokens of the inputs that are profiled.
const TOKENS: [usize; 2] = [128, 512];

/// Far above what is usual, which is a minute.
const LIMIT: Duration = Duration::from_secs(600);

/// Everything that was measured, on one thread.
#[derive(Debug, Serialize)]
pub(super) struct Profiles {
    /// Variant of our kernels.
    kernels: String,
    profiles: Vec<Profile>,
}

/// What `xtask/bench/pages/profile.js` posts.
#[derive(Deserialize)]
struct Outcome {
    sessions: Vec<Session>,
}

#[derive(Deserialize)]
struct Session {
    about: About,
    profiles: Vec<Passes>,
}

/// What `web/src/bench/profile.rs` answers.
#[derive(Debug, Deserialize)]
struct Passes {
    /// Of the loop that only multiplies; zero where the kernels have none.
    peak_products: f64,
    peak_ms: Vec<f64>,
    steps: Vec<StepPasses>,
}

#[derive(Debug, Deserialize)]
struct StepPasses {
    step: String,
    products: f64,
    int8: bool,
    ms: Vec<f64>,
}

/// The least of all passes of each step and of the peak: what else the machine does only adds.
#[derive(Debug, PartialEq, Serialize)]
struct Profile {
    model: String,
    tokens: usize,
    /// Products of bytes on registers alone, 10⁹ a second.
    peak: f64,
    /// All products of bytes together.
    products: Total,
    steps: Vec<Total>,
}

/// All steps of a name, over all layers.
#[derive(Debug, PartialEq, Serialize)]
struct Total {
    step: String,
    ms: f64,
    /// Of the whole pass.
    share: f64,
    /// 10⁹ products a second.
    speed: f64,
    /// Of the peak; none of products of other numbers.
    of_peak: Option<f64>,
}

/// Measures every model.
pub(super) fn measure(tools: &Tools, models: &[Model]) -> Result<Profiles> {
    let engine = wasm::build()?;
    let engine = wasm::choose(&engine, 1)?;
    let mut plan = Vec::new();
    let mut sessions = Vec::new();
    for model in models {
        let mut inputs: Vec<Input> = read_json(&model.cells)?;
        inputs.retain(|input| input.batch == 1 && TOKENS.contains(&input.tokens));
        sessions.push(json!({
            "name": model.name,
            "inputs": inputs,
            "ours": {
                "script": engine.script,
                "wasm": engine.wasm,
                "model": format!("/bench/models/{}/engine.safetensors", model.name),
                "threads": 1,
            },
        }));
        plan.push((model, inputs));
    }

    let server = Server::start(tools)?;
    server.set_job(&json!({ "sessions": sessions }));
    let page = "/bench/pages/wait.html?next=profile.html";
    let outcome: Outcome = serde_json::from_value(visit(tools, &server, page, LIMIT)?.result)?;
    ensure!(
        outcome.sessions.len() == plan.len(),
        "the page has left out sessions"
    );
    let first = outcome.sessions.first().context("nothing was measured")?;
    let kernels = first.about.name.clone();
    let mut profiles = Vec::new();
    for ((model, inputs), session) in plan.iter().zip(&outcome.sessions) {
        ensure!(
            session.profiles.len() == inputs.len(),
            "the page has left out inputs"
        );
        let passes = inputs.iter().zip(&session.profiles);
        profiles
            .extend(passes.map(|(input, passes)| Profile::new(model.name, input.tokens, passes)));
    }
    Ok(Profiles { kernels, profiles })
}

impl Profile {
    fn new(model: &str, tokens: usize, passes: &Passes) -> Self {
        let all: f64 = passes.steps.iter().map(|step| least(&step.ms)).sum();
        let peak = passes.peak_products / least(&passes.peak_ms) / 1e6;
        let total = |step: &str, ms: f64, products: f64, int8: bool| {
            let speed = products / ms / 1e6;
            Total {
                step: step.to_owned(),
                ms,
                share: ms / all,
                speed,
                of_peak: (int8 && peak > 0.0).then_some(speed / peak),
            }
        };
        let of_bytes = passes.steps.iter().filter(|step| step.int8);
        let (ms, products) = of_bytes.fold((0.0, 0.0), |(ms, products), step| {
            (ms + least(&step.ms), products + step.products)
        });
        let steps = passes.steps.iter();
        let each = steps.map(|step| total(&step.step, least(&step.ms), step.products, step.int8));
        Self {
            model: model.to_owned(),
            tokens,
            peak,
            products: total("all products of bytes", ms, products, true),
            steps: each.collect(),
        }
    }
}

/// A table of each.
pub(super) fn tables(Profiles { kernels, profiles }: &Profiles) -> String {
    let mut text = String::new();
    for profile in profiles {
        let Profile {
            model,
            tokens,
            peak,
            products,
            steps,
        } = profile;
        let _ = write!(
            text,
            "\nWhere the time of {tokens} tokens goes, {model}, one thread of `{kernels}`, the least of all passes; registers alone make \
             {peak:.1} G products a second:\n\n\
             | step | ms | of the pass | G products/s | of registers alone |\n|---|--:|--:|--:|--:|\n"
        );
        for total in steps.iter().chain([products]) {
            let speed = match total.speed {
                0.0 => String::new(),
                speed => format!("{speed:.1}"),
            };
            let of_peak =
                (total.of_peak).map_or("".into(), |share| format!("{:.0} %", 100.0 * share));
            let _ = writeln!(
                text,
                "| {} | {:.2} | {:.1} % | {speed} | {of_peak} |",
                total.step,
                total.ms,
                100.0 * total.share
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_pass_and_of_the_peak() {
        let passes: Passes = serde_json::from_value(serde_json::json!({
            "peak_products": 8e6,
            "peak_ms": [0.2, 0.1, 0.3],
            "steps": [
                { "step": "queries", "products": 120e6, "int8": true, "ms": [4.0, 3.0, 9.0] },
                { "step": "output", "products": 40e6, "int8": true, "ms": [1.0, 1.0, 1.0] },
                { "step": "attention", "products": 10e6, "int8": false, "ms": [2.0, 1.0, 1.5] },
                { "step": "LayerNorm", "products": 0.0, "int8": false, "ms": [3.0, 3.0, 3.0] },
            ],
        }))
        .unwrap();
        let text = tables(&Profiles {
            kernels: "simd128".into(),
            profiles: vec![Profile::new("minilm", 128, &passes)],
        });
        for line in [
            "make 80.0 G products a second:",
            "| all products of bytes | 4.00 | 50.0 % | 40.0 | 50 % |",
            "| queries | 3.00 | 37.5 % | 40.0 | 50 % |",
            "| attention | 1.00 | 12.5 % | 10.0 |  |",
            "| LayerNorm | 3.00 | 37.5 % |  |  |",
        ] {
            assert!(
                text.lines().any(|found| found.ends_with(line)),
                "{text}\nlacks {line}"
            );
        }
    }
}
