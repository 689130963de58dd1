//! What the trace of an act says (R.1111-34, R.1111-43): who, when, in what mode, what, with what outcome and by which
//! rule. Kept for the holder, who reads it, and for the courts.

use serde::{Deserialize, Serialize};

use crate::{actor::Actor, holder::SpaceId};

/// What kind of act it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A set of documents was put in.
    Deposit,
    /// Documents were searched and listed.
    Find,
    /// One document was read.
    Fetch,
    /// Metadata or references of known documents were looked up.
    Lookup,
    /// The existence or identity of a holder was asked.
    Identify,
    /// The trace itself was read.
    ReadTrace,
    /// An authorisation was given.
    Authorise,
    /// An authorisation was withdrawn.
    Withdraw,
    /// A professional was blocked.
    Block,
    /// A professional was unblocked.
    Unblock,
    /// Emergency consents were set.
    SetEmergency,
    /// The médecin traitant was declared or removed.
    SetMedecinTraitant,
    /// The holder opposed the opening of a space.
    Oppose,
    /// A space was made.
    Create,
}

/// How the act ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Done,
    /// Refused, with the stable code of the cause.
    Refused(String),
}

/// One act, before the store links it to the act before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// The space it bears on; none when the holder named is unknown here.
    pub space: Option<SpaceId>,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Who.
    pub actor: Actor,
    /// What.
    pub act: Act,
    /// On which documents (`uniqueId`), or on whom for a setting.
    pub targets: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The rule that allowed or refused it.
    pub rule: String,
    /// Which face it came by (`ihe`, `fhir`, `cli`).
    pub face: String,
}
