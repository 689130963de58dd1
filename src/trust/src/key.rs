//! Public and private keys over aws-lc: what verifies a signature of XML, JWT or X.509, and what makes one.
//!
//! RSA keys below 2048 bits and curves other than P-256, P-384 and P-521 are no keys here (PGSSI-S). A private key is
//! never shown, not even by `Debug`.

use std::{fmt, path::Path};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{self as sig, EcdsaKeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use x509_parser::{prelude::FromDer, x509::SubjectPublicKeyInfo};

use crate::files::{self, FileError};

const OID_RSA: &str = "1.2.840.113549.1.1.1";
const OID_EC: &str = "1.2.840.10045.2.1";

/// Hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, for the national samples of 2019 only.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Scheme {
    /// Its hash.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::EcdsaDer(hash) | Self::EcdsaRaw(hash) => hash,
        }
    }
}

/// Padding or curve family of a signature, with its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// RSASSA-PSS, salt as long as the hash.
    RsaPss(Hash),
    /// ECDSA, value in DER.
    EcdsaDer(Hash),
    /// ECDSA, value as `r || s` (XML-DSig, JOSE).
    EcdsaRaw(Hash),
}

/// Curve of an EC key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
}

impl Curve {
    const fn field_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFamily {
    /// RSA, at least 2048 bits.
    Rsa,
    /// EC on a NIST curve.
    Ec(Curve),
}

/// A public key that signatures are verified with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    family: KeyFamily,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo. `None` for a kind or size of key that is not admitted.
    #[must_use]
    pub fn from_spki(spki: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let algorithm = spki.algorithm.algorithm.to_id_string();
        let bytes = spki.subject_public_key.data.to_vec();
        let family = match algorithm.as_str() {
            OID_RSA => {
                let x509_parser::public_key::PublicKey::RSA(rsa) = spki.parsed().ok()? else { return None };
                (2048..=8192).contains(&rsa.key_size()).then_some(KeyFamily::Rsa)?
            }
            OID_EC => {
                let curve = spki.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
                match curve.as_str() {
                    "1.2.840.10045.3.1.7" => KeyFamily::Ec(Curve::P256),
                    "1.3.132.0.34" => KeyFamily::Ec(Curve::P384),
                    "1.3.132.0.35" => KeyFamily::Ec(Curve::P521),
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some(Self { family, bytes })
    }

    /// Reads a SubjectPublicKeyInfo from its DER.
    #[must_use]
    pub fn from_spki_der(der: &[u8]) -> Option<Self> {
        let (_, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
        Self::from_spki(&spki)
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn family(&self) -> KeyFamily {
        self.family
    }

    /// The content of `subjectPublicKey`, by whose hash an authority is named in OCSP.
    pub(crate) fn bits(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `signature` is this key's over `data`.
    #[must_use]
    pub fn verify(&self, scheme: Scheme, data: &[u8], signature: &[u8]) -> bool {
        let with = |algorithm: &'static dyn VerificationAlgorithm, signature: &[u8]| {
            UnparsedPublicKey::new(algorithm, &self.bytes).verify(data, signature).is_ok()
        };
        match (self.family, scheme) {
            (KeyFamily::Rsa, Scheme::RsaPkcs1(hash)) => with(
                match hash {
                    Hash::Sha1 => &sig::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
                    Hash::Sha256 => &sig::RSA_PKCS1_2048_8192_SHA256,
                    Hash::Sha384 => &sig::RSA_PKCS1_2048_8192_SHA384,
                    Hash::Sha512 => &sig::RSA_PKCS1_2048_8192_SHA512,
                },
                signature,
            ),
            (KeyFamily::Rsa, Scheme::RsaPss(hash)) => match hash {
                Hash::Sha1 => false,
                Hash::Sha256 => with(&sig::RSA_PSS_2048_8192_SHA256, signature),
                Hash::Sha384 => with(&sig::RSA_PSS_2048_8192_SHA384, signature),
                Hash::Sha512 => with(&sig::RSA_PSS_2048_8192_SHA512, signature),
            },
            (KeyFamily::Ec(curve), Scheme::EcdsaDer(hash)) => {
                ecdsa(curve, hash).is_some_and(|algorithm| with(algorithm, signature))
            }
            (KeyFamily::Ec(curve), Scheme::EcdsaRaw(hash)) => {
                match (ecdsa(curve, hash), raw_to_der(signature, curve)) {
                    (Some(algorithm), Some(der)) => with(algorithm, &der),
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

fn ecdsa(curve: Curve, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (curve, hash) {
        (Curve::P256, Hash::Sha1) => &sig::ECDSA_P256_SHA1_ASN1,
        (Curve::P256, Hash::Sha256) => &sig::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &sig::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &sig::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &sig::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &sig::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &sig::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha256) => &sig::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &sig::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &sig::ECDSA_P521_SHA512_ASN1,
        (Curve::P384 | Curve::P521, Hash::Sha1) => return None,
    })
}

/// `r || s`, both as long as the curve's field, as the DER sequence of two integers.
fn raw_to_der(raw: &[u8], curve: Curve) -> Option<Vec<u8>> {
    if raw.len() != 2 * curve.field_bytes() {
        return None;
    }
    let integer = |bytes: &[u8]| {
        let skip = bytes.iter().take_while(|b| **b == 0).count().min(bytes.len() - 1);
        let mut body = Vec::with_capacity(bytes.len() + 1);
        if bytes[skip] & 0x80 != 0 {
            body.push(0);
        }
        body.extend_from_slice(&bytes[skip..]);
        [&[0x02, body.len() as u8], body.as_slice()].concat()
    };
    let (r, s) = raw.split_at(curve.field_bytes());
    let body = [integer(r), integer(s)].concat();
    let head: &[u8] = if body.len() < 0x80 { &[0x30, body.len() as u8] } else { &[0x30, 0x81, body.len() as u8] };
    Some([head, body.as_slice()].concat())
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.family)
    }
}

/// A private key that assertions and tokens are signed with: RSA with SHA-256, or P-256 with SHA-256 as `r || s`.
pub struct SigningKey(Inner);

enum Inner {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

/// Why a private key could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no RSA key of 2048 bits or more, nor a P-256 one, in PKCS#8.
    #[error("the private key is neither RSA (2048 bits or more) nor P-256 in PKCS#8")]
    Unsupported,
    /// The signature could not be made.
    #[error("the private key refused to sign")]
    Signing,
}

impl SigningKey {
    /// Reads a PKCS#8 PEM file.
    ///
    /// # Errors
    /// [`KeyError`] when the file or the key cannot be used.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        match files::private_key(path)? {
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// Reads PKCS#8 PEM text.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(der)) => Self::from_pkcs8(der.secret_pkcs8_der()),
            _ => Err(KeyError::Unsupported),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(rsa) = RsaKeyPair::from_pkcs8(der)
            && rsa.public_modulus_len() >= 256
        {
            return Ok(Self(Inner::Rsa(Box::new(rsa))));
        }
        EcdsaKeyPair::from_pkcs8(&sig::ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map(|key| Self(Inner::P256(Box::new(key))))
            .map_err(|_| KeyError::Unsupported)
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn family(&self) -> KeyFamily {
        match &self.0 {
            Inner::Rsa(_) => KeyFamily::Rsa,
            Inner::P256(_) => KeyFamily::Ec(Curve::P256),
        }
    }

    /// Whether `key` is its public half.
    #[must_use]
    pub fn is_private_half_of(&self, key: &PublicKey) -> bool {
        match &self.0 {
            Inner::Rsa(pair) => pair.public_key().as_ref() == key.bytes.as_slice(),
            Inner::P256(pair) => pair.public_key().as_ref() == key.bytes.as_slice(),
        }
    }

    /// Signs with SHA-256: PKCS#1 v1.5, or ECDSA as `r || s`.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.0 {
            Inner::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&sig::RSA_PKCS1_SHA256, &random, data, &mut out).map_err(|_| KeyError::Signing)?;
                Ok(out)
            }
            Inner::P256(pair) => Ok(pair.sign(&random, data).map_err(|_| KeyError::Signing)?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.family())
    }
}

/// The digest of `data` that a signature compares.
pub(crate) fn digest(hash: Hash, data: &[u8]) -> Vec<u8> {
    use aws_lc_rs::digest as d;
    let algorithm = match hash {
        Hash::Sha1 => &d::SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &d::SHA256,
        Hash::Sha384 => &d::SHA384,
        Hash::Sha512 => &d::SHA512,
    };
    d::digest(algorithm, data).as_ref().to_vec()
}

/// Bytes in hexadecimal, small letters.
pub(crate) fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-1 of `data`, where a standard names things by it; it proves nothing.
pub(crate) fn sha1(data: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref());
    out
}

/// SHA-256 of `data`.
pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data).as_ref());
    out
}
