//! The desk: every operation on a health space, each short enough to read as the rule it carries out.
//!
//! Decide → act → trace → notify, in one transaction. A decision is made on the settings of a space as they stood at
//! some revision; the store commits only if that revision still stands, else the decision is made again. An answer —
//! also a reading, also a refusal — is given only once its trace is committed. Knows no protocol.

mod act;
mod beyond;
mod data;
mod deposit;
mod derived;
mod feeding;
mod fetch;
mod find;
mod holders;
mod identity;
mod known;
mod links;
mod merge;
mod notices;
mod patients;
mod registry;
mod settings;
mod signature;
mod subscriptions;
mod update;
mod upstream;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use access::{Consumer, Tables};
use ambient::{SharedClock, SharedRng};
use space::{Cause, Credential, Ins, InsTolerance, Refusal, SpaceId, submission::SubmissionRules};
use store::{Store, StoreError};
use terminology::Terminology;

pub use act::Face;
pub use beyond::Beyond;
pub use data::{
    DatumRead, Expected, Kept, MeasureQuery, MeasuresFound, NewMeasure, Original as OriginalOf, Place, Wanted, Whose,
};
pub use deposit::{DepositRequest, Original, Receipt};
pub use fetch::{DocumentKey, Fetched};
pub use find::{Listed, Listing, SetListing};
pub use holders::NewHolder;
pub use identity::{CrossReferences, Feed, FeedKind, Linked, PersonKey, Reference};
pub use notices::Notified;
pub use patients::{Accessible, OwnChange, PeopleFound, Record, Since, Window};
pub use registry::{AllQuery, Found, ObjectKey, RegistryQuery};
pub use settings::SettingChange;
pub use signature::{SignaturePolicy, Signatures};
pub use store::Publication;
pub use store::{BodyWriter, EntryBody, ObjectQuery, StagedBody, StoredBody, TracePlace, TraceQuery};
pub use store::{DueForward, Forward, ForwardEnd, ForwardKind, ForwardTold, ForwardedDocument};
pub use subscriptions::{Following, Published};
pub use update::{Removal, UpdateRequest};
pub use upstream::Forwarding;

use known::Known;

/// How often a decision is made again when settings change under it, before the caller is told to try later.
const ATTEMPTS: usize = 4;

/// Who calls, with what proof, by which face.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the credentials prove.
    pub actor: Arc<space::Actor>,
    /// The holder the credential names.
    pub patient: Option<Ins>,
    /// By which face the call came.
    pub face: Face,
}

impl Caller {
    /// The caller a verified credential makes.
    #[must_use]
    pub fn new(credential: Credential, face: Face) -> Self {
        Self { actor: Arc::new(credential.actor), patient: credential.patient, face }
    }

    /// The operator at the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self { actor: Arc::new(space::Actor::operator("passerelle")), patient: None, face: Face::Cli }
    }

    /// The holder a call bears on: the one its credential names, and no other.
    ///
    /// # Errors
    /// [`Cause::PatientMismatch`] when the message names another, [`Cause::ClaimMissing`] when neither names one.
    pub fn patient_of(&self, message: Option<&Ins>) -> Result<Ins, Refusal> {
        match (&self.patient, message) {
            (Some(claimed), Some(named)) if claimed != named => Err(Refusal::new(Cause::PatientMismatch)),
            (Some(ins), _) => Ok(ins.clone()),
            (None, Some(ins)) if self.face == Face::Cli => Ok(ins.clone()),
            (None, _) => {
                Err(Refusal::new(Cause::ClaimMissing).about("urn:oasis:names:tc:xacml:2.0:resource:resource-id"))
            }
        }
    }
}

/// Everything refused, or one thing that went wrong inside.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Refused: every cause, each with its place. The trace of it is committed.
    #[error("refused: {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Refused(Vec<Refusal>),
    /// Saturated, or settings changed under every attempt: nothing was done.
    #[error("busy")]
    Busy,
    /// The store failed: nothing was acknowledged.
    #[error("internal: {0}")]
    Store(#[source] StoreError),
}

impl Fault {
    /// What is told to the caller.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        match self {
            Self::Refused(refusals) => refusals.clone(),
            Self::Busy => vec![Refusal::new(Cause::Busy)],
            Self::Store(_) => vec![Refusal::new(Cause::Internal)],
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Stale => Self::Busy,
            ref full if full.is_full() => {
                tracing::error!(error = %full, "store.full");
                Self::Refused(vec![Refusal::new(Cause::StorageFull)])
            }
            // Its key was destroyed: there is nobody any more.
            StoreError::Forgotten => Self::Refused(vec![Refusal::new(Cause::UnknownHolder)]),
            StoreError::Unstamped => Self::Refused(vec![Refusal::new(Cause::EvidenceUnavailable)]),
            StoreError::Corrupt { what: "body" | "sealed value" } => {
                Self::Refused(vec![Refusal::new(Cause::DocumentDamaged)])
            }
            ref lost @ (StoreError::Blob(_) | StoreError::Io(_)) if lost.is_damage() => {
                Self::Refused(vec![Refusal::new(Cause::DocumentDamaged)])
            }
            StoreError::Blob(ref why) => {
                tracing::error!(error = %why, "store.bucket_unavailable");
                Self::Busy
            }
            // Repeated, it is done once: what was carried out meanwhile is a replay then.
            StoreError::Unavailable(ref why) => {
                tracing::error!(error = %why, "store.unavailable");
                Self::Busy
            }
            StoreError::CommitUnknown(ref why) => {
                tracing::error!(error = %why, "store.commit_unknown");
                Self::Busy
            }
            StoreError::TooLarge { .. } => Self::Refused(vec![Refusal::new(Cause::TooLarge)]),
            other => Self::Store(other),
        }
    }
}

/// What a gateway may set about the desk.
#[derive(Debug, Clone, Copy)]
pub struct DeskOptions {
    /// Rules of metadata.
    pub rules: SubmissionRules,
    /// Longest listing, in documents.
    pub max_results: usize,
    /// Pass on to a gateway upstream what is put in and changed (role edge).
    pub forward: bool,
}

impl Default for DeskOptions {
    fn default() -> Self {
        Self {
            rules: SubmissionRules { ins_tolerance: InsTolerance::Test, allow_masked_and_hidden: false },
            max_results: 10_000,
            forward: false,
        }
    }
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    store: Store,
    tables: Tables,
    terms: Terminology,
    clock: SharedClock,
    rng: SharedRng,
    options: DeskOptions,
    known: Known,
    /// Who is told when numbers change.
    consumers: Vec<Consumer>,
    /// How documents are looked at; not at all without.
    cda: Option<(cda::Rules, cda::Policy)>,
    /// How signatures of sets are looked at; not at all without.
    signatures: Option<Signatures>,
    /// Values of documents that feed measures.
    feeding: Arc<cda::ValueRules>,
}

impl Desk {
    /// The same desk, that looks at the headers of CDA documents.
    #[must_use]
    pub fn looking_at_documents(mut self, rules: cda::Rules, policy: cda::Policy) -> Self {
        self.cda = Some((rules, policy));
        self
    }

    /// The same desk, that has values of documents feed the measures of holders.
    #[must_use]
    pub fn feeding_measures(mut self, rules: cda::ValueRules) -> Self {
        self.feeding = Arc::new(rules);
        self
    }

    /// The same desk, that looks at the signatures of sets.
    #[must_use]
    pub fn looking_at_signatures(mut self, signatures: Signatures) -> Self {
        self.signatures = Some(signatures);
        self
    }

    /// The same desk, that has these consumers told when numbers change (ITI-46).
    #[must_use]
    pub fn telling(mut self, consumers: Vec<Consumer>) -> Self {
        self.consumers = consumers;
        self
    }

    /// A desk over a store and the tables of law.
    #[must_use]
    pub fn new(
        store: Store,
        tables: Tables,
        terms: Terminology,
        clock: SharedClock,
        rng: SharedRng,
        options: DeskOptions,
    ) -> Self {
        let known = Known::default();
        Self {
            store,
            tables,
            terms,
            clock,
            rng,
            options,
            known,
            consumers: Vec::new(),
            cda: None,
            signatures: None,
            feeding: Arc::default(),
        }
    }

    /// The code tables.
    #[must_use]
    pub const fn terms(&self) -> &Terminology {
        &self.terms
    }

    /// The clock of the gateway.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The gateway's source of chance.
    #[must_use]
    pub fn rng(&self) -> &SharedRng {
        &self.rng
    }

    /// Which wrong INS keys pass here.
    #[must_use]
    pub const fn ins_tolerance(&self) -> InsTolerance {
        self.options.rules.ins_tolerance
    }

    /// Starts receiving a document.
    #[must_use]
    pub fn stage(&self) -> BodyWriter {
        self.store.stage()
    }

    /// Lets go of what is remembered of a space's settings: another process changed them.
    pub fn forget(&self, space: SpaceId) {
        self.known.forget_settings(space);
    }

    /// Lets go of all settings remembered: some may have changed unheard.
    pub fn forget_all(&self) {
        self.known.forget_all();
    }

    /// The facts of a row, as a decision wants them.
    fn facts(&self, row: &store::EntryRow) -> access::EntryFacts {
        access::EntryFacts::of(&row.entry, row.owners.clone(), self.tables.matrix())
    }

    async fn space_of(&self, ins: &Ins) -> Result<Option<SpaceId>, Fault> {
        if let Some(space) = self.known.space(ins) {
            return Ok(Some(space));
        }
        let found = self.store.space_of(ins).await?;
        if let Some(space) = found {
            self.known.remember_space(ins, space);
        }
        Ok(found)
    }
}
