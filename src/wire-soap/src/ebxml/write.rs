//! Writing registry objects, in the order of `rim.xsd`, by appending to one buffer.
//!
//! The prefix `rim` must be declared around what is written ([`super::NAMESPACES`]).

use super::{
    Association, Classification, Common, ExternalIdentifier, ExtrinsicObject, InternationalString, Localized,
    ObjectRef, RegistryObject, RegistryObjectList, RegistryPackage, Slot, VersionInfo,
};
use crate::xml::escape::{attr, attr_opt, element, raw};

impl RegistryObjectList {
    /// Appends `rim:RegistryObjectList`.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rim:RegistryObjectList>");
        for object in &self.0 {
            object.write(out);
        }
        raw(out, "</rim:RegistryObjectList>");
    }
}

impl RegistryObject {
    /// Appends the object.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::ExtrinsicObject(o) => o.write(out),
            Self::RegistryPackage(o) => o.write(out),
            Self::Association(o) => o.write(out),
            Self::Classification(o) => o.write(out),
            Self::ExternalIdentifier(o) => o.write(out),
            Self::ObjectRef(o) => o.write(out),
        }
    }
}

impl ExtrinsicObject {
    /// Appends `rim:ExtrinsicObject`.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rim:ExtrinsicObject");
        self.common.write_attributes(out);
        attr_opt(out, "mimeType", self.mime_type.as_deref());
        attr_opt(out, "isOpaque", self.is_opaque.map(boolean));
        raw(out, ">");
        self.common.write_children(out);
        write_version(out, "rim:ContentVersionInfo", self.content_version_info.as_ref());
        raw(out, "</rim:ExtrinsicObject>");
    }
}

impl RegistryPackage {
    /// Appends `rim:RegistryPackage`.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rim:RegistryPackage");
        self.common.write_attributes(out);
        raw(out, ">");
        self.common.write_children(out);
        if let Some(members) = &self.members {
            members.write(out);
        }
        raw(out, "</rim:RegistryPackage>");
    }
}

impl Association {
    /// Appends `rim:Association`.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rim:Association");
        self.common.write_attributes(out);
        attr(out, "associationType", &self.association_type);
        attr(out, "sourceObject", &self.source);
        attr(out, "targetObject", &self.target);
        raw(out, ">");
        self.common.write_children(out);
        raw(out, "</rim:Association>");
    }
}

impl Classification {
    /// Appends `rim:Classification`.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rim:Classification");
        self.common.write_attributes(out);
        attr_opt(out, "classificationScheme", self.scheme.as_deref());
        attr_opt(out, "classificationNode", self.node.as_deref());
        attr(out, "classifiedObject", &self.classified_object);
        attr_opt(out, "nodeRepresentation", self.node_representation.as_deref());
        raw(out, ">");
        self.common.write_children(out);
        raw(out, "</rim:Classification>");
    }
}

impl ExternalIdentifier {
    /// Appends `rim:ExternalIdentifier`.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rim:ExternalIdentifier");
        self.common.write_attributes(out);
        attr(out, "identificationScheme", &self.scheme);
        attr(out, "registryObject", &self.registry_object);
        attr(out, "value", &self.value);
        raw(out, ">");
        self.common.write_children(out);
        raw(out, "</rim:ExternalIdentifier>");
    }
}

impl ObjectRef {
    /// Appends `rim:ObjectRef`.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rim:ObjectRef");
        attr(out, "id", &self.id);
        attr_opt(out, "home", self.home.as_deref());
        attr_opt(out, "createReplica", self.create_replica.map(boolean));
        raw(out, ">");
        self.slots.iter().for_each(|s| s.write(out));
        raw(out, "</rim:ObjectRef>");
    }
}

impl Slot {
    /// Appends `rim:Slot`.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_slot(out, &self.name, self.slot_type.as_deref(), self.values.iter().map(String::as_str));
    }
}

/// Appends a `rim:Slot` of these parts.
pub(crate) fn write_slot<'v>(
    out: &mut Vec<u8>,
    name: &str,
    slot_type: Option<&str>,
    values: impl IntoIterator<Item = &'v str>,
) {
    raw(out, "<rim:Slot");
    attr(out, "name", name);
    attr_opt(out, "slotType", slot_type);
    raw(out, "><rim:ValueList>");
    for value in values {
        element(out, "rim:Value", value);
    }
    raw(out, "</rim:ValueList></rim:Slot>");
}

impl Common {
    fn write_attributes(&self, out: &mut Vec<u8>) {
        if !self.id.is_empty() {
            attr(out, "id", &self.id);
        }
        attr_opt(out, "home", self.home.as_deref());
        attr_opt(out, "lid", self.lid.as_deref());
        attr_opt(out, "objectType", self.object_type.as_deref());
        attr_opt(out, "status", self.status.as_deref());
    }

    fn write_children(&self, out: &mut Vec<u8>) {
        self.slots.iter().for_each(|s| s.write(out));
        write_international(out, "rim:Name", self.name.as_ref());
        write_international(out, "rim:Description", self.description.as_ref());
        write_version(out, "rim:VersionInfo", self.version_info.as_ref());
        self.classifications.iter().for_each(|c| c.write(out));
        self.external_identifiers.iter().for_each(|e| e.write(out));
    }
}

fn write_international(out: &mut Vec<u8>, name: &str, text: Option<&InternationalString>) {
    let Some(InternationalString(strings)) = text else { return };
    open_international(out, name, |out| {
        for s in strings {
            write_localized(out, Localized { value: &s.value, lang: s.lang.as_deref(), charset: s.charset.as_deref() });
        }
    });
}

/// Appends an `InternationalStringType` of this name around what `strings` appends.
pub(super) fn open_international(out: &mut Vec<u8>, name: &str, strings: impl FnOnce(&mut Vec<u8>)) {
    raw(out, "<");
    raw(out, name);
    raw(out, ">");
    strings(out);
    raw(out, "</");
    raw(out, name);
    raw(out, ">");
}

/// Appends `rim:LocalizedString`.
pub(super) fn write_localized(out: &mut Vec<u8>, text: Localized<'_>) {
    raw(out, "<rim:LocalizedString");
    attr_opt(out, "xml:lang", text.lang);
    attr_opt(out, "charset", text.charset);
    attr(out, "value", text.value);
    raw(out, "/>");
}

fn write_version(out: &mut Vec<u8>, name: &str, info: Option<&VersionInfo>) {
    let Some(info) = info else { return };
    version(out, name, info.version_name.as_deref(), info.comment.as_deref());
}

/// Appends a `VersionInfoType` of this name.
pub(super) fn version(out: &mut Vec<u8>, name: &str, version_name: Option<&str>, comment: Option<&str>) {
    raw(out, "<");
    raw(out, name);
    attr_opt(out, "versionName", version_name);
    attr_opt(out, "comment", comment);
    raw(out, "/>");
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
