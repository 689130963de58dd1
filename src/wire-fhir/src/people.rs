//! People, structures and systems of FHIR R4 as PDSm contains them, and the parameters of a patch or an operation. Plain
//! structures, read and written alike.

use serde::{Deserialize, Serialize};

use crate::{
    resources::{Resource, is_empty, is_none},
    types::{CodeableConcept, ContactPoint, Extension, HumanName, Identifier, Meta, Reference},
};

/// A holder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Version, profiles.
    #[serde(default, skip_serializing_if = "is_none")]
    pub meta: Option<Meta>,
    /// Reliability and place of birth.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// Identifiers.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub identifier: Vec<Identifier>,
    /// Whether the space is in use.
    #[serde(default, skip_serializing_if = "is_none")]
    pub active: Option<bool>,
    /// Names.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub name: Vec<HumanName>,
    /// male, female, other, unknown.
    #[serde(default, skip_serializing_if = "is_none")]
    pub gender: Option<String>,
    /// Day of birth.
    #[serde(default, skip_serializing_if = "is_none")]
    pub birth_date: Option<String>,
    /// Other records of the same person.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub link: Vec<PatientLink>,
}

/// Another record of the same person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PatientLink {
    /// Which one.
    pub other: Reference,
    /// replaced-by, replaces, refer, seealso.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Practitioner {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// Identifiers.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub identifier: Vec<Identifier>,
    /// Names.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub name: Vec<HumanName>,
    /// Telecom addresses.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub telecom: Vec<ContactPoint>,
}

/// A person in a structure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PractitionerRole {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// Identifiers.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub identifier: Vec<Identifier>,
    /// The person.
    #[serde(default, skip_serializing_if = "is_none")]
    pub practitioner: Option<Reference>,
    /// The structure.
    #[serde(default, skip_serializing_if = "is_none")]
    pub organization: Option<Reference>,
    /// Roles.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub code: Vec<CodeableConcept>,
    /// Professions and specialities.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub specialty: Vec<CodeableConcept>,
    /// Telecom addresses.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub telecom: Vec<ContactPoint>,
}

/// A structure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// Identifiers.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub identifier: Vec<Identifier>,
    /// Name.
    #[serde(default, skip_serializing_if = "is_none")]
    pub name: Option<String>,
}

/// A system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// Identifiers.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub identifier: Vec<Identifier>,
    /// Names.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub device_name: Vec<DeviceName>,
    /// Model.
    #[serde(default, skip_serializing_if = "is_none")]
    pub model_number: Option<String>,
    /// Its structure.
    #[serde(default, skip_serializing_if = "is_none")]
    pub owner: Option<Reference>,
}

/// A name of a system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceName {
    /// The name.
    pub name: String,
    /// Kind of name.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Parameters of a FHIRPath patch or of an operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Each of them.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub parameter: Vec<Parameter>,
}

/// A parameter, or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameter {
    /// Name.
    pub name: String,
    /// A code.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_code: Option<String>,
    /// A text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_string: Option<String>,
    /// An address.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_uri: Option<String>,
    /// A truth.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_boolean: Option<bool>,
    /// A number.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_integer: Option<i64>,
    /// An identifier.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_identifier: Option<Identifier>,
    /// A reference.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_reference: Option<Reference>,
    /// A resource.
    #[serde(default, skip_serializing_if = "is_none")]
    pub resource: Option<Box<Resource>>,
    /// Parts.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub part: Vec<Self>,
}
