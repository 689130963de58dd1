//! What goes into the store and what comes out.

use access::Owner;
use space::{
    Association, AvailabilityStatus, Cause, DocumentEntry, Dtm, EmergencyConsents, Folder, Ins, LocalId, SpaceId,
    SpaceState, SubmissionSet, Traits, settings::AuthorisationKind, trace::TraceEvent,
};

use crate::{blobs::StagedBody, data::DatumWrite, error::StoreError, upstream::Forward};

/// Where the bytes of an entry are.
#[derive(Debug, Clone)]
pub enum EntryBody {
    /// Received with it.
    Staged(StagedBody),
    /// Those of an entry that stands, of which this is a new version of the metadata: the body's identifier.
    Kept(String),
    /// In another repository, or nowhere before they are asked for.
    Elsewhere,
}

impl EntryBody {
    /// What was received.
    #[must_use]
    pub const fn staged(&self) -> Option<&StagedBody> {
        match self {
            Self::Staged(body) => Some(body),
            Self::Kept(_) | Self::Elsewhere => None,
        }
    }
}

/// A document to be stored.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Its metadata, complete.
    pub entry: DocumentEntry,
    /// Whose it is.
    pub owners: Vec<Owner>,
    /// Its bytes.
    pub body: EntryBody,
}

impl NewEntry {
    /// What its identifier is bound to: the SHA-256 of a body, or what is known of bytes that are elsewhere. `None` for a
    /// new version of metadata, whose identifier is bound already.
    #[must_use]
    pub(crate) fn bound(&self) -> Option<String> {
        match &self.body {
            EntryBody::Staged(body) => Some(body.sha256.clone()),
            EntryBody::Kept(_) => None,
            EntryBody::Elsewhere => Some(format!("elsewhere:{}", self.entry.hash.to_ascii_lowercase())),
        }
    }
}

/// A folder to be stored.
#[derive(Debug, Clone)]
pub struct NewFolder {
    /// Its metadata.
    pub folder: Folder,
    /// Whose it is.
    pub owners: Vec<Owner>,
}

/// What kind of registry object an identifier is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A document's.
    Entry,
    /// A folder's.
    Folder,
    /// A submission set's.
    Set,
    /// A link's.
    Association,
}

impl ObjectKind {
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::Entry => "document_entry",
            Self::Folder => "folder",
            Self::Set => "submission_set",
            Self::Association => "association",
        }
    }
}

/// A change of an object's state: carried out only when the object still is in the state it was decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// Of what.
    pub kind: ObjectKind,
    /// Its `entry_uuid`.
    pub uuid: String,
    /// The state it must be in.
    pub from: AvailabilityStatus,
    /// The state it comes to be in.
    pub to: AvailabilityStatus,
    /// Whether a newer version of its metadata takes its place.
    pub superseded: bool,
    /// What is told when it is in another state, or superseded already.
    pub otherwise: Cause,
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

/// An act to be recorded.
#[derive(Debug, Clone)]
pub struct ActRecord {
    /// The space it was decided on, and the revision of its settings; none when no settings decided it.
    pub decided_on: Option<(space::SpaceId, i64)>,
    /// Its trace.
    pub event: space::trace::TraceEvent,
    /// What is to be told of it.
    pub notifications: Vec<Notification>,
}

impl StateChange {
    /// Holds that an object is in a state, and changes nothing.
    #[must_use]
    pub fn guard(kind: ObjectKind, uuid: &str, state: AvailabilityStatus, otherwise: Cause) -> Self {
        Self { kind, uuid: uuid.to_owned(), from: state, to: state, superseded: false, otherwise }
    }

    pub(crate) fn is_guard(&self) -> bool {
        self.from == self.to && !self.superseded
    }
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
    /// Its folders.
    pub folders: Vec<NewFolder>,
    /// Its links.
    pub associations: Vec<Association>,
    /// What it does to objects that stand: replacements, new versions, orders.
    pub states: Vec<StateChange>,
    /// Folders that stand and that something goes into: their `entry_uuid`s.
    pub filled_folders: Vec<String>,
    /// When that is, as folders say it.
    pub at: Dtm,
    /// Media type of the metadata as they came.
    pub original_type: &'static str,
    /// The metadata as they came, byte for byte.
    pub original: Vec<u8>,
    /// Data that are taken from its documents.
    pub data: Vec<DatumWrite>,
    /// What was done besides, as it is traced.
    pub events: Vec<TraceEvent>,
    /// What is to be told.
    pub notifications: Vec<Notification>,
    /// What is to be passed on to the gateway upstream (role edge).
    pub forward: Option<Forward>,
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
        /// Authorised with it, from this instant on, in milliseconds since 1970 UTC.
        authorised_ms: Option<i64>,
    },
    /// Emergency consents.
    Emergency(EmergencyConsents),
    /// Whether values of documents feed the holder's measures.
    Feeding {
        /// They do not.
        opposed: bool,
    },
    /// State of the space.
    State(SpaceState),
    /// A structure's number comes to be the holder's.
    Link {
        /// The number.
        local: LocalId,
        /// Since when.
        since_ms: i64,
        /// Consumers to be told, by name.
        told: Vec<String>,
    },
    /// A structure's number is the holder's no more.
    Unlink {
        /// The number.
        local: LocalId,
        /// When.
        at_ms: i64,
        /// Consumers to be told, by name.
        told: Vec<String>,
    },
    /// Another space comes to be known as the same person's; the other is changed with it.
    LinkSpace {
        /// The other space.
        other: SpaceId,
        /// Since when.
        since_ms: i64,
        /// Consumers to be told, by name.
        told: Vec<String>,
    },
    /// Another space is known as the same person's no more.
    UnlinkSpace {
        /// The other space.
        other: SpaceId,
        /// When.
        at_ms: i64,
        /// Consumers to be told, by name.
        told: Vec<String>,
    },
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
    /// Whether a newer version of its metadata took its place.
    pub superseded: bool,
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

/// A stored folder.
#[derive(Debug, Clone)]
pub struct FolderRow {
    /// The metadata.
    pub folder: Folder,
    /// Whether a newer version of its metadata took its place.
    pub superseded: bool,
    /// Whose it is.
    pub owners: Vec<Owner>,
}

/// Which sets or folders are looked for. Lists that are empty ask nothing.
#[derive(Debug, Clone, Default)]
pub struct ObjectQuery {
    /// By `entry_uuid`.
    pub entry_uuids: Vec<String>,
    /// By `unique_id`.
    pub unique_ids: Vec<String>,
    /// By `logical_id` (folders).
    pub logical_ids: Vec<String>,
    /// Versions of metadata that were superseded too.
    pub superseded: bool,
}

/// Which links are looked for. Lists that are empty ask nothing; those that are not are all asked.
#[derive(Debug, Clone, Default)]
pub struct LinkQuery {
    /// By `entry_uuid`.
    pub entry_uuids: Vec<String>,
    /// By where they start.
    pub sources: Vec<String>,
    /// By where they end.
    pub targets: Vec<String>,
}

pub(crate) fn json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt { what })
}

pub(crate) fn from_json<'a, T: serde::Deserialize<'a>>(text: &'a str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt { what })
}
