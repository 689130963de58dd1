//! Every attribute of the VIHF, 3.0 and 4.0: its cardinality, its spellings, its values (reference §1.9).

use space::{AuthMode, Purpose, Role};

use super::*;
use crate::{
    CodedRole,
    claims::{PROFESSION_SYSTEM, SECTION_SYSTEM, SPECIALITY_SYSTEM},
    testing::{HOLDER, professional},
};

const STAFF: &str = "1.2.250.1.213.1.1.4.6";
const FUNCTION: &str = "1.2.250.1.213.1.6.1.107";
const ACTIVITY: &str = "1.2.250.1.213.1.6.1.19";
const LAST: &str = "<saml2:Attribute Name=\"LPS_Nom\"";

fn role(code: &str, system: &str) -> CodedRole {
    CodedRole { code: code.into(), system: system.into() }
}

fn attribute(name: &str, value: &str) -> String {
    format!("<saml2:Attribute Name=\"{name}\"><saml2:AttributeValue>{value}</saml2:AttributeValue></saml2:Attribute>")
}

/// The request's text, changed, signed, and verified under a policy.
fn verified(
    world: &World,
    request: &VihfRequest,
    peer: &str,
    policy: VihfPolicy,
    change: impl FnOnce(String) -> String,
) -> Result<Credential, Refusal> {
    let text = change(request.unsigned("_x"));
    let signed = crate::xmldsig::sign_enveloped(&text, "_x", &request.key, request.signer.der()).expect("signs");
    let verifier = VihfVerifier::new(policy, world.anchors(), world.clock.clone());
    verify_text(&verifier, &envelope(&signed), &world.peer(peer))
}

/// The physician's, in direct mode, one thing changed.
fn edited(world: &World, from: &str, to: &str) -> Result<Credential, Refusal> {
    verified(world, &world.request("medecin-ec"), "medecin-ec", VihfPolicy::default(), |text| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    })
}

#[test]
fn both_versions_and_both_spellings_are_read_in_the_three_modes() {
    let world = World::new();
    for version in ["3.0", "4.0"] {
        for spelling in ["Authentification_mode", "Authentification_Mode"] {
            for (mode, request, peer, is) in [
                (AuthMode::Directe, world.request("medecin-ec"), "medecin-ec", Role::Professional),
                (AuthMode::Indirecte, world.sealed(AuthMode::Indirecte), "hopital-auth", Role::Structure),
                (
                    AuthMode::IndirecteRenforcee,
                    world.sealed(AuthMode::IndirecteRenforcee),
                    "hopital-auth",
                    Role::Professional,
                ),
            ] {
                let request = VihfRequest { version: version.into(), ..request };
                let told = verified(&world, &request, peer, VihfPolicy::default(), |text| {
                    text.replace("Authentification_mode", spelling)
                });
                let actor = told.expect("accepted").actor;
                assert_eq!((actor.auth, actor.role), (mode, is), "{version} {spelling}");
            }
        }
    }
    let both = attribute("Authentification_Mode", "DIRECTE") + LAST;
    let told = refused(edited(&world, LAST, &both));
    assert_eq!(told, (Cause::AssertionMalformed, format!("{}[2]", attribute_place("Authentification_mode"))));
}

#[test]
fn the_sample_spelling_is_the_one_written() {
    let world = World::new();
    let request = VihfRequest { instance: Some("poste-12".into()), ..world.request("medecin-ec") };
    let text = request.unsigned("_x");
    for name in ["Authentification_mode", "LPS_ID", "LPS_Nom", "LPS_Version", "LPS_ID_HOMOLOGATION_DMP"] {
        assert_eq!(text.matches(&format!("Name=\"{name}\"")).count(), 1, "{name}");
    }
    assert!(!text.contains("Authentification_Mode") && text.contains("nameid-format:X509SubjectName"));
    assert!(verify(&world, &request, "medecin-ec").is_ok());
}

#[test]
fn every_attribute_of_one_value_is_refused_with_two() {
    let world = World::new();
    let request = VihfRequest {
        instance: Some("poste-12".into()),
        purpose: Purpose::BrisDeGlace { reason: Some("motif".into()) },
        ..world.sealed(AuthMode::Indirecte)
    };
    for name in [
        attribute::VERSION,
        attribute::MODE,
        attribute::STRUCTURE,
        attribute::SECTOR,
        attribute::SUBJECT_NAME,
        attribute::RESOURCE,
        attribute::RESOURCE_URN,
        attribute::PURPOSE,
        attribute::REASON,
        attribute::SOFTWARE_ID,
        attribute::SOFTWARE_NAME,
        attribute::SOFTWARE_VERSION,
        attribute::HOMOLOGATION,
    ] {
        let twice = |text: String| {
            let start = text.find(&format!("Name=\"{name}\">")).expect(name);
            let from = start + text[start..].find("<saml2:AttributeValue").expect("a value");
            let end = "</saml2:AttributeValue>";
            let to = from + text[from..].find(end).expect("its end") + end.len();
            [&text[..to], &text[from..]].concat()
        };
        let told = refused(verified(&world, &request, "hopital-auth", VihfPolicy::default(), twice));
        assert_eq!(told, (Cause::AssertionMalformed, format!("{}/AttributeValue[2]", attribute_place(name))));
    }
    assert!(verified(&world, &request, "hopital-auth", VihfPolicy::default(), |t| t).is_ok());
}

#[test]
fn a_sector_is_one_of_the_table_where_there_is_one() {
    let world = World::new();
    let sector = |code: &str, sectors: Option<&[&str]>| {
        let request = VihfRequest { sector: code.into(), ..world.request("medecin-ec") };
        let sectors = sectors.map(|all| all.iter().map(|s| (*s).to_owned()).collect());
        let policy = VihfPolicy { sectors, ..VihfPolicy::default() };
        verified(&world, &request, "medecin-ec", policy, |t| t).map(|_| ()).map_err(|r| (r.cause, r.place))
    };
    let invalid = Err((Cause::ClaimInvalid, Some(attribute_place(attribute::SECTOR))));
    assert_eq!((sector("SA07", None), sector("SA99", None)), (Ok(()), Ok(())));
    assert_eq!(
        (sector("SA07", Some(&["SA01", "SA07"])), sector("SA99", Some(&["SA01", "SA07"]))),
        (Ok(()), invalid.clone())
    );
    for bad in ["", "SA", "SA7", "SA007", "SAXX", "sa07", "SA07 "] {
        assert_eq!(sector(bad, None), invalid, "{bad}");
    }
}

/// What the second role must be, by profession and by function.
#[test]
fn roles_are_read_by_profession_and_by_function() {
    let world = World::new();
    let told = |roles: &[CodedRole]| {
        let request = VihfRequest { roles: roles.to_vec(), ..world.sealed(AuthMode::IndirecteRenforcee) };
        verify(&world, &request, "hopital-auth").map_err(|r| (r.cause, r.place.unwrap_or_default()))
    };
    let g15 = |code: &str| role(code, PROFESSION_SYSTEM);
    let (first, second) =
        (attribute_place(attribute::ROLE), format!("{}/AttributeValue[2]", attribute_place(attribute::ROLE)));
    for (roles, profession, speciality) in [
        (vec![g15("10"), role("SM26", SPECIALITY_SYSTEM)], "10", Some("SM26")),
        (vec![g15("10"), role("SM26", SPECIALITY_SYSTEM), role("SNI", ACTIVITY)], "10", Some("SM26")),
        (vec![g15("21"), role("A", SECTION_SYSTEM)], "21", Some("A")),
        (vec![g15("21"), role("H", SECTION_SYSTEM)], "21", Some("H")),
        (vec![g15("40")], "40", None),
        (vec![g15("40"), role("SCD01", SPECIALITY_SYSTEM)], "40", Some("SCD01")),
        (vec![g15("60")], "60", None),
        (vec![g15("60"), role("326", FUNCTION)], "60", Some("326")),
        (vec![role("SECRETARIAT_MEDICAL", STAFF)], "", None),
        (vec![role("AUTOMATE", STAFF)], "", None),
        (vec![role("SNR", STAFF), role("313", FUNCTION)], "", Some("313")),
        // A student, and a profession by role: their systems are not in the reference, only that they are of the arc.
        (vec![role("10", "1.2.250.1.213.1.6.1.199"), role("SM26", SPECIALITY_SYSTEM)], "", Some("SM26")),
        (vec![role("91", "1.2.250.1.213.1.6.1.4"), role("313", FUNCTION)], "", Some("313")),
    ] {
        let actor = told(&roles).unwrap_or_else(|e| panic!("{roles:?}: {e:?}")).actor;
        assert_eq!((actor.profession.code.as_str(), actor.profession.speciality.as_deref()), (profession, speciality));
        let staff = if profession.is_empty() { Role::Agent } else { Role::Professional };
        assert_eq!(actor.role, staff, "{roles:?}");
    }
    for (roles, cause, place) in [
        (vec![g15("10")], Cause::ClaimMissing, &second),
        (vec![g15("21")], Cause::ClaimMissing, &second),
        (vec![g15("10"), role("A", SECTION_SYSTEM)], Cause::ClaimInvalid, &second),
        (vec![g15("21"), role("SM26", SPECIALITY_SYSTEM)], Cause::ClaimInvalid, &second),
        (vec![g15("10"), role("SNI", ACTIVITY), role("SM26", SPECIALITY_SYSTEM)], Cause::ClaimInvalid, &second),
        // What is no physician's lends nothing of one.
        (vec![g15("60"), role("SM26", SPECIALITY_SYSTEM)], Cause::ClaimInvalid, &second),
        (vec![g15("60"), role("A", SECTION_SYSTEM)], Cause::ClaimInvalid, &second),
        (vec![role("SECRETARIAT_MEDICAL", STAFF), role("SM26", SPECIALITY_SYSTEM)], Cause::ClaimInvalid, &second),
        // Nobody is two things.
        (vec![role("SECRETARIAT_MEDICAL", STAFF), g15("10")], Cause::ClaimInvalid, &second),
        (vec![g15("60"), g15("10")], Cause::ClaimInvalid, &first),
        (
            vec![g15("10"), role("SM26", SPECIALITY_SYSTEM), role("SM04", SPECIALITY_SYSTEM)],
            Cause::ClaimInvalid,
            &first,
        ),
        // What says more of a role is none itself.
        (vec![role("SM26", SPECIALITY_SYSTEM)], Cause::ClaimInvalid, &first),
        (vec![role("326", FUNCTION)], Cause::ClaimInvalid, &first),
    ] {
        assert_eq!(told(&roles).map(|_| ()), Err((cause, place.clone())), "{roles:?}");
    }
    let many: Vec<CodedRole> = (0..9).map(|n| role("1", &format!("1.2.250.1.{}", n + 500))).collect();
    assert_eq!(told(&many).map(|_| ()), Err((Cause::ClaimInvalid, first)));
}

#[test]
fn the_context_of_authentication_is_one_of_samls_and_one_only() {
    let world = World::new();
    let context = "/Assertion/AuthnStatement/AuthnContext";
    let end = "</saml2:AuthnContextClassRef>";
    for class in ["Password", "unspecified", "MobileTwoFactorUnregistered", "SmartcardPKI", "X509"] {
        assert!(edited(&world, "classes:SmartcardPKI", &format!("classes:{class}")).is_ok(), "{class}");
    }
    for (from, to) in [
        (end, format!("{end}<saml2:AuthnContextDecl><x xmlns=\"urn:x\"></x></saml2:AuthnContextDecl>")),
        (end, format!("{end}<saml2:AuthnContextDeclRef>urn:x</saml2:AuthnContextDeclRef>")),
        (end, format!("{end}<saml2:AuthenticatingAuthority>urn:x</saml2:AuthenticatingAuthority>")),
        (
            "<saml2:AuthnContext>",
            "<saml2:SubjectLocality Address=\"10.0.0.1\"></saml2:SubjectLocality><saml2:AuthnContext>".into(),
        ),
    ] {
        assert!(edited(&world, from, &to).is_ok(), "{to}: {:?}", edited(&world, from, &to));
    }
    let declaration = "<saml2:AuthnContextDecl></saml2:AuthnContextDecl>";
    for (from, to, cause, place) in [
        (
            "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
            "urn:x".to_owned(),
            Cause::ClaimInvalid,
            format!("{context}/AuthnContextClassRef"),
        ),
        ("classes:SmartcardPKI", "classes:".to_owned(), Cause::ClaimInvalid, format!("{context}/AuthnContextClassRef")),
        (
            "classes:SmartcardPKI",
            "classes:Smart<!-- x -->card".to_owned(),
            Cause::AssertionMalformed,
            format!("{context}/AuthnContextClassRef"),
        ),
        (
            end,
            format!("{end}<saml2:AuthnContextClassRef>urn:x{end}"),
            Cause::AssertionMalformed,
            format!("{context}/*[2]"),
        ),
        (end, format!("{end}{declaration}{declaration}"), Cause::AssertionMalformed, format!("{context}/*[2]")),
        (end, format!("{end}<x></x>"), Cause::AssertionMalformed, format!("{context}/*")),
        (
            "</saml2:AuthnContext>",
            "</saml2:AuthnContext><x></x>".to_owned(),
            Cause::AssertionMalformed,
            "/Assertion/AuthnStatement/*".to_owned(),
        ),
    ] {
        assert_eq!(refused(edited(&world, from, &to)), (cause, place), "{to}");
    }
}

#[test]
fn a_reinforced_mode_declares_its_context_where_it_must() {
    let world = World::new();
    let request = world.sealed(AuthMode::IndirecteRenforcee);
    let with = |air_declares: bool, declared: bool| {
        let policy = VihfPolicy { air_declares, ..VihfPolicy::default() };
        verified(&world, &request, "hopital-auth", policy, |text| {
            let end = "</saml2:AuthnContextClassRef>";
            let more = if declared { "<saml2:AuthnContextDecl></saml2:AuthnContextDecl>" } else { "" };
            text.replacen(end, &format!("{end}{more}"), 1)
        })
        .map(|_| ())
        .map_err(|r| (r.cause, r.place.unwrap_or_default()))
    };
    let missing = (Cause::ClaimMissing, "/Assertion/AuthnStatement/AuthnContext/AuthnContextDecl".to_owned());
    assert_eq!((with(false, false), with(true, true), with(true, false)), (Ok(()), Ok(()), Err(missing)));
}

#[test]
fn the_reason_of_a_break_glass_access_stands_where_the_policy_says_and_is_bounded() {
    let world = World::new();
    let request = VihfRequest { purpose: Purpose::BrisDeGlace { reason: None }, ..world.request("medecin-ec") };
    let read = |names: &[&str], more: String| {
        let reason_attributes = names.iter().map(|n| (*n).to_owned()).collect();
        let policy = VihfPolicy { reason_attributes, ..VihfPolicy::default() };
        let told = verified(&world, &request, "medecin-ec", policy, |t| t.replacen(LAST, &(more + LAST), 1));
        told.map(|c| c.actor.purpose.reason().map(str::to_owned)).map_err(|r| (r.cause, r.place.unwrap_or_default()))
    };
    let reason = |text: &str| Ok(Some(text.to_owned()));
    let default = attribute::REASON;
    assert_eq!(read(&[default], attribute(default, "Détresse &lt;vitale&gt;")), reason("Détresse <vitale>"));
    assert_eq!(read(&["motif", default], attribute(default, "un")), reason("un"));
    assert_eq!(read(&["motif", default], attribute(default, "un") + &attribute("motif", "deux")), reason("deux"));
    assert_eq!(read(&["motif"], attribute(default, "un")), Ok(None));
    assert_eq!(read(&[default], attribute(default, " \n ")), Ok(None), "blank is none");
    assert_eq!(read(&[default], attribute(default, &"é".repeat(2000))), reason(&"é".repeat(2000)));
    let invalid = Err((Cause::ClaimInvalid, attribute_place(default)));
    assert_eq!(read(&[default], attribute(default, &"é".repeat(2001))), invalid);
    // Another purpose has none, whatever is written.
    let normal = edited(&world, LAST, &(attribute(default, "motif") + LAST)).expect("accepted");
    assert_eq!(normal.actor.purpose, Purpose::Normal);
}

#[test]
fn a_secret_connection_is_read_in_every_shape_and_never_taken_for_an_ordinary_one() {
    let world = World::new();
    let read = |value: &str| {
        let more = format!("<saml2:Attribute Name=\"{}\">{value}</saml2:Attribute>{LAST}", attribute::CONFIDENTIALITY);
        edited(&world, LAST, &more).map(|c| c.actor.secret).map_err(|r| r.cause)
    };
    let value = |inside: &str| format!("<saml2:AttributeValue>{inside}</saml2:AttributeValue>");
    let coded = |code: &str| value(&format!("<c xmlns=\"urn:hl7-org:v3\" code=\"{code}\"></c>"));
    for hidden in ["INVISIBLE_REPRESENTANTS_LEGAUX", "INVISIBLE_REP_LEGAUX"] {
        assert_eq!(read(&value(hidden)), Ok(true));
        assert_eq!(read(&value(&format!(" {hidden}^1.2.250.1.213.1.1.4.13 "))), Ok(true));
        assert_eq!(read(&coded(hidden)), Ok(true));
        assert_eq!(read(&(value("N") + &coded(hidden))), Ok(true));
    }
    assert_eq!((read(&value("N")), read(&coded("N"))), (Ok(false), Ok(false)));
    for other in ["", "invisible_representants_legaux", "MASQUE_PS", "R", "INVISIBLE_REPRESENTANTS_LEGAUX2"] {
        assert_eq!(read(&value(other)), Err(Cause::ClaimInvalid), "{other}");
    }
    assert_eq!(read(&value("<a></a><b></b>")), Err(Cause::AssertionMalformed));
    assert_eq!(read(&value("IN<!-- x -->VISIBLE_REPRESENTANTS_LEGAUX")), Err(Cause::AssertionMalformed));
}

#[test]
fn the_holder_and_the_user_are_the_texts_of_their_standards() {
    let world = World::new();
    let plain = verify(&world, &world.request("medecin-ec"), "medecin-ec").expect("accepted");
    assert_eq!(plain.patient.expect("a holder").matricule(), HOLDER);
    assert_eq!(plain.actor.id, Some(professional(crate::testing::PHYSICIAN)));
    // An effective time after the type, as one publisher writes it, changes nothing.
    assert!(edited(&world, "ISO^NH<", "ISO^NH^^20100907<").is_ok());
    for to in ["ISO^PI<", "ISO ^NH<", "iso^NH<"] {
        assert_eq!(refused(edited(&world, "ISO^NH<", to)).0, Cause::InsInvalid, "{to}");
    }
}
