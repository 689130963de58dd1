//! ITI-104 Patient Identity Feed FHIR (PIXm 3.1.0 §2:3.104): `PUT Patient?identifier=system|value` links a structure's number
//! to the INS that comes with it, with `active = false` and a link `replaced-by` resolves a duplicate, or with a link `seealso`
//! says of two people's records that they are one person's;
//! `DELETE Patient?identifier=system|value` takes a link away, and with `link:identifier` what was said of two. Keeps no `Patient` of anybody: the holder's identity is the
//! INS's, and is not changed here.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use desk::{Feed, FeedKind, Reference as Known};
use space::{Cause, Ins, InsOid, LocalId, Refusal, Sex, TraitQuery, trace::Act};
use wire_fhir::{HumanName, Identifier, Limits, Patient, PatientLink, Resource};

use crate::{
    FhirState, body,
    call::Call,
    iti65::refusal,
    iti83, patient,
    respond::{self, Failure},
    search::{
        Parameter, Search, holder, invalid,
        parameters::{PATIENT_NUMBER, PATIENT_REMOVAL},
    },
    translate::urls::{FR_CORE_RELIABILITY, is_qualified},
};

/// Largest `Patient`, in bytes.
const BODY: usize = 256 * 1024;

/// Feeds a number.
pub(crate) async fn feed(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (mut call, parts, content) = Call::open(&state, request)?;
    let done = fed(&state, &mut call, &parts, content).await;
    call.conclude(&state, Act::FeedIdentity, done).await
}

/// Takes a link away.
pub(crate) async fn remove(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(&state, request)?;
    let done = removed(&state, &mut call, &parts).await;
    call.conclude(&state, Act::FeedIdentity, done).await
}

async fn removed(state: &FhirState, call: &mut Call, parts: &Parts) -> Result<Response, Failure> {
    let (local, other) = conditional(call, parts, PATIENT_REMOVAL)?;
    match other {
        Some(other) => state.desk.link_numbers(&call.caller, &local, &other, false).await?,
        None => state.desk.unlink(&call.caller, &local).await?,
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    respond::secure(response.headers_mut());
    Ok(response)
}

async fn fed(state: &FhirState, call: &mut Call, parts: &Parts, content: Body) -> Result<Response, Failure> {
    let (local, _) = conditional(call, parts, PATIENT_NUMBER)?;
    let received = body::resource(content, &parts.headers, state.limits.body.min(BODY), state).await?;
    let read = wire_fhir::parse_resource(&received.bytes, "Patient", Limits::of_size(BODY));
    let Resource::Patient(patient) = read.map_err(|e| refusal(&e))? else {
        return Err(Refusal::new(Cause::ResourceInvalid).at("Patient").into());
    };
    if patient.active == Some(false) || !patient.link.is_empty() {
        match other(&patient)? {
            Told::ReplacedBy(survivor) => state.desk.merge_numbers(&call.caller, &survivor, &local).await?,
            Told::SeeAlso(other) => state.desk.link_numbers(&call.caller, &local, &other, true).await?,
        }
        return Ok(respond::json(StatusCode::OK, &respond::done()));
    }
    let feed = asked(state, local.clone(), &patient)?;
    let linked = state.desk.feed(&call.caller, &feed).await?;
    let status = if linked.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut answered = patient::patient(&linked.holder);
    answered.identifier.push(iti83::identifier(&Known::Local(local)));
    Ok(respond::json(status, &Resource::Patient(Box::new(answered))))
}

/// The number that the condition names, a structure's own, and the one it is linked to where that is said.
fn conditional(
    call: &mut Call,
    parts: &Parts,
    served: &'static [Parameter],
) -> Result<(LocalId, Option<LocalId>), Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    let search = Search::read(call, served)?;
    search.require(&["identifier"])?;
    let mut asked = search.all("identifier");
    let local = holder::local("identifier", asked.next().unwrap_or_default())?;
    if asked.next().is_some() {
        return Err(invalid("identifier", "one value").into());
    }
    // What is meant of two numbers must not be done to one: a criterion that says nothing, or that is not known, is no less
    // of a criterion here, whatever the caller prefers.
    let link = |name: &str| name.starts_with("link");
    let said: Vec<_> = call.parameters.iter().filter(|(name, _)| link(name)).collect();
    let named: Vec<_> = search.all("link.identifier").collect();
    if let Some(refusal) = search.ignored.first() {
        return Err(refusal.clone().into());
    }
    let other = match (said.len(), named.as_slice()) {
        (0, []) => None,
        (1, [values]) => Some(holder::local("link.identifier", values)?),
        _ => return Err(invalid("link.identifier", "one value").into()),
    };
    Ok((local, other))
}

fn wrong(place: &str, about: &str) -> Refusal {
    Refusal::new(Cause::ResourceInvalid).at(place).about(about)
}

/// What a `Patient` asks for.
fn asked(state: &FhirState, local: LocalId, patient: &Patient) -> Result<Feed, Refusal> {
    let system = format!("urn:oid:{}", local.domain());
    let same = |i: &Identifier| i.system.as_deref() == Some(&system) && i.value.as_deref() == Some(local.number());
    if !patient.identifier.iter().any(same) {
        return Err(wrong("Patient.identifier", "the identifier of the condition"));
    }
    // An identity that its source says is not validated is linked to no INS.
    let status = patient.extension.iter().find(|e| e.url == FR_CORE_RELIABILITY);
    if status.is_some_and(|extension| !is_qualified(extension)) {
        return Err(Refusal::new(Cause::IdentityMismatch).at("Patient.extension").about("identityStatus"));
    }
    Ok(Feed { local, ins: ins(state, patient)?, traits: traits(patient)?, kind: FeedKind::Revise })
}

/// The one INS among the identifiers, if there is one.
pub(crate) fn ins(state: &FhirState, patient: &Patient) -> Result<Option<Ins>, Refusal> {
    let mut found: Option<Ins> = None;
    for identifier in &patient.identifier {
        let Some(oid) = identifier.system.as_deref().and_then(InsOid::parse) else { continue };
        let ins = Ins::parse(identifier.value.as_deref().unwrap_or_default(), oid, state.desk.ins_tolerance())
            .map_err(|refusal| refusal.at("Patient.identifier"))?;
        if found.as_ref().is_some_and(|known| *known != ins) {
            return Err(Refusal::new(Cause::PatientMismatch).at("Patient.identifier"));
        }
        found = Some(ins);
    }
    Ok(found)
}

/// The strict traits that a `Patient` tells: of names the official one, which is the one at birth.
pub(crate) fn traits(patient: &Patient) -> Result<TraitQuery, Refusal> {
    let official = |name: &&HumanName| name.usage.as_deref() == Some("official");
    let name = patient.name.iter().find(official).or_else(|| patient.name.first());
    let birth_date = match patient.birth_date.as_deref() {
        None => None,
        Some(day) if day.len() == 10 => Some(day.replace('-', "")),
        Some(_) => return Err(Refusal::new(Cause::IdentityMismatch).at("Patient.birthDate")),
    };
    let sex = match patient.gender.as_deref() {
        Some("female") => Some(Sex::F),
        Some("male") => Some(Sex::M),
        _ => None,
    };
    Ok(TraitQuery {
        family: name.and_then(|n| n.family.clone()),
        given: name.and_then(|n| n.given.first().cloned()),
        birth_date,
        sex,
        birth_place: None,
    })
}

/// What is said of another number.
enum Told {
    /// It goes on for this one.
    ReplacedBy(LocalId),
    /// It is the same person's.
    SeeAlso(LocalId),
}

/// The number that goes on for one that is replaced, or that is the same person's.
fn other(patient: &Patient) -> Result<Told, Refusal> {
    let [PatientLink { other, kind }] = patient.link.as_slice() else {
        return Err(wrong("Patient.link", "one link, replaced-by or seealso"));
    };
    let told = match (kind.as_str(), patient.active) {
        ("replaced-by", Some(false)) => Told::ReplacedBy,
        ("seealso", None | Some(true)) => Told::SeeAlso,
        _ => return Err(wrong("Patient.link.type", "replaced-by with active = false, or seealso of an active one")),
    };
    let by_reference =
        || other.reference.as_deref().and_then(|r| r.strip_prefix("Patient?identifier=")).map(str::to_owned);
    let by_identifier = |i: &Identifier| Some(format!("{}|{}", i.system.as_deref()?, i.value.as_deref()?));
    let token = other.identifier.as_ref().and_then(by_identifier).or_else(by_reference);
    let token = token.ok_or_else(|| wrong("Patient.link.other", "identifier, or Patient?identifier=system|value"))?;
    holder::local("identifier", &[token]).map(told).map_err(|refusal| refusal.at("Patient.link.other"))
}
