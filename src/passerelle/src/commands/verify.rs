//! `passerelle verify`: proves the trace log and the store; exit 1 and the place where it breaks.

use super::{DataArgs, Failure, print};
use crate::app;

pub(crate) async fn run(args: DataArgs) -> Result<(), Failure> {
    let (_, core) = app::open_data(&args.data).await?;
    let report = core.store.verify().await.map_err(|e| Failure::run("verify", &e))?;
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
