//! `Observation` and `Device`: the measures of a holder (API Mesures 1.5.2; FHIR R4 http). Read and given back as they came,
//! each version; the body mass index is calculated, never taken.

mod find;
mod out;
mod read_in;
mod transaction;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use desk::{DatumRead, Kept, NewMeasure};
use space::{
    Cause, Refusal,
    data::{DatumKind, StoredDatum},
    trace::Act,
};
use wire_fhir::{Answered, Bundle, BundleType, Entry, Limits};

pub(crate) use find::find;
pub(crate) use transaction::{is_transaction, transaction};

use crate::{
    FhirState, body,
    call::Call,
    iti65::refusal,
    respond::{self, Failure},
};

/// Largest `Observation`, in bytes.
pub(crate) const BODY: usize = 256 * 1024;

/// Puts a measure in (FHIR R4 http *create*).
pub(crate) async fn create(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (mut call, parts, content) = Call::open(&state, request)?;
    let done = created(&state, &mut call, &parts, content).await;
    call.conclude(&state, Act::AddData, done).await
}

async fn created(state: &FhirState, call: &mut Call, parts: &Parts, content: Body) -> Result<Response, Failure> {
    // A condition that is not served is never passed over: the caller counts on it.
    if parts.headers.contains_key("if-none-exist") {
        return Err(Refusal::new(Cause::PreconditionInvalid).at("If-None-Exist").into());
    }
    let (observation, came) = observation(state, call, parts, content).await?;
    let (kinds, tolerance) = (&state.desk.terms().measures, state.desk.ins_tolerance());
    let read = read_in::measure(&observation, "Observation", kinds, tolerance, &call.base)?;
    let new = NewMeasure { measure: &read.measure, original: &|_| wire_fhir::kept(&came, &[]).ok(), device: None };
    let kept = state.desk.add_measure(&call.caller, &read.whose, new).await?;
    Ok(answered(state, call, &parts.headers, StatusCode::CREATED, &kept))
}

async fn observation(
    state: &FhirState,
    call: &mut Call,
    parts: &Parts,
    content: Body,
) -> Result<(wire_fhir::Observation, String), Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    let received = body::resource(content, &parts.headers, state.limits.body.min(BODY), state).await?;
    wire_fhir::parse_observation(&received.bytes, Limits::of_size(BODY)).map_err(|e| refusal(&e).into())
}

/// Says whether a measure would be taken, and puts nothing in (`$validate`): the verdict of *create*, every cause of it.
pub(crate) async fn validate(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let (mut call, parts, content) = Call::open(&state, request)?;
    let judged = judged(&state, &mut call, &parts, content).await;
    match call.conclude(&state, Act::AddData, judged).await {
        Ok(()) => Ok(respond::json(StatusCode::OK, &respond::done())),
        // Who may not put it in, or whose request cannot be read, is told so; what is wrong in the resource is the answer.
        Err(failure) if failure.is_about_content() => Ok(failure.as_verdict()),
        Err(failure) => Err(failure),
    }
}

async fn judged(state: &FhirState, call: &mut Call, parts: &Parts, content: Body) -> Result<(), Failure> {
    state.desk.may_add_measure(&call.caller).await?;
    let (observation, _) = observation(state, call, parts, content).await?;
    let (kinds, tolerance) = (&state.desk.terms().measures, state.desk.ins_tolerance());
    let read = read_in::measure(&observation, "Observation", kinds, tolerance, &call.base)?;
    Ok(state.desk.validate_measure(&call.caller, &read.whose, &read.measure).await?)
}

/// Reads a measure, or the index calculated from one (*read*).
pub(crate) async fn read(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    one(&state, request, DatumKind::Measure, &id, None).await
}

/// Reads a device (*read*).
pub(crate) async fn read_device(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    one(&state, request, DatumKind::Device, &id, None).await
}

/// Reads a version of a measure (*vread*).
pub(crate) async fn vread(
    State(state): State<FhirState>,
    Path((id, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    one(&state, request, DatumKind::Measure, &id, Some(&version)).await
}

/// Reads a version of a device (*vread*).
pub(crate) async fn vread_device(
    State(state): State<FhirState>,
    Path((id, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    one(&state, request, DatumKind::Device, &id, Some(&version)).await
}

async fn one(
    state: &FhirState,
    request: Request,
    kind: DatumKind,
    id: &str,
    version: Option<&str>,
) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(state, request)?;
    let done = told(state, &mut call, &parts, kind, id, version).await;
    call.conclude(state, Act::ReadData, done).await
}

async fn told(
    state: &FhirState,
    call: &mut Call,
    parts: &Parts,
    kind: DatumKind,
    id: &str,
    version: Option<&str>,
) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    let unknown = || Refusal::new(Cause::UnknownDatum).at(format!("{}.id", out::type_of(kind)));
    if !is_id(id) {
        return Err(unknown().into());
    }
    let number = version.map(|text| text.parse::<u32>().map_err(|_| unknown())).transpose()?;
    let DatumRead { space, versions, .. } = state.desk.read_datum(&call.caller, kind, id, number).await?;
    let stored = versions.first().ok_or_else(unknown)?;
    let text = out::text(stored, space, &state.desk.terms().measures);
    let text = text.ok_or_else(|| Refusal::new(Cause::DatumRemoved))?;
    if out::is_calculated(stored) {
        return Ok(respond::resource(StatusCode::OK, text.into()));
    }
    if version.is_none() && not_modified(&parts.headers, stored) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        respond::secure(response.headers_mut());
        versioned(&mut response, stored);
        return Ok(response);
    }
    let mut response = respond::resource(StatusCode::OK, text.into());
    versioned(&mut response, stored);
    Ok(response)
}

/// Whether the caller has that version already (FHIR R4 http *cread*).
fn not_modified(headers: &HeaderMap, stored: &StoredDatum) -> bool {
    if let Some(asked) = headers.get(header::IF_NONE_MATCH) {
        let has = |text: &str| text.trim() == "*" || tags(text).is_some_and(|tags| tags.contains(&stored.version));
        return asked.to_str().is_ok_and(has);
    }
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|v| v.to_str().ok());
    let since = since.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    since.is_some_and(|since| stored.recorded_ms / 1000 <= since.timestamp().as_second())
}

/// The versions of a measure, newest first (*history-instance*).
pub(crate) async fn history(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(&state, request)?;
    let done = versions(&state, &mut call, &parts, &id).await;
    call.conclude(&state, Act::ReadData, done).await
}

async fn versions(state: &FhirState, call: &mut Call, parts: &Parts, id: &str) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    if !is_id(id) {
        return Err(Refusal::new(Cause::UnknownDatum).at("Observation.id").into());
    }
    let DatumRead { space, versions, .. } = state.desk.datum_versions(&call.caller, DatumKind::Measure, id).await?;
    let gone = versions.first().is_some_and(|v| v.datum.is_none());
    let entry = versions.iter().filter(|v| v.datum.is_some() || gone).map(|stored| {
        let resource = out::raw(stored, space, &state.desk.terms().measures);
        let is_first = stored.version == 1;
        // Of what was taken away only the last version says how it ended; those before are told to have been.
        let method = match (&resource, is_first) {
            (_, true) => "POST",
            (None, _) if Some(stored.version) == versions.first().map(|v| v.version) => "DELETE",
            _ => "PUT",
        };
        Entry {
            full_url: Some(format!("{}/Observation/{id}", call.base)),
            resource: resource.map(Answered::Match),
            search: None,
            request: Some(wire_fhir::AnsweredRequest {
                method,
                url: if is_first { "Observation".to_owned() } else { format!("Observation/{id}") },
            }),
            response: Some(wire_fhir::Response {
                status: if is_first { "201" } else { "200" },
                location: None,
                etag: Some(format!("W/\"{}\"", stored.version)),
                last_modified: Some(out::instant(stored.recorded_ms)),
            }),
        }
    });
    let entry: Vec<_> = entry.collect();
    let bundle = Bundle {
        kind: "history",
        // All there are, of which the newest are told.
        total: versions.first().and_then(|v| usize::try_from(v.version).ok()),
        link: vec![wire_fhir::Link { relation: "self", url: format!("{}/Observation/{id}/_history", call.base) }],
        entry,
        meta: None,
        id: None,
        resource_type: BundleType::Bundle,
    };
    Ok(respond::json(StatusCode::OK, &bundle))
}

/// Gives a measure a new version (*update*); none is made where there was none.
pub(crate) async fn update(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, content) = Call::open(&state, request)?;
    let done = updated(&state, &mut call, &parts, content, &id).await;
    call.conclude(&state, Act::ChangeData, done).await
}

async fn updated(
    state: &FhirState,
    call: &mut Call,
    parts: &Parts,
    content: Body,
    id: &str,
) -> Result<Response, Failure> {
    let expected = if_match(&parts.headers)?;
    // Only to be made where nothing is: nothing is made by an update here.
    if parts.headers.contains_key(header::IF_NONE_MATCH) {
        return Err(Refusal::new(Cause::DatumChanged).at("If-None-Match").into());
    }
    let (observation, came) = observation(state, call, parts, content).await?;
    if observation.id.as_deref() != Some(id) || !is_id(id) {
        return Err(Refusal::new(Cause::IdMismatch).at("Observation.id").into());
    }
    let (kinds, tolerance) = (&state.desk.terms().measures, state.desk.ins_tolerance());
    let read = read_in::measure(&observation, "Observation", kinds, tolerance, &call.base)?;
    let new = NewMeasure { measure: &read.measure, original: &|_| wire_fhir::kept(&came, &[]).ok(), device: None };
    let kept = state.desk.change_measure(&call.caller, id, &read.whose, new, &expected).await?;
    Ok(answered(state, call, &parts.headers, StatusCode::OK, &kept))
}

/// Takes a measure away with all its versions (*delete*).
pub(crate) async fn delete(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(&state, request)?;
    let done = deleted(&state, &mut call, &parts, &id).await;
    call.conclude(&state, Act::RemoveData, done).await
}

async fn deleted(state: &FhirState, call: &mut Call, parts: &Parts, id: &str) -> Result<Response, Failure> {
    let expected = if_match(&parts.headers)?;
    call.read_parameters(parts)?;
    if !is_id(id) {
        return Err(Refusal::new(Cause::UnknownDatum).at("Observation.id").into());
    }
    let version = state.desk.remove_datum(&call.caller, DatumKind::Measure, id, &expected).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    respond::secure(response.headers_mut());
    if let Some(version) = version {
        tag(&mut response, version);
    }
    Ok(response)
}

/// What a creation or change is answered with, as the caller prefers (FHIR R4 http *ops*).
fn answered(state: &FhirState, call: &Call, headers: &HeaderMap, status: StatusCode, kept: &Kept) -> Response {
    let stored = &kept.stored;
    let mut response = match preferred(headers) {
        Some("minimal") => {
            let mut bare = status.into_response();
            respond::secure(bare.headers_mut());
            bare
        }
        Some("OperationOutcome") => respond::json(status, &respond::done()),
        _ => match out::text(stored, kept.space, &state.desk.terms().measures) {
            Some(text) => respond::resource(status, text.into()),
            None => status.into_response(),
        },
    };
    let location = format!("{}/Observation/{}/_history/{}", call.base, stored.id, stored.version);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    versioned(&mut response, stored);
    response
}

/// What the caller wants to get back (`Prefer: return=…`).
fn preferred(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all("prefer").iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split([',', ';'])).find_map(|p| p.trim().strip_prefix("return=")).map(str::trim)
}

/// `ETag` and `Last-Modified` of a version.
fn versioned(response: &mut Response, stored: &StoredDatum) {
    tag(response, stored.version);
    let at = jiff::Timestamp::from_millisecond(stored.recorded_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let at = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at);
    if let Some(at) = at.ok().and_then(|at| HeaderValue::from_str(&at).ok()) {
        response.headers_mut().insert(header::LAST_MODIFIED, at);
    }
}

fn tag(response: &mut Response, version: u32) {
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// The versions that `If-Match` allows; none when it says nothing, or any (RFC 9110 §13.1.1). What cannot be read is never
/// taken for no condition.
fn if_match(headers: &HeaderMap) -> Result<Vec<u32>, Refusal> {
    let mut versions = Vec::new();
    for value in headers.get_all(header::IF_MATCH) {
        let invalid = || Refusal::new(Cause::PreconditionInvalid).at("If-Match");
        let text = value.to_str().map_err(|_| invalid())?;
        if text.trim() == "*" {
            continue;
        }
        versions.extend(tags(text).ok_or_else(invalid)?);
    }
    Ok(versions)
}

/// Entity tags of versions, weak or strong; versions that never were match nothing.
fn tags(text: &str) -> Option<Vec<u32>> {
    let one = |tag: &str| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
        Some(tag.parse().unwrap_or(0))
    };
    text.split(',').map(one).collect()
}

/// Whether a text may be an id here: a UUID, also after what the id of an index begins with.
fn is_id(id: &str) -> bool {
    let id = id.strip_prefix("bmi-").unwrap_or(id);
    id.len() == 36 && uuid::Uuid::try_parse(id).is_ok() && !id.bytes().any(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_read_whole_or_refused() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_MATCH, value.parse().expect("a header"));
            }
            if_match(&headers).map_err(|r| r.cause)
        };
        assert_eq!(of(&[]), Ok(vec![]));
        assert_eq!(of(&["*"]), Ok(vec![]));
        assert_eq!(of(&["W/\"3\""]), Ok(vec![3]));
        assert_eq!(of(&["W/\"3\", \"4\"", "W/\"5\""]), Ok(vec![3, 4, 5]));
        assert_eq!(of(&["W/\"x\""]), Ok(vec![0]), "matches nothing");
        for bad in ["3", "W/3", "", "\"3"] {
            assert_eq!(of(&[bad]), Err(Cause::PreconditionInvalid), "{bad}");
        }
    }
}
