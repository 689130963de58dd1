//! Bearers as certificates of our development PKI, and of the field's shapes, say them.

use crate::testing::{World, signed_samples};

use super::*;

#[test]
fn a_card_of_the_development_pki_says_who_holds_it_and_what_the_holder_is() {
    let world = World::new();
    let card = world.peer("medecin");
    let Bearer::Card { id, profession, speciality, structure, is_agent } = card.bearer() else { panic!("a card") };
    assert_eq!(id.as_str(), "899900000001");
    assert_eq!((profession.as_deref(), speciality.as_deref()), (Some("10"), Some("SM26")));
    assert_eq!(structure.as_ref().map(StructureId::as_str), Some("499900000001001"));
    assert!(!is_agent);
    assert_eq!(card.person(), Some("DURAND Camille"));
    let agent = world.peer("secretaire");
    assert!(matches!(agent.bearer(), Bearer::Card { is_agent: true, profession: None, .. }));
}

#[test]
fn authentication_and_seal_of_a_structure_are_told_apart() {
    let world = World::new();
    let usage = |name: &str| match world.peer(name).bearer() {
        Bearer::Structure { id, usage } => (id.as_str().to_owned(), *usage),
        other => panic!("{other:?}"),
    };
    assert_eq!(usage("hopital-auth"), ("1750000001".into(), StructureUse::Authentication));
    assert_eq!(usage("hopital-seal"), ("1750000001".into(), StructureUse::Seal));
    assert!(matches!(world.peer("server").bearer(), Bearer::Server));
    assert!(matches!(world.peer("operateur-a").bearer(), Bearer::Operator { name } if name == "operateur-a.example"));
}

#[test]
fn certificates_of_the_national_samples_are_read() {
    for (file, text) in signed_samples() {
        let peer = Peer::from_der(&crate::testing::first_certificate(&text)).expect("reads");
        if file.contains("INDIRECTE") {
            let Bearer::Structure { id, usage } = peer.bearer() else { panic!("a structure") };
            assert_eq!((id.as_str(), *usage), ("339172288100052", StructureUse::Seal));
        } else {
            let Bearer::Card { profession, speciality, is_agent, .. } = peer.bearer() else { panic!("a card") };
            assert_eq!((profession.as_deref(), speciality.as_deref(), *is_agent), (Some("10"), Some("SM26"), false));
        }
    }
}

#[test]
fn labels_and_host_names_are_taken_for_no_identifier() {
    assert!(card_id("1.example.org", false).is_none());
    assert!(card_id("3.14-server", false).is_none());
    assert_eq!(card_id("899900000001/DURAND", false).expect("reads").as_str(), "899900000001");
    assert_eq!(card_id("3750000001/42", false).expect("reads").as_str(), "3750000001/42");
    assert!(structure_id("Infirmier").is_none());
    assert!(structure_id("0002 187512751").is_none());
    assert!(structure_id("10B0127189").is_some());
}

#[test]
fn debug_shows_no_person() {
    let shown = format!("{:?}", World::new().peer("medecin"));
    assert!(!shown.contains("DURAND") && !shown.contains("8999"));
}
