//! `passerelle verify`: proves the trace log and the store; exit 1 and the place where it breaks.

use std::path::{Path, PathBuf};

use clap::Args;
use store::{EvidenceVerifier, Problem, Report};

use super::{DataArgs, Failure, print};
use crate::{app, keys};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Signed heads kept outside the store; the default is the file that the configuration names, when it exists.
    #[arg(long)]
    heads: Option<PathBuf>,
    /// Check an export of the trace logs (`evidence export`) instead of a store; needs --key, and no data folder.
    #[arg(long, requires = "key")]
    export: Option<PathBuf>,
    /// The gateway's public key, as `evidence key` prints it.
    #[arg(long, requires = "export")]
    key: Option<String>,
}

pub(crate) async fn run(args: VerifyArgs) -> Result<(), Failure> {
    if let (Some(export), Some(key)) = (&args.export, &args.key) {
        return of_export(export, key, args.heads.as_deref());
    }
    let (config, core) = app::open_data(&args.data.data).await?;
    let kept = Some(config.evidence.heads_file.clone()).filter(|path| path.is_file());
    let witness = keys::witness(&config, args.heads.as_deref().or(kept.as_deref()))?;
    let outside = witness.heads.len();
    let report = core.store.verify(&witness).await.map_err(|e| Failure::run("verify", &e))?;
    let stamps = crate::commands::evidence::stamps(&config, &core.store).await;
    core.store.close().await;
    let mut report = report;
    let named = &config.evidence.heads_file;
    // Who cuts a log and its heads would have to remove this file too: its absence is told.
    if kept.is_none() && args.heads.is_none() && !named.as_os_str().is_empty() && report.heads > 0 {
        let place = named.display().to_string();
        report.problems.push(Problem { place, what: "heads were signed, and the file they are kept in is missing" });
    }
    let mut told = serde_json::to_value(&report).unwrap_or_default();
    told["outside_heads"] = outside.into();
    if let Ok((checked, unchecked)) = stamps {
        told["stamps"] = checked.into();
        told["stamps_unchecked"] = unchecked.into();
    }
    print(&told.to_string());
    stamps?;
    conclude(&report)
}

/// Checks an export: with its key and heads kept elsewhere, and nothing else.
fn of_export(export: &Path, key: &str, heads: Option<&Path>) -> Result<(), Failure> {
    let verifier = EvidenceVerifier::from_text(key).ok_or_else(|| {
        Failure::usage("--key", &"is the base64 of a public Ed25519 key, as `evidence key` prints it")
    })?;
    let witness = keys::witness_of(Some(verifier), heads)?;
    let wrong = |e: &dyn std::fmt::Display| Failure::usage("--export", &format!("{}: {e}", export.display()));
    let file = std::fs::File::open(export).map_err(|e| wrong(&e))?;
    let report = store::verify_export(std::io::BufReader::new(file), &witness)
        .map_err(|e| Failure::run("--export", &format!("{}: {e}", export.display())))?;
    print(&serde_json::to_string(&report).unwrap_or_default());
    conclude(&report)
}

fn conclude(report: &Report) -> Result<(), Failure> {
    match report.problems.first() {
        None => Ok(()),
        Some(first) => {
            let more = report.problems.len() - 1;
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            Err(Failure::run(&first.place, &format!("{}{more}", first.what)))
        }
    }
}
