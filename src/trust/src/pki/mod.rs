//! The development PKI: one CA under `pki/`, certificates shaped like those of IGC-Santé, a CRL, an index.
//!
//! Carries out contract §1 (`passerelle pki`) and §3 (files). For development data only: the CA's key lies beside its
//! certificates. Never overwrites a certificate unless told; every file is written whole or not at all, keys with mode
//! 0600.

mod index;
mod request;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ambient::{SharedClock, SharedRng, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, RsaKeySize, SerialNumber, date_time_ymd,
};

use self::index::Index;
pub use self::{
    index::{IndexEntry, Reason, Revocation},
    request::{IssueRequest, KeyType, Kind, Validity},
};
use crate::files::{FileError, read, write_atomic};

const DAY: i64 = 86_400;
const CA_DAYS: i64 = 30 * 365;
/// Long enough for ten years of a moved clock (contract §1 `advance`).
const BEARER_DAYS: i64 = 15 * 365;
/// What the strictest clients accept of a server.
const SERVER_DAYS: i64 = 800;
const CRL_DAYS: i64 = 30;

/// Seconds since 1970 as rcgen's instant, whose type it does not export.
macro_rules! instant {
    ($seconds:expr) => {
        date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from($seconds).unwrap_or(0))
    };
}

/// Why the development PKI could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A CA is there already.
    #[error("{0} exists already: a development CA is never replaced, choose another folder")]
    Exists(PathBuf),
    /// The certificate is there already.
    #[error("a certificate named {0} exists already: ask for it to be replaced, or choose another name")]
    NameTaken(String),
    /// The name cannot be a file's.
    #[error("{0:?} cannot name a certificate: use small letters, digits, '-' and '_'")]
    BadName(String),
    /// No such certificate.
    #[error("no certificate is named {0}")]
    Unknown(String),
    /// The index cannot be read.
    #[error("{0}: not the index of a development PKI")]
    Index(PathBuf),
    /// The certificate could not be made.
    #[error("the certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A claim in the request is too long for a certificate.
    #[error("a value of the request is longer than a certificate takes")]
    TooLong,
}

/// A development CA and its folder.
#[derive(Debug)]
pub struct Pki {
    dir: PathBuf,
    clock: SharedClock,
    rng: SharedRng,
}

impl Pki {
    /// Makes a CA in `dir` (created if absent), with an empty CRL.
    ///
    /// # Errors
    /// [`PkiError::Exists`] when one is there already.
    pub fn create(dir: &Path, clock: SharedClock, rng: SharedRng) -> Result<Self, PkiError> {
        fs::create_dir_all(dir).map_err(FileError::io(dir))?;
        let pki = Self { dir: dir.to_owned(), clock, rng };
        let _lock = pki.lock()?;
        let ca = pki.path("ca.pem");
        if ca.exists() {
            return Err(PkiError::Exists(ca));
        }
        let now = pki.clock.now();
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, "FR");
        name.push(DnType::OrganizationName, "PASSERELLE");
        name.push(DnType::OrganizationalUnitName, "DEVELOPPEMENT");
        name.push(DnType::CommonName, "AC PASSERELLE DE DEVELOPPEMENT");
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(pki.serial());
        params.not_before = instant!(now.as_second() - DAY);
        params.not_after = instant!(now.as_second() + CA_DAYS * DAY);
        let key = generate(KeyType::Rsa2048)?;
        let certificate = params.self_signed(&key)?;
        write_atomic(&pki.path("ca.key"), key.serialize_pem().as_bytes(), true)?;
        Index::default().write(&pki.path("index.json"))?;
        write_atomic(&ca, certificate.pem().as_bytes(), false)?;
        pki.write_crl()?;
        Ok(pki)
    }

    /// Opens the CA of `dir`.
    ///
    /// # Errors
    /// [`PkiError`] when there is none.
    pub fn open(dir: &Path, clock: SharedClock, rng: SharedRng) -> Result<Self, PkiError> {
        let pki = Self { dir: dir.to_owned(), clock, rng };
        read(&pki.path("ca.pem"))?;
        Index::read(&pki.path("index.json"))?;
        Ok(pki)
    }

    /// Path of a file of the PKI.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// Issues a certificate: writes `NAME.key` and `NAME.pem`, enters it in the index.
    ///
    /// # Errors
    /// [`PkiError::NameTaken`] when `NAME.pem` exists and the request does not say to replace it.
    pub fn issue(&self, request: &IssueRequest) -> Result<IndexEntry, PkiError> {
        request.check_name()?;
        let _lock = self.lock()?;
        let (certificate_path, key_path) =
            (self.path(&format!("{}.pem", request.name)), self.path(&format!("{}.key", request.name)));
        if certificate_path.exists() && !request.replace {
            return Err(PkiError::NameTaken(request.name.clone()));
        }
        let now = self.clock.now();
        let validity = request.validity.unwrap_or_else(|| default_validity(now, &request.kind));
        let serial = self.serial();
        let mut params = request.params()?;
        params.serial_number = Some(serial.clone());
        params.not_before = instant!(validity.not_before.as_second());
        params.not_after = instant!(validity.not_after.as_second());
        let key = generate(request.key)?;
        let certificate = params.signed_by(&key, &self.issuer()?)?;
        let entry = IndexEntry {
            serial: crate::key::hex_of(&serial.to_bytes()),
            name: request.name.clone(),
            kind: request.kind.mark().as_str().to_owned(),
            not_after: validity.not_after.to_string(),
            revoked: None,
        };
        let index_path = self.path("index.json");
        let mut index = Index::read(&index_path)?;
        index.certificates.push(entry.clone());
        // The index goes first: an entry without its file can be revoked, a file without its entry could not.
        index.write(&index_path)?;
        write_atomic(&key_path, key.serialize_pem().as_bytes(), true)?;
        write_atomic(&certificate_path, certificate.pem().as_bytes(), false)?;
        Ok(entry)
    }

    /// Revokes the present certificate of a name and rewrites the CRL. Revoking twice changes nothing.
    ///
    /// # Errors
    /// [`PkiError::Unknown`].
    pub fn revoke(&self, name: &str, reason: Reason) -> Result<(), PkiError> {
        let _lock = self.lock()?;
        let index_path = self.path("index.json");
        let mut index = Index::read(&index_path)?;
        let found = index.certificates.iter_mut().rev().find(|c| c.name == name);
        let entry = found.ok_or_else(|| PkiError::Unknown(name.to_owned()))?;
        if entry.revoked.is_none() {
            entry.revoked = Some(Revocation { at: self.clock.now().to_string(), reason });
            index.write(&index_path)?;
        }
        self.write_crl()
    }

    /// Rewrites `crl.pem`, good for 30 days from now.
    ///
    /// # Errors
    /// [`PkiError`] when a file cannot be read or written.
    pub fn crl(&self) -> Result<(), PkiError> {
        let _lock = self.lock()?;
        self.write_crl()
    }

    /// Every certificate issued, oldest first.
    ///
    /// # Errors
    /// [`PkiError::Index`].
    pub fn certificates(&self) -> Result<Vec<IndexEntry>, PkiError> {
        Ok(Index::read(&self.path("index.json"))?.certificates)
    }

    fn write_crl(&self) -> Result<(), PkiError> {
        let index_path = self.path("index.json");
        let mut index = Index::read(&index_path)?;
        index.crl_number += 1;
        let revoked = |entry: &IndexEntry| {
            let revocation = entry.revoked.as_ref()?;
            let at: Timestamp = revocation.at.parse().ok()?;
            Some(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&unhex(&entry.serial)?),
                revocation_time: instant!(at.as_second()),
                reason_code: Some(revocation.reason.rfc5280()),
                invalidity_date: None,
            })
        };
        let now = self.clock.now().as_second();
        let params = CertificateRevocationListParams {
            this_update: instant!(now),
            next_update: instant!(now + CRL_DAYS * DAY),
            crl_number: SerialNumber::from(index.crl_number),
            issuing_distribution_point: None,
            revoked_certs: index.certificates.iter().filter_map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let crl = params.signed_by(&self.issuer()?)?;
        index.write(&index_path)?;
        Ok(write_atomic(&self.path("crl.pem"), crl.pem()?.as_bytes(), false)?)
    }

    /// The authority, to sign with.
    pub(crate) fn issuer(&self) -> Result<Issuer<'static, KeyPair>, PkiError> {
        let text = |file: &str| {
            let path = self.path(file);
            String::from_utf8(read(&path)?).map_err(|_| FileError::Pem { path, what: "text" })
        };
        let key = KeyPair::from_pem(&text("ca.key")?)?;
        Ok(Issuer::from_ca_cert_pem(&text("ca.pem")?, key)?)
    }

    /// A positive serial number of 16 bytes (RFC 5280 §4.1.2.2).
    fn serial(&self) -> SerialNumber {
        let mut bytes = [0; 16];
        self.rng.fill(&mut bytes);
        bytes[0] = (bytes[0] & 0x7f) | 0x40;
        SerialNumber::from_slice(&bytes)
    }

    /// Two commands on one folder take turns.
    fn lock(&self) -> Result<fs::File, PkiError> {
        let path = self.path(".lock");
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(FileError::io(&path))?;
        file.lock().map_err(FileError::io(&path))?;
        Ok(file)
    }
}

fn default_validity(now: Timestamp, kind: &Kind) -> Validity {
    let days = if matches!(kind, Kind::Server { .. }) { SERVER_DAYS } else { BEARER_DAYS };
    Validity::around(now, 1, days)
}

fn generate(key: KeyType) -> Result<KeyPair, rcgen::Error> {
    match key {
        KeyType::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
        KeyType::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}
