//! Builds, serves and tests the product. The only place that knows build flags and tools.

mod bench;
mod command;
mod experiments;
mod fuzz;
mod html;
mod serve;
mod site;
mod test;
mod tools;
mod train;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, serves and tests the product.
///
/// Exit codes: 0 done; 1 a step failed or a tool is missing; 2 bad usage.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the site and serves it on this machine
    Demo(serve::Listen),
    /// Runs every test: format, lints, unit tests, and the built site in a real browser
    Test(test::Args),
    /// Builds the static site into target/dist/site
    Dist(site::Args),
    /// Serves a folder on this machine
    Serve {
        /// Folder that holds index.html
        folder: PathBuf,
        #[command(flatten)]
        listen: serve::Listen,
    },
    /// Trains the shipped model from the authored corpus and writes it to www/models/default
    TrainDefault(train::Args),
    /// Tries what the shipped model's recipe was chosen from, on the development documents, and
    /// writes www/models/default/experiments.json
    Experiments(experiments::Args),
    /// Measures the engine beside onnxruntime-web, transformers.js and onnxruntime, and checks that
    /// they answer alike; writes docs/bench.json and docs/bench.svg
    Bench(bench::Args),
    /// Finishes Trunk's output: adds the worker, optimizes, names files by content (Trunk calls
    /// this)
    #[command(hide = true)]
    Assemble,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.task {
        Task::Demo(listen) => demo(&listen),
        Task::Test(args) => test::test(&args),
        Task::Dist(args) => site::dist(args).map(|_| ()),
        Task::Serve { folder, listen } => serve::serve_folder(&folder, &listen),
        Task::TrainDefault(args) => train::train_default(&args),
        Task::Experiments(args) => experiments::experiments(&args),
        Task::Bench(args) => bench::bench(&args),
        Task::Assemble => site::assemble(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demo(listen: &serve::Listen) -> anyhow::Result<()> {
    // Asked before a build of minutes rather than after it.
    let listener = listen.bind()?;
    let site = site::dist(site::Args::default())?;
    serve::serve(listener, &site)
}

/// The workspace's root folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
}

/// Everything that the tasks make lies below this folder.
fn target() -> PathBuf {
    root().join("target")
}

/// What cargo makes lies below this folder.
fn cargo_target() -> PathBuf {
    let base = std::env::var_os("CARGO_TARGET_DIR").map_or_else(target, PathBuf::from);
    root().join(base)
}
