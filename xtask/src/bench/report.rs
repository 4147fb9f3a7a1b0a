//! What is printed and stored.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

use super::browser::Browser;
use super::measure::Cell;
use super::native::Native;
use super::profile::{self, Profiles};
use super::start::Start;
use crate::command::output;

/// Everything that was measured, and where.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) date: String,
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) chromium: String,
    pub(super) browser: Option<Browser>,
    pub(super) profile: Option<Profiles>,
    pub(super) start: Option<Vec<Start>>,
    pub(super) native: Option<Native>,
}

impl Report {
    /// Still empty.
    pub(super) fn of_this_machine(chromium: &Path) -> Self {
        let said = |command: &mut Command| {
            output(command).map_or_else(|| "unknown".into(), |said| said.trim().to_owned())
        };
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            date: said(Command::new("date").args(["-u", "+%Y-%m-%d"])),
            cpu: cpu(&cpuinfo).unwrap_or("unknown processor").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            chromium: said(Command::new(chromium).arg("--version")),
            browser: None,
            profile: None,
            start: None,
            native: None,
        }
    }

    /// Machine and day in words.
    pub(super) fn place(&self) -> String {
        let Self {
            cpu, cores, date, ..
        } = self;
        format!("{cores} cores of {cpu}, {date}")
    }
}

/// The name of the processor in /proc/cpuinfo.
fn cpu(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// The result in one line, such as `minilm-128 t1 3.9x (23.1 vs 90.4 ms) t4 3.2x (10.9 vs 34.8 ms)
/// labels-equal 128/128 coi=true peer=1.30.0`.
pub(super) fn last_line(browser: &Browser) -> Result<String> {
    let first = browser.cells.first().context("nothing was measured")?;
    let mut line = format!("{}-{}", first.model, first.tokens);
    for threads in [1, 4] {
        match browser.cells.iter().find(|cell| cell.threads == threads) {
            Some(cell) => write!(
                line,
                " t{threads} {:.1}x ({:.1} vs {:.1} ms)",
                cell.ratio(),
                cell.ours.median_ms,
                cell.peer.median_ms
            )?,
            None => write!(line, " t{threads} n/a")?,
        }
    }
    // Of the worst of them, though threads change nothing.
    let equal = browser
        .cells
        .iter()
        .filter_map(|cell| cell.equal_labels)
        .min();
    let equal = equal.context("the model's labels were not compared")?;
    write!(
        line,
        " labels-equal {equal}/{} coi={} peer={}",
        first.all_tokens(),
        browser.isolated,
        browser.peer
    )?;
    Ok(line)
}

/// Markdown for the README.
pub(super) fn tables(report: &Report) -> String {
    let mut text = format!("{}, {}\n", report.place(), report.chromium);
    if let Some(Browser {
        isolated,
        peer,
        kernels,
        cells,
    }) = &report.browser
    {
        text += &format!(
            "\nForward pass in the browser, ours (`{kernels}`) and onnxruntime-web {peer} in turns; \
             crossOriginIsolated is {isolated}:\n\n"
        );
        text += &table(cells, "onnxruntime-web");
    }
    if let Some(profiles) = &report.profile {
        text += &profile::tables(profiles);
    }
    if let Some(start) = &report.start {
        text += "\nFrom navigation to the first entities, nothing in the cache:\n\n";
        text += &start_table(start);
    }
    if let Some(Native {
        peer,
        kernels,
        cells,
    }) = &report.native
    {
        text += &format!(
            "\nForward pass in the terminal, ours (`{kernels}`) and onnxruntime {peer} (CPU) in turns:\n\n"
        );
        text += &table(cells, "onnxruntime");
    }
    text
}

fn table(cells: &[Cell], peer: &str) -> String {
    let mut text = format!(
        "| model | tokens | threads | ours, ms (least) | {peer}, ms (least) | ratio | equal labels |\n\
         |---|--:|--:|--:|--:|--:|--:|\n"
    );
    for cell in cells {
        let Cell {
            model,
            threads,
            ours,
            peer,
            ..
        } = cell;
        let threads = match (ours.threads, peer.threads) {
            (ours, peer) if (ours, peer) == (*threads, *threads) => threads.to_string(),
            (ours, peer) => format!("{ours} and {peer}"),
        };
        let labels = cell
            .equal_labels
            .map_or("".into(), |equal| format!("{equal}/{}", cell.all_tokens()));
        text += &format!(
            "| {model} | {} | {threads} | {:.1} ({:.1}) | {:.1} ({:.1}) | {:.1}x | {labels} |\n",
            shape(cell),
            ours.median_ms,
            ours.min_ms,
            peer.median_ms,
            peer.min_ms,
            cell.ratio()
        );
    }
    text
}

/// `128` or `8 x 128`.
pub(super) fn shape(cell: &Cell) -> String {
    match cell.batch {
        1 => cell.tokens.to_string(),
        batch => format!("{batch} x {}", cell.tokens),
    }
}

fn start_table(starts: &[Start]) -> String {
    let mut text = String::from(
        "| page | ms (least) | found | program, MB raw / gzip / brotli | model, MB raw / gzip / brotli | peak memory, MiB |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    let megabytes = |sizes: [u64; 3]| {
        sizes
            .map(|bytes| format!("{:.1}", bytes as f64 / 1e6))
            .join(" / ")
    };
    for start in starts {
        let peak = start.peak_mib.map_or("".into(), |mib| format!("{mib:.0}"));
        text += &format!(
            "| {} | {:.0} ({:.0}) | {} | {} | {} | {peak} |\n",
            start.name,
            start.median_ms,
            start.min_ms,
            start.found,
            megabytes(start.program),
            megabytes(start.model)
        );
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::measure::tests::cell;

    pub(in crate::bench) fn report(cells: Vec<Cell>) -> Report {
        Report {
            date: "2026-01-02".into(),
            cpu: "A & B".into(),
            cores: 4,
            chromium: "Chromium 1".into(),
            browser: Some(browser(cells)),
            profile: None,
            start: None,
            native: None,
        }
    }

    fn browser(cells: Vec<Cell>) -> Browser {
        Browser {
            isolated: true,
            peer: "1.30.0".into(),
            kernels: "simd128".into(),
            cells,
        }
    }

    #[test]
    fn last_lines() {
        let check = |cells: Vec<Cell>, expected: &str| {
            assert_eq!(last_line(&browser(cells)).unwrap(), expected);
        };
        check(
            vec![cell(1, 23.1, 90.4, 128), cell(4, 10.9, 34.8, 128)],
            "minilm-128 t1 3.9x (23.1 vs 90.4 ms) t4 3.2x (10.9 vs 34.8 ms) labels-equal 128/128 \
             coi=true peer=1.30.0",
        );
        check(
            vec![cell(1, 20.0, 90.0, 127), cell(2, 10.0, 35.0, 126)],
            "minilm-128 t1 4.5x (20.0 vs 90.0 ms) t4 n/a labels-equal 126/128 coi=true peer=1.30.0",
        );
        assert!(last_line(&browser(Vec::new())).is_err());
    }

    #[test]
    fn table_of_cells() {
        let mut second = cell(2, 100.0, 50.0, 0);
        (second.batch, second.equal_labels, second.ours.threads) = (8, None, 1);
        let text = tables(&report(vec![cell(1, 20.0, 90.0, 127), second]));
        for line in [
            "4 cores of A & B, 2026-01-02, Chromium 1",
            "| minilm | 128 | 1 | 20.0 (19.5) | 90.0 (89.5) | 4.5x | 127/128 |",
            "| minilm | 8 x 128 | 1 and 2 | 100.0 (99.5) | 50.0 (49.5) | 0.5x |  |",
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }

    #[test]
    fn table_of_starts() {
        let text = start_table(&[Start {
            name: "our page".into(),
            median_ms: 812.4,
            min_ms: 700.0,
            found: 9,
            program: [2_500_000, 900_000, 700_000],
            model: [23_436_844, 18_000_000, 17_000_000],
            peak_mib: Some(180.2),
        }]);
        let line = "| our page | 812 (700) | 9 | 2.5 / 0.9 / 0.7 | 23.4 / 18.0 / 17.0 | 180 |";
        assert_eq!(text.lines().last(), Some(line));
    }

    #[test]
    fn processors_have_names() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu\n";
        assert_eq!(cpu(cpuinfo), Some("AMD EPYC"));
        assert_eq!(cpu(""), None);
    }
}
