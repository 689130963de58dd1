//! What goes into the store and what comes out.

use access::Owner;
use space::{
    Association, DocumentEntry, EmergencyConsents, Ins, SpaceState, SubmissionSet, Traits, settings::AuthorisationKind,
};

use crate::{blobs::StagedBody, error::StoreError};

/// A document to be stored.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Its metadata, complete.
    pub entry: DocumentEntry,
    /// Whose it is.
    pub owners: Vec<Owner>,
    /// Its bytes.
    pub body: StagedBody,
}

/// A message to be queued with the act that causes it.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Random identifier.
    pub message_id: String,
    /// What it tells (`document_deposited`…).
    pub kind: &'static str,
    /// What it is about, as JSON.
    pub payload: String,
}

/// A submission to be stored, all or nothing.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// The set.
    pub set: SubmissionSet,
    /// Whose the set is.
    pub owners: Vec<Owner>,
    /// Its documents.
    pub entries: Vec<NewEntry>,
    /// Its links.
    pub associations: Vec<Association>,
    /// `entry_uuid`s of the entries it replaces.
    pub replaced: Vec<String>,
    /// Media type of the metadata as they came.
    pub original_type: &'static str,
    /// The metadata as they came, byte for byte.
    pub original: Vec<u8>,
    /// What is to be told.
    pub notifications: Vec<Notification>,
}

/// How a deposit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deposited {
    /// It is stored.
    Stored,
    /// It was stored before, byte for byte: the sender had lost the answer.
    Replayed,
}

/// A change of what is set on a space.
#[derive(Debug, Clone)]
pub enum Change {
    /// Makes the space.
    Create {
        /// The holder's number.
        ins: Ins,
        /// The holder's traits.
        traits: Traits,
        /// First state.
        state: SpaceState,
        /// Since when the holder knows.
        noticed_ms: i64,
    },
    /// An authorisation or block comes to stand.
    Stand {
        /// For whom.
        grantee: String,
        /// Whether that is a structure.
        is_structure: bool,
        /// What.
        kind: AuthorisationKind,
        /// Since when.
        since_ms: i64,
    },
    /// An authorisation or block stands no more.
    Lift {
        /// For whom.
        grantee: String,
        /// Whether that is a structure.
        is_structure: bool,
        /// Which of the two; the other is left.
        kind: AuthorisationKind,
    },
    /// Declares or removes a médecin traitant.
    MedecinTraitant {
        /// `PS_IdNat`.
        professional: String,
        /// Declared, or removed.
        declared: bool,
    },
    /// Emergency consents.
    Emergency(EmergencyConsents),
    /// State of the space.
    State(SpaceState),
    /// Destroys the key of the space: its documents, their metadata and the holder's identity are unreadable from then on,
    /// here and in every backup. What was done with them stays in the trace.
    DestroyKey,
}

/// A stored entry, with what a decision needs.
#[derive(Debug, Clone)]
pub struct EntryRow {
    /// The metadata.
    pub entry: DocumentEntry,
    /// Whose it is.
    pub owners: Vec<Owner>,
    /// Its body.
    pub body_id: String,
    /// When it was stored, in milliseconds since 1970 UTC.
    pub deposited_ms: i64,
}

/// Which events of a space's trace are read, newest first.
#[derive(Debug, Clone, Default)]
pub struct TraceQuery {
    /// From this instant on, in milliseconds since 1970 UTC.
    pub from_ms: Option<i64>,
    /// Before this instant.
    pub until_ms: Option<i64>,
    /// Only events older than this one: the last of the page before.
    pub before: Option<TracePlace>,
    /// At most so many.
    pub limit: usize,
}

/// Where an event stands in the trace of its space. Events are listed by it, descending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TracePlace {
    /// When it happened.
    pub at_ms: i64,
    /// The log it is linked in.
    pub origin: String,
    /// Its number there.
    pub seq: i64,
}

/// A stored set.
#[derive(Debug, Clone)]
pub struct SetRow {
    /// The metadata.
    pub set: SubmissionSet,
    /// Whose it is.
    pub owners: Vec<Owner>,
}

pub(crate) fn json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt { what })
}

pub(crate) fn from_json<'a, T: serde::Deserialize<'a>>(text: &'a str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt { what })
}
