//! ITI-41 Provide and Register Document Set-b (DMP TD2.1): a submission goes in, all of it or nothing.
//!
//! ITI TF-2 §3.41. Documents are hashed and staged as they arrive, in constant memory; nothing is registered before the
//! last of them is whole.

use axum::response::Response;
use desk::{Caller, DepositRequest, EntryBody, Fault, Original, StagedBody};
use space::{Cause, Dtm, EntryKind, Refusal, Submission, trace::Act};
use wire_soap::{
    multipart::Multipart,
    ns::action,
    xds::{DocumentContent, ProvideAndRegisterDocumentSetRequest, RegistryResponse, ResponseStatus, match_documents},
    xml::{Element, Tree},
};

use crate::{
    IheState, answer, errors,
    receive::{self, Heading, Incoming},
    translate,
};

/// A request, read and translated; its documents may still be on their way.
pub(crate) struct Request {
    submission: Submission,
    /// For each document of the submission: where its bytes are.
    contents: Vec<DocumentContent>,
    /// The `SubmitObjectsRequest` as it came.
    original: Vec<u8>,
}

impl Request {
    pub(crate) fn read(state: &IheState, body: Element<'_, '_>, tree: &Tree<'_>) -> Result<Self, Refusal> {
        let message = ProvideAndRegisterDocumentSetRequest::read(body).map_err(|e| errors::of_message(&e))?;
        let matched = match_documents(&message.objects, &message.documents).map_err(|e| errors::of_message(&e))?;
        let original = tree.source().get(message.submit_objects.clone()).unwrap_or_default().as_bytes().to_vec();
        let mut submission = translate::submission(&message.objects, state.repository.as_str(), &now(state))?;
        for document in &mut submission.documents {
            if document.entry.kind == EntryKind::OnDemand {
                return Err(Refusal::new(Cause::MetadataObject).at(&document.place).about("objectType"));
            }
            // It comes with the message: this repository's, whatever the sender says.
            document.entry.repository = None;
        }
        // Pairs come in the order of the extrinsic objects, which is that of the submission's documents.
        let contents = matched.iter().map(|pair| message.documents[pair.document].content.clone()).collect();
        Ok(Self { submission, contents, original })
    }
}

/// The present, as metadata say it.
pub(crate) fn now(state: &IheState) -> Dtm {
    Dtm::from_timestamp(state.desk.clock().now())
}

/// Carries the transaction out.
pub(crate) async fn handle(
    state: &IheState,
    heading: &Heading,
    caller: &Caller,
    request: Request,
    parts: Option<Multipart<Incoming>>,
) -> Response {
    let Request { submission, contents, original } = request;
    if let Err(fault) = state.desk.may_deposit(caller).await {
        receive::drain(parts, &state.limits).await;
        return respond(state, heading, Err(fault));
    }
    let bodies = match stage(state, &contents, parts).await {
        Ok(bodies) => bodies,
        Err(fault) => {
            let fault = match fault {
                Fault::Refused(refusals) => state.desk.refused(caller, Act::Deposit, refusals).await,
                other => other,
            };
            return respond(state, heading, Err(fault));
        }
    };
    let original = Original { media_type: "application/xml", bytes: original };
    let bodies = bodies.into_iter().map(EntryBody::Staged).collect();
    let done =
        state.desk.deposit(caller, DepositRequest { submission, bodies, original, fill_in: heading.recipient }).await;
    match done {
        Ok(receipt) if !receipt.warnings.is_empty() => {
            let errors = errors::warnings(&receipt.warnings);
            let response = RegistryResponse { status: ResponseStatus::Success, errors };
            answer::registry(state, action::PROVIDE_AND_REGISTER_RESPONSE, heading, &response)
        }
        done => respond(state, heading, done.map(drop)),
    }
}

/// Receives the documents. Parts may come in any order; one that no document includes is refused.
async fn stage(
    state: &IheState,
    contents: &[DocumentContent],
    parts: Option<Multipart<Incoming>>,
) -> Result<Vec<StagedBody>, Fault> {
    let mut staged: Vec<Option<StagedBody>> = vec![None; contents.len()];
    for (index, content) in contents.iter().enumerate() {
        if let DocumentContent::Inline(bytes) = content {
            let mut writer = state.desk.stage();
            writer.write(bytes).await?;
            staged[index] = Some(writer.finish().await?);
        }
    }
    if let Some(mut parts) = parts {
        let received = receive_parts(state, contents, &mut parts, &mut staged).await;
        if let Err(fault) = received {
            receive::drain(Some(parts), &state.limits).await;
            return Err(fault);
        }
    }
    let missing = |content: &DocumentContent| {
        let DocumentContent::Include(cid) = content else { return Refusal::new(Cause::MissingPart) };
        Refusal::new(Cause::MissingPart).at(format!("cid:{cid}"))
    };
    let whole = staged.into_iter().zip(contents).map(|(body, content)| body.ok_or_else(|| missing(content)));
    whole.collect::<Result<_, _>>().map_err(Fault::from)
}

async fn receive_parts(
    state: &IheState,
    contents: &[DocumentContent],
    parts: &mut Multipart<Incoming>,
    staged: &mut [Option<StagedBody>],
) -> Result<(), Fault> {
    let refuse = |e| Fault::from(errors::of_multipart(&e));
    while let Some(part) = parts.next_part().await.map_err(refuse)? {
        let includes =
            |c: &DocumentContent| matches!(c, DocumentContent::Include(cid) if receive::is_named(&part, cid));
        let index = contents.iter().position(includes);
        let unexpected = || Fault::from(Refusal::new(Cause::MalformedMultipart).at(part.place()));
        let index = index.filter(|i| staged[*i].is_none()).ok_or_else(unexpected)?;
        let mut writer = state.desk.stage();
        while let Some(chunk) = parts.next_chunk().await.map_err(refuse)? {
            writer.write(&chunk).await.map_err(|e| match Fault::from(e) {
                Fault::Refused(r) => Fault::Refused(r.into_iter().map(|r| r.at(part.place())).collect()),
                other => other,
            })?;
        }
        staged[index] = Some(writer.finish().await?);
    }
    Ok(())
}

fn respond(state: &IheState, heading: &Heading, done: Result<(), Fault>) -> Response {
    answer::registry_response(state, action::PROVIDE_AND_REGISTER_RESPONSE, heading, done)
}
