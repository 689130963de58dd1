//! The question (RFC 6960 §4.1), and whom to ask (RFC 5280 §4.2.2.1).

use der::{Decode, Encode, asn1::OctetString, oid::ObjectIdentifier};
use x509_cert::{ext::Extension, serial_number::SerialNumber, spki::AlgorithmIdentifierOwned};
use x509_ocsp::{CertId, OcspRequest, Request, TbsRequest, ext::Nonce};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use super::Issuer;
use crate::key::sha1;

/// SHA-1 names certificates in OCSP (RFC 5019 §2.1.1, which every responder understands); it proves nothing here.
pub(super) const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const ID_AD_OCSP: &str = "1.3.6.1.5.5.7.48.1";
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// Longest address read from a certificate, in bytes.
const MAX_URL: usize = 512;

/// What is asked: one certificate, and a number that ties the answer to the question.
pub(super) struct Question {
    pub(super) certificate: CertId,
    pub(super) nonce: [u8; 32],
}

impl Question {
    /// About the certificate of this serial number (content of its INTEGER). `None` when that is none.
    pub(super) fn new(issuer: &Issuer, serial: &[u8], nonce: [u8; 32]) -> Option<Self> {
        let length = u8::try_from(serial.len()).ok().filter(|n| (1..=20).contains(n))?;
        let certificate = CertId {
            hash_algorithm: AlgorithmIdentifierOwned { oid: SHA_1, parameters: Some(der::Any::null()) },
            issuer_name_hash: OctetString::new(sha1(&issuer.name)).ok()?,
            issuer_key_hash: OctetString::new(sha1(issuer.key.bits())).ok()?,
            serial_number: SerialNumber::from_der(&[&[0x02, length], serial].concat()).ok()?,
        };
        Some(Self { certificate, nonce })
    }

    /// The request, DER.
    pub(super) fn request(&self) -> Option<Vec<u8>> {
        let nonce = Nonce::new(self.nonce.as_slice()).ok()?.to_der().ok()?;
        let nonce = Extension { extn_id: NONCE, critical: false, extn_value: OctetString::new(nonce).ok()? };
        let request = OcspRequest {
            tbs_request: TbsRequest {
                request_list: vec![Request { req_cert: self.certificate.clone(), single_request_extensions: None }],
                request_extensions: Some(vec![nonce]),
                ..TbsRequest::default()
            },
            optional_signature: None,
        };
        request.to_der().ok()
    }
}

/// The first responder that a certificate names by http or https. Only for certificates that lead to our authorities:
/// the address is called.
pub(super) fn responder_of(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let fits = |url: &&str| {
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        url.len() <= MAX_URL && url.bytes().all(|b| b.is_ascii_graphic()) && !host.is_empty() && !host.contains('@')
    };
    certificate.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else { return None };
        let ocsp = access.iter().filter(|d| d.access_method.to_id_string() == ID_AD_OCSP);
        let urls = ocsp.filter_map(|d| match &d.access_location {
            GeneralName::URI(url) => Some(*url),
            _ => None,
        });
        urls.filter(fits).map(str::to_owned).next()
    })
}
