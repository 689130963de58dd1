//! Authorisations of professionals on a DMP: Habilitations.wsdl.

use super::{answer, message};
use crate::ns;
use crate::record::{codes, record};

codes! {
    text;
    /// `actionType`: what becomes of the caller's authorisation.
    pub enum AuthorizationAction {
        /// It is set.
        Ajout = "AJOUT",
        /// It is taken away.
        Suppression = "SUPPRESSION",
    }
}

codes! {
    text;
    /// `roleType`: a role towards the patient.
    pub enum AuthorizationRole {
        /// The patient's own general practitioner.
        MedecinTraitant = "MEDECIN_TRAITANT",
    }
}

codes! {
    text;
    /// `modeType`: which authorisations, or of which kind one is.
    pub enum AuthorizationMode {
        /// The professional is authorised.
        Active = "ACTIVE",
        /// The patient blocked the professional.
        Interdite = "INTERDITE",
        /// Both, in a request.
        Toute = "TOUTE",
    }
}

record! {
    strict ns::DMP_HABILITATIONS;
    /// `setAuthorization` (TD0.3): the caller sets or gives up an authorisation on the DMP that the VIHF names.
    pub struct SetAuthorization [xmlns = ns::DMP_HABILITATIONS] {
        /// `action`.
        action: opt AuthorizationAction = "action",
        /// `role`: taken or given up with it.
        role: opt AuthorizationRole = "role",
    }
}
message!(SetAuthorization, ns::DMP_HABILITATIONS, "setAuthorization");

record! {
    lenient ns::DMP_HABILITATIONS;
    /// `setAuthorizationResponse`, its `output`.
    pub struct SetAuthorizationResponse [] inside [xmlns = ns::DMP_HABILITATIONS] "output" {
        /// `status`, a word of [`status`](super::status) or another.
        status: opt String = "status",
        /// `context`: what a person should know.
        context: opt String = "context",
    }
}
message!(SetAuthorizationResponse, ns::DMP_HABILITATIONS, "setAuthorizationResponse");
answer!(SetAuthorizationResponse);

record! {
    strict ns::DMP_HABILITATIONS;
    /// `listAuthorizationByPatient` (TD1.6): which professionals are authorised or blocked on the DMP that the VIHF
    /// names.
    pub struct ListAuthorizationByPatient [xmlns = ns::DMP_HABILITATIONS] {
        /// `mode`.
        mode: opt AuthorizationMode = "mode",
    }
}
message!(ListAuthorizationByPatient, ns::DMP_HABILITATIONS, "listAuthorizationByPatient");

record! {
    lenient ns::DMP_HABILITATIONS;
    /// `AuthorizationByPatient`: one professional.
    pub struct AuthorizationByPatient [] {
        /// `nationalId`, the professional's or the structure's.
        national_id: opt String = "nationalId",
        /// `nationalIdType`.
        national_id_type: opt String = "nationalIdType",
        /// `firstName`.
        first_name: opt String = "firstName",
        /// `lastName`.
        last_name: opt String = "lastName",
        /// `codeSpeciality`, as `G15_10/SM26`.
        speciality_codes: many String = "codeSpeciality",
        /// `libSpeciality`, the words of the codes.
        speciality_labels: many String = "libSpeciality",
        /// `startOfAuthorization`, yyyyMMddHHmmss.
        start_of_authorization: opt String = "startOfAuthorization",
        /// `lastActionDate`, yyyyMMddHHmmss.
        last_action_date: opt String = "lastActionDate",
        /// `mode`: authorised or blocked.
        mode: opt AuthorizationMode = "mode",
        /// `specificRight`: roles towards this patient.
        specific_rights: many AuthorizationRole = "specificRight",
    }
}

record! {
    lenient ns::DMP_HABILITATIONS;
    /// `listAuthorizationByPatientResponse`, its `output`.
    pub struct ListAuthorizationByPatientResponse [] inside [xmlns = ns::DMP_HABILITATIONS] "output" {
        /// `listOfAuthorizationByPatient`.
        authorizations: many AuthorizationByPatient = "listOfAuthorizationByPatient",
        /// `status`, a word of [`status`](super::status) or another.
        status: opt String = "status",
        /// `context`: what a person should know.
        context: opt String = "context",
    }
}
message!(ListAuthorizationByPatientResponse, ns::DMP_HABILITATIONS, "listAuthorizationByPatientResponse");
answer!(ListAuthorizationByPatientResponse);
