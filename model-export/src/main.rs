//! `model-export`: makes one file of a fine-tuned BERT token classifier, shows what is in it and
//! checks that it still answers as the model it was made from.

mod cli;
mod describe;
mod directory;
mod inspect;
mod quantize;
mod verify;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// What a command prints, and whether the task was met.
struct Outcome {
    report: String,
    met: bool,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Quantize(args) => quantize::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Describe(args) => describe::run(&args),
        Command::Inspect(args) => inspect::run(&args),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("error: {error:#}");
            let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
            return ExitCode::from(if causes.any(is_full) { 1 } else { 2 });
        }
    };
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(outcome.report.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // Whoever read the output has seen enough of it.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("error: standard output: {error}");
            ExitCode::from(if is_full(&error) { 1 } else { 2 })
        }
        _ if outcome.met => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Whether there was no room to write to.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}
