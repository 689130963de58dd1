//! What the trace of an act says (R.1111-34, R.1111-43): who, when, in what mode, what, with what outcome and by which
//! rule. Kept for the holder, who reads it, and for the courts.

use serde::{Deserialize, Serialize};

use crate::{actor::Actor, holder::SpaceId};

macro_rules! acts {
    ($($name:ident, $word:literal, $fr:literal, $en:literal;)*) => {
        /// What kind of act it was.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Act {
            $(#[doc = $en] #[serde(rename = $word)] $name,)*
        }

        impl Act {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word by which it is stored, counted and sent.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it is called, to the holder.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $fr,)* }
            }
        }
    };
}

acts! {
    Deposit, "deposit", "Alimentation", "A set of documents was put in.";
    Find, "find", "Recherche de documents", "Documents were searched and listed.";
    Fetch, "fetch", "Consultation d'un document", "One document was read.";
    Lookup, "lookup", "Recherche de références", "Metadata or references of known documents were looked up.";
    Identify, "identify", "Test d'existence", "The existence or identity of a holder was asked.";
    ReadTrace, "read_trace", "Consultation de la trace", "The trace itself was read.";
    Authorise, "authorise", "Autorisation", "An authorisation was given.";
    Withdraw, "withdraw", "Retrait d'autorisation", "An authorisation was withdrawn.";
    Block, "block", "Blocage", "A professional was blocked.";
    Unblock, "unblock", "Levée de blocage", "A professional was unblocked.";
    SetEmergency, "set_emergency", "Consentements d'urgence", "Emergency consents were set.";
    SetMedecinTraitant, "set_medecin_traitant", "Médecin traitant", "The médecin traitant was declared or removed.";
    Oppose, "oppose", "Opposition ou clôture", "The holder opposed the opening of a space.";
    Create, "create", "Création de l'espace", "A space was made.";
    Update, "update", "Modification de métadonnées", "Metadata of documents or folders were changed.";
    Mask, "mask", "Masquage aux professionnels", "A document was masked to professionals.";
    Unmask, "unmask", "Démasquage", "A document was unmasked.";
    MakeVisible, "make_visible", "Levée d'invisibilité", "A document was made visible to the holder or the legal representatives.";
    Archive, "archive", "Archivage", "A document was put aside.";
    Unarchive, "unarchive", "Désarchivage", "A document was taken back from the archive.";
    Delete, "delete", "Suppression", "A document was deleted (logically).";
    ListSpaces, "list_spaces", "Liste des dossiers accessibles", "The list of accessible spaces was asked.";
    ListAuthorised, "list_authorised", "Liste des professionnels autorisés ou bloqués", "Who is authorised or blocked was asked.";
    Forward, "forward", "Transmission à la passerelle amont", "What was put in or changed here was passed on upstream.";
    Subscribe, "subscribe", "Abonnement", "A subscription to what comes into a space was made or ended.";
    SetFeeding, "set_feeding", "Alimentation automatique des mesures", "That values of documents feed the measures was opposed, or no more.";
    ReadData, "read_data", "Consultation de données", "Measures or other data of a brick were read.";
    AddData, "add_data", "Ajout d'une donnée", "A measure or another datum was put in.";
    ChangeData, "change_data", "Modification d'une donnée", "A datum was given a new version.";
    RemoveData, "remove_data", "Suppression d'une donnée", "A datum was taken away.";
    FeedIdentity, "feed_identity", "Alimentation d'identité", "Identities were fed, merged or linked.";
}

/// What an act does to what it bears on, as audit messages say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActKind {
    /// Something is made.
    Create,
    /// Something is read.
    Read,
    /// Something is asked.
    Query,
    /// The trace is read.
    ReadTrace,
    /// Something is changed.
    Update,
    /// Something is taken away.
    Delete,
}

impl Act {
    /// What it does.
    #[must_use]
    pub const fn kind(self) -> ActKind {
        match self {
            Self::Deposit | Self::Create | Self::AddData => ActKind::Create,
            Self::Fetch | Self::Forward => ActKind::Read,
            Self::ReadTrace => ActKind::ReadTrace,
            Self::ReadData | Self::Find | Self::Lookup | Self::Identify | Self::ListSpaces | Self::ListAuthorised => {
                ActKind::Query
            }
            Self::Delete | Self::RemoveData => ActKind::Delete,
            Self::Authorise
            | Self::Withdraw
            | Self::Block
            | Self::Unblock
            | Self::SetEmergency
            | Self::SetMedecinTraitant
            | Self::Oppose
            | Self::Update
            | Self::Mask
            | Self::Unmask
            | Self::MakeVisible
            | Self::Archive
            | Self::Unarchive
            | Self::Subscribe
            | Self::ChangeData
            | Self::SetFeeding
            | Self::FeedIdentity => ActKind::Update,
        }
    }

    /// Whether what it names are documents, not people.
    #[must_use]
    pub const fn is_on_documents(self) -> bool {
        matches!(
            self,
            Self::Deposit
                | Self::Find
                | Self::Fetch
                | Self::Lookup
                | Self::Update
                | Self::Mask
                | Self::Unmask
                | Self::MakeVisible
                | Self::Archive
                | Self::Unarchive
                | Self::Delete
                | Self::Forward
        )
    }
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
    /// Of a deposit that is signed: `valid`, or the code of what its signature's examination found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}
