//! A patient as the registry messages have one: PRPA_MT201301, 201302, 201303, 201304 and 201310.

use super::addresses::{PostalAddress, Telecom};
use super::concept::ConceptDescriptor;
use super::datatypes::{Code, InstanceIdentifier, Nullable};
use super::entities::Organization;
use super::interval::Interval;
use super::names::EntityName;
use super::person::{OtherIds, Person};
use super::value::Value;
use crate::ns;
use crate::record::record;

record! {
    lenient ns::HL7V3;
    /// `subjectOf/administrativeObservation` (`subjectOf2` in PDQ): what is observed of a patient's file.
    pub struct AdministrativeObservation [classCode = "OBS", moodCode = "EVN"]
    inside [typeCode = "SBJ"] "administrativeObservation" {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `code`.
        code: one ConceptDescriptor = "code",
        /// `statusCode`.
        status_code: opt Code = "statusCode",
        /// `value`; required by the schema.
        value: opt Value = "value",
    }
}

impl AdministrativeObservation {
    /// A code and its value.
    #[must_use]
    pub fn new(code: ConceptDescriptor, value: Value) -> Self {
        Self { code, value: Some(value), ..Self::default() }
    }
}

/// What the DMP observes of a DMP: codes of `administrativeObservation`.
pub mod observation {
    /// The code system of [`INTERNET_ACCOUNT_OPEN`].
    pub const ACCOUNT_CODE_SYSTEM: &str = "1.2.250.1.213.4.1.2.9";
    /// The patient has an internet account.
    pub const INTERNET_ACCOUNT_OPEN: &str = "COMPTE_INTERNET_OUVERT";
    /// The code system of the next three.
    pub const STATE_CODE_SYSTEM: &str = "1.2.250.1.213.4.1.2.3";
    /// The DMP is attached to Mon espace santé.
    pub const ATTACHED_TO_ENS: &str = "RATTACHEMENT_ENS";
    /// The patient opposes breaking the glass.
    pub const OPPOSES_BREAK_GLASS: &str = "OPPOSITION_BRIS_DE_GLACE";
    /// The patient opposes access of emergency regulation.
    pub const OPPOSES_EMERGENCY_ACCESS: &str = "OPPOSITION_ACCES_URGENCE";
    /// The code system of closing reasons, as `FERMETURE_DEMANDE_PATIENT`.
    pub const CLOSING_CODE_SYSTEM: &str = "1.2.250.1.213.4.1.2.4";
}

record! {
    lenient ns::HL7V3;
    /// `subjectOf1/queryMatchObservation` (PDQ): how well a candidate fits, in percent.
    pub struct QueryMatchObservation [classCode = "COND", moodCode = "EVN"]
    inside [typeCode = "SBJ"] "queryMatchObservation" {
        /// `code`: `IHE_PDQ`.
        code: one ConceptDescriptor = "code",
        /// `value`; required by the schema, `INT` by IHE.
        value: opt Value = "value",
    }
}

record! {
    lenient ns::HL7V3;
    /// `patient` of PRPA_MT201301, 201302 and 201303.
    pub struct Patient [classCode = "PAT"] {
        /// `id`.
        ids: some InstanceIdentifier = "id",
        /// `addr`.
        addresses: many PostalAddress = "addr",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
        /// `statusCode`: `active`, or what else became of the file.
        status_code: one Code = "statusCode",
        /// `effectiveTime`.
        effective_time: opt Interval = "effectiveTime",
        /// `confidentialityCode`.
        confidentiality_codes: many ConceptDescriptor = "confidentialityCode",
        /// `patientPerson`; nil where the patient is its identifiers alone.
        person: nillable Person = "patientPerson",
        /// `providerOrganization`; required by the schema of PRPA_IN201301, 201311 and 201313.
        provider_organization: opt Organization = "providerOrganization",
        /// `subjectOf`.
        observations: many AdministrativeObservation = "subjectOf",
    }
}

record! {
    lenient ns::HL7V3;
    /// `patient` of PRPA_MT201310: a candidate.
    pub struct Candidate [classCode = "PAT"] {
        /// `id`.
        ids: some InstanceIdentifier = "id",
        /// `addr`.
        addresses: many PostalAddress = "addr",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
        /// `statusCode`.
        status_code: one Code = "statusCode",
        /// `effectiveTime`.
        effective_time: opt Interval = "effectiveTime",
        /// `confidentialityCode`.
        confidentiality_codes: many ConceptDescriptor = "confidentialityCode",
        /// `patientPerson`; nil where the patient is its identifiers alone.
        person: nillable Person = "patientPerson",
        /// `providerOrganization`.
        provider_organization: opt Organization = "providerOrganization",
        /// `subjectOf1`; the schema wants one.
        query_matches: many QueryMatchObservation = "subjectOf1",
        /// `subjectOf2`.
        observations: many AdministrativeObservation = "subjectOf2",
    }
}

impl Candidate {
    /// A patient, and how well it fits in percent.
    #[must_use]
    pub fn new(patient: Patient, match_percent: i64) -> Self {
        let query_match = QueryMatchObservation {
            // IHE's code, of no system (ITI TF-2 3.47.4.2.2).
            code: ConceptDescriptor { code: Some("IHE_PDQ".into()), ..ConceptDescriptor::default() },
            value: Some(Value::Integer(Nullable::Value(match_percent))),
        };
        Self {
            ids: patient.ids,
            addresses: patient.addresses,
            telecoms: patient.telecoms,
            status_code: patient.status_code,
            effective_time: patient.effective_time,
            confidentiality_codes: patient.confidentiality_codes,
            person: patient.person,
            provider_organization: patient.provider_organization,
            query_matches: vec![query_match],
            observations: patient.observations,
        }
    }
}

record! {
    lenient ns::HL7V3;
    /// `patientPerson` of PRPA_MT201304: names and identifiers only.
    pub struct IdentifiedPerson [classCode = "PSN", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `name`; PIX tells none, and gives a null flavour.
        names: some EntityName = "name",
        /// `asOtherIDs`.
        other_ids: many OtherIds = "asOtherIDs",
    }
}

record! {
    lenient ns::HL7V3;
    /// `patient` of PRPA_MT201304: who it is, and under which identifiers.
    pub struct IdentifiedPatient [classCode = "PAT"] {
        /// `id`.
        ids: some InstanceIdentifier = "id",
        /// `statusCode`.
        status_code: one Code = "statusCode",
        /// `effectiveTime`.
        effective_time: opt Interval = "effectiveTime",
        /// `patientPerson`; nil where the patient is its identifiers alone.
        person: nillable IdentifiedPerson = "patientPerson",
        /// `providerOrganization`.
        provider_organization: opt Organization = "providerOrganization",
    }
}
