//! ITI-65 Provide Document Bundle (MHD 4.2 §3.65; PDSm flow 1): `POST [base]` with a transaction of one submission set,
//! its documents' metadata and their `Binary`. All of it is put in or nothing. Never keeps the people of a bundle as
//! resources of their own: they live inside the metadata.

mod holder;
mod patch;
mod plan;
mod relations;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use bytes::Bytes;
use desk::{DepositRequest, EntryBody, Fault, Original, Receipt, StagedBody};
use space::{Cause, Refusal, trace::Act};
use wire_fhir::{
    Bundle, BundleType, Entry, Limits, Meta, ParseError, Problem, Resource, TransactionBundle, parse_bundle,
};

use crate::{
    Door, FhirState, body,
    call::Call,
    observation,
    respond::{self, Failure},
    translate::{ids, urls::PROVIDE_BUNDLE_RESPONSE},
};
use plan::{Plan, Role};

/// Bodies above this are read away from the threads that answer others.
const LARGE: usize = 256 * 1024;

/// Bytes handed to the store at a time.
const CHUNK: usize = 256 * 1024;

/// Puts a bundle in.
pub(crate) async fn provide_document_bundle(
    State(state): State<FhirState>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, content) = Call::open(&state, request)?;
    let done = deposit(&state, &mut call, &parts, content).await;
    call.conclude(&state, Act::Deposit, done).await
}

async fn deposit(state: &FhirState, call: &mut Call, parts: &Parts, content: Body) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    let headers = &parts.headers;
    call.negotiate(headers)?;
    // Its part of the budget is held as long as anything read from it.
    // Holders and their apps bring measures alone.
    let limit = if state.door == Door::Public { observation::BODY } else { state.limits.body };
    let body::Received { bytes, held: _held } = body::resource(content, headers, limit, state).await?;
    if bytes.is_empty() {
        return Err(Refusal::new(Cause::BundleMissing).into());
    }
    if observation::is_transaction(&bytes) {
        let done = observation::transaction(state, call, headers, &bytes).await;
        return call.conclude(state, Act::AddData, done).await;
    }
    if state.door == Door::Public {
        return Err(Refusal::new(Cause::BundleContent).at("Bundle.entry").into());
    }
    let mut bundle = parse(bytes, state.limits.body).await?;
    let ins = holder::of(state, call, &bundle).await?;
    let mut plan = plan::read(&bundle, &ins)?;
    relations::settle(state, call, &ins, &mut plan).await?;
    let Plan { submission, roles, .. } = plan;
    let unique_ids: Vec<String> = submission.documents.iter().map(|d| d.entry.unique_id.clone()).collect();
    let bodies = stage(state, &mut bundle, &roles, unique_ids.len()).await?;
    let bodies = bodies.into_iter().map(EntryBody::Staged).collect();
    let original = Original { media_type: "application/fhir+json", bytes: std::mem::take(&mut bundle.original) };
    let deposit = DepositRequest { submission, bodies, original, fill_in: true };
    let receipt = state.desk.deposit(&call.caller, deposit).await?;
    let now = state.desk.clock().now();
    let seconds = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    Ok(respond::json(StatusCode::OK, &answer(&roles, &receipt, &unique_ids, &seconds.to_string())))
}

async fn parse(bytes: Bytes, limit: usize) -> Result<TransactionBundle, Failure> {
    let limits = Limits::of_size(limit);
    let read = if bytes.len() > LARGE {
        let read = tokio::task::spawn_blocking(move || parse_bundle(&bytes, limits)).await;
        read.map_err(|_| Refusal::new(Cause::Internal))?
    } else {
        parse_bundle(&bytes, limits)
    };
    read.map_err(|error| Failure::from(refusal(&error)))
}

/// What is wrong with a body, as a cause.
pub(crate) fn refusal(error: &ParseError) -> Refusal {
    let cause = match &error.problem {
        Problem::TooLarge => Cause::TooLarge,
        Problem::TooDeep => Cause::TooDeep,
        Problem::Syntax { .. } | Problem::DuplicateKey => Cause::MalformedJson,
        Problem::Base64
        | Problem::WrongResource(_)
        | Problem::UnknownElement
        | Problem::WrongType
        | Problem::Missing(_)
        | Problem::Modifier => Cause::ResourceInvalid,
    };
    Refusal::new(cause).at(&error.place).about(error.problem.to_string())
}

/// Hands the documents to the store, in the order of the submission.
async fn stage(
    state: &FhirState,
    bundle: &mut TransactionBundle,
    roles: &[Role],
    documents: usize,
) -> Result<Vec<StagedBody>, Failure> {
    let mut bodies = Vec::with_capacity(documents);
    for document in 0..documents {
        let index = roles.iter().position(|r| *r == Role::Content(document));
        let content = index.and_then(|i| bundle.entries[i].content.take());
        let content = content.ok_or_else(|| Refusal::new(Cause::MissingDocument))?;
        let mut writer = state.desk.stage();
        for chunk in content.chunks(CHUNK) {
            writer.write(chunk).await.map_err(Fault::from)?;
        }
        bodies.push(writer.finish().await.map_err(Fault::from)?);
    }
    Ok(bodies)
}

/// One entry for each of the request's, in its order.
fn answer(roles: &[Role], receipt: &Receipt, unique_ids: &[String], now: &str) -> Bundle<Resource> {
    let status = if receipt.replayed { "200" } else { "201" };
    let made = |location: String, versioned: bool| wire_fhir::Response {
        status,
        location: Some(location),
        etag: versioned.then(|| "W/\"1\"".to_owned()),
        last_modified: Some(now.to_owned()),
    };
    let entry = roles.iter().map(|role| {
        let response = match role {
            Role::Set => made(format!("List/{}/_history/1", ids::resource_id(&receipt.set_uuid)), true),
            Role::Document(index) => {
                let uuid = receipt.documents.get(*index).map_or("", |(_, uuid)| ids::resource_id(uuid));
                made(format!("DocumentReference/{uuid}/_history/1"), true)
            }
            Role::Content(index) => made(format!("Binary/{}", unique_ids.get(*index).map_or("", |i| i)), false),
            // Kept inside the metadata, or done as part of the replacement: nothing new stands anywhere.
            Role::Person | Role::Patch => {
                wire_fhir::Response { status: "200", location: None, etag: None, last_modified: None }
            }
        };
        Entry { response: Some(response), ..Entry::default() }
    });
    Bundle {
        id: None,
        meta: Some(Meta { profile: vec![PROVIDE_BUNDLE_RESPONSE.to_owned()], ..Meta::default() }),
        kind: "transaction-response",
        total: None,
        link: Vec::new(),
        entry: entry.collect(),
        resource_type: BundleType::Bundle,
    }
}
