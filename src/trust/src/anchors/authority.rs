//! Authorities and their revocation lists, read once: names, keys, constraints, revoked serial numbers.
//!
//! Carries out RFC 5280 §4.2.1.3, §4.2.1.9 and §5. Delta and indirect lists are refused rather than half read.

use std::{collections::HashSet, path::PathBuf};

use ambient::Timestamp;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::{
    certificate::X509Certificate, extensions::ParsedExtension, oid_registry::Oid, prelude::FromDer,
    revocation_list::CertificateRevocationList, signature_algorithm::SignatureAlgorithm, x509::AlgorithmIdentifier,
};

use super::{AnchorsError, RevocationPolicy, path::Window};
use crate::key::{Hash, PublicKey, Scheme};

/// An authority's certificate.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) key: PublicKey,
    pub(super) key_id: Option<Vec<u8>>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(super) path_len: Option<u32>,
    pub(super) signs_crls: bool,
    pub(super) window: Window,
    /// What its own issuer signed, and how.
    pub(super) signed: Signed,
    pub(super) is_anchor: bool,
}

/// A signed part of a certificate, with its signature.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) data: Vec<u8>,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) signature: Vec<u8>,
}

impl Signed {
    pub(crate) fn is_by(&self, key: &PublicKey) -> bool {
        self.scheme.is_some_and(|scheme| key.verify(scheme, &self.data, &self.signature))
    }
}

/// One authority's revocation list.
#[derive(Debug)]
pub(super) struct RevocationList {
    pub(super) issuer: Vec<u8>,
    /// Public key of the issuer, as two authorities may share a name.
    pub(super) key: PublicKey,
    pub(super) next_update: Option<Timestamp>,
    pub(super) revoked: HashSet<Vec<u8>>,
}

/// Every authority and list.
#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) all: Vec<Authority>,
    pub(super) lists: Vec<RevocationList>,
    pub(super) policy: RevocationPolicy,
}

impl Authorities {
    pub(super) fn read(
        certificates: &[(PathBuf, CertificateDer<'_>)],
        crls: &[(PathBuf, CertificateRevocationListDer<'_>)],
        policy: RevocationPolicy,
    ) -> Result<Self, AnchorsError> {
        let mut all = Vec::new();
        for (path, der) in certificates {
            all.push(Authority::read(der).ok_or_else(|| AnchorsError::NotAnAuthority(path.clone()))?);
        }
        if all.is_empty() {
            return Err(AnchorsError::Empty);
        }
        let subjects: HashSet<Vec<u8>> = all.iter().map(|a| a.subject.clone()).collect();
        for authority in &mut all {
            authority.is_anchor = authority.issuer == authority.subject || !subjects.contains(&authority.issuer);
        }
        let mut lists = Vec::new();
        for (path, der) in crls {
            match RevocationList::read(der, &all) {
                Ok(Some(list)) => lists.push(list),
                Ok(None) => tracing::warn!(file = %path.display(), "trust.crl.of_no_authority_of_ours"),
                Err(why) => return Err(AnchorsError::Crl(path.clone(), why)),
            }
        }
        Ok(Self { all, lists, policy })
    }

    /// For each certificate given, in order, whether it is an anchor.
    pub(super) fn anchors(&self) -> impl Iterator<Item = bool> + '_ {
        self.all.iter().map(|a| a.is_anchor)
    }
}

impl Authority {
    /// `None` when it is no version 3 certificate of an authority that may sign certificates, or asks for something that
    /// is not understood.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let constraints = certificate.basic_constraints().ok()??.value;
        let usage = certificate.key_usage().ok()?.map(|u| u.value);
        let understood = rest.is_empty() && constraints.ca && only_understood(&certificate);
        if !understood || usage.is_some_and(|u| !u.key_cert_sign()) {
            return None;
        }
        Some(Self {
            subject: certificate.subject().as_raw().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            serial: certificate.raw_serial().to_vec(),
            key: PublicKey::from_spki(certificate.public_key())?,
            key_id: subject_key_id(&certificate),
            authority_key_id: authority_key_id(&certificate),
            path_len: constraints.path_len_constraint,
            signs_crls: usage.is_none_or(|u| u.crl_sign()),
            window: Window::of(&certificate)?,
            signed: signed_part(&certificate),
            is_anchor: false,
        })
    }
}

impl RevocationList {
    /// `Ok(None)` when none of `authorities` signed it.
    fn read(der: &[u8], authorities: &[Authority]) -> Result<Option<Self>, &'static str> {
        let (rest, crl) = CertificateRevocationList::from_der(der).map_err(|_| "not a CRL")?;
        if !rest.is_empty() {
            return Err("bytes after it");
        }
        for extension in crl.extensions() {
            if let ParsedExtension::IssuingDistributionPoint(point) = extension.parsed_extension() {
                if point.indirect_crl || point.only_some_reasons.is_some() {
                    return Err("an indirect list, or one of some reasons only");
                }
            } else if extension.critical {
                return Err("a critical extension that is not understood");
            }
        }
        let signed = Signed {
            data: crl.tbs_cert_list.as_ref().to_vec(),
            scheme: scheme_of(&crl.signature_algorithm),
            signature: crl.signature_value.data.to_vec(),
        };
        let issuer = crl.issuer().as_raw().to_vec();
        let mut named = authorities.iter().filter(|a| a.subject == issuer).peekable();
        if named.peek().is_none() {
            return Ok(None);
        }
        let signer = named.find(|a| a.signs_crls && signed.is_by(&a.key)).ok_or("its signature is not its issuer's")?;
        let mut revoked = HashSet::new();
        for entry in crl.iter_revoked_certificates() {
            if entry.extensions().iter().any(|e| e.critical) {
                return Err("an entry with a critical extension");
            }
            revoked.insert(entry.raw_serial().to_vec());
        }
        let next_update = crl.next_update().and_then(|t| Timestamp::from_second(t.timestamp()).ok());
        Ok(Some(Self { issuer, key: signer.key.clone(), next_update, revoked }))
    }
}

/// The part its issuer signed.
pub(crate) fn signed_part(certificate: &X509Certificate<'_>) -> Signed {
    // The outer part is not signed: it has one spelling only.
    let same = certificate.signature_algorithm == certificate.tbs_certificate.signature
        && certificate.signature_value.unused_bits == 0;
    Signed {
        data: certificate.tbs_certificate.as_ref().to_vec(),
        scheme: if same { scheme_of(&certificate.signature_algorithm) } else { None },
        signature: certificate.signature_value.data.to_vec(),
    }
}

pub(super) fn authority_key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|k| k.0.to_vec()),
        _ => None,
    })
}

fn subject_key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}

/// Whether every critical extension is one that is carried out here (or, for purposes and names of a leaf, by those who
/// use the certificate). Name constraints are not, so an authority that is so constrained is no authority of ours.
pub(crate) fn only_understood(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().filter(|e| e.critical).all(|e| {
        matches!(
            e.parsed_extension(),
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::SubjectAlternativeName(_)
        )
    }) && !certificate.extensions().iter().any(|e| matches!(e.parsed_extension(), ParsedExtension::NameConstraints(_)))
}

/// SHA-1 is accepted from no authority.
pub(crate) fn scheme_of(algorithm: &AlgorithmIdentifier<'_>) -> Option<Scheme> {
    let hash = |oid: &Oid<'_>| match oid.to_id_string().as_str() {
        "2.16.840.1.101.3.4.2.1" => Some(Hash::Sha256),
        "2.16.840.1.101.3.4.2.2" => Some(Hash::Sha384),
        "2.16.840.1.101.3.4.2.3" => Some(Hash::Sha512),
        _ => None,
    };
    Some(match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.11" => Scheme::RsaPkcs1(Hash::Sha256),
        "1.2.840.113549.1.1.12" => Scheme::RsaPkcs1(Hash::Sha384),
        "1.2.840.113549.1.1.13" => Scheme::RsaPkcs1(Hash::Sha512),
        "1.2.840.113549.1.1.10" => match SignatureAlgorithm::try_from(algorithm).ok()? {
            SignatureAlgorithm::RSASSA_PSS(parameters) => Scheme::RsaPss(hash(parameters.hash_algorithm_oid())?),
            _ => return None,
        },
        "1.2.840.10045.4.3.2" => Scheme::EcdsaDer(Hash::Sha256),
        "1.2.840.10045.4.3.3" => Scheme::EcdsaDer(Hash::Sha384),
        "1.2.840.10045.4.3.4" => Scheme::EcdsaDer(Hash::Sha512),
        _ => return None,
    })
}
