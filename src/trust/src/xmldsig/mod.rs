//! XML signatures of the one shape the VIHF has: enveloped, one reference, exclusive C14N, an X.509 certificate.
//!
//! Carries out XML-DSig 1.1 §3.2 through bergshamra, within SAML 2.0 core §5.4 (one reference to the signed element's
//! own ID, enveloped and exclusive C14N only). The signed element is lifted out of its message into a document of its
//! own; the signature is verified there and the claims are read there, so that nothing beside it can be taken for it
//! (signature wrapping). Never looks at an inline key value, never resolves anything outside the element.

mod shape;
mod sign;
#[cfg(test)]
mod tests;

use bergshamra_dsig::{DsigContext, VerifyResult, verify};
use bergshamra_keys::KeysManager;
use kryptering::{
    SignatureAlgorithm,
    traits::{Signer, Verifier},
};
use space::{Cause, Refusal};
use uppsala::{Document, NodeId};

use self::shape::Shape;
pub(crate) use self::shape::{attribute, certificates, digest_of, elements, is_named, scheme_of};
#[cfg(any(test, feature = "vectors"))]
pub(crate) use self::sign::{fill, place_for_signature};
pub use self::{
    shape::plain_text,
    sign::{SignError, sign_enveloped},
};
use crate::{
    Peer,
    key::{Curve, Hash, KeyFamily, PublicKey, Scheme, SigningKey},
};

/// What signatures are accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignaturePolicy {
    /// Whether SHA-1 is, in digest and signature (national samples of 2019).
    pub allow_sha1: bool,
}

/// An element whose signature has been verified, in a document of its own. Only [`verify_enveloped`] makes one.
pub struct VerifiedElement {
    document: Document<'static>,
    root: NodeId,
}

impl VerifiedElement {
    /// The document that holds the element alone.
    #[must_use]
    pub const fn document(&self) -> &Document<'static> {
        &self.document
    }

    /// The element.
    #[must_use]
    pub const fn root(&self) -> NodeId {
        self.root
    }
}

impl std::fmt::Debug for VerifiedElement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifiedElement")
    }
}

/// An element of a message that bears a signature of the right shape; nothing is verified yet.
pub struct SignedElement<'d, 'x> {
    doc: &'d Document<'x>,
    element: NodeId,
    shape: Shape,
}

impl<'d, 'x> SignedElement<'d, 'x> {
    /// Checks everything of the signature but its arithmetic.
    ///
    /// # Errors
    /// [`Cause::AssertionUnsigned`], [`Cause::SignatureReference`], [`Cause::SignatureAlgorithm`],
    /// [`Cause::AssertionMalformed`] or [`Cause::DtdForbidden`].
    pub fn find(doc: &'d Document<'x>, element: NodeId, policy: SignaturePolicy) -> Result<Self, Refusal> {
        Ok(Self { doc, element, shape: Shape::read(doc, element, policy)? })
    }

    /// Checks only what the rest of the message could spoil, for an element whose own text was checked before.
    ///
    /// # Errors
    /// [`Cause::AssertionUnsigned`], [`Cause::SignatureReference`] or [`Cause::DtdForbidden`].
    pub fn stands_alone(doc: &Document<'_>, element: NodeId) -> Result<(), Refusal> {
        shape::surroundings(doc, element).map(|_| ())
    }

    /// The signer's certificate: the first of KeyInfo. Not yet known to be anybody's.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.shape.certificates[0]
    }

    /// Further certificates of KeyInfo: only steps towards an authority.
    #[must_use]
    pub fn further_certificates(&self) -> &[Vec<u8>] {
        &self.shape.certificates[1..]
    }

    /// Does the arithmetic with the key of `signer`, who must be the one KeyInfo names.
    ///
    /// # Errors
    /// [`Cause::SignatureInvalid`] when the signature is not this key's over this content, [`Cause::SignatureAlgorithm`]
    /// when the key is not of a kind or size that is accepted.
    pub fn verify(&self, signer: &Peer) -> Result<VerifiedElement, Refusal> {
        let key = signer.public_key();
        self.verify_with(signer.der(), key)
    }

    fn verify_with(&self, leaf: &[u8], key: Option<PublicKey>) -> Result<VerifiedElement, Refusal> {
        let place = &self.shape.place;
        let invalid = || Refusal::new(Cause::SignatureInvalid).at(place.clone());
        if leaf != self.certificate() {
            return Err(invalid());
        }
        let unfit = || Refusal::new(Cause::SignatureAlgorithm).at(format!("{place}/KeyInfo/X509Data/X509Certificate"));
        let key = key.ok_or_else(unfit)?;
        let algorithm = algorithm_of(self.shape.scheme, key.family()).ok_or_else(unfit)?;
        let (document, root) = lift(self.doc, self.element).ok_or_else(invalid)?;
        let verifier = AwsLcVerifier { algorithm, scheme: self.shape.scheme, key };
        let context = DsigContext::new(KeysManager::new()).with_hsm_verifier(Box::new(verifier));
        match verify::verify_document(&context, &document) {
            Ok(VerifyResult::Valid { references, .. })
                if references.len() == 1
                    && references[0].digest_verified
                    && references[0].resolved_node == Some(root) =>
            {
                Ok(VerifiedElement { document, root })
            }
            _ => Err(invalid()),
        }
    }
}

/// Verifies that `element` bears the enveloped signature of the holder of `leaf`, a certificate that the caller trusts
/// and that KeyInfo must name.
///
/// # Errors
/// As [`SignedElement::find`] and [`SignedElement::verify`].
pub fn verify_enveloped(
    doc: &Document<'_>,
    element: NodeId,
    leaf: &[u8],
    policy: SignaturePolicy,
) -> Result<VerifiedElement, Refusal> {
    use x509_parser::prelude::FromDer;
    let signed = SignedElement::find(doc, element, policy)?;
    let certificate = x509_parser::certificate::X509Certificate::from_der(leaf).ok();
    signed.verify_with(leaf, certificate.and_then(|(_, c)| PublicKey::from_spki(c.public_key())))
}

/// Copies an element into a document of its own, with the namespaces it stands under. Under exclusive C14N the copy has
/// the same canonical form as the original.
fn lift(doc: &Document<'_>, element: NodeId) -> Option<(Document<'static>, NodeId)> {
    let mut lifted = Document::new();
    let root = lifted.import_subtree(doc, element)?;
    let holder = lifted.root();
    lifted.append_child(holder, root);
    let inherited = inherited_namespaces(doc, element);
    let declarations = &mut lifted.element_mut(root)?.namespace_declarations;
    for (prefix, uri) in inherited {
        if !declarations.iter().any(|(p, _)| *p == prefix) {
            declarations.push((prefix.into(), uri.into()));
        }
    }
    Some((lifted, root))
}

/// Namespaces declared above an element, the nearest declaration of each prefix, in order of prefix.
pub(crate) fn inherited_namespaces(doc: &Document<'_>, element: NodeId) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for ancestor in doc.ancestors(element).into_iter().filter(|a| *a != element) {
        let Some(e) = doc.element(ancestor) else { continue };
        for (prefix, uri) in &e.namespace_declarations {
            if !found.iter().any(|(p, _)| p == prefix.as_ref()) {
                found.push((prefix.to_string(), uri.to_string()));
            }
        }
    }
    found.sort();
    found
}

fn hash_of(hash: Hash) -> kryptering::HashAlgorithm {
    match hash {
        Hash::Sha1 => kryptering::HashAlgorithm::Sha1,
        Hash::Sha256 => kryptering::HashAlgorithm::Sha256,
        Hash::Sha384 => kryptering::HashAlgorithm::Sha384,
        Hash::Sha512 => kryptering::HashAlgorithm::Sha512,
    }
}

/// The library's name of an algorithm; `None` when the key is not of its kind.
fn algorithm_of(scheme: Scheme, family: KeyFamily) -> Option<SignatureAlgorithm> {
    let curve = |curve: Curve| match curve {
        Curve::P256 => kryptering::EcCurve::P256,
        Curve::P384 => kryptering::EcCurve::P384,
        Curve::P521 => kryptering::EcCurve::P521,
    };
    match (scheme, family) {
        (Scheme::RsaPkcs1(hash), KeyFamily::Rsa) => Some(SignatureAlgorithm::RsaPkcs1v15(hash_of(hash))),
        (Scheme::RsaPss(hash), KeyFamily::Rsa) => Some(SignatureAlgorithm::RsaPss(hash_of(hash))),
        (Scheme::EcdsaRaw(hash), KeyFamily::Ec(c)) => Some(SignatureAlgorithm::Ecdsa(curve(c), hash_of(hash))),
        _ => None,
    }
}

struct AwsLcVerifier {
    algorithm: SignatureAlgorithm,
    scheme: Scheme,
    key: PublicKey,
}

impl Verifier for AwsLcVerifier {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> kryptering::error::Result<bool> {
        Ok(self.key.verify(self.scheme, data, signature))
    }
}

pub(crate) struct AwsLcSigner {
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) key: std::sync::Arc<SigningKey>,
}

impl Signer for AwsLcSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn sign(&self, data: &[u8]) -> kryptering::error::Result<Vec<u8>> {
        self.key.sign(data).map_err(|error| kryptering::error::Error::Crypto(error.to_string()))
    }
}
