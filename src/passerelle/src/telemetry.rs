//! Logs and spans. Logs to stderr, human on a terminal, JSON in a pipe; spans to an OpenTelemetry collector when one is
//! configured. Never an INS, a name, a token or content (docs/logging.md).

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Level;
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, fmt, prelude::*};

use crate::commands::Failure;

/// Spans on their way out.
#[derive(Debug)]
pub(crate) struct Spans(Option<SdkTracerProvider>);

impl Spans {
    /// Sends what is left.
    pub(crate) async fn end(self) {
        if let Some(provider) = self.0 {
            // It waits for its own thread.
            let ended = tokio::task::spawn_blocking(move || provider.shutdown()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::warn!("telemetry.spans_not_sent");
            }
        }
    }
}

/// Starts logging, and sends spans to the collector at `otlp` (`http://host:4318`); `PASSERELLE_LOG` chooses levels of logs
/// (`info` by default).
///
/// # Errors
/// When the collector's address is none.
pub(crate) fn start(otlp: Option<&String>) -> Result<Spans, Failure> {
    let filter = EnvFilter::try_from_env("PASSERELLE_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let provider = otlp.map(|address| provider(address)).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        // Ours only: what a library puts in its spans is not ours to vouch for.
        let ours = filter_fn(|meta| {
            meta.is_span() && *meta.level() <= Level::DEBUG && meta.target().starts_with("passerelle")
        });
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("passerelle"))
            .with_location(false)
            .with_threads(false)
            .with_filter(ours)
    });
    let logs = if std::io::stderr().is_terminal() {
        fmt::layer().with_writer(std::io::stderr).with_target(false).with_filter(filter).boxed()
    } else {
        fmt::layer().json().with_writer(std::io::stderr).with_filter(filter).boxed()
    };
    // Already started: a test in this process did.
    drop(tracing_subscriber::registry().with(spans).with(logs).try_init());
    Ok(Spans(provider))
}

fn provider(address: &str) -> Result<SdkTracerProvider, Failure> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", address.trim_end_matches('/')))
        .build()
        .map_err(|e| Failure::usage("telemetry.otlp", &e))?;
    let resource = Resource::builder_empty()
        .with_service_name("passerelle")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
