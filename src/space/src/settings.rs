//! What the holder, and the professionals around them, have set on a space.

use serde::{Deserialize, Serialize};

use crate::holder::{SpaceId, SpaceState};

/// A standing authorisation, or a block, of one professional or one structure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorisation {
    /// `PS_IdNat` or `Struct_IdNat` of who is authorised or blocked.
    pub grantee: String,
    /// Whether `grantee` is a structure: all its professionals are then the team (R.1111-46).
    pub is_structure: bool,
    /// What stands.
    pub kind: AuthorisationKind,
    /// Since when, in milliseconds since 1970 UTC.
    pub since_ms: i64,
}

/// Given, or blocked. A withdrawn authorisation does not stand and has no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorisationKind {
    /// May read as the matrix says.
    Given,
    /// Blocked by the holder: nothing at all, in any mode.
    Blocked,
}

/// The three consents for emergencies, each given unless the holder refused (R.1111-48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EmergencyConsents {
    /// Access by the regulation of emergency calls.
    pub centre15: bool,
    /// Break-glass access by any professional.
    pub bris_de_glace: bool,
    /// Masked documents too, in either of the two.
    pub masked: bool,
}

impl Default for EmergencyConsents {
    /// Law presumes consent to emergency access. Whether it presumes consent to masked documents is UNVERIFIED: the
    /// stricter reading is the default.
    fn default() -> Self {
        Self { centre15: true, bris_de_glace: true, masked: false }
    }
}

/// Everything a decision on a space depends on besides the actor and the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Grows with every change of what follows; a decision made on an older number is made again.
    pub revision: i64,
    /// State of the space.
    pub state: SpaceState,
    /// The space that took this one over, once it is merged.
    pub merged_into: Option<SpaceId>,
    /// Emergency consents.
    pub emergency: EmergencyConsents,
    /// Authorisations and blocks that stand.
    pub authorisations: Vec<Authorisation>,
    /// Whether the holder opposed that values of documents feed their measures (R136, R137).
    pub feeding_opposed: bool,
    /// The médecins traitants declared to the DMP (`PS_IdNat`).
    pub medecins_traitants: Vec<String>,
}

impl Settings {
    /// What stands for a professional or structure, blocks first.
    #[must_use]
    pub fn standing(&self, grantee: &str, is_structure: bool) -> Option<AuthorisationKind> {
        let mut found = None;
        for a in &self.authorisations {
            if a.is_structure == is_structure && a.grantee == grantee {
                if a.kind == AuthorisationKind::Blocked {
                    return Some(AuthorisationKind::Blocked);
                }
                found = Some(a.kind);
            }
        }
        found
    }
}
