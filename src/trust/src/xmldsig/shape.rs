//! The shape of an accepted signature, checked on the message before any arithmetic.
//!
//! Carries out SAML 2.0 core §5.4 and what signature wrapping teaches: one signature in the whole message, a child of
//! the element it signs; one reference, to that element's own ID, which nothing else bears; two transforms; nothing in
//! the signature but what the standard needs.

use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_core::algorithm as uri;
use space::{Cause, Refusal};
use uppsala::{Document, NodeId, NodeKind};

use super::SignaturePolicy;
use crate::key::{Hash, Scheme};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// No card or structure needs more.
const MOST_CERTIFICATES: usize = 4;

/// What was found.
pub(super) struct Shape {
    pub(super) scheme: Scheme,
    /// At least one, the signer's first.
    pub(super) certificates: Vec<Vec<u8>>,
    /// Where the signature stands.
    pub(super) place: String,
}

impl Shape {
    pub(super) fn read(doc: &Document<'_>, element: NodeId, policy: SignaturePolicy) -> Result<Self, Refusal> {
        let (reader, signature, id) = surroundings(doc, element)?;
        let place = reader.place.clone();
        let [info, value, key_info] = reader.parts(signature)?;
        plain_text(doc, value).ok_or_else(|| reader.malformed("/SignatureValue"))?;
        let (scheme, digest) = reader.signed_info(info, &id)?;
        let sha1 = |h: Hash| h == Hash::Sha1;
        if !policy.allow_sha1 && sha1(scheme.hash()) {
            return Err(reader.algorithm("/SignedInfo/SignatureMethod"));
        }
        if !policy.allow_sha1 && sha1(digest) {
            return Err(reader.algorithm("/SignedInfo/Reference/DigestMethod"));
        }
        Ok(Self { scheme, certificates: reader.certificates(key_info)?, place })
    }
}

/// Checks what the rest of the message could spoil, whatever the element itself says: no DTD, no other signature, no other
/// bearer of its ID. Gives the signature and the ID.
pub(super) fn surroundings<'d, 'x>(
    doc: &'d Document<'x>,
    element: NodeId,
) -> Result<(Reader<'d, 'x>, NodeId, String), Refusal> {
    if doc.doctype.is_some() {
        return Err(Refusal::new(Cause::DtdForbidden));
    }
    let name = doc.element(element).map(|e| e.name.local_name.to_string()).unwrap_or_default();
    let reader = Reader { doc, place: format!("/{name}/Signature") };
    let signature = reader.the_signature(element)?;
    let id = reader.the_id(element, &name)?;
    Ok((reader, signature, id))
}

pub(super) struct Reader<'d, 'x> {
    doc: &'d Document<'x>,
    place: String,
}

impl Reader<'_, '_> {
    fn malformed(&self, at: &str) -> Refusal {
        Refusal::new(Cause::AssertionMalformed).at(format!("{}{at}", self.place))
    }

    fn algorithm(&self, at: &str) -> Refusal {
        Refusal::new(Cause::SignatureAlgorithm).at(format!("{}{at}", self.place))
    }

    fn reference(&self, at: &str) -> Refusal {
        Refusal::new(Cause::SignatureReference).at(format!("{}{at}", self.place))
    }

    fn is(&self, node: NodeId, ns: &str, local: &str) -> bool {
        is_named(self.doc, node, ns, local)
    }

    fn attribute(&self, node: NodeId, name: &str) -> Option<String> {
        attribute(self.doc, node, name)
    }

    fn elements(&self, node: NodeId) -> Vec<NodeId> {
        elements(self.doc, node)
    }

    /// Child elements, which must be exactly these of XML-DSig, in order.
    fn exactly<const N: usize>(&self, node: NodeId, names: [&str; N], at: &str) -> Result<[NodeId; N], Refusal> {
        let children: [NodeId; N] = self.elements(node).try_into().map_err(|_| self.malformed(at))?;
        let named = children.iter().zip(names).all(|(child, name)| self.is(*child, DSIG, name));
        if named { Ok(children) } else { Err(self.malformed(at)) }
    }

    /// The only signature of the message, which must be a child of the element.
    fn the_signature(&self, element: NodeId) -> Result<NodeId, Refusal> {
        let all = self.doc.get_elements_by_tag_name_ns(DSIG, "Signature");
        match all.as_slice() {
            [] => Err(Refusal::new(Cause::AssertionUnsigned).at(self.place.clone())),
            [one] if self.doc.parent(*one) == Some(element) => Ok(*one),
            _ => Err(self.reference("")),
        }
    }

    /// The element's ID, which no other element of the message bears under any name of an ID.
    fn the_id(&self, element: NodeId, name: &str) -> Result<String, Refusal> {
        let refused = || Refusal::new(Cause::SignatureReference).at(format!("/{name}/@ID"));
        let id = self.attribute(element, "ID").ok_or_else(refused)?;
        let first = id.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let rest = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        if !first || !rest || id.len() > 256 {
            return Err(refused());
        }
        let is_id = |n: &str| n.eq_ignore_ascii_case("id") || n == "AssertionID";
        let bears = |node: NodeId| {
            let attributes = self.doc.element(node).map_or(&[][..], |e| &e.attributes);
            attributes.iter().filter(|a| is_id(&a.name.local_name) && a.value == id).count()
        };
        let bearers: usize = self.doc.descendants(self.doc.root()).into_iter().map(bears).sum();
        if bearers == 1 { Ok(id) } else { Err(refused()) }
    }

    /// SignedInfo, SignatureValue, KeyInfo, and nothing else: an Object could hold anything, unsigned.
    fn parts(&self, signature: NodeId) -> Result<[NodeId; 3], Refusal> {
        self.exactly(signature, ["SignedInfo", "SignatureValue", "KeyInfo"], "")
    }

    fn signed_info(&self, info: NodeId, id: &str) -> Result<(Scheme, Hash), Refusal> {
        let references = self.elements(info).into_iter().filter(|n| self.is(*n, DSIG, "Reference")).count();
        if references != 1 {
            return Err(self.reference("/SignedInfo/Reference"));
        }
        let names = ["CanonicalizationMethod", "SignatureMethod", "Reference"];
        let [c14n, method, reference] = self.exactly(info, names, "/SignedInfo")?;
        self.exclusive_c14n(c14n, "/SignedInfo/CanonicalizationMethod")?;
        let scheme = self.attribute(method, "Algorithm").and_then(|a| scheme_of(&a));
        let scheme = scheme.ok_or_else(|| self.algorithm("/SignedInfo/SignatureMethod"))?;
        if !self.elements(method).is_empty() {
            return Err(self.algorithm("/SignedInfo/SignatureMethod"));
        }
        if self.attribute(reference, "URI").as_deref() != Some(&format!("#{id}")) {
            return Err(self.reference("/SignedInfo/Reference/@URI"));
        }
        let names = ["Transforms", "DigestMethod", "DigestValue"];
        let [transforms, digest, value] = self.exactly(reference, names, "/SignedInfo/Reference")?;
        plain_text(self.doc, value).ok_or_else(|| self.malformed("/SignedInfo/Reference/DigestValue"))?;
        let at = "/SignedInfo/Reference/Transforms";
        let all = self.elements(transforms);
        let [enveloped, exclusive] = all.as_slice() else { return Err(self.algorithm(at)) };
        let both = self.is(*enveloped, DSIG, "Transform") && self.is(*exclusive, DSIG, "Transform");
        let is_enveloped = self.attribute(*enveloped, "Algorithm").as_deref() == Some(uri::ENVELOPED_SIGNATURE);
        if !both || !is_enveloped || !self.elements(*enveloped).is_empty() {
            return Err(self.algorithm(at));
        }
        self.exclusive_c14n(*exclusive, at)?;
        let digest = self.attribute(digest, "Algorithm").and_then(|a| digest_of(&a));
        Ok((scheme, digest.ok_or_else(|| self.algorithm("/SignedInfo/Reference/DigestMethod"))?))
    }

    /// Exclusive C14N without comments, with at most a list of inclusive prefixes.
    fn exclusive_c14n(&self, node: NodeId, at: &str) -> Result<(), Refusal> {
        let inside = self.elements(node);
        let fits = self.attribute(node, "Algorithm").as_deref() == Some(uri::EXC_C14N)
            && match inside.as_slice() {
                [] => true,
                [one] => self.is(*one, EXC_C14N, "InclusiveNamespaces") && self.elements(*one).is_empty(),
                _ => false,
            };
        if fits { Ok(()) } else { Err(self.algorithm(at)) }
    }

    /// Certificates of KeyInfo's X509Data.
    fn certificates(&self, key_info: NodeId) -> Result<Vec<Vec<u8>>, Refusal> {
        certificates(self.doc, key_info).ok_or_else(|| self.malformed("/KeyInfo/X509Data/X509Certificate"))
    }
}

/// Whether a node is the element of this name.
pub(crate) fn is_named(doc: &Document<'_>, node: NodeId, ns: &str, local: &str) -> bool {
    doc.element(node).is_some_and(|e| e.matches_name_ns(ns, local))
}

/// An attribute without namespace.
pub(crate) fn attribute(doc: &Document<'_>, node: NodeId, name: &str) -> Option<String> {
    let element = doc.element(node)?;
    let found = element.attributes.iter().find(|a| a.name.namespace_uri.is_none() && a.name.local_name == name)?;
    Some(found.value.to_string())
}

/// Child elements.
pub(crate) fn elements(doc: &Document<'_>, node: NodeId) -> Vec<NodeId> {
    doc.children_iter(node).filter(|n| doc.element(*n).is_some()).collect()
}

/// Certificates of a KeyInfo's X509Data: at least one, and no more than a signer needs.
pub(crate) fn certificates(doc: &Document<'_>, key_info: NodeId) -> Option<Vec<Vec<u8>>> {
    let data = elements(doc, key_info).into_iter().filter(|n| is_named(doc, *n, DSIG, "X509Data"));
    let nodes: Vec<NodeId> = data
        .flat_map(|d| elements(doc, d))
        .filter(|n| is_named(doc, *n, DSIG, "X509Certificate"))
        .take(MOST_CERTIFICATES + 1)
        .collect();
    if nodes.is_empty() || nodes.len() > MOST_CERTIFICATES {
        return None;
    }
    let decode = |node: NodeId| {
        let text: String = plain_text(doc, node)?.split_ascii_whitespace().collect();
        STANDARD.decode(text).ok()
    };
    nodes.into_iter().map(decode).collect()
}

pub(crate) fn scheme_of(algorithm: &str) -> Option<Scheme> {
    Some(match algorithm {
        uri::RSA_SHA1 => Scheme::RsaPkcs1(Hash::Sha1),
        uri::RSA_SHA256 => Scheme::RsaPkcs1(Hash::Sha256),
        uri::RSA_SHA384 => Scheme::RsaPkcs1(Hash::Sha384),
        uri::RSA_SHA512 => Scheme::RsaPkcs1(Hash::Sha512),
        uri::RSA_PSS_SHA256 => Scheme::RsaPss(Hash::Sha256),
        uri::RSA_PSS_SHA384 => Scheme::RsaPss(Hash::Sha384),
        uri::RSA_PSS_SHA512 => Scheme::RsaPss(Hash::Sha512),
        uri::ECDSA_SHA1 => Scheme::EcdsaRaw(Hash::Sha1),
        uri::ECDSA_SHA256 => Scheme::EcdsaRaw(Hash::Sha256),
        uri::ECDSA_SHA384 => Scheme::EcdsaRaw(Hash::Sha384),
        uri::ECDSA_SHA512 => Scheme::EcdsaRaw(Hash::Sha512),
        _ => return None,
    })
}

pub(crate) fn digest_of(algorithm: &str) -> Option<Hash> {
    Some(match algorithm {
        uri::SHA1 => Hash::Sha1,
        uri::SHA256 => Hash::Sha256,
        uri::SHA384 => Hash::Sha384,
        uri::SHA512 => Hash::Sha512,
        _ => return None,
    })
}

/// The whole text of an element that holds nothing but text. `None` when anything else stands in it: a comment could
/// make two readers see two values.
#[must_use]
pub fn plain_text(doc: &Document<'_>, node: NodeId) -> Option<String> {
    let mut text = String::new();
    for child in doc.children_iter(node) {
        match doc.node_kind(child)? {
            NodeKind::Text(t) | NodeKind::CData(t) => text.push_str(t),
            _ => return None,
        }
    }
    Some(text)
}
