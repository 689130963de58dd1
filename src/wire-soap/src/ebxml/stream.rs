//! Writing a document's `rim:ExtrinsicObject` part by part from values that stand elsewhere.
//!
//! A listing writes hundreds of them: what the model holds goes straight to the answer, with no registry object made in
//! between. Parts are written in the order they are called, which must be that of `rim.xsd`: slots, name, description,
//! version, classifications, external identifiers.

use super::write::{open_international, version, write_localized, write_slot};
use crate::xml::escape::{attr, attr_opt, raw};

/// A text with its language and charset, borrowed (`rim:LocalizedString`).
#[derive(Debug, Clone, Copy)]
pub struct Localized<'v> {
    /// `@value`.
    pub value: &'v str,
    /// `@xml:lang`.
    pub lang: Option<&'v str>,
    /// `@charset`.
    pub charset: Option<&'v str>,
}

/// Attributes of a `rim:ExtrinsicObject`.
#[derive(Debug, Clone, Copy)]
pub struct ExtrinsicHead<'v> {
    /// `@id`.
    pub id: &'v str,
    /// `@home`.
    pub home: Option<&'v str>,
    /// `@lid`.
    pub lid: &'v str,
    /// `@objectType`.
    pub object_type: &'v str,
    /// `@status`.
    pub status: &'v str,
    /// `@mimeType`.
    pub mime_type: &'v str,
}

/// A `rim:ExtrinsicObject` on its way into a buffer.
///
/// ebXML asks for an id on each part; nobody refers to it, so none is kept: a part's id is the object's with a number.
#[derive(Debug)]
pub struct ExtrinsicWriter<'o> {
    out: &'o mut Vec<u8>,
    id: &'o str,
    parts: u32,
}

impl<'o> ExtrinsicWriter<'o> {
    /// Opens the object.
    #[must_use]
    pub fn open(out: &'o mut Vec<u8>, head: &ExtrinsicHead<'o>) -> Self {
        raw(out, "<rim:ExtrinsicObject");
        attr(out, "id", head.id);
        attr_opt(out, "home", head.home);
        attr(out, "lid", head.lid);
        attr(out, "objectType", head.object_type);
        attr(out, "status", head.status);
        attr(out, "mimeType", head.mime_type);
        raw(out, " isOpaque=\"false\">");
        Self { out, id: head.id, parts: 0 }
    }

    /// Writes a slot, also one without values.
    pub fn slot<'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v str>) {
        write_slot(self.out, name, None, values);
    }

    /// Writes a slot, unless it has no values.
    pub fn slot_if_any<'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v str>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            self.slot(name, values);
        }
    }

    /// Writes `rim:Name`, unless there is no text.
    pub fn name<'v>(&mut self, texts: impl IntoIterator<Item = Localized<'v>>) {
        self.international("rim:Name", texts);
    }

    /// Writes `rim:Description`, unless there is no text.
    pub fn description<'v>(&mut self, texts: impl IntoIterator<Item = Localized<'v>>) {
        self.international("rim:Description", texts);
    }

    /// Writes `rim:VersionInfo`.
    pub fn version(&mut self, name: &str) {
        version(self.out, "rim:VersionInfo", Some(name), None);
    }

    /// Writes a classification: its slots by `slots`, then its name.
    pub fn classification<'v>(
        &mut self,
        scheme: &str,
        representation: &str,
        slots: impl FnOnce(&mut Self),
        name: impl IntoIterator<Item = Localized<'v>>,
    ) {
        raw(self.out, "<rim:Classification");
        self.part_id();
        attr(self.out, "classificationScheme", scheme);
        attr(self.out, "classifiedObject", self.id);
        attr(self.out, "nodeRepresentation", representation);
        raw(self.out, ">");
        slots(self);
        self.international("rim:Name", name);
        raw(self.out, "</rim:Classification>");
    }

    /// Writes an external identifier.
    pub fn external_identifier(&mut self, scheme: &str, name: &str, value: &str) {
        raw(self.out, "<rim:ExternalIdentifier");
        self.part_id();
        attr(self.out, "identificationScheme", scheme);
        attr(self.out, "registryObject", self.id);
        attr(self.out, "value", value);
        raw(self.out, ">");
        self.international("rim:Name", [Localized { value: name, lang: None, charset: None }]);
        raw(self.out, "</rim:ExternalIdentifier>");
    }

    /// Closes the object.
    pub fn close(self) {
        raw(self.out, "</rim:ExtrinsicObject>");
    }

    fn part_id(&mut self) {
        self.parts += 1;
        attr(self.out, "id", self.id);
        // The number goes inside the quotes that are already written.
        self.out.pop();
        raw(self.out, "-");
        raw(self.out, &self.parts.to_string());
        raw(self.out, "\"");
    }

    fn international<'v>(&mut self, name: &str, texts: impl IntoIterator<Item = Localized<'v>>) {
        let mut texts = texts.into_iter().peekable();
        if texts.peek().is_none() {
            return;
        }
        open_international(self.out, name, |out| texts.for_each(|text| write_localized(out, text)));
    }
}
