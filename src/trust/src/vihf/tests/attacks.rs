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

/// A signed assertion, who verifies it, and what it says.
struct Sample {
    _world: World,
    verifier: VihfVerifier,
    peer: Peer,
    good: String,
    credential: Credential,
}

impl Sample {
    fn new() -> Self {
        let world = World::new();
        let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
        let good = signed(&world.request("medecin-ec"));
        let credential = verify_text(&verifier, &good, &peer).expect("accepted");
        Self { _world: world, verifier, peer, good, credential }
    }

    /// Whatever a text is, it is refused or says what was signed.
    fn holds(&self, text: &str) {
        let Ok(doc) = uppsala::parse(text) else { return };
        for assertion in doc.get_elements_by_tag_name_ns(SAML, "Assertion") {
            if let Ok(other) = self.verifier.verify(&doc, assertion, &self.peer) {
                assert_eq!(other, self.credential);
            }
        }
    }
}

thread_local! {
    static SAMPLE: Sample = Sample::new();
}

/// What is put into a signed assertion, or taken from one place of it to another.
const PIECES: [&str; 18] = [
    "<!-- x -->",
    "<?x y?>",
    "<![CDATA[x]]>",
    "<![CDATA[]]>",
    "&#32;",
    "&#9;",
    " ",
    "<x/>",
    "<saml2:Advice/>",
    "<saml2:AttributeStatement/>",
    "</saml2:AttributeValue><saml2:AttributeValue>",
    "<saml2:AttributeValue>60</saml2:AttributeValue>",
    "<saml2:NameID>899900000002</saml2:NameID>",
    " ID=\"_x\"",
    " xmlns:saml2=\"urn:x\"",
    " xml:id=\"_x\"",
    "<ds:Object/>",
    "<ds:Reference URI=\"\"/>",
];

/// Building blocks of assertions that no sender would write.
const NAMES: [&str; 12] = [
    "Assertion",
    "Issuer",
    "Subject",
    "NameID",
    "Conditions",
    "AuthnStatement",
    "AuthnContext",
    "AuthnContextClassRef",
    "AttributeStatement",
    "Attribute",
    "AttributeValue",
    "Advice",
];
const ATTRIBUTES: [&str; 10] = [
    "",
    " Version=\"2.0\"",
    " IssueInstant=\"2026-03-02T09:00:00Z\"",
    " AuthnInstant=\"x\"",
    " Name=\"VIHF_Version\"",
    " Name=\"Authentification_Mode\"",
    " Name=\"LPS_ID\"",
    " Name=\"urn:oasis:names:tc:xacml:2.0:subject:role\"",
    " NotBefore=\"2026\"",
    " Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName\"",
];
const TEXTS: [&str; 7] =
    ["", "3.0", "DIRECTE", "\u{a0}", "899900000001", "<!-- x -->", "<Role xmlns=\"urn:hl7-org:v3\" code=\"\"/>"];

/// A tree of them, five deep.
fn element() -> impl Strategy<Value = String> {
    use proptest::sample::select;
    let leaf = (select(&NAMES[..]), select(&ATTRIBUTES[..]), select(&TEXTS[..]))
        .prop_map(|(name, attribute, text)| format!("<s:{name}{attribute}>{text}</s:{name}>"));
    leaf.prop_recursive(5, 48, 8, |inner| {
        (select(&NAMES[..]), select(&ATTRIBUTES[..]), proptest::collection::vec(inner, 0..8))
            .prop_map(|(name, attribute, inside)| format!("<s:{name}{attribute}>{}</s:{name}>", inside.concat()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_flipped_byte_makes_other_claims_pass(at in 0usize..100_000, flip in 1u8..=255) {
        SAMPLE.with(|sample| {
            let mut bytes = sample.good.clone().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(text) = String::from_utf8(bytes) {
                sample.holds(&text);
            }
        });
    }

    #[test]
    fn no_pieces_put_in_or_moved_make_other_claims_pass(
        pieces in proptest::collection::vec((0usize..PIECES.len(), 0usize..100_000), 1..5),
        (from, length, to) in (0usize..100_000, 0usize..400, 0usize..100_000),
        moved in any::<bool>(),
    ) {
        SAMPLE.with(|sample| {
            let mut text = sample.good.clone();
            // At the ends of tags, where most pieces leave a document well-formed.
            let place = |text: &str, at: usize| {
                let at = at % text.len();
                text[at..].find(['<', '>']).map_or(text.len(), |n| at + n + usize::from(text.as_bytes()[at + n] == b'>'))
            };
            for (piece, at) in pieces {
                let at = place(&text, at);
                text.insert_str(at, PIECES[piece]);
            }
            if moved {
                let from = place(&text, from);
                let end = place(&text, (from + length).min(text.len() - 1)).max(from);
                let piece: String = text.drain(from..end).collect();
                let to = place(&text, to);
                text.insert_str(to, &piece);
            }
            sample.holds(&text);
        });
    }

    #[test]
    fn no_tree_breaks_the_reader(inside in proptest::collection::vec(element(), 0..8)) {
        let text = format!(
            "<s:Assertion xmlns:s=\"{SAML}\" Version=\"2.0\" IssueInstant=\"2026-03-02T09:00:00Z\">{}</s:Assertion>",
            inside.concat()
        );
        let doc = uppsala::parse(&text).expect("well-formed");
        let root = doc.document_element().expect("a root");
        prop_assert!(read::claims(&doc, root, &VihfPolicy::default()).is_err());
    }
}
