//! The rules of the token, one sentence each.

use std::time::Duration;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use space::{AuthMode, Cause, Credential, Purpose, Refusal, Role};

use super::*;
use crate::{
    VihfRequest,
    pki::Reason,
    testing::{HOLDER, World, now, professional},
};

fn verifier(world: &World) -> BearerVerifier {
    BearerVerifier::new(VihfPolicy::default(), world.anchors(), world.clock.clone())
}

fn verify(world: &World, request: &VihfRequest, peer: &str) -> Result<Credential, Refusal> {
    verifier(world).verify(&sign(request).expect("signs"), Some(&world.peer(peer)))
}

fn cause(result: Result<Credential, Refusal>) -> (Cause, String) {
    let refusal = result.expect_err("refused");
    (refusal.cause, refusal.place.unwrap_or_default())
}

/// A token of the physician's, its header and claims changed before it is signed.
fn forged(world: &World, change: impl Fn(&mut Value, &mut Value)) -> String {
    let request = world.request("medecin-ec");
    let token = sign(&request).expect("signs");
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|p| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(p).expect("base64")).expect("JSON"))
        .collect();
    let (mut header, mut body) = (parts[0].clone(), parts[1].clone());
    change(&mut header, &mut body);
    let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let signed = format!("{}.{}", part(&header), part(&body));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(request.key.sign(signed.as_bytes()).expect("signs")))
}

#[test]
fn a_token_says_what_the_vihf_says() {
    let world = World::new();
    for name in ["medecin", "medecin-ec"] {
        let request = VihfRequest {
            purpose: Purpose::BrisDeGlace { reason: Some("Patient inconscient".into()) },
            secret: true,
            ..world.request(name)
        };
        let by_token = verify(&world, &request, name).expect("accepted");
        let xml = request.sign(&*crate::testing::rng()).expect("signs");
        let doc = uppsala::parse(&xml).expect("well-formed");
        let vihf = crate::VihfVerifier::new(VihfPolicy::default(), world.anchors(), world.clock.clone());
        let by_vihf = vihf.verify(&doc, doc.document_element().expect("a root"), &world.peer(name)).expect("accepted");
        assert_eq!(by_token, by_vihf);
    }
    let air = verify(&world, &world.sealed(AuthMode::IndirecteRenforcee), "hopital-auth").expect("accepted");
    assert_eq!(air.actor.role, Role::Professional);
}

#[test]
fn mail_has_no_client_certificate_and_the_signer_alone_counts() {
    let world = World::new();
    let token = sign(&world.request("medecin-ec")).expect("signs");
    assert!(verifier(&world).verify(&token, None).is_ok());
    let other = VihfRequest { subject: professional("899900000002"), ..world.request("medecin-ec") };
    assert_eq!(cause(verifier(&world).verify(&sign(&other).expect("signs"), None)).0, Cause::PeerMismatch);
}

#[test]
fn consistency_is_the_vihfs() {
    let world = World::new();
    let direct = world.request("medecin-ec");
    assert_eq!(cause(verify(&world, &direct, "autre-medecin")).0, Cause::PeerMismatch);
    assert_eq!(cause(verify(&world, &direct, "hopital-auth")), (Cause::ModeMismatch, "/vihf/mode".into()));
    let structure =
        VihfRequest { structure: crate::testing::structure("1750000002"), ..world.sealed(AuthMode::Indirecte) };
    assert_eq!(cause(verify(&world, &structure, "hopital-auth")), (Cause::StructureMismatch, "/vihf/structure".into()));
    let issuer = VihfRequest { issuer: Some("CN=x".into()), ..direct.clone() };
    assert_eq!(cause(verify(&world, &issuer, "medecin-ec")), (Cause::IssuerMismatch, "/iss".into()));
    for (omitted, place) in [
        ("iss", "/iss"),
        ("sub", "/sub"),
        ("iat", "/iat"),
        ("vihf", "/vihf"),
        ("vihf.mode", "/vihf/mode"),
        ("vihf.structure", "/vihf/structure"),
        ("vihf.roles", "/vihf/roles"),
        ("vihf.purpose", "/vihf/purpose"),
        ("vihf.software", "/vihf/software"),
        ("vihf.sector", "/vihf/sector"),
        ("vihf.version", "/vihf/version"),
    ] {
        let request = VihfRequest { omit: vec![omitted.into()], ..direct.clone() };
        assert_eq!(cause(verify(&world, &request, "medecin-ec")), (Cause::ClaimMissing, place.into()));
    }
}

#[test]
fn a_token_of_another_shape_is_refused() {
    let world = World::new();
    let peer = world.peer("medecin-ec");
    let good = sign(&world.request("medecin-ec")).expect("signs");
    let told = |token: &str| cause(verifier(&world).verify(token, Some(&peer))).0;
    let (signed, signature) = good.rsplit_once('.').expect("a signature");
    for bad in
        ["", ".", "..", "a.b.c", "a.b", &good[1..], &format!("{good}.x"), &format!("{good}="), &format!(" {good}")]
    {
        assert_eq!(told(bad), Cause::BearerInvalid, "{bad}");
    }
    assert_eq!(told(&format!("{signed}.")), Cause::SignatureInvalid);
    let short = STANDARD.encode([0; 40]).replace('=', "");
    assert_eq!(told(&format!("{signed}.{short}")), Cause::SignatureInvalid);
    assert_ne!(signature, short);
    assert_eq!(told(&"x".repeat(70_000)), Cause::TooLarge);
    type Change = fn(&mut Value, &mut Value);
    let cases: [(Change, Cause); 16] = [
        (|h, _| h["alg"] = json!("none"), Cause::SignatureAlgorithm),
        (|h, _| h["alg"] = json!("HS256"), Cause::SignatureAlgorithm),
        (|h, _| h["alg"] = json!("RS256"), Cause::SignatureAlgorithm),
        (|h, _| h["alg"] = json!(["ES256"]), Cause::BearerInvalid),
        (|h, _| h["typ"] = json!("at+jwt"), Cause::BearerInvalid),
        (|h, _| h["typ"] = Value::Null, Cause::BearerInvalid),
        (|h, _| h["crit"] = json!(["b64"]), Cause::BearerInvalid),
        (|h, _| h["x5c"] = json!([]), Cause::BearerInvalid),
        (|h, _| h["x5c"] = json!(["?"]), Cause::BearerInvalid),
        (|h, _| h["x5c"] = json!(["AAAA"]), Cause::SignerUntrusted),
        (|_, b| b["aud"] = json!("urn:other"), Cause::BearerInvalid),
        (|_, b| b["iat"] = json!("today"), Cause::BearerInvalid),
        (|_, b| b["exp"] = json!(1e300), Cause::BearerInvalid),
        (|_, b| b["vihf"]["secret"] = json!("no"), Cause::BearerInvalid),
        (|_, b| b["vihf"]["purpose"] = json!("Normal"), Cause::ClaimInvalid),
        (|_, b| b["vihf"]["patient_ins"] = json!("1"), Cause::InsInvalid),
    ];
    for (i, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(told(&forged(&world, change)), expected, "case {i}");
    }
    let several = forged(&world, |_, b| b["aud"] = json!(["urn:other", AUDIENCE]));
    assert!(verifier(&world).verify(&several, Some(&peer)).is_ok());
    let stolen = forged(&world, |h, _| h["x5c"] = json!([STANDARD.encode(World::new().der("autre-medecin"))]));
    assert_eq!(told(&stolen), Cause::SignatureInvalid);
}

#[test]
fn time_and_revocation_are_checked_every_time() {
    let world = World::new();
    let anchors = world.anchors();
    let verifier = BearerVerifier::new(VihfPolicy::default(), anchors.clone(), world.clock.clone());
    let peer = world.peer("medecin-ec");
    let token =
        sign(&VihfRequest { validity: Some(Duration::from_secs(600)), ..world.request("medecin-ec") }).expect("signs");
    let at = |seconds: i64| {
        world.clock.set(now().checked_add(SignedDuration::from_secs(seconds)).expect("an instant"));
        verifier.verify(&token, Some(&peer)).map(|_| ()).map_err(|r| r.cause)
    };
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(-200), Err(Cause::AssertionNotYetValid));
    assert_eq!(at(600 + 119), Ok(()));
    assert_eq!(at(600 + 121), Err(Cause::AssertionExpired));
    world.pki.revoke("medecin-ec", Reason::KeyCompromise).expect("revokes");
    anchors.reload().expect("reloads");
    assert_eq!(at(0), Err(Cause::SignerRevoked));
}

#[test]
fn nothing_of_a_person_is_shown() {
    let world = World::new();
    let refusal = verify(&world, &world.request("medecin-ec"), "autre-medecin").expect_err("refused");
    assert!(!format!("{refusal:?} {refusal} {:?}", verifier(&world)).contains(HOLDER));
}
