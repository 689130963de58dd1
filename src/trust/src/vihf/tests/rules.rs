//! What the claims must be, and who may make them.

use jiff::SignedDuration;
use space::{AuthMode, Purpose, Role};

use super::*;
use crate::{
    CodedRole,
    claims::{PROFESSION_SYSTEM, PURPOSE_SYSTEM, PURPOSE_SYSTEM_NEW},
    pki::Reason,
    testing::{HOLDER, HOSPITAL, OFFICE, PHYSICIAN, corpus, now, professional, structure},
};

#[test]
fn a_card_holder_in_direct_mode_is_a_professional() {
    let world = World::new();
    for name in ["medecin", "medecin-ec"] {
        let credential = verify(&world, &world.request(name), name).expect("accepted");
        let actor = credential.actor;
        assert_eq!((actor.role, actor.auth), (Role::Professional, AuthMode::Directe));
        assert_eq!(actor.id, Some(professional(PHYSICIAN)));
        assert_eq!(actor.structure, Some(structure(OFFICE)));
        assert_eq!((actor.profession.code.as_str(), actor.profession.speciality.as_deref()), ("10", Some("SM26")));
        assert_eq!(actor.name, "DURAND Camille");
        assert_eq!((actor.software.name.as_str(), actor.secret), ("Logiciel d'essai", false));
        assert_eq!(credential.patient.expect("a holder").matricule(), HOLDER);
    }
}

#[test]
fn a_seal_makes_a_structure_and_under_two_factors_a_professional() {
    let world = World::new();
    let indirect = verify(&world, &world.sealed(AuthMode::Indirecte), "hopital-auth").expect("accepted").actor;
    assert_eq!((indirect.role, indirect.structure), (Role::Structure, Some(structure(HOSPITAL))));
    assert_eq!((indirect.id, indirect.name.as_str()), (Some(professional(PHYSICIAN)), "DURAND Camille"));
    let air = verify(&world, &world.sealed(AuthMode::IndirecteRenforcee), "hopital-auth").expect("accepted").actor;
    assert_eq!(air.role, Role::Professional);
}

#[test]
fn an_agent_card_makes_an_agent_and_lends_no_profession() {
    let world = World::new();
    let role = |system: &str| vec![CodedRole { code: "SECRETARIAT_MEDICAL".into(), system: system.into() }];
    let request = VihfRequest {
        subject: professional("3750000001/42"),
        structure: structure(HOSPITAL),
        roles: role("1.2.250.1.213.1.1.4.6"),
        ..world.request("secretaire")
    };
    let actor = verify(&world, &request, "secretaire").expect("accepted").actor;
    assert_eq!((actor.role, actor.name.as_str()), (Role::Agent, "PETIT Dominique"));
    let physician = VihfRequest { roles: world.request("medecin").roles, ..request };
    assert_eq!(refused(verify(&world, &physician, "secretaire")).0, Cause::ClaimInvalid);
}

#[test]
fn purpose_reason_and_secret_connection_are_read() {
    let world = World::new();
    let reason = Some("Patient inconscient, <détresse> & \"urgence\"".to_owned());
    let request = VihfRequest {
        purpose: Purpose::BrisDeGlace { reason: reason.clone() },
        secret: true,
        ..world.request("medecin-ec")
    };
    let actor = verify(&world, &request, "medecin-ec").expect("accepted").actor;
    assert_eq!((actor.purpose, actor.secret), (Purpose::BrisDeGlace { reason }, true));
    let urgent = VihfRequest { purpose: Purpose::Centre15, ..world.request("medecin-ec") };
    assert_eq!(verify(&world, &urgent, "medecin-ec").expect("accepted").actor.purpose, Purpose::Centre15);
    // Without reason it is read, and refused by the decision.
    let silent = VihfRequest { purpose: Purpose::BrisDeGlace { reason: None }, ..world.request("medecin-ec") };
    let actor = verify(&world, &silent, "medecin-ec").expect("accepted").actor;
    assert_eq!(actor.purpose, Purpose::BrisDeGlace { reason: None });
}

/// A request whose text is changed before it is signed.
fn edited(world: &World, from: &str, to: &str) -> Result<Credential, Refusal> {
    let request = world.request("medecin-ec");
    let unsigned = request.unsigned("_x");
    assert!(unsigned.contains(from), "{from}");
    let changed = unsigned.replacen(from, to, 1);
    let signed = crate::xmldsig::sign_enveloped(&changed, "_x", &request.key, request.signer.der()).expect("signs");
    verify_text(&verifier(world), &envelope(&signed), &world.peer("medecin-ec"))
}

#[test]
fn the_spellings_of_the_field_are_tolerated() {
    let world = World::new();
    for (from, to) in [
        ("Authentification_mode", "Authentification_Mode"),
        ("nameid-format", "nameidformat"),
        (">3.0<", ">4.0<"),
        (PURPOSE_SYSTEM, PURPOSE_SYSTEM_NEW),
        ("ISO^NH<", "ISO^NH^^20100907<"),
        (">DIRECTE<", "> DIRECTE\n<"),
        (",OU=", ", OU="),
    ] {
        assert!(edited(&world, from, to).is_ok(), "{to}: {:?}", edited(&world, from, to));
    }
}

#[test]
fn values_outside_their_sets_are_refused_at_their_place() {
    let world = World::new();
    let at = attribute_place;
    let statement = "/Assertion/AttributeStatement";
    for (from, to, cause, place) in [
        (">3.0<", ">2.0<", Cause::ClaimInvalid, at("VIHF_Version")),
        (">DIRECTE<", ">DIRECT<", Cause::ClaimInvalid, at("Authentification_mode")),
        (">urn:dmp<", ">urn:dcc<", Cause::ClaimInvalid, at("Ressource_URN")),
        ("SA07^1.2.250.1.71.4.2.4", "SA07", Cause::ClaimInvalid, at("Secteur_Activite")),
        ("code=\"normal\"", "code=\"Normal\"", Cause::ClaimInvalid, at(attribute::PURPOSE)),
        (PURPOSE_SYSTEM, "1.2.3", Cause::ClaimInvalid, at(attribute::PURPOSE)),
        (">499900000001001<", ">4999 0<", Cause::StructureIdInvalid, at("Identifiant_Structure")),
        (">899900000001<", ">9<", Cause::ProfessionalIdInvalid, "/Assertion/Subject/NameID".into()),
        (HOLDER, "20705857562709", Cause::InsInvalid, at(attribute::RESOURCE)),
        (" Version=\"2.0\"", " Version=\"1.1\"", Cause::AssertionMalformed, "/Assertion/@Version".into()),
        (
            "AuthnInstant=\"2026",
            "AuthnInstant=\"x",
            Cause::AssertionMalformed,
            "/Assertion/AuthnStatement/@AuthnInstant".into(),
        ),
        ("X509SubjectName", "unspecified", Cause::AssertionMalformed, "/Assertion/Issuer/@Format".into()),
        (
            "<saml2:Conditions NotBefore",
            "<saml2:Conditions><saml2:OneTimeUse/></saml2:Conditions><saml2:Advice x",
            Cause::AssertionMalformed,
            "/Assertion/*".into(),
        ),
        (
            "></saml2:Conditions>",
            "><saml2:OneTimeUse></saml2:OneTimeUse></saml2:Conditions>",
            Cause::AssertionMalformed,
            "/Assertion/Conditions/*".into(),
        ),
        ("LPS_Version", "LPS_Nom", Cause::AssertionMalformed, format!("{}[2]", at("LPS_Nom"))),
        ("1.2.250.1.71.1.2.7", "1.2.3", Cause::ClaimInvalid, format!("{}/AttributeValue[1]", at(attribute::ROLE))),
        (
            "<saml2:Attribute Name=\"LPS_Nom\"",
            "<saml2:Other/><saml2:Attribute Name=\"LPS_Nom\"",
            Cause::AssertionMalformed,
            format!("{statement}/*"),
        ),
    ] {
        // The advice element has an end of its own name.
        let (from, to) =
            (from, to.replace("<saml2:Advice x", "<saml2:Advice></saml2:Advice><saml2:Conditions NotBefore"));
        assert_eq!(refused(edited(&world, from, &to)), (cause, place), "{to}");
    }
}

#[test]
fn every_mandatory_attribute_is_missed_at_its_place() {
    let world = World::new();
    for name in [
        attribute::VERSION,
        attribute::MODE,
        attribute::STRUCTURE,
        attribute::SECTOR,
        attribute::ROLE,
        attribute::RESOURCE_URN,
        attribute::PURPOSE,
        attribute::SOFTWARE_NAME,
        attribute::SOFTWARE_VERSION,
        attribute::HOMOLOGATION,
    ] {
        let request = VihfRequest { omit: vec![name.into()], ..world.request("medecin-ec") };
        let told = refused(verify(&world, &request, "medecin-ec"));
        assert_eq!(told, (Cause::ClaimMissing, attribute_place(name)));
    }
    let nameless = VihfRequest { name: None, ..world.sealed(AuthMode::Indirecte) };
    let told = refused(verify(&world, &nameless, "hopital-auth"));
    assert_eq!(told, (Cause::ClaimMissing, attribute_place(attribute::SUBJECT_NAME)));
    let mut no_speciality = world.request("medecin-ec");
    no_speciality.roles.truncate(1);
    let told = refused(verify(&world, &no_speciality, "medecin-ec"));
    assert_eq!(told, (Cause::ClaimMissing, format!("{}/AttributeValue[2]", attribute_place(attribute::ROLE))));
    // Calls that bear on no space name no holder.
    let no_holder = VihfRequest { patient: None, ..world.request("medecin-ec") };
    assert_eq!(verify(&world, &no_holder, "medecin-ec").expect("accepted").patient, None);
}

#[test]
fn an_assertion_holds_for_its_time_and_no_longer_even_when_remembered() {
    let world = World::new();
    let (verifier, peer) = (verifier(&world), world.peer("medecin-ec"));
    let open_ended = VihfRequest { validity: None, ..world.request("medecin-ec") };
    let texts = [envelope(&signed(&world.request("medecin-ec"))), envelope(&signed(&open_ended))];
    let at = |text: &str, seconds: i64| {
        world.clock.set(now().checked_add(SignedDuration::from_secs(seconds)).expect("an instant"));
        verify_text(&verifier, text, &peer).map_err(|r| (r.cause, r.place.unwrap_or_default())).map(|_| ())
    };
    let early = Err((Cause::AssertionNotYetValid, PLACES.issued.to_owned()));
    for text in &texts {
        assert_eq!(at(text, 0), Ok(()));
        assert_eq!(at(text, -119), Ok(()));
        assert_eq!(at(text, -121), early);
    }
    assert_eq!(at(&texts[0], 1800 + 119), Ok(()));
    assert_eq!(at(&texts[0], 1800 + 121), Err((Cause::AssertionExpired, PLACES.not_after.to_owned())));
    assert_eq!(at(&texts[1], 3600 + 119), Ok(()));
    assert_eq!(at(&texts[1], 3600 + 121), Err((Cause::AssertionExpired, PLACES.issued.to_owned())));
}

#[test]
fn the_issuer_is_the_signers_name() {
    let world = World::new();
    let request = world.request("medecin-ec");
    let name = request.signer.subject().to_rfc4514();
    for wrong in ["", "CN=899900000001", &name.replace("C=FR", "C=BE"), &format!("{name},DC=x")] {
        let told =
            refused(verify(&world, &VihfRequest { issuer: Some(wrong.into()), ..request.clone() }, "medecin-ec"));
        assert_eq!(told, (Cause::IssuerMismatch, "/Assertion/Issuer".into()), "{wrong}");
    }
    let seal = world.sealed(AuthMode::Indirecte);
    let state_as_s = seal.signer.subject().to_rfc4514().replace("ST=", "S=");
    let told = refused(verify(&world, &VihfRequest { issuer: Some(state_as_s), ..seal }, "hopital-auth"));
    assert_eq!(told.0, Cause::IssuerMismatch);
}

#[test]
fn in_direct_mode_card_caller_and_user_are_one() {
    let world = World::new();
    let request = world.request("medecin-ec");
    let cause = |request: &VihfRequest, peer: &str| refused(verify(&world, request, peer)).0;
    assert_eq!(cause(&request, "autre-medecin"), Cause::PeerMismatch);
    assert_eq!(cause(&request, "hopital-auth"), Cause::ModeMismatch);
    let other_user = VihfRequest { subject: professional("899900000002"), ..request.clone() };
    assert_eq!(cause(&other_user, "medecin-ec"), Cause::PeerMismatch);
    let other_structure = VihfRequest { structure: structure("499900000001002"), ..request.clone() };
    assert_eq!(cause(&other_structure, "medecin-ec"), Cause::StructureMismatch);
    let role = |code: &str| CodedRole { code: code.into(), system: PROFESSION_SYSTEM.into() };
    let nurse = VihfRequest { roles: vec![role("60")], ..request.clone() };
    assert_eq!(cause(&nurse, "medecin-ec"), Cause::ClaimInvalid);
    let mut surgeon = request.clone();
    surgeon.roles[1].code = "SM04".into();
    assert_eq!(cause(&surgeon, "medecin-ec"), Cause::ClaimInvalid);
    let sealed = VihfRequest { mode: AuthMode::Directe, ..world.sealed(AuthMode::Directe) };
    assert_eq!(cause(&sealed, "hopital-auth"), Cause::ModeMismatch);
}

#[test]
fn in_indirect_mode_caller_seal_and_structure_are_one() {
    let world = World::new();
    let cause = |request: &VihfRequest, peer: &str| refused(verify(&world, request, peer)).0;
    for mode in [AuthMode::Indirecte, AuthMode::IndirecteRenforcee] {
        let request = world.sealed(mode);
        assert_eq!(cause(&request, "clinique-auth"), Cause::PeerMismatch);
        assert_eq!(cause(&request, "medecin"), Cause::ModeMismatch);
        assert_eq!(cause(&request, "hopital-seal"), Cause::ModeMismatch);
        let other = VihfRequest { structure: structure("1750000002"), ..request.clone() };
        assert_eq!(cause(&other, "hopital-auth"), Cause::StructureMismatch);
        let by_card = VihfRequest { mode, ..world.request("medecin-ec") };
        assert_eq!(cause(&by_card, "hopital-auth"), Cause::ModeMismatch);
        let unsealed =
            VihfRequest { signer: world.peer("hopital-auth"), key: world.key("hopital-auth"), ..request.clone() };
        assert_eq!(cause(&unsealed, "hopital-auth"), Cause::ModeMismatch);
    }
}

#[test]
fn a_signer_that_is_revoked_expired_or_foreign_is_refused_even_when_remembered() {
    let world = World::new();
    let cause = |request: &VihfRequest, peer: &str| refused(verify(&world, request, peer));
    let at = "/Assertion/Signature/KeyInfo/X509Data/X509Certificate".to_owned();
    assert_eq!(cause(&world.request("medecin-perime"), "medecin-ec"), (Cause::SignerExpired, at.clone()));
    assert_eq!(cause(&world.request("medecin-futur"), "medecin-ec"), (Cause::SignerExpired, at.clone()));
    let anchors = world.anchors();
    let verifier = VihfVerifier::new(VihfPolicy::default(), anchors.clone(), world.clock.clone());
    let text = envelope(&signed(&world.request("medecin-ec")));
    let peer = world.peer("medecin-ec");
    assert!(verify_text(&verifier, &text, &peer).is_ok());
    world.pki.revoke("medecin-ec", Reason::KeyCompromise).expect("revokes");
    anchors.reload().expect("reloads");
    assert_eq!(refused(verify_text(&verifier, &text, &peer)), (Cause::SignerRevoked, at.clone()));
    let dir = tempfile::tempdir().expect("a folder");
    crate::Pki::create(dir.path(), world.clock.clone(), rng()).expect("a CA");
    let others = TrustAnchors::of_pki(dir.path()).expect("loads");
    let verifier = VihfVerifier::new(VihfPolicy::default(), others, world.clock.clone());
    assert_eq!(refused(verify_text(&verifier, &text, &peer)), (Cause::SignerUntrusted, at));
}

/// What is refused for good is not kept; what may be accepted again is.
#[test]
fn what_is_remembered_is_dropped_once_it_has_expired_or_its_signer_is_revoked() {
    let world = World::new();
    let anchors = world.anchors();
    let verifier = VihfVerifier::new(VihfPolicy::default(), anchors.clone(), world.clock.clone());
    let peer = world.peer("medecin-ec");
    let text = envelope(&signed(&world.request("medecin-ec")));
    let other = envelope(&signed(&world.request("medecin")));
    let at = |seconds: i64| {
        world.clock.set(now().checked_add(SignedDuration::from_secs(seconds)).expect("an instant"));
    };
    let cause = |text: &str| verify_text(&verifier, text, &peer).map(|_| ()).map_err(|r| r.cause);
    at(-1000);
    assert_eq!((cause(&text), verifier.cache.len()), (Err(Cause::AssertionNotYetValid), 0), "never accepted yet");
    at(0);
    assert_eq!((cause(&text), cause(&other), verifier.cache.len()), (Ok(()), Ok(()), 2));
    assert_eq!(cause(&text.replace(">SA07^", ">SA08^")), Err(Cause::SignatureInvalid));
    assert_eq!(verifier.cache.len(), 2, "what is refused is not remembered");
    world.pki.revoke("medecin", Reason::KeyCompromise).expect("revokes");
    anchors.reload().expect("reloads");
    assert_eq!((cause(&other), verifier.cache.len()), (Err(Cause::SignerRevoked), 1));
    at(1800 + 121);
    assert_eq!((cause(&text), verifier.cache.len()), (Err(Cause::AssertionExpired), 0));
}

#[test]
fn no_number_of_assertions_makes_the_memory_grow() {
    let cache = crate::cache::Cache::default();
    let world = World::new();
    let text = signed(&world.request("medecin-ec"));
    let doc = uppsala::parse(&text).expect("well-formed");
    let claims = read::claims(&doc, first_assertion(&doc), &VihfPolicy::default()).expect("claims");
    let known = Arc::new(Known { claims, signer: world.peer("medecin-ec") });
    for n in 0..20_000u32 {
        cache.put(cache::key(&n.to_string(), &[]), known.clone());
        // Old ones that are asked for again move up; that does not make room either.
        let _ = cache.get(&cache::key(&(n / 2).to_string(), &[]));
        assert!(cache.len() <= 4096, "{}", cache.len());
    }
}

#[test]
fn an_assertion_longer_than_the_limit_is_refused() {
    let world = World::new();
    let request = VihfRequest { homologation: "x".repeat(70_000), ..world.request("medecin-ec") };
    assert_eq!(refused(verify(&world, &request, "medecin-ec")).0, Cause::TooLarge);
}

#[test]
fn nothing_of_a_person_is_in_a_refusal_or_in_debug() {
    let world = World::new();
    let request = VihfRequest { issuer: Some("CN=DURAND".into()), ..world.request("medecin-ec") };
    let refusal = verify(&world, &request, "medecin-ec").expect_err("refused");
    let shown = format!("{refusal:?} {refusal} {request:?} {:?}", verifier(&world));
    for secret in ["DURAND", PHYSICIAN, HOLDER] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// A VIHF made once by other means (a script over OpenSSL, its keys thrown away): RSA-SHA1, a card of the field's
/// shape, its name in one RDN of three attributes.
#[test]
fn sha1_is_refused_unless_it_is_switched_on() {
    let world = World::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let files = crate::AnchorFiles { authorities: vec![fixtures.join("sha1-ca.pem")], crls: vec![] };
    let anchors = TrustAnchors::load(files, crate::RevocationPolicy::LastKnown).expect("loads");
    let text = std::fs::read_to_string(fixtures.join("sha1-vihf.xml")).expect("reads");
    let peer = Peer::from_der(&crate::testing::first_certificate(&text)).expect("reads");
    let with = |allow_sha1: bool| {
        let policy = VihfPolicy { allow_sha1, ..VihfPolicy::default() };
        verify_text(&VihfVerifier::new(policy, anchors.clone(), world.clock.clone()), &text, &peer)
    };
    let told = refused(with(false));
    assert_eq!(told, (Cause::SignatureAlgorithm, "/Assertion/Signature/SignedInfo/SignatureMethod".into()));
    let actor = with(true).expect("accepted").actor;
    assert_eq!((actor.role, actor.name.as_str()), (Role::Professional, "DURAND Léa"));
}

/// The national samples: complete but not acceptable as they are. Their certificates have expired and come from test
/// authorities that are not here; the direct one's signature was made over a text that was re-encoded since.
#[test]
fn claims_of_the_national_samples_are_read() {
    let Some(samples) = corpus() else { return };
    for (file, text) in &samples {
        let doc = uppsala::parse(text).expect("well-formed");
        let claims = read::claims(&doc, first_assertion(&doc), &VihfPolicy::default()).expect(file);
        assert_eq!(claims.subject.as_str(), "899900063480", "{file}");
        assert_eq!(claims.patient.map(|p| p.matricule().to_owned()).as_deref(), Some(HOLDER), "{file}");
        assert_eq!(claims.roles.iter().map(|r| r.code.as_str()).collect::<Vec<_>>(), ["10", "SM26"], "{file}");
        let indirect = file.contains("INDIRECTE");
        assert_eq!(claims.mode, if indirect { AuthMode::Indirecte } else { AuthMode::Directe });
    }
}
