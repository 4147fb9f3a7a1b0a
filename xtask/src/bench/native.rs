//! Part three: forward passes in the terminal, ours and onnxruntime's CPU provider in turns.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::browser::cell;
use super::measure::{About, Cell, Input, Runs, Turns, check_labels};
use super::read_json;
use super::setup::{Model, Tools};
use crate::command::{cargo, command, run};
use crate::target;

/// As in `xtask/bench/pages/browser.js`.
const REST: Duration = Duration::from_millis(30);
const WARM_UP_RUNS: usize = 3;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Native {
    /// Version of onnxruntime.
    pub(super) peer: String,
    /// Variant of our kernels.
    pub(super) kernels: String,
    pub(super) cells: Vec<Cell>,
}

/// Measures every model with every number of threads.
pub(super) fn measure(
    tools: &Tools,
    models: &[Model],
    threads: &[usize],
    turns: &Turns,
) -> Result<Native> {
    let mut cells = Vec::new();
    let mut names = Default::default();
    for model in models {
        let inputs: Vec<Input> = read_json(&model.cells)?;
        for &threads in threads {
            let mut sides = [
                Program::ours(model, threads)?,
                Program::onnxruntime(tools, &model.onnx, threads)?,
            ];
            let about = sides.each_ref().map(|side| side.about.clone());
            names = about.each_ref().map(|about| about.name.clone());
            for input in &inputs {
                eprintln!(
                    "  {}, {threads} threads: {} x {} tokens",
                    model.name, input.batch, input.tokens
                );
                let runs = alternate(&mut sides, input, turns)?;
                cells.push(cell(model, threads, input, &runs, &about, "onnxruntime")?);
            }
        }
    }
    let [kernels, peer] = names;
    check_labels(&format!("onnxruntime {peer}"), &cells)?;
    Ok(Native {
        peer,
        kernels,
        cells,
    })
}

/// As the function of that name in `xtask/bench/pages/browser.js`.
fn alternate(sides: &mut [Program; 2], input: &Input, turns: &Turns) -> Result<[Runs; 2]> {
    let mut measured: [Runs; 2] = Default::default();
    let mut repeats = [1; 2];
    for ((side, runs), repeats) in sides.iter_mut().zip(&mut measured).zip(&mut repeats) {
        let warm = side.ask(input, WARM_UP_RUNS)?;
        let last = warm.ms.last().copied().unwrap_or(f64::INFINITY);
        *repeats = ((turns.repeats_ms / last) as usize).clamp(1, turns.repeats);
        runs.logits = warm.logits;
    }
    let start = Instant::now();
    for turn in 0..turns.most {
        if turn >= turns.least && start.elapsed().as_secs_f64() > turns.seconds {
            break;
        }
        for ((side, runs), repeats) in sides.iter_mut().zip(&mut measured).zip(repeats) {
            thread::sleep(REST);
            runs.ms.extend(side.ask(input, repeats)?.ms);
        }
    }
    Ok(measured)
}

/// An engine in a process of its own, which answers a line with a line.
pub(super) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    name: String,
    pub(super) about: About,
}

impl Program {
    /// Our engine; built where that is needed.
    pub(super) fn ours(model: &Model, threads: usize) -> Result<Self> {
        run(cargo()
            .args(["build", "--release", "--quiet", "--package", "model-export"])
            .args(["--example", "forward", "--target-dir"])
            .arg(target()))?;
        let name = format!("forward{}", std::env::consts::EXE_SUFFIX);
        let mut program = command(target().join("release/examples").join(name));
        program.arg(&model.exported).arg(threads.to_string());
        Self::start("our engine", program)
    }

    fn onnxruntime(tools: &Tools, onnx: &Path, threads: usize) -> Result<Self> {
        let mut program = command(&tools.python);
        program.arg("xtask/bench/native.py").arg(onnx);
        program.arg(threads.to_string());
        Self::start("onnxruntime", program)
    }

    fn start(name: &str, mut program: Command) -> Result<Self> {
        let child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot start {name}"))?;
        let input = child.stdin.take().context("the pipe was asked for")?;
        let mut output = BufReader::new(child.stdout.take().context("the pipe was asked for")?);
        let about = line(&mut output).with_context(|| name.to_owned())?;
        Ok(Self {
            child,
            input,
            output,
            name: name.to_owned(),
            about,
        })
    }

    /// Runs an input so many times.
    pub(super) fn ask(&mut self, input: &Input, repeats: usize) -> Result<Runs> {
        let request = json!({ "ids": input.ids, "tokens": input.tokens, "repeats": repeats });
        writeln!(self.input, "{request}").with_context(|| self.name.clone())?;
        line(&mut self.output).with_context(|| self.name.clone())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line<T: DeserializeOwned>(output: &mut impl BufRead) -> Result<T> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    serde_json::from_str(&line).context("has ended, or its answer is not one line of JSON")
}
