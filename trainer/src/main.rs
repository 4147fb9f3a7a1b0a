//! The `trainer` command; `trainer --help` describes it.

use std::process::ExitCode;

use clap::Parser;
use trainer::cli::{Cli, exit_code, run};

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}
