//! ITI-43 Retrieve Document Set (DMP TD3.2): documents come out, byte for byte as they went in.
//!
//! ITI TF-2 §3.43. Each document is decided, traced and answered by itself; what is refused stands beside what is given.

use axum::{http::StatusCode, response::Response};
use desk::{Caller, DocumentKey, Fault};
use space::{Cause, Refusal};
use wire_soap::{
    ns::action,
    xds::{
        DocumentContent, DocumentResponse, RegistryResponse, ResponseStatus, RetrieveDocumentSetRequest,
        RetrieveDocumentSetResponse,
    },
    xml::Element,
};

use crate::{
    IheState,
    answer::{self, Part},
    errors,
    receive::Heading,
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
    let keys = request.0.requests.iter().map(|asked| {
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
            let place = request.0.requests.first().map(|asked| asked.place.0.clone()).unwrap_or_default();
            refused.extend(fault.refusals().into_iter().map(|r| r.or_at(|| place.clone())));
            Vec::new()
        }
    };
    for (index, (asked, fetched)) in request.0.requests.into_iter().zip(fetched).enumerate() {
        match fetched {
            Ok(fetched) => {
                let content_id = format!("document{}@passerelle", index + 1);
                documents.push(DocumentResponse {
                    home: None,
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
    let status = match (documents.is_empty(), refused.is_empty()) {
        (_, true) => ResponseStatus::Success,
        (true, false) => ResponseStatus::Failure,
        (false, false) => ResponseStatus::PartialSuccess,
    };
    send(state, heading, status, &refused, documents, parts)
}

/// Answers with what was refused.
pub(crate) fn failure(state: &IheState, heading: &Heading, refusals: &[Refusal]) -> Response {
    send(state, heading, ResponseStatus::Failure, refusals, Vec::new(), Vec::new())
}

fn send(
    state: &IheState,
    heading: &Heading,
    status: ResponseStatus,
    refused: &[Refusal],
    documents: Vec<DocumentResponse>,
    parts: Vec<Part>,
) -> Response {
    let errors = match errors::registry_errors(refused) {
        Ok(errors) => errors,
        Err(fault) => return answer::fault(state, heading, fault),
    };
    let response = RetrieveDocumentSetResponse { response: RegistryResponse { status, errors }, documents };
    let action = action::RETRIEVE_DOCUMENT_SET_RESPONSE;
    let xml = answer::envelope(state, action, heading, 2048, |out| response.write(out));
    let mut response = answer::package(state, action, xml, parts);
    *response.status_mut() = StatusCode::OK;
    response
}
