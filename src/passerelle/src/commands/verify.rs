//! `passerelle verify`: proves the trace log and the store; exit 1 and the place where it breaks.

use std::path::PathBuf;

use clap::Args;

use super::{DataArgs, Failure, print};
use crate::{app, keys};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Signed heads kept outside the store; the default is the file that the configuration names, when it exists.
    #[arg(long)]
    heads: Option<PathBuf>,
}

pub(crate) async fn run(args: VerifyArgs) -> Result<(), Failure> {
    let (config, core) = app::open_data(&args.data.data).await?;
    let kept = Some(config.evidence.heads_file.clone()).filter(|path| path.is_file());
    let witness = keys::witness(&config, args.heads.or(kept).as_deref())?;
    let report = core.store.verify(&witness).await.map_err(|e| Failure::run("verify", &e))?;
    print(&serde_json::to_string(&report).unwrap_or_default());
    core.store.close().await;
    match report.problems.first() {
        None => Ok(()),
        Some(first) => {
            let more = report.problems.len() - 1;
            let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            Err(Failure::run(&first.place, &format!("{}{more}", first.what)))
        }
    }
}
