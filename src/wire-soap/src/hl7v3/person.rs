//! The person that a patient is, as the registry messages have one: names, ties and places.

use super::addresses::{PostalAddress, Telecom};
use super::concept::ConceptDescriptor;
use super::datatypes::{Code, InstanceIdentifier, Nullable, Timestamp};
use super::entities::ScopingOrganization;
use super::names::EntityName;
use crate::ns;
use crate::record::record;

record! {
    lenient ns::HL7V3;
    /// `asOtherIDs`: identifiers that others know the person by.
    pub struct OtherIds [] attrs {
        /// `@classCode`: `PAT` as a patient, `CIT` as a citizen ...
        class_code: "classCode" = "PAT",
    } {
        /// `id`.
        ids: some InstanceIdentifier = "id",
        /// `statusCode`.
        status_code: opt Code = "statusCode",
        /// `scopingOrganization`.
        scoping_organization: opt ScopingOrganization = "scopingOrganization",
    }
}

record! {
    lenient ns::HL7V3;
    /// `relationshipHolder1`: a person that stands in a relation to the patient.
    pub struct RelatedPerson [classCode = "PSN", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `name`.
        names: many EntityName = "name",
        /// `administrativeGenderCode`.
        administrative_gender_code: opt ConceptDescriptor = "administrativeGenderCode",
        /// `birthTime`.
        birth_time: opt Nullable<Timestamp> = "birthTime",
    }
}

/// The code system of relations (HL7 RoleCode).
pub const ROLE_CODE: &str = "2.16.840.1.113883.5.111";

record! {
    lenient ns::HL7V3;
    /// `personalRelationship`: code `MTH` of [`ROLE_CODE`] is the mother.
    pub struct PersonalRelationship [classCode = "PRS"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `code`.
        code: one ConceptDescriptor = "code",
        /// `addr`.
        addresses: many PostalAddress = "addr",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
        /// `statusCode`.
        status_code: opt Code = "statusCode",
        /// `relationshipHolder1`.
        relationship_holder: opt RelatedPerson = "relationshipHolder1",
    }
}

record! {
    lenient ns::HL7V3;
    /// `guardianPerson`.
    pub struct GuardianPerson [classCode = "PSN", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `name`.
        names: some EntityName = "name",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
    }
}

record! {
    lenient ns::HL7V3;
    /// `guardian`: a legal representative.
    pub struct Guardian [classCode = "GUARD"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `addr`.
        addresses: many PostalAddress = "addr",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
        /// `guardianPerson`.
        guardian_person: opt GuardianPerson = "guardianPerson",
    }
}

record! {
    lenient ns::HL7V3;
    /// `birthplace`: a place by name.
    pub struct BirthPlaceEntity [classCode = "PLC", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `code`.
        code: opt ConceptDescriptor = "code",
        /// `name`.
        names: many EntityName = "name",
        /// `addr`.
        address: opt PostalAddress = "addr",
    }
}

record! {
    lenient ns::HL7V3;
    /// `birthPlace`.
    pub struct BirthPlace [classCode = "BIRTHPL"] {
        /// `addr`.
        address: opt PostalAddress = "addr",
        /// `birthplace`.
        birthplace: opt BirthPlaceEntity = "birthplace",
    }
}

record! {
    lenient ns::HL7V3;
    /// `languageCommunication`.
    pub struct LanguageCommunication [] {
        /// `languageCode`.
        language_code: one ConceptDescriptor = "languageCode",
        /// `preferenceInd`.
        preference_ind: opt Nullable<bool> = "preferenceInd",
    }
}

record! {
    lenient ns::HL7V3;
    /// `patientPerson`. Employment, citizenship, religion, origin and the like are not kept.
    pub struct Person [classCode = "PSN", determinerCode = "INSTANCE"] {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `name`; one with a null flavour where none may be told.
        names: some EntityName = "name",
        /// `telecom`.
        telecoms: many Telecom = "telecom",
        /// `administrativeGenderCode`.
        administrative_gender_code: opt ConceptDescriptor = "administrativeGenderCode",
        /// `birthTime`.
        birth_time: opt Nullable<Timestamp> = "birthTime",
        /// `deceasedInd`.
        deceased_ind: opt Nullable<bool> = "deceasedInd",
        /// `deceasedTime`.
        deceased_time: opt Nullable<Timestamp> = "deceasedTime",
        /// `multipleBirthInd`.
        multiple_birth_ind: opt Nullable<bool> = "multipleBirthInd",
        /// `multipleBirthOrderNumber`.
        multiple_birth_order_number: opt Nullable<i64> = "multipleBirthOrderNumber",
        /// `addr`.
        addresses: many PostalAddress = "addr",
        /// `maritalStatusCode`.
        marital_status_code: opt ConceptDescriptor = "maritalStatusCode",
        /// `asOtherIDs`.
        other_ids: many OtherIds = "asOtherIDs",
        /// `guardian`.
        guardians: many Guardian = "guardian",
        /// `personalRelationship`.
        personal_relationships: many PersonalRelationship = "personalRelationship",
        /// `birthPlace`.
        birth_place: opt BirthPlace = "birthPlace",
        /// `languageCommunication`.
        language_communications: many LanguageCommunication = "languageCommunication",
    }
}
