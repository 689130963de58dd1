//! `GET AuditEvent?patient.identifier=…`: the trace of a space, newest first, as TDE 2.0.0 shapes it. Who may read which
//! part of it the desk decides; reading it is itself traced.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use desk::TraceQuery;
use jiff::Timestamp;
use space::{
    Actor, Cause, Ins, Purpose, Refusal, Role,
    people::{PS_ID_NAT_OID, STRUCT_ID_NAT_OID},
    trace::{Act, ActKind, Outcome, TraceEvent},
};
use wire_fhir::{
    AuditAgent, AuditDetail, AuditEntity, AuditEvent, AuditSource, CodeableConcept, Coding, Identifier, Meta, Period,
    Reference,
};

use crate::{
    FhirState,
    call::Call,
    respond::{self, Failure},
    search::{
        Search,
        date::{DateCriterion, dates},
        holder,
        page::{Frame, Page, sorted},
        parameters::AUDIT_EVENT,
        place,
        token::tokens,
    },
    translate::{
        ids, person, systems,
        urls::{FR_CORE_V2_0203, RFC_3986, TDE_AUDIT_EVENT},
    },
};

/// Events looked at for one answer; where there are more the answer says so, and `date` reaches the others.
const DEPTH: usize = 10_000;

/// System of the acts in `AuditEvent.subtype`.
const ACT_SYSTEM: &str = "urn:passerelle:act";

/// Type of the detail that tells what was found of a set's signature.
const SET_SIGNATURE: &str = "urn:passerelle:set-signature";

/// A criterion on one trace.
type Criterion = Box<dyn Fn(&TraceEvent) -> bool + Send + Sync>;

/// Answers a search.
pub(crate) async fn search(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let call = Call::search(&state, request, Act::ReadTrace).await?;
    let answer = answer(&state, &call).await;
    call.conclude(&state, Act::ReadTrace, answer).await
}

async fn answer(state: &FhirState, call: &Call) -> Result<Response, Failure> {
    let mut search = Search::read(call, AUDIT_EVENT)?;
    let page = Page::read(state, call)?;
    let ascending = sorted(call, "date")?;
    let criteria = understand(&search)?;
    let ins = holder::named(state, call, &search).await?;
    let read = state.desk.traces(&call.caller, Some(&ins), &window(&search)?).await?;
    if read.len() == DEPTH {
        search.ignored.push(Refusal::new(Cause::TooManyResults).at(place("date")).about(DEPTH.to_string()));
    }
    let mut events: Vec<TraceEvent> = read.into_iter().map(|(_, event)| event).collect();
    events.retain(|event| criteria.iter().all(|fits| fits(event)));
    if ascending == Some(true) {
        events.reverse();
    }
    let frame = Frame { call, search: &search, kind: "AuditEvent", profile: None, page };
    let bundle = frame.bundle(&events, |event| {
        let event = audit_event(event, Some(&ins));
        (event.id.clone(), event)
    });
    Ok(respond::json(StatusCode::OK, &bundle))
}

/// The part of the trace that the dates of a search leave: the hull of each parameter's values, all of them met.
fn window(search: &Search) -> Result<TraceQuery, Refusal> {
    let mut window = TraceQuery { limit: DEPTH, ..TraceQuery::default() };
    for (parameter, values) in &search.criteria {
        if !matches!(parameter.name, "date" | "period-start") {
            continue;
        }
        let bounds: Vec<_> = dates(parameter.name, values)?.iter().map(DateCriterion::bounds).collect();
        let from: Option<Timestamp> = bounds.iter().map(|b| b.0).min().flatten();
        let to: Option<Option<Timestamp>> = bounds.iter().map(|b| b.1).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b)));
        let from_ms = from.map(Timestamp::as_millisecond);
        let until_ms = to.flatten().map(|t| t.as_millisecond() + 1);
        window.from_ms = window.from_ms.max(from_ms);
        window.until_ms = match (window.until_ms, until_ms) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(window)
}

fn understand(search: &Search) -> Result<Vec<Criterion>, Failure> {
    let mut criteria: Vec<Criterion> = Vec::new();
    for (parameter, values) in &search.criteria {
        let asked = tokens(values);
        criteria.push(match parameter.name {
            // Read by `search::holder`.
            "patient" | "patient.identifier" => continue,
            name @ ("date" | "period-start") => {
                let asked = dates(name, values)?;
                Box::new(move |e| {
                    let at = at(e);
                    let end = at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(at);
                    asked.iter().any(|d| d.fits((at, end)))
                })
            }
            "outcome" => Box::new(move |e| asked.iter().any(|t| t.is(outcome(e)))),
            "action" => Box::new(move |e| asked.iter().any(|t| t.is(action(e.act)))),
            name => return Err(Refusal::new(Cause::QueryParameterUnknown).at(place(name)).into()),
        });
    }
    Ok(criteria)
}

/// A trace as the resource that an audit repository is sent (ITI-20 RESTful; IHE BALP where it has a profile for the act),
/// as JSON. `ins` is the holder's number, when the event bears on one.
#[must_use]
pub fn audit_record(event: &TraceEvent, ins: Option<&Ins>) -> String {
    let mut resource = audit_event(event, ins);
    let (interaction, basic) = match action(event.act) {
        "C" => ("create", Some("Create")),
        "R" => ("read", Some("Read")),
        "U" => ("update", Some("Update")),
        // A query's profile demands the query's text, which the trace does not keep.
        _ => ("search", None),
    };
    let system = "http://hl7.org/fhir/restful-interaction";
    resource.subtype.insert(0, Coding::new(Some(system), interaction, None));
    if let Some(basic) = basic {
        let patient = if ins.is_some() { "Patient" } else { "" };
        resource.meta.profile.push(format!("{BALP}.{patient}{basic}"));
    }
    resource.agent.push(AuditAgent {
        kind: Some(CodeableConcept::of(Coding::new(Some(DCM), "110152", Some("Destination Role ID")))),
        role: Vec::new(),
        who: Reference { kind: Some("Device".into()), display: Some("Passerelle".into()), ..Reference::default() },
        name: None,
        requestor: false,
        policy: Vec::new(),
    });
    // Made by the repository.
    resource.id.clear();
    let mut json = serde_json::to_value(&resource).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        object.remove("id");
    }
    json.to_string()
}

/// What the profiles of BALP begin with.
const BALP: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit";
/// DICOM's code system.
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

fn at(event: &TraceEvent) -> Timestamp {
    Timestamp::from_millisecond(event.at_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// One trace.
fn audit_event(event: &TraceEvent, ins: Option<&Ins>) -> AuditEvent {
    let recorded = at(event).to_string();
    // The trace has no id of its own: its content is one, and the same each time.
    let id = ids::derived_uuid("AuditEvent", &serde_json::to_string(event).unwrap_or_default());
    AuditEvent {
        id: id.to_string(),
        meta: Meta { profile: vec![TDE_AUDIT_EVENT.to_owned()], ..Meta::default() },
        contained: Vec::new(),
        kind: Coding::new(
            Some("http://terminology.hl7.org/CodeSystem/audit-event-type"),
            "rest",
            Some("RESTful Operation"),
        ),
        subtype: vec![subtype(event.act)],
        action: action(event.act),
        period: Period { start: Some(recorded.clone()), end: Some(recorded.clone()) },
        recorded,
        outcome: outcome(event),
        outcome_desc: match &event.outcome {
            Outcome::Done => None,
            Outcome::Refused(code) => Some(code.clone()),
        },
        purpose_of_event: vec![purpose(&event.actor.purpose)],
        agent: agents(event),
        source: AuditSource {
            observer: Reference {
                kind: Some("Device".into()),
                display: Some("Passerelle".into()),
                ..Reference::default()
            },
        },
        entity: entities(event, ins),
    }
}

fn agents(event: &TraceEvent) -> Vec<AuditAgent> {
    let actor = &event.actor;
    let some = |t: &str| (!t.is_empty()).then(|| t.to_owned());
    let participation = |code: &str| {
        let system = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
        Some(CodeableConcept::of(Coding::new(Some(system), code, None)))
    };
    let mut agents = vec![AuditAgent {
        kind: participation("IRCP"),
        role: roles(actor),
        who: who(actor),
        name: some(&actor.name),
        requestor: true,
        policy: vec![format!("urn:passerelle:rule:{}", crate::call::percent_encoded(&event.rule))],
    }];
    if let Some(structure) = &actor.structure {
        let identifier = Identifier::new(format!("urn:oid:{STRUCT_ID_NAT_OID}"), structure.as_str());
        agents.push(AuditAgent {
            kind: participation("CST"),
            role: Vec::new(),
            who: Reference::identified("Organization", identifier.typed(FR_CORE_V2_0203, "IDNST")),
            name: None,
            requestor: false,
            policy: Vec::new(),
        });
    }
    let software = format!("{} {}", actor.software.name, actor.software.version);
    let display = some(software.trim()).unwrap_or_else(|| event.face.clone());
    agents.push(AuditAgent {
        kind: Some(CodeableConcept::of(Coding::new(Some(DCM), "110153", Some("Source Role ID")))),
        role: Vec::new(),
        who: Reference { kind: Some("Device".into()), display: Some(display), ..Reference::default() },
        name: None,
        requestor: false,
        policy: Vec::new(),
    });
    agents
}

fn who(actor: &Actor) -> Reference {
    let named = |kind: &str| Reference {
        kind: Some(kind.to_owned()),
        display: Some(actor.name.clone()).filter(|n| !n.is_empty()).or_else(|| Some("—".to_owned())),
        ..Reference::default()
    };
    match (&actor.id, actor.role) {
        (Some(id), _) => {
            let identifier = Identifier::new(format!("urn:oid:{PS_ID_NAT_OID}"), id.as_str());
            Reference { identifier: Some(identifier.typed(FR_CORE_V2_0203, "IDNPS")), ..named("Practitioner") }
        }
        (None, Role::Holder) => named("Patient"),
        (None, Role::Structure) => named("Organization"),
        (None, Role::Operator) => named("Device"),
        (None, Role::Professional | Role::Agent) => named("Practitioner"),
    }
}

fn roles(actor: &Actor) -> Vec<CodeableConcept> {
    let profession = (!actor.profession.code.is_empty()).then(|| {
        let system = systems::to_uri("1.2.250.1.71.1.2.7");
        CodeableConcept::of(Coding::new(Some(&system), &actor.profession.code, None))
    });
    let speciality = actor.profession.speciality.as_deref().map(CodeableConcept::text);
    profession.into_iter().chain(speciality).collect()
}

fn purpose(purpose: &Purpose) -> CodeableConcept {
    let code = match purpose {
        Purpose::Normal => "TREAT",
        Purpose::BrisDeGlace { .. } => "BTG",
        Purpose::Centre15 => "ETREAT",
    };
    let system = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    let mut concept = CodeableConcept::of(Coding::new(Some(system), code, None));
    concept.text = purpose.reason().map(str::to_owned);
    concept
}

fn entities(event: &TraceEvent, ins: Option<&Ins>) -> Vec<AuditEntity> {
    let entity = |what, kind: &str, role: &str| AuditEntity {
        what,
        kind: Coding::new(Some("http://terminology.hl7.org/CodeSystem/audit-entity-type"), kind, None),
        role: Coding::new(Some("http://terminology.hl7.org/CodeSystem/object-role"), role, None),
        detail: Vec::new(),
    };
    let holder = ins.map(|ins| {
        let holder = Reference::identified("Patient", person::ins_identifier(ins.matricule(), ins.oid()));
        let found = event.signature.clone().map(|found| AuditDetail { kind: SET_SIGNATURE, value_string: found });
        AuditEntity { detail: found.into_iter().collect(), ..entity(holder, "1", "1") }
    });
    let on_documents = event.act.is_on_documents();
    let targets = event.targets.iter().map(|target| match (on_documents, target.starts_with("urn:uuid:")) {
        (true, true) => {
            let reference = Reference::to(format!("DocumentReference/{}", ids::resource_id(target)));
            entity(reference, "2", "3")
        }
        (true, false) => entity(Reference::identified("DocumentReference", ids::unique(target)), "2", "3"),
        // Whose numbers were fed or asked by: a domain of identifiers.
        (false, _) if space::Oid::parse(target).is_ok() => {
            let identifier = Identifier::new(RFC_3986, format!("urn:oid:{target}"));
            entity(Reference { identifier: Some(identifier), ..Reference::default() }, "2", "5")
        }
        // On whom a setting bears: a professional or a structure.
        (false, _) => {
            let identifier = Identifier { value: Some(target.clone()), ..Identifier::default() };
            entity(Reference { identifier: Some(identifier), ..Reference::default() }, "1", "15")
        }
    });
    holder.into_iter().chain(targets).collect()
}

/// 0 done, 4 refused, 8 failed inside.
fn outcome(event: &TraceEvent) -> &'static str {
    match &event.outcome {
        Outcome::Done => "0",
        Outcome::Refused(code) if code == Cause::Internal.code() => "8",
        Outcome::Refused(_) => "4",
    }
}

const fn action(act: Act) -> &'static str {
    match act.kind() {
        ActKind::Create => "C",
        ActKind::Read => "R",
        ActKind::Query | ActKind::ReadTrace => "E",
        ActKind::Update => "U",
        ActKind::Delete => "D",
    }
}

fn subtype(act: Act) -> Coding {
    Coding::new(Some(ACT_SYSTEM), act.word(), Some(act.label()))
}

#[cfg(test)]
mod tests {
    use space::{AuthMode, InsOid, InsTolerance, Profession, ProfessionalId, Software, StructureId};

    use super::*;

    #[test]
    fn a_trace_of_any_act_and_mode_is_an_audit_event() {
        let ins = Ins::parse("279035121518989", InsOid::NirTest, InsTolerance::Strict).expect("INS");
        for purpose in [Purpose::Normal, Purpose::Centre15, Purpose::BrisDeGlace { reason: Some("coma".into()) }] {
            let event = TraceEvent {
                space: None,
                at_ms: 1_790_000_000_123,
                actor: Actor {
                    role: Role::Professional,
                    id: ProfessionalId::parse("899900063480").ok(),
                    profession: Profession { code: "10".into(), speciality: Some("SM26".into()), activity: None },
                    name: "MAX LIBRE".into(),
                    structure: StructureId::parse("499900063480001").ok(),
                    auth: AuthMode::Directe,
                    purpose,
                    structure_proven: true,
                    secret: false,
                    software: Software::default(),
                },
                act: Act::Fetch,
                targets: vec!["1.2.3".into(), "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into()],
                outcome: Outcome::Refused("blocked".into()),
                rule: "R.1111-49 é".into(),
                face: "fhir".into(),
                signature: None,
            };
            let value = serde_json::to_value(audit_event(&event, Some(&ins))).expect("JSON");
            wire_fhir::check(&value).expect("FHIR R4");
            assert_eq!((&value["outcome"], &value["outcomeDesc"]), (&"4".into(), &"blocked".into()));
            assert!(value["agent"].as_array().is_some_and(|a| a.len() >= 2), "TDE asks for two");
            let fed = TraceEvent { act: Act::FeedIdentity, ..event };
            let value = serde_json::to_value(audit_event(&fed, Some(&ins))).expect("JSON");
            wire_fhir::check(&value).expect("FHIR R4");
            let domain = &value["entity"][1];
            assert_eq!((&domain["type"]["code"], &domain["role"]["code"]), (&"2".into(), &"5".into()), "{domain:#}");
            assert_eq!(domain["what"]["identifier"]["value"], "urn:oid:1.2.3");
        }
    }

    #[test]
    fn every_parameter_of_the_table_is_understood() {
        for parameter in AUDIT_EVENT {
            let value = if matches!(parameter.name, "date" | "period-start") { "ge2020" } else { "x" };
            let search = Search { criteria: vec![(parameter, vec![value.to_owned()])], ..Search::default() };
            assert!(understand(&search).is_ok(), "{}", parameter.name);
        }
    }
}
