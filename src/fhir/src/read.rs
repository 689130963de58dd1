//! `GET DocumentReference/{id}` and `GET List/{id}` (FHIR R4 http *read*; PDSm consumer): the metadata of one document
//! or set, by the id the registry gave it. What may not be read answers as what does not exist.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use space::{Cause, Refusal, query::EntryQuery, trace::Act};
use wire_fhir::Resource;

use crate::{
    FhirState,
    call::Call,
    respond::{self, Failure},
    translate::{entry_out, ids, set_out},
};

/// Reads a document's metadata.
pub(crate) async fn document_reference(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(&state, request)?;
    let done = one_document(&state, &mut call, &parts, &id).await;
    call.conclude(&state, Act::Lookup, done).await
}

async fn one_document(state: &FhirState, call: &mut Call, parts: &Parts, id: &str) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    let uuid = ids::entry_uuid(id).ok_or_else(|| unknown("DocumentReference.id"))?;
    let query = EntryQuery { entry_uuids: vec![uuid], ..EntryQuery::default() };
    let listing = state.desk.lookup(&call.caller, None, &query).await?;
    let found = listing.documents.first().ok_or_else(|| unknown("DocumentReference.id"))?;
    let resource = entry_out::document_reference(&listing.ins, found, &listing.associations, &call.base);
    let version = found.entry.version;
    Ok(versioned(respond::json(StatusCode::OK, &Resource::DocumentReference(Box::new(resource))), version))
}

/// Reads a submission set.
pub(crate) async fn list(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(&state, request)?;
    let done = one_set(&state, &mut call, &parts, &id).await;
    call.conclude(&state, Act::Find, done).await
}

async fn one_set(state: &FhirState, call: &mut Call, parts: &Parts, id: &str) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    call.negotiate(&parts.headers)?;
    let uuid = ids::entry_uuid(id).ok_or_else(|| unknown("List.id"))?;
    let listing = state.desk.find_sets(&call.caller, None, |set| set.entry_uuid == uuid).await?;
    let (set, members) = listing.sets.first().ok_or_else(|| unknown("List.id"))?;
    let resource = set_out::list(&listing.ins, set, members);
    Ok(versioned(respond::json(StatusCode::OK, &Resource::List(Box::new(resource))), 1))
}

fn unknown(place: &str) -> Refusal {
    Refusal::new(Cause::UnknownDocument).at(place)
}

/// The version as FHIR's weak entity tag.
fn versioned(mut response: Response, version: u32) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
