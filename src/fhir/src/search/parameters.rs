//! The parameters served, one table for each resource (PDSm 3.1.1 *GestionnaireDePartageDeDocuments*, MHD 4.2 ITI-66
//! and ITI-67, TDE 2.0.0). The code that reads parameters and the `CapabilityStatement` both go by these tables.

/// Kind of a search parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Token,
    Date,
    String,
    Reference,
    Quantity,
}

impl Kind {
    /// As FHIR writes it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Date => "date",
            Self::String => "string",
            Self::Reference => "reference",
            Self::Quantity => "quantity",
        }
    }
}

/// A parameter served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Its code.
    pub(crate) name: &'static str,
    /// Other ways to write it.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) kind: Kind,
    /// Canonical URL of its definition; empty for a chained parameter, which has none.
    pub(crate) definition: &'static str,
}

macro_rules! parameters {
    ($(#[$doc:meta])* $table:ident: $($name:literal $(| $alias:literal)* $kind:ident $definition:literal;)*) => {
        $(#[$doc])*
        pub(crate) static $table: &[Parameter] = &[$(
            Parameter { name: $name, aliases: &[$($alias),*], kind: Kind::$kind, definition: $definition },
        )*];
    };
}

parameters! {
    /// ITI-67.
    DOCUMENT_REFERENCE:
    "_id" Token "http://hl7.org/fhir/SearchParameter/Resource-id";
    "patient" | "subject" Reference "http://hl7.org/fhir/SearchParameter/clinical-patient";
    "patient.identifier" | "patient:identifier" | "subject:identifier" Token "";
    "status" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-status";
    "isArchived" Token "https://interop.esante.gouv.fr/ig/fhir/pdsm/SearchParameter/PDSm-isArchived";
    "identifier" Token "http://hl7.org/fhir/SearchParameter/clinical-identifier";
    "type" Token "http://hl7.org/fhir/SearchParameter/clinical-type";
    "category" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-category";
    "format" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-format";
    "facility" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-facility";
    "setting" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-setting";
    "security-label" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-security-label";
    "event" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-event";
    "date" Date "http://hl7.org/fhir/SearchParameter/DocumentReference-date";
    "creation" Date "https://profiles.ihe.net/ITI/MHD/SearchParameter/DocumentReference-Creation";
    "period" Date "http://hl7.org/fhir/SearchParameter/DocumentReference-period";
    "period-start" Date "https://interop.esante.gouv.fr/ig/fhir/pdsm/SearchParameter/PDSm-DocumentReference-period-start";
    "period-end" Date "https://interop.esante.gouv.fr/ig/fhir/pdsm/SearchParameter/PDSm-DocumentReference-period-end";
    "author.given" String "";
    "author.family" String "";
    "related" | "related:identifier" Reference "http://hl7.org/fhir/SearchParameter/DocumentReference-related";
    "relatesto" Reference "http://hl7.org/fhir/SearchParameter/DocumentReference-relatesto";
    "relation" Token "http://hl7.org/fhir/SearchParameter/DocumentReference-relation";
}

parameters! {
    /// ITI-66.
    LIST:
    "_id" Token "http://hl7.org/fhir/SearchParameter/Resource-id";
    "patient" | "subject" Reference "http://hl7.org/fhir/SearchParameter/clinical-patient";
    "patient.identifier" | "patient:identifier" | "subject:identifier" Token "";
    "code" Token "http://hl7.org/fhir/SearchParameter/clinical-code";
    "status" Token "http://hl7.org/fhir/SearchParameter/List-status";
    "isArchived" Token "https://interop.esante.gouv.fr/ig/fhir/pdsm/SearchParameter/PDSm-isArchived";
    "identifier" Token "http://hl7.org/fhir/SearchParameter/clinical-identifier";
    "date" Date "http://hl7.org/fhir/SearchParameter/clinical-date";
    "designationType" Token "https://profiles.ihe.net/ITI/MHD/SearchParameter/List-DesignationType";
    "sourceId" Token "https://profiles.ihe.net/ITI/MHD/SearchParameter/List-SourceId";
    "title" String "http://hl7.org/fhir/SearchParameter/List-title";
    "source.given" String "";
    "source.family" String "";
}

parameters! {
    /// ITI-78: by number, or under the law of ITI-47 by traits, each compared whole.
    PATIENT:
    "identifier" Token "http://hl7.org/fhir/SearchParameter/Patient-identifier";
    "family" | "family:exact" String "http://hl7.org/fhir/SearchParameter/individual-family";
    "given" | "given:exact" String "http://hl7.org/fhir/SearchParameter/individual-given";
    "birthdate" Date "http://hl7.org/fhir/SearchParameter/individual-birthdate";
    "gender" Token "http://hl7.org/fhir/SearchParameter/individual-gender";
}

parameters! {
    /// Measures.
    OBSERVATION:
    "_id" Token "http://hl7.org/fhir/SearchParameter/Resource-id";
    "_lastUpdated" Date "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated";
    "patient" | "subject" Reference "http://hl7.org/fhir/SearchParameter/clinical-patient";
    "patient.identifier" | "patient:identifier" | "subject:identifier" | "subject.identifier" Token "";
    "category" Token "http://hl7.org/fhir/SearchParameter/Observation-category";
    "code" Token "http://hl7.org/fhir/SearchParameter/clinical-code";
    "combo-code" Token "http://hl7.org/fhir/SearchParameter/Observation-combo-code";
    "component-code" Token "http://hl7.org/fhir/SearchParameter/Observation-component-code";
    "date" Date "http://hl7.org/fhir/SearchParameter/clinical-date";
    "device" Reference "http://hl7.org/fhir/SearchParameter/Observation-device";
    "method" Token "http://hl7.org/fhir/SearchParameter/Observation-method";
    "status" Token "http://hl7.org/fhir/SearchParameter/Observation-status";
    "value-quantity" Quantity "http://hl7.org/fhir/SearchParameter/Observation-value-quantity";
    "component-value-quantity" Quantity "http://hl7.org/fhir/SearchParameter/Observation-component-value-quantity";
    "combo-value-quantity" Quantity "http://hl7.org/fhir/SearchParameter/Observation-combo-value-quantity";
}

parameters! {
    /// The condition of ITI-104.
    PATIENT_NUMBER:
    "identifier" Token "http://hl7.org/fhir/SearchParameter/Patient-identifier";
}

parameters! {
    /// What ITI-104 takes away: a number, or with `link` that two are one person's.
    PATIENT_REMOVAL:
    "identifier" Token "http://hl7.org/fhir/SearchParameter/Patient-identifier";
    "link.identifier" | "link:identifier" Token "";
}

parameters! {
    /// Traces of a space.
    AUDIT_EVENT:
    "patient" Reference "http://hl7.org/fhir/SearchParameter/AuditEvent-patient";
    "patient.identifier" | "patient:identifier" Token "";
    "date" Date "http://hl7.org/fhir/SearchParameter/AuditEvent-date";
    "period-start" Date "https://interop.esante.gouv.fr/ig/fhir/tde/SearchParameter/TDE-AuditEvent-period-start";
    "outcome" Token "http://hl7.org/fhir/SearchParameter/AuditEvent-outcome";
    "action" Token "http://hl7.org/fhir/SearchParameter/AuditEvent-action";
}
