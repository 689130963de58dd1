//! Domains of identifiers: which structure gives out which numbers, and who else may be told of them (ITI TF-1 §5).
//! Data of the configuration. A number tells that somebody is a structure's patient: nobody else is told of it, unless
//! its domain is declared shared.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use space::{
    Actor, Cause, InsOid, Oid, Refusal, Settings, SpaceId, SpaceState, StructureId, settings::AuthorisationKind,
};

use crate::{
    Tables,
    permit::{Operation, Permit, Rule},
    read::refuse,
};

/// A domain, and the structure that feeds it: an entry of `identity.domains`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// OID of the authority.
    pub oid: Oid,
    /// Who gives the numbers out (`Struct_IdNat`).
    pub structure: StructureId,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// Whether other structures may be told of its numbers.
    #[serde(default)]
    pub shared: bool,
}

/// Somebody who is told when numbers change (ITI-46), as far as a decision needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// What it is called here.
    pub name: String,
    /// Whose it is.
    pub structure: StructureId,
    /// Domains it follows, registers of the INS among them.
    pub domains: Vec<Oid>,
}

impl Consumer {
    /// Whether it follows a domain.
    #[must_use]
    pub fn follows(&self, domain: &Oid) -> bool {
        self.domains.contains(domain)
    }
}

/// The structure an actor proves to act for.
fn proven(actor: &Actor) -> Option<&StructureId> {
    actor.structure.as_ref().filter(|_| actor.structure_proven)
}

impl Tables {
    /// The same tables with domains of identifiers.
    #[must_use]
    pub fn with_domains(mut self, domains: Vec<Domain>) -> Self {
        self.domains = domains;
        self
    }

    /// The domains.
    #[must_use]
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    fn domain(&self, oid: &Oid) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.oid == *oid)
    }

    /// The domain, for who feeds it and may ask by its numbers.
    ///
    /// # Errors
    /// [`Cause::UnknownDomain`], or [`Cause::ForeignDomain`] when it is another structure's.
    pub fn source_of(&self, actor: &Actor, oid: &Oid) -> Result<&Domain, Refusal> {
        let domain = self.domain(oid).ok_or_else(|| Refusal::new(Cause::UnknownDomain).about(oid.as_str()))?;
        if proven(actor) == Some(&domain.structure) {
            Ok(domain)
        } else {
            Err(Refusal::new(Cause::ForeignDomain).about(oid.as_str()))
        }
    }

    /// Whether somebody may ask by the numbers of a domain.
    ///
    /// # Errors
    /// As [`Tables::source_of`], but for shared domains, whose numbers anybody may ask by.
    pub fn asks_by(&self, actor: &Actor, oid: &Oid) -> Result<(), Refusal> {
        match self.domain(oid) {
            Some(domain) if domain.shared => Ok(()),
            _ => self.source_of(actor, oid).map(drop),
        }
    }

    /// Whether numbers of a domain may be told to somebody: the INS, one's own, and those of shared domains.
    #[must_use]
    pub fn may_be_told(&self, actor: &Actor, oid: &Oid) -> bool {
        InsOid::parse(oid.as_str()).is_some() || self.asks_by(actor, oid).is_ok()
    }

    /// Decides whether a consumer may be told of a holder: its structure is held to what the holder set, as if it asked.
    ///
    /// # Errors
    /// The space is not open, or its holder has blocked the structure.
    pub fn decide_notice(
        &self,
        operator: &Arc<Actor>,
        consumer: &Consumer,
        space: SpaceId,
        settings: &Settings,
    ) -> Result<Permit, Refusal> {
        if settings.state != SpaceState::Open {
            return refuse(Cause::SpaceClosed);
        }
        if settings.standing(consumer.structure.as_str(), true) == Some(AuthorisationKind::Blocked) {
            return refuse(Cause::Blocked);
        }
        Ok(Permit::new(Arc::clone(operator), space, Operation::Notify, Rule::Operator, settings.revision))
    }

    /// Whether a consumer may be told of numbers of a domain: those that its structure could ask for.
    #[must_use]
    pub fn tells_consumer(&self, consumer: &Consumer, oid: &Oid) -> bool {
        let told = match self.domain(oid) {
            Some(domain) => domain.shared || domain.structure == consumer.structure,
            None => InsOid::parse(oid.as_str()).is_some(),
        };
        told && consumer.follows(oid)
    }
}
