//! ITI-119 Patient Demographics Match (PDQm 3.1.0 §2:3.119): `POST Patient/$match`, under the law of ITI-47: with the INS or a
//! structure's own number a test of existence, by traits alone in regulation of emergency calls only. A match by traits
//! alone is never called certain (RNIV).

use axum::{
    body::Body,
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use desk::{Fault, PersonKey, Record};
use space::{Cause, InsOid, LocalId, Refusal, TraitQuery, trace::Act};
use wire_fhir::{
    Answered, Bundle, BundleType, Entry, Extension, Limits, Parameters, Patient, Resource, Search as Mode,
};

use crate::{
    FhirState, body,
    call::Call,
    iti65::refusal,
    iti104, patient,
    respond::{self, Failure},
};

/// Largest body, in bytes.
const BODY: usize = 256 * 1024;
/// How well a match fits, in words (FHIR R4 *patient-operation-match*).
const MATCH_GRADE: &str = "http://hl7.org/fhir/StructureDefinition/match-grade";

/// Answers the operation.
pub(crate) async fn operation_match(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (mut call, parts, content) = Call::open(&state, request)?;
    let done = answer(&state, &mut call, &parts, content).await;
    call.conclude(&state, Act::Identify, done).await
}

/// What is asked for.
struct Asked {
    key: Option<PersonKey>,
    traits: TraitQuery,
    only_certain: bool,
    count: usize,
}

async fn answer(state: &FhirState, call: &mut Call, parts: &Parts, content: Body) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    let received = body::resource(content, &parts.headers, state.limits.body.min(BODY), state).await?;
    let read = wire_fhir::parse_resource(&received.bytes, "Parameters", Limits::of_size(BODY));
    let Resource::Parameters(parameters) = read.map_err(|e| refusal(&e))? else {
        return Err(Refusal::new(Cause::ResourceInvalid).at("Parameters").into());
    };
    let asked = asked(state, parameters)?;
    let (found, grade, score) = match &asked.key {
        Some(key) => {
            let found = match state.desk.person(&call.caller, key).await {
                Ok(record) => vec![record],
                // No record is an answer, and not an error.
                Err(Fault::Refused(refusals)) if refusals.iter().all(|r| is_nobody(r.cause)) => Vec::new(),
                Err(fault) => return Err(fault.into()),
            };
            (found, "certain", 1.0)
        }
        None => {
            let (grade, score) = if asked.traits.is_qualified() { ("probable", 0.9) } else { ("possible", 0.6) };
            (state.desk.search_people(&call.caller, &asked.traits).await?, grade, score)
        }
    };
    let wanted =
        |record: &&Record| asked.traits.matches(&record.holder.traits) && (grade == "certain" || !asked.only_certain);
    let entry: Vec<_> =
        found.iter().filter(wanted).take(asked.count).map(|record| matched(&call.base, record, grade, score)).collect();
    let bundle = Bundle {
        kind: "searchset",
        meta: None,
        total: Some(entry.len()),
        link: Vec::new(),
        entry,
        id: None,
        resource_type: BundleType::Bundle,
    };
    Ok(respond::json(StatusCode::OK, &bundle))
}

const fn is_nobody(cause: Cause) -> bool {
    matches!(cause, Cause::UnknownHolder | Cause::UnknownIdentifier)
}

fn asked(state: &FhirState, parameters: Parameters) -> Result<Asked, Refusal> {
    let wrong = |place: &str| Refusal::new(Cause::ResourceInvalid).at(format!("Parameters.parameter.{place}"));
    let (mut sought, mut only_certain, mut count) = (None, false, state.limits.page);
    for parameter in parameters.parameter {
        match parameter.name.as_str() {
            "resource" => match parameter.resource.map(|resource| *resource) {
                Some(Resource::Patient(patient)) => sought = Some(patient),
                _ => return Err(wrong("resource").about("a Patient")),
            },
            "onlyCertainMatches" => {
                only_certain = parameter.value_boolean.ok_or_else(|| wrong("valueBoolean"))?;
            }
            "count" => {
                let number = parameter.value_integer.and_then(|n| usize::try_from(n).ok());
                count = number.ok_or_else(|| wrong("valueInteger"))?.min(state.limits.page_max);
            }
            _ => return Err(Refusal::new(Cause::QueryParameterUnknown).at("Parameters.parameter.name")),
        }
    }
    let patient =
        sought.ok_or_else(|| Refusal::new(Cause::QueryParameterMissing).at("Parameters").about("resource"))?;
    Ok(Asked { key: key(state, &patient)?, traits: iti104::traits(&patient)?, only_certain, count })
}

/// The number that names somebody: the INS, or a structure's.
fn key(state: &FhirState, patient: &Patient) -> Result<Option<PersonKey>, Refusal> {
    if let Some(ins) = iti104::ins(state, patient)? {
        return Ok(Some(PersonKey::Ins(ins)));
    }
    let structures = |system: &&str| system.starts_with("urn:oid:") && InsOid::parse(system).is_none();
    let numbered = patient.identifier.iter().find_map(|i| i.system.as_deref().filter(structures).map(|s| (s, i)));
    let Some((system, identifier)) = numbered else { return Ok(None) };
    let local = LocalId::parse(system, identifier.value.as_deref().unwrap_or_default());
    local.map(|local| Some(PersonKey::Local(local))).map_err(|refusal| refusal.at("Patient.identifier"))
}

fn matched(base: &str, record: &Record, grade: &str, score: f64) -> Entry<Resource> {
    let patient = patient::patient(&record.holder);
    let grade = Extension { value_code: Some(grade.to_owned()), ..Extension::new(MATCH_GRADE) };
    Entry {
        full_url: patient.id.as_ref().map(|id| format!("{base}/Patient/{id}")),
        resource: Some(Answered::Match(Resource::Patient(Box::new(patient)))),
        search: Some(Mode { extension: vec![grade], mode: "match", score: Some(score) }),
        ..Entry::default()
    }
}
