//! The generator: requests on a schedule, latency from the scheduled time, and what it cost the server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// What one run is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seconds: u64,
    /// Requests a second; 0 = as many as the gateway takes.
    pub(crate) rate: u64,
    pub(crate) connections: usize,
}

/// One connection's work: sends the `n`th request and says whether the answer was right.
pub(crate) trait Worker: Send + 'static {
    fn request(&mut self, n: u64) -> impl Future<Output = bool> + Send;
}

/// Processor time of a process so far, and its peak of memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: u64,
}

impl Usage {
    /// Of several processes together: their time, and the largest one's peak.
    pub(crate) fn of_all(pids: &[u32]) -> Self {
        let each = pids.iter().map(|pid| Self::of(*pid));
        each.fold(Self { cpu: Duration::ZERO, peak_kib: 0 }, |sum, one| Self {
            cpu: sum.cpu + one.cpu,
            peak_kib: sum.peak_kib.max(one.peak_kib),
        })
    }

    pub(crate) fn of(pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in parentheses may hold spaces: count from behind it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let peak_kib = peak.and_then(|p| p.split_whitespace().next()).and_then(|p| p.parse().ok()).unwrap_or(0);
        // USER_HZ is 100 on every Linux this runs on.
        Self { cpu: Duration::from_millis((ticks(11) + ticks(12)) * 10), peak_kib }
    }
}

/// Runs a plan.
pub(crate) async fn run<W: Worker>(name: &str, plan: Plan, servers: &[u32], make: impl Fn(usize) -> W) -> Value {
    let next = Arc::new(AtomicU64::new(0));
    let (server_before, own_before) = (Usage::of_all(servers), Usage::of(std::process::id()));
    let began = Instant::now();
    let end = began + Duration::from_secs(plan.seconds);
    let mut tasks = Vec::new();
    for index in 0..plan.connections {
        let next = next.clone();
        let mut worker = make(index);
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            let mut errors = 0u64;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let at = (n * 1_000_000_000).checked_div(plan.rate);
                let scheduled = at.map_or_else(Instant::now, |at| began + Duration::from_nanos(at));
                if scheduled >= end {
                    break;
                }
                tokio::time::sleep_until(scheduled.into()).await;
                let right = worker.request(n).await;
                errors += u64::from(!right);
                latencies.push(u32::try_from(scheduled.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            (latencies, errors)
        }));
    }
    let mut latencies = Vec::new();
    let mut errors = 0;
    for task in tasks {
        let (mut some, wrong) = task.await.expect("a worker ends");
        latencies.append(&mut some);
        errors += wrong;
    }
    let elapsed = began.elapsed();
    latencies.sort_unstable();
    let at = |q: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a quantile's index"
        )]
        let index = ((latencies.len().saturating_sub(1)) as f64 * q) as usize;
        f64::from(latencies.get(index).copied().unwrap_or(0)) / 1000.0
    };
    let (server_after, own_after) = (Usage::of_all(servers), Usage::of(std::process::id()));
    let share = |after: Usage, before: Usage| (after.cpu - before.cpu).as_secs_f64() / elapsed.as_secs_f64();
    let round = |x: f64| (x * 100.0).round() / 100.0;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let throughput = latencies.len() as f64 / elapsed.as_secs_f64();
    json!({
        "scenario": name,
        "rate_asked": plan.rate,
        "connections": plan.connections,
        "requests": latencies.len(),
        "per_second": throughput.round(),
        "p50_ms": round(at(0.5)),
        "p99_ms": round(at(0.99)),
        "max_ms": round(at(1.0)),
        "errors": errors,
        "server_cores": round(share(server_after, server_before)),
        "generator_cores": round(share(own_after, own_before)),
        "server_peak_rss_mib": server_after.peak_kib / 1024,
    })
}
