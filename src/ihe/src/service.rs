//! One SOAP service: receives a message and hands it to the transaction its body names.

use axum::{
    body::Body,
    http::{Method, Request, header},
    response::Response,
};
use space::{Cause, Refusal, trace::Act};
use wire_soap::ns::action;

use crate::{
    IheState, answer, iti18, iti41, iti43,
    receive::{self, Heading, Message},
};

/// A service of the DMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `registry`: ITI-18.
    Registry,
    /// `repository`: ITI-41, ITI-43.
    Repository,
}

/// A transaction, once its request has been read.
enum Read {
    Iti18(iti18::Request),
    Iti41(Box<iti41::Request>),
    Iti43(iti43::Request),
}

/// Which transaction a message was of: an extension of its answer, for who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction(pub &'static str);

/// Serves one request.
pub(crate) async fn serve(state: IheState, which: Service, request: Request<Body>) -> Response {
    let mut heading = Heading::default();
    let mut response = answered(state, which, request, &mut heading).await;
    response.extensions_mut().insert(Transaction(match heading.body.as_str() {
        "AdhocQueryRequest" => "ITI-18",
        "ProvideAndRegisterDocumentSetRequest" => "ITI-41",
        "RetrieveDocumentSetRequest" => "ITI-43",
        _ => "none",
    }));
    response
}

async fn answered(state: IheState, which: Service, request: Request<Body>, heading: &mut Heading) -> Response {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        let mut response = answer::fault(&state, heading, &Refusal::new(Cause::MethodNotServed));
        response.headers_mut().insert(header::ALLOW, axum::http::HeaderValue::from_static("POST"));
        return response;
    }
    let body = receive::incoming(body, &state.limits);
    let message = match receive::receive(&head.headers, body, &state.limits).await {
        Ok(message) => message,
        Err(refusal) => return refused(&state, heading, &refusal),
    };
    let Message { envelope, parts } = message;
    let (caller, read) = receive::read(&state, &envelope, &head.extensions, heading, |envelope, body, tree| {
        let transaction = match (which, body.local_name()) {
            (Service::Registry, "AdhocQueryRequest") => {
                expect(envelope.action.as_deref(), action::REGISTRY_STORED_QUERY)?;
                Read::Iti18(iti18::Request::read(body)?)
            }
            (Service::Repository, "ProvideAndRegisterDocumentSetRequest") => {
                expect(envelope.action.as_deref(), action::PROVIDE_AND_REGISTER)?;
                Read::Iti41(Box::new(iti41::Request::read(body, tree)?))
            }
            (Service::Repository, "RetrieveDocumentSetRequest") => {
                expect(envelope.action.as_deref(), action::RETRIEVE_DOCUMENT_SET)?;
                Read::Iti43(iti43::Request::read(body)?)
            }
            _ => return Err(Refusal::new(Cause::UnknownAction).at(body.path())),
        };
        Ok(transaction)
    });
    drop(envelope);
    let (caller, transaction) = match (caller, read) {
        (Some(caller), Ok(transaction)) => (caller, transaction),
        (caller, Err(refusal)) => {
            receive::drain(parts, &state.limits).await;
            return match caller {
                Some(caller) => {
                    let refusal = traced(&state, &caller, act_of(&heading.body), refusal).await;
                    failed(&state, heading, &refusal)
                }
                None => refused(&state, heading, &refusal),
            };
        }
        (None, Ok(_)) => return refused(&state, heading, &Refusal::new(Cause::AssertionMissing)),
    };
    match transaction {
        Read::Iti18(request) => iti18::handle(&state, heading, &caller, request).await,
        Read::Iti41(request) => iti41::handle(&state, heading, &caller, *request, parts).await,
        Read::Iti43(request) => iti43::handle(&state, heading, &caller, request).await,
    }
}

fn expect(action: Option<&str>, wanted: &str) -> Result<(), Refusal> {
    // Senders that name no action are told by their body; one that names another is wrong.
    match action {
        Some(found) if found != wanted => Err(Refusal::new(Cause::UnknownAction).at("/Envelope/Header/Action")),
        _ => Ok(()),
    }
}

fn act_of(body: &str) -> Act {
    match body {
        "ProvideAndRegisterDocumentSetRequest" => Act::Deposit,
        "RetrieveDocumentSetRequest" => Act::Fetch,
        _ => Act::Find,
    }
}

/// Leaves the trace of a refusal whose caller is known; what cannot be traced is not answered but as a failure.
pub(crate) async fn traced(state: &IheState, caller: &desk::Caller, act: Act, refusal: Refusal) -> Refusal {
    let mut told = state.desk.refused(caller, act, vec![refusal]).await.refusals();
    told.pop().unwrap_or_else(|| Refusal::new(Cause::Internal))
}

/// Answers what a known caller's message was refused for in the words of its transaction; a fault when it has none.
fn failed(state: &IheState, heading: &Heading, refusal: &Refusal) -> Response {
    tracing::info!(cause = refusal.cause.code(), place = refusal.place.as_deref(), "ihe.refused");
    let refusals = std::slice::from_ref(refusal);
    match heading.body.as_str() {
        "AdhocQueryRequest" => iti18::failure(state, heading, refusals),
        "ProvideAndRegisterDocumentSetRequest" => iti41::failure(state, heading, refusals),
        "RetrieveDocumentSetRequest" => iti43::failure(state, heading, refusals),
        _ => answer::fault(state, heading, refusal),
    }
}

fn refused(state: &IheState, heading: &Heading, refusal: &Refusal) -> Response {
    tracing::info!(cause = refusal.cause.code(), place = refusal.place.as_deref(), "ihe.refused");
    answer::fault(state, heading, refusal)
}
