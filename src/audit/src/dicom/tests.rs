//! Every act, every outcome, known and unknown holders: read by a reader of XML, and by the schema where `xmllint` is.

use std::process::Command;

use quick_xml::{Reader, events::Event};
use space::{AuthMode, Cause, InsOid, InsTolerance, Profession, Purpose, Software, SpaceId};

use super::*;
use crate::testing::present;

const ACTS: [Act; 14] = [
    Act::Deposit,
    Act::Find,
    Act::Fetch,
    Act::Lookup,
    Act::Identify,
    Act::ReadTrace,
    Act::Authorise,
    Act::Withdraw,
    Act::Block,
    Act::Unblock,
    Act::SetEmergency,
    Act::SetMedecinTraitant,
    Act::Oppose,
    Act::Create,
];

fn ins() -> Ins {
    Ins::parse("279035121518989", InsOid::NirTest, InsTolerance::Strict).expect("INS")
}

fn source() -> AuditSource {
    AuditSource {
        id: "passerelle-1".into(),
        site: Some("1.2.250.1.999".into()),
        gateway: "https://passerelle.example/xds".into(),
        process: Some("4242".into()),
        access_point: Some("192.0.2.7".into()),
    }
}

fn event(act: Act, face: &str) -> TraceEvent {
    TraceEvent {
        space: None,
        at_ms: 1_790_000_000_120,
        actor: Actor {
            role: Role::Professional,
            id: ProfessionalId::parse("899900063480").ok(),
            profession: Profession { code: "10".into(), speciality: Some("SM26".into()), activity: None },
            name: "MAX LIBRE".into(),
            structure: StructureId::parse("499900063480001").ok(),
            structure_proven: true,
            auth: AuthMode::Directe,
            purpose: Purpose::Normal,
            secret: false,
            software: Software { name: "LPS".into(), version: "1.0".into() },
        },
        act,
        targets: vec!["1.2.3.4".into()],
        outcome: Outcome::Done,
        rule: "R.1111-49 é".into(),
        face: face.into(),
        signature: None,
    }
}

/// An element: its name, its attributes, its text.
type Element = (String, Vec<(String, String)>, String);

/// The elements of a document.
fn elements(xml: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut found, mut depth) = (Vec::<Element>::new(), 0);
    loop {
        let start = match reader.read_event().expect("well-formed") {
            Event::Start(start) => {
                depth += 1;
                start.into_owned()
            }
            Event::Empty(start) => start.into_owned(),
            Event::End(_) => {
                depth -= 1;
                continue;
            }
            Event::Text(text) => {
                if let Some(last) = found.last_mut() {
                    last.2.push_str(&text.decode().expect("text"));
                }
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.expect("an attribute");
            let value = quick_xml::escape::unescape(std::str::from_utf8(&attribute.value).expect("UTF-8"))
                .expect("a value")
                .into_owned();
            (String::from_utf8(attribute.key.as_ref().to_vec()).expect("UTF-8"), value)
        });
        let name = String::from_utf8(start.name().as_ref().to_vec()).expect("UTF-8");
        found.push((name, attributes.collect(), String::new()));
    }
    assert_eq!(depth, 0, "closed");
    found
}

/// The value of an attribute in each element of that name.
fn all(xml: &str, element: &str, attribute: &str) -> Vec<String> {
    let of_name = elements(xml).into_iter().filter(|(name, ..)| name == element);
    of_name.filter_map(|(_, attributes, _)| attributes.into_iter().find(|(n, _)| n == attribute)).map(|a| a.1).collect()
}

/// Validates all of them against the schema, where `xmllint` is.
fn valid(messages: &[String]) {
    if !present("xmllint") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(n, message)| {
            let path = folder.path().join(format!("{n}.xml"));
            std::fs::write(&path, message).expect("writes");
            path
        })
        .collect();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/audit-message.rng");
    let output = Command::new("xmllint").args(["--noout", "--relaxng", schema]).args(paths).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_act_and_outcome_is_a_message_of_the_schema() {
    let outcomes = [Outcome::Done, Outcome::Refused("blocked".into()), Outcome::Refused(Cause::Internal.code().into())];
    let mut messages = Vec::new();
    for act in ACTS {
        for (outcome, indicator) in outcomes.iter().zip(["0", "4", "8"]) {
            for face in ["ihe", "fhir", "cli"] {
                for ins in [Some(ins()), None] {
                    let event = TraceEvent { outcome: outcome.clone(), ..event(act, face) };
                    let xml = audit_message(&event, ins.as_ref(), &source());
                    assert_eq!(all(&xml, "EventIdentification", "EventOutcomeIndicator"), [indicator]);
                    assert_eq!(all(&xml, "EventIdentification", "EventDateTime"), ["2026-09-21T14:13:20.120Z"]);
                    assert_eq!(xml.contains("279035121518989"), ins.is_some());
                    messages.push(xml);
                }
            }
        }
    }
    assert_eq!(messages.len(), ACTS.len() * 18);
    valid(&messages);
}

#[test]
fn transactions_are_named_as_ihe_names_them() {
    let code = |act, face, element| all(&audit_message(&event(act, face), None, &source()), element, "csd-code");
    for (act, id, ihe, fhir) in [
        (Act::Deposit, "110107", "ITI-41", "ITI-65"),
        (Act::Fetch, "110106", "ITI-43", "ITI-68"),
        (Act::Find, "110112", "ITI-18", "ITI-67"),
        (Act::Lookup, "110112", "ITI-18", "ITI-67"),
        (Act::ReadTrace, "110101", "read_trace", "ITI-81"),
        (Act::Identify, "110112", "identify", "identify"),
        (Act::Block, "110110", "block", "block"),
        (Act::Create, "110110", "create", "create"),
    ] {
        assert_eq!(code(act, "ihe", "EventID"), [id]);
        assert_eq!(code(act, "ihe", "EventTypeCode"), [ihe]);
        assert_eq!(code(act, "fhir", "EventTypeCode"), [fhir]);
    }
}

#[test]
fn the_gateway_receives_a_deposit_and_gives_a_document() {
    for (act, gateway) in [(Act::Deposit, "110152"), (Act::Find, "110152"), (Act::Fetch, "110153")] {
        let found = elements(&audit_message(&event(act, "ihe"), None, &source()));
        let at = found.iter().position(|(name, attributes, _)| {
            name == "ActiveParticipant" && attributes.iter().any(|(_, value)| value == &source().gateway)
        });
        let role = &found[at.expect("the gateway") + 1];
        assert_eq!((role.0.as_str(), role.1[0].1.as_str()), ("RoleIDCode", gateway), "{act:?}");
    }
}

#[test]
fn people_and_things_are_identified() {
    let xml = audit_message(&event(Act::Deposit, "ihe"), Some(&ins()), &source());
    assert_eq!(
        all(&xml, "ActiveParticipant", "UserID"),
        ["LPS 1.0", "https://passerelle.example/xds", "899900063480", "499900063480001"]
    );
    assert_eq!(all(&xml, "ActiveParticipant", "UserIsRequestor"), ["true", "false", "true", "false"]);
    assert_eq!(
        all(&xml, "ActiveParticipant", "AlternativeUserID"),
        ["4242", "<899900063480@1.2.250.1.71.4.2.1>", "<499900063480001@1.2.250.1.71.4.2.2>"]
    );
    assert_eq!(all(&xml, "ActiveParticipant", "NetworkAccessPointTypeCode"), ["2"]);
    let object = |xml: &str, attribute| all(xml, "ParticipantObjectIdentification", attribute);
    assert_eq!(object(&xml, "ParticipantObjectID"), [ins().to_cx(), "1.2.3.4".into()]);
    assert_eq!(object(&xml, "ParticipantObjectTypeCodeRole"), ["1", "3"]);
    let xml = audit_message(&event(Act::Find, "ihe"), Some(&ins()), &source());
    assert_eq!(object(&xml, "ParticipantObjectTypeCodeRole"), ["1", "24", "3"]);
    let fed = audit_message(&event(Act::FeedIdentity, "fhir"), Some(&ins()), &source());
    assert_eq!(object(&fed, "ParticipantObjectID"), [ins().to_cx(), "urn:oid:1.2.3.4".into()], "a domain, and nobody");
    assert_eq!(object(&fed, "ParticipantObjectTypeCodeRole"), ["1", "5"]);
    assert!(fed.contains("ITI-104"), "{fed}");
    let blocked = TraceEvent {
        targets: vec!["899900000001".into(), "2172888100".into(), "T750000001".into(), "1750000001".into()],
        space: Some(SpaceId(uuid::Uuid::nil())),
        ..event(Act::Block, "cli")
    };
    let xml = audit_message(&blocked, None, &source());
    assert_eq!(object(&xml, "ParticipantObjectTypeCode"), ["1", "1", "3", "3"], "the last could be either's");
    assert_eq!(object(&xml, "ParticipantObjectTypeCodeRole"), ["1", "15", "15", "15", "15"]);
    assert_eq!(object(&xml, "ParticipantObjectID")[0], "urn:uuid:00000000-0000-0000-0000-000000000000");
}

#[test]
fn a_structure_alone_is_the_requestor_and_a_holder_is_named_by_the_ins() {
    let mut by_structure = event(Act::Find, "ihe");
    by_structure.actor.role = Role::Structure;
    by_structure.actor.id = None;
    let xml = audit_message(&by_structure, None, &source());
    assert_eq!(all(&xml, "ActiveParticipant", "UserID")[2..], ["499900063480001"]);
    assert_eq!(all(&xml, "ActiveParticipant", "UserIsRequestor")[2..], ["true"]);
    let mut by_holder = event(Act::ReadTrace, "fhir");
    by_holder.actor.role = Role::Holder;
    by_holder.actor.id = None;
    by_holder.actor.structure = None;
    let xml = audit_message(&by_holder, Some(&ins()), &source());
    assert_eq!(all(&xml, "ActiveParticipant", "UserID")[2..], [ins().to_cx()]);
    let nobody = TraceEvent { actor: Actor::operator(""), ..event(Act::Create, "cli") };
    valid(&[xml, audit_message(&nobody, None, &AuditSource::default())]);
}

#[test]
fn a_broken_glass_is_told_with_its_reason() {
    let mut broken = event(Act::Fetch, "ihe");
    broken.actor.purpose = Purpose::BrisDeGlace { reason: Some("coma, seul chez \"lui\"".into()) };
    let xml = audit_message(&broken, Some(&ins()), &source());
    assert_eq!(all(&xml, "PurposeOfUse", "csd-code"), ["BTG"]);
    assert_eq!(all(&xml, "PurposeOfUse", "originalText"), ["coma, seul chez \"lui\""]);
    broken.actor.purpose = Purpose::BrisDeGlace { reason: None };
    let without = audit_message(&broken, Some(&ins()), &source());
    assert_eq!(all(&without, "PurposeOfUse", "originalText"), ["break the glass"]);
    valid(&[xml, without]);
}

#[test]
fn any_text_stays_well_formed() {
    let hostile = "a\u{0}b\u{8}\t\n\r<&>\"'\u{FFFE}\u{FFFF}]]>\u{85}é\u{1F600}";
    let mut event = event(Act::Deposit, "ihe");
    event.actor.name = hostile.into();
    event.actor.profession.code = hostile.into();
    event.actor.software.name = hostile.into();
    event.targets = vec![hostile.into()];
    event.outcome = Outcome::Refused(hostile.into());
    event.rule = hostile.into();
    let text = || Some(hostile.to_owned());
    let source = AuditSource {
        id: hostile.into(),
        site: text(),
        gateway: hostile.into(),
        process: text(),
        access_point: text(),
    };
    let xml = audit_message(&event, None, &source);
    assert_eq!(all(&xml, "ActiveParticipant", "UserName"), ["ab   <&>\"']]>\u{85}é\u{1F600}"]);
    valid(&[xml]);
}

#[test]
fn what_is_left_off_is_told_and_a_message_stays_below_what_repositories_take() {
    let targets = (0..MAX_TARGETS + 5).map(|n| format!("1.2.250.1.213.{}.{n:04}", "9".repeat(45))).collect();
    let xml = audit_message(&TraceEvent { targets, ..event(Act::Deposit, "ihe") }, Some(&ins()), &source());
    assert_eq!(all(&xml, "ParticipantObjectIdentification", "ParticipantObjectID").len(), MAX_TARGETS + 1);
    let details = all(&xml, "ParticipantObjectDetail", "value");
    assert_eq!(details, [STANDARD.encode("R.1111-49 é"), STANDARD.encode("5")]);
    assert!(xml.len() < 32 * 1024, "{}", xml.len());
    valid(&[xml]);
}
