//! ITI-43 Retrieve Document Set (DMP TD3.2): documents come out, byte for byte as they went in.
//!
//! ITI TF-2 §3.43. Each document is decided, traced and answered by itself; what is refused stands beside what is given.

use std::collections::HashSet;

use axum::{http::StatusCode, response::Response};
use desk::{Caller, DocumentKey, Fault};
use space::{Cause, Refusal};
use wire_soap::{
    ns::action,
    xds::{
        DocumentContent, DocumentRequest, DocumentResponse, RegistryError, RegistryResponse, ResponseStatus,
        RetrieveDocumentSetRequest, RetrieveDocumentSetResponse, Severity,
    },
    xml::Element,
};

use crate::{
    IheState, Other,
    answer::{self, Part},
    beyond,
    client::{Retrieval, Retrieved},
    errors,
    receive::Heading,
    service::Kind,
};

/// Documents in one request, at most.
const MOST: usize = 100;

/// A request, read.
pub(crate) struct Request(RetrieveDocumentSetRequest);

impl Request {
    pub(crate) fn read(body: Element<'_, '_>) -> Result<Self, Refusal> {
        let message = RetrieveDocumentSetRequest::read(body).map_err(|e| errors::of_message(&e))?;
        if message.requests.len() > MOST {
            return Err(Refusal::new(Cause::TooManyResults).at(body.path()).about(MOST.to_string()));
        }
        Ok(Self(message))
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let mut documents = Vec::new();
    let mut parts = Vec::new();
    let mut refused = Vec::new();
    let is_gateway = heading.kind == Some(Kind::Iti39);
    let home = state.home_urn().filter(|_| is_gateway || !state.others.is_empty());
    let mut requests = request.0.requests;
    let mut further = Vec::new();
    if !is_gateway && !state.others.is_empty() {
        match elsewhere(state, caller, &mut requests).await {
            Ok(away) => {
                let (given, errors) = fetch_elsewhere(caller, state, away).await;
                further = errors;
                for (home, one) in given {
                    let content_id = format!("elsewhere{}@passerelle", documents.len() + 1);
                    let size = one.bytes.len() as u64;
                    documents.push(DocumentResponse {
                        home,
                        repository: one.repository,
                        document: one.document,
                        mime_type: one.mime_type.clone(),
                        content: DocumentContent::Include(content_id.clone()),
                    });
                    let body = desk::StoredBody::Whole(one.bytes);
                    parts.push(Part { content_id, mime_type: one.mime_type, size, body });
                }
            }
            Err(fault) => return failure(state, heading, &fault.refusals()),
        }
        if requests.is_empty() {
            return send(state, heading, &[], further, documents, parts);
        }
    }
    let keys = requests.iter().map(|asked| {
        if is_gateway && asked.home.as_deref().is_none_or(|home| home.trim().is_empty()) {
            return Err(Refusal::new(Cause::MissingCommunity).at(&asked.place.0).about("HomeCommunityId"));
        }
        state.knows_community(asked.home.as_deref(), &asked.place.0)?;
        if asked.repository == state.repository.as_str() {
            Ok(DocumentKey::UniqueId(asked.document.clone()))
        } else {
            Err(Refusal::new(Cause::UnknownRepository).at(&asked.place.0))
        }
    });
    let fetched = match state.desk.fetch_all(caller, keys.collect()).await {
        Ok(fetched) => fetched,
        Err(fault) => {
            if let Fault::Store(error) = &fault {
                tracing::error!(error = %error, "iti43.failed");
            }
            let place = requests.first().map(|asked| asked.place.0.clone()).unwrap_or_default();
            refused.extend(fault.refusals().into_iter().map(|r| r.or_at(|| place.clone())));
            Vec::new()
        }
    };
    for (index, (asked, fetched)) in requests.into_iter().zip(fetched).enumerate() {
        match fetched {
            Ok(fetched) => {
                let content_id = format!("document{}@passerelle", index + 1);
                documents.push(DocumentResponse {
                    home: home.clone(),
                    repository: asked.repository,
                    document: asked.document,
                    mime_type: fetched.entry.mime_type.clone(),
                    content: DocumentContent::Include(content_id.clone()),
                });
                let mime_type = fetched.entry.mime_type;
                parts.push(Part { content_id, mime_type, size: fetched.size, body: fetched.body });
            }
            Err(refusals) => {
                refused.extend(refusals.into_iter().map(|r| r.or_at(|| asked.place.0.clone())));
            }
        }
    }
    if !refused.is_empty() {
        tracing::info!(cause = refused[0].cause.code(), "iti43.refused");
    }
    send(state, heading, &refused, further, documents, parts)
}

/// Takes out of a request what another is to be asked: what names another community, or another's repository, and what
/// the gateway upstream may have and is not registered here.
async fn elsewhere<'a>(
    state: &'a IheState,
    caller: &Caller,
    requests: &mut Vec<DocumentRequest>,
) -> Result<Vec<(&'a Other, Vec<Retrieval>)>, Fault> {
    let upstream = |repository: &str| state.others.iter().find(|other| other.repository.as_deref() == Some(repository));
    let community = |asked: &DocumentRequest| {
        let home = asked.home.as_deref().filter(|home| !home.trim().is_empty());
        home.map(|home| state.community(home))
    };
    // What is registered here is given by the rules of here, whoever else has it.
    let goes = |r: &&DocumentRequest| match community(r) {
        Some(other) => other.is_some(),
        None => upstream(&r.repository).is_some(),
    };
    let ids: Vec<String> = requests.iter().filter(goes).map(|r| r.document.clone()).collect();
    let here = if ids.is_empty() { HashSet::new() } else { state.desk.registered_here(caller, &ids).await? };
    let mut away: Vec<(&Other, Vec<Retrieval>)> = Vec::new();
    requests.retain_mut(|asked| {
        let other = community(asked).unwrap_or_else(|| upstream(&asked.repository));
        let Some(other) = other else { return true };
        if here.contains(&asked.document) {
            asked.home = None;
            asked.repository = state.repository.as_str().to_owned();
            return true;
        }
        let one = Retrieval { repository: asked.repository.clone(), document: asked.document.clone() };
        match away.iter_mut().find(|(known, _)| known.name == other.name) {
            Some((_, wanted)) => wanted.push(one),
            None => away.push((other, vec![one])),
        }
        false
    });
    Ok(away)
}

/// Reads documents of others: by leave given and traced here, then as the others decide.
async fn fetch_elsewhere(
    caller: &Caller,
    state: &IheState,
    away: Vec<(&Other, Vec<Retrieval>)>,
) -> (Vec<(Option<String>, Retrieved)>, Vec<RegistryError>) {
    let ids: Vec<String> = away.iter().flat_map(|(_, wanted)| wanted).map(|one| one.document.clone()).collect();
    if ids.is_empty() {
        return (Vec::new(), Vec::new());
    }
    match state.desk.fetch_beyond(caller, ids).await {
        Ok(()) => beyond::retrieve(caller, &away).await,
        Err(fault) => (Vec::new(), fault.refusals().iter().map(errors::registry_error).collect()),
    }
}

/// Answers with what was refused.
pub(crate) fn failure(state: &IheState, heading: &Heading, refusals: &[Refusal]) -> Response {
    send(state, heading, refusals, Vec::new(), Vec::new(), Vec::new())
}

fn send(
    state: &IheState,
    heading: &Heading,
    refused: &[Refusal],
    further: Vec<RegistryError>,
    documents: Vec<DocumentResponse>,
    parts: Vec<Part>,
) -> Response {
    let mut errors = match errors::registry_errors(refused) {
        Ok(errors) => errors,
        Err(fault) => return answer::fault(state, heading, fault),
    };
    errors.extend(further);
    let is_whole = errors.iter().all(|error| error.severity == Severity::Warning);
    let status = match (documents.is_empty(), is_whole) {
        (_, true) => ResponseStatus::Success,
        (true, false) => ResponseStatus::Failure,
        (false, false) => ResponseStatus::PartialSuccess,
    };
    let response = RetrieveDocumentSetResponse { response: RegistryResponse { status, errors }, documents };
    let action = match heading.kind {
        Some(Kind::Iti39) => action::CROSS_GATEWAY_RETRIEVE_RESPONSE,
        _ => action::RETRIEVE_DOCUMENT_SET_RESPONSE,
    };
    let xml = answer::envelope(state, action, heading, 2048, |out| response.write(out));
    let mut response = answer::package(state, action, xml, parts);
    *response.status_mut() = StatusCode::OK;
    response
}
