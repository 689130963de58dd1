//! Load on a running gateway: open loop (each request has its scheduled time, latency counts from it) over kept-alive
//! mutual TLS. Prints one JSON line a scenario. Figures are kept in `docs/performance.md`, never asserted by a test.

mod chart;
mod decide;
mod fill;
mod growth;
mod load;
mod log;
mod measures;
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
    /// What to run: deposit, find, find-ten, find-all, fetch, fetch-fhir, refused, measure-read, measure-write,
    /// measure-search, decide, log; all of these when none is named. By name only: measure-growth, growth (fills the store to one size after another and measures at each), chart (draws
    /// the JSON lines of growth on standard input as SVG).
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
    /// On PostgreSQL, on a private server started from the machine's programs, instead of SQLite.
    #[arg(long)]
    postgres: bool,
    /// Processes of the gateway on one PostgreSQL; requests go to each in turn.
    #[arg(long, default_value_t = 1)]
    processes: usize,
    /// Sizes for `growth`, in documents, and for `measure-growth`, in measures.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    documents: Vec<u64>,
    /// For `growth`: measure on this folder, which was filled before to the last of --documents, and fill nothing.
    #[arg(long)]
    filled: Option<std::path::PathBuf>,
    /// Events for `log`; 0 = as many as fit in the time.
    #[arg(long, default_value_t = 0)]
    events: u64,
}

const ALL: &[&str] = &[
    "deposit",
    "find",
    "find-ten",
    "find-all",
    "fetch",
    "fetch-fhir",
    "refused",
    "measure-read",
    "measure-write",
    "measure-search",
    "decide",
    "log",
];

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
        match name {
            "decide" => println!("{}", decide::run()),
            "log" => println!("{}", runtime.block_on(log::run(&arguments))),
            "chart" => {
                let lines = std::io::read_to_string(std::io::stdin()).expect("text on standard input");
                print!("{}", chart::draw(&lines));
            }
            "measure-growth" => runtime.block_on(measures::growth(&arguments, |line| println!("{line}"))),
            name if name.starts_with("measure-") => println!("{}", runtime.block_on(measures::run(name, &arguments))),
            "growth" => runtime.block_on(growth::run(&arguments, |line| println!("{line}"))),
            _ => println!("{}", runtime.block_on(scenario::run(name, &arguments))),
        }
    }
}
