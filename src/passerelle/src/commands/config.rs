//! `passerelle config check FILE`: what is wrong, line by line, without starting.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use crate::config::Config;

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what is wrong with a configuration, line by line.
    Check {
        /// The file.
        file: PathBuf,
    },
}

#[expect(clippy::print_stderr, reason = "problems are lines on stderr")]
pub(crate) fn run(args: ConfigArgs) -> Result<(), Failure> {
    let Action::Check { file } = args.action;
    let problems = Config::check(&file).map_err(|e| Failure::usage("configuration", &e))?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        n => Err(Failure::usage(&file.display().to_string(), &format!("{n} problem(s)"))),
    }
}
