//! The DMPs that a professional may read: PatientsSpecific.wsdl.

use super::{answer, message};
use crate::ns;
use crate::record::{codes, record};

codes! {
    text;
    /// `dateTypeEnum`: what `startDate` bounds.
    pub enum PatientListDateType {
        /// The last authorisation given, spelt so by the schema.
        LastAuthorization = "LASTAUTORIZATION",
        /// The last document deposited.
        LastDoc = "LASTDOC",
    }
}

record! {
    strict ns::DMP_PATIENTS;
    /// `patientList` (TD0.4): which DMPs the caller is authorised on.
    pub struct PatientList [xmlns = ns::DMP_PATIENTS] {
        /// `startDate`, yyyyMMddHHmmss.
        start_date: opt String = "startDate",
        /// `dateType`.
        date_type: opt PatientListDateType = "dateType",
        /// `psOwnerId`: another professional, on whose behalf the caller asks.
        ps_owner_id: opt String = "psOwnerId",
    }
}
message!(PatientList, ns::DMP_PATIENTS, "patientList");

record! {
    lenient ns::DMP_PATIENTS;
    /// `PatientIdentifierListData`: one identifier of a patient.
    pub struct PatientIdentifier [] {
        /// `nationalId`, the matricule or the INS-C.
        national_id: opt String = "nationalId",
        /// `nationalIdType`, its OID.
        national_id_type: opt String = "nationalIdType",
    }
}

record! {
    lenient ns::DMP_PATIENTS;
    /// `PatientListData`: one DMP.
    pub struct PatientListData [] {
        /// `patientIdentifier`.
        patient_identifiers: many PatientIdentifier = "patientIdentifier",
        /// `lastName`.
        last_name: opt String = "lastName",
        /// `patronymicalName`, the birth name.
        patronymical_name: opt String = "patronymicalName",
        /// `firstName`.
        first_name: opt String = "firstName",
        /// `civility`.
        civility: opt String = "civility",
        /// `dateOfBirth`, yyyyMMdd.
        date_of_birth: opt String = "dateOfBirth",
        /// `MT`: the caller is this patient's médecin traitant.
        medecin_traitant: one bool = "MT",
        /// `message`: the DMP has something to say to the caller.
        message: one bool = "message",
        /// `lastAccessDate`, yyyyMMddHHmmss.
        last_access_date: opt String = "lastAccessDate",
        /// `lastUpdateDate`, yyyyMMddHHmmss.
        last_update_date: opt String = "lastUpdateDate",
        /// `lastAddDate`, yyyyMMddHHmmss.
        last_add_date: opt String = "lastAddDate",
    }
}

record! {
    lenient ns::DMP_PATIENTS;
    /// `patientListResponse`, its `output`.
    pub struct PatientListResponse [] inside [xmlns = ns::DMP_PATIENTS] "output" {
        /// `patientlistData`.
        patients: many PatientListData = "patientlistData",
        /// `status`, a word of [`status`](super::status) or another.
        status: opt String = "status",
        /// `context`: what a person should know.
        context: opt String = "context",
    }
}
message!(PatientListResponse, ns::DMP_PATIENTS, "patientListResponse");
answer!(PatientListResponse);
