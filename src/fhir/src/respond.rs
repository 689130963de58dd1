//! The one place where this face answers: a resource as JSON, or a cause as its HTTP status and `OperationOutcome`
//! (FHIR R4 *http* §2.21.0.4, ITI TF-2 §3.65.4.2, RFC 6750 §3). What went wrong inside is logged here and never sent.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use desk::Fault;
use serde::Serialize;
use space::{Cause, Refusal};
use wire_fhir::{CodeableConcept, Coding, Issue, OperationOutcome};

/// Media type of every resource answered.
pub(crate) const FHIR_JSON: &str = "application/fhir+json; fhirVersion=4.0; charset=utf-8";

/// System of the causes in `OperationOutcome.issue.details`.
pub(crate) const CAUSE_SYSTEM: &str = "urn:passerelle:cause";

/// Why a request is not carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    refusals: Vec<Refusal>,
    /// The desk gave it: what the trace is to say of it, it says already.
    of_desk: bool,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { refusals: vec![refusal], of_desk: false }
    }
}

impl From<Vec<Refusal>> for Failure {
    fn from(refusals: Vec<Refusal>) -> Self {
        Self { refusals, of_desk: false }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        if let Fault::Store(error) = &fault {
            tracing::error!(error = %error, face = "fhir", "the store failed");
        }
        Self { refusals: fault.refusals(), of_desk: true }
    }
}

impl Failure {
    /// What this face refused by itself, which no trace tells yet; `Err` is what the desk gave.
    pub(crate) fn untraced(self) -> Result<Vec<Refusal>, Self> {
        if self.of_desk { Err(self) } else { Ok(self.refusals) }
    }

    /// Whether it is what a resource says that is refused, not who sends it, or how.
    pub(crate) fn is_about_content(&self) -> bool {
        let content = |r: &Refusal| status_of(r.cause) == StatusCode::UNPROCESSABLE_ENTITY;
        !self.refusals.is_empty() && self.refusals.iter().all(content)
    }

    /// The same as what a validation found, which is no failure of it (FHIR R4 *resource-operation-validate*).
    pub(crate) fn as_verdict(&self) -> Response {
        let issue = self.refusals.iter().map(|r| issue(r, "error")).collect();
        json(StatusCode::OK, &OperationOutcome { issue })
    }

    /// Whether the first cause is `cause`.
    pub(crate) fn is(&self, cause: Cause) -> bool {
        self.refusals.first().is_some_and(|r| r.cause == cause)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let cause = self.refusals.first().map_or(Cause::Internal, |r| r.cause);
        let status = status_of(cause);
        let issue = if self.refusals.is_empty() {
            vec![issue(&Refusal::new(Cause::Internal), "error")]
        } else {
            self.refusals.iter().map(|r| issue(r, "error")).collect()
        };
        let mut response = json(status, &OperationOutcome { issue });
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = if cause == Cause::BearerMissing {
                "Bearer realm=\"passerelle\""
            } else {
                "Bearer realm=\"passerelle\", error=\"invalid_token\""
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A resource as an answer.
pub(crate) fn json(status: StatusCode, resource: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(resource) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    self::resource(status, Body::from(body))
}

/// A resource that is text already as an answer.
pub(crate) fn resource(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
    secure(headers);
    response
}

/// Headers of every answer: it is kept by nobody and taken for nothing but what it says it is.
pub(crate) fn secure(headers: &mut axum::http::HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// That something was done, as who asked for no more is told.
pub(crate) fn done() -> OperationOutcome {
    let issue = Issue {
        severity: "information",
        code: "informational",
        details: None,
        diagnostics: None,
        expression: Vec::new(),
    };
    OperationOutcome { issue: vec![issue] }
}

/// A refusal as an issue.
pub(crate) fn issue(refusal: &Refusal, severity: &'static str) -> Issue {
    let cause = refusal.cause;
    let mut diagnostics = format!("{} [{}]", cause.advice_en(), cause.rule());
    if let Some(subject) = &refusal.subject {
        diagnostics.push_str(" — ");
        diagnostics.push_str(subject);
    }
    Issue {
        severity,
        code: issue_type(cause),
        details: Some(CodeableConcept {
            coding: vec![Coding::new(Some(CAUSE_SYSTEM), cause.code(), None)],
            text: Some(cause.advice_fr().to_owned()),
        }),
        diagnostics: Some(diagnostics),
        expression: refusal.place.iter().cloned().collect(),
    }
}

/// The HTTP status of a cause.
pub(crate) fn status_of(cause: Cause) -> StatusCode {
    use Cause as C;
    match cause {
        C::BearerMissing
        | C::BearerInvalid
        | C::AssertionMissing
        | C::AssertionDuplicated
        | C::AssertionMalformed
        | C::AssertionUnsigned
        | C::SignatureInvalid
        | C::SignatureReference
        | C::SignatureAlgorithm
        | C::SignerUntrusted
        | C::SignerRevoked
        | C::SignerExpired
        | C::AssertionExpired
        | C::AssertionNotYetValid
        | C::IssuerMismatch
        | C::PeerMismatch
        | C::StructureMismatch
        | C::ModeMismatch
        | C::ClaimMissing
        | C::ClaimInvalid
        | C::ProfessionalIdInvalid
        | C::StructureIdInvalid => StatusCode::UNAUTHORIZED,
        C::SpaceNotOpen
        | C::SpaceClosed
        | C::PatientMismatch
        | C::NotAuthorised
        | C::Blocked
        | C::FunctionDenied
        | C::MatrixExcludes
        | C::ProfessionExcluded
        | C::Masked
        | C::EmergencyOpposed
        | C::ReasonRequired
        | C::NotAuthor
        | C::UnknownTargetDomain
        | C::ForeignDomain
        | C::UnmodifiableMetadata
        | C::AttachedRecord
        | C::BrickReserved
        | C::SecretVisibility => StatusCode::FORBIDDEN,
        C::UnknownHolder
        | C::UnknownDocument
        | C::UnknownDatum
        | C::UnknownSubscription
        | C::UnknownIdentifier
        | C::RouteUnknown
        | C::UnknownRepository
        | C::UnknownCommunity => StatusCode::NOT_FOUND,
        C::DocumentDeleted | C::DatumRemoved => StatusCode::GONE,
        C::DatumChanged => StatusCode::PRECONDITION_FAILED,
        C::MethodNotServed => StatusCode::METHOD_NOT_ALLOWED,
        C::FormatNotServed => StatusCode::NOT_ACCEPTABLE,
        C::WrongContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        C::TimedOut => StatusCode::REQUEST_TIMEOUT,
        C::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        C::DuplicateUniqueId
        | C::NonIdenticalHash
        | C::ReplacedNotApproved
        | C::MetadataVersion
        | C::MetadataUpdate
        | C::IdentifierTaken
        | C::MergeRefused
        | C::ReferencesExist => StatusCode::CONFLICT,
        C::BundleContent
        | C::BundleMethod
        | C::ProfileMissing
        | C::ProfileUnknown
        | C::SubjectMissing
        | C::MeasureUnknown
        | C::MeasureCalculated
        | C::MeasureValueMissing
        | C::MeasureUnit
        | C::MeasureRange
        | C::MeasurePressure
        | C::MeasureDate
        | C::MeasureComment
        | C::MomentMissing
        | C::MomentForbidden
        | C::DaysMissing
        | C::DaysForbidden
        | C::DeviceReference
        | C::DeviceKey
        | C::ResourceInvalid
        | C::EmptySubmission
        | C::MetadataMissing
        | C::MetadataInvalid
        | C::MetadataRepeated
        | C::MetadataObject
        | C::MetadataParent
        | C::OneSubmissionSet
        | C::NotInSet
        | C::SubmissionSetStatus
        | C::AssociationType
        | C::MetadataUuid
        | C::MetadataOid
        | C::MetadataCommunity
        | C::MetadataTime
        | C::MetadataPeriod
        | C::MetadataCode
        | C::MetadataPatientId
        | C::MetadataReferenceId
        | C::MetadataPatientInfo
        | C::MetadataPerson
        | C::MetadataOrganization
        | C::MetadataRecipient
        | C::MetadataLanguage
        | C::MetadataMediaType
        | C::MetadataHash
        | C::MetadataSize
        | C::MetadataTitle
        | C::MetadataAvailability
        | C::UniqueIdInvalid
        | C::UnknownDocumentType
        | C::WithdrawnDocumentType
        | C::CodeUnknown
        | C::ClassMismatch
        | C::VisibilityConflict
        | C::DuplicateUniqueIdInMessage
        | C::NonIdenticalSize
        | C::MissingDocument
        | C::MissingDocumentMetadata
        | C::UnknownAssociationTarget
        | C::MetadataIdentifier
        | C::ContentInvalid
        | C::ConsumerRefused
        | C::SetSignatureMissing
        | C::SetSignatureMalformed
        | C::SetSignatureInvalid
        | C::SetSignatureIncomplete
        | C::SetSignatureSigner
        | C::SetSignatureUnexamined
        | C::MetadataOperation
        | C::LocalIdInvalid
        | C::InsMissing
        | C::IdentityMismatch
        | C::InsInvalid
        | C::InsKeyWrong => StatusCode::UNPROCESSABLE_ENTITY,
        C::Busy | C::StorageFull | C::EvidenceUnavailable | C::UnavailableCommunity => StatusCode::SERVICE_UNAVAILABLE,
        C::Internal | C::DocumentDamaged => StatusCode::INTERNAL_SERVER_ERROR,
        C::IdMismatch
        | C::PreconditionInvalid
        | C::BundleMissing
        | C::SearchMode
        | C::PageTooLarge
        | C::MalformedXml
        | C::DtdForbidden
        | C::TooDeep
        | C::MalformedMultipart
        | C::Truncated
        | C::MissingPart
        | C::MalformedSoap
        | C::VersionMismatch
        | C::MustUnderstand
        | C::UnknownAction
        | C::MalformedMessage
        | C::MalformedJson
        | C::UnknownStoredQuery
        | C::UnknownDomain
        | C::MissingCommunity
        | C::QueryParameterMissing
        | C::QueryParameterInvalid
        | C::QueryParameterUnknown
        | C::UnknownQuery
        | C::TooManyResults => StatusCode::BAD_REQUEST,
    }
}

/// The `issue-type` of a cause.
fn issue_type(cause: Cause) -> &'static str {
    use Cause as C;
    match cause {
        C::MomentMissing | C::DaysMissing => "incomplete",
        C::BundleMethod | C::MeasureCalculated => "not-supported",
        C::MetadataMissing
        | C::OneSubmissionSet
        | C::NotInSet
        | C::EmptySubmission
        | C::MissingDocument
        | C::QueryParameterMissing
        | C::InsMissing => "required",
        C::CodeUnknown
        | C::MeasureUnknown
        | C::MeasureUnit
        | C::UnknownDocumentType
        | C::WithdrawnDocumentType
        | C::UnknownDomain
        | C::UnknownTargetDomain => "code-invalid",
        C::ClassMismatch
        | C::VisibilityConflict
        | C::NonIdenticalSize
        | C::SecretVisibility
        | C::MeasurePressure
        | C::MeasureDate
        | C::IdentityMismatch => "business-rule",
        C::MeasureValueMissing
        | C::MeasureRange
        | C::IdMismatch
        | C::PreconditionInvalid
        | C::InsInvalid
        | C::InsKeyWrong
        | C::MetadataInvalid
        | C::MetadataRepeated
        | C::MetadataObject
        | C::MetadataParent
        | C::SubmissionSetStatus
        | C::AssociationType
        | C::MetadataUuid
        | C::MetadataOid
        | C::MetadataCommunity
        | C::MetadataTime
        | C::MetadataPeriod
        | C::MetadataCode
        | C::MetadataPatientId
        | C::MetadataReferenceId
        | C::MetadataPatientInfo
        | C::MetadataPerson
        | C::MetadataOrganization
        | C::MetadataRecipient
        | C::MetadataLanguage
        | C::MetadataMediaType
        | C::MetadataHash
        | C::MetadataSize
        | C::MetadataTitle
        | C::MetadataAvailability
        | C::UniqueIdInvalid
        | C::QueryParameterInvalid
        | C::LocalIdInvalid => "value",
        C::DuplicateUniqueId | C::DuplicateUniqueIdInMessage | C::IdentifierTaken => "duplicate",
        C::NonIdenticalHash
        | C::DatumChanged
        | C::ReplacedNotApproved
        | C::MetadataVersion
        | C::MetadataUpdate
        | C::MergeRefused => "conflict",
        C::UnknownHolder
        | C::UnknownDocument
        | C::UnknownDatum
        | C::RouteUnknown
        | C::UnknownAssociationTarget
        | C::UnknownIdentifier => "not-found",
        C::DocumentDeleted | C::DatumRemoved => "deleted",
        C::TooLarge | C::MeasureComment => "too-long",
        C::TooManyResults => "too-costly",
        C::TimedOut => "timeout",
        C::Busy => "throttled",
        C::StorageFull | C::EvidenceUnavailable | C::UnavailableCommunity => "transient",
        C::DocumentDamaged => "incomplete",
        C::Internal => "exception",
        C::FormatNotServed | C::WrongContentType | C::MethodNotServed | C::QueryParameterUnknown => "not-supported",
        C::BearerMissing => "login",
        C::AssertionExpired => "expired",
        other => match status_of(other) {
            StatusCode::UNAUTHORIZED => "security",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::BAD_REQUEST => "structure",
            _ => "invalid",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_an_outcome_that_is_fhir() {
        for cause in Cause::ALL {
            let refusal = Refusal::new(*cause).at("Bundle.entry[0]").about("status");
            let outcome = OperationOutcome { issue: vec![issue(&refusal, "error")] };
            let value = serde_json::to_value(&outcome).expect("JSON");
            wire_fhir::check(&value).unwrap_or_else(|e| panic!("{}: {e}", cause.code()));
            assert!(status_of(*cause).is_client_error() || status_of(*cause).is_server_error());
        }
    }
}
