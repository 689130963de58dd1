//! Who asks: the actor that credentials have been turned into, and how far the proof goes.

use serde::{Deserialize, Serialize};

use crate::{
    ins::Ins,
    people::{Profession, ProfessionalId, StructureId},
};

/// How the software authenticated (DMP interface §1.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// A card on both ends: TLS and signature by the professional's own keys.
    Directe,
    /// The structure's certificate; the user is vouched for by the structure.
    Indirecte,
    /// The structure's certificate and a local two-factor login (AIR).
    IndirecteRenforcee,
}

impl AuthMode {
    /// As the VIHF writes it.
    #[must_use]
    pub const fn vihf(self) -> &'static str {
        match self {
            Self::Directe => "DIRECTE",
            Self::Indirecte => "INDIRECTE",
            Self::IndirecteRenforcee => "INDIRECTE_RENFORCEE",
        }
    }

    /// Reads the VIHF's word.
    #[must_use]
    pub fn from_vihf(text: &str) -> Option<Self> {
        [Self::Directe, Self::Indirecte, Self::IndirecteRenforcee].into_iter().find(|m| m.vihf() == text)
    }
}

/// Why access is asked for (VIHF `purposeofuse`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Ordinary care.
    Normal,
    /// Break-glass: immediate risk, the holder cannot consent. Law asks for the reason (R.1111-48).
    BrisDeGlace {
        /// The reason given; `None` is refused by the decision, not by the reader.
        reason: Option<String>,
    },
    /// Medical regulation of emergency calls (SAMU).
    Centre15,
}

impl Purpose {
    /// As the VIHF writes it.
    #[must_use]
    pub const fn vihf(&self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::BrisDeGlace { .. } => "bris_de_glace",
            Self::Centre15 => "centre_15",
        }
    }

    /// The reason given, if any.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::BrisDeGlace { reason } => reason.as_deref().map(str::trim).filter(|r| !r.is_empty()),
            Self::Normal | Self::Centre15 => None,
        }
    }
}

/// In what capacity the actor acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A health or social professional, known by own card or strong local login.
    Professional,
    /// Staff without a profession (CPE card, or PE under AIR): acts for the structure.
    Agent,
    /// A structure, by its certificate; its user is named but the act is the structure's.
    Structure,
    /// The holder of the space.
    Holder,
    /// The gateway's own operator (command line, jobs).
    Operator,
}

/// The software that calls, as it presents itself (VIHF `LPS_*`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Software {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// Who asks, as credentials prove it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// In what capacity.
    pub role: Role,
    /// The person: always for a professional or agent, as vouched for by the structure otherwise.
    pub id: Option<ProfessionalId>,
    /// What the person is.
    pub profession: Profession,
    /// The person's name as the credential gives it, for the holder's trace.
    pub name: String,
    /// The structure in which or for which the act is done.
    pub structure: Option<StructureId>,
    /// Whether a card or seal says so, not only the caller: a structure that is merely claimed opens nothing.
    pub structure_proven: bool,
    /// How the software authenticated.
    pub auth: AuthMode,
    /// Why access is asked for.
    pub purpose: Purpose,
    /// *Connexion secrète*: the session's acts and documents stay hidden from a minor's legal representatives.
    pub secret: bool,
    /// The software that calls.
    pub software: Software,
}

impl Actor {
    /// The operator of the gateway (command line on development data, jobs).
    #[must_use]
    pub fn operator(name: &str) -> Self {
        Self {
            role: Role::Operator,
            id: None,
            profession: Profession::default(),
            name: name.to_owned(),
            structure: None,
            structure_proven: false,
            auth: AuthMode::Directe,
            purpose: Purpose::Normal,
            secret: false,
            software: Software { name: "passerelle".into(), version: env!("CARGO_PKG_VERSION").into() },
        }
    }
}

/// What a verified credential says: who asks, and on whose space the call is to bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Who asks.
    pub actor: Actor,
    /// The holder the credential names (VIHF `resource-id`), when it names one.
    pub patient: Option<Ins>,
}
