//! The VIHF: the SAML 2.0 assertion that says who calls, for whom, on whose space and why.
//!
//! Carries out reference §1.9 and §1.10. Verifies the signature and reads the claims on one and the same tree; the time
//! window, the signer's standing and the caller's certificate are checked every time, the arithmetic once per assertion,
//! which is remembered by the digest of its text until it expires or its signer is no longer trusted.
//! Never decides what the caller may do, never logs anything of an assertion.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use ambient::SharedClock;
use jiff::SignedDuration;
use space::{Cause, Credential, InsTolerance, Refusal};
use uppsala::{Document, NodeId};

#[cfg(any(test, feature = "vectors"))]
pub(crate) use self::write::instant;
pub use self::write::{VihfError, VihfRequest};
use crate::{
    Peer, TrustAnchors,
    cache::{self, Cache, Known},
    claims::{Lifetime, Places, is_sector},
    xmldsig::{SignaturePolicy, SignedElement, inherited_namespaces},
};

pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const HL7: &str = "urn:hl7-org:v3";

/// Names of attributes (reference §1.9).
pub(crate) mod attribute {
    pub(crate) const VERSION: &str = "VIHF_Version";
    pub(crate) const MODE: &str = "Authentification_mode";
    pub(crate) const MODE_CAPITAL: &str = "Authentification_Mode";
    pub(crate) const STRUCTURE: &str = "Identifiant_Structure";
    pub(crate) const SECTOR: &str = "Secteur_Activite";
    pub(crate) const SUBJECT_NAME: &str = "urn:oasis:names:tc:xspa:1.0:subject:subject-id";
    pub(crate) const ROLE: &str = "urn:oasis:names:tc:xacml:2.0:subject:role";
    pub(crate) const RESOURCE: &str = "urn:oasis:names:tc:xacml:2.0:resource:resource-id";
    pub(crate) const RESOURCE_URN: &str = "Ressource_URN";
    pub(crate) const PURPOSE: &str = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse";
    pub(crate) const CONFIDENTIALITY: &str = "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code";
    pub(crate) const SOFTWARE_ID: &str = "LPS_ID";
    pub(crate) const SOFTWARE_NAME: &str = "LPS_Nom";
    pub(crate) const SOFTWARE_VERSION: &str = "LPS_Version";
    pub(crate) const HOMOLOGATION: &str = "LPS_ID_HOMOLOGATION_DMP";
    /// UNVERIFIED in the reference: the attribute of the break-glass reason has no public source.
    pub(crate) const REASON: &str = "Mode_Acces_Raison";
}

pub(crate) const PLACES: Places = Places {
    issuer: "/Assertion/Issuer",
    issued: "/Assertion/@IssueInstant",
    not_before: "/Assertion/Conditions/@NotBefore",
    not_after: "/Assertion/Conditions/@NotOnOrAfter",
    subject: "/Assertion/Subject/NameID",
    name: "/Assertion/AttributeStatement/Attribute[@Name='urn:oasis:names:tc:xspa:1.0:subject:subject-id']",
    mode: "/Assertion/AttributeStatement/Attribute[@Name='Authentification_mode']",
    structure: "/Assertion/AttributeStatement/Attribute[@Name='Identifiant_Structure']",
    role: "/Assertion/AttributeStatement/Attribute[@Name='urn:oasis:names:tc:xacml:2.0:subject:role']",
    speciality: "/Assertion/AttributeStatement/Attribute[@Name='urn:oasis:names:tc:xacml:2.0:subject:role']/AttributeValue[2]",
    signer: "/Assertion/Signature/KeyInfo/X509Data/X509Certificate",
};

/// What assertions are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VihfPolicy {
    /// How long after its IssueInstant an assertion holds.
    pub lifetime: Duration,
    /// How far the clocks of callers may be off.
    pub skew: Duration,
    /// Whether SHA-1 signatures are accepted (national samples of 2019).
    pub allow_sha1: bool,
    /// Longest assertion or token, in bytes.
    pub max_bytes: usize,
    /// Names under which the break-glass reason is looked for, in order. UNVERIFIED in the reference.
    pub reason_attributes: Vec<String>,
    /// For which registers a wrong INS key is let through.
    pub ins_tolerance: InsTolerance,
    /// Codes of sectors of activity that are admitted; `None` = any of their shape (SAxx).
    pub sectors: Option<BTreeSet<String>>,
    /// Whether an assertion of *authentification indirecte renforcée* must declare its context of authentication.
    /// UNVERIFIED in the reference, which says that AIR adds an AuthnContextDecl and not what stands in it.
    pub air_declares: bool,
}

impl Default for VihfPolicy {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(3600),
            skew: Duration::from_secs(120),
            allow_sha1: false,
            max_bytes: 64 * 1024,
            reason_attributes: vec![attribute::REASON.to_owned()],
            ins_tolerance: InsTolerance::Test,
            sectors: None,
            air_declares: false,
        }
    }
}

impl VihfPolicy {
    pub(crate) fn lifetime(&self) -> Lifetime {
        let signed = |d: Duration| SignedDuration::try_from(d).unwrap_or(SignedDuration::MAX);
        Lifetime { lifetime: signed(self.lifetime), skew: signed(self.skew) }
    }

    /// Whether a text is the code of an admitted sector of activity.
    pub(crate) fn admits_sector(&self, code: &str) -> bool {
        is_sector(code) && self.sectors.as_ref().is_none_or(|known| known.contains(code))
    }
}

/// Turns assertions into credentials.
pub struct VihfVerifier {
    policy: VihfPolicy,
    anchors: Arc<TrustAnchors>,
    clock: SharedClock,
    cache: Cache,
}

impl VihfVerifier {
    /// A verifier that trusts `anchors`.
    #[must_use]
    pub fn new(policy: VihfPolicy, anchors: Arc<TrustAnchors>, clock: SharedClock) -> Self {
        Self { policy, anchors, clock, cache: Cache::default() }
    }

    /// What is accepted.
    #[must_use]
    pub const fn policy(&self) -> &VihfPolicy {
        &self.policy
    }

    /// Verifies the assertion at `assertion` of a message that `peer` sent.
    ///
    /// # Errors
    /// A [`Refusal`] with the cause that fits and the place in the assertion.
    pub fn verify(&self, doc: &Document<'_>, assertion: NodeId, peer: &Peer) -> Result<Credential, Refusal> {
        let is_assertion = doc.element(assertion).is_some_and(|e| e.matches_name_ns(SAML, "Assertion"));
        if !is_assertion {
            return Err(Refusal::new(Cause::AssertionMissing));
        }
        let source = doc.node_source(assertion);
        if source.is_some_and(|s| s.len() > self.policy.max_bytes) {
            return Err(Refusal::new(Cause::TooLarge).at("/Assertion").about(self.policy.max_bytes.to_string()));
        }
        let key = source.map(|source| cache::key(source, &inherited_namespaces(doc, assertion)));
        if let Some((key, known)) = key.and_then(|key| Some((key, self.cache.get(&key)?))) {
            // The text was checked; the message around it may differ from the one it was checked in.
            SignedElement::stands_alone(doc, assertion)?;
            only_assertion(doc)?;
            let told = self.told(&known, peer);
            if told.as_ref().is_err_and(|refusal| for_good(refusal.cause)) {
                self.cache.forget(&key);
            }
            return told;
        }
        let signed = SignedElement::find(doc, assertion, SignaturePolicy { allow_sha1: self.policy.allow_sha1 })?;
        only_assertion(doc)?;
        let signer =
            Peer::from_chain(signed.certificate(), signed.further_certificates()).map_err(|r| r.at(PLACES.signer))?;
        self.check_signer(&signer)?;
        let element = signed.verify(&signer)?;
        let claims = read::claims(element.document(), element.root(), &self.policy)?;
        let known = Arc::new(Known { claims, signer });
        let told = self.told(&known, peer)?;
        if let Some(key) = key {
            self.cache.put(key, known);
        }
        Ok(told)
    }

    /// What depends on the instant and the caller: signer, time, and who may say so to whom.
    fn told(&self, known: &Known, peer: &Peer) -> Result<Credential, Refusal> {
        let now = self.clock.now();
        self.check_signer(&known.signer)?;
        self.anchors.check_status(&known.signer, now).map_err(|r| r.at(PLACES.signer))?;
        known.claims.check_time(self.policy.lifetime(), now, &PLACES)?;
        known.claims.credential(&known.signer, Some(peer), &PLACES)
    }

    fn check_signer(&self, signer: &Peer) -> Result<(), Refusal> {
        self.anchors.check_peer(signer, self.clock.now()).map_err(|r| r.at(PLACES.signer))
    }
}

/// Only one assertion comes with a call: with two, what is verified and what is read could part.
fn only_assertion(doc: &Document<'_>) -> Result<(), Refusal> {
    match doc.get_elements_by_tag_name_ns(SAML, "Assertion").len() {
        1 => Ok(()),
        _ => Err(Refusal::new(Cause::AssertionDuplicated)),
    }
}

/// Whether what was refused for this cause is refused for good: it need not be remembered.
pub(crate) const fn for_good(cause: Cause) -> bool {
    matches!(cause, Cause::AssertionExpired | Cause::SignerRevoked | Cause::SignerExpired)
}

impl fmt::Debug for VihfVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VihfVerifier").field("policy", &self.policy).finish_non_exhaustive()
    }
}
