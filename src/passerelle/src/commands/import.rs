//! `passerelle import identities FILE.ndjson`: one holder a line; every refused line is reported, the others go in.

use std::{
    io::{BufRead, BufReader, IsTerminal},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use clap::{Args, ValueEnum};
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, print};
use crate::{app, holders};

/// Lines under way at once: enough to fill the store's commits.
const AT_ONCE: usize = 128;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What is imported.
    kind: ImportKind,
    /// The file: one JSON object a line.
    file: PathBuf,
    #[command(flatten)]
    data: super::DataArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ImportKind {
    /// Holders: ins, oid, family, given, birthDate, sex, birthPlace, usedFamily, state.
    Identities,
}

pub(crate) async fn run(args: ImportArgs) -> Result<(), Failure> {
    let ImportKind::Identities = args.kind;
    let file = std::fs::File::open(&args.file)
        .map_err(|e| Failure::usage(&args.file.display().to_string(), &format!("cannot be read ({e})")))?;
    let length = file.metadata().map(|m| m.len()).unwrap_or(0);
    let (_, core) = app::open_data(&args.data.data).await?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(length) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    let (imported, known, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let opened = &core;
    let report = |line: usize, why: &str| {
        refused.fetch_add(1, Ordering::Relaxed);
        bar.suspend(|| print(&serde_json::json!({ "line": line, "refused": why }).to_string()));
    };
    let lines = futures::stream::iter(BufReader::new(file).lines().enumerate());
    lines
        .for_each_concurrent(AT_ONCE, |(index, line)| {
            let (bar, report, imported, known) = (&bar, &report, &imported, &known);
            async move {
                let Ok(line) = line else { return report(index + 1, "not UTF-8") };
                bar.inc(line.len() as u64 + 1);
                if line.trim().is_empty() {
                    return;
                }
                match holders::Line::read(&line, opened.desk.ins_tolerance()) {
                    Err(why) => report(index + 1, &why),
                    Ok(holder) => match holders::create(opened, holder).await {
                        Ok(true) => drop(imported.fetch_add(1, Ordering::Relaxed)),
                        Ok(false) => drop(known.fetch_add(1, Ordering::Relaxed)),
                        Err(fault) => report(index + 1, &fault.to_string()),
                    },
                }
            }
        })
        .await;
    bar.finish_and_clear();
    core.store.close().await;
    let (imported, known, refused) = (imported.into_inner(), known.into_inner(), refused.into_inner());
    print(&serde_json::json!({ "imported": imported, "known": known, "refused": refused }).to_string());
    if refused == 0 {
        Ok(())
    } else {
        Err(Failure::run(&args.file.display().to_string(), &format!("{refused} line(s) refused, see the report")))
    }
}
