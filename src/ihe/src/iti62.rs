//! ITI-62 Remove Metadata and ITI-86 Remove Documents: logical deletion, with the rights of TD3.3c.
//!
//! ITI TF-2 §3.62, §3.86. What is removed is shown to nobody and stays in the back office (R.1111-51).

use axum::response::Response;
use desk::{Caller, Removal};
use space::{Cause, Refusal, trace::Act};
use wire_soap::{
    ns::action,
    xds::{RemoveDocumentsRequest, RemoveObjectsRequest},
    xml::Element,
};

use crate::{IheState, answer, errors, receive::Heading};

/// Objects in one request, at most.
const MOST: usize = 500;

/// A request, read.
pub(crate) struct Request {
    removal: Removal,
    place: String,
    /// A repository it names that is not this one.
    elsewhere: bool,
}

impl Request {
    /// Reads ITI-62.
    pub(crate) fn metadata(body: Element<'_, '_>) -> Result<Self, Refusal> {
        let message = RemoveObjectsRequest::read(body).map_err(|e| errors::of_message(&e))?;
        let ids = message.objects.into_iter().map(|object| object.id).collect();
        Self::of(Removal::Metadata(ids), body.path(), false)
    }

    /// Reads ITI-86.
    pub(crate) fn documents(state: &IheState, body: Element<'_, '_>) -> Result<Self, Refusal> {
        let message = RemoveDocumentsRequest::read(body).map_err(|e| errors::of_message(&e))?;
        let elsewhere = message.requests.iter().any(|r| r.repository != state.repository.as_str());
        let ids = message.requests.into_iter().map(|request| request.document).collect();
        Self::of(Removal::Documents(ids), body.path(), elsewhere)
    }

    fn of(removal: Removal, place: String, elsewhere: bool) -> Result<Self, Refusal> {
        let (Removal::Metadata(ids) | Removal::Documents(ids)) = &removal;
        if ids.len() > MOST {
            return Err(Refusal::new(Cause::TooManyResults).at(place).about(MOST.to_string()));
        }
        Ok(Self { removal, place, elsewhere })
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let answered = match request.removal {
        Removal::Metadata(_) => action::REMOVE_METADATA_RESPONSE,
        Removal::Documents(_) => action::REMOVE_DOCUMENTS_RESPONSE,
    };
    let done = if request.elsewhere {
        let refusal = Refusal::new(Cause::UnknownRepository).at(request.place);
        Err(state.desk.refused(caller, Act::Delete, vec![refusal]).await)
    } else {
        state.desk.remove(caller, &request.removal, &request.place).await
    };
    answer::registry_response(state, answered, heading, done)
}
