//! Resources of FHIR R4 that PDSm moves, as they stand on the wire, read and written by the same structures. What a
//! structure has no field for was checked ([`crate::check`]) and is not kept here: the body as it came is.

use serde::{Deserialize, Serialize};

use crate::{
    people::{Device, Organization, Parameters, Patient, Practitioner, PractitionerRole},
    types::{Annotation, Attachment, CodeableConcept, Coding, Extension, Identifier, Meta, Period, Reference},
};

pub(crate) fn is_none<T>(value: &Option<T>) -> bool {
    value.is_none()
}

pub(crate) fn is_empty<T>(value: &[T]) -> bool {
    value.is_empty()
}

/// Any resource this crate has a structure for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "resourceType")]
pub enum Resource {
    /// A document's metadata.
    DocumentReference(Box<DocumentReference>),
    /// A submission set or folder.
    List(Box<List>),
    /// A document.
    Binary(Binary),
    /// A holder.
    Patient(Box<Patient>),
    /// A person.
    Practitioner(Practitioner),
    /// A person in a structure.
    PractitionerRole(Box<PractitionerRole>),
    /// A structure.
    Organization(Organization),
    /// A system.
    Device(Box<Device>),
    /// Parameters of a FHIRPath patch.
    Parameters(Parameters),
    /// Another.
    #[serde(other)]
    Other,
}

impl Resource {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::DocumentReference(r) => r.id.as_deref(),
            Self::List(r) => r.id.as_deref(),
            Self::Binary(r) => r.id.as_deref(),
            Self::Patient(r) => r.id.as_deref(),
            Self::Practitioner(r) => r.id.as_deref(),
            Self::PractitionerRole(r) => r.id.as_deref(),
            Self::Organization(r) => r.id.as_deref(),
            Self::Device(r) => r.id.as_deref(),
            Self::Parameters(_) | Self::Other => None,
        }
    }

    /// Gives it an id.
    pub fn set_id(&mut self, id: &str) {
        let id = Some(id.to_owned());
        match self {
            Self::DocumentReference(r) => r.id = id,
            Self::List(r) => r.id = id,
            Self::Binary(r) => r.id = id,
            Self::Patient(r) => r.id = id,
            Self::Practitioner(r) => r.id = id,
            Self::PractitionerRole(r) => r.id = id,
            Self::Organization(r) => r.id = id,
            Self::Device(r) => r.id = id,
            Self::Parameters(_) | Self::Other => {}
        }
    }

    /// The name of its type.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::DocumentReference(_) => "DocumentReference",
            Self::List(_) => "List",
            Self::Binary(_) => "Binary",
            Self::Patient(_) => "Patient",
            Self::Practitioner(_) => "Practitioner",
            Self::PractitionerRole(_) => "PractitionerRole",
            Self::Organization(_) => "Organization",
            Self::Device(_) => "Device",
            Self::Parameters(_) => "Parameters",
            Self::Other => "Resource",
        }
    }
}

/// Metadata of a document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentReference {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Version, profiles.
    #[serde(default, skip_serializing_if = "is_none")]
    pub meta: Option<Meta>,
    /// Authors and other people.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub contained: Vec<Resource>,
    /// isArchived and others.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// uniqueId.
    #[serde(default, skip_serializing_if = "is_none")]
    pub master_identifier: Option<Identifier>,
    /// Other identifiers.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub identifier: Vec<Identifier>,
    /// current, superseded, entered-in-error.
    pub status: String,
    /// State of the document itself.
    #[serde(default, skip_serializing_if = "is_none")]
    pub doc_status: Option<String>,
    /// typeCode.
    #[serde(default, rename = "type", skip_serializing_if = "is_none")]
    pub kind: Option<CodeableConcept>,
    /// classCode.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub category: Vec<CodeableConcept>,
    /// The holder.
    #[serde(default, skip_serializing_if = "is_none")]
    pub subject: Option<Reference>,
    /// When these metadata were made.
    #[serde(default, skip_serializing_if = "is_none")]
    pub date: Option<String>,
    /// Authors.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub author: Vec<Reference>,
    /// Legal authenticator.
    #[serde(default, skip_serializing_if = "is_none")]
    pub authenticator: Option<Reference>,
    /// Who keeps it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub custodian: Option<Reference>,
    /// Replacements and the like.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub relates_to: Vec<RelatesTo>,
    /// Comments.
    #[serde(default, skip_serializing_if = "is_none")]
    pub description: Option<String>,
    /// Confidentiality and visibility.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub security_label: Vec<CodeableConcept>,
    /// The document: exactly one in PDSm.
    #[serde(default)]
    pub content: Vec<Content>,
    /// The act it describes.
    #[serde(default, skip_serializing_if = "is_none")]
    pub context: Option<Context>,
}

/// A link to another document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelatesTo {
    /// replaces, transforms, signs, appends.
    pub code: String,
    /// The other.
    pub target: Reference,
}

/// The document referred to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Where and what it is.
    pub attachment: Attachment,
    /// formatCode.
    #[serde(default, skip_serializing_if = "is_none")]
    pub format: Option<Coding>,
}

/// The act a document describes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// eventCodeList.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub event: Vec<CodeableConcept>,
    /// Its time.
    #[serde(default, skip_serializing_if = "is_none")]
    pub period: Option<Period>,
    /// healthcareFacilityTypeCode.
    #[serde(default, skip_serializing_if = "is_none")]
    pub facility_type: Option<CodeableConcept>,
    /// practiceSettingCode.
    #[serde(default, skip_serializing_if = "is_none")]
    pub practice_setting: Option<CodeableConcept>,
    /// The holder as the sender knew them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub source_patient_info: Option<Reference>,
    /// referenceIdList.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub related: Vec<Reference>,
}

/// A submission set or folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// Version, profiles.
    #[serde(default, skip_serializing_if = "is_none")]
    pub meta: Option<Meta>,
    /// Senders and recipients.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub contained: Vec<Resource>,
    /// designationType, sourceId, isArchived, intendedRecipient.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// uniqueId and entryUUID.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub identifier: Vec<Identifier>,
    /// current, retired, entered-in-error.
    pub status: String,
    /// working.
    pub mode: String,
    /// Title.
    #[serde(default, skip_serializing_if = "is_none")]
    pub title: Option<String>,
    /// submissionset or folder.
    #[serde(default, skip_serializing_if = "is_none")]
    pub code: Option<CodeableConcept>,
    /// The holder.
    #[serde(default, skip_serializing_if = "is_none")]
    pub subject: Option<Reference>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "is_none")]
    pub date: Option<String>,
    /// Who sent it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub source: Option<Reference>,
    /// Comments.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub note: Vec<Annotation>,
    /// Its members.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub entry: Vec<ListEntry>,
}

/// A member of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListEntry {
    /// The member.
    pub item: Reference,
}

/// A document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binary {
    /// Id.
    #[serde(default, skip_serializing_if = "is_none")]
    pub id: Option<String>,
    /// MIME type.
    pub content_type: String,
    /// Content, base64. Empty in a bundle read: the bytes stand beside it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub data: Option<String>,
}
