//! Assertions: any envelope before the verifier of the VIHF. No signature can be made without a key, so nothing may ever
//! be accepted.
#![no_main]
use std::sync::LazyLock;

use ambient::{SystemClock, SystemRng};
use space::{ProfessionalId, StructureId};
use trust::{AnchorFiles, IssueRequest, KeyType, Kind, Peer, Pki, RevocationPolicy, TrustAnchors, VihfPolicy, VihfVerifier};
use wire_soap::{
    envelope::Envelope,
    xml::{Tree, XmlLimits, decode},
};

static WORLD: LazyLock<(VihfVerifier, Peer, tempfile::TempDir)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let clock: ambient::SharedClock = SystemClock::new();
    let pki = Pki::create(folder.path(), clock.clone(), SystemRng::new()).expect("an authority");
    let card = Kind::Cps {
        id: ProfessionalId::parse("899900000101").expect("a PS_IdNat"),
        profession: "10".into(),
        speciality: Some("SM26".into()),
        structure: StructureId::parse("499900000101001").ok(),
        family: "FUZZ".into(),
        given: "Camille".into(),
    };
    pki.issue(&IssueRequest { key: KeyType::P256, ..IssueRequest::new("medecin", card) }).expect("a card");
    let files = AnchorFiles { authorities: vec![pki.path("ca.pem")], crls: vec![pki.path("crl.pem")] };
    let anchors = TrustAnchors::load(files, RevocationPolicy::LastKnown).expect("anchors");
    let peer = Peer::from_pem_file(&pki.path("medecin.pem")).expect("a certificate");
    (VihfVerifier::new(VihfPolicy::default(), anchors, clock), peer, folder)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (verifier, peer, _) = &*WORLD;
    let Ok(text) = decode(bytes, None) else { return };
    let Ok(tree) = Tree::parse(&text, &XmlLimits::default()) else { return };
    let Ok(envelope) = Envelope::read(&tree) else { return };
    for assertion in envelope.security_assertions() {
        assert!(verifier.verify(tree.document(), assertion.id(), peer).is_err(), "accepted without a key");
    }
});
