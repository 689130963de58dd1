//! Signatures made elsewhere: the national samples.

use base64::{Engine, engine::general_purpose::STANDARD};
use space::Cause;

use super::*;
use crate::testing::signed_samples;

const SHA1: SignaturePolicy = SignaturePolicy { allow_sha1: true };

/// What stands between two tags.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let start = text.find(from).expect("a start") + from.len();
    &text[start..start + text[start..].find(to).expect("an end")]
}

/// State of the samples of the national documentation (2019, RSA-SHA1, certificates expired in 2020): the signature of
/// SignedInfo verifies with the certificate beside it, but the text that it digests was re-encoded after it was signed
/// (accents lost or encoded twice), so that the reference cannot. The Issuer of the direct one lost an accent as well.
#[test]
fn the_national_samples_verify_as_far_as_they_are_whole() {
    for (file, text) in &signed_samples() {
        let doc = uppsala::parse(text).expect("well-formed");
        let root = doc.document_element().expect("a root");
        let refused = SignedElement::find(&doc, root, SignaturePolicy::default()).err().map(|r| r.cause);
        assert_eq!(refused, Some(Cause::SignatureAlgorithm), "{file}: SHA-1 needs the switch");
        let signed = SignedElement::find(&doc, root, SHA1).expect("has the shape");
        let signer = Peer::from_der(signed.certificate()).expect("reads");

        // Canonical form of SignedInfo, written by hand: its namespace, and no empty elements.
        let mut info = format!(
            "<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">{}</SignedInfo>",
            between(text, "<SignedInfo>", "</SignedInfo>")
        );
        for element in ["CanonicalizationMethod", "SignatureMethod", "DigestMethod", "Transform"] {
            let mut from = 0;
            while let Some(at) = info[from..].find(&format!("<{element} ")).map(|at| at + from) {
                let end = at + info[at..].find("/>").expect("an end");
                info.replace_range(end..end + 2, &format!("></{element}>"));
                from = end;
            }
        }
        let value: String = between(text, "<SignatureValue>", "<").split_ascii_whitespace().collect();
        let value = STANDARD.decode(value).expect("base64");
        let key = signer.public_key().expect("a key");
        assert!(key.verify(Scheme::RsaPkcs1(Hash::Sha1), info.as_bytes(), &value), "{file}");

        let whole = verify_enveloped(&doc, root, signed.certificate(), SHA1).map_err(|r| r.cause);
        assert_eq!(whole.err(), Some(Cause::SignatureInvalid), "{file}");

        let issuer = doc.first_child_element_by_name_ns(root, crate::vihf::SAML, "Issuer").expect("an issuer");
        let issuer = plain_text(&doc, issuer).expect("text");
        let name = signer.subject();
        let direct = !file.contains("INDIRECTE");
        assert_eq!(name.to_rfc4514().replace('é', "?"), issuer, "{file}");
        assert_eq!(crate::same_name(&issuer, name), !direct, "{file}");
        assert!(crate::same_name(&issuer.replace("M?decin", "Médecin"), name), "{file}");
    }
}

#[test]
fn a_signature_goes_where_the_schema_wants_it_and_verifies_under_other_namespaces() {
    let world = crate::testing::World::new();
    for name in ["medecin", "medecin-ec"] {
        let xml =
            "<a:R xmlns:a=\"urn:a\" ID=\"_1\"><a:Issuer>x</a:Issuer><b xmlns=\"urn:b\" a:c=\"d\">é&amp;</b></a:R>";
        let signed = sign_enveloped(xml, "_1", &world.key(name), &world.der(name)).expect("signs");
        assert!(signed.contains("</a:Issuer><ds:Signature"));
        let message = format!("<m xmlns=\"urn:m\" xmlns:z=\"urn:z\">{signed}</m>");
        let doc = uppsala::parse(&message).expect("well-formed");
        let element =
            doc.first_child_element_by_name_ns(doc.document_element().expect("a root"), "urn:a", "R").expect("there");
        let verified = verify_enveloped(&doc, element, &world.der(name), SignaturePolicy::default()).expect("verifies");
        assert!(verified.document().element(verified.root()).expect("an element").matches_name_ns("urn:a", "R"));
        let other = verify_enveloped(&doc, element, &world.der("autre-medecin"), SignaturePolicy::default());
        assert_eq!(other.err().map(|r| r.cause), Some(Cause::SignatureInvalid));
    }
    assert!(matches!(sign_enveloped("<a ID=\"_1\"/>", "_2", &world.key("medecin"), b""), Err(SignError::NoElement)));
}
