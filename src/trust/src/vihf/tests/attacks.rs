//! What attackers try beyond the corpus ([`super::corpus`]): what is remembered, and bytes changed at random.

use proptest::prelude::*;
use space::Credential;

use super::*;

const FORGED_HOLDER: &str = "277076322082910^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH";

/// A good assertion, and a forged copy of it without signature and under another ID.
struct Parts {
    good: String,
    forged: String,
}

fn parts(world: &World) -> Parts {
    let good = signed(&world.request("medecin-ec"));
    let start = good.find("<ds:Signature").expect("a signature");
    let end = good.find("</ds:Signature>").expect("its end") + "</ds:Signature>".len();
    let unsigned = [&good[..start], &good[end..]].concat();
    let forged = unsigned.replace("207058575627097^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH", FORGED_HOLDER).replacen(
        "ID=\"_",
        "ID=\"_evil",
        1,
    );
    assert_ne!(forged, unsigned);
    Parts { good, forged }
}

fn id_of(assertion: &str) -> &str {
    let start = assertion.find("ID=\"").expect("an ID") + 4;
    &assertion[start..start + assertion[start..].find('"').expect("its end")]
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
