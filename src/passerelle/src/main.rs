//! The program: reading this tells what runs.

mod admin;
mod app;
mod auth;
mod commands;
mod config;
mod demo;
mod holders;
mod jobs;
mod keys;
mod outward;
mod partner;
mod publish;
mod sealed_set;
mod telemetry;
mod upstream;

use std::process::ExitCode;

use clap::Parser;

use commands::{Cli, Command, Failure};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::usage(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::run("runtime", &error).report(),
    };
    let done = runtime.block_on(async {
        // A server starts its logs itself, once it knows where its spans go.
        if !matches!(cli.command, Command::Demo(_) | Command::Serve(_)) {
            telemetry::start(None)?;
        }
        match cli.command {
            Command::Demo(args) => app::demo(args).await,
            Command::Serve(args) => app::serve(args).await,
            Command::Pki(args) => commands::pki::run(args),
            Command::Vihf(args) => commands::vihf::run(args).await,
            Command::Space(args) => commands::space::run(args).await,
            Command::Import(args) => commands::import::run(args).await,
            Command::Media(args) => commands::media::run(args).await,
            Command::Verify(args) => commands::verify::run(args).await,
            Command::Evidence(args) => commands::evidence::run(args).await,
            Command::Backup(args) => commands::backup::run(args).await,
            Command::Jobs(args) => commands::jobs::run(args).await,
            Command::Upstream(args) => commands::upstream::run(args).await,
            Command::Keys(args) => commands::keys::run(args).await,
            Command::Advance(args) => commands::advance::run(args).await,
            Command::Config(args) => commands::config::run(args),
        }
    });
    // Work that never ends (a stuck peer) must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
