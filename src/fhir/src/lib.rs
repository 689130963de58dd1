//! The FHIR face on the `pro` listener: PDSm 3.1.1 (ITI-65, 66, 67, 68), `Patient` with PDQm and PIXm (ITI-78, 83, 104, 119),
//! `AuditEvent` and `metadata`.
//!
//! One file per transaction: request → operation of the desk → response. Every answer is JSON of FHIR 4.0.1, every
//! refusal an `OperationOutcome` written by [`respond`]. Touches no store and makes no decision; logs no number, name,
//! token or content.

mod audit_event;
mod body;
mod call;
mod iti104;
mod iti119;
mod iti65;
mod iti66;
mod iti67;
mod iti68;
mod iti83;
mod metadata;
mod patient;
mod read;
mod respond;
mod search;
#[cfg(test)]
mod tests;
mod translate;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Extensions, HeaderMap},
    routing::{get, post},
};
use desk::Desk;
use space::{Cause, Credential, Refusal};

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
}

impl std::fmt::Debug for FhirState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FhirState").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Everything at `/fhir`, `/fhir/` and below, to be merged into the listener's routes.
pub fn routes(state: FhirState) -> Router {
    let base = post(iti65::provide_document_bundle).fallback(method_not_served).with_state(state.clone());
    Router::new().route("/fhir/", base).nest("/fhir", router(state))
}

/// The same without its prefix, for a program that nests it elsewhere; [`routes`] also answers at `/fhir/`.
pub fn router(state: FhirState) -> Router {
    Router::new()
        .route("/", post(iti65::provide_document_bundle))
        .route("/metadata", get(metadata::capabilities))
        .route("/DocumentReference", get(iti67::find))
        .route("/DocumentReference/_search", post(iti67::find))
        .route("/DocumentReference/{id}", get(read::document_reference))
        .route("/List", get(iti66::find))
        .route("/List/_search", post(iti66::find))
        .route("/List/{id}", get(read::list))
        .route("/Binary/{id}", get(iti68::retrieve))
        .route("/Patient", get(patient::search).put(iti104::feed).delete(iti104::remove))
        .route("/Patient/$ihe-pix", get(iti83::operation_ihe_pix).post(iti83::operation_ihe_pix))
        .route("/Patient/$match", post(iti119::operation_match))
        .route("/Patient/_search", post(patient::search))
        .route("/Patient/{id}", get(patient::read))
        .route("/AuditEvent", get(audit_event::search))
        .route("/AuditEvent/_search", post(audit_event::search))
        .method_not_allowed_fallback(method_not_served)
        .fallback(|| async { Failure::from(Refusal::new(Cause::RouteUnknown)) })
        .with_state(state)
}

async fn method_not_served() -> Failure {
    Failure::from(Refusal::new(Cause::MethodNotServed))
}
