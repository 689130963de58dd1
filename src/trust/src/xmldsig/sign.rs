//! Makes the signature that [`super::verify_enveloped`] accepts.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_core::algorithm as uri;
use bergshamra_dsig::{DsigContext, sign};
use bergshamra_keys::KeysManager;
use kryptering::traits::Signer;
use uppsala::{Document, NodeId};

use super::{AwsLcSigner, algorithm_of};
use crate::key::{Hash, KeyFamily, Scheme, SigningKey};

/// Why an element could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The text is not well-formed, or no element bears the ID.
    #[error("no element bears the ID to sign")]
    NoElement,
    /// The signature could not be made.
    #[error("the signature could not be made")]
    Failed,
}

/// Signs the element of `xml` whose `ID` is `id`: enveloped, exclusive C14N, SHA-256, with the certificate (DER) in
/// KeyInfo. The signature goes after the element's `Issuer`, or first in it.
///
/// # Errors
/// [`SignError`].
pub fn sign_enveloped(xml: &str, id: &str, key: &Arc<SigningKey>, certificate: &[u8]) -> Result<String, SignError> {
    let doc = uppsala::parse(xml).map_err(|_| SignError::NoElement)?;
    let at = place_for_signature(&doc, id).ok_or(SignError::NoElement)?;
    let (method, scheme) = match key.family() {
        KeyFamily::Rsa => (uri::RSA_SHA256, Scheme::RsaPkcs1(Hash::Sha256)),
        KeyFamily::Ec(_) => (uri::ECDSA_SHA256, Scheme::EcdsaRaw(Hash::Sha256)),
    };
    let template = format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{c14n}\"/><ds:SignatureMethod Algorithm=\"{method}\"/>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{enveloped}\"/>\
         <ds:Transform Algorithm=\"{c14n}\"/></ds:Transforms><ds:DigestMethod Algorithm=\"{digest}\"/>\
         <ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </ds:Signature>",
        c14n = uri::EXC_C14N,
        enveloped = uri::ENVELOPED_SIGNATURE,
        digest = uri::SHA256,
        certificate = STANDARD.encode(certificate),
    );
    let prepared = [&xml[..at], &template, &xml[at..]].concat();
    let algorithm = algorithm_of(scheme, key.family()).ok_or(SignError::Failed)?;
    fill(prepared, Box::new(AwsLcSigner { algorithm, key: key.clone() }))
}

/// Fills in the digests and the value of the first signature of `prepared` that are empty.
pub(crate) fn fill(prepared: String, signer: Box<dyn Signer>) -> Result<String, SignError> {
    let context = DsigContext::new(KeysManager::new()).with_hsm_signer(signer);
    sign::sign_owned(&context, prepared).map_err(|_| SignError::Failed)
}

/// Byte at which the signature is to be written.
pub(crate) fn place_for_signature(doc: &Document<'_>, id: &str) -> Option<usize> {
    let bears = |n: &NodeId| doc.element(*n).is_some_and(|e| e.get_attribute("ID") == Some(id));
    let element = doc.descendants(doc.root()).into_iter().find(bears)?;
    let children: Vec<NodeId> = doc.children(element);
    let issuer = children.iter().find(|n| doc.element(**n).is_some_and(|e| e.name.local_name == "Issuer"));
    match issuer {
        Some(issuer) => Some(doc.node_range(*issuer)?.end),
        None => Some(doc.node_range(*children.first()?)?.start),
    }
}
