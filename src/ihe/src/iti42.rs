//! ITI-42 Register Document Set-b and ITI-61 Register On-Demand Document Entry: documents that stand in another
//! repository, or are made when they are asked for, come into the registry alone.
//!
//! ITI TF-2 §3.42, §3.61.

use axum::response::Response;
use desk::{Caller, DepositRequest, EntryBody, Original};
use space::{Cause, EntryKind, Refusal, Submission};
use wire_soap::{
    ns::action,
    xds::SubmitObjectsRequest,
    xml::{Element, Tree},
};

use crate::{IheState, answer, errors, iti41, receive::Heading, translate};

/// A request, read and translated.
pub(crate) struct Request {
    submission: Submission,
    original: Vec<u8>,
    kind: EntryKind,
}

impl Request {
    pub(crate) fn read(
        state: &IheState,
        body: Element<'_, '_>,
        tree: &Tree<'_>,
        kind: EntryKind,
    ) -> Result<Self, Refusal> {
        let (submission, original) = submit_objects(state, body, tree)?;
        let wrong = submission.documents.iter().find(|d| d.entry.kind != kind);
        match wrong {
            Some(d) => Err(Refusal::new(Cause::MetadataObject).at(&d.place).about("objectType")),
            None => Ok(Self { submission, original, kind }),
        }
    }
}

/// Reads a bare `SubmitObjectsRequest`: what it submits, and its text.
pub(crate) fn submit_objects(
    state: &IheState,
    body: Element<'_, '_>,
    tree: &Tree<'_>,
) -> Result<(Submission, Vec<u8>), Refusal> {
    let message = SubmitObjectsRequest::read(body).map_err(|e| errors::of_message(&e))?;
    let original = tree.source().get(body.source_range()).unwrap_or_default().as_bytes().to_vec();
    Ok((translate::submission(&message.objects, state.repository.as_str(), &iti41::now(state))?, original))
}

/// The action of the answer.
const fn answered(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Stable => action::REGISTER_RESPONSE,
        EntryKind::OnDemand => action::REGISTER_ON_DEMAND_RESPONSE,
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let bodies = request.submission.documents.iter().map(|_| EntryBody::Elsewhere).collect();
    let original = Original { media_type: "application/xml", bytes: request.original };
    let deposit = DepositRequest { submission: request.submission, bodies, original, fill_in: false };
    let done = state.desk.deposit(caller, deposit).await;
    answer::registry_response(state, answered(request.kind), heading, done.map(drop))
}
