//! What the development PKI is asked for, and the shape each kind of certificate takes.

use std::{fmt, net::IpAddr};

use ambient::Timestamp;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType,
};
use space::{ProfessionalId, StructureId};

use super::{DAY, PkiError};
use crate::peer::{KindMark, oid, utf8_string};

/// What a certificate is for, and of whom it speaks. `Debug` tells the kind, not who.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// Professional's card (CPS).
    Cps {
        /// `PS_IdNat`.
        id: ProfessionalId,
        /// Profession (TRE_G15).
        profession: String,
        /// Speciality (TRE_R01) or section (TRE_G05).
        speciality: Option<String>,
        /// Structure.
        structure: Option<StructureId>,
        /// Family name.
        family: String,
        /// Given name.
        given: String,
    },
    /// Agent's card (CPE).
    Cpe {
        /// `PS_IdNat`.
        id: ProfessionalId,
        /// Structure.
        structure: StructureId,
        /// Family name.
        family: String,
        /// Given name.
        given: String,
    },
    /// A structure's TLS client certificate.
    Structure {
        /// `Struct_IdNat`.
        id: StructureId,
        /// Name of the structure.
        organisation: String,
    },
    /// A structure's seal.
    Seal {
        /// `Struct_IdNat`.
        id: StructureId,
        /// Name of the structure.
        organisation: String,
    },
    /// A server; `localhost`, 127.0.0.1 and ::1 are always among its names.
    Server {
        /// DNS names.
        dns: Vec<String>,
        /// Addresses.
        ips: Vec<IpAddr>,
    },
    /// An MSSanté operator, client and server of SMTP.
    Operator {
        /// Name of the operator.
        name: String,
        /// Mail domains.
        domains: Vec<String>,
    },
}

impl Kind {
    pub(super) const fn mark(&self) -> KindMark {
        match self {
            Self::Cps { .. } => KindMark::Cps,
            Self::Cpe { .. } => KindMark::Cpe,
            Self::Structure { .. } => KindMark::Structure,
            Self::Seal { .. } => KindMark::Seal,
            Self::Server { .. } => KindMark::Server,
            Self::Operator { .. } => KindMark::Operator,
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mark().as_str())
    }
}

/// Kind of key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyType {
    /// RSA, 2048 bits, as IGC-Santé.
    #[default]
    Rsa2048,
    /// EC on P-256.
    P256,
}

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First instant.
    pub not_before: Timestamp,
    /// Last instant.
    pub not_after: Timestamp,
}

impl Validity {
    /// From `before` days before `now` to `after` days after it; negative numbers give certificates that are not valid
    /// yet, or no longer.
    #[must_use]
    pub fn around(now: Timestamp, before: i64, after: i64) -> Self {
        let at = |days: i64| Timestamp::from_second(now.as_second().saturating_add(days.saturating_mul(DAY)));
        Self { not_before: at(-before).unwrap_or(Timestamp::MIN), not_after: at(after).unwrap_or(Timestamp::MAX) }
    }
}

/// What to issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRequest {
    /// Name of its files.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// From when to when; by default yesterday to fifteen years on (800 days for a server).
    pub validity: Option<Validity>,
    /// Kind of key.
    pub key: KeyType,
    /// Whether to replace a certificate of that name.
    pub replace: bool,
}

impl IssueRequest {
    /// A request with the defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, validity: None, key: KeyType::default(), replace: false }
    }

    pub(super) fn check_name(&self) -> Result<(), PkiError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        let reserved = matches!(self.name.as_str(), "ca" | "crl" | "index");
        if (1..=64).contains(&self.name.len()) && self.name.bytes().all(allowed) && !reserved {
            Ok(())
        } else {
            Err(PkiError::BadName(self.name.clone()))
        }
    }

    /// Everything of the certificate but serial, validity and key.
    pub(crate) fn params(&self) -> Result<CertificateParams, PkiError> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = self.subject();
        let (usages, purposes) = self.usages();
        params.key_usages = usages;
        params.extended_key_usages = purposes;
        params.subject_alt_names = self.alternative_names()?;
        let mut facts: Vec<(&[u64], &str)> = vec![(oid::KIND, self.kind.mark().as_str())];
        match &self.kind {
            Kind::Cps { profession, speciality, structure, .. } => {
                facts.push((oid::PROFESSION, profession));
                facts.extend(speciality.iter().map(|s| (oid::SPECIALITY, s.as_str())));
                facts.extend(structure.iter().map(|s| (oid::STRUCTURE, s.as_str())));
            }
            Kind::Cpe { structure, .. } => facts.push((oid::STRUCTURE, structure.as_str())),
            Kind::Structure { id, .. } | Kind::Seal { id, .. } => facts.push((oid::STRUCTURE, id.as_str())),
            Kind::Server { .. } | Kind::Operator { .. } => {}
        }
        for (arcs, value) in facts {
            if value.len() > 64 {
                return Err(PkiError::TooLong);
            }
            params.custom_extensions.push(CustomExtension::from_oid_content(arcs, utf8_string(value)));
        }
        Ok(params)
    }

    fn subject(&self) -> DistinguishedName {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CountryName, "FR");
        let mut push = |kind: DnType, value: &str| subject.push(kind, value);
        match &self.kind {
            Kind::Cps { id, profession, family, given, .. } => {
                push(DnType::OrganizationName, "PASSERELLE");
                push(DnType::OrganizationalUnitName, &format!("Profession {profession}"));
                push(DnType::CommonName, id.as_str());
                push(DnType::CustomDnType(vec![2, 5, 4, 4]), family);
                push(DnType::CustomDnType(vec![2, 5, 4, 42]), given);
            }
            Kind::Cpe { id, structure, family, given } => {
                push(DnType::OrganizationName, "PASSERELLE");
                push(DnType::OrganizationalUnitName, structure.as_str());
                push(DnType::CommonName, id.as_str());
                push(DnType::CustomDnType(vec![2, 5, 4, 4]), family);
                push(DnType::CustomDnType(vec![2, 5, 4, 42]), given);
            }
            Kind::Structure { id, organisation } | Kind::Seal { id, organisation } => {
                push(DnType::StateOrProvinceName, "Sarthe (72)");
                push(DnType::OrganizationName, organisation);
                push(DnType::OrganizationalUnitName, id.as_str());
                push(DnType::CommonName, &self.name);
            }
            Kind::Server { dns, .. } => {
                push(DnType::OrganizationName, "PASSERELLE");
                push(DnType::CommonName, dns.first().map_or("localhost", String::as_str));
            }
            Kind::Operator { name, .. } => {
                push(DnType::OrganizationName, "PASSERELLE");
                push(DnType::CommonName, name);
            }
        }
        subject
    }

    fn usages(&self) -> (Vec<KeyUsagePurpose>, Vec<ExtendedKeyUsagePurpose>) {
        use ExtendedKeyUsagePurpose::{ClientAuth, EmailProtection, ServerAuth};
        use KeyUsagePurpose::{ContentCommitment, DigitalSignature, KeyEncipherment};
        match &self.kind {
            // A real card has two keys; the development one serves both ends with one.
            Kind::Cps { .. } | Kind::Cpe { .. } => {
                (vec![DigitalSignature, ContentCommitment], vec![ClientAuth, EmailProtection])
            }
            Kind::Structure { .. } => (vec![DigitalSignature], vec![ClientAuth]),
            Kind::Seal { .. } => (vec![DigitalSignature, ContentCommitment], vec![EmailProtection]),
            Kind::Server { .. } => (vec![DigitalSignature, KeyEncipherment], vec![ServerAuth]),
            Kind::Operator { .. } => (vec![DigitalSignature], vec![ServerAuth, ClientAuth]),
        }
    }

    fn alternative_names(&self) -> Result<Vec<SanType>, PkiError> {
        let dns = |names: &[String]| -> Result<Vec<SanType>, PkiError> {
            names.iter().map(|n| Ok(SanType::DnsName(n.as_str().try_into()?))).collect()
        };
        Ok(match &self.kind {
            Kind::Server { dns: names, ips } => {
                let mut all = vec!["localhost".to_owned()];
                all.extend(names.iter().filter(|n| *n != "localhost").cloned());
                let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1u16])];
                let others = ips.iter().copied().filter(|ip| !loopback.contains(ip));
                let addresses = loopback.into_iter().chain(others).map(SanType::IpAddress);
                dns(&all)?.into_iter().chain(addresses).collect()
            }
            Kind::Operator { domains, .. } => dns(domains)?,
            Kind::Cps { .. } | Kind::Cpe { .. } | Kind::Structure { .. } | Kind::Seal { .. } => Vec::new(),
        })
    }
}
