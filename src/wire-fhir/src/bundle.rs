//! Bundles: the transaction of ITI-65 as it is read, and the bundles that are answered (search sets, the response to a
//! transaction). Reading goes through [`crate::json`] and [`crate::check`]; what it gives is bounded and is FHIR R4.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    check,
    error::{ParseError, Problem},
    json::{self, Limits},
    outcome::OperationOutcome,
    resources::{Resource, is_empty, is_none},
    types::{Extension, Meta},
};

/// A transaction, read.
#[derive(Debug)]
pub struct TransactionBundle {
    /// Profiles it claims.
    pub profiles: Vec<String>,
    /// Entries, in order.
    pub entries: Vec<TransactionEntry>,
    /// The body as it came, every `Binary.data` emptied (unless its base64 was written with escapes): with the bodies
    /// stored beside, nothing of what came is lost.
    pub original: Vec<u8>,
}

/// An entry of a transaction.
#[derive(Debug)]
pub struct TransactionEntry {
    /// Name by which the other entries refer to it.
    pub full_url: Option<String>,
    /// HTTP method asked for.
    pub method: String,
    /// URL asked for.
    pub url: String,
    /// The resource.
    pub resource: Option<Resource>,
    /// The bytes of a `Binary`.
    pub content: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadEntry {
    full_url: Option<String>,
    resource: Option<Resource>,
    request: Option<ReadRequest>,
}

#[derive(Deserialize)]
struct ReadRequest {
    method: String,
    url: String,
}

/// Reads the bundle of a transaction (ITI-65).
///
/// # Errors
/// The first thing that is wrong with it, by its FHIRPath.
pub fn parse_bundle(bytes: &[u8], limits: Limits) -> Result<TransactionBundle, ParseError> {
    let json::Tree { mut value, contents } = json::read(bytes, "Bundle", limits)?;
    match value["resourceType"].as_str() {
        Some("Bundle") => {}
        Some(_) => return Err(ParseError::new("Bundle", Problem::WrongResource("Bundle"))),
        None => return Err(ParseError::new("Bundle", Problem::Missing("resourceType".into()))),
    }
    check::check(&value)?;
    if value["type"] != "transaction" {
        return Err(ParseError::new("Bundle.type", Problem::WrongResource("transaction")));
    }
    let original = without(bytes, &contents);
    let profiles = value["meta"]["profile"]
        .as_array()
        .map_or_else(Vec::new, |profiles| profiles.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let found = match value.get_mut("entry").map(Value::take) {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    let mut entries = Vec::with_capacity(found.len());
    for (index, entry) in found.into_iter().enumerate() {
        let place = format!("Bundle.entry[{index}]");
        let entry: ReadEntry =
            serde_json::from_value(entry).map_err(|_| ParseError::new(&place, Problem::WrongType))?;
        let request = entry
            .request
            .ok_or_else(|| ParseError::new(format!("{place}.request"), Problem::Missing("request".into())))?;
        entries.push(TransactionEntry {
            full_url: entry.full_url,
            method: request.method,
            url: request.url,
            resource: entry.resource,
            content: None,
        });
    }
    for content in contents {
        if let Some(entry) = entries.get_mut(content.entry) {
            entry.content = Some(content.bytes);
        }
    }
    Ok(TransactionBundle { profiles, entries, original })
}

/// The body without the base64 of its contents.
fn without(bytes: &[u8], contents: &[json::Content]) -> Vec<u8> {
    let mut ranges: Vec<_> = contents.iter().filter_map(|c| c.range.clone()).collect();
    ranges.sort_by_key(|r| r.start);
    let mut kept = Vec::new();
    let mut from = 0;
    for range in ranges {
        kept.extend_from_slice(&bytes[from..range.start]);
        from = range.end;
    }
    kept.extend_from_slice(&bytes[from..]);
    kept
}

/// A bundle that is answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Bundle<R> {
    /// Id.
    #[serde(skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Profiles.
    #[serde(skip_serializing_if = "is_none")]
    pub meta: Option<Meta>,
    /// searchset, transaction-response.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Matches in all.
    #[serde(skip_serializing_if = "is_none")]
    pub total: Option<usize>,
    /// self, next.
    #[serde(skip_serializing_if = "is_empty")]
    pub link: Vec<Link>,
    /// Entries.
    #[serde(skip_serializing_if = "is_empty")]
    pub entry: Vec<Entry<R>>,
    /// Always `Bundle`.
    #[serde(rename = "resourceType")]
    pub resource_type: BundleType,
}

/// The word `Bundle`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum BundleType {
    /// The word.
    #[default]
    Bundle,
}

/// A link of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// self, next.
    pub relation: &'static str,
    /// Where.
    pub url: String,
}

/// An entry of a bundle that is answered.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<R> {
    /// URL of the resource.
    #[serde(skip_serializing_if = "is_none")]
    pub full_url: Option<String>,
    /// The resource.
    #[serde(skip_serializing_if = "is_none")]
    pub resource: Option<Answered<R>>,
    /// How it came to be found.
    #[serde(skip_serializing_if = "is_none")]
    pub search: Option<Search>,
    /// What was asked, in a history.
    #[serde(skip_serializing_if = "is_none")]
    pub request: Option<AnsweredRequest>,
    /// What came of a request.
    #[serde(skip_serializing_if = "is_none")]
    pub response: Option<Response>,
}

impl<R> Default for Entry<R> {
    fn default() -> Self {
        Self { full_url: None, resource: None, search: None, request: None, response: None }
    }
}

/// What was asked, as a history tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnsweredRequest {
    /// HTTP method.
    pub method: &'static str,
    /// Relative URL.
    pub url: String,
}

/// A resource of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answered<R> {
    /// What was looked for.
    Match(R),
    /// What is to be said about the search.
    Outcome(OperationOutcome),
}

impl<R> From<R> for Answered<R> {
    fn from(resource: R) -> Self {
        Self::Match(resource)
    }
}

/// How a resource came to be found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Search {
    /// How well it fits, in words.
    #[serde(skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// match, outcome.
    pub mode: &'static str,
    /// How well it fits, from 0 to 1.
    #[serde(skip_serializing_if = "is_none")]
    pub score: Option<f64>,
}

impl Search {
    /// Found in this mode.
    #[must_use]
    pub fn mode(mode: &'static str) -> Self {
        Self { mode, ..Self::default() }
    }
}

/// Reads one resource.
///
/// # Errors
/// The first thing that is wrong with it, by its FHIRPath.
pub fn parse_resource(bytes: &[u8], root: &'static str, limits: Limits) -> Result<Resource, ParseError> {
    let json::Tree { value, .. } = json::read(bytes, root, limits)?;
    match value["resourceType"].as_str() {
        Some(kind) if kind == root => {}
        Some(_) => return Err(ParseError::new(root, Problem::WrongResource(root))),
        None => return Err(ParseError::new(root, Problem::Missing("resourceType".into()))),
    }
    check::check(&value)?;
    serde_json::from_value(value).map_err(|_| ParseError::new(root, Problem::WrongType))
}

/// What came of a request of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// HTTP status.
    pub status: &'static str,
    /// Where the resource now is.
    #[serde(skip_serializing_if = "is_none")]
    pub location: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "is_none")]
    pub etag: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "is_none")]
    pub last_modified: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<TransactionBundle, ParseError> {
        parse_bundle(value.to_string().as_bytes(), Limits::of_size(1 << 20))
    }

    fn bundle(resource: Value) -> Value {
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"fullUrl": "urn:uuid:1", "resource": resource, "request": {"method": "POST", "url": "Binary"}}]})
    }

    #[test]
    fn the_original_is_the_body_without_its_contents() {
        let body = r#"{ "resourceType":"Bundle","type":"transaction","entry":[{"resource":
            {"data":"SGVsbG8=","resourceType":"Binary","contentType":"text/plain"},
            "request":{"method":"POST","url":"Binary"}}] }"#;
        let read = parse_bundle(body.as_bytes(), Limits::of_size(1 << 20)).expect("reads");
        assert_eq!(read.entries[0].content.as_deref(), Some(b"Hello".as_slice()));
        assert_eq!(String::from_utf8_lossy(&read.original), body.replace("SGVsbG8=", ""));
    }

    #[test]
    fn what_is_no_transaction_is_refused() {
        let place = |value: &Value| read(value).expect_err("refused").place;
        assert_eq!(place(&json!({"resourceType": "Patient"})), "Bundle");
        assert_eq!(place(&json!({"type": "transaction"})), "Bundle");
        assert_eq!(place(&json!({"resourceType": "Bundle", "type": "batch"})), "Bundle.type");
        let bare = json!({"resourceType": "Bundle", "type": "transaction", "entry": [{"fullUrl": "urn:uuid:1"}]});
        assert_eq!(place(&bare), "Bundle.entry[0].request");
        let unknown = bundle(json!({"resourceType": "Binary", "contentType": "a/b", "content": "x"}));
        assert_eq!(place(&unknown), "Bundle.entry[0].resource.content");
    }

    #[test]
    fn one_resource_is_read_as_what_it_must_be() {
        let limits = Limits::of_size(1 << 16);
        let text = r#"{"resourceType":"Patient","active":false,"link":[{"other":{"reference":"Patient/1"},"type":"replaced-by"}]}"#;
        let Ok(Resource::Patient(patient)) = parse_resource(text.as_bytes(), "Patient", limits) else {
            panic!("reads")
        };
        assert_eq!(patient.link[0].kind, "replaced-by");
        for (bad, place) in [
            (r#"{"resourceType":"Basic","code":{"text":"x"}}"#, "Patient"),
            (r#"{"active":true}"#, "Patient"),
            (r#"{"resourceType":"Patient","active":"no"}"#, "Patient.active"),
            (r#"{"resourceType":"Patient","active":true,"active":false}"#, "Patient.active"),
        ] {
            assert_eq!(parse_resource(bad.as_bytes(), "Patient", limits).expect_err(bad).place, place);
        }
    }

    #[test]
    fn a_resource_without_structure_is_read_as_another() {
        let read = read(&bundle(json!({"resourceType": "Basic", "code": {"text": "x"}}))).expect("reads");
        assert_eq!(read.entries[0].resource, Some(Resource::Other));
    }
}
