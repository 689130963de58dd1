//! `passerelle backup`: a copy of the embedded store while the gateway works.

use std::path::PathBuf;

use clap::Args;
use store::StoreError;

use super::{DataArgs, Failure, print};
use crate::app;

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Folder to write to; a second backup to the same folder copies only bodies that it has not.
    #[arg(long)]
    to: PathBuf,
}

pub(crate) async fn run(args: BackupArgs) -> Result<(), Failure> {
    let (_, core) = app::open_data(&args.data.data).await?;
    let done = core.store.backup(&args.to).await;
    core.store.close().await;
    let done = done.map_err(|e| match e {
        StoreError::Unsupported(_) => Failure::usage("backup", &e),
        other => Failure::run("backup", &other),
    })?;
    print(&serde_json::to_string(&done).unwrap_or_default());
    Ok(())
}
