//! How fast the engine is beside what others would use, on the same machine in the same minutes.
//!
//! Absolute times depend on the machine and on what else it does; both engines of a pair therefore
//! run in alternating turns, and their ratio is what counts. No time is reported of an engine whose
//! answers have not been checked.

mod browser;
mod chart;
mod chromium;
mod measure;
mod native;
mod page;
mod profile;
mod report;
mod server;
mod setup;
mod start;
mod wasm;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::lock;
use crate::{root, target};
use measure::Turns;
use report::Report;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shipped model at 128 tokens only, on 1 and on 4 threads; the last line is the result
    #[arg(long, conflicts_with = "part")]
    quick: bool,
    /// The page instead of the engine: what it weighs, what a visitor waits for, and memory; printed only
    #[arg(long, conflicts_with_all = ["part", "quick"])]
    page: bool,
    /// These parts only (repeat for several); without this option all, and docs/bench.* are written
    #[arg(long, value_name = "PART")]
    part: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Forward passes beside onnxruntime-web in one Chromium
    Browser,
    /// Where the time of a forward pass in the browser goes
    Profile,
    /// From navigation to the first entities, beside onnxruntime-web and transformers.js
    Start,
    /// Forward passes beside onnxruntime's CPU provider
    Native,
}

/// Measures, prints and writes.
pub(crate) fn bench(args: &Args) -> Result<()> {
    let _lock = lock(&folder().join("lock"))?;
    let wanted = |part| args.part.is_empty() || args.part.contains(&part);
    if args.page {
        return page::measure();
    }
    let tools = setup::tools()?;
    if args.quick {
        let models = setup::models(&tools)?;
        let done = browser::measure(&tools, &models, &threads(), &Turns::QUICK, true)?;
        let line = report::last_line(&done)?;
        let mut report = Report::of_this_machine(&tools.chromium);
        report.browser = Some(done);
        println!("{}\n{line}", report::tables(&report));
        return Ok(());
    }

    let mut report = Report::of_this_machine(&tools.chromium);
    let models = setup::models(&tools)?;
    let results = folder().join("results.json");
    // After each part, so that one that fails takes nothing with it.
    if wanted(Part::Browser) {
        let done = browser::measure(&tools, &models, &threads(), &Turns::FULL, false)?;
        report.browser = Some(done);
        write_json(&results, &report)?;
    }
    if wanted(Part::Profile) {
        report.profile = Some(profile::measure(&tools, &models)?);
        write_json(&results, &report)?;
    }
    if wanted(Part::Start) {
        report.start = Some(start::measure(&tools)?);
        write_json(&results, &report)?;
    }
    if wanted(Part::Native) {
        report.native = Some(native::measure(&tools, &models, &threads(), &Turns::FULL)?);
        write_json(&results, &report)?;
    }
    println!("{}", report::tables(&report));
    if args.part.is_empty() {
        let docs = root().join("docs");
        fs::create_dir_all(&docs).with_context(|| docs.display().to_string())?;
        write_json(&docs.join("bench.json"), &report)?;
        write(&docs.join("bench.svg"), chart::draw(&report).as_bytes())?;
    }
    Ok(())
}

/// Everything that the benchmark installs and makes.
fn folder() -> PathBuf {
    target().join("bench")
}

/// The numbers of threads that are measured.
fn threads() -> Vec<usize> {
    threads_on(thread::available_parallelism().map_or(1, NonZeroUsize::get))
}

/// One, and four or as many as there are: more threads than cores would measure the scheduler.
fn threads_on(cores: usize) -> Vec<usize> {
    match cores {
        0 | 1 => vec![1],
        2 | 3 => vec![1, 2],
        _ => vec![1, 4],
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let place = || path.display().to_string();
    serde_json::from_slice(&fs::read(path).with_context(place)?).with_context(place)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write(
        path,
        (serde_json::to_string_pretty(value)? + "\n").as_bytes(),
    )
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    let shown = path.strip_prefix(root()).unwrap_or(path);
    eprintln!("wrote {}", shown.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_no_more_than_cores() {
        let check = |cores, expected: &[usize]| assert_eq!(threads_on(cores), expected, "{cores}");
        check(1, &[1]);
        check(2, &[1, 2]);
        check(3, &[1, 2]);
        check(4, &[1, 4]);
        check(64, &[1, 4]);
    }
}
