//! The DMP's own messages: `setAuthorization` (TD0.3), `listAuthorizationByPatient` (TD1.6) and `patientList` (TD0.4).
//!
//! Carries out Habilitations.wsdl 1.0.0 and PatientsSpecific.wsdl 1.0.2: element order, names and types are theirs,
//! every element they make optional is an `Option` or a list. A request with an element its schema does not have is
//! refused, for what it asks would be done in part; in an answer such an element is passed over, for the DMP adds to
//! its answers. An answer without its `output` says nothing and is refused.
//!
//! Whom a request is about and who asks is not in these messages: both stand in the VIHF. Never decides anything.

mod authorization;
mod patient_list;

pub use authorization::{
    AuthorizationAction, AuthorizationByPatient, AuthorizationMode, AuthorizationRole, ListAuthorizationByPatient,
    ListAuthorizationByPatientResponse, SetAuthorization, SetAuthorizationResponse,
};
pub use patient_list::{PatientIdentifier, PatientList, PatientListData, PatientListDateType, PatientListResponse};

/// Words of `status`. The full list is not public: any other word is kept as it came.
pub mod status {
    /// All was done.
    pub const OK: &str = "DMPOk";
    /// The DMP of this patient is closed.
    pub const CLOSED: &str = "DMPClosed";
    /// The caller's certificate is not accepted.
    pub const INVALID_CERTIFICATE: &str = "DMPInvalidCertificate";
    /// The identity could not be certified.
    pub const IDENTITY_CERTIFICATION_FAILURE: &str = "DMPIdentityCertificationFailure";
    /// The patient has an access already.
    pub const PATIENT_ACCESS_ALREADY_EXISTS: &str = "DMPPatientAccessAlreadyExists";
    /// The patient has an access by one-time password already.
    pub const PATIENT_ACCESS_OTP_ALREADY_EXISTS: &str = "DMPPatientAccessOTPAlreadyExists";
}

/// Gives a record its element: the public reader and writer.
macro_rules! message {
    ($name:ident, $namespace:path, $element:literal) => {
        impl $name {
            /// The element's name.
            pub const ELEMENT: &'static str = $element;

            /// Reads the element.
            ///
            /// # Errors
            /// [`MessageError`](crate::MessageError) where it is not as the WSDL's schema has it.
            pub fn read(element: $crate::xml::Element<'_, '_>) -> Result<Self, $crate::MessageError> {
                let path = element.path();
                let at = $crate::record::At::root(&path);
                if !element.is($namespace, Self::ELEMENT) {
                    return Err(at.error($crate::MessageErrorKind::UnexpectedElement));
                }
                <Self as $crate::record::Component>::read(element, &at)
            }

            /// Appends the element.
            pub fn write(&self, out: &mut Vec<u8>) {
                $crate::record::Component::write(self, out, Self::ELEMENT);
            }
        }
    };
}
use message;

/// Gives an answer its verdict.
macro_rules! answer {
    ($name:ident) => {
        impl $name {
            /// Whether the DMP did what was asked.
            #[must_use]
            pub fn is_ok(&self) -> bool {
                self.status.as_deref() == Some(super::status::OK)
            }
        }
    };
}
use answer;
