//! The codes of audit messages: which event an act is (DICOM PS3.15 A.5.3, IHE ITI), and the words beside them.

use space::{
    Cause, Purpose,
    trace::{Act, ActKind, Outcome},
};

/// A code, its system (a name or an OID) and what it means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coded {
    /// Code.
    pub(super) code: &'static str,
    /// System: a name, or an OID.
    pub(super) system: &'static str,
    /// Meaning.
    pub(super) text: &'static str,
}

const fn coded(code: &'static str, system: &'static str, text: &'static str) -> Coded {
    Coded { code, system, text }
}

/// The data came from there.
pub(super) const SOURCE: Coded = coded("110153", "DCM", "Source Role ID");
/// The data went there.
pub(super) const DESTINATION: Coded = coded("110152", "DCM", "Destination Role ID");
/// An identifier of a patient, as HL7 CX.
pub(super) const PATIENT_NUMBER: Coded = coded("2", "RFC-3881", "Patient Number");
/// A number of a record, where the patient's is not known.
pub(super) const RECORD_NUMBER: Coded = coded("1", "RFC-3881", "Medical Record Number");
/// The `uniqueId` of a document (ITI-43).
pub(super) const REPORT_NUMBER: Coded = coded("9", "RFC-3881", "Report Number");
/// The `entryUUID` of a document (ITI-92).
pub(super) const ENTRY_UUID: Coded =
    coded("urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1", "IHE XDS Metadata", "document entry object type");
/// An identifier of a user.
pub(super) const USER_IDENTIFIER: Coded = coded("11", "RFC-3881", "User Identifier");
/// A URI.
pub(super) const URI: Coded = coded("12", "RFC-3881", "URI");

const TRANSACTIONS: &str = "IHE Transactions";
/// System of our own type codes: the words that `AuditEvent.subtype` has too.
const ACTS: &str = "urn:passerelle:act";

/// What event an act is.
pub(super) const fn event(act: Act) -> Coded {
    match act.kind() {
        ActKind::Create if matches!(act, Act::Deposit) => coded("110107", "DCM", "Import"),
        ActKind::Read => coded("110106", "DCM", "Export"),
        ActKind::Query => coded("110112", "DCM", "Query"),
        ActKind::ReadTrace => coded("110101", "DCM", "Audit Log Used"),
        ActKind::Create | ActKind::Update | ActKind::Delete => coded("110110", "DCM", "Patient Record"),
    }
}

/// Which transaction it was, or our own word where there is none.
pub(super) fn event_type(act: Act, face: &str) -> Coded {
    match (act, face) {
        (Act::Deposit, "ihe") => coded("ITI-41", TRANSACTIONS, "Provide and Register Document Set-b"),
        (Act::Deposit, "fhir") => coded("ITI-65", TRANSACTIONS, "Provide Document Bundle"),
        (Act::Fetch, "ihe") => coded("ITI-43", TRANSACTIONS, "Retrieve Document Set"),
        (Act::Fetch, "fhir") => coded("ITI-68", TRANSACTIONS, "Retrieve Document"),
        (Act::Find | Act::Lookup, "ihe") => coded("ITI-18", TRANSACTIONS, "Registry Stored Query"),
        (Act::Find | Act::Lookup, "fhir") => coded("ITI-67", TRANSACTIONS, "Find Document References"),
        (
            Act::Update | Act::Mask | Act::Unmask | Act::MakeVisible | Act::Archive | Act::Unarchive | Act::Delete,
            "ihe",
        ) => coded("ITI-57", TRANSACTIONS, "Update Document Set"),
        (Act::Subscribe, "ihe") => coded("ITI-52", TRANSACTIONS, "Document Metadata Subscribe"),
        (Act::FeedIdentity, "ihe") => coded("ITI-44", TRANSACTIONS, "Patient Identity Feed"),
        (Act::FeedIdentity, "fhir") => coded("ITI-104", TRANSACTIONS, "Patient Identity Feed FHIR"),
        (Act::ReadTrace, "fhir") => coded("ITI-81", TRANSACTIONS, "Retrieve ATNA Audit Event"),
        (act, _) => ours(act),
    }
}

/// Our own word for an act.
pub(super) const fn ours(act: Act) -> Coded {
    coded(act.word(), ACTS, act.label())
}

/// `EventActionCode`.
pub(super) const fn action(act: Act) -> &'static str {
    match act.kind() {
        ActKind::Create => "C",
        ActKind::Read | ActKind::ReadTrace => "R",
        ActKind::Query => "E",
        ActKind::Update => "U",
        ActKind::Delete => "D",
    }
}

/// `EventOutcomeIndicator`: 0 done, 4 refused, 8 failed inside.
pub(super) fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "0",
        Outcome::Refused(code) if code == Cause::Internal.code() => "8",
        Outcome::Refused(_) => "4",
    }
}

/// `PurposeOfUse`, in HL7 v3 ActReason.
pub(super) const fn purpose(purpose: &Purpose) -> Coded {
    const ACT_REASON: &str = "2.16.840.1.113883.5.8";
    match purpose {
        Purpose::Normal => coded("TREAT", ACT_REASON, "treatment"),
        Purpose::BrisDeGlace { .. } => coded("BTG", ACT_REASON, "break the glass"),
        Purpose::Centre15 => coded("ETREAT", ACT_REASON, "emergency treatment"),
    }
}
