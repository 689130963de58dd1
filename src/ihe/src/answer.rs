//! Writing answers: plain SOAP, or MTOM with bodies streamed at a known length.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use desk::{Fault, StoredBody};
use futures::{StreamExt, TryStreamExt, stream};
use space::{Cause, Refusal};
use wire_soap::{
    reply::{BaseFault, MtomFrame, SoapReply},
    xds::RegistryResponse,
};

use crate::{IheState, errors, receive::Heading};

/// Action of a fault (WS-Addressing 1.0 SOAP binding §6, for faults that are not of WS-Addressing itself).
const FAULT: &str = "http://www.w3.org/2005/08/addressing/soap/fault";

/// Why a message was answered by a fault: an extension of the answer, for who counts. Of these no caller is known, or no
/// transaction; the refusals of a known caller are in the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faulted(pub Cause);

/// Writes an envelope around a body of about `length` bytes.
pub(crate) fn envelope(
    state: &IheState,
    action: &str,
    heading: &Heading,
    length: usize,
    body: impl FnOnce(&mut Vec<u8>),
) -> Vec<u8> {
    let id = format!("urn:uuid:{}", state.desk.rng().uuid());
    let mut out = Vec::with_capacity(2048 + length);
    reply(action, &id, heading, heading.reply_to.as_ref()).write(&mut out, body);
    out
}

/// The head of an answer.
fn reply<'m>(action: &'m str, id: &'m str, heading: &'m Heading, to: Option<&'m String>) -> SoapReply<'m> {
    let reply = SoapReply::new(action, id).relates_to(heading.message_id.as_deref());
    match to {
        Some(address) => reply.to(address),
        None => reply,
    }
}

/// An answer that is one envelope.
pub(crate) fn plain(status: StatusCode, xml: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/soap+xml; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The answer of a transaction that changes something: done, or everything that was refused.
pub(crate) fn registry_response(
    state: &IheState,
    action: &str,
    heading: &Heading,
    done: Result<(), Fault>,
) -> Response {
    match done {
        Ok(()) => registry(state, action, heading, &RegistryResponse::success()),
        Err(fault) => {
            let refusals = fault.refusals();
            tracing::info!(cause = refusals.first().map(|r| r.cause.code()), action, "ihe.refused");
            if let Fault::Store(error) = &fault {
                tracing::error!(error = %error, action, "ihe.failed");
            }
            registry_failure(state, action, heading, &refusals)
        }
    }
}

/// The same of what was refused before it was tried.
pub(crate) fn registry_failure(state: &IheState, action: &str, heading: &Heading, refusals: &[Refusal]) -> Response {
    match errors::registry_errors(refusals) {
        Ok(errors) => registry(state, action, heading, &RegistryResponse::failure(errors)),
        Err(refusal) => fault(state, heading, refusal),
    }
}

pub(crate) fn registry(state: &IheState, action: &str, heading: &Heading, response: &RegistryResponse) -> Response {
    plain(StatusCode::OK, envelope(state, action, heading, 2048, |out| response.write(out)))
}

/// A fault. The DMP answers ITI-43 in a MIME package always, faults too (reference §1.2).
pub(crate) fn fault(state: &IheState, heading: &Heading, refusal: &Refusal) -> Response {
    fault_as(state, heading, refusal, FAULT, None)
}

/// A fault that the transaction has a word and an action of its own for.
pub(crate) fn fault_as(
    state: &IheState,
    heading: &Heading,
    refusal: &Refusal,
    action: &str,
    base: Option<BaseFault>,
) -> Response {
    let fault = wire_soap::reply::Fault { base, ..errors::fault(refusal) };
    let id = format!("urn:uuid:{}", state.desk.rng().uuid());
    let mut xml = Vec::with_capacity(2048);
    reply(action, &id, heading, heading.fault_to()).write_fault(&mut xml, &fault);
    let status = errors::status(&fault, refusal.cause);
    let mut response = if heading.body == "RetrieveDocumentSetRequest" {
        package(state, action, xml, Vec::new())
    } else {
        plain(status, xml)
    };
    *response.status_mut() = status;
    response.extensions_mut().insert(Faulted(refusal.cause));
    if refusal.cause == Cause::Busy {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A body to be sent as a part.
pub(crate) struct Part {
    pub(crate) content_id: String,
    pub(crate) mime_type: String,
    pub(crate) size: u64,
    pub(crate) body: StoredBody,
}

/// A MIME package: an envelope and the parts it includes, streamed.
pub(crate) fn package(state: &IheState, action: &str, xml: Vec<u8>, parts: Vec<Part>) -> Response {
    let boundary = format!("uuid:{}", state.desk.rng().uuid());
    let Some(frame) = MtomFrame::new(&boundary, "root@passerelle") else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, Vec::new());
    };
    let content_type = frame.content_type(Some(action));
    let mut length = 0u64;
    let mut pieces: Vec<StoredBody> = Vec::with_capacity(parts.len() * 2 + 2);
    let push = |bytes: Vec<u8>, length: &mut u64| {
        *length += bytes.len() as u64;
        StoredBody::Whole(bytes.into())
    };
    pieces.push(push(frame.prefix(&xml), &mut length));
    for part in parts {
        let headers = frame
            .part_header(&part.content_id, &part.mime_type)
            .or_else(|| frame.part_header(&part.content_id, "application/octet-stream"));
        pieces.push(push(headers.unwrap_or_default(), &mut length));
        length += part.size;
        pieces.push(part.body);
    }
    pieces.push(push(frame.closing(), &mut length));
    let body = stream::iter(pieces).flat_map(|piece| match piece {
        StoredBody::Whole(bytes) => stream::once(async move { Ok::<Bytes, std::io::Error>(bytes) }).boxed(),
        StoredBody::Stream(stream) => stream.map_err(std::io::Error::other).boxed(),
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&content_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
