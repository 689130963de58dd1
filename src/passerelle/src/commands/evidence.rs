//! `passerelle evidence`: shows what proves the trace — the key, one event, the growth of a log, all leaves — and checks it
//! without the gateway.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use desk::{Caller, TracePlace, TraceQuery};
use store::{Consistency, EvidenceVerifier, StoreError, check_growth, check_proof};

use super::{DataArgs, Failure, print};
use crate::{app, holders, jobs, keys, outward};

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the public key that heads are signed by, for who checks.
    #[command(after_help = "Example: passerelle evidence key --data ./data")]
    Key(DataArgs),
    /// Write the proof of one event of a holder's trace: development data only, as `space trace`.
    #[command(after_help = "Example: passerelle evidence proof --ins 277076322082910 --place 1b4e…/12 --out proof.txt")]
    Proof {
        /// Matricule INS, 15 characters.
        #[arg(long)]
        ins: String,
        /// OID of its register; without, whichever has it.
        #[arg(long)]
        oid: Option<String>,
        /// Place of the event, as `space trace` prints it; without, the newest event that a signed head covers.
        #[arg(long)]
        place: Option<String>,
        /// File to write; without, stdout.
        #[arg(long)]
        out: Option<PathBuf>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Check a proof of an event, or of growth. Needs no gateway, only its public key.
    #[command(after_help = "Example: passerelle evidence check proof.txt --key hL0x…=")]
    Check {
        /// The proof.
        file: PathBuf,
        /// The gateway's public key, as `evidence key` prints it.
        #[arg(long)]
        key: String,
        /// Authorities that the time stamp on a proof must lead to (PEM); without, the stamp is not checked.
        #[arg(long)]
        tsa_authorities: Option<PathBuf>,
    },
    /// Prove that a log only grew between two of its signed heads.
    #[command(after_help = "Example: passerelle evidence growth --origin 1b4e… --from 700 --to 1400 --out growth.json")]
    Growth {
        /// Which log.
        #[arg(long)]
        origin: String,
        /// Events under the earlier head.
        #[arg(long)]
        from: u64,
        /// Events under the later one.
        #[arg(long)]
        to: u64,
        /// File to write; without, stdout.
        #[arg(long)]
        out: Option<PathBuf>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Write the leaves and heads of all logs, which `verify --export` checks anywhere. They say nothing of anybody.
    #[command(after_help = "Example: passerelle evidence export --out log.ndjson --data ./data")]
    Export {
        /// File to write.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        data: DataArgs,
    },
}

pub(crate) async fn run(args: EvidenceArgs) -> Result<(), Failure> {
    match args.action {
        Action::Key(data) => {
            let file = data.data.join("passerelle.toml");
            let config = crate::config::Config::load(&file).map_err(|e| Failure::usage("configuration", &e))?;
            let key = keys::evidence(&config)?;
            let key = key.ok_or_else(|| Failure::usage("evidence.key_file", &"is empty: no head is signed"))?;
            print(&key.verifier().text());
            Ok(())
        }
        Action::Proof { ins, oid, place, out, data } => proof(&ins, oid.as_deref(), place, out.as_deref(), &data).await,
        Action::Check { file, key, tsa_authorities } => check(&file, &key, tsa_authorities.as_deref()),
        Action::Growth { origin, from, to, out, data } => {
            let (_, core) = app::open_data(&data.data).await?;
            let grown = core.store.prove_growth(&origin, from, to).await;
            core.store.close().await;
            let grown = grown.map_err(|e| match e {
                StoreError::Unsigned => Failure::usage("--from, --to", &"no head was signed at that size"),
                other => Failure::run("evidence", &other),
            })?;
            write(out.as_deref(), &serde_json::to_string_pretty(&grown).unwrap_or_default())
        }
        Action::Export { out, data } => {
            let (_, core) = app::open_data(&data.data).await?;
            let wrong = |e: &dyn std::fmt::Display| Failure::run("--out", &format!("{}: {e}", out.display()));
            let mut file = std::io::BufWriter::new(std::fs::File::create(&out).map_err(|e| wrong(&e))?);
            let events = core.store.export_logs(&mut file).await.map_err(|e| wrong(&e))?;
            file.flush().map_err(|e| wrong(&e))?;
            core.store.close().await;
            print(&serde_json::json!({ "events": events }).to_string());
            Ok(())
        }
    }
}

async fn proof(
    ins: &str,
    oid: Option<&str>,
    place: Option<String>,
    out: Option<&Path>,
    data: &DataArgs,
) -> Result<(), Failure> {
    let (config, core) = app::open_data(&data.data).await?;
    if !config.access.operator_may_set {
        return Err(Failure::usage("evidence", &"only on development data: gateway.development = true"));
    }
    let ins = holders::find(&core, ins, oid).await?;
    let operator = Caller::operator();
    let places = match place {
        Some(text) => vec![read_place(&text).ok_or_else(|| Failure::usage("--place", &"give ORIGIN/NUMBER"))?],
        None => {
            let query = TraceQuery { limit: 200, ..TraceQuery::default() };
            let events = core.desk.traces(&operator, Some(&ins), &query).await;
            let events = events.map_err(|f| Failure::refused("evidence", &f))?;
            events.into_iter().map(|(place, _)| place).collect()
        }
    };
    let mut found = Err(Failure::run("evidence", &StoreError::Unsigned));
    for place in places {
        match core.desk.proof(&operator, Some(&ins), &place).await {
            Err(desk::Fault::Store(StoreError::Unsigned)) => {}
            Err(desk::Fault::Store(StoreError::Corrupt { what: "event" })) => {
                found = Err(Failure::usage("--place", &"no event of this holder's trace stands there"));
            }
            done => {
                found = done.map_err(|f| Failure::refused("evidence", &f));
                break;
            }
        }
    }
    core.store.close().await;
    write(out, found?.trim_end())
}

/// `ORIGIN/NUMBER`; the instant is not needed to find an event.
fn read_place(text: &str) -> Option<TracePlace> {
    let (origin, seq) = text.split_once('/')?;
    Some(TracePlace { at_ms: 0, origin: origin.to_owned(), seq: seq.parse().ok()? })
}

fn check(file: &Path, key: &str, authorities: Option<&Path>) -> Result<(), Failure> {
    let verifier = EvidenceVerifier::from_text(key).ok_or_else(|| {
        Failure::usage("--key", &"is the base64 of a public Ed25519 key, as `evidence key` prints it")
    })?;
    let text = std::fs::read_to_string(file).map_err(|e| Failure::usage(&file.display().to_string(), &e))?;
    let wrong =
        || Failure::run(&file.display().to_string(), &"proves nothing: it was changed, or another key signed it");
    if let Ok(growth) = serde_json::from_str::<Consistency>(&text) {
        let (from, to) = check_growth(&growth, &verifier).ok_or_else(wrong)?;
        print(&serde_json::json!({ "origin": to.origin, "from": from.size, "to": to.size, "grew": true }).to_string());
        return Ok(());
    }
    let proven = check_proof(&(text.trim_end().to_owned() + "\n"), &verifier).ok_or_else(wrong)?;
    let at = |ms: i64| jiff::Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default();
    // The stamp is no part of what the gateway signed: it counts only when it is checked.
    let stamp = match (&proven.stamp, authorities) {
        (None, _) => "none".to_owned(),
        (Some(_), None) => "unchecked".to_owned(),
        (Some(stamp), Some(authorities)) => {
            let roots = outward::roots("--tsa-authorities", &[authorities.to_owned()])?;
            let stamped = audit::tsa::check(stamp, &jobs::sha256(&proven.note), &roots);
            stamped.map_err(|e| Failure::run("time stamp", &e))?.to_string()
        }
    };
    let shown = serde_json::json!({
        "event": proven.event,
        "at": at(proven.event.at_ms),
        "log": { "origin": proven.head.origin, "size": proven.head.size, "signed": at(proven.head.at_ms) },
        "stamp": stamp,
    });
    print(&serde_json::to_string_pretty(&shown).unwrap_or_default());
    Ok(())
}

fn write(out: Option<&Path>, text: &str) -> Result<(), Failure> {
    match out {
        None => print(text),
        Some(path) => {
            let wrong = |e| Failure::run("--out", &format!("{}: {e}", path.display()));
            std::fs::write(path, format!("{text}\n")).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Checks all time stamps of a store: how many were, and how many could not be for want of authorities; or the place of the
/// first that is wrong.
pub(crate) async fn stamps(config: &crate::config::Config, store: &store::Store) -> Result<(u64, u64), Failure> {
    let stamps = store.stamps().await.map_err(|e| Failure::run("verify", &e))?;
    if config.evidence.tsa_authorities.is_empty() {
        return Ok((0, stamps.len() as u64));
    }
    let roots = outward::stamp_roots(config)?;
    for (head, stamp) in &stamps {
        if let Err(why) = audit::tsa::check(stamp, &jobs::sha256(&head.note), &roots) {
            return Err(Failure::run(&format!("stamp {}/{}", head.origin, head.size), &why));
        }
    }
    Ok((stamps.len() as u64, 0))
}
