//! Parameters of queries: PRPA_MT201306 and PRPA_MT201307.
//!
//! A parameter that is not named here is refused: a query that one of its conditions were dropped from would find more
//! than was asked for.

use super::addresses::{PostalAddress, Telecom};
use super::concept::{CodedText, ConceptDescriptor};
use super::datatypes::{Code, InstanceIdentifier, Nullable, Timestamp};
use super::interval::Interval;
use super::names::EntityName;
use super::value::Value;
use crate::MessageErrorKind as Kind;
use crate::ebxml::Place;
use crate::ns;
use crate::record::{At, Component, Result, close, many, open, optional, record, write_all};
use crate::xml::Element;
use crate::xml::escape::raw;

/// A parameter: one of its values is to fit. Two that differ in place only are equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameter<T> {
    /// `value`; at least one when read.
    pub values: Vec<T>,
    /// `semanticsText`: which attribute is meant, in words that [`semantics`] has. Empty when the sender left it out,
    /// and then not written.
    pub semantics_text: String,
    /// Where the parameter was read, for the `location` of an acknowledgement.
    pub place: Place,
}

impl<T> Parameter<T> {
    /// A parameter of one value.
    #[must_use]
    pub fn new(semantics_text: &str, value: T) -> Self {
        Self { values: vec![value], semantics_text: semantics_text.to_owned(), place: Place::default() }
    }
}

impl<T: Component> Component for Parameter<T> {
    fn read(element: Element<'_, '_>, at: &At<'_>) -> Result<Self> {
        let values = many(element, ns::HL7V3, "value", at)?;
        if values.is_empty() {
            return Err(at.error(Kind::MissingElement("value")));
        }
        let semantics_text: Option<String> = optional(element, ns::HL7V3, "semanticsText", at)?;
        Ok(Self { values, semantics_text: semantics_text.unwrap_or_default(), place: Place(at.path()) })
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        open(out, name);
        raw(out, ">");
        write_all(&self.values, out, "value");
        if !self.semantics_text.is_empty() {
            self.semantics_text.write(out, "semanticsText");
        }
        close(out, name);
    }
}

/// The words of `semanticsText` (ITI TF-2 3.45, 3.47).
pub mod semantics {
    /// Of `patientIdentifier`.
    pub const PATIENT_ID: &str = "Patient.id";
    /// Of `dataSource`.
    pub const DATA_SOURCE_ID: &str = "DataSource.id";
    /// Of `livingSubjectAdministrativeGender`.
    pub const ADMINISTRATIVE_GENDER: &str = "LivingSubject.administrativeGender";
    /// Of `livingSubjectBirthTime`.
    pub const BIRTH_TIME: &str = "LivingSubject.birthTime";
    /// Of `livingSubjectId`.
    pub const LIVING_SUBJECT_ID: &str = "LivingSubject.id";
    /// Of `livingSubjectName`.
    pub const LIVING_SUBJECT_NAME: &str = "LivingSubject.name";
    /// Of `mothersMaidenName`.
    pub const MOTHERS_MAIDEN_NAME: &str = "Person.MothersMaidenName";
    /// Of `otherIDsScopingOrganization`.
    pub const SCOPING_ORGANIZATION_ID: &str = "OtherIDs.scopingOrganization.id";
    /// Of `patientAddress`.
    pub const PATIENT_ADDRESS: &str = "Patient.addr";
    /// Of `patientTelecom`.
    pub const PATIENT_TELECOM: &str = "Patient.telecom";
}

record! {
    strict ns::HL7V3;
    /// `parameterList` of PRPA_MT201307: who is asked about, and whose identifiers are wanted.
    pub struct IdentifierParameters [] {
        /// `id`.
        id: opt InstanceIdentifier = "id",
        /// `dataSource`: the domains whose identifiers are wanted; all of them when empty.
        data_sources: many Parameter<InstanceIdentifier> = "dataSource",
        /// `patientIdentifier`.
        patient_identifiers: some Parameter<InstanceIdentifier> = "patientIdentifier",
    }
}

record! {
    strict ns::HL7V3;
    /// `queryByParameter` of PRPA_MT201307.
    pub struct IdentifierQuery [] {
        /// `queryId`.
        query_id: one InstanceIdentifier = "queryId",
        /// `statusCode`: `new`.
        status_code: one Code = "statusCode",
        /// `modifyCode`.
        modify_code: opt Code = "modifyCode",
        /// `responseElementGroupId`.
        response_element_group_ids: many InstanceIdentifier = "responseElementGroupId",
        /// `responsePriorityCode`: `I` at once.
        response_priority_code: opt Code = "responsePriorityCode",
        /// `executionAndDeliveryTime`.
        execution_and_delivery_time: opt Nullable<Timestamp> = "executionAndDeliveryTime",
        /// `parameterList`.
        parameters: one IdentifierParameters = "parameterList",
    }
}

impl IdentifierQuery {
    /// A query on one patient.
    #[must_use]
    pub fn on(query_id: InstanceIdentifier, patient: InstanceIdentifier) -> Self {
        let patient = Parameter::new(semantics::PATIENT_ID, patient);
        let parameters = IdentifierParameters { patient_identifiers: vec![patient], ..IdentifierParameters::default() };
        Self { query_id, status_code: "new".into(), parameters, ..Self::default() }
    }

    /// Every identifier of the patient that is asked about.
    pub fn patient_identifiers(&self) -> impl Iterator<Item = &InstanceIdentifier> {
        self.parameters.patient_identifiers.iter().flat_map(|parameter| &parameter.values)
    }

    /// Every domain whose identifiers are wanted.
    pub fn data_sources(&self) -> impl Iterator<Item = &InstanceIdentifier> {
        self.parameters.data_sources.iter().flat_map(|parameter| &parameter.values)
    }
}

record! {
    strict ns::HL7V3;
    /// `matchCriterionList`: how well candidates must fit. Each value is of the type the sender gives it.
    pub struct MatchCriteria [] {
        /// `id`.
        id: opt InstanceIdentifier = "id",
        /// `matchAlgorithm`.
        match_algorithm: opt Parameter<Value> = "matchAlgorithm",
        /// `matchWeight`.
        match_weight: opt Parameter<Value> = "matchWeight",
        /// `minimumDegreeMatch`, percent.
        minimum_degree_match: opt Parameter<Value> = "minimumDegreeMatch",
    }
}

record! {
    strict ns::HL7V3;
    /// `parameterList` of PRPA_MT201306: what is known of the patient. Each parameter is to fit.
    pub struct CandidateParameters [] {
        /// `id`.
        id: opt InstanceIdentifier = "id",
        /// `livingSubjectAdministrativeGender`.
        administrative_gender: many Parameter<ConceptDescriptor> = "livingSubjectAdministrativeGender",
        /// `livingSubjectBirthPlaceAddress`.
        birth_place_address: many Parameter<PostalAddress> = "livingSubjectBirthPlaceAddress",
        /// `livingSubjectBirthPlaceName`.
        birth_place_name: many Parameter<EntityName> = "livingSubjectBirthPlaceName",
        /// `livingSubjectBirthTime`: a day, or days between two.
        birth_time: many Parameter<Interval> = "livingSubjectBirthTime",
        /// `livingSubjectDeceasedTime`.
        deceased_time: many Parameter<Interval> = "livingSubjectDeceasedTime",
        /// `livingSubjectId`.
        living_subject_id: many Parameter<InstanceIdentifier> = "livingSubjectId",
        /// `livingSubjectName`; use `SRCH` asks for more than equal names.
        living_subject_name: many Parameter<EntityName> = "livingSubjectName",
        /// `mothersMaidenName`.
        mothers_maiden_name: many Parameter<EntityName> = "mothersMaidenName",
        /// `otherIDsScopingOrganization`: the domains whose identifiers are wanted.
        scoping_organization: many Parameter<InstanceIdentifier> = "otherIDsScopingOrganization",
        /// `patientAddress`.
        patient_address: many Parameter<PostalAddress> = "patientAddress",
        /// `patientStatusCode`.
        patient_status_code: many Parameter<ConceptDescriptor> = "patientStatusCode",
        /// `patientTelecom`.
        patient_telecom: many Parameter<Telecom> = "patientTelecom",
        /// `principalCareProviderId`.
        principal_care_provider_id: many Parameter<InstanceIdentifier> = "principalCareProviderId",
        /// `principalCareProvisionId`.
        principal_care_provision_id: many Parameter<InstanceIdentifier> = "principalCareProvisionId",
    }
}

record! {
    strict ns::HL7V3;
    /// `sortControl`.
    pub struct SortControl [] {
        /// `sequenceNumber`.
        sequence_number: opt Nullable<i64> = "sequenceNumber",
        /// `elementName`.
        element_name: opt CodedText = "elementName",
        /// `directionCode`.
        direction_code: opt Code = "directionCode",
    }
}

record! {
    strict ns::HL7V3;
    /// `queryByParameter` of PRPA_MT201306.
    pub struct CandidateQuery [] {
        /// `queryId`.
        query_id: one InstanceIdentifier = "queryId",
        /// `statusCode`: `new`.
        status_code: one Code = "statusCode",
        /// `modifyCode`.
        modify_code: opt Code = "modifyCode",
        /// `responseElementGroupId`.
        response_element_group_ids: many InstanceIdentifier = "responseElementGroupId",
        /// `responseModalityCode`: `R` in real time.
        response_modality_code: opt Code = "responseModalityCode",
        /// `responsePriorityCode`: `I` at once.
        response_priority_code: opt Code = "responsePriorityCode",
        /// `initialQuantity`: how many candidates the first answer may have.
        initial_quantity: opt Nullable<i64> = "initialQuantity",
        /// `initialQuantityCode`: of what the quantity counts.
        initial_quantity_code: opt ConceptDescriptor = "initialQuantityCode",
        /// `executionAndDeliveryTime`.
        execution_and_delivery_time: opt Nullable<Timestamp> = "executionAndDeliveryTime",
        /// `matchCriterionList`.
        match_criteria: opt MatchCriteria = "matchCriterionList",
        /// `parameterList`.
        parameters: one CandidateParameters = "parameterList",
        /// `sortControl`.
        sort_controls: many SortControl = "sortControl",
    }
}

impl CandidateQuery {
    /// A query in real time, to be answered at once.
    #[must_use]
    pub fn on(query_id: InstanceIdentifier, parameters: CandidateParameters) -> Self {
        Self {
            query_id,
            status_code: "new".into(),
            response_modality_code: Some("R".into()),
            response_priority_code: Some("I".into()),
            parameters,
            ..Self::default()
        }
    }
}
