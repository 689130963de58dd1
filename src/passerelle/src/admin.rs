//! The operator's listener: liveness, readiness, metrics. Loopback only by default; says nothing of anybody.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use store::Store;

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    route: String,
    status: u16,
}

/// What is counted.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    calls: Family<Call, Counter>,
    seconds: Family<Call, Histogram>,
    under_way: Gauge,
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("passerelle");
        let calls = Family::<Call, Counter>::default();
        let seconds =
            Family::<Call, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_5, 2.0, 16)));
        let under_way = Gauge::default();
        registry.register("calls", "Calls answered, by route and HTTP status", calls.clone());
        registry.register("call_seconds", "Time from request to head of answer", seconds.clone());
        registry.register("calls_under_way", "Calls not answered yet", under_way.clone());
        Self { calls, seconds, under_way, registry: Arc::new(Mutex::new(registry)) }
    }
}

/// Counts a call as under way until it is dropped, also when its client goes away.
struct UnderWay(Gauge);

impl UnderWay {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts a call of the other listeners.
pub(crate) async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let began = Instant::now();
    let under_way = UnderWay::of(&metrics.under_way);
    let response = next.run(request).await;
    drop(under_way);
    let call = Call { route, status: response.status().as_u16() };
    metrics.seconds.get_or_create(&call).observe(began.elapsed().as_secs_f64());
    metrics.calls.get_or_create(&call).inc();
    response
}

/// Routes of the operator.
pub(crate) fn router(store: Store, metrics: Metrics) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready).with_state(store))
        .route("/metrics", get(scrape).with_state(metrics))
}

async fn ready(State(store): State<Store>) -> Response {
    match store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(error = %error, "admin.not_ready");
            (StatusCode::SERVICE_UNAVAILABLE, "store unavailable\n").into_response()
        }
    }
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    let mut text = String::new();
    let registry = metrics.registry.lock().unwrap_or_else(PoisonError::into_inner);
    match encode(&mut text, &registry) {
        Ok(()) => {
            ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
