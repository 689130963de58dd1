//! The one place where causes become what this face sends: registry errors (ITI TF-3 Table 4.2.4.1-2) for what the
//! transaction itself refuses, SOAP faults for what is wrong with the message or the credential.

use std::borrow::Cow;

use axum::http::StatusCode;
use space::{Cause, Refusal};
use wire_soap::{
    MessageError, MessageErrorKind,
    envelope::SoapError,
    multipart::MultipartError,
    reply::{Fault, FaultCode, FaultDetail, Subcode},
    xds::{RegistryError, Severity},
    xml::XmlError,
};

/// Namespace of the subcodes of our faults.
const CAUSES: &str = "urn:passerelle:cause";

/// How a cause is sent.
enum Wire {
    /// In a registry response, under this code.
    Registry(&'static str),
    /// As a fault.
    Fault(FaultCode),
}

fn wire(cause: Cause) -> Wire {
    use Cause as C;
    use Wire::{Fault as F, Registry as R};
    match cause {
        C::UnknownHolder => R("XDSUnknownPatientId"),
        C::PatientMismatch => R("XDSPatientIdDoesNotMatch"),
        C::DuplicateUniqueIdInMessage => R("XDSRegistryDuplicateUniqueIdInMessage"),
        C::DuplicateUniqueId => R("XDSDuplicateUniqueIdInRegistry"),
        C::NonIdenticalHash => R("XDSNonIdenticalHash"),
        C::NonIdenticalSize => R("XDSNonIdenticalSize"),
        C::MissingDocument | C::MissingPart => R("XDSMissingDocument"),
        C::MissingDocumentMetadata => R("XDSMissingDocumentMetadata"),
        C::UnknownDocument | C::DocumentDeleted | C::Masked => R("XDSDocumentUniqueIdError"),
        C::UnknownRepository => R("XDSUnknownRepositoryId"),
        C::UnknownStoredQuery => R("XDSUnknownStoredQuery"),
        C::QueryParameterMissing => R("XDSStoredQueryMissingParam"),
        C::QueryParameterInvalid | C::QueryParameterUnknown => R("XDSStoredQueryParamNumber"),
        C::TooManyResults => R("XDSTooManyResults"),
        C::ReplacedNotApproved => R("XDSRegistryDeprecatedDocumentError"),
        C::UnknownAssociationTarget => R("UnresolvedReferenceException"),
        C::ContentInvalid
        | C::SetSignatureMissing
        | C::SetSignatureMalformed
        | C::SetSignatureInvalid
        | C::SetSignatureIncomplete
        | C::SetSignatureSigner
        | C::SetSignatureUnexamined => R("InvalidDocumentContent"),
        C::MetadataVersion => R("XDSMetadataVersionError"),
        C::MetadataIdentifier => R("XDSMetadataIdentifierError"),
        C::MetadataOperation => R("XDSMetadataUpdateOperationError"),
        C::MetadataUpdate => R("XDSMetadataUpdateError"),
        C::UnmodifiableMetadata => R("UnmodifiableMetadataError"),
        C::ReferencesExist => R("ReferencesExistException"),
        C::UnknownCommunity => R("XDSUnknownCommunity"),
        C::MissingCommunity => R("XDSMissingHomeCommunityId"),
        C::UnavailableCommunity => R("XDSUnavailableCommunity"),
        C::EmptySubmission
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
        | C::InsInvalid
        | C::InsKeyWrong
        | C::SecretVisibility => R("XDSRegistryMetadataError"),
        C::SpaceNotOpen
        | C::SpaceClosed
        | C::NotAuthorised
        | C::Blocked
        | C::FunctionDenied
        | C::MatrixExcludes
        | C::ProfessionExcluded
        | C::EmergencyOpposed
        | C::ReasonRequired
        | C::NotAuthor => R("LocalPolicyRestrictionError"),
        C::Busy | C::EvidenceUnavailable => R("XDSRegistryBusy"),
        C::StorageFull => R("XDSRegistryOutOfResources"),
        C::DocumentDamaged => R("XDSRepositoryError"),
        C::Internal => R("XDSRegistryError"),
        C::VersionMismatch => F(FaultCode::VersionMismatch),
        C::MustUnderstand => F(FaultCode::MustUnderstand),
        _ => F(FaultCode::Sender),
    }
}

/// Whether the gateway, and not the sender, is what went wrong.
const fn is_ours(cause: Cause) -> bool {
    use Cause as C;
    matches!(cause, C::Busy | C::StorageFull | C::EvidenceUnavailable | C::DocumentDamaged | C::Internal)
}

/// One sentence in both languages, with what and by which rule.
pub(crate) fn context(refusal: &Refusal) -> String {
    let cause = refusal.cause;
    let subject = refusal.subject.as_ref().map_or_else(String::new, |s| format!(" [{s}]"));
    format!("{}{subject} — {} — {} — {}", cause.code(), cause.advice_fr(), cause.advice_en(), cause.rule())
}

/// What is worth knowing of a message that was carried out.
pub(crate) fn warnings(refusals: &[Refusal]) -> Vec<RegistryError> {
    refusals
        .iter()
        .filter_map(|refusal| match wire(refusal.cause) {
            Wire::Registry(code) => Some(RegistryError {
                code: Cow::Borrowed(code),
                context: context(refusal),
                location: refusal.place.clone(),
                severity: Severity::Warning,
            }),
            Wire::Fault(_) => None,
        })
        .collect()
}

/// The registry error of a refusal that is told of another server: one that has no code of a registry's is that of one
/// that is not there.
pub(crate) fn registry_error(refusal: &Refusal) -> RegistryError {
    let code = match wire(refusal.cause) {
        Wire::Registry(code) => code,
        Wire::Fault(_) => "XDSUnavailableCommunity",
    };
    RegistryError {
        code: Cow::Borrowed(code),
        context: context(refusal),
        location: refusal.place.clone(),
        severity: Severity::Error,
    }
}

/// The registry errors of refusals, or the first of them that is none of a registry's and makes a fault.
pub(crate) fn registry_errors(refusals: &[Refusal]) -> Result<Vec<RegistryError>, &Refusal> {
    let error = |refusal: &Refusal, code: &'static str| RegistryError {
        code: Cow::Borrowed(code),
        context: context(refusal),
        location: refusal.place.clone(),
        severity: Severity::Error,
    };
    let sent = refusals.iter().map(|refusal| match wire(refusal.cause) {
        Wire::Registry(code) => Ok(error(refusal, code)),
        Wire::Fault(_) => Err(refusal),
    });
    sent.collect()
}

/// The fault of a refusal.
pub(crate) fn fault(refusal: &Refusal) -> Fault {
    let cause = refusal.cause;
    let code = match wire(cause) {
        Wire::Fault(code) => code,
        Wire::Registry(_) if is_ours(cause) => FaultCode::Receiver,
        Wire::Registry(_) => FaultCode::Sender,
    };
    let about = |advice: &'static str| match &refusal.subject {
        Some(subject) => Cow::Owned(format!("{advice} [{subject}]")),
        None => Cow::Borrowed(advice),
    };
    Fault {
        code,
        subcode: Some(Subcode { namespace: Cow::Borrowed(CAUSES), local_name: Cow::Borrowed(cause.code()) }),
        reason_fr: about(cause.advice_fr()),
        reason_en: about(cause.advice_en()),
        detail: Some(FaultDetail {
            code: Cow::Borrowed(cause.code()),
            place: refusal.place.clone().unwrap_or_default(),
            rule: Cow::Borrowed(cause.rule()),
        }),
        base: None,
    }
}

/// The HTTP status of a fault (SOAP 1.2 part 2 Table 20; the causes HTTP itself has a word for keep it).
pub(crate) fn status(fault: &Fault, cause: Cause) -> StatusCode {
    match (cause, fault.code) {
        (Cause::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (Cause::WrongContentType, _) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        (Cause::MethodNotServed, _) => StatusCode::METHOD_NOT_ALLOWED,
        (Cause::TimedOut, _) => StatusCode::REQUEST_TIMEOUT,
        (Cause::Busy, _) => StatusCode::SERVICE_UNAVAILABLE,
        (_, FaultCode::Sender) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(crate) fn of_xml(error: &XmlError) -> Refusal {
    let cause = match error {
        XmlError::TooDeep { .. } => Cause::TooDeep,
        XmlError::Doctype => Cause::DtdForbidden,
        XmlError::TooLong { .. } | XmlError::TooManyNodes { .. } => Cause::TooLarge,
        _ => Cause::MalformedXml,
    };
    Refusal::new(cause).at(error.place())
}

pub(crate) fn of_soap(error: &SoapError) -> Refusal {
    let cause = match error {
        SoapError::VersionMismatch { .. } => Cause::VersionMismatch,
        SoapError::MustUnderstand { .. } => Cause::MustUnderstand,
        _ => Cause::MalformedSoap,
    };
    Refusal::new(cause).at(error.place())
}

pub(crate) fn of_message(error: &MessageError) -> Refusal {
    let cause = match error.kind {
        MessageErrorKind::MissingDocument => Cause::MissingDocument,
        MessageErrorKind::MissingDocumentMetadata => Cause::MissingDocumentMetadata,
        MessageErrorKind::InvalidQueryValue => Cause::QueryParameterInvalid,
        _ => Cause::MalformedMessage,
    };
    Refusal::new(cause).at(&error.place).about(error.kind.to_string())
}

pub(crate) fn of_multipart(error: &MultipartError) -> Refusal {
    let cause = match error {
        MultipartError::Truncated { .. } => Cause::Truncated,
        MultipartError::Input(source) => {
            if source.downcast_ref::<crate::receive::Idle>().is_some() {
                Cause::TimedOut
            } else if source.downcast_ref::<crate::receive::TooLong>().is_some() {
                Cause::TooLarge
            } else {
                Cause::Truncated
            }
        }
        _ => Cause::MalformedMultipart,
    };
    Refusal::new(cause).at(error.place())
}

/// The registry code of a cause, or the code of its fault with the HTTP status, as the page for integrators has it.
#[cfg(test)]
pub(crate) fn sent_as(cause: Cause) -> String {
    match wire(cause) {
        Wire::Registry(code) => format!("`{code}`"),
        Wire::Fault(_) => {
            let fault = fault(&Refusal::new(cause));
            format!("fault `{:?}`, HTTP {}", fault.code, status(&fault, cause).as_u16())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_sent_with_its_code_and_both_languages() {
        for &cause in Cause::ALL {
            let refusal = Refusal::new(cause).at("/Envelope");
            let sent = match registry_errors(std::slice::from_ref(&refusal)) {
                Ok(errors) => errors[0].context.clone(),
                Err(refusal) => {
                    let fault = fault(refusal);
                    format!("{:?} {:?} {:?}", fault.detail, fault.reason_fr, fault.reason_en)
                }
            };
            assert!(sent.contains(cause.code()), "{cause:?}");
            assert!(fault(&refusal).detail.is_some_and(|d| d.place == "/Envelope"));
        }
    }
}
