//! `passerelle upstream`: what an edge has passed on, what waits, what was refused and why, and what to do about it.

use std::time::Duration;

use ambient::Clock as _;
use clap::{Args, Subcommand};
use ihe::client::{OnBehalf, Use};
use space::{Actor, Cause, Dtm};
use store::ForwardState;

use super::{DataArgs, Failure, print};
use crate::{
    app,
    config::{Config, Role},
    holders, partner,
};

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
    /// Ask upstream whether a holder has a record there (TD0.2), and print what it says.
    Ask(Ask),
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
struct Ask {
    /// Matricule INS of a holder who is known here.
    #[arg(long)]
    ins: String,
    /// OID of its register; without, whichever has it.
    #[arg(long)]
    oid: Option<String>,
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
        Action::Ask(ask) => &ask.data,
        Action::GiveUp(one) => &one.data,
    };
    let (config, core) = app::open_data(&data.data).await?;
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
        Action::Ask(wanted) => print(&ask(&config, &core, wanted).await?),
        Action::GiveUp(one) => {
            let given_up = core.desk.give_up_forward(&one.set).await.map_err(|f| Failure::refused("upstream", &f))?;
            if given_up == 0 {
                return Err(Failure::run("--set", &"no such set waits or was refused: see `passerelle upstream list`"));
            }
        }
    }
    core.store.close().await;
    Ok(())
}

/// Asks upstream about a holder, as the structure itself.
async fn ask(config: &Config, core: &app::Core, wanted: &Ask) -> Result<String, Failure> {
    if config.gateway.role != Role::Edge {
        return Err(Failure::usage("gateway.role", &"is not edge: there is nobody upstream"));
    }
    let ins = holders::find(core, &wanted.ins, wanted.oid.as_deref()).await?;
    let client = partner::upstream(config, core, Duration::from_secs(20))?;
    let actor = Actor::operator("PASSERELLE");
    let who = OnBehalf { actor: &actor, patient: Some(&ins), to: Use::Structure };
    let at = Dtm::from_timestamp(core.clock.now());
    let standing = client.exists(who, &ins, &config.ihe.device_id, &at).await;
    let standing = standing.map_err(|e| Failure::run("upstream", &e))?;
    let told = serde_json::json!({
        "exists": standing.exists, "open": standing.open, "authorisation": standing.authorisation,
    });
    Ok(told.to_string())
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
