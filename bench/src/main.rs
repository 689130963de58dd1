//! Load on a running gateway: open loop (each request has its scheduled time, latency counts from it) over kept-alive
//! mutual TLS. Prints one JSON line a scenario. Figures are kept in `docs/performance.md`, never asserted by a test.

mod decide;
mod load;
mod scenario;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Load on a gateway.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: cargo run --release -p passerelle-bench -- --seconds 10 deposit find fetch refused decide"
)]
struct Arguments {
    /// What to run: deposit, find, find-ten, find-all, fetch, fetch-fhir, refused, decide; all of them when none is named.
    scenarios: Vec<String>,
    /// How long each scenario runs, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Requests a second; 0 = as many as the gateway takes.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// A VIHF of its own for each request (as many as can be signed before), instead of one for the session.
    #[arg(long)]
    fresh_vihf: bool,
}

const ALL: &[&str] = &["deposit", "find", "find-ten", "find-all", "fetch", "fetch-fhir", "refused", "decide"];

#[expect(clippy::print_stdout, reason = "one JSON line a scenario is what this program is for")]
fn main() {
    let arguments = Arguments::parse();
    let wanted: Vec<&str> = if arguments.scenarios.is_empty() {
        ALL.to_vec()
    } else {
        arguments.scenarios.iter().map(String::as_str).collect()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for name in wanted {
        let line = if name == "decide" { decide::run() } else { runtime.block_on(scenario::run(name, &arguments)) };
        println!("{line}");
    }
}
