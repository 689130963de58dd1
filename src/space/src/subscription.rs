//! A subscription to what comes into a space (ITI TF-2 §3.52): who is told, of what, where, until when.

use serde::{Deserialize, Serialize};

use crate::{
    actor::Actor,
    document::{DocumentEntry, SubmissionSet},
    query::{EntryQuery, SetQuery},
};

/// What a notification carries (ITI TF-2 Table 3.52.5.3-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topic {
    /// The whole metadata of documents.
    FullDocumentEntry,
    /// References to documents only.
    MinimalDocumentEntry,
    /// The metadata of submission sets.
    SubmissionSetMetadata,
}

impl Topic {
    /// Its name, in IHE's namespace.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FullDocumentEntry => "FullDocumentEntry",
            Self::MinimalDocumentEntry => "MinimalDocumentEntry",
            Self::SubmissionSetMetadata => "SubmissionSetMetadata",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::FullDocumentEntry, Self::MinimalDocumentEntry, Self::SubmissionSetMetadata]
            .into_iter()
            .find(|topic| topic.name() == name)
    }
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Followed {
    /// Documents that fit.
    Documents(Box<EntryQuery>),
    /// Sets that fit.
    Sets(Box<SetQuery>),
}

impl Followed {
    /// Whether it follows a document.
    #[must_use]
    pub fn document(&self, entry: &DocumentEntry) -> bool {
        matches!(self, Self::Documents(query) if query.matches(entry))
    }

    /// Whether it follows a set.
    #[must_use]
    pub fn set(&self, set: &SubmissionSet) -> bool {
        matches!(self, Self::Sets(query) if query.matches(set))
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Who subscribed: what may be told is what this actor may read when it is.
    pub actor: Actor,
    /// What notifications carry.
    pub topic: Topic,
    /// What is told.
    pub followed: Followed,
    /// Where it is told.
    pub consumer: String,
    /// Where it is managed: what notifications name it by.
    pub address: String,
    /// Until when, in milliseconds since 1970 UTC.
    pub ends_ms: i64,
}
