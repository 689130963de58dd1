//! ITI-43 Retrieve Document Set (DMP TD3.2): documents come out, byte for byte as they went in.
//!
//! ITI TF-2 §3.43. Each document is decided, traced and answered by itself; what is refused stands beside what is given.

use std::collections::HashSet;

use axum::{http::StatusCode, response::Response};
use desk::{Caller, DocumentKey, Fault, Fetched, StoredBody};
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

/// What is given: documents, and their bytes in the same order.
#[derive(Default)]
struct Given {
    documents: Vec<DocumentResponse>,
    parts: Vec<Part>,
}

impl Given {
    fn add(&mut self, home: Option<String>, asked: Retrieval, mime_type: String, size: u64, body: StoredBody) {
        let content_id = format!("document{}@passerelle", self.documents.len() + 1);
        self.documents.push(DocumentResponse {
            home,
            repository: asked.repository,
            document: asked.document,
            mime_type: mime_type.clone(),
            content: DocumentContent::Include(content_id.clone()),
        });
        self.parts.push(Part { content_id, mime_type, size, body });
    }
}

/// Carries the transaction out: what is decided here, of documents here and leave to read others', is traced in one
/// transaction; then others are asked.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let is_gateway = heading.kind == Some(Kind::Iti39);
    let mut requests = request.0.requests;
    let away = match elsewhere(state, caller, is_gateway, &mut requests).await {
        Ok(away) => away,
        Err(fault) => return failure(state, heading, &fault.refusals()),
    };
    let keys = requests.iter().map(|asked| key(state, is_gateway, asked)).collect();
    let ids = away.iter().flat_map(|(_, wanted)| wanted).map(|one| one.document.clone()).collect();
    let (fetched, leave) = match state.desk.fetch_beside(caller, keys, ids).await {
        Ok(read) => read,
        Err(fault) => {
            if let Fault::Store(error) = &fault {
                tracing::error!(error = %error, "iti43.failed");
            }
            let place = requests.first().map(|asked| asked.place.0.clone()).unwrap_or_default();
            let refusals: Vec<_> = fault.refusals().into_iter().map(|r| r.or_at(|| place.clone())).collect();
            return failure(state, heading, &refusals);
        }
    };
    let mut given = Given::default();
    let (theirs, further) = match leave {
        Ok(()) => beyond::retrieve(caller, &away).await,
        Err(refusals) => (Vec::new(), refusals.iter().map(errors::registry_error).collect()),
    };
    for (home, Retrieved { repository, document, mime_type, bytes }) in theirs {
        let size = bytes.len() as u64;
        given.add(home, Retrieval { repository, document }, mime_type, size, StoredBody::Whole(bytes));
    }
    let home = state.home_urn().filter(|_| is_gateway || !state.others.is_empty());
    let mut refused = Vec::new();
    for (asked, fetched) in requests.into_iter().zip(fetched) {
        match fetched {
            Ok(Fetched { entry, size, body }) => {
                let asked = Retrieval { repository: asked.repository, document: asked.document };
                given.add(home.clone(), asked, entry.mime_type, size, body);
            }
            Err(refusals) => refused.extend(refusals.into_iter().map(|r| r.or_at(|| asked.place.0.clone()))),
        }
    }
    if !refused.is_empty() {
        tracing::info!(cause = refused[0].cause.code(), "iti43.refused");
    }
    send(state, heading, &refused, further, given)
}

/// Which document of here is meant.
fn key(state: &IheState, is_gateway: bool, asked: &DocumentRequest) -> Result<DocumentKey, Refusal> {
    if is_gateway && asked.home.as_deref().is_none_or(|home| home.trim().is_empty()) {
        return Err(Refusal::new(Cause::MissingCommunity).at(&asked.place.0).about("HomeCommunityId"));
    }
    state.knows_community(asked.home.as_deref(), &asked.place.0)?;
    if asked.repository == state.repository.as_str() {
        Ok(DocumentKey::UniqueId(asked.document.clone()))
    } else {
        Err(Refusal::new(Cause::UnknownRepository).at(&asked.place.0))
    }
}

/// Takes out of a request what another is to be asked: what names another community, or another's repository, and what
/// the gateway upstream may have and is not registered here.
async fn elsewhere<'a>(
    state: &'a IheState,
    caller: &Caller,
    is_gateway: bool,
    requests: &mut Vec<DocumentRequest>,
) -> Result<Vec<(&'a Other, Vec<Retrieval>)>, Fault> {
    // A community answers for itself.
    if is_gateway || state.others.is_empty() {
        return Ok(Vec::new());
    }
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

/// Answers with what was refused.
pub(crate) fn failure(state: &IheState, heading: &Heading, refusals: &[Refusal]) -> Response {
    send(state, heading, refusals, Vec::new(), Given::default())
}

fn send(
    state: &IheState,
    heading: &Heading,
    refused: &[Refusal],
    further: Vec<RegistryError>,
    Given { documents, parts }: Given,
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
