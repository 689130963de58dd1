//! `controlActProcess`: why a message is sent and by whom, what went wrong, and how a query went (QUQI_MT021001,
//! MFMI_MT700701, 700711, 700721, MCAI_MT900001).

use super::concept::ConceptDescriptor;
use super::datatypes::{Code, InstanceIdentifier, Nullable};
use super::entities::AssignedEntity;
use super::interval::Interval;
use super::value::Value;
use crate::ns;
use crate::record::{codes, record};

record! {
    lenient ns::HL7V3;
    /// `authorOrPerformer`: who asks. One of the two players is there.
    pub struct AuthorOrPerformer [] attrs {
        /// `@typeCode`: `AUT` author, `PRF` performer.
        type_code: "typeCode" = "AUT",
    } {
        /// `time`.
        time: opt Interval = "time",
        /// `assignedDevice`.
        assigned_device: opt AssignedEntity = "assignedDevice",
        /// `assignedPerson`.
        assigned_person: opt AssignedEntity = "assignedPerson",
    }
}

record! {
    lenient ns::HL7V3;
    /// `dataEnterer`: who typed.
    pub struct DataEnterer [typeCode = "ENT"] {
        /// `time`.
        time: opt Interval = "time",
        /// `assignedPerson`.
        assigned_person: one AssignedEntity = "assignedPerson",
    }
}

record! {
    lenient ns::HL7V3;
    /// The head of `controlActProcess`. Overseers and recipients of information are not kept.
    pub struct ControlAct [classCode = "CACT"] attrs {
        /// `@moodCode`: `EVN` it happens, `RQO` it is asked for ...
        mood_code: "moodCode" = "EVN",
    } {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `code`: the trigger event, as `PRPA_TE201305UV02`.
        code: opt ConceptDescriptor = "code",
        /// `text`.
        text: opt String = "text",
        /// `effectiveTime`.
        effective_time: opt Interval = "effectiveTime",
        /// `priorityCode`.
        priority_codes: many ConceptDescriptor = "priorityCode",
        /// `reasonCode`: the DMP tells its transactions apart here, as `TEST_EXST`.
        reason_codes: many ConceptDescriptor = "reasonCode",
        /// `languageCode`.
        language_code: opt ConceptDescriptor = "languageCode",
        /// `authorOrPerformer`.
        authors_or_performers: many AuthorOrPerformer = "authorOrPerformer",
        /// `dataEnterer`.
        data_enterers: many DataEnterer = "dataEnterer",
    }
}

/// The DMP's reason codes: why a message of its `patients` service is sent.
pub mod reason {
    /// Their code system.
    pub const CODE_SYSTEM: &str = "1.2.250.1.213.1.1.4.11";
    /// TD0.2: does this DMP exist, and what may the caller do with it.
    pub const TEST_EXISTENCE: &str = "TEST_EXST";
    /// TD1.3a: read administrative data.
    pub const CONSULT_DATA: &str = "CNSLT_DATA";
    /// TD1.3b: modify administrative data.
    pub const MODIFY_DATA: &str = "MODIF_DATA";
    /// TD1.4: close.
    pub const CLOSE: &str = "FERM";
}

impl ControlAct {
    /// An act that a trigger event of HL7 causes.
    #[must_use]
    pub fn of(trigger_event: &str) -> Self {
        let code = ConceptDescriptor::new(trigger_event, super::transmission::INTERACTIONS);
        Self { code: Some(code), ..Self::default() }
    }

    /// An act for one of the DMP's reasons.
    #[must_use]
    pub fn because(reason: &str) -> Self {
        Self { reason_codes: vec![ConceptDescriptor::new(reason, reason::CODE_SYSTEM)], ..Self::default() }
    }

    /// Whether one of the DMP's reasons is given.
    #[must_use]
    pub fn has_reason(&self, reason: &str) -> bool {
        self.reason_codes.iter().any(|code| code.is(reason, reason::CODE_SYSTEM))
    }
}

record! {
    lenient ns::HL7V3;
    /// `reasonOf/detectedIssueEvent`: why something was not done.
    pub struct DetectedIssueEvent [classCode = "ALRT", moodCode = "EVN"]
    inside [typeCode = "RSON"] "detectedIssueEvent" {
        /// `id`.
        ids: many InstanceIdentifier = "id",
        /// `code`.
        code: one ConceptDescriptor = "code",
        /// `text`.
        text: opt String = "text",
        /// `value`.
        value: opt Value = "value",
        /// `mitigatedBy/detectedIssueManagement`: what would help.
        mitigated_by: many DetectedIssueManagement = "mitigatedBy",
    }
}

record! {
    lenient ns::HL7V3;
    /// `mitigatedBy/detectedIssueManagement`.
    pub struct DetectedIssueManagement [classCode = "ACT", moodCode = "EVN"]
    inside [typeCode = "MITGT"] "detectedIssueManagement" {
        /// `code`.
        code: opt ConceptDescriptor = "code",
        /// `text`.
        text: opt String = "text",
    }
}

codes! {
    code;
    /// `queryResponseCode`. What nobody said was found was not.
    #[derive(Default)]
    pub enum QueryResponse {
        /// There are results.
        Ok = "OK",
        /// Nothing was found.
        #[default]
        NotFound = "NF",
        /// The application failed.
        ApplicationError = "AE",
        /// The parameters are not as they should be.
        ParameterError = "QE",
    }
}

record! {
    lenient ns::HL7V3;
    /// `queryAck`: how a query went.
    pub struct QueryAck [] {
        /// `queryId`, of the query.
        query_id: opt InstanceIdentifier = "queryId",
        /// `statusCode`: `deliveredResponse`, `waitContinuedQueryResponse`, `aborted`.
        status_code: opt Code = "statusCode",
        /// `queryResponseCode`.
        query_response_code: one QueryResponse = "queryResponseCode",
        /// `resultTotalQuantity`.
        result_total_quantity: opt Nullable<i64> = "resultTotalQuantity",
        /// `resultCurrentQuantity`: in this message.
        result_current_quantity: opt Nullable<i64> = "resultCurrentQuantity",
        /// `resultRemainingQuantity`: after this message.
        result_remaining_quantity: opt Nullable<i64> = "resultRemainingQuantity",
    }
}

impl QueryAck {
    /// How a query went, without quantities.
    #[must_use]
    pub fn of(query_id: InstanceIdentifier, query_response_code: QueryResponse) -> Self {
        Self { query_id: Some(query_id), query_response_code, ..Self::default() }
    }
}
