//! ITI-83 Mobile Patient Identifier Cross-reference Query (PIXm 3.1.0 §2:3.83): `GET|POST Patient/$ihe-pix`, answered by a
//! `Parameters` of identifiers. What may be told to whom is the desk's; nobody is matched by traits.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode, request::Parts},
    response::Response,
};
use desk::{Fault, PersonKey, Reference as Known};
use space::{Cause, InsOid, Oid, Refusal, trace::Act};
use wire_fhir::{Identifier, Limits, Parameter, Parameters, Reference, Resource};

use crate::{
    FhirState, body,
    call::{Call, form_pairs, media_type},
    iti65::refusal,
    respond::{self, Failure},
    search::{holder, invalid, place},
    translate::person,
};

const SOURCE: &str = "sourceIdentifier";
const TARGET: &str = "targetSystem";
/// Parameters of a form or a body are few.
const BODY: usize = 64 * 1024;

/// Answers the operation.
pub(crate) async fn operation_ihe_pix(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (mut call, parts, content) = Call::open(&state, request)?;
    let done = answer(&state, &mut call, &parts, content).await;
    call.conclude(&state, Act::Identify, done).await
}

async fn answer(state: &FhirState, call: &mut Call, parts: &Parts, content: Body) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    if parts.method == Method::POST {
        call.parameters.extend(posted(state, parts, content).await?);
    }
    call.negotiate(&parts.headers)?;
    for (name, _) in &call.parameters {
        if ![SOURCE, TARGET, "_format"].contains(&name.as_str()) {
            return Err(Refusal::new(Cause::QueryParameterUnknown).at(place(name)).into());
        }
    }
    let of = |wanted: &'static str| call.parameters.iter().filter(move |(name, _)| name == wanted).map(|(_, v)| v);
    let mut sources = of(SOURCE);
    let missing = || Refusal::new(Cause::QueryParameterMissing).at(place(SOURCE)).about(SOURCE);
    let key = source(state, sources.next().ok_or_else(missing)?)?;
    if sources.next().is_some() {
        return Err(invalid(SOURCE, "one value").into());
    }
    let targets = of(TARGET).map(|system| target(system)).collect::<Result<Vec<_>, _>>()?;
    let found = state.desk.cross_references(&call.caller, &key, &targets).await.map_err(told)?;
    let mut parameter: Vec<Parameter> = found.references.iter().map(identified).collect();
    if !parameter.is_empty() {
        let id = Reference::to(format!("{}/Patient/{}", call.base, found.holder.space));
        let value = Parameter { name: "targetId".into(), value_reference: Some(id), ..Parameter::default() };
        parameter.push(value);
    }
    Ok(respond::json(StatusCode::OK, &Resource::Parameters(Parameters { parameter })))
}

/// Parameters of a body: a form, or a `Parameters` resource.
async fn posted(state: &FhirState, parts: &Parts, content: Body) -> Result<Vec<(String, String)>, Failure> {
    let limit = state.limits.body.min(BODY);
    if media_type(&parts.headers).as_deref() == Some("application/x-www-form-urlencoded") {
        return form_pairs(&body::collect(content, &parts.headers, limit, state).await?.bytes);
    }
    let received = body::resource(content, &parts.headers, limit, state).await?;
    let read = wire_fhir::parse_resource(&received.bytes, "Parameters", Limits::of_size(BODY));
    let Resource::Parameters(parameters) = read.map_err(|e| refusal(&e))? else {
        return Err(Refusal::new(Cause::ResourceInvalid).at("Parameters").into());
    };
    let text = |parameter: Parameter| {
        let value = parameter.value_string.or(parameter.value_uri).or(parameter.value_code);
        let value = value.ok_or_else(|| Refusal::new(Cause::ResourceInvalid).at("Parameters.parameter.valueString"))?;
        Ok((parameter.name, value))
    };
    parameters.parameter.into_iter().map(text).collect()
}

/// Whom the question is about. A system that is no OID is no domain of this gateway.
fn source(state: &FhirState, value: &str) -> Result<PersonKey, Refusal> {
    let (system, _) = value.split_once('|').ok_or_else(|| invalid(SOURCE, "system|value"))?;
    if !system.starts_with("urn:oid:") || Oid::parse(system).is_err() {
        return Err(Refusal::new(Cause::UnknownDomain).at(place(SOURCE)).about(UNKNOWN_SOURCE));
    }
    holder::key(state, SOURCE, &[value.to_owned()]).map_err(|_| invalid(SOURCE, "system|value"))
}

fn target(system: &str) -> Result<Oid, Refusal> {
    let oid = system.strip_prefix("urn:oid:").and_then(|oid| Oid::parse(oid).ok());
    oid.ok_or_else(|| Refusal::new(Cause::UnknownTargetDomain).at(place(TARGET)).about(UNKNOWN_TARGET))
}

/// The words of PIXm §2:3.83.4.2.2.
const UNKNOWN_SOURCE: &str = "sourceIdentifier Assigning Authority not found";
const UNKNOWN_PATIENT: &str = "sourceIdentifier Patient Identifier not found";
const UNKNOWN_TARGET: &str = "targetSystem not found";

/// What the desk refused, in PIXm's words.
fn told(fault: Fault) -> Fault {
    let Fault::Refused(refusals) = fault else { return fault };
    let word = |refusal: Refusal| match refusal.cause {
        Cause::UnknownDomain => refusal.at(place(SOURCE)).about(UNKNOWN_SOURCE),
        Cause::UnknownIdentifier | Cause::UnknownHolder => refusal.at(place(SOURCE)).about(UNKNOWN_PATIENT),
        Cause::UnknownTargetDomain => refusal.at(place(TARGET)).about(UNKNOWN_TARGET),
        _ => refusal,
    };
    Fault::Refused(refusals.into_iter().map(word).collect())
}

/// A number as FHIR writes it.
pub(crate) fn identifier(known: &Known) -> Identifier {
    match InsOid::parse(known.domain()) {
        Some(oid) => person::ins_identifier(known.number(), oid),
        None => Identifier::new(format!("urn:oid:{}", known.domain()), known.number()),
    }
}

fn identified(known: &Known) -> Parameter {
    Parameter { name: "targetIdentifier".into(), value_identifier: Some(identifier(known)), ..Parameter::default() }
}
