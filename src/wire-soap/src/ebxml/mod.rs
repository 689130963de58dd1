//! Registry objects of OASIS ebRIM 3.0 §2 as XDS uses them: plain owned values, read from and written to XML.
//!
//! Reading keeps every attribute, slot value, translation and classification of these objects, in order; writing
//! follows the sequence of `rim.xsd` with the prefix `rim`, which the enclosing message declares
//! ([`NAMESPACES`]). An element that could not be kept is refused rather than dropped.
//!
//! Never knows what a slot or a scheme means: that is the XDS metadata model's.

mod read;
mod stream;
mod write;

pub use stream::{ExtrinsicHead, ExtrinsicWriter, Localized};
pub(crate) use write::write_slot;

#[cfg(test)]
mod tests;

/// Declarations of the prefixes that every `write` of this crate relies on, for the message element.
pub const NAMESPACES: &str = concat!(
    " xmlns:rim=\"urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0\"",
    " xmlns:rs=\"urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0\"",
);

/// Where a value was read, as an XPath-like string; empty for a value that was made.
///
/// It is not part of the value: two objects that differ in place only are equal.
#[derive(Debug, Clone, Default)]
pub struct Place(pub String);

impl Place {
    /// The place of a child, numbered from 1.
    #[must_use]
    pub fn child(&self, name: &str, number: usize) -> String {
        format!("{}/{name}[{number}]", self.0)
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// `rim:Slot`: a named list of values (ebRIM §2.7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slot {
    /// `@name`.
    pub name: String,
    /// `@slotType`.
    pub slot_type: Option<String>,
    /// Each `rim:Value`, white space kept.
    pub values: Vec<String>,
}

impl Slot {
    /// A slot without type.
    pub fn new<V: Into<String>>(name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        Self { name: name.into(), slot_type: None, values: values.into_iter().map(Into::into).collect() }
    }
}

/// `rim:LocalizedString` (ebRIM §2.9). An absent `@xml:lang` means `en-US`, an absent `@charset` UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocalizedString {
    /// `@value`.
    pub value: String,
    /// `@xml:lang`.
    pub lang: Option<String>,
    /// `@charset`, a label without effect on the value.
    pub charset: Option<String>,
}

/// `rim:Name` or `rim:Description`: one text in several languages (ebRIM §2.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InternationalString(pub Vec<LocalizedString>);

impl InternationalString {
    /// One text in one language.
    pub fn of(value: impl Into<String>, lang: impl Into<String>) -> Self {
        Self(vec![LocalizedString { value: value.into(), lang: Some(lang.into()), charset: None }])
    }

    /// The first text.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.0.first().map(|s| s.value.as_str())
    }
}

/// `rim:VersionInfo` or `rim:ContentVersionInfo` (ebRIM §2.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionInfo {
    /// `@versionName`.
    pub version_name: Option<String>,
    /// `@comment`.
    pub comment: Option<String>,
}

/// What every registry object has (`RegistryObjectType`, ebRIM §2.4 and §2.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// `@id`. Empty when the sender left it out of a classification, external identifier or association, and then
    /// not written; required on the other objects.
    pub id: String,
    /// `@home`, the home community id.
    pub home: Option<String>,
    /// `@lid`, the logical id.
    pub lid: Option<String>,
    /// `@objectType`.
    pub object_type: Option<String>,
    /// `@status`.
    pub status: Option<String>,
    /// `rim:Slot`.
    pub slots: Vec<Slot>,
    /// `rim:Name`.
    pub name: Option<InternationalString>,
    /// `rim:Description`.
    pub description: Option<InternationalString>,
    /// `rim:VersionInfo`.
    pub version_info: Option<VersionInfo>,
    /// `rim:Classification`.
    pub classifications: Vec<Classification>,
    /// `rim:ExternalIdentifier`.
    pub external_identifiers: Vec<ExternalIdentifier>,
    /// Where the object was read.
    pub place: Place,
}

impl Common {
    /// The first slot of this name.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|s| s.name == name)
    }

    /// The first value of the first slot of this name.
    #[must_use]
    pub fn slot_value(&self, name: &str) -> Option<&str> {
        self.slot(name)?.values.first().map(String::as_str)
    }

    /// `rim:VersionInfo/@versionName`.
    #[must_use]
    pub fn version_name(&self) -> Option<&str> {
        self.version_info.as_ref()?.version_name.as_deref()
    }

    /// The place of the slot at this index.
    #[must_use]
    pub fn slot_place(&self, index: usize) -> String {
        self.place.child("Slot", index + 1)
    }
}

/// `rim:Classification` (ebRIM §4.3): inside an object, or free-standing in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Classification {
    /// What every object has.
    pub common: Common,
    /// `@classificationScheme`, for an external code.
    pub scheme: Option<String>,
    /// `@classificationNode`, for a node of the registry.
    pub node: Option<String>,
    /// `@classifiedObject`; empty when the sender left it out.
    pub classified_object: String,
    /// `@nodeRepresentation`: the code, possibly empty.
    pub node_representation: Option<String>,
}

/// `rim:ExternalIdentifier` (ebRIM §2.11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalIdentifier {
    /// What every object has.
    pub common: Common,
    /// `@identificationScheme`.
    pub scheme: String,
    /// `@registryObject`; empty when the sender left it out.
    pub registry_object: String,
    /// `@value`.
    pub value: String,
}

/// `rim:ExtrinsicObject` (ebRIM §2.12): a `DocumentEntry`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtrinsicObject {
    /// What every object has.
    pub common: Common,
    /// `@mimeType`.
    pub mime_type: Option<String>,
    /// `@isOpaque`.
    pub is_opaque: Option<bool>,
    /// `rim:ContentVersionInfo`.
    pub content_version_info: Option<VersionInfo>,
}

/// `rim:RegistryPackage` (ebRIM §2.13): a `SubmissionSet` or a `Folder`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryPackage {
    /// What every object has.
    pub common: Common,
    /// `rim:RegistryObjectList` inside the package, which XDS leaves out.
    pub members: Option<RegistryObjectList>,
}

/// `rim:Association` (ebRIM §3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Association {
    /// What every object has.
    pub common: Common,
    /// `@associationType`.
    pub association_type: String,
    /// `@sourceObject`.
    pub source: String,
    /// `@targetObject`.
    pub target: String,
}

/// `rim:ObjectRef` (ebRIM §2.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectRef {
    /// `@id`.
    pub id: String,
    /// `@home`, the home community id.
    pub home: Option<String>,
    /// `@createReplica`.
    pub create_replica: Option<bool>,
    /// `rim:Slot`.
    pub slots: Vec<Slot>,
    /// Where the reference was read.
    pub place: Place,
}

/// A member of a [`RegistryObjectList`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryObject {
    /// A document entry.
    ExtrinsicObject(ExtrinsicObject),
    /// A submission set or a folder.
    RegistryPackage(RegistryPackage),
    /// An association.
    Association(Association),
    /// A classification that stands apart from its object.
    Classification(Classification),
    /// An external identifier that stands apart from its object.
    ExternalIdentifier(ExternalIdentifier),
    /// A reference.
    ObjectRef(ObjectRef),
}

impl RegistryObject {
    /// `@id`.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::ObjectRef(o) => &o.id,
            _ => self.common().map_or("", |c| c.id.as_str()),
        }
    }

    /// What every object but a reference has.
    #[must_use]
    pub fn common(&self) -> Option<&Common> {
        match self {
            Self::ExtrinsicObject(o) => Some(&o.common),
            Self::RegistryPackage(o) => Some(&o.common),
            Self::Association(o) => Some(&o.common),
            Self::Classification(o) => Some(&o.common),
            Self::ExternalIdentifier(o) => Some(&o.common),
            Self::ObjectRef(_) => None,
        }
    }

    /// Where the object was read.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::ObjectRef(o) => &o.place.0,
            _ => self.common().map_or("", |c| c.place.0.as_str()),
        }
    }
}

/// `rim:RegistryObjectList`: objects in document order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryObjectList(pub Vec<RegistryObject>);

impl RegistryObjectList {
    /// The document entries.
    pub fn extrinsic_objects(&self) -> impl Iterator<Item = &ExtrinsicObject> {
        self.0.iter().filter_map(|o| if let RegistryObject::ExtrinsicObject(e) = o { Some(e) } else { None })
    }

    /// The submission sets and folders.
    pub fn registry_packages(&self) -> impl Iterator<Item = &RegistryPackage> {
        self.0.iter().filter_map(|o| if let RegistryObject::RegistryPackage(p) = o { Some(p) } else { None })
    }

    /// The associations.
    pub fn associations(&self) -> impl Iterator<Item = &Association> {
        self.0.iter().filter_map(|o| if let RegistryObject::Association(a) = o { Some(a) } else { None })
    }
}
