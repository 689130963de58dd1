//! ITI-57 Update Document Set (DMP TD3.3a to TD3.3d) and ITI-92 Restricted Update Document Set.
//!
//! ITI TF-2 §3.57, §3.92: new versions of metadata, changes of state, links between what is there.

use axum::response::Response;
use desk::{Caller, Original, UpdateRequest};
use space::Refusal;
use wire_soap::{
    ns::action,
    xml::{Element, Tree},
};

use crate::{IheState, answer, iti42, receive::Heading};

/// A request, read and translated.
pub(crate) struct Request(UpdateRequest);

impl Request {
    pub(crate) fn read(
        state: &IheState,
        body: Element<'_, '_>,
        tree: &Tree<'_>,
        restricted: bool,
    ) -> Result<Self, Refusal> {
        let (submission, bytes) = iti42::submit_objects(state, body, tree)?;
        let original = Original { media_type: "application/xml", bytes };
        Ok(Self(UpdateRequest { submission, original, restricted }))
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    let answered =
        if request.0.restricted { action::RESTRICTED_UPDATE_RESPONSE } else { action::UPDATE_DOCUMENT_SET_RESPONSE };
    let done = state.desk.update(caller, &request.0).await;
    answer::registry_response(state, answered, heading, done)
}
