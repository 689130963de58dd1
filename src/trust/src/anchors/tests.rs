//! Trust in certificates of our PKI and distrust of all others, reload included.

use std::fs;

use space::Cause;

use super::*;
use crate::{
    IssueRequest, Kind, Pki,
    pki::Reason,
    testing::{World, clock, now, rng},
};

fn cause(result: Result<(), Refusal>) -> Option<Cause> {
    result.err().map(|r| r.cause)
}

#[test]
fn a_certificate_of_ours_is_trusted_whatever_it_is_for() {
    let world = World::new();
    let anchors = world.anchors();
    for name in ["medecin", "medecin-ec", "hopital-auth", "hopital-seal", "operateur-a"] {
        assert_eq!(anchors.check(&world.der(name), now()), Ok(()), "{name}");
    }
}

#[test]
fn expired_and_not_yet_valid_certificates_are_refused_also_when_remembered() {
    let world = World::new();
    let anchors = world.anchors();
    assert_eq!(cause(anchors.check(&world.der("medecin-perime"), now())), Some(Cause::SignerExpired));
    assert_eq!(cause(anchors.check(&world.der("medecin-futur"), now())), Some(Cause::SignerExpired));
    let card = world.der("medecin");
    assert_eq!(anchors.check(&card, now()), Ok(()));
    let later = now().checked_add(jiff::SignedDuration::from_hours(24 * 365 * 20)).expect("an instant");
    assert_eq!(cause(anchors.check(&card, later)), Some(Cause::SignerExpired));
}

#[test]
fn another_authority_of_the_same_name_is_not_ours() {
    let world = World::new();
    let dir = tempfile::tempdir().expect("a folder");
    let other = Pki::create(dir.path(), clock(), rng()).expect("a CA");
    let kind = Kind::Server { dns: vec![], ips: vec![] };
    other.issue(&IssueRequest::new("server", kind)).expect("issues");
    let foreign = files::certificates(&dir.path().join("server.pem")).expect("reads");
    assert_eq!(cause(world.anchors().check(&foreign[0], now())), Some(Cause::SignerUntrusted));
    assert_eq!(cause(world.anchors().check(b"\x30\x03abc", now())), Some(Cause::SignerUntrusted));
    // An authority signs certificates, never assertions.
    assert_eq!(cause(world.anchors().check(&world.der("ca"), now())), Some(Cause::SignerUntrusted));
}

#[test]
fn a_flipped_byte_is_never_trusted_in_what_the_authority_signed_nor_in_its_signature() {
    use x509_parser::prelude::FromDer;
    let world = World::new();
    let (anchors, card) = (world.anchors(), world.der("medecin-ec"));
    let (_, read) = x509_parser::certificate::X509Certificate::from_der(&card).expect("reads");
    let signed_until = 4 + read.tbs_certificate.as_ref().len();
    let signature_from = card.len() - read.signature_value.data.len();
    for at in (0..signed_until).chain(signature_from..card.len()) {
        let mut forged = card.clone();
        forged[at] ^= 0x01;
        assert!(anchors.check(&forged, now()).is_err(), "byte {at}");
    }
}

#[test]
fn a_revoked_certificate_is_refused_as_soon_as_the_list_is_read_again() {
    let world = World::new();
    let (anchors, card) = (world.anchors(), world.der("medecin"));
    assert_eq!(anchors.check(&card, now()), Ok(()));
    world.pki.revoke("medecin", Reason::KeyCompromise).expect("revokes");
    anchors.reload().expect("reloads");
    assert_eq!(cause(anchors.check(&card, now())), Some(Cause::SignerRevoked));
    assert_eq!(anchors.check(&world.der("medecin-ec"), now()), Ok(()));
}

#[test]
fn a_changed_list_is_noticed_without_being_told() {
    let world = World::new();
    let (anchors, card) = (world.anchors(), world.der("medecin"));
    assert_eq!(anchors.check(&card, now()), Ok(()));
    world.pki.revoke("medecin", Reason::Superseded).expect("revokes");
    std::thread::sleep(LOOK_EVERY + Duration::from_millis(50));
    assert_eq!(cause(anchors.check(&card, now())), Some(Cause::SignerRevoked));
}

#[test]
fn a_broken_file_leaves_the_old_state_in_force() {
    let world = World::new();
    let anchors = world.anchors();
    world.pki.revoke("medecin", Reason::Superseded).expect("revokes");
    anchors.reload().expect("reloads");
    fs::write(world.dir.join("crl.pem"), "-----BEGIN X509 CRL-----\nMAMBAQ==\n-----END X509 CRL-----\n")
        .expect("writes");
    assert!(anchors.reload().is_err());
    assert_eq!(cause(anchors.check(&world.der("medecin"), now())), Some(Cause::SignerRevoked));
    assert_eq!(anchors.check(&world.der("hopital-seal"), now()), Ok(()));
}

#[test]
fn a_list_signed_by_another_authority_is_not_taken() {
    let world = World::new();
    let anchors = world.anchors();
    let dir = tempfile::tempdir().expect("a folder");
    Pki::create(dir.path(), clock(), rng()).expect("a CA");
    fs::copy(dir.path().join("crl.pem"), world.dir.join("crl.pem")).expect("copies");
    assert!(matches!(anchors.reload(), Err(AnchorsError::Crl(_, "its signature is not its issuer's"))));
}

#[test]
fn a_list_out_of_date_is_enough_unless_a_fresh_one_is_required() {
    let world = World::new();
    let later = now().checked_add(jiff::SignedDuration::from_hours(24 * 42)).expect("an instant");
    let card = world.der("medecin");
    assert_eq!(world.anchors().check(&card, later), Ok(()));
    let files = AnchorFiles { authorities: vec![world.dir.join("ca.pem")], crls: vec![world.dir.join("crl.pem")] };
    let strict = TrustAnchors::load(files.clone(), RevocationPolicy::Required).expect("loads");
    assert_eq!(strict.check(&card, now()), Ok(()));
    assert_eq!(cause(strict.check(&card, later)), Some(Cause::SignerUntrusted));
    let without = AnchorFiles { crls: vec![], ..files };
    let strict = TrustAnchors::load(without, RevocationPolicy::Required).expect("loads");
    assert_eq!(cause(strict.check(&card, now())), Some(Cause::SignerUntrusted));
}

/// A root, an authority under it and a leaf, as IGC-Santé has them.
mod chain {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        KeyUsagePurpose, date_time_ymd,
    };

    use super::*;

    fn params(cn: &str, ca: Option<u8>) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, cn);
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2035, 1, 1);
        params.use_authority_key_identifier_extension = true;
        match ca {
            Some(below) => {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            }
            None => {
                params.distinguished_name.push(DnType::OrganizationalUnitName, "1750000001");
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
            }
        }
        params
    }

    fn key() -> KeyPair {
        KeyPair::generate().expect("a key")
    }

    #[test]
    fn the_steps_in_between_are_ours_or_given_and_their_constraints_hold() {
        let root = CertifiedIssuer::self_signed(params("AC RACINE", Some(1)), key()).expect("a root");
        let middle = CertifiedIssuer::signed_by(params("AC ORGANISATIONS", Some(0)), key(), &root).expect("signs");
        let leaf = params("cachet", None).signed_by(&key(), &middle).expect("signs");
        let low = CertifiedIssuer::signed_by(params("AC DE TROP", Some(0)), key(), &middle).expect("signs");
        let beyond = params("cachet de trop", None).signed_by(&key(), &low).expect("signs");
        let under_leaf = CertifiedIssuer::signed_by(params("cachet", None), key(), &middle).expect("signs");
        let by_leaf = params("faux cachet", None).signed_by(&key(), &under_leaf).expect("signs");

        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, pem: String| {
            let path = dir.path().join(name);
            fs::write(&path, pem).expect("writes");
            path
        };
        let (both, only_root) = (write("both.pem", root.pem() + &middle.pem()), write("root.pem", root.pem()));
        let only_middle = write("middle.pem", middle.pem());
        let load = |path: &std::path::Path| {
            let files = AnchorFiles { authorities: vec![path.to_owned()], crls: vec![] };
            TrustAnchors::load(files, RevocationPolicy::LastKnown).expect("loads")
        };
        let given = |der: &[u8]| vec![der.to_vec()];
        assert_eq!(load(&both).check(leaf.der(), now()), Ok(()));
        assert_eq!(load(&only_middle).check(leaf.der(), now()), Ok(()));
        let anchors = load(&only_root);
        assert_eq!(cause(anchors.check(leaf.der(), now())), Some(Cause::SignerUntrusted));
        assert_eq!(anchors.check_chain(leaf.der(), &given(middle.der()), now()), Ok(()));
        let peer = crate::Peer::from_chain(leaf.der(), &given(middle.der())).expect("a seal");
        anchors.reload().expect("reloads");
        assert_eq!(anchors.check_peer(&peer, now()), Ok(()), "what came with it still counts after a reload");
        let too_long = [middle.der().to_vec(), low.der().to_vec()];
        assert_eq!(cause(load(&only_root).check_chain(beyond.der(), &too_long, now())), Some(Cause::SignerUntrusted));
        let leaf_as_issuer = [middle.der().to_vec(), under_leaf.der().to_vec()];
        let refused = load(&only_root).check_chain(by_leaf.der(), &leaf_as_issuer, now());
        assert_eq!(cause(refused), Some(Cause::SignerUntrusted));
    }
}
