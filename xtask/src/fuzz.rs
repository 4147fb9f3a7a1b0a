//! Runs the fuzz targets of `fuzz`, each for a minute. docs/fuzzing.md says what they check.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command::{command, lock, output, run};
use crate::tools;

struct Target {
    name: &'static str,
    /// Bytes of the longest input: enough for what is read to be of many parts, and no more, since
    /// short ones run fast.
    longest: u32,
    sanitizer: &'static str,
}

const TARGETS: [Target; 8] = [
    // The kernels are the only code of ours that is not safe Rust.
    target("model", 2048, ADDRESS),
    target("bio", 512, NONE),
    target("jsonl", 1024, NONE),
    target("brat", 512, NONE),
    target("csv", 512, NONE),
    target("tokenize", 256, NONE),
    target("window", 512, NONE),
    target("pickle", 1536, NONE),
];

const ADDRESS: &str = "address";
const NONE: &str = "none";

const fn target(name: &'static str, longest: u32, sanitizer: &'static str) -> Target {
    Target {
        name,
        longest,
        sanitizer,
    }
}

/// What libFuzzer stops at, as at a crash: a hang, and memory that no input of this size is worth.
const LIMITS: [&str; 3] = ["-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=100"];

const SECONDS: u32 = 60;

/// Builds the targets whose names contain one of `filter` and runs them one after the other.
pub(crate) fn fuzz(filter: &[String]) -> Result<()> {
    let cargo_fuzz = tools::for_fuzzing()?;
    let folder = crate::target().join("fuzz");
    let _lock = lock(&folder.join("lock"))?;
    let host = output(command("rustc").args(["--print", "host-tuple"]));
    let host = host.context("rustc does not run")?;
    let is_meant = |target: &&Target| {
        filter.is_empty() || filter.iter().any(|part| target.name.contains(&part[..]))
    };
    for target in TARGETS.iter().filter(is_meant) {
        let Target {
            name, sanitizer, ..
        } = target;
        let built = folder.join(sanitizer);
        run(command(&cargo_fuzz)
            .args(["fuzz", "build", "--sanitizer", sanitizer, "--target"])
            // Comparisons would be traced for half of the time, where dictionaries tell as much.
            .args([host.trim(), "--no-trace-compares", "--target-dir"])
            .arg(&built)
            .arg(name)
            // Sanitizers are not stable yet, which this variable of a stable toolchain passes over.
            .env("RUSTC_BOOTSTRAP", "1")
            .env_remove("RUSTFLAGS"))?;
        let program = built.join(host.trim()).join("release").join(name);
        run_for_a_minute(target, program, &folder)?;
    }
    Ok(())
}

/// What is found, inputs that reach new code as well as those that fail, stays below `folder`.
fn run_for_a_minute(target: &Target, program: PathBuf, folder: &Path) -> Result<()> {
    let name = target.name;
    let [corpus, failures] = ["corpus", "failures"].map(|part| folder.join(part).join(name));
    for folder in [&corpus, &failures] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let own = crate::root().join("fuzz");
    let seeds = own.join("seeds").join(name);
    ensure!(seeds.is_dir(), "there is no {}", seeds.display());
    let mut command = command(&program);
    let dictionary = own.join("dictionaries").join(format!("{name}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    run(command
        .args(LIMITS)
        .arg(format!("-max_total_time={SECONDS}"))
        .arg(format!("-max_len={}", target.longest))
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .args(["-print_final_stats=1", "-verbosity=0"])
        .args([&corpus, &seeds]))
    .with_context(|| {
        format!(
            "the fuzz target `{name}` found an input that breaks what must hold; it lies in {}, and \
             `{} FILE` runs it again",
            failures.display(),
            program.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_run_and_has_seeds() {
        let own = crate::root().join("fuzz");
        let manifest = fs::read_to_string(own.join("Cargo.toml")).unwrap();
        let names = manifest.split("[[bin]]\nname = \"").skip(1);
        let built: Vec<&str> = names.map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(TARGETS.map(|target| target.name)[..], built);
        for name in built {
            let seeds = fs::read_dir(own.join("seeds").join(name)).unwrap();
            assert!(seeds.count() > 1, "{name}");
        }
    }
}
