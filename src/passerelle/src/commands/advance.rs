//! `passerelle advance`: moves the clock of development data. A running gateway follows within a second.

use ambient::Clock as _;
use clap::Args;
use jiff::{Span, Timestamp, tz::TimeZone};

use super::{Failure, print};
use crate::app;

#[derive(Debug, Args)]
pub(crate) struct AdvanceArgs {
    #[command(flatten)]
    data: super::DataArgs,
    /// Move to this date (2027-01-31) or instant (2027-01-31T12:00:00Z).
    #[arg(long, required_unless_present = "by", conflicts_with = "by")]
    to: Option<String>,
    /// Move on by this: 42d, 6w, 10y, 90m, "1 month", P10Y.
    #[arg(long)]
    by: Option<String>,
}

pub(crate) async fn run(args: AdvanceArgs) -> Result<(), Failure> {
    let (config, core) = app::open_data(&args.data.data).await?;
    if !config.gateway.development {
        return Err(Failure::usage("advance", &"only development data have a clock that moves: gateway.development"));
    }
    let now = core.clock.now();
    let target = match (&args.to, &args.by) {
        (Some(to), _) => instant(to).ok_or_else(|| Failure::usage("--to", &"give a date such as 2027-01-31"))?,
        (None, Some(by)) => {
            let span: Span =
                by.parse().map_err(|_| Failure::usage("--by", &"give a duration such as 42d, 6w or 10y"))?;
            let moved = now.to_zoned(TimeZone::UTC).checked_add(span);
            moved.map_err(|e| Failure::usage("--by", &e))?.timestamp()
        }
        (None, None) => return Err(Failure::usage("advance", &"give --to or --by")),
    };
    if target < now {
        return Err(Failure::usage("advance", &"the clock only moves forward"));
    }
    let store = &core.store;
    let offset = store.clock_offset_ms().await.map_err(|e| Failure::run("store", &e))?;
    let moved = target.as_millisecond() - now.as_millisecond();
    store.set_clock_offset_ms(offset + moved).await.map_err(|e| Failure::run("store", &e))?;
    store.close().await;

    print(&serde_json::json!({ "now": target.to_string() }).to_string());
    Ok(())
}

fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
