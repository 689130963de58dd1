//! `passerelle upstream`: what an edge has passed on, what waits, what was refused and why, and what to do about it.

use clap::{Args, Subcommand};
use space::Cause;
use store::ForwardState;

use super::{DataArgs, Failure, print};
use crate::app;

#[derive(Debug, Args)]
pub(crate) struct UpstreamArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print how many sets wait, were refused or given up, then what was refused or given up, one JSON object a line.
    Status(DataArgs),
    /// Print all sets, or those in one state, one JSON object a line.
    List(List),
    /// Send again what was refused or given up, and try at once what waits.
    Retry(Retry),
    /// Give a set up: nothing more is tried, and what stands after it goes on.
    GiveUp(One),
}

#[derive(Debug, Args)]
struct List {
    /// queued, sent, refused or given_up; all without.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct Retry {
    /// The set (its entryUUID); all without.
    #[arg(long)]
    set: Option<String>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct One {
    /// The set (its entryUUID).
    #[arg(long)]
    set: String,
    #[command(flatten)]
    data: DataArgs,
}

/// Sets printed at most.
const MOST: i64 = 100_000;

pub(crate) async fn run(args: UpstreamArgs) -> Result<(), Failure> {
    let failed = |e: store::StoreError| Failure::run("upstream", &e);
    let action = args.action.unwrap_or(Action::Status(args.data));
    let data = match &action {
        Action::Status(data) => data,
        Action::List(list) => &list.data,
        Action::Retry(retry) => &retry.data,
        Action::GiveUp(one) => &one.data,
    };
    let (_, core) = app::open_data(&data.data).await?;
    let store = &core.store;
    match &action {
        Action::Status(_) => {
            let counts = store.forward_counts().await.map_err(failed)?;
            print(&serde_json::to_string(&counts).unwrap_or_default());
            for state in ["refused", "given_up"] {
                list(&store.forwards(Some(state), MOST).await.map_err(failed)?);
            }
        }
        Action::List(wanted) => {
            if let Some(state) = &wanted.state
                && !matches!(state.as_str(), "queued" | "sent" | "refused" | "given_up")
            {
                return Err(Failure::usage("--state", &"is queued, sent, refused or given_up"));
            }
            list(&store.forwards(wanted.state.as_deref(), MOST).await.map_err(failed)?);
        }
        Action::Retry(retry) => {
            let count = store.retry_forwards(retry.set.as_deref()).await.map_err(failed)?;
            print(&serde_json::json!({ "again": count }).to_string());
        }
        Action::GiveUp(one) => {
            if store.give_up_forward(&one.set).await.map_err(failed)? == 0 {
                return Err(Failure::run("--set", &"no such set waits or was refused: see `passerelle upstream list`"));
            }
        }
    }
    core.store.close().await;
    Ok(())
}

/// Prints sets, what was said of them with its advice.
fn list(states: &[ForwardState]) {
    for state in states {
        let mut line = serde_json::to_value(state).unwrap_or_default();
        if let (Some(line), false) = (line.as_object_mut(), matches!(state.state.as_str(), "queued" | "sent")) {
            line.insert("advice".to_owned(), advice(state).into());
        }
        print(&line.to_string());
    }
}

/// What to do.
fn advice(state: &ForwardState) -> String {
    let known = Cause::ALL.iter().find(|cause| cause.code() == state.cause);
    let what = match (known, state.code.as_str()) {
        (Some(cause), _) => cause.advice_en(),
        (None, "XDSUnknownPatientId") => Cause::UnknownHolder.advice_en(),
        (None, "credential") => "No credential could be signed: check [outward] and the user's profession.",
        (None, _) => "Ask the operator of the gateway upstream what this code means there.",
    };
    format!("{what} Then: passerelle upstream retry --set {}", state.set)
}
