//! What the processes of a browser take.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Bytes that Chromium's processes of pages take now, workers included; `programs` have started the browser.
///
/// # Errors
/// Where there is no /proc.
pub(crate) fn of_pages(programs: impl Iterator<Item = u32>) -> Result<u64> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc").context("there is no /proc")? {
        let path = entry?.path();
        // A process may end at any moment.
        let (Ok(status), Ok(line)) = (
            fs::read_to_string(path.join("status")),
            fs::read(path.join("cmdline")),
        ) else {
            continue;
        };
        let number = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        if let (Some(id), Some(parent)) = (number("Pid:"), number("PPid:")) {
            let renders = String::from_utf8_lossy(&line).contains("--type=renderer");
            let bytes = if renders { proportional(&path) } else { 0 };
            processes.push((id, parent, bytes));
        }
    }
    let mut own: Vec<u64> = programs.map(u64::from).collect();
    let mut bytes = 0;
    while let Some(parent) = own.pop() {
        for &(id, _, of_it) in processes.iter().filter(|process| process.1 == parent) {
            own.push(id);
            bytes += of_it;
        }
    }
    Ok(bytes)
}

/// Of what a process shares with others, its part: otherwise each copy of the browser's own program would count.
fn proportional(process: &Path) -> u64 {
    let sums = fs::read_to_string(process.join("smaps_rollup")).unwrap_or_default();
    let line = sums.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
