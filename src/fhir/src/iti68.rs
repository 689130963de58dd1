//! ITI-68 Retrieve Document (MHD 4.2 §3.68; PDSm flow 7): `GET Binary/{uniqueId}`, the address that
//! `attachment.url` names. The bytes go out as they came, in their own media type, as they are read; only a small
//! document explicitly asked for as FHIR is put into a `Binary` resource.

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use desk::{DocumentKey, Fetched, StoredBody};
use futures::StreamExt as _;
use space::{Cause, Refusal, trace::Act};
use wire_fhir::{Binary, Resource};

use crate::{
    FhirState,
    call::{Call, accepted, is_fhir},
    respond::{self, Failure},
};

/// What form of the document is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Raw,
    Fhir,
}

/// Sends a document.
pub(crate) async fn retrieve(
    State(state): State<FhirState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (mut call, parts, _) = Call::open(&state, request)?;
    let done = send(&state, &mut call, &parts, id).await;
    call.conclude(&state, Act::Fetch, done).await
}

async fn send(state: &FhirState, call: &mut Call, parts: &Parts, id: String) -> Result<Response, Failure> {
    call.read_parameters(parts)?;
    let fetched = state.desk.fetch(&call.caller, &DocumentKey::UniqueId(id.clone())).await?;
    let format = call.parameters.iter().find(|(name, _)| name == "_format").map(|(_, value)| value.as_str());
    let form = form(&parts.headers, format, &fetched.entry.mime_type)?;
    let tag = format!("\"{}\"", fetched.entry.hash);
    if matches_tag(&parts.headers, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        describe(response.headers_mut(), &tag);
        return Ok(response);
    }
    match form {
        Form::Fhir if fetched.size <= state.limits.binary_json => as_resource(&id, fetched, &tag).await,
        Form::Fhir | Form::Raw => Ok(as_it_is(fetched, &tag)),
    }
}

/// The document itself, streamed.
fn as_it_is(fetched: Fetched, tag: &str) -> Response {
    let body = match fetched.body {
        StoredBody::Whole(bytes) => Body::from(bytes),
        StoredBody::Stream(stream) => Body::from_stream(stream),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(&fetched.entry.mime_type);
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream")));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(fetched.size));
    describe(headers, tag);
    response
}

/// The document inside a `Binary`.
async fn as_resource(id: &str, fetched: Fetched, tag: &str) -> Result<Response, Failure> {
    let bytes = match fetched.body {
        StoredBody::Whole(bytes) => bytes,
        StoredBody::Stream(mut stream) => {
            let mut whole = BytesMut::new();
            while let Some(chunk) = stream.next().await {
                whole.extend_from_slice(&chunk.map_err(desk::Fault::from)?);
            }
            whole.freeze()
        }
    };
    let resource = Resource::Binary(Binary {
        id: Some(id.to_owned()),
        content_type: fetched.entry.mime_type,
        data: Some(STANDARD.encode(&bytes)),
    });
    let mut response = respond::json(StatusCode::OK, &resource);
    describe(response.headers_mut(), tag);
    Ok(response)
}

fn describe(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    // A document is never a page of this site, whatever a browser makes of its type.
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    respond::secure(headers);
}

/// FHIR R4 *binary* §2.26.5: FHIR when it is asked for by name, the document itself else.
fn form(headers: &HeaderMap, format: Option<&str>, mime_type: &str) -> Result<Form, Refusal> {
    let mime_type = mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let asked = match format {
        Some(format) => Some(vec![format.replace(' ', "+").to_ascii_lowercase()]),
        None => accepted(headers),
    };
    let Some(asked) = asked else { return Ok(Form::Raw) };
    let kinds: Vec<&str> = asked.iter().map(|r| r.split(';').next().unwrap_or_default().trim()).collect();
    let family = mime_type.split('/').next().unwrap_or_default();
    if kinds.iter().any(|k| *k == mime_type) {
        return Ok(Form::Raw);
    }
    // XML may be what the document is: only FHIR's own name for it asks for FHIR.
    let loose = ["*/", "application/*", "application/xml", "text/xml"];
    let named = |range: &&String| is_fhir(range) && !loose.iter().any(|l| range.starts_with(l));
    if asked.iter().any(|r| named(&r)) {
        return Ok(Form::Fhir);
    }
    if kinds.iter().any(|k| *k == "*/*" || k.strip_suffix("/*") == Some(family)) {
        return Ok(Form::Raw);
    }
    Err(Refusal::new(Cause::FormatNotServed).about(mime_type))
}

fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(|v| v.trim().trim_start_matches("W/"))
        .any(|v| v == tag || v == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str) -> Result<Form, Cause> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert("accept", accept.parse().expect("header"));
        }
        form(&headers, None, "application/pdf").map_err(|r| r.cause)
    }

    #[test]
    fn fhir_is_given_only_when_it_is_named() {
        for raw in ["", "*/*", "application/*", "application/pdf", "application/fhir+json, application/pdf"] {
            assert_eq!(asked(raw), Ok(Form::Raw), "{raw}");
        }
        assert_eq!(asked("application/fhir+json"), Ok(Form::Fhir));
        assert_eq!(asked("application/fhir+json, */*;q=0.1"), Ok(Form::Fhir));
        assert_eq!(asked("text/html"), Err(Cause::FormatNotServed));
    }
}
