//! One trace as an audit message: DICOM PS3.15 A.5.1, as IHE ITI-20 asks for it and the transactions' sections on
//! security fill it.
//!
//! Says what the trace says and nothing else: the words of a query and the address of the caller are not in a trace,
//! and so not here. The message holds what identifies the holder and the professional: it goes to an audit repository,
//! never to a log.

mod codes;
#[cfg(test)]
mod tests;
mod xml;

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use space::{
    Actor, Ins, Oid, ProfessionalId, Role, StructureId,
    people::{PS_ID_NAT_OID, STRUCT_ID_NAT_OID},
    trace::{Act, ActKind, Outcome, TraceEvent},
};

use codes::Coded;
use xml::Xml;

/// Targets named in one message; the number of those left off is told with the last one. A repository may cut messages
/// above 32 KiB (ITI-20), and the trace itself keeps all.
pub const MAX_TARGETS: usize = 48;

/// Code system of professions (TRE_G15).
const PROFESSIONS: &str = "1.2.250.1.71.1.2.7";

/// Who reports: this gateway, as its operator wants it named in the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSource {
    /// `AuditSourceID`: which of the reporting systems it is.
    pub id: String,
    /// `AuditEnterpriseSiteID`: where in the enterprise, often an OID.
    pub site: Option<String>,
    /// `UserID` of the gateway as a participant: its address (URL) for callers.
    pub gateway: String,
    /// `AlternativeUserID` of the gateway: its process as the system's own log knows it.
    pub process: Option<String>,
    /// `NetworkAccessPointID` of the gateway: name of the machine, or IP address.
    pub access_point: Option<String>,
}

/// The audit message of a trace, an XML document. `ins` is the holder's, when it is known; where it is not, the space
/// stands for the patient. Any text is written: what XML 1.0 cannot hold is dropped.
#[must_use]
pub fn audit_message(event: &TraceEvent, ins: Option<&Ins>, source: &AuditSource) -> String {
    let mut xml = Xml::document();
    xml.element("AuditMessage", &[], |xml| {
        identification(xml, event);
        participants(xml, event, ins, source);
        reporter(xml, source);
        patient(xml, event, ins);
        objects(xml, event, source);
    });
    xml.into_text()
}

fn coded(xml: &mut Xml, name: &str, code: Coded) {
    xml.empty(name, &[("csd-code", code.code), ("codeSystemName", code.system), ("originalText", code.text)]);
}

fn identification(xml: &mut Xml, event: &TraceEvent) {
    let at = Timestamp::from_millisecond(event.at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let at = format!("{at:.3}");
    let attributes = [
        ("EventActionCode", codes::action(event.act)),
        ("EventDateTime", at.as_str()),
        ("EventOutcomeIndicator", codes::outcome(&event.outcome)),
    ];
    xml.element("EventIdentification", &attributes, |xml| {
        coded(xml, "EventID", codes::event(event.act));
        coded(xml, "EventTypeCode", codes::event_type(event.act, &event.face));
        if let Outcome::Refused(cause) = &event.outcome {
            xml.element("EventOutcomeDescription", &[], |xml| xml.text(cause));
        }
        let purpose = codes::purpose(&event.actor.purpose);
        // The reason of a break-glass is what the professional wrote, so it is the original text of the code.
        let original = event.actor.purpose.reason().unwrap_or(purpose.text);
        let attributes = [
            ("csd-code", purpose.code),
            ("codeSystemName", purpose.system),
            ("displayName", purpose.text),
            ("originalText", original),
        ];
        xml.empty("PurposeOfUse", &attributes);
    });
}

/// A participant, as far as it is known. What is empty is not written.
#[derive(Default)]
struct Participant<'a> {
    user: &'a str,
    alternative: &'a str,
    name: &'a str,
    requestor: bool,
    access_point: Option<&'a str>,
}

impl Participant<'_> {
    fn write(&self, xml: &mut Xml, roles: impl FnOnce(&mut Xml)) {
        let mut attributes = vec![("UserID", self.user)];
        let further = [("AlternativeUserID", self.alternative), ("UserName", self.name)];
        attributes.extend(further.into_iter().filter(|(_, value)| !value.is_empty()));
        attributes.push(("UserIsRequestor", if self.requestor { "true" } else { "false" }));
        if let Some(at) = self.access_point.filter(|at| !at.is_empty()) {
            let kind = if at.parse::<IpAddr>().is_ok() { "2" } else { "1" };
            attributes.extend([("NetworkAccessPointID", at), ("NetworkAccessPointTypeCode", kind)]);
        }
        xml.element("ActiveParticipant", &attributes, roles);
    }
}

/// The software and the gateway, in the direction the data went, then the person and the structure.
fn participants(xml: &mut Xml, event: &TraceEvent, ins: Option<&Ins>, source: &AuditSource) {
    let actor = &event.actor;
    let software = format!("{} {}", actor.software.name, actor.software.version);
    let software = Some(software.trim()).filter(|s| !s.is_empty()).unwrap_or(&event.face);
    let caller = Participant { user: software, requestor: true, ..Participant::default() };
    let gateway = Participant {
        user: &source.gateway,
        alternative: source.process.as_deref().unwrap_or_default(),
        access_point: source.access_point.as_deref(),
        ..Participant::default()
    };
    // In a retrieval the gateway gives and the caller receives (ITI-43 §3.43.6.1, ITI-68 §3.68.5.1).
    let (first, second) = if event.act == Act::Fetch { (gateway, caller) } else { (caller, gateway) };
    first.write(xml, |xml| coded(xml, "RoleIDCode", codes::SOURCE));
    second.write(xml, |xml| coded(xml, "RoleIDCode", codes::DESTINATION));
    person(xml, actor, ins);
    if let Some(structure) = &actor.structure {
        let qualified = format!("<{}@{STRUCT_ID_NAT_OID}>", structure.as_str());
        let requestor = actor.role == Role::Structure && actor.id.is_none();
        let user =
            Participant { user: structure.as_str(), alternative: &qualified, requestor, ..Participant::default() };
        user.write(xml, |_| ());
    }
}

fn person(xml: &mut Xml, actor: &Actor, ins: Option<&Ins>) {
    if actor.role == Role::Structure && actor.id.is_none() && actor.structure.is_some() {
        return;
    }
    let holder = ins.filter(|_| actor.role == Role::Holder).map(Ins::to_cx);
    let user = match (&actor.id, &holder) {
        (Some(id), _) => id.as_str(),
        (None, Some(cx)) => cx,
        (None, None) if !actor.name.is_empty() => &actor.name,
        (None, None) => "unknown",
    };
    // The form of XUA, `<user@issuer>` (ITI-40 §3.40.4.2): who issued the identifier is who can say whose it is.
    let qualified = actor.id.as_ref().map(|id| format!("<{}@{PS_ID_NAT_OID}>", id.as_str())).unwrap_or_default();
    let person =
        Participant { user, alternative: &qualified, name: &actor.name, requestor: true, ..Participant::default() };
    person.write(xml, |xml| {
        let code = actor.profession.code.as_str();
        if !code.is_empty() {
            let attributes = [("csd-code", code), ("codeSystemName", PROFESSIONS), ("originalText", code)];
            xml.empty("RoleIDCode", &attributes);
        }
    });
}

fn reporter(xml: &mut Xml, source: &AuditSource) {
    let mut attributes = Vec::new();
    attributes.extend(source.site.as_deref().filter(|s| !s.is_empty()).map(|site| ("AuditEnterpriseSiteID", site)));
    attributes.push(("AuditSourceID", source.id.as_str()));
    xml.element("AuditSourceIdentification", &attributes, |xml| {
        // An application server.
        xml.empty("AuditSourceTypeCode", &[("csd-code", "4")]);
    });
}

/// A thing the act bore on.
struct Object<'a> {
    id: &'a str,
    /// 1 person, 2 system object, 3 organisation.
    kind: Option<&'a str>,
    role: &'a str,
    id_type: Coded,
    /// The schema wants a name or a query of every object; an identifier is its own name.
    name: &'a str,
    details: Vec<(&'a str, String)>,
}

impl Object<'_> {
    fn write(&self, xml: &mut Xml) {
        let mut attributes = vec![("ParticipantObjectID", self.id)];
        attributes.extend(self.kind.map(|kind| ("ParticipantObjectTypeCode", kind)));
        attributes.push(("ParticipantObjectTypeCodeRole", self.role));
        xml.element("ParticipantObjectIdentification", &attributes, |xml| {
            coded(xml, "ParticipantObjectIDTypeCode", self.id_type);
            xml.element("ParticipantObjectName", &[], |xml| xml.text(self.name));
            for (kind, value) in &self.details {
                xml.empty("ParticipantObjectDetail", &[("type", kind), ("value", &STANDARD.encode(value))]);
            }
        });
    }
}

/// The holder, with the rule that was applied.
fn patient(xml: &mut Xml, event: &TraceEvent, ins: Option<&Ins>) {
    let (id, id_type) = match (ins, event.space) {
        (Some(ins), _) => (ins.to_cx(), codes::PATIENT_NUMBER),
        (None, Some(space)) => (format!("urn:uuid:{space}"), codes::RECORD_NUMBER),
        (None, None) => return,
    };
    let mut details = vec![("urn:passerelle:rule", event.rule.clone())];
    details.extend(event.signature.clone().map(|found| ("urn:passerelle:set-signature", found)));
    Object { id: &id, kind: Some("1"), role: "1", id_type, name: &id, details }.write(xml);
}

/// What the act bore on, beside the holder.
fn objects(xml: &mut Xml, event: &TraceEvent, source: &AuditSource) {
    match event.act.kind() {
        ActKind::Query => {
            let ours = codes::ours(event.act);
            let id = format!("{}:{}", ours.system, ours.code);
            let id_type = codes::event_type(event.act, &event.face);
            Object { id: &id, kind: Some("2"), role: "24", id_type, name: ours.text, details: Vec::new() }.write(xml);
        }
        ActKind::ReadTrace => {
            // "Security Audit Log" is the name DICOM gives the object (A.5.3.2).
            let (id, name) = (source.gateway.as_str(), "Security Audit Log");
            Object { id, kind: Some("2"), role: "13", id_type: codes::URI, name, details: Vec::new() }.write(xml);
        }
        _ => {}
    }
    let on_documents = event.act.is_on_documents();
    let left_off = event.targets.len().saturating_sub(MAX_TARGETS);
    for (nth, target) in event.targets.iter().take(MAX_TARGETS).enumerate() {
        // Whose numbers were fed or asked by: a domain of identifiers, and nobody.
        let domain = (!on_documents && Oid::parse(target).is_ok()).then(|| format!("urn:oid:{target}"));
        let (kind, role, id_type) = match on_documents {
            true if target.starts_with("urn:uuid:") => (Some("2"), "3", codes::ENTRY_UUID),
            true => (Some("2"), "3", codes::REPORT_NUMBER),
            false if domain.is_some() => (Some("2"), "5", codes::URI),
            false => (person_or_organisation(target), "15", codes::USER_IDENTIFIER),
        };
        let target = domain.as_ref().unwrap_or(target);
        let last_of_cut = left_off > 0 && nth + 1 == MAX_TARGETS;
        let details = last_of_cut.then(|| ("urn:passerelle:targets-left-off", left_off.to_string()));
        let details = details.into_iter().collect();
        Object { id: target, kind, role, id_type, name: target, details }.write(xml);
    }
}

/// On whom a setting bears: 1 a professional, 3 a structure. Many identifiers could be either's, and the trace does not
/// tell: the schema lets the answer be left out.
fn person_or_organisation(target: &str) -> Option<&'static str> {
    match (ProfessionalId::parse(target), StructureId::parse(target)) {
        (Ok(id), Ok(_)) => id.rpps().map(|_| "1"),
        (Ok(_), Err(_)) => Some("1"),
        (Err(_), Ok(_)) => Some("3"),
        (Err(_), Err(_)) => None,
    }
}
