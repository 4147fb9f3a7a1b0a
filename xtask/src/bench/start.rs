//! Part two: what a visitor waits for, downloads and spends memory on until the first entities.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::chromium::visit;
use super::measure::median;
use super::read_json;
use super::server::Server;
use super::setup::{self, Tools};
use crate::{root, site};

const LIMIT: Duration = Duration::from_secs(120);
const TURNS: usize = 5;

/// Name, page and whether it must find entities.
const PAGES: [(&str, &str, bool); 4] = [
    ("our page", "/bench.html", true),
    (
        "onnxruntime-web alone",
        "/bench/pages/start-onnxruntime.html",
        true,
    ),
    (
        "transformers.js",
        "/bench/pages/start-transformers.html",
        true,
    ),
    ("an empty page", "/bench/pages/start-empty.html", false),
];

/// One page.
#[derive(Debug, Serialize)]
pub(super) struct Start {
    pub(super) name: String,
    /// From navigation until the first entities, with an empty cache.
    pub(super) median_ms: f64,
    pub(super) min_ms: f64,
    /// Entities of ours, tokens that are part of one of the others.
    pub(super) found: u64,
    /// Raw, gzip -9 and brotli 11 bytes of all files but the model.
    pub(super) program: [u64; 3],
    pub(super) model: [u64; 3],
    /// Peak memory of the page's process.
    pub(super) peak_mib: Option<f64>,
}

/// Builds the site and opens the pages in turns.
pub(super) fn measure(tools: &Tools) -> Result<Vec<Start>> {
    site::dist(site::Args::default())?;
    let job: Value = read_json(&setup::models_folder().join("note.json"))?;
    let server = Server::start(tools)?;
    let mut times = PAGES.map(|_| Vec::new());
    let mut last = PAGES.map(|_| None);
    for turn in 1..=TURNS {
        for (at, (name, page, finds)) in PAGES.iter().enumerate() {
            eprintln!("  {name}, turn {turn} of {TURNS}");
            server.set_job(&job);
            let wait = format!("/bench/pages/wait.html?next={page}");
            let visit = visit(tools, &server, &wait, LIMIT)?;
            let number = |name: &str| visit.result[name].as_f64().context("a page without result");
            times[at].push(number("ms")?);
            let found = number("found")? as u64;
            ensure!(found > 0 || !finds, "{name} finds nothing in the note");
            last[at] = Some((found, visit.peak_mib, server.fetched()));
        }
    }

    let mut starts = Vec::new();
    for (((name, ..), ms), last) in PAGES.iter().zip(times).zip(last) {
        let (found, peak_mib, files) = last.context("no turn was made")?;
        let is_model = |file: &PathBuf| {
            let extension = file.extension().unwrap_or_default();
            extension == "onnx" || extension == "safetensors"
        };
        let (model, program): (Vec<_>, Vec<_>) = files.into_iter().partition(is_model);
        eprintln!("  {name} fetches:");
        for file in program.iter().chain(&model) {
            eprintln!(
                "    {}",
                file.strip_prefix(root()).unwrap_or(file).display()
            );
        }
        starts.push(Start {
            name: (*name).to_owned(),
            median_ms: median(&ms),
            min_ms: ms.iter().copied().fold(f64::INFINITY, f64::min),
            found,
            program: sum(&setup::sizes(&program)?),
            model: sum(&setup::sizes(&model)?),
            peak_mib,
        });
    }
    Ok(starts)
}

fn sum(sizes: &[[u64; 3]]) -> [u64; 3] {
    [0, 1, 2].map(|kind| sizes.iter().map(|size| size[kind]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_added_by_kind() {
        assert_eq!(sum(&[[1, 20, 300], [4, 50, 600]]), [5, 70, 900]);
        assert_eq!(sum(&[]), [0, 0, 0]);
    }
}
