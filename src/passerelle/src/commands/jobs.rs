//! `passerelle jobs`: what the gateway does by itself, how it stands, and the switch that stops a kind of it.

use clap::{Args, Subcommand};

use super::{DataArgs, Failure, print};
use crate::{app, jobs::KINDS};

#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print all jobs, one JSON object a line.
    List(DataArgs),
    /// Stop a kind of jobs in all processes; what is under way ends.
    Stop(Kind),
    /// Let it go on.
    Start(Kind),
}

#[derive(Debug, Args)]
struct Kind {
    /// collect, scrub, sign, feed, stamp, notify, publish or upstream; all for all of them.
    kind: String,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) async fn run(args: JobsArgs) -> Result<(), Failure> {
    match args.action {
        Action::List(data) => {
            let (_, core) = app::open_data(&data.data).await?;
            for job in core.store.jobs().await.map_err(|e| Failure::run("jobs", &e))? {
                print(&serde_json::to_string(&job).unwrap_or_default());
            }
            core.store.close().await;
            Ok(())
        }
        Action::Stop(kind) => switch(&kind, true).await,
        Action::Start(kind) => switch(&kind, false).await,
    }
}

async fn switch(kind: &Kind, stop: bool) -> Result<(), Failure> {
    let name = match kind.kind.as_str() {
        "all" => "*",
        known if KINDS.contains(&known) => known,
        _ => return Err(Failure::usage("jobs", &format!("the kinds are {} and all", KINDS.join(", ")))),
    };
    let (_, core) = app::open_data(&kind.data.data).await?;
    let done = core.store.stop_jobs(name, stop).await;
    core.store.close().await;
    done.map_err(|e| Failure::run("jobs", &e))
}
