//! One call on its way in: who calls, what form of answer is asked for, and with what parameters. Authentication comes
//! first: nothing of a request is looked at before.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, header, request::Parts},
};
use desk::{Caller, Face};
use space::{Cause, Refusal, trace::Act};

use crate::{BaseUrl, FhirState, body, format, respond::Failure};

/// A call, authenticated.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    /// Start of absolute URLs, without a slash at its end.
    pub(crate) base: String,
    /// Parameters, decoded, in order.
    pub(crate) parameters: Vec<(String, String)>,
    /// `Prefer: handling=lenient`: unknown parameters are told, not refused.
    pub(crate) lenient: bool,
    /// Where it is told which form is asked for.
    asked: format::Asked,
}

impl Call {
    /// Who calls, and how; what is asked is not looked at.
    fn authenticate(state: &FhirState, parts: &Parts) -> Result<Self, Failure> {
        let credential = state.auth.authenticate(&parts.headers, &parts.extensions)?;
        let lenient =
            parts.headers.get_all("prefer").iter().filter_map(|v| v.to_str().ok()).any(|v| {
                v.split([',', ';']).any(|p| p.trim().replace(' ', "").eq_ignore_ascii_case("handling=lenient"))
            });
        Ok(Self {
            caller: Caller::new(credential, Face::Fhir),
            base: base(state, parts),
            parameters: Vec::new(),
            lenient,
            asked: parts.extensions.get::<format::Asked>().cloned().unwrap_or_default(),
        })
    }

    /// Authenticates a request; its parameters and its body are still to come.
    pub(crate) fn open(state: &FhirState, request: Request) -> Result<(Self, Parts, Body), Failure> {
        let (parts, body) = request.into_parts();
        Ok((Self::authenticate(state, &parts)?, parts, body))
    }

    /// Reads the parameters of the URL.
    pub(crate) fn read_parameters(&mut self, parts: &Parts) -> Result<(), Failure> {
        self.parameters = form_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
        Ok(())
    }

    /// Authenticates and completes a search.
    pub(crate) async fn search(state: &FhirState, request: Request, act: Act) -> Result<Self, Failure> {
        let (parts, content) = request.into_parts();
        let mut call = Self::authenticate(state, &parts)?;
        let done = call.complete(state, &parts, content).await;
        call.conclude(state, act, done).await?;
        Ok(call)
    }

    /// Completes a search: parameters of the URL, of the form when it is posted, and the form of answer.
    async fn complete(&mut self, state: &FhirState, parts: &Parts, content: Body) -> Result<(), Failure> {
        self.read_parameters(parts)?;
        if parts.method == axum::http::Method::POST {
            let kind = media_type(&parts.headers);
            if kind.as_deref().is_some_and(|k| k != "application/x-www-form-urlencoded") {
                return Err(Refusal::new(Cause::WrongContentType).about("application/x-www-form-urlencoded").into());
            }
            let form = body::collect(content, &parts.headers, state.limits.body.min(1 << 20), state).await?;
            self.parameters.extend(form_pairs(&form.bytes)?);
        }
        self.negotiate(&parts.headers)
    }

    /// Concludes an act: what this face refused leaves a trace, as what the desk refused has.
    pub(crate) async fn conclude<T>(
        &self,
        state: &FhirState,
        act: Act,
        done: Result<T, Failure>,
    ) -> Result<T, Failure> {
        match done {
            Ok(done) => Ok(done),
            Err(failure) => {
                let refusals = failure.untraced()?;
                Err(state.desk.refused(&self.caller, act, refusals).await.into())
            }
        }
    }

    /// Whether a form is asked for that is served, by `_format` or else by `Accept` (FHIR R4 *http* §3.1.0.1.11).
    pub(crate) fn negotiate(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let format = self.parameters.iter().find(|(name, _)| name == "_format").map(|(_, value)| value.as_str());
        let format = format::wanted(format, headers).ok_or(Refusal::new(Cause::FormatNotServed))?;
        self.asked.tell(format);
        Ok(())
    }
}

/// Start of absolute URLs. A `Host` that is no host is not repeated.
pub(crate) fn base(state: &FhirState, parts: &Parts) -> String {
    match &state.base_url {
        BaseUrl::Configured(base) => base.trim_end_matches('/').to_owned(),
        BaseUrl::FromHost => {
            let host = parts.headers.get(header::HOST).and_then(|h| h.to_str().ok());
            let host = host.or_else(|| parts.uri.authority().map(axum::http::uri::Authority::as_str));
            let plain = |h: &&str| {
                !h.is_empty()
                    && h.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
            };
            format!("https://{}/fhir", host.filter(plain).unwrap_or("localhost"))
        }
    }
}

/// The media type of a body, in lower case, without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// The media ranges that a request accepts, those of weight 0 left out; `None` when it says nothing.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Vec<String>> {
    let mut ranges = None::<Vec<String>>;
    for value in headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()) {
        let found = ranges.get_or_insert_default();
        for range in value.split(',').map(str::trim).filter(|r| !r.is_empty()) {
            let refused = range
                .split(';')
                .skip(1)
                .filter_map(|p| p.trim().strip_prefix("q="))
                .any(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
            if !refused {
                found.push(range.to_ascii_lowercase());
            }
        }
    }
    ranges
}

/// Whether a media range or a `_format` means FHIR, in one of its forms.
pub(crate) fn is_fhir(range: &str) -> bool {
    format::of(range).is_some()
}

/// Decodes `application/x-www-form-urlencoded`.
pub(crate) fn form_pairs(text: &[u8]) -> Result<Vec<(String, String)>, Failure> {
    let invalid = || Refusal::new(Cause::QueryParameterInvalid).about("application/x-www-form-urlencoded, UTF-8");
    let mut pairs = Vec::new();
    for pair in text.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
        let mut halves = pair.splitn(2, |b| *b == b'=');
        let name = percent_decoded(halves.next().unwrap_or_default()).ok_or_else(invalid)?;
        let value = percent_decoded(halves.next().unwrap_or_default()).ok_or_else(invalid)?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn percent_decoded(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| (*b as char).to_digit(16));
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(out).ok()
}

/// Encodes a parameter's name or value for a URL.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b',') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_as_forms_are() {
        let pairs = form_pairs(b"patient.identifier=urn%3Aoid%3A1.2%7C3&status=current&x=a+b&y").expect("reads");
        assert_eq!(pairs[0], ("patient.identifier".into(), "urn:oid:1.2|3".into()));
        assert_eq!((pairs[2].1.as_str(), pairs[3].1.as_str()), ("a b", ""));
        assert!(form_pairs(b"a=%4").is_err() && form_pairs(b"a=%zz").is_err() && form_pairs(b"a=%ff").is_err());
        assert_eq!(percent_encoded("urn:oid:1|é"), "urn:oid:1%7C%C3%A9");
    }
}
