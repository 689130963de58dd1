//! The trace log by itself: how many events a second are appended, synced and linked, and how long a proof takes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use access::Operation;
use serde_json::{Value, json};
use space::trace::Act;
use store::TraceQuery;
use testkit::{Gateway, GatewayOptions};

use crate::{Arguments, fill::Filling};

/// Callers at once.
const CALLERS: u64 = 256;
/// Events of a holder that proofs are chosen from.
const PROOFS: usize = 2_000;
/// Holders the events are about.
const HOLDERS: u64 = 1_000;

pub(crate) async fn run(arguments: &Arguments) -> Value {
    let server = arguments.postgres.then(crate::scenario::database);
    let mut options = GatewayOptions::default();
    if let Some((_, url)) = &server {
        options = options.with("STORE__URL", url);
    }
    let mut gateway = Gateway::with(options);
    gateway.terminate();
    let url = server.as_ref().map(|(_, url)| url.as_str());
    let filling = Arc::new(Filling::open(gateway.data(), url).await);
    for n in 0..HOLDERS {
        filling.holder(n, None).await;
    }
    let began = Instant::now();
    let end = Duration::from_secs(arguments.seconds);
    let (count, wanted) = (Arc::new(AtomicU64::new(0)), arguments.events);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (filling, count) = (filling.clone(), count.clone());
        callers.spawn(async move {
            loop {
                let n = count.fetch_add(1, Ordering::Relaxed);
                let over = if wanted > 0 { n >= wanted } else { began.elapsed() >= end };
                if over {
                    count.fetch_sub(1, Ordering::Relaxed);
                    return;
                }
                let space = Filling::space(n % HOLDERS);
                let permit = filling.permit(Operation::Find, space, 1);
                let event = filling.event(space, Act::Find, "");
                filling.store().record(&permit, &event, Vec::new()).await.expect("recorded");
            }
        });
    }
    while callers.join_next().await.is_some() {}
    let seconds = began.elapsed().as_secs_f64();
    let events = count.load(Ordering::Relaxed);
    // A head is signed when it closes; proofs need one.
    filling.close().await;
    drop(filling);
    let filling = Filling::open(gateway.data(), url).await;
    let mut took = Vec::new();
    let mut size = 0;
    for n in (0..HOLDERS).step_by(20) {
        let reading = filling.permit(Operation::ReadTrace, Filling::space(n), 1);
        let query = TraceQuery { limit: PROOFS, ..TraceQuery::default() };
        let events = filling.store().traces(&reading, &query).await.expect("read");
        for (place, _) in events.iter().step_by((events.len() / 40).max(1)) {
            let began = Instant::now();
            size = filling.store().prove(&reading, place).await.expect("proven").len();
            took.push(began.elapsed().as_micros());
        }
    }
    filling.close().await;
    took.sort_unstable();
    let at = |share: usize| took.get((took.len().saturating_sub(1)) * share / 100).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = (events as f64 / seconds).round();
    json!({
        "scenario": "trace append",
        "store": if arguments.postgres { "postgres" } else { "sqlite" },
        "events": events,
        "per_second": rate,
        "proofs": took.len(),
        "proof_p50_us": at(50),
        "proof_p99_us": at(99),
        "proof_bytes": size,
    })
}
