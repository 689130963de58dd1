//! Time and chance, as parameters.
//!
//! Nothing else in the house may ask the machine what time it is or for a random number (`clippy.toml` forbids it):
//! a decision depends on an instant that can be moved (`passerelle advance`), and a test can be repeated.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

pub use jiff::Timestamp;

/// What time it is.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present instant (UTC).
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes.
pub trait Rng: Send + Sync + std::fmt::Debug {
    /// Fills `out` with unpredictable bytes.
    fn fill(&self, out: &mut [u8]);

    /// A random (version 4) UUID.
    fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0u8; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// Shared handle on a clock.
pub type SharedClock = Arc<dyn Clock>;
/// Shared handle on a source of chance.
pub type SharedRng = Arc<dyn Rng>;

/// The machine's clock, moved by an offset that development data may set (`passerelle advance`).
#[derive(Debug, Default)]
pub struct SystemClock {
    offset_ms: AtomicI64,
}

impl SystemClock {
    /// The machine's clock as it is.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Moves the clock by `offset_ms` milliseconds from the machine's own time.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let offset = jiff::SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(offset).unwrap_or(now)
    }
}

/// The cryptographic generator of the machine.
#[derive(Debug, Default)]
pub struct SystemRng;

impl SystemRng {
    /// A shared handle.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }
}

impl Rng for SystemRng {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for chance")]
    fn fill(&self, out: &mut [u8]) {
        // aws-lc aborts the process itself when the kernel has no entropy; an error here is a broken build.
        aws_lc_rs::rand::fill(out).expect("the operating system gives random bytes");
    }
}

/// A clock that stands still until it is told otherwise, for tests.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn at(at: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(at)))
    }

    /// Moves the clock to `at`.
    pub fn set(&self, at: Timestamp) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = at;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
