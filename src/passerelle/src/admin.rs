//! The operator's listener: liveness, readiness, metrics. Loopback only by default; says nothing of anybody.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use store::{Store, StoreError};
use tracing::Instrument as _;
use trust::TrustAnchors;

use crate::jobs::Jobs;

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
    registry::{Registry, Unit},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: String,
    route: String,
    /// Of a SOAP service, where one path serves several.
    transaction: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabel {
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabel {
    answer: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabel {
    sink: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabel {
    job: String,
}

/// What is counted.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    feed_lag: Family<SinkLabel, Gauge>,
    overdue: Family<JobLabel, Gauge>,
    failures: Family<JobLabel, Gauge>,
    lists_left: Gauge,
    upstream: Family<StateLabel, Gauge>,
    upstream_age: Gauge,
    ocsp: Responses,
    /// What readiness tells besides.
    told: Arc<Mutex<String>>,
    calls: Family<Call, Counter>,
    faults: Family<FaultLabel, Counter>,
    seconds: Family<Call, Histogram>,
    under_way: Gauge,
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    pub(crate) fn new(store: &Store) -> Self {
        let mut registry = Registry::with_prefix("passerelle");
        let calls = Family::<Call, Counter>::default();
        let seconds =
            Family::<Call, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_5, 2.0, 16)));
        let under_way = Gauge::default();
        registry.register("calls", "Calls answered, by route and HTTP status", calls.clone());
        let faults = Family::<FaultLabel, Counter>::default();
        let help =
            "Messages answered by a SOAP fault, by cause: refusals that no trace can hold, as no caller is proved";
        registry.register("faults", help, faults.clone());
        registry.register("call_seconds", "Time from request to head of answer", seconds.clone());
        registry.register("calls_under_way", "Calls not answered yet", under_way.clone());
        let (feed_lag, overdue, lists_left) = (Family::default(), Family::default(), Gauge::default());
        let failures = Family::default();
        registry.register("job_failures", "How often a job failed in a row", failures.clone());
        registry.register("feed_lag_events", "Traces an audit repository was not given yet", feed_lag.clone());
        let help = "Time since a job should have been done";
        registry.register_with_unit("job_overdue", help, Unit::Seconds, overdue.clone());
        let help = "Time until the first revocation list is out of date (negative: it is)";
        registry.register_with_unit("crl_left", help, Unit::Seconds, lists_left.clone());
        let (upstream, upstream_age) = (Family::default(), Gauge::default());
        let help = "Role edge: sets that upstream has not, by state: queued, refused, given_up";
        registry.register("upstream_sets", help, upstream.clone());
        let help = "Role edge: time since the oldest set that waits was put in";
        registry.register_with_unit("upstream_age", help, Unit::Seconds, upstream_age.clone());
        let ocsp = Responses::register(&mut registry);
        store.metrics().register(&mut registry);
        let (registry, told) = (Arc::new(Mutex::new(registry)), Arc::default());
        Self {
            calls,
            faults,
            seconds,
            under_way,
            feed_lag,
            overdue,
            failures,
            lists_left,
            upstream,
            upstream_age,
            ocsp,
            told,
            registry,
        }
    }
}

/// What responders said of certificates (OCSP), and what silence led to. Gauges of counts kept by `trust`.
#[derive(Debug, Clone, Default)]
struct Responses {
    answers: Family<AnswerLabel, Gauge>,
    graced: Gauge,
    refused: Gauge,
    silent: Gauge,
}

impl Responses {
    fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        let help = "Answers about certificates since the start: good, revoked, unknown, none";
        registry.register("ocsp_answers", help, all.answers.clone());
        let help = "Calls since the start that passed by grace, without an answer about their certificate";
        registry.register("ocsp_graced", help, all.graced.clone());
        let help = "Calls since the start refused for want of an answer about their certificate";
        registry.register("ocsp_refused", help, all.refused.clone());
        let help = "Certificates without an answer now: their grace is running, or over";
        registry.register("ocsp_silent", help, all.silent.clone());
        all
    }

    fn set(&self, figures: &trust::OcspFigures) {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for (answer, count) in [
            ("good", figures.good),
            ("revoked", figures.revoked),
            ("unknown", figures.unknown),
            ("none", figures.unanswered),
        ] {
            self.answers.get_or_create(&AnswerLabel { answer }).set(number(count));
        }
        self.graced.set(number(figures.graced));
        self.refused.set(number(figures.refused));
        self.silent.set(number(figures.silent));
    }
}

impl Metrics {
    /// Brings up to date what is asked from time to time.
    pub(crate) async fn refresh(&self, store: &Store, jobs: &Jobs, anchors: &TrustAnchors, now_ms: i64) {
        let mut told = String::new();
        for sink in jobs.sinks() {
            if let Ok(lag) = store.feed_lag(sink).await {
                self.feed_lag.get_or_create(&SinkLabel { sink }).set(i64::try_from(lag).unwrap_or(i64::MAX));
                told.push_str(&format!("feed {sink}: {lag} events behind\n"));
            }
        }
        if jobs.is_edge()
            && let Ok(counts) = store.forward_counts().await
        {
            let states = [("queued", counts.queued), ("refused", counts.refused), ("given_up", counts.given_up)];
            for (state, count) in states {
                self.upstream.get_or_create(&StateLabel { state }).set(count);
                told.push_str(&format!("upstream: {count} sets {state}\n"));
            }
            self.upstream_age.set(counts.oldest_ms.map_or(0, |oldest| (now_ms - oldest).max(0) / 1000));
        }
        if let Some(grace) = jobs.grace
            && let Ok(left) = store.look_at_stamps(grace).await
        {
            told.push_str(&format!("time stamps: {left} s left\n"));
        }
        if let Ok(states) = store.jobs().await {
            self.overdue.clear();
            self.failures.clear();
            for job in states {
                // While it is under way this attempt has not failed yet.
                let failed = job.attempts - i64::from(job.leased);
                self.failures.get_or_create(&JobLabel { job: job.job_id.clone() }).set(failed);
                let overdue = if job.stopped || job.leased { 0 } else { (now_ms - job.due_ms).max(0) / 1000 };
                self.overdue.get_or_create(&JobLabel { job: job.job_id }).set(overdue);
            }
        }
        if let Some(until) = anchors.lists_hold_until() {
            self.lists_left.set(until.as_second() - now_ms / 1000);
        }
        if let Some(ocsp) = anchors.ocsp() {
            let figures = ocsp.figures();
            self.ocsp.set(&figures);
            if figures.silent > 0 {
                told.push_str(&format!("ocsp: {} certificates without an answer\n", figures.silent));
            }
        }
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
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
    // The known ones: anybody may write anything here.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let began = Instant::now();
    let under_way = UnderWay::of(&metrics.under_way);
    // Nothing but the route: what stands in a path or a query may say something of somebody.
    let span = tracing::debug_span!("call", route, status = tracing::field::Empty);
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    drop(under_way);
    if let Some(ihe::Faulted(cause)) = response.extensions().get() {
        metrics.faults.get_or_create(&FaultLabel { cause: cause.code() }).inc();
    }
    let transaction = response.extensions().get::<ihe::Transaction>().map_or("", |t| t.0);
    let call = Call { method, route, transaction, status: response.status().as_u16() };
    metrics.seconds.get_or_create(&call).observe(began.elapsed().as_secs_f64());
    metrics.calls.get_or_create(&call).inc();
    response
}

/// Routes of the operator.
pub(crate) fn router(store: Store, metrics: Metrics) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready).with_state((store.clone(), metrics.clone())))
        .route("/metrics", get(scrape).with_state((store, metrics)))
}

async fn ready(State((store, metrics)): State<(Store, Metrics)>) -> Response {
    let told = metrics.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match store.ping().await {
        Ok(()) => format!("ready\n{told}").into_response(),
        Err(StoreError::Unstamped) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("no time stamps\n{told}")).into_response()
        }
        Err(error) => {
            tracing::error!(error = %error, "admin.not_ready");
            (StatusCode::SERVICE_UNAVAILABLE, "store unavailable\n").into_response()
        }
    }
}

async fn scrape(State((store, metrics)): State<(Store, Metrics)>) -> Response {
    // Gauges of the store are set when they are asked for.
    let _ = store.metrics();
    let mut text = String::new();
    let registry = metrics.registry.lock().unwrap_or_else(PoisonError::into_inner);
    match encode(&mut text, &registry) {
        Ok(()) => {
            ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
