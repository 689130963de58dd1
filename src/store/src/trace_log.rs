//! The trace log of one process: where it stands, and what a batch adds to it.

use std::sync::Arc;

use space::trace::TraceEvent;
use tlog_tiles::tlog::Hash;

use crate::{
    blobs::hex,
    error::StoreError,
    evidence::{BLOCK, Edge, EvidenceKey, Head, LeafText, commitment, sha256},
    vault::DataKey,
};

/// Written as the space of an event that bears on none.
pub(crate) const NO_SPACE: &str = "-";

/// Random bytes before an event's text: a commitment to it tells nothing to who guesses the text.
pub(crate) const SALT: usize = 16;

/// An event ready to be linked: sealed before it queues, its place in the log found inside the transaction.
#[derive(Debug, Clone)]
pub(crate) struct PendingTrace {
    pub(crate) space: String,
    pub(crate) at_ms: i64,
    pub(crate) sealed: Vec<u8>,
    /// In hexadecimal; hashed before it queues.
    pub(crate) sealed_sha256: String,
    pub(crate) commitment: Vec<u8>,
}

impl PendingTrace {
    pub(crate) fn of(event: &TraceEvent, key: &DataKey, salt: [u8; SALT]) -> Result<Self, StoreError> {
        let space = event.space.map_or_else(|| NO_SPACE.to_owned(), |s| s.to_string());
        let mut salted = salt.to_vec();
        serde_json::to_writer(&mut salted, event).map_err(|_| StoreError::Corrupt { what: "trace" })?;
        let sealed = key.seal(&["trace", &space], &salted)?;
        Ok(Self {
            at_ms: event.at_ms,
            sealed_sha256: hex(sha256(&sealed).as_ref()),
            sealed,
            commitment: commitment(&salted),
            space,
        })
    }
}

/// A linked event, as stored.
#[derive(Debug, Clone)]
pub(crate) struct TraceRow {
    pub(crate) seq: i64,
    pub(crate) pending: PendingTrace,
}

/// Where a log stands.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) origin: String,
    pub(crate) edge: Edge,
    /// Stored hashes that do not fill a block yet.
    tail: Vec<Hash>,
    blocks: i64,
    /// Size at the last signed head.
    pub(crate) signed: u64,
    key: Option<Arc<EvidenceKey>>,
}

/// A head with its signature, and the hashes under it that fill no block, where they are known.
#[derive(Debug, Clone)]
pub(crate) struct SignedHead {
    pub(crate) head: Head,
    pub(crate) note: String,
    pub(crate) tail: Option<Block>,
}

/// A block of stored hashes: full, or the last.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) number: i64,
    pub(crate) hashes: Vec<u8>,
}

impl Log {
    /// An empty log.
    pub(crate) fn new(origin: String, key: Option<Arc<EvidenceKey>>) -> Self {
        Self { origin, edge: Edge::default(), tail: Vec::with_capacity(BLOCK), blocks: 0, signed: 0, key }
    }

    /// Links the next event; blocks that it fills are put to `full`.
    pub(crate) fn link(&mut self, pending: PendingTrace, full: &mut Vec<Block>) -> TraceRow {
        let seq = i64::try_from(self.edge.size).unwrap_or(i64::MAX).saturating_add(1);
        let leaf = LeafText {
            origin: self.origin.clone(),
            seq,
            space: pending.space.clone(),
            at_ms: pending.at_ms,
            sealed_sha256: pending.sealed_sha256.clone(),
            commitment: hex(&pending.commitment),
        };
        self.append(leaf.hash(), full);
        TraceRow { seq, pending }
    }

    /// Appends a leaf.
    pub(crate) fn append(&mut self, leaf: Hash, full: &mut Vec<Block>) {
        for stored in self.edge.push(leaf) {
            self.tail.push(stored);
            if self.tail.len() == BLOCK {
                let hashes = self.tail.drain(..).flat_map(|h| h.0).collect();
                full.push(Block { number: self.blocks, hashes });
                self.blocks += 1;
            }
        }
    }

    /// The head as it stands now, signed, when there is something new to sign for and a key to sign with.
    pub(crate) fn head(&mut self, at_ms: i64) -> Option<SignedHead> {
        let key = self.key.as_ref()?;
        if self.edge.size == self.signed {
            return None;
        }
        let head = Head { origin: self.origin.clone(), size: self.edge.size, root: self.edge.root().0, at_ms };
        let note = key.sign(&head);
        self.signed = self.edge.size;
        let hashes = self.tail.iter().flat_map(|h| h.0).collect();
        Some(SignedHead { head, note, tail: Some(Block { number: self.blocks, hashes }) })
    }
}
