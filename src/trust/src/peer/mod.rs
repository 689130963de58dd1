//! What a certificate says of its bearer: a card's holder, a structure, a server, a mail operator.
//!
//! Carries out reference §1.10 and §3.6 for the shapes of IGC-Santé (DN, extended key usage, and the extensions cards
//! carry) and for our development PKI, which writes the same facts into the same extensions. Says nothing of trust:
//! [`crate::TrustAnchors`] does.

mod extensions;
#[cfg(test)]
mod tests;

use std::fmt;

use ambient::Timestamp;
use space::{Cause, ProfessionalId, Refusal, StructureId};
use x509_parser::{certificate::X509Certificate, extensions::KeyUsage, prelude::FromDer};

use self::extensions::Extensions;
pub use self::extensions::oid;
pub(crate) use self::extensions::{KindMark, utf8_string};
use crate::{
    key::{PublicKey, sha256},
    name::{self, DistinguishedName},
};

/// What a structure's certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StructureUse {
    /// TLS client.
    Authentication,
    /// Signature (*cachet*).
    Seal,
}

/// Whose certificate it is. `Debug` tells the kind, not who.
#[derive(Clone, PartialEq, Eq)]
pub enum Bearer {
    /// A card: CPS, CPF or CPE.
    Card {
        /// The holder (`PS_IdNat`).
        id: ProfessionalId,
        /// Profession (TRE_G15), when the card says it as a code.
        profession: Option<String>,
        /// Speciality (TRE_R01) or section (TRE_G05), when the card says it as a code.
        speciality: Option<String>,
        /// The structure, when the card says it.
        structure: Option<StructureId>,
        /// Whether it is the card of an agent without profession (CPE).
        is_agent: bool,
    },
    /// A structure.
    Structure {
        /// The structure (`Struct_IdNat`).
        id: StructureId,
        /// What the certificate is for.
        usage: StructureUse,
    },
    /// A server.
    Server,
    /// A mail operator of the MSSanté trust space.
    Operator {
        /// The operator's name (its common name).
        name: String,
    },
}

/// A certificate, read once.
#[derive(Clone, PartialEq, Eq)]
pub struct Peer {
    bearer: Bearer,
    subject: DistinguishedName,
    person: Option<String>,
    serial: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    der: Vec<u8>,
    spki: Vec<u8>,
    fingerprint: [u8; 32],
    may_sign: bool,
    intermediates: Vec<Vec<u8>>,
}

impl Peer {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`Cause::SignerUntrusted`] when it is no X.509 certificate, or one whose bearer cannot be told.
    pub fn from_der(der: &[u8]) -> Result<Self, Refusal> {
        let untrusted = |what: &str| Refusal::new(Cause::SignerUntrusted).about(what);
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| untrusted("not an X.509 certificate"))?;
        if !rest.is_empty() {
            return Err(untrusted("bytes after the certificate"));
        }
        let subject = DistinguishedName::from_x509(certificate.subject());
        let bearer = bearer_of(&certificate, &subject).ok_or_else(|| untrusted("no known kind of bearer"))?;
        let time = |t: x509_parser::time::ASN1Time| {
            Timestamp::from_second(t.timestamp()).map_err(|_| untrusted("validity out of range"))
        };
        Ok(Self {
            bearer,
            person: person_of(&subject),
            serial: certificate.raw_serial().to_vec(),
            not_before: time(certificate.validity().not_before)?,
            not_after: time(certificate.validity().not_after)?,
            der: der.to_vec(),
            spki: certificate.public_key().raw.to_vec(),
            fingerprint: sha256(der),
            may_sign: certificate.key_usage().ok().is_some_and(|usage| usage.is_none()) || signs(&certificate),
            intermediates: Vec::new(),
            subject,
        })
    }

    /// Reads the first certificate of a PEM file.
    ///
    /// # Errors
    /// As [`Peer::from_der`], or when the file holds no certificate.
    pub fn from_pem_file(path: &std::path::Path) -> Result<Self, Refusal> {
        let untrusted = || Refusal::new(Cause::SignerUntrusted).about("no certificate in the file");
        let certificates = crate::files::certificates(path).map_err(|_| untrusted())?;
        Self::from_der(certificates.first().ok_or_else(untrusted)?)
    }

    /// Reads a certificate that came with others: those are only steps towards an authority.
    ///
    /// # Errors
    /// As [`Peer::from_der`].
    pub fn from_chain(der: &[u8], intermediates: &[impl AsRef<[u8]>]) -> Result<Self, Refusal> {
        let intermediates = intermediates.iter().map(|i| i.as_ref().to_vec()).collect();
        Ok(Self { intermediates, ..Self::from_der(der)? })
    }

    /// The certificates that came with it.
    #[must_use]
    pub fn intermediates(&self) -> &[Vec<u8>] {
        &self.intermediates
    }

    /// Whether its key usage lets its key sign (RFC 5280 §4.2.1.3).
    #[must_use]
    pub const fn may_sign(&self) -> bool {
        self.may_sign
    }

    /// Whose certificate it is.
    #[must_use]
    pub const fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// Its subject.
    #[must_use]
    pub const fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// `FAMILY GIVEN` of the holder, when the subject gives them.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        self.person.as_deref()
    }

    /// Serial number, big-endian, as in the certificate.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// First instant of validity.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Last instant of validity.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Its public key, when it is of a kind and size that signatures are accepted from.
    #[must_use]
    pub fn public_key(&self) -> Option<PublicKey> {
        PublicKey::from_spki_der(&self.spki)
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Card { is_agent: false, .. } => "card",
            Self::Card { .. } => "agent card",
            Self::Structure { usage: StructureUse::Authentication, .. } => "structure authentication",
            Self::Structure { .. } => "structure seal",
            Self::Server => "server",
            Self::Operator { .. } => "operator",
        })
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({:?})", self.bearer)
    }
}

fn person_of(subject: &DistinguishedName) -> Option<String> {
    let (family, given) = (subject.last(name::SN), subject.last(name::GN));
    match (family, given) {
        (Some(family), Some(given)) => Some(format!("{family} {given}")),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

fn bearer_of(certificate: &X509Certificate<'_>, subject: &DistinguishedName) -> Option<Bearer> {
    let extensions = Extensions::read(certificate);
    let client = has_client_auth(certificate);
    let (server, mail) = match certificate.extended_key_usage().ok().flatten() {
        Some(usage) => (usage.value.server_auth, usage.value.email_protection),
        None => (false, false),
    };
    let card = |is_agent: Option<bool>| {
        let id = card_id(&subject.last(name::CN)?, extensions.kind.is_some())?;
        let is_agent = is_agent.unwrap_or_else(|| !id.as_str().starts_with(['0', '8']));
        let structure = extensions.structure.clone().or_else(|| subject.all(name::OU).find_map(|ou| structure_id(&ou)));
        Some(Bearer::Card {
            id,
            profession: extensions.profession.clone(),
            speciality: extensions.speciality.clone(),
            structure,
            is_agent,
        })
    };
    let structure = |usage: StructureUse| {
        let from_name = || subject.all(name::OU).find_map(|ou| structure_id(&ou));
        let id = extensions.structure.clone().or_else(from_name)?;
        Some(Bearer::Structure { id, usage })
    };
    match extensions.kind {
        Some(KindMark::Cps) => card(Some(false)),
        Some(KindMark::Cpe) => card(Some(true)),
        Some(KindMark::Structure) => structure(StructureUse::Authentication),
        Some(KindMark::Seal) => structure(StructureUse::Seal),
        Some(KindMark::Server) => Some(Bearer::Server),
        Some(KindMark::Operator) => Some(Bearer::Operator { name: subject.last(name::CN)? }),
        None => card(None)
            .or_else(|| {
                let seal = !client && (mail || signs(certificate));
                structure(if seal { StructureUse::Seal } else { StructureUse::Authentication })
            })
            .or_else(|| server.then_some(Bearer::Server)),
    }
}

fn has_client_auth(certificate: &X509Certificate<'_>) -> bool {
    certificate.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.client_auth)
}

fn signs(certificate: &X509Certificate<'_>) -> bool {
    let signs = |usage: &KeyUsage| usage.digital_signature() || usage.non_repudiation();
    certificate.key_usage().ok().flatten().is_some_and(|usage| signs(usage.value))
}

/// The `PS_IdNat` of a common name, which may add `/…` to it. Without our own mark only the shapes that no host name
/// has are taken for one.
fn card_id(cn: &str, marked: bool) -> Option<ProfessionalId> {
    let strict = |id: &ProfessionalId| {
        let text = id.as_str();
        let number = text.split('/').next().unwrap_or_default();
        let digits = number.len() >= 9 && number.bytes().all(|b| b.is_ascii_alphanumeric());
        marked || text.starts_with('8') || (digits && (text.starts_with('0') || text.contains('/')))
    };
    let whole = ProfessionalId::parse(cn).ok().filter(strict);
    whole.or_else(|| ProfessionalId::parse(cn.split('/').next()?).ok().filter(strict))
}

/// The `Struct_IdNat` of an organisational unit: a prefix and a number, never a label.
fn structure_id(ou: &str) -> Option<StructureId> {
    let numeric = ou.len() >= 10 && ou.bytes().filter(u8::is_ascii_digit).count() >= ou.len() - 2;
    numeric.then(|| StructureId::parse(ou).ok()).flatten()
}
