//! Makes the signature that [`super::SetVerifier`] accepts: SHA-256, canonical form of documents that are XML.

use ambient::Timestamp;
use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_core::algorithm::SHA256;
use uppsala::{Document, NodeId};
use wire_soap::xml::{Tree, decode};

use super::{DOCUMENT, DSIG, SignedDocument, canonical};
use crate::{
    Peer, SigningKey,
    key::{Hash, KeyFamily, digest},
    xmldsig::{SignError, attribute},
};

/// Purpose of the signature: that of the author (ASTM E1762, as the DMP writes it).
const PURPOSE: &str = "1.2.840.10065.1.12.1.14";

/// Signs a set: gives the bytes of the signature document (DMP TD2.1).
///
/// # Errors
/// [`SignError`] when a document has no bytes, or the key refuses.
pub fn sign_set(
    set_unique_id: &str,
    documents: &[SignedDocument<'_>],
    key: &SigningKey,
    certificate: &Peer,
    at: Timestamp,
) -> Result<String, SignError> {
    let references: Vec<String> = documents.iter().map(reference).collect::<Result<_, _>>()?;
    let (issuer, serial) = issued(certificate).ok_or(SignError::Failed)?;
    let method = match key.family() {
        KeyFamily::Rsa => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        KeyFamily::Ec(_) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    };
    let written = |manifest: &str, properties: &str, value: &str| {
        format!(
            "<Signature xmlns=\"{DSIG}\" Id=\"IHESignature\"><SignedInfo>\
             <CanonicalizationMethod Algorithm=\"{c14n}\"/><SignatureMethod Algorithm=\"{method}\"/>\
             <Reference Type=\"{DSIG}Manifest\" URI=\"#IHEManifest\"><DigestMethod Algorithm=\"{SHA256}\"/>\
             <DigestValue>{manifest}</DigestValue></Reference>\
             <Reference Type=\"http://uri.etsi.org/01903/v1.1.1#SignedProperties\" URI=\"#SignedProperties\">\
             <DigestMethod Algorithm=\"{SHA256}\"/><DigestValue>{properties}</DigestValue></Reference></SignedInfo>\
             <SignatureValue>{value}</SignatureValue><KeyInfo><X509Data><X509Certificate>{der}</X509Certificate>\
             </X509Data></KeyInfo><Object><Manifest Id=\"IHEManifest\"><Reference URI=\"urn:oid:{set_unique_id}\">\
             <DigestMethod Algorithm=\"{SHA256}\"/><DigestValue>AA==</DigestValue></Reference>{documents}</Manifest>\
             </Object><Object><SignatureProperties><SignatureProperty Id=\"purposeOfSignature\" \
             Target=\"#IHESignature\">{PURPOSE}</SignatureProperty></SignatureProperties></Object><Object>\
             <QualifyingProperties xmlns=\"http://uri.etsi.org/01903/v1.1.1#\" Target=\"#IHESignature\">\
             <SignedProperties Id=\"SignedProperties\"><SignedSignatureProperties><SigningTime>{at}</SigningTime>\
             <SigningCertificate><Cert><CertDigest><DigestMethod xmlns=\"{DSIG}\" Algorithm=\"{SHA256}\"/>\
             <DigestValue xmlns=\"{DSIG}\">{of_certificate}</DigestValue></CertDigest><IssuerSerial>\
             <X509IssuerName xmlns=\"{DSIG}\">{issuer}</X509IssuerName>\
             <X509SerialNumber xmlns=\"{DSIG}\">{serial}</X509SerialNumber></IssuerSerial></Cert></SigningCertificate>\
             <SignaturePolicyIdentifier><SignaturePolicyImplied/></SignaturePolicyIdentifier>\
             </SignedSignatureProperties></SignedProperties></QualifyingProperties></Object></Signature>",
            c14n = C14nMode::Inclusive.uri(),
            der = STANDARD.encode(certificate.der()),
            documents = references.concat(),
            of_certificate = STANDARD.encode(digest(Hash::Sha256, certificate.der())),
        )
    };
    let draft = written("", "", "");
    let (manifest, properties) = digests(&draft).ok_or(SignError::Failed)?;
    let draft = written(&manifest, &properties, "");
    let info = signed_info(&draft).ok_or(SignError::Failed)?;
    let value = key.sign(&info).map_err(|_| SignError::Failed)?;
    Ok(written(&manifest, &properties, &STANDARD.encode(value)))
}

/// The reference of a manifest to a document: over its canonical form when it is XML, over its bytes otherwise.
fn reference(document: &SignedDocument<'_>) -> Result<String, SignError> {
    let bytes = document.bytes.ok_or(SignError::NoElement)?;
    let text = decode(bytes, None).ok();
    let tree = text.as_deref().and_then(|text| Tree::parse(text, &DOCUMENT).ok());
    let mode = C14nMode::InclusiveWithComments;
    let (transforms, digested) = match tree {
        Some(tree) => {
            let canonical = canonicalize_doc::<&str>(tree.document(), mode, None, &[]);
            let transforms = format!("<Transforms><Transform Algorithm=\"{}\"/></Transforms>", mode.uri());
            (transforms, digest(Hash::Sha256, &canonical.map_err(|_| SignError::Failed)?))
        }
        None => (String::new(), digest(Hash::Sha256, bytes)),
    };
    Ok(format!(
        "<Reference URI=\"urn:oid:{}\">{transforms}<DigestMethod Algorithm=\"{SHA256}\"/><DigestValue>{}</DigestValue>\
         </Reference>",
        document.unique_id,
        STANDARD.encode(digested)
    ))
}

/// Issuer (RFC 2253) and serial number (decimal) of a certificate.
fn issued(certificate: &Peer) -> Option<(String, String)> {
    use x509_parser::prelude::FromDer;
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate.der()).ok()?;
    let issuer = crate::DistinguishedName::from_x509(parsed.issuer()).to_rfc4514();
    let issuer = issuer.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    Some((issuer, parsed.tbs_certificate.serial.to_string()))
}

/// Digests of the manifest and of the signed properties of a draft.
fn digests(draft: &str) -> Option<(String, String)> {
    let doc = uppsala::parse(draft).ok()?;
    let of = |id: &str| {
        let node = by_id(&doc, id)?;
        Some(STANDARD.encode(digest(Hash::Sha256, &canonical(&doc, node, C14nMode::Inclusive)?)))
    };
    Some((of("IHEManifest")?, of("SignedProperties")?))
}

fn signed_info(draft: &str) -> Option<Vec<u8>> {
    let doc = uppsala::parse(draft).ok()?;
    let info = doc.get_elements_by_tag_name_ns(DSIG, "SignedInfo").first().copied()?;
    canonical(&doc, info, C14nMode::Inclusive)
}

fn by_id(doc: &Document<'_>, id: &str) -> Option<NodeId> {
    doc.descendants(doc.root()).into_iter().find(|n| attribute(doc, *n, "Id").as_deref() == Some(id))
}
