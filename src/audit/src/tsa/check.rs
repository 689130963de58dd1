//! The check of a token: who signed it, by RFC 3161 §2.3 and §2.4.2 and RFC 5652 §5.4 to §5.6.

use aws_lc_rs::digest;
use cms::{cert::x509::attr::Attribute, signed_data::SignerInfo};
use der::{
    Any, Encode,
    asn1::{ObjectIdentifier, OctetString},
};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, alg_id};
use webpki::{EndEntityCert, aws_lc_rs as algorithms};

use super::{
    TsaError,
    certificate::{Certificates, hash},
    info::{TST_INFO, Token},
};

const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// When what has the SHA-256 `sha256` was stamped, by the word of an authority whose certificate led to one of `roots`
/// at that time. `token` is what [`super::token_of`] gave. Revocation is not looked at.
///
/// # Errors
/// Why the token proves nothing.
pub fn check(token: &[u8], sha256: &[u8; 32], roots: &[CertificateDer<'_>]) -> Result<Timestamp, TsaError> {
    let token = Token::read(token)?;
    if !token.stamps(sha256) {
        return Err(TsaError::OtherImprint);
    }
    let at = token.time()?;
    let [signer] = token.signed.signers.0.as_slice() else { return Err(TsaError::Signers) };
    let certificates = Certificates::find(&token.signed, &signer.sid)?;
    signed_for(signer, &token, &certificates)?;
    certificates.for_stamping()?;
    certificates.lead_to(roots, at)?;
    signature(signer, &certificates)?;
    Ok(at)
}

/// Whether the signed attributes are about this stamp, by this certificate.
fn signed_for(signer: &SignerInfo, token: &Token, certificates: &Certificates) -> Result<(), TsaError> {
    let algorithm = hash(signer.digest_alg.oid).ok_or(TsaError::Algorithm)?;
    let kind = one(signer, CONTENT_TYPE, "contentType")?.and_then(|v| v.decode_as::<ObjectIdentifier>().ok());
    if kind != Some(TST_INFO) {
        return Err(TsaError::Attribute("contentType"));
    }
    let named = one(signer, MESSAGE_DIGEST, "messageDigest")?.and_then(|v| v.decode_as::<OctetString>().ok());
    let digest = digest::digest(algorithm, &token.content);
    if named.is_none_or(|named| named.as_bytes() != digest.as_ref()) {
        return Err(TsaError::Attribute("messageDigest"));
    }
    // Either is enough (RFC 5816 §2.2.1); none may be wrong.
    let v1 = one(signer, SIGNING_CERTIFICATE, "signingCertificate")?;
    let v2 = one(signer, SIGNING_CERTIFICATE_V2, "signingCertificateV2")?;
    if v1.is_some_and(|value| !certificates.named_by_v1(value)) {
        return Err(TsaError::Attribute("signingCertificate"));
    }
    match v2 {
        Some(value) if !certificates.named_by_v2(value) => Err(TsaError::Attribute("signingCertificateV2")),
        None if v1.is_none() => Err(TsaError::Attribute("signingCertificateV2")),
        _ => Ok(()),
    }
}

/// The one value of a signed attribute, where it is there.
fn one<'a>(signer: &'a SignerInfo, oid: ObjectIdentifier, name: &'static str) -> Result<Option<&'a Any>, TsaError> {
    let attributes = signer.signed_attrs.iter().flat_map(|attributes| attributes.iter());
    let mut found = attributes.filter(|attribute: &&Attribute| attribute.oid == oid);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(attribute), None) => match attribute.values.as_slice() {
            [value] => Ok(Some(value)),
            _ => Err(TsaError::Attribute(name)),
        },
        (Some(_), Some(_)) => Err(TsaError::Attribute(name)),
    }
}

/// Whether the signature on the signed attributes is the certificate's.
fn signature(signer: &SignerInfo, certificates: &Certificates) -> Result<(), TsaError> {
    // What is signed is the SET OF itself, not the [0] it stands under (RFC 5652 §5.4).
    let attributes = signer.signed_attrs.as_ref().ok_or(TsaError::Attribute("contentType"))?;
    let message = attributes.to_der().map_err(|_| TsaError::Unreadable("signed attributes"))?;
    let certificate = EndEntityCert::try_from(certificates.signer()).map_err(|_| TsaError::Untrusted)?;
    let mut known = false;
    for algorithm in admitted(signer)? {
        match certificate.verify_signature(algorithm, &message, signer.signature.as_bytes()) {
            Ok(()) => return Ok(()),
            // The key is not of this algorithm's curve or kind: another may be meant.
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => known = true,
        }
    }
    Err(if known { TsaError::Signature } else { TsaError::Algorithm })
}

type Algorithms = Vec<&'static dyn SignatureVerificationAlgorithm>;

/// What the signature may be verified with: the hash is that of the signer, whatever else is written.
fn admitted(signer: &SignerInfo) -> Result<Algorithms, TsaError> {
    let hash = hash(signer.digest_alg.oid).ok_or(TsaError::Algorithm)?;
    let bits = hash.output_len() * 8;
    let admitted: Algorithms = match (signer.signature_algorithm.oid, bits) {
        (RSA | RSA_SHA_256, 256) => vec![algorithms::RSA_PKCS1_2048_8192_SHA256],
        (RSA | RSA_SHA_384, 384) => vec![algorithms::RSA_PKCS1_2048_8192_SHA384],
        (RSA | RSA_SHA_512, 512) => vec![algorithms::RSA_PKCS1_2048_8192_SHA512],
        (ECDSA_SHA_256, 256) => vec![algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256],
        (ECDSA_SHA_384, 384) => vec![algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P384_SHA384],
        (ECDSA_SHA_512, 512) => vec![algorithms::ECDSA_P256_SHA512, algorithms::ECDSA_P384_SHA512],
        (RSA_PSS, _) => vec![pss(signer, bits)?],
        _ => return Err(TsaError::Algorithm),
    };
    Ok(admitted)
}

/// RSA-PSS with the parameters everybody uses: one hash throughout, a salt as long as it.
fn pss(signer: &SignerInfo, bits: usize) -> Result<&'static dyn SignatureVerificationAlgorithm, TsaError> {
    let (usual, algorithm) = match bits {
        256 => (alg_id::RSA_PSS_SHA256, algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
        384 => (alg_id::RSA_PSS_SHA384, algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY),
        _ => (alg_id::RSA_PSS_SHA512, algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY),
    };
    let written = signer.signature_algorithm.to_der().map_err(|_| TsaError::Algorithm)?;
    // Both are shorter than 128 bytes: the header has two.
    if written.get(2..) == Some(usual.as_ref()) { Ok(algorithm) } else { Err(TsaError::Algorithm) }
}
