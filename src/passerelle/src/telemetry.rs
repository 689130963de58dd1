//! Logs: to stderr, human on a terminal, JSON in a pipe. Never an INS, a name, a token or content (docs/logging.md).

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts logging; `PASSERELLE_LOG` chooses levels (`info` by default).
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("PASSERELLE_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = if std::io::stderr().is_terminal() {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    } else {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    };
    // Already started: a test in this process did.
    drop(started);
}
