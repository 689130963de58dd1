//! What the store counts about itself. Nothing of anybody: numbers and seconds only.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use space::trace::{Outcome, TraceEvent};

/// An act, without anybody in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Acted {
    pub(crate) act: String,
    pub(crate) face: String,
    /// `done`, or the stable code of the cause.
    pub(crate) outcome: String,
}

/// Counters and gauges of one store.
#[derive(Debug, Clone)]
pub struct StoreMetrics {
    /// Writes that share one commit.
    pub(crate) commit_jobs: Histogram,
    /// Time of one commit, from its first statement to its end.
    pub(crate) commit: Histogram,
    /// Batches that failed, before anything of them was tried again.
    pub(crate) commit_failures: Counter,
    /// Time a call waited for a connection.
    pub(crate) lend: Histogram,
    /// Writes that wait.
    pub(crate) queued: Gauge,
    /// Events of this process's log under no signed head.
    pub(crate) unsigned: Gauge<u64, AtomicU64>,
    /// Bodies found damaged, by a reading or by the scrubber.
    pub(crate) damaged: Counter,
    /// Bytes of bodies that the scrubber has read.
    pub(crate) scrubbed: Counter,
    /// Seconds until writes stop for want of a time stamp.
    pub(crate) stamp_left: Gauge<i64, AtomicI64>,
    /// Acts traced, by what they were, by which face, and how they ended.
    pub(crate) acts: Family<Acted, Counter>,
    /// Commits so far.
    pub(crate) commits: Arc<AtomicU64>,
    /// Until when writes are taken, in milliseconds since 1970 UTC.
    pub(crate) open_until_ms: Arc<AtomicI64>,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.000_1, 2.0, 18));
        Self {
            commit_jobs: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            commit: seconds(),
            commit_failures: Counter::default(),
            lend: seconds(),
            queued: Gauge::default(),
            unsigned: Gauge::default(),
            damaged: Counter::default(),
            scrubbed: Counter::default(),
            stamp_left: Gauge::default(),
            commits: Arc::default(),
            acts: Family::default(),
            open_until_ms: Arc::new(AtomicI64::new(i64::MAX)),
        }
    }
}

impl StoreMetrics {
    /// Puts them among what is scraped.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("acts", "Acts traced, by act, face and outcome", self.acts.clone());
        registry.register("commit_jobs", "Writes that shared one commit", self.commit_jobs.clone());
        let help = "Time of one commit";
        registry.register_with_unit("commit", help, Unit::Seconds, self.commit.clone());
        registry.register("commit_failures", "Batches of writes that failed", self.commit_failures.clone());
        let help = "Time that calls waited for a connection to the database";
        registry.register_with_unit("connection_wait", help, Unit::Seconds, self.lend.clone());
        registry.register("writes_queued", "Writes that wait for their commit", self.queued.clone());
        let help = "Events of this process's trace log that no signed head covers yet";
        registry.register("log_unsigned_events", help, self.unsigned.clone());
        registry.register("bodies_damaged", "Bodies found damaged: restore them", self.damaged.clone());
        let help = "Bytes of bodies read again to see that they are whole";
        registry.register_with_unit("scrubbed", help, Unit::Bytes, self.scrubbed.clone());
        let help = "Time until writes are refused for want of a time stamp";
        registry.register_with_unit("stamp_left", help, Unit::Seconds, self.stamp_left.clone());
    }

    /// Counts an act that is about to be traced.
    pub(crate) fn count(&self, event: &TraceEvent) {
        let outcome = match &event.outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Refused(cause) => cause.clone(),
        };
        let acted = Acted { act: event.act.word().to_owned(), face: event.face.clone(), outcome };
        self.acts.get_or_create(&acted).inc();
    }

    /// Whether writes are taken at this instant.
    pub(crate) fn is_open(&self, now_ms: i64) -> bool {
        now_ms <= self.open_until_ms.load(Ordering::Relaxed)
    }
}
