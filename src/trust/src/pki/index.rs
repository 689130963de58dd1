//! `pki/index.json`: what was issued, and what was revoked of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::PkiError;
use crate::files::{read, write_atomic};

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Not said.
    #[default]
    Unspecified,
    /// The key may be in other hands.
    KeyCompromise,
    /// The bearer belongs elsewhere.
    AffiliationChanged,
    /// Another one replaces it.
    Superseded,
    /// The bearer no longer works.
    CessationOfOperation,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
    ];

    /// As the command line and the index write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key_compromise",
            Self::AffiliationChanged => "affiliation_changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation_of_operation",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }

    pub(super) const fn rfc5280(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::AffiliationChanged => rcgen::RevocationReason::AffiliationChanged,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
        }
    }
}

/// When and why a certificate was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Why.
    pub reason: Reason,
}

/// One certificate issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexEntry {
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Name of its files.
    pub name: String,
    /// `cps`, `cpe`, `structure`, `seal`, `server` or `operator`.
    pub kind: String,
    /// Last instant of validity (RFC 3339, UTC).
    pub not_after: String,
    /// Its revocation, if it is revoked.
    #[serde(default)]
    pub revoked: Option<Revocation>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    /// Number of the last CRL written.
    pub(super) crl_number: u64,
    /// Oldest first; the last of a name is the one its files hold.
    pub(super) certificates: Vec<IndexEntry>,
}

impl Index {
    pub(super) fn read(path: &Path) -> Result<Self, PkiError> {
        serde_json::from_slice(&read(path)?).map_err(|_| PkiError::Index(path.to_owned()))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), PkiError> {
        let json = serde_json::to_vec_pretty(self).map_err(|_| PkiError::Index(path.to_owned()))?;
        Ok(write_atomic(path, &json, false)?)
    }
}
