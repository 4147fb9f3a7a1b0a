//! The engine alone as WebAssembly, built with the flags of the page's worker.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::folder;
use crate::command::{cargo, command, run};
use crate::site;
use crate::tools::{self, WASM_TARGET};

/// The variant whose threads share its memory.
const THREADS: &str = "worker-threads";

/// Addresses of a build, as `xtask/bench/pages/ours.js` wants them.
#[derive(Debug, Clone)]
pub(super) struct Build {
    name: String,
    pub(super) script: String,
    pub(super) wasm: String,
}

/// Where the builds lie; the server has it as `/bench/engine`.
pub(super) fn builds_folder() -> PathBuf {
    folder().join("engine")
}

/// Builds all variants, the fastest last.
pub(super) fn build() -> Result<Vec<Build>> {
    let tools = tools::for_site()?;
    let mut builds = Vec::new();
    for environment in site::worker_environments()? {
        let target = Path::new(&environment[0].1).to_owned();
        let name = target.file_name().expect("each variant has its folder");
        let name = name.to_string_lossy().into_owned();
        run(cargo()
            .args(["build", "--locked", "--package", "web"])
            .args(["--bin", "bench", "--features", "bench"])
            .args(["--profile", "worker", "--target", WASM_TARGET])
            .envs(environment)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
        let out = builds_folder().join(&name);
        run(command("wasm-bindgen")
            .arg(target.join(WASM_TARGET).join("worker/bench.wasm"))
            .args(["--target", "web", "--no-typescript", "--out-dir"])
            .arg(&out)
            .env("PATH", &tools.path))?;
        if let Some(wasm_opt) = &tools.wasm_opt {
            let wasm = out.join("bench_bg.wasm");
            run(Command::new(wasm_opt)
                .args([site::WORKER_OPTIMIZATION, "-o"])
                .args([&wasm, &wasm]))?;
        }
        let address = |file| format!("/bench/engine/{name}/{file}");
        builds.push(Build {
            script: address("bench.js"),
            wasm: address("bench_bg.wasm"),
            name,
        });
    }
    Ok(builds)
}

/// The build that the page would take for so many threads.
pub(super) fn choose(builds: &[Build], threads: usize) -> Result<&Build> {
    let suits = |build: &&Build| threads > 1 || build.name != THREADS;
    let build = builds.iter().rfind(suits);
    build.context("the site has no worker")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_several_threads_take_the_build_with_threads() {
        let check = |names: &[&str], threads, expected: &str| {
            let build = |name: &&str| Build {
                name: (*name).into(),
                script: String::new(),
                wasm: String::new(),
            };
            let builds: Vec<Build> = names.iter().map(build).collect();
            assert_eq!(choose(&builds, threads).unwrap().name, expected);
        };
        let all = ["worker-simd128", "worker-relaxed", THREADS];
        check(&all, 1, "worker-relaxed");
        check(&all, 4, THREADS);
        check(&all[..1], 4, "worker-simd128");
        assert!(choose(&[], 1).is_err());
    }
}
