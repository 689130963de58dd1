//! In which of FHIR's two forms one speaks (FHIR R4 http §3.1.0.1.11): what is asked for, what is sent. Everything inside
//! works on JSON; XML is turned into it as it comes in, and made from it as it goes out.

use std::sync::{Arc, OnceLock};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use space::{Cause, Refusal};
use wire_fhir::xml::{self, XmlLimits};

use crate::{
    call::form_pairs,
    iti65::refusal,
    respond::{FHIR_JSON, Failure},
};

/// Media type of resources answered as XML.
const FHIR_XML: &str = "application/fhir+xml; fhirVersion=4.0; charset=utf-8";

/// One of the two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
}

/// What a call asked for inside its body, where no middleware looks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<OnceLock<Format>>);

impl Asked {
    /// Told once it is known; the first word counts.
    pub(crate) fn tell(&self, format: Format) {
        let _ = self.0.set(format);
    }
}

/// The form that a media range or a `_format` means, of FHIR 4.0; `None` when it means neither. Anything is JSON.
pub(crate) fn of(range: &str) -> Option<Format> {
    let mut parts = range.split(';').map(str::trim);
    // In a URL a plus that was not encoded comes as a space.
    let kind = parts.next().unwrap_or_default().replace(' ', "+").to_ascii_lowercase();
    let version = parts.all(|p| match p.to_ascii_lowercase().strip_prefix("fhirversion=") {
        Some(version) => matches!(version.trim_matches('"'), "4.0" | "4.0.1"),
        None => true,
    });
    match kind.as_str() {
        _ if !version => None,
        "json" | "application/json" | "application/fhir+json" | "text/json" | "application/*" | "*/*" => {
            Some(Format::Json)
        }
        "xml" | "application/xml" | "application/fhir+xml" | "text/xml" => Some(Format::Xml),
        _ => None,
    }
}

/// The form that is wanted: `_format` comes before `Accept`, whose weights count; JSON where both are as welcome, or nothing
/// is said. `None` when neither is wanted.
pub(crate) fn wanted(format: Option<&str>, headers: &HeaderMap) -> Option<Format> {
    if let Some(format) = format {
        return of(format);
    }
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    if values.is_empty() {
        return Some(Format::Json);
    }
    let mut best: Option<(f32, Format)> = None;
    for range in values.iter().flat_map(|v| v.split(',')).map(str::trim).filter(|r| !r.is_empty()) {
        let weight = range.split(';').skip(1).filter_map(|p| p.trim().strip_prefix("q=")).next();
        let weight = weight.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        let Some(format) = of(range).filter(|_| weight > 0.0) else { continue };
        let better = best.is_none_or(|(known, of)| weight > known || (weight >= known && of == Format::Xml));
        if better {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format)
}

/// The form that a body is in, by its media type; a wildcard names none.
pub(crate) fn sent(headers: &HeaderMap) -> Result<Format, Failure> {
    let whole = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = whole.split(';').next().unwrap_or_default();
    let known = of(whole).filter(|_| kind.contains('/') && !kind.contains('*'));
    known.ok_or_else(|| {
        Refusal::new(Cause::WrongContentType).about("application/fhir+json, application/fhir+xml").into()
    })
}

/// A body as JSON.
pub(crate) fn as_json(format: Format, bytes: Bytes) -> Result<Bytes, Failure> {
    match format {
        Format::Json => Ok(bytes),
        Format::Xml => {
            let json = xml::from_xml(&bytes, XmlLimits::of_size(bytes.len())).map_err(|e| refusal(&e))?;
            Ok(json.into())
        }
    }
}

/// Answers in XML what was made in JSON, where that was asked for. Documents are given as they are.
pub(crate) async fn answer(mut request: Request, next: Next) -> Response {
    let pairs = form_pairs(request.uri().query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let named = pairs.iter().find(|(name, _)| name == "_format").map(|(_, value)| value.as_str());
    let by_head = wanted(named, request.headers());
    let asked = Asked::default();
    request.extensions_mut().insert(asked.clone());
    let response = next.run(request).await;
    let is_xml = asked.0.get().copied().or(by_head) == Some(Format::Xml);
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == FHIR_JSON);
    if !is_xml || !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, usize::MAX).await.ok().and_then(|bytes| String::from_utf8(bytes.into()).ok());
    match text.as_deref().map(xml::to_xml) {
        Some(Ok(xml)) => {
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR_XML));
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(xml))
        }
        // What was answered is FHIR JSON: that XML cannot say it is a fault of ours.
        failed => {
            let place = failed.and_then(Result::err).map(|error| error.place);
            tracing::error!(place, "an answer could not be written in XML");
            Failure::from(Refusal::new(Cause::Internal)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(values: &[&str]) -> Option<Format> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT, value.parse().expect("header"));
        }
        wanted(None, &headers)
    }

    #[test]
    fn weights_decide_and_json_where_both_are_as_welcome() {
        assert_eq!(accept(&[]), Some(Format::Json));
        assert_eq!(accept(&["*/*"]), Some(Format::Json));
        assert_eq!(accept(&["application/fhir+xml"]), Some(Format::Xml));
        assert_eq!(accept(&["application/fhir+xml, application/fhir+json"]), Some(Format::Json));
        assert_eq!(accept(&["application/fhir+xml;q=1.0, */*;q=0.1"]), Some(Format::Xml));
        assert_eq!(accept(&["application/fhir+xml;q=0.4", "application/fhir+json;q=0.5"]), Some(Format::Json));
        assert_eq!(accept(&["application/fhir+json;q=0, text/html"]), None);
        assert_eq!(accept(&["text/html, application/xhtml+xml"]), None);
        assert_eq!(wanted(Some("xml"), &HeaderMap::new()), Some(Format::Xml));
        assert_eq!(wanted(Some("application/fhir xml"), &HeaderMap::new()), Some(Format::Xml));
        assert_eq!(wanted(Some("html"), &HeaderMap::new()), None);
    }

    #[test]
    fn only_version_4_is_spoken_and_a_body_says_what_it_is() {
        for good in ["json", "application/fhir json", "application/fhir+json; fhirVersion=4.0", "*/*"] {
            assert_eq!(of(good), Some(Format::Json), "{good}");
        }
        for bad in
            ["ttl", "text/html", "application/fhir+json; fhirVersion=5.0", "application/fhir+xml;fhirversion=3.0"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
        let of_type = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            sent(&headers).ok()
        };
        assert_eq!(of_type("application/fhir+xml; charset=utf-8"), Some(Format::Xml));
        assert_eq!(of_type("application/json"), Some(Format::Json));
        assert_eq!((of_type("*/*"), of_type("json"), of_type("text/plain")), (None, None, None));
        assert!(sent(&HeaderMap::new()).is_err());
    }
}
