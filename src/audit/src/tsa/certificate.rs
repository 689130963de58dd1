//! The certificate of a stamping authority: which one signed, what it is for, whom it leads to.

use std::time::Duration;

use aws_lc_rs::digest::{self, Algorithm};
use cms::{
    cert::x509::{
        Certificate,
        ext::pkix::{ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier},
    },
    signed_data::SignerIdentifier,
};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{ObjectIdentifier, OctetString},
};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, anchor_from_trusted_cert};

use super::{
    TsaError,
    info::{SHA_256, SignedData},
};

const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const EXT_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// The hash of an OID, among those admitted.
pub(super) fn hash(oid: ObjectIdentifier) -> Option<&'static Algorithm> {
    match oid {
        SHA_256 => Some(&digest::SHA256),
        SHA_384 => Some(&digest::SHA384),
        SHA_512 => Some(&digest::SHA512),
        _ => None,
    }
}

/// The certificates of a token: the signer's, and what may lead from it to an authority.
pub(super) struct Certificates {
    signer: Certificate,
    der: CertificateDer<'static>,
    others: Vec<CertificateDer<'static>>,
}

impl Certificates {
    /// Finds the certificate that `sid` names among those of the token.
    ///
    /// # Errors
    /// [`TsaError::NoCertificate`].
    pub(super) fn find(signed: &SignedData, sid: &SignerIdentifier) -> Result<Self, TsaError> {
        let mut found = None;
        let mut others = Vec::new();
        for any in signed.certificates.iter().flat_map(|set| set.iter()) {
            // Other kinds of certificates (CertificateChoices) lead nowhere.
            let Ok(bytes) = any.to_der() else { continue };
            let parsed = Certificate::from_der(&bytes).ok().filter(|c| found.is_none() && names(sid, c));
            match parsed {
                Some(certificate) => found = Some((certificate, CertificateDer::from(bytes))),
                None => others.push(CertificateDer::from(bytes)),
            }
        }
        let (signer, der) = found.ok_or(TsaError::NoCertificate)?;
        Ok(Self { signer, der, others })
    }

    /// The signer's, DER.
    pub(super) const fn signer(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Whether the signer's certificate is for stamping time and nothing else, and says so as critical (RFC 3161 §2.3);
    /// its key must be one for signing where its use is restricted.
    ///
    /// # Errors
    /// [`TsaError::NotForStamping`].
    pub(super) fn for_stamping(&self) -> Result<(), TsaError> {
        let extension = |oid| {
            let all = self.signer.tbs_certificate.extensions.iter().flatten();
            let mut all = all.filter(move |e| e.extn_id == oid);
            (all.next(), all.next().is_some())
        };
        let (Some(usage), false) = extension(EXT_KEY_USAGE) else { return Err(TsaError::NotForStamping) };
        let purposes = ExtendedKeyUsage::from_der(usage.extn_value.as_bytes()).map_err(|_| TsaError::NotForStamping)?;
        if !usage.critical || purposes.0 != [TIME_STAMPING] {
            return Err(TsaError::NotForStamping);
        }
        let signs = match extension(KEY_USAGE) {
            (None, _) => true,
            (Some(usage), false) => KeyUsage::from_der(usage.extn_value.as_bytes())
                .is_ok_and(|usage| usage.digital_signature() || usage.non_repudiation()),
            (Some(_), true) => false,
        };
        if signs { Ok(()) } else { Err(TsaError::NotForStamping) }
    }

    /// Whether the signer's certificate led to one of `roots` at the time `at`.
    ///
    /// # Errors
    /// [`TsaError::Untrusted`], or [`TsaError::Root`] when a root cannot be used.
    pub(super) fn lead_to(&self, roots: &[CertificateDer<'_>], at: Timestamp) -> Result<(), TsaError> {
        let anchors: Result<Vec<_>, _> = roots.iter().map(anchor_from_trusted_cert).collect();
        let anchors = anchors.map_err(|_| TsaError::Root)?;
        let seconds = u64::try_from(at.as_second()).map_err(|_| TsaError::Time)?;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        // The library asks the same of every authority on the way, and most of those name no purpose at all. That the
        // signer's own certificate names it is seen by `for_stamping`.
        let usage = webpki::KeyUsage::required_if_present(TIME_STAMPING_BYTES);
        let signer = EndEntityCert::try_from(&self.der).map_err(|_| TsaError::Untrusted)?;
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        signer
            .verify_for_usage(algorithms, &anchors, &self.others, at, usage, None, None)
            .map(drop)
            .map_err(|_| TsaError::Untrusted)
    }

    /// Whether the value of `signingCertificate` (RFC 2634) names the signer's certificate first. Its hash is SHA-1 by
    /// definition, which is enough to say which of the certificates it is: that one is still verified.
    pub(super) fn named_by_v1(&self, value: &Any) -> bool {
        #[derive(Sequence)]
        struct EssCertId {
            hash: OctetString,
            #[asn1(optional = "true")]
            issuer_serial: Option<Any>,
        }
        let Some(id) = first::<EssCertId>(value) else { return false };
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der).as_ref() == id.hash.as_bytes()
    }

    /// Whether the value of `signingCertificateV2` (RFC 5035) names the signer's certificate first.
    pub(super) fn named_by_v2(&self, value: &Any) -> bool {
        let Some(id) = first::<Any>(value) else { return false };
        let Some((algorithm, named)) = ess_cert_id_v2(&id) else { return false };
        digest::digest(algorithm, &self.der).as_ref() == named.as_bytes()
    }
}

/// `id-kp-timeStamping`, the content of its OID.
const TIME_STAMPING_BYTES: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// The first of the certificates that a signing-certificate attribute names.
fn first<T: for<'a> Decode<'a>>(value: &Any) -> Option<T> {
    let mut fields = Vec::<Any>::from_der(&value.to_der().ok()?).ok()?.into_iter();
    let ids = Vec::<Any>::from_der(&fields.next()?.to_der().ok()?).ok()?;
    T::from_der(&ids.first()?.to_der().ok()?).ok()
}

/// `ESSCertIDv2`: a hash algorithm (SHA-256 when left out), a hash, the issuer and number. The hash is of the whole
/// certificate, so that issuer and number add nothing.
fn ess_cert_id_v2(id: &Any) -> Option<(&'static Algorithm, OctetString)> {
    let fields = Vec::<Any>::from_der(&id.to_der().ok()?).ok()?;
    let (head, second) = (fields.first()?, fields.get(1));
    if let Ok(hash) = head.decode_as::<OctetString>() {
        return Some((&digest::SHA256, hash));
    }
    let algorithm: cms::cert::x509::spki::AlgorithmIdentifierOwned = head.decode_as().ok()?;
    Some((hash(algorithm.oid)?, second?.decode_as().ok()?))
}

fn names(sid: &SignerIdentifier, certificate: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => id.issuer == tbs.issuer && id.serial_number == tbs.serial_number,
        SignerIdentifier::SubjectKeyIdentifier(id) => {
            let mut extensions = tbs.extensions.iter().flatten().filter(|e| e.extn_id == SUBJECT_KEY_IDENTIFIER);
            extensions
                .next()
                .and_then(|e| SubjectKeyIdentifier::from_der(e.extn_value.as_bytes()).ok())
                .is_some_and(|own| own == *id)
        }
    }
}
