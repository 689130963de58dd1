//! The command line: what it takes, and how it fails — one line on stderr: what, where, how to mend it.

pub(crate) mod advance;
pub(crate) mod backup;
pub(crate) mod config;
pub(crate) mod evidence;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod media;
pub(crate) mod pki;
pub(crate) mod space;
pub(crate) mod upstream;
pub(crate) mod verify;
pub(crate) mod vihf;

use std::{fmt::Display, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

/// Gateway for the French health space: FHIR, IHE and the DMP's own interface.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a folder with configuration, development PKI and demonstration spaces, then serve.
    #[command(after_help = "Example: passerelle demo --data ./data")]
    Demo(DemoArgs),
    /// Serve from a configuration.
    #[command(after_help = "Example: passerelle serve --config /etc/passerelle/passerelle.toml")]
    Serve(ServeArgs),
    /// Issue, revoke and list development certificates.
    #[command(
        after_help = "Example: passerelle pki issue --kind cps --name dr-test --id 899900000901 --profession 10 \
                            --speciality SM26 --structure 499900000901001"
    )]
    Pki(pki::PkiArgs),
    /// Print a signed VIHF, or its JWT equivalent.
    #[command(after_help = "Example: passerelle vihf --as medecin --ins 277076322082910 --jwt")]
    Vihf(vihf::VihfArgs),
    /// Development data: set what a holder can set, and print the trace as the holder sees it.
    #[command(after_help = "Example: passerelle space authorise --ins 277076322082910 --who medecin")]
    Space(space::SpaceArgs),
    /// Import in bulk, with a report of every refused line.
    #[command(after_help = "Example: passerelle import identities holders.ndjson --data ./data")]
    Import(import::ImportArgs),
    /// Sets of documents on a medium (XDM): show one, put it in, write one.
    #[command(after_help = "Example: passerelle media export --as medecin --ins 277076322082910 --out IHE_XDM.zip")]
    Media(media::MediaArgs),
    /// Check the trace log and the store.
    #[command(after_help = "Example: passerelle verify --data ./data")]
    Verify(verify::VerifyArgs),
    /// Show what proves the trace, and check it without the gateway.
    #[command(after_help = "Example: passerelle evidence check proof.txt --key hL0x…=")]
    Evidence(evidence::EvidenceArgs),
    /// Copy the embedded store while the gateway works.
    #[command(after_help = "Example: passerelle backup --data ./data --to /backup/passerelle")]
    Backup(backup::BackupArgs),
    /// What the gateway does by itself: list it, stop a kind of it.
    #[command(after_help = "Example: passerelle jobs stop feed --data ./data")]
    Jobs(jobs::JobsArgs),
    /// Role edge: what was passed on, what waits, what was refused and why.
    #[command(after_help = "Example: passerelle upstream retry --data ./data")]
    Upstream(upstream::UpstreamArgs),
    /// Make the keys of a store, or wrap them anew.
    #[command(after_help = "Example: passerelle keys make --data ./data")]
    Keys(keys::KeysArgs),
    /// Development data: move the gateway's clock.
    #[command(after_help = "Example: passerelle advance --by 42d")]
    Advance(advance::AdvanceArgs),
    /// Work with configuration files.
    #[command(after_help = "Example: passerelle config check ./data/passerelle.toml")]
    Config(config::ConfigArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder to make or use.
    #[arg(long, default_value = "./data")]
    pub(crate) data: PathBuf,
    /// Let every listener take a free port.
    #[arg(long)]
    pub(crate) any_port: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration.
    #[arg(long)]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Folder of the gateway.
    #[arg(long, default_value = "./data")]
    pub(crate) data: PathBuf,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Bad usage or configuration (exit 2).
    pub(crate) fn usage(place: &str, why: &dyn Display) -> Self {
        Self { code: 2, message: format!("{place}: {why}") }
    }

    /// A run that failed (exit 1).
    pub(crate) fn run(place: &str, why: &dyn Display) -> Self {
        Self { code: 1, message: format!("{place}: {why}") }
    }

    /// What the desk refused, as one line.
    pub(crate) fn refused(place: &str, fault: &desk::Fault) -> Self {
        let told: Vec<String> = fault.refusals().iter().map(|r| format!("{r} — {}", r.cause.advice_en())).collect();
        Self { code: 1, message: format!("{place}: {}", told.join("; ")) }
    }

    /// The same, of one thing among several.
    pub(crate) fn of(self, which: &str) -> Self {
        Self { message: format!("{which}: {}", self.message), ..self }
    }

    /// Prints it and gives the exit code.
    #[expect(clippy::print_stderr, reason = "errors of the command line are one line on stderr")]
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("passerelle: {}", self.message.replace('\n', " "));
        ExitCode::from(self.code)
    }
}

/// Prints what clap says: help and version on stdout, errors on stderr with exit code 2.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Prints a line (or text) of a command's result. A reader that has gone away (`| head`) wants no more of it.
pub(crate) fn print(text: &str) {
    use std::io::Write as _;
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}
