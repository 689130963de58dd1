//! Sections on what moves besides the registry: signatures of sets, subscriptions, and addresses that answers may be sent to.

use serde::{Deserialize, Serialize};

/// Section `[xades]`: signatures of submission sets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Xades {
    /// What follows from what is found.
    pub(crate) policy: desk::SignaturePolicy,
    /// Whether sets that come to the DMP's services must be signed.
    pub(crate) required: bool,
    /// Whether SHA-1 is admitted in digest and signature.
    pub(crate) allow_sha1: bool,
}

impl Default for Xades {
    fn default() -> Self {
        Self { policy: desk::SignaturePolicy::default(), required: false, allow_sha1: true }
    }
}

/// An address of a structure's own, called on its behalf and nobody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// The structure (`Struct_IdNat`).
    pub(crate) structure: space::StructureId,
    /// How its addresses begin: `https://host:port/path`.
    pub(crate) address: String,
}

impl Address {
    pub(crate) fn admitted(list: &[Self]) -> Vec<ihe::Admitted> {
        let one = |a: &Self| ihe::Admitted { structure: a.structure.clone(), address: a.address.clone() };
        list.iter().map(one).collect()
    }

    /// Whether it names a host to be called over TLS.
    pub(super) fn is_sound(&self) -> bool {
        let host = self.address.strip_prefix("https://").map(|rest| rest.split('/').next().unwrap_or_default());
        host.is_some_and(|host| !host.is_empty()) && !self.address.contains(['@', '%', '#', '?', ' '])
    }
}

/// Section `[dsub]`: subscriptions to what comes into a space (ITI-52, ITI-53).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dsub {
    /// Addresses of structures that may be told; none, and nobody may subscribe.
    pub(crate) consumers: Vec<Address>,
}
