//! The FHIR face. For professional software: PDSm 3.1.1 (ITI-65, 66, 67, 68), `Patient` with PDQm and PIXm (ITI-78, 83, 104,
//! 119), `AuditEvent`. For holders and their apps, and professionals where that is open: measures (API Mesures 1.5.2).
//!
//! What is served is one table ([`table`]): routes, `metadata` and `openapi.json` are made from it. One file per transaction: request → operation of the desk → response. Every answer is JSON of FHIR 4.0.1, every
//! refusal an `OperationOutcome` written by [`respond`]. Touches no store and makes no decision; logs no number, name,
//! token or content.

mod audit_event;
mod body;
mod call;
mod format;
mod iti104;
mod iti119;
mod iti65;
mod iti66;
mod iti67;
mod iti68;
mod iti83;
mod metadata;
mod observation;
mod openapi;
mod patient;
mod read;
mod respond;
mod search;
mod table;
#[cfg(test)]
mod tests;
mod translate;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Extensions, HeaderMap, StatusCode, Version, header},
    middleware,
    routing::post,
};
use desk::Desk;
use space::{Cause, Credential, Refusal};
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};

pub use audit_event::audit_record;
pub use body::BodyBudget;

use respond::Failure;

/// Who calls: turns a request's bearer and its TLS peer into a credential.
pub trait Authenticate: Send + Sync {
    /// The credential that a request proves.
    ///
    /// # Errors
    /// Why it proves none.
    fn authenticate(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Credential, Refusal>;
}

/// How absolute URLs of this face begin.
#[derive(Debug, Clone)]
pub enum BaseUrl {
    /// Always so, without a slash at the end: `https://dmp.example.fr/fhir`.
    Configured(String),
    /// `https://<Host>/fhir`, after the request's own `Host`.
    FromHost,
}

/// Which listener a face stands at: what is served there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Professional software, mutual TLS.
    Professional,
    /// Holders and referenced apps.
    Public,
}

/// What a request may cost.
#[derive(Debug, Clone, Copy)]
pub struct FhirLimits {
    /// Bytes of a body.
    pub body: usize,
    /// Time a body may take to arrive.
    pub body_timeout: Duration,
    /// Entries of a page when the request says nothing.
    pub page: usize,
    /// Most entries of a page.
    pub page_max: usize,
    /// Largest document given as a `Binary` in JSON.
    pub binary_json: u64,
}

impl Default for FhirLimits {
    fn default() -> Self {
        Self { body: 64 << 20, body_timeout: Duration::from_secs(120), page: 100, page_max: 1000, binary_json: 8 << 20 }
    }
}

/// What the face works with.
#[derive(Clone)]
pub struct FhirState {
    /// The desk.
    pub desk: Arc<Desk>,
    /// Who calls.
    pub auth: Arc<dyn Authenticate>,
    /// How URLs begin.
    pub base_url: BaseUrl,
    /// Limits.
    pub limits: FhirLimits,
    /// Memory for bodies.
    pub bodies: BodyBudget,
    /// At which listener.
    pub door: Door,
}

impl std::fmt::Debug for FhirState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FhirState").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Everything at `/fhir`, `/fhir/` and below, to be merged into the listener's routes.
pub fn routes(state: FhirState) -> Router {
    let base = post(iti65::provide_document_bundle).fallback(method_not_served).with_state(state.clone());
    Router::new()
        .route("/fhir/", base)
        .nest("/fhir", router(state))
        .layer(middleware::from_fn(format::answer))
        // What is unpacked is bounded as what comes as it is: by those who receive it.
        .layer(RequestDecompressionLayer::new())
        .layer(CompressionLayer::new().compress_when(is_resource))
}

/// The same without its prefix, for a program that nests it elsewhere; [`routes`] also answers at `/fhir/`.
pub fn router(state: FhirState) -> Router {
    table::at(state.door)
        .fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
        .method_not_allowed_fallback(method_not_served)
        .fallback(|| async { Failure::from(Refusal::new(Cause::RouteUnknown)) })
        .with_state(state)
}

/// Whether an answer is a resource: documents are given as they are.
fn is_resource(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/fhir+") || kind == "application/json"
}

async fn method_not_served() -> Failure {
    Failure::from(Refusal::new(Cause::MethodNotServed))
}
