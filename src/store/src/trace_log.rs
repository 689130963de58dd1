//! The trace log of one origin: each event is stored with the hash of itself and of all before it.
//!
//! `hash = SHA-256(previous hash ‖ origin ‖ seq ‖ space ‖ event as stored)`, fields separated by a newline. Changing,
//! removing or inserting an event breaks every hash after it. (Tree heads signed outside come with a later change: until
//! then the tail of a log can be cut unseen by whoever owns the database.)

use aws_lc_rs::digest;
use space::trace::TraceEvent;

use crate::{blobs::hex, error::StoreError};

/// Written as the space of an event that bears on none.
pub(crate) const NO_SPACE: &str = "-";

/// An event ready to be linked: its JSON is made before it queues, the link inside the transaction.
#[derive(Debug, Clone)]
pub(crate) struct PendingTrace {
    pub(crate) space: String,
    pub(crate) at_ms: i64,
    pub(crate) event: String,
}

impl PendingTrace {
    pub(crate) fn of(event: &TraceEvent) -> Result<Self, StoreError> {
        Ok(Self {
            space: event.space.map_or_else(|| NO_SPACE.to_owned(), |s| s.to_string()),
            at_ms: event.at_ms,
            event: serde_json::to_string(event).map_err(|_| StoreError::Corrupt { what: "trace" })?,
        })
    }
}

/// A linked event, as stored.
#[derive(Debug, Clone)]
pub(crate) struct TraceRow {
    pub(crate) seq: i64,
    pub(crate) pending: PendingTrace,
    pub(crate) hash: String,
}

/// Where a log stands.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) origin: String,
    pub(crate) seq: i64,
    pub(crate) hash: String,
}

impl Chain {
    /// An empty log.
    pub(crate) fn new(origin: String) -> Self {
        Self { origin, seq: 0, hash: String::new() }
    }

    /// Links the next event.
    pub(crate) fn link(&mut self, pending: PendingTrace) -> TraceRow {
        self.seq += 1;
        self.hash = link_hash(&self.hash, &self.origin, self.seq, &pending.space, &pending.event);
        TraceRow { seq: self.seq, pending, hash: self.hash.clone() }
    }
}

pub(crate) fn link_hash(previous: &str, origin: &str, seq: i64, space: &str, event: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [previous, "\n", origin, "\n", &seq.to_string(), "\n", space, "\n", event] {
        context.update(part.as_bytes());
    }
    hex(context.finish().as_ref())
}
