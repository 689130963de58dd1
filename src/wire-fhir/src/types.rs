//! Data types of FHIR R4 that PDSm uses, as they stand on the wire. Plain: no rule, no model.

use serde::{Deserialize, Serialize};

use crate::resources::{is_empty, is_none};

/// An identifier.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Identifier {
    /// usual, official, temp, secondary, old.
    #[serde(default, rename = "use", skip_serializing_if = "is_none")]
    pub usage: Option<String>,
    /// Its kind.
    #[serde(default, rename = "type", skip_serializing_if = "is_none")]
    pub kind: Option<CodeableConcept>,
    /// Namespace.
    #[serde(default, skip_serializing_if = "is_none")]
    pub system: Option<String>,
    /// Value.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
}

impl Identifier {
    /// A value in a namespace.
    #[must_use]
    pub fn new(system: impl Into<String>, value: impl Into<String>) -> Self {
        Self { system: Some(system.into()), value: Some(value.into()), ..Self::default() }
    }

    /// The same, with a use.
    #[must_use]
    pub fn used(mut self, usage: &str) -> Self {
        self.usage = Some(usage.to_owned());
        self
    }

    /// The same, with a type.
    #[must_use]
    pub fn typed(mut self, system: &str, code: &str) -> Self {
        self.kind = Some(CodeableConcept::of(Coding::new(Some(system), code, None)));
        self
    }
}

/// A code of a system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coding {
    /// The system.
    #[serde(default, skip_serializing_if = "is_none")]
    pub system: Option<String>,
    /// The code.
    #[serde(default, skip_serializing_if = "is_none")]
    pub code: Option<String>,
    /// Its label.
    #[serde(default, skip_serializing_if = "is_none")]
    pub display: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
}

impl Coding {
    /// A code of a system, with its label.
    #[must_use]
    pub fn new(system: Option<&str>, code: &str, display: Option<&str>) -> Self {
        Self {
            system: system.map(str::to_owned),
            code: Some(code.to_owned()),
            display: display.map(str::to_owned),
            extension: Vec::new(),
        }
    }
}

/// A concept: codes, or a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CodeableConcept {
    /// Codes.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub coding: Vec<Coding>,
    /// Text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub text: Option<String>,
}

impl CodeableConcept {
    /// A concept of one code.
    #[must_use]
    pub fn of(coding: Coding) -> Self {
        Self { coding: vec![coding], text: None }
    }

    /// A concept that is only a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { coding: Vec::new(), text: Some(text.to_owned()) }
    }
}

/// A reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// `#id`, `Type/id`, a URL or a URN.
    #[serde(default, skip_serializing_if = "is_none")]
    pub reference: Option<String>,
    /// Type of what it points at.
    #[serde(default, rename = "type", skip_serializing_if = "is_none")]
    pub kind: Option<String>,
    /// Its identifier.
    #[serde(default, skip_serializing_if = "is_none")]
    pub identifier: Option<Identifier>,
    /// Text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub display: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
}

impl Reference {
    /// A literal reference.
    #[must_use]
    pub fn to(reference: impl Into<String>) -> Self {
        Self { reference: Some(reference.into()), ..Self::default() }
    }

    /// A reference by identifier.
    #[must_use]
    pub fn identified(kind: &str, identifier: Identifier) -> Self {
        Self { kind: Some(kind.to_owned()), identifier: Some(identifier), ..Self::default() }
    }
}

/// A period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// Start.
    #[serde(default, skip_serializing_if = "is_none")]
    pub start: Option<String>,
    /// End.
    #[serde(default, skip_serializing_if = "is_none")]
    pub end: Option<String>,
}

/// An attachment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// MIME type.
    #[serde(default, skip_serializing_if = "is_none")]
    pub content_type: Option<String>,
    /// Language.
    #[serde(default, skip_serializing_if = "is_none")]
    pub language: Option<String>,
    /// Content in place, base64.
    #[serde(default, skip_serializing_if = "is_none")]
    pub data: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "is_none")]
    pub url: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "is_none")]
    pub size: Option<u64>,
    /// SHA-1, base64.
    #[serde(default, skip_serializing_if = "is_none")]
    pub hash: Option<String>,
    /// Title.
    #[serde(default, skip_serializing_if = "is_none")]
    pub title: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "is_none")]
    pub creation: Option<String>,
}

/// A name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HumanName {
    /// official, usual…
    #[serde(default, rename = "use", skip_serializing_if = "is_none")]
    pub usage: Option<String>,
    /// Text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub text: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "is_none")]
    pub family: Option<String>,
    /// Given names.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub given: Vec<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
}

/// A telecom address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ContactPoint {
    /// phone, email…
    #[serde(default, skip_serializing_if = "is_none")]
    pub system: Option<String>,
    /// The address.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value: Option<String>,
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
}

/// A postal address, as far as a place of birth needs one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// Extensions.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Extension>,
    /// Text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub text: Option<String>,
}

/// A note.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// Its text.
    #[serde(default)]
    pub text: String,
}

/// Metadata of a resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Version.
    #[serde(default, skip_serializing_if = "is_none")]
    pub version_id: Option<String>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub last_updated: Option<String>,
    /// Profiles it claims.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub profile: Vec<String>,
}

/// An extension. Values of other types than these are checked but not kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extension {
    /// What it means.
    pub url: String,
    /// Extensions inside.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extension: Vec<Self>,
    /// A boolean.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_boolean: Option<bool>,
    /// A text.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_string: Option<String>,
    /// A code.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_code: Option<String>,
    /// A date and time.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_date_time: Option<String>,
    /// A coding.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_coding: Option<Coding>,
    /// A concept.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_codeable_concept: Option<CodeableConcept>,
    /// An identifier.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_identifier: Option<Identifier>,
    /// A reference.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_reference: Option<Box<Reference>>,
    /// An address.
    #[serde(default, skip_serializing_if = "is_none")]
    pub value_address: Option<Address>,
}

impl Extension {
    /// An extension without value yet.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// With a text.
    #[must_use]
    pub fn string(url: &str, value: impl Into<String>) -> Self {
        Self { value_string: Some(value.into()), ..Self::new(url) }
    }

    /// With a boolean.
    #[must_use]
    pub fn boolean(url: &str, value: bool) -> Self {
        Self { value_boolean: Some(value), ..Self::new(url) }
    }

    /// With a reference.
    #[must_use]
    pub fn reference(url: &str, value: Reference) -> Self {
        Self { value_reference: Some(Box::new(value)), ..Self::new(url) }
    }
}
