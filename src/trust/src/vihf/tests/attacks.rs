//! Signature wrapping and its kin, built from a good assertion: none is ever accepted.

use proptest::prelude::*;
use space::Credential;

use super::*;

const FORGED_HOLDER: &str = "277076322082910^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH";

/// A good assertion, its signature alone, and a forged copy of it without signature and under another ID.
struct Parts {
    good: String,
    unsigned: String,
    signature: String,
    forged: String,
}

fn parts(world: &World) -> Parts {
    let good = signed(&world.request("medecin-ec"));
    let start = good.find("<ds:Signature").expect("a signature");
    let end = good.find("</ds:Signature>").expect("its end") + "</ds:Signature>".len();
    let (signature, unsigned) = (good[start..end].to_owned(), [&good[..start], &good[end..]].concat());
    let forged = unsigned.replace("207058575627097^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH", FORGED_HOLDER).replacen(
        "ID=\"_",
        "ID=\"_evil",
        1,
    );
    assert_ne!(forged, unsigned);
    Parts { good, unsigned, signature, forged }
}

/// Puts something into an assertion, right after its Issuer.
fn after_issuer(assertion: &str, inside: &str) -> String {
    assertion.replacen("</saml2:Issuer>", &format!("</saml2:Issuer>{inside}"), 1)
}

/// Puts something at the end of an assertion.
fn at_end(assertion: &str, inside: &str) -> String {
    let end = assertion.rfind("</saml2:Assertion>").expect("an end");
    [&assertion[..end], inside, &assertion[end..]].concat()
}

/// Verifies every assertion of a message in turn: whichever a face would pick.
fn outcomes(world: &World, xml: &str) -> Vec<Result<Credential, Refusal>> {
    let doc = uppsala::parse(xml).expect("well-formed");
    let (verifier, peer) = (verifier(world), world.peer("medecin-ec"));
    doc.get_elements_by_tag_name_ns(SAML, "Assertion").into_iter().map(|a| verifier.verify(&doc, a, &peer)).collect()
}

#[test]
fn signature_wrapping_is_refused_in_all_its_known_forms() {
    let world = World::new();
    let Parts { good, unsigned, signature, forged } = parts(&world);
    let object =
        |inside: &str| signature.replace("</ds:Signature>", &format!("<ds:Object>{inside}</ds:Object></ds:Signature>"));
    let same_id = forged.replacen("_evil", "_", 1);
    let forms = [
        ("1: forged root, the signed one inside its signature", after_issuer(&forged, &object(&unsigned))),
        ("2: forged root, detached signature then the signed one", format!("{forged}{signature}{unsigned}")),
        ("3: forged beside and before the signed one", format!("{forged}{good}")),
        ("3b: forged beside and after the signed one", format!("{good}{forged}")),
        ("4: the signed one inside the forged", at_end(&forged, &good)),
        (
            "5: the signature in the forged, the signed one beside",
            format!("{}{unsigned}", after_issuer(&forged, &signature)),
        ),
        ("6: the signed one inside the signature inside the forged", at_end(&forged, &object(&unsigned))),
        (
            "7: forged under an extension, the signed one first",
            format!("{}<e>{forged}</e>", after_issuer(&unsigned, &signature)),
        ),
        ("7b: forged in an extension of the signed one", after_issuer(&good, &format!("<e>{forged}</e>"))),
        (
            "8: the signed one in an object of the forged's signature",
            format!("{}{good}", after_issuer(&forged, &object(&unsigned))),
        ),
        ("same ID twice", format!("{same_id}{good}")),
        ("same ID twice, forged last", format!("{good}{same_id}")),
        ("same ID under another name", format!("<e Id=\"{}\"/>{good}", id_of(&good))),
        ("same xml:id", format!("<e xml:id=\"{}\"/>{good}", id_of(&good))),
        (
            "signature moved into the Subject",
            unsigned.replacen("<saml2:Subject>", &format!("<saml2:Subject>{signature}"), 1),
        ),
        ("two signatures", after_issuer(&good, &signature)),
        ("signature of another element", after_issuer(&forged, &signature)),
    ];
    for (form, body) in forms {
        for outcome in outcomes(&world, &envelope(&body)) {
            assert!(outcome.is_err(), "{form} was accepted");
        }
    }
}

fn id_of(assertion: &str) -> &str {
    let start = assertion.find("ID=\"").expect("an ID") + 4;
    &assertion[start..start + assertion[start..].find('"').expect("its end")]
}

#[test]
fn each_defect_of_a_signature_has_its_cause() {
    let world = World::new();
    let Parts { good, unsigned, signature, forged } = parts(&world);
    let id = id_of(&good).to_owned();
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let transform = |algorithm: &str| format!("<ds:Transform Algorithm=\"{algorithm}\"/>");
    for (what, text, cause) in [
        ("unsigned", unsigned.clone(), Cause::AssertionUnsigned),
        ("a changed claim", good.replacen(">SA07^", ">SA08^", 1), Cause::SignatureInvalid),
        ("an added attribute", good.replacen("Version=\"2.0\"", "Version=\"2.0\" x=\"y\"", 1), Cause::SignatureInvalid),
        ("signature of another element", after_issuer(&forged, &signature), Cause::SignatureReference),
        ("an empty URI", good.replacen(&format!("URI=\"#{id}\""), "URI=\"\"", 1), Cause::SignatureReference),
        ("no URI", good.replacen(&format!(" URI=\"#{id}\""), "", 1), Cause::SignatureReference),
        (
            "an XPointer",
            good.replacen(&format!("#{id}"), &format!("#xpointer(id('{id}'))"), 1),
            Cause::SignatureReference,
        ),
        ("an object", good.replacen("</ds:KeyInfo>", "</ds:KeyInfo><ds:Object/>", 1), Cause::AssertionMalformed),
        ("no KeyInfo certificate", good.replacen("X509Data>", "X509Date>", 2), Cause::AssertionMalformed),
        (
            "inclusive C14N",
            good.replacen(exclusive, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", 1),
            Cause::SignatureAlgorithm,
        ),
        (
            "C14N with comments",
            good.replacen(exclusive, "http://www.w3.org/2001/10/xml-exc-c14n#WithComments", 1),
            Cause::SignatureAlgorithm,
        ),
        (
            "one transform too many",
            good.replacen("</ds:Transforms>", &format!("{}</ds:Transforms>", transform(exclusive)), 1),
            Cause::SignatureAlgorithm,
        ),
        (
            "an XSLT transform",
            good.replacen(&transform(exclusive), &transform("http://www.w3.org/TR/1999/REC-xslt-19991116"), 1),
            Cause::SignatureAlgorithm,
        ),
        (
            "an HMAC",
            good.replacen(
                "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
                1,
            ),
            Cause::SignatureAlgorithm,
        ),
        ("another family", good.replacen("#ecdsa-sha256", "#rsa-sha256", 1), Cause::SignatureAlgorithm),
        ("SHA-1 in the signature", good.replacen("#ecdsa-sha256", "#ecdsa-sha1", 1), Cause::SignatureAlgorithm),
        (
            "SHA-1 in the digest",
            good.replacen("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1", 1),
            Cause::SignatureAlgorithm,
        ),
        (
            "an MD5 digest",
            good.replacen("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#md5", 1),
            Cause::SignatureAlgorithm,
        ),
    ] {
        assert_ne!(text, good, "{what}");
        let told = refused(verify_text(&verifier(&world), &envelope(&text), &world.peer("medecin-ec")));
        assert_eq!(told.0, cause, "{what}: {told:?}");
        assert!(told.1.starts_with("/Assertion"), "{what}: {told:?}");
    }
}

#[test]
fn another_certificate_in_key_info_does_not_lend_its_trust() {
    let world = World::new();
    let Parts { good, .. } = parts(&world);
    let certificate = |name: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.encode(world.der(name))
    };
    let swapped = good.replace(&certificate("medecin-ec"), &certificate("autre-medecin"));
    assert_ne!(swapped, good);
    let told = refused(verify_text(&verifier(&world), &envelope(&swapped), &world.peer("autre-medecin")));
    assert_eq!(told.0, Cause::SignatureInvalid);
    // Its own key, under the certificate of another.
    let stolen = VihfRequest {
        signer: world.peer("medecin-ec"),
        key: world.key("autre-medecin"),
        ..world.request("medecin-ec")
    };
    assert!(matches!(stolen.sign(&*rng()), Err(VihfError::KeyMismatch)));
}

#[test]
fn a_comment_inside_a_value_hides_nothing() {
    let world = World::new();
    let Parts { good, .. } = parts(&world);
    // Comments are outside the signature; a value they split would be read short by a careless reader.
    for (from, to) in [
        (">899900000001<", ">899900000001<!--x-->2<"),
        (">899900000001<", ">8999<!---->00000001<"),
        (">499900000001001<", ">499900000001001<!--x--><"),
        ("ISO^NH<", "ISO<!-- -->^NH<"),
        (",C=FR<", ",C=FR<!-- --><"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good);
        let told = refused(verify_text(&verifier(&world), &envelope(&text), &world.peer("medecin-ec")));
        assert!(matches!(told.0, Cause::AssertionMalformed | Cause::SignatureInvalid), "{to}: {told:?}");
    }
    // Between elements they change nothing.
    let harmless = good.replacen("<saml2:AttributeStatement>", "<!-- hello --><saml2:AttributeStatement>", 1);
    assert!(verify_text(&verifier(&world), &envelope(&harmless), &world.peer("medecin-ec")).is_ok());
}

#[test]
fn a_document_type_is_refused() {
    let world = World::new();
    let text = format!("<!DOCTYPE x [<!ENTITY e \"SA07\">]>{}", parts(&world).good);
    let told = refused(verify_text(&verifier(&world), &text, &world.peer("medecin-ec")));
    assert_eq!(told.0, Cause::DtdForbidden);
}

#[test]
fn the_message_around_is_looked_at_even_when_the_assertion_is_remembered() {
    let world = World::new();
    let Parts { good, forged, .. } = parts(&world);
    let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
    assert!(verify_text(&verifier, &envelope(&good), &peer).is_ok());
    let doubled = format!("{good}<e ID=\"{}\"/>", id_of(&good));
    assert_eq!(refused(verify_text(&verifier, &envelope(&doubled), &peer)).0, Cause::SignatureReference);
    let beside = envelope(&format!("{good}{forged}"));
    assert_eq!(refused(verify_text(&verifier, &beside, &peer)).0, Cause::AssertionDuplicated);
}

#[test]
fn the_namespaces_an_assertion_stands_under_are_part_of_what_is_remembered() {
    let world = World::new();
    let good = parts(&world).good.replacen(" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"", "", 1);
    let under = |uri: &str| format!("<r xmlns:xsi=\"{uri}\">{good}</r>");
    let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
    assert!(verify_text(&verifier, &under("http://www.w3.org/2001/XMLSchema-instance"), &peer).is_ok());
    let told = refused(verify_text(&verifier, &under("urn:other"), &peer));
    assert_eq!(told.0, Cause::SignatureInvalid);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_flipped_byte_makes_other_claims_pass(at in 0usize..100_000, flip in 1u8..=255) {
        thread_local! {
            static SAMPLE: (World, VihfVerifier, Peer, String, Credential) = {
                let world = World::new();
                let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
                let good = signed(&world.request("medecin-ec"));
                let credential = verify_text(&verifier, &good, &peer).expect("accepted");
                (world, verifier, peer, good, credential)
            };
        }
        SAMPLE.with(|(_, verifier, peer, good, credential)| {
            let mut bytes = good.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let Ok(text) = String::from_utf8(bytes) else { return };
            let Ok(doc) = uppsala::parse(&text) else { return };
            let Some(assertion) = doc.get_elements_by_tag_name_ns(SAML, "Assertion").first().copied() else { return };
            if let Ok(other) = verifier.verify(&doc, assertion, peer) {
                assert_eq!(&other, credential, "byte {at}");
            }
        });
    }
}
