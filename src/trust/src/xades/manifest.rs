//! The shape of a set's signature, and its arithmetic.
//!
//! One `ds:Signature`, nothing around it; every reference of SignedInfo stays inside it (`#Id`, borne once), with no
//! transform but a canonicalisation; the Manifest and the SignedProperties are among them, so that both are signed; the
//! SigningCertificate names the certificate of KeyInfo.

use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_c14n::C14nMode;
use space::{Cause, Refusal};
use uppsala::{Document, NodeId};

use super::{DSIG, canonical};
use crate::{
    Peer,
    key::{Hash, Scheme, digest},
    xmldsig::{SignaturePolicy, attribute, certificates, digest_of, elements, is_named, plain_text, scheme_of},
};

/// References of SignedInfo, at most: the manifest, the properties, and what a producer may add of its own.
const MOST_REFERENCES: usize = 8;
/// Documents a manifest names, at most.
const MOST_NAMED: usize = 2_000;
/// Namespaces of XAdES that are read: 1.1.1, which the DMP's samples write, to 1.4.1.
const XADES: &str = "http://uri.etsi.org/01903/";

/// What a manifest says of one thing it names.
pub(super) struct Named {
    /// `uniqueId`.
    pub(super) id: String,
    /// How its bytes were made canonical; not at all without.
    pub(super) canonical: Option<C14nMode>,
    pub(super) hash: Hash,
    pub(super) digest: Vec<u8>,
    /// Where in the signature.
    pub(super) place: String,
}

/// A reference inside the signature.
struct Inner {
    target: NodeId,
    mode: C14nMode,
    hash: Hash,
    digest: Vec<u8>,
    place: String,
}

/// A signature of the right shape; nothing is verified yet.
pub(super) struct SetSignature<'d, 'x> {
    doc: &'d Document<'x>,
    info: NodeId,
    mode: C14nMode,
    scheme: Scheme,
    value: Vec<u8>,
    inner: Vec<Inner>,
    /// At least one, the signer's first.
    pub(super) certificates: Vec<Vec<u8>>,
    /// Digest of the signer's certificate, as the signed properties say it.
    certificate_digest: (Hash, Vec<u8>),
    pub(super) named: Vec<Named>,
}

fn malformed(at: &str) -> Refusal {
    Refusal::new(Cause::SetSignatureMalformed).at(at)
}

impl<'d, 'x> SetSignature<'d, 'x> {
    pub(super) fn read(doc: &'d Document<'x>, root: NodeId, policy: SignaturePolicy) -> Result<Self, Refusal> {
        let reader = Reader { doc, policy };
        if !is_named(doc, root, DSIG, "Signature") || doc.get_elements_by_tag_name_ns(DSIG, "Signature").len() != 1 {
            return Err(malformed("/Signature").about("one ds:Signature, and nothing around it"));
        }
        let info = reader.child(root, "SignedInfo", "/Signature")?;
        let method = reader.child(info, "SignatureMethod", "/Signature/SignedInfo")?;
        let scheme = attribute(doc, method, "Algorithm").and_then(|a| scheme_of(&a));
        let at = "/Signature/SignedInfo/SignatureMethod";
        let scheme = scheme.ok_or_else(|| malformed(at).about("Algorithm"))?;
        reader.admitted(scheme.hash(), at)?;
        let c14n = reader.child(info, "CanonicalizationMethod", "/Signature/SignedInfo")?;
        let mode = reader.mode(c14n).ok_or_else(|| malformed("/Signature/SignedInfo/CanonicalizationMethod"))?;
        let inner = reader.inner(root, info)?;
        let manifests: Vec<NodeId> =
            inner.iter().map(|i| i.target).filter(|n| is_named(doc, *n, DSIG, "Manifest")).collect();
        let [manifest] = manifests.as_slice() else {
            return Err(malformed("/Signature/SignedInfo/Reference").about("one Manifest"));
        };
        let key_info = reader.child(root, "KeyInfo", "/Signature")?;
        let at = "/Signature/KeyInfo/X509Data/X509Certificate";
        let certificates = certificates(doc, key_info).ok_or_else(|| malformed(at))?;
        Ok(Self {
            doc,
            info,
            mode,
            scheme,
            value: reader.base64(reader.child(root, "SignatureValue", "/Signature")?, "/Signature/SignatureValue")?,
            certificate_digest: reader.signing_certificate(&inner)?,
            named: reader.manifest(*manifest)?,
            inner,
            certificates,
        })
    }

    /// The signer's certificate. Not yet known to be anybody's.
    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificates[0]
    }

    /// Does the arithmetic: what is signed is as it was, by the key of `signer`, whom the signed properties name.
    pub(super) fn verify(&self, signer: &Peer) -> Result<(), Refusal> {
        let invalid = |at: &str| Refusal::new(Cause::SetSignatureInvalid).at(at);
        let key = signer
            .public_key()
            .ok_or_else(|| malformed("/Signature/KeyInfo/X509Data/X509Certificate").about("kind or size of the key"))?;
        let info = canonical(self.doc, self.info, self.mode).ok_or_else(|| invalid("/Signature/SignedInfo"))?;
        if !key.verify(self.scheme, &info, &self.value) {
            return Err(invalid("/Signature/SignatureValue"));
        }
        for inner in &self.inner {
            let bytes = canonical(self.doc, inner.target, inner.mode);
            if bytes.is_none_or(|bytes| digest(inner.hash, &bytes) != inner.digest) {
                return Err(invalid(&inner.place).about("digest"));
            }
        }
        let (hash, of_certificate) = &self.certificate_digest;
        if digest(*hash, self.certificate()) != *of_certificate {
            return Err(invalid("/Signature/Object//SigningCertificate/Cert[1]/CertDigest"));
        }
        Ok(())
    }
}

struct Reader<'d, 'x> {
    doc: &'d Document<'x>,
    policy: SignaturePolicy,
}

impl Reader<'_, '_> {
    /// The one child of XML-DSig of this name.
    fn child(&self, node: NodeId, name: &str, at: &str) -> Result<NodeId, Refusal> {
        let found: Vec<NodeId> =
            elements(self.doc, node).into_iter().filter(|n| is_named(self.doc, *n, DSIG, name)).collect();
        match found.as_slice() {
            [one] => Ok(*one),
            _ => Err(malformed(&format!("{at}/{name}"))),
        }
    }

    fn mode(&self, node: NodeId) -> Option<C14nMode> {
        C14nMode::from_uri(&attribute(self.doc, node, "Algorithm")?).filter(|_| elements(self.doc, node).is_empty())
    }

    fn admitted(&self, hash: Hash, at: &str) -> Result<Hash, Refusal> {
        if hash == Hash::Sha1 && !self.policy.allow_sha1 {
            return Err(malformed(at).about("SHA-1"));
        }
        Ok(hash)
    }

    fn base64(&self, node: NodeId, at: &str) -> Result<Vec<u8>, Refusal> {
        let text: Option<String> = plain_text(self.doc, node).map(|t| t.split_ascii_whitespace().collect());
        text.and_then(|t| STANDARD.decode(t).ok()).ok_or_else(|| malformed(at))
    }

    fn digest(&self, reference: NodeId, at: &str) -> Result<(Hash, Vec<u8>), Refusal> {
        let method = self.child(reference, "DigestMethod", at)?;
        self.digest_of(method, self.child(reference, "DigestValue", at)?, at)
    }

    fn digest_of(&self, method: NodeId, value: NodeId, at: &str) -> Result<(Hash, Vec<u8>), Refusal> {
        let hash = attribute(self.doc, method, "Algorithm").and_then(|a| digest_of(&a));
        let hash = hash.ok_or_else(|| malformed(&format!("{at}/DigestMethod")))?;
        Ok((self.admitted(hash, &format!("{at}/DigestMethod"))?, self.base64(value, &format!("{at}/DigestValue"))?))
    }

    /// The canonicalisation of a reference, if it has one: no other transform is carried out.
    fn transform(&self, reference: NodeId, at: &str) -> Result<Option<C14nMode>, Refusal> {
        let refused = || malformed(&format!("{at}/Transforms")).about("canonicalisation alone");
        let all: Vec<NodeId> = elements(self.doc, reference)
            .into_iter()
            .filter(|n| is_named(self.doc, *n, DSIG, "Transforms"))
            .flat_map(|n| elements(self.doc, n))
            .collect();
        match all.as_slice() {
            [] => Ok(None),
            [one] if is_named(self.doc, *one, DSIG, "Transform") => self.mode(*one).map(Some).ok_or_else(refused),
            _ => Err(refused()),
        }
    }

    /// References of SignedInfo: each to one element of this signature.
    fn inner(&self, root: NodeId, info: NodeId) -> Result<Vec<Inner>, Refusal> {
        let references: Vec<NodeId> =
            elements(self.doc, info).into_iter().filter(|n| is_named(self.doc, *n, DSIG, "Reference")).collect();
        if references.is_empty() || references.len() > MOST_REFERENCES {
            return Err(malformed("/Signature/SignedInfo/Reference"));
        }
        let mut inner = Vec::with_capacity(references.len());
        for (index, reference) in references.into_iter().enumerate() {
            let place = format!("/Signature/SignedInfo/Reference[{}]", index + 1);
            let uri = attribute(self.doc, reference, "URI");
            let id = uri.as_deref().and_then(|u| u.strip_prefix('#')).filter(|id| !id.is_empty());
            let target = id.and_then(|id| self.bearer(root, id));
            let target = target.ok_or_else(|| malformed(&format!("{place}/@URI")))?;
            let (hash, digest) = self.digest(reference, &place)?;
            // A reference by identifier alone selects no comments (XML-DSig §4.4.3.3).
            let mode = self.transform(reference, &place)?.map_or(C14nMode::Inclusive, without_comments);
            inner.push(Inner { target, mode, hash, digest, place });
        }
        Ok(inner)
    }

    /// The only bearer of an identifier, which must stand in an Object of the signature.
    fn bearer(&self, root: NodeId, id: &str) -> Option<NodeId> {
        let bears = |node: &NodeId| {
            self.doc.element(*node).is_some_and(|e| {
                e.attributes.iter().any(|a| a.name.local_name.eq_ignore_ascii_case("id") && a.value == id)
            })
        };
        let bearers: Vec<NodeId> = self.doc.descendants(root).into_iter().filter(bears).collect();
        let [one] = bearers.as_slice() else { return None };
        let in_object = |n: &NodeId| is_named(self.doc, *n, DSIG, "Object") && self.doc.parent(*n) == Some(root);
        self.doc.ancestors(*one).iter().any(in_object).then_some(*one)
    }

    /// What the signed properties say of the signer's certificate.
    fn signing_certificate(&self, inner: &[Inner]) -> Result<(Hash, Vec<u8>), Refusal> {
        let at = "/Signature/Object/QualifyingProperties/SignedProperties";
        let name_of = |n: NodeId| {
            let element = self.doc.element(n)?;
            let ns = element.name.namespace_uri.as_deref()?;
            ns.starts_with(XADES).then(|| element.name.local_name.to_string())
        };
        let properties = inner.iter().map(|i| i.target).find(|n| name_of(*n).as_deref() == Some("SignedProperties"));
        let properties = properties.ok_or_else(|| malformed(at).about("not signed"))?;
        let named = |within: NodeId, names: &[&str]| {
            let all = self.doc.descendants(within).into_iter();
            all.into_iter().find(|n| name_of(*n).is_some_and(|name| names.contains(&name.as_str())))
        };
        let certificate = named(properties, &["SigningCertificate", "SigningCertificateV2"]);
        let digest = certificate.and_then(|n| named(n, &["CertDigest"]));
        let digest = digest.ok_or_else(|| malformed(&format!("{at}//SigningCertificate")))?;
        let at = format!("{at}//SigningCertificate/Cert[1]/CertDigest");
        // The national samples write these two in the namespace of XAdES, its schema in that of XML-DSig.
        match (named(digest, &["DigestMethod"]), named(digest, &["DigestValue"])) {
            (Some(method), Some(value)) => self.digest_of(method, value, &at),
            _ => self.digest(digest, &at),
        }
    }

    /// What the manifest names.
    fn manifest(&self, manifest: NodeId) -> Result<Vec<Named>, Refusal> {
        let references = elements(self.doc, manifest);
        if references.is_empty() || references.len() > MOST_NAMED {
            return Err(malformed("/Signature/Object/Manifest"));
        }
        let read = |(index, reference): (usize, NodeId)| {
            let place = format!("/Signature/Object/Manifest/Reference[{}]", index + 1);
            let uri =
                attribute(self.doc, reference, "URI").filter(|_| is_named(self.doc, reference, DSIG, "Reference"));
            let id = uri.as_deref().map(str::trim).map(|u| u.strip_prefix("urn:oid:").unwrap_or(u).to_owned());
            let id = id.filter(|id| !id.is_empty()).ok_or_else(|| malformed(&format!("{place}/@URI")))?;
            let (hash, digest) = self.digest(reference, &place)?;
            Ok(Named { id, canonical: self.transform(reference, &place)?, hash, digest, place })
        };
        references.into_iter().enumerate().map(read).collect()
    }
}

const fn without_comments(mode: C14nMode) -> C14nMode {
    match mode {
        C14nMode::Inclusive | C14nMode::InclusiveWithComments => C14nMode::Inclusive,
        C14nMode::Inclusive11 | C14nMode::Inclusive11WithComments => C14nMode::Inclusive11,
        C14nMode::Exclusive | C14nMode::ExclusiveWithComments => C14nMode::Exclusive,
    }
}
