//! The corpus of hostile assertions against the verifier: each for its own cause, the sound ones accepted.

use std::collections::HashSet;

use space::Cause;
use wire_soap::{
    envelope::Envelope,
    xml::{Tree, XmlError, XmlLimits, decode},
};

use super::*;
use crate::{
    testing::{HOLDER, rng},
    vectors::{Vector, Workshop, corpus},
};

/// What stands around an assertion on the wire.
fn message(security: &str) -> String {
    format!(
        "<soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"><soap:Header>\
         <wsse:Security xmlns:wsse=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">\
         {security}</wsse:Security></soap:Header><soap:Body><m xmlns=\"urn:m\"></m></soap:Body></soap:Envelope>"
    )
}

/// A workshop over a world's PKI.
pub(super) fn workshop(world: &World) -> Workshop {
    let pki = crate::Pki::open(&world.dir, world.clock.clone(), rng()).expect("opens");
    let other =
        space::Ins::parse("277076322082910", space::InsOid::NirTest, space::InsTolerance::Test).expect("an INS");
    assert_ne!(other.matricule(), HOLDER);
    let clock: ambient::SharedClock = world.clock.clone();
    Workshop::new(pki, world.request("medecin"), other, &clock, rng(), message)
}

/// What the face of SOAP does with a message before and after its assertion is verified.
pub(super) fn judge(verifier: &VihfVerifier, peer: &Peer, message: &[u8]) -> Result<Credential, Refusal> {
    let of_xml = |error: XmlError| {
        Refusal::new(match error {
            XmlError::TooDeep { .. } => Cause::TooDeep,
            XmlError::Doctype => Cause::DtdForbidden,
            XmlError::TooLong { .. } | XmlError::TooManyNodes { .. } => Cause::TooLarge,
            _ => Cause::MalformedXml,
        })
    };
    let text = decode(message, Some("UTF-8")).map_err(of_xml)?;
    let tree = Tree::parse(&text, &XmlLimits::default()).map_err(of_xml)?;
    let envelope = Envelope::read(&tree).map_err(|_| Refusal::new(Cause::MalformedSoap))?;
    match envelope.security_assertions().as_slice() {
        [] => Err(Refusal::new(Cause::AssertionMissing)),
        [one] => verifier.verify(tree.document(), one.id(), peer),
        _ => Err(Refusal::new(Cause::AssertionDuplicated)),
    }
}

/// A world, its vectors, and who verifies them.
pub(super) fn made() -> (World, Vec<Vector>, Workshop) {
    let world = World::new();
    let workshop = workshop(&world);
    let vectors = corpus(&workshop);
    (world, vectors, workshop)
}

#[test]
fn every_hostile_vector_is_refused_for_its_cause_and_every_sound_one_accepted() {
    let (world, vectors, _workshop) = made();
    let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
    let mut wrong = Vec::new();
    for vector in &vectors {
        // Twice: what is remembered of the first time changes nothing.
        for _ in 0..2 {
            let told = judge(&verifier, &peer, &vector.message).map(|_| ());
            let cause = told.as_ref().map_err(|r| r.cause).copied();
            if cause != vector.expected {
                wrong.push(format!("{}: expected {:?}, told {told:?}", vector.name, vector.expected));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let names: HashSet<&str> = vectors.iter().map(|v| v.name.as_str()).collect();
    let hostile = vectors.iter().filter(|v| v.expected.is_err()).count();
    assert_eq!(names.len(), vectors.len(), "names differ");
    assert!(hostile >= 150, "{hostile} hostile vectors");
    assert!(vectors.len() - hostile >= 12, "{} sound vectors", vectors.len() - hostile);
}

#[test]
fn no_assertion_of_a_hostile_message_is_accepted_whichever_a_careless_face_picks() {
    let (world, vectors, _workshop) = made();
    let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
    // Where a message is refused because it brings none in its place, a good one may stand elsewhere.
    for vector in vectors.iter().filter(|v| !matches!(v.expected, Ok(()) | Err(Cause::AssertionMissing))) {
        let Ok(text) = std::str::from_utf8(&vector.message) else { continue };
        let Ok(doc) = uppsala::parse(text) else { continue };
        for assertion in doc.get_elements_by_tag_name_ns(SAML, "Assertion") {
            // Depth and number of elements are the reader's to bound, not the verifier's.
            if !matches!(vector.expected, Err(Cause::TooDeep | Cause::TooLarge | Cause::MalformedXml)) {
                assert!(verifier.verify(&doc, assertion, &peer).is_err(), "{}", vector.name);
            }
        }
    }
}

#[test]
fn a_refusal_says_nothing_of_anybody() {
    let (world, vectors, workshop) = made();
    let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
    for vector in &vectors {
        let shown = format!("{vector:?} {workshop:?} {:?}", judge(&verifier, &peer, &vector.message).map(|_| ()));
        for secret in ["VECTEUR", crate::testing::PHYSICIAN, HOLDER, "DURAND"] {
            assert!(!shown.contains(secret), "{}: {shown}", vector.name);
        }
    }
}
