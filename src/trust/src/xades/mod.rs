//! The signature of a submission set: one XAdES signature over a manifest of the set and its documents (DMP TD2.1; IHE
//! Document Digital Signature).
//!
//! Carries out reference §1.5, XML-DSig 1.1 §3.2 and XAdES §7.2.2 (SigningCertificate) for the one shape that is sent: a
//! detached signature whose references stay inside it, a Manifest that names the set and every document by `urn:oid:`,
//! digests over the document as it is or over its canonical form. Nothing is ever resolved outside what is given. Says
//! what was found; never decides what follows.

mod manifest;
mod sign;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use ambient::SharedClock;
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_xml::NodeSet;
use space::{Actor, Cause, Refusal};
use uppsala::{Document, NodeId};
use wire_soap::xml::{Tree, XmlError, XmlLimits, decode};

use self::manifest::{Named, SetSignature};
pub use self::sign::sign_set;
use crate::{
    Bearer, Peer, TrustAnchors,
    key::{Hash, digest, hex_of},
    xmldsig::SignaturePolicy,
};

pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Bounds of a signature: a set of 400 documents has one of 150 kB.
const SIGNATURE: XmlLimits = XmlLimits { max_bytes: 512 * 1024, max_depth: 32, max_nodes: 20_000 };
/// Bounds of a document whose canonical form is digested.
const DOCUMENT: XmlLimits = XmlLimits { max_bytes: 16 << 20, max_depth: 200, max_nodes: 1_000_000 };

/// A document of a set, as it came.
#[derive(Debug, Clone)]
pub struct SignedDocument<'a> {
    /// Its `uniqueId`.
    pub unique_id: &'a str,
    /// SHA-1 of its bytes, hexadecimal.
    pub sha1: &'a str,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: &'a str,
    /// Its bytes; none when they are too many to be held.
    pub bytes: Option<&'a [u8]>,
}

/// A set, with its signature.
#[derive(Debug, Clone)]
pub struct SignedSet<'a> {
    /// `uniqueId` of the submission set.
    pub unique_id: &'a str,
    /// Its documents, without the signature.
    pub documents: Vec<SignedDocument<'a>>,
    /// The signature's bytes.
    pub signature: &'a [u8],
}

/// Looks at signatures of sets.
pub struct SetVerifier {
    policy: SignaturePolicy,
    anchors: Arc<TrustAnchors>,
    clock: SharedClock,
}

impl fmt::Debug for SetVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetVerifier").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl SetVerifier {
    /// One that trusts `anchors`.
    #[must_use]
    pub fn new(policy: SignaturePolicy, anchors: Arc<TrustAnchors>, clock: SharedClock) -> Self {
        Self { policy, anchors, clock }
    }

    /// Verifies the signature of a set that `actor` sends.
    ///
    /// # Errors
    /// [`Cause::SetSignatureMalformed`], [`Cause::SetSignatureInvalid`], [`Cause::SetSignatureIncomplete`],
    /// [`Cause::SetSignatureSigner`] or [`Cause::SetSignatureUnexamined`], with its place in the signature.
    pub fn verify(&self, set: &SignedSet<'_>, actor: &Actor) -> Result<(), Refusal> {
        let unread = |_| Refusal::new(Cause::SetSignatureMalformed).at("/Signature").about("XML");
        let text = decode(set.signature, None).map_err(unread)?;
        let tree = Tree::parse(&text, &SIGNATURE).map_err(unread)?;
        let signature = SetSignature::read(tree.document(), tree.root().id(), self.policy)?;
        let at = "/Signature/KeyInfo/X509Data/X509Certificate";
        let refused = |about: &str| Refusal::new(Cause::SetSignatureSigner).at(at).about(about);
        let signer = Peer::from_chain(signature.certificate(), &signature.certificates[1..])
            .map_err(|r| refused(r.cause.code()))?;
        self.anchors.check_peer(&signer, self.clock.now()).map_err(|r| refused(r.cause.code()))?;
        if !signer.may_sign() {
            return Err(refused("key usage"));
        }
        signature.verify(&signer)?;
        if !is_of(&signer, actor) {
            return Err(refused("not the sender's"));
        }
        covers(&signature.named, set)
    }
}

/// Whether who signed is who sends: the same card, or the structure for which the act is done.
fn is_of(signer: &Peer, actor: &Actor) -> bool {
    match signer.bearer() {
        Bearer::Card { id, .. } => actor.id.as_ref() == Some(id),
        Bearer::Structure { id, .. } => actor.structure.as_ref() == Some(id),
        Bearer::Server | Bearer::Operator { .. } => false,
    }
}

/// Whether a manifest names the set and every document of it, each as it came.
fn covers(named: &[Named], set: &SignedSet<'_>) -> Result<(), Refusal> {
    let at = "/Signature/Object/Manifest";
    let incomplete = |about: &str| Refusal::new(Cause::SetSignatureIncomplete).at(at).about(about);
    // The set's own digest is a constant: its identifier alone is signed.
    if !named.iter().any(|n| n.id == set.unique_id) {
        return Err(incomplete("uniqueId of the submission set"));
    }
    let mut unexamined = None;
    for document in &set.documents {
        let mut of = named.iter().filter(|n| n.id == document.unique_id);
        match (of.next(), of.next()) {
            (Some(one), None) => match is_as_signed(one, document) {
                // What is wrong with another document is not hidden behind one that cannot be looked at.
                Err(refusal) if refusal.cause == Cause::SetSignatureUnexamined => {
                    unexamined.get_or_insert(refusal);
                }
                other => other?,
            },
            (None, _) => return Err(incomplete("a document of the set is not named")),
            (Some(_), Some(_)) => return Err(incomplete("a document of the set is named twice")),
        }
    }
    let of_set = |n: &Named| n.id == set.unique_id || set.documents.iter().any(|d| d.unique_id == n.id);
    if !named.iter().all(of_set) {
        return Err(incomplete("a document named is not in the set"));
    }
    unexamined.map_or(Ok(()), Err)
}

fn is_as_signed(named: &Named, document: &SignedDocument<'_>) -> Result<(), Refusal> {
    let at = || named.place.clone();
    let same = match named.canonical {
        // The bytes as they came: what is known of them is enough, however many they are.
        None => match (named.hash, document.bytes) {
            (Hash::Sha1, _) => hex_of(&named.digest) == document.sha1.to_ascii_lowercase(),
            (Hash::Sha256, _) => hex_of(&named.digest) == document.sha256.to_ascii_lowercase(),
            (hash, Some(bytes)) => digest(hash, bytes) == named.digest,
            (_, None) => return Err(Refusal::new(Cause::SetSignatureUnexamined).at(at())),
        },
        Some(mode) => {
            let unexamined = |_| Refusal::new(Cause::SetSignatureUnexamined).at(at());
            let bytes = document.bytes.ok_or(()).map_err(unexamined)?;
            // What is no XML has no canonical form that anybody could have signed.
            let invalid = || Refusal::new(Cause::SetSignatureInvalid).at(at()).about("no XML");
            let text = decode(bytes, None).map_err(|_| invalid())?;
            let tree = match Tree::parse(&text, &DOCUMENT) {
                Ok(tree) => tree,
                Err(XmlError::TooLong { .. } | XmlError::TooManyNodes { .. } | XmlError::TooDeep { .. }) => {
                    return Err(unexamined(()));
                }
                Err(_) => return Err(invalid()),
            };
            let canonical = canonicalize_doc::<&str>(tree.document(), mode, None, &[]);
            digest(named.hash, &canonical.map_err(|_| ()).map_err(unexamined)?) == named.digest
        }
    };
    if same { Ok(()) } else { Err(Refusal::new(Cause::SetSignatureInvalid).at(at()).about("digest of a document")) }
}

/// The canonical form of an element in its place.
pub(crate) fn canonical(doc: &Document<'_>, node: NodeId, mode: C14nMode) -> Option<Vec<u8>> {
    let nodes = if mode.with_comments() {
        NodeSet::tree_with_comments(node, doc)
    } else {
        NodeSet::tree_without_comments(node, doc)
    };
    canonicalize_doc::<&str>(doc, mode, Some(&nodes), &[]).ok()
}
