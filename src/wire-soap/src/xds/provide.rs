//! Submissions: `ProvideAndRegisterDocumentSetRequest` (ITI TF-2 3.41.4.1) and the bare `SubmitObjectsRequest` of
//! ITI-42 and ITI-57 (ebRS 3.0 §3.1).

use super::{DocumentContent, expect, required_child};
use crate::ebxml::{NAMESPACES, Place, RegistryObjectList};
use crate::ns;
use crate::xml::Element;
use crate::xml::escape::{attr, raw};
use crate::{MessageError, MessageErrorKind as Kind};
use std::ops::Range;

/// One `Document` of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPart {
    /// `@id`: the id of its `ExtrinsicObject`, see [`super::match_documents`].
    pub id: String,
    /// Where the bytes are.
    pub content: DocumentContent,
    /// Where the element was read.
    pub place: Place,
}

/// `lcm:SubmitObjectsRequest`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubmitObjectsRequest {
    /// The submitted objects.
    pub objects: RegistryObjectList,
}

/// `xdsb:ProvideAndRegisterDocumentSetRequest`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvideAndRegisterDocumentSetRequest {
    /// The submitted objects.
    pub objects: RegistryObjectList,
    /// The documents.
    pub documents: Vec<DocumentPart>,
    /// Byte range of `SubmitObjectsRequest` in the text the tree was parsed from, so that the original can be kept;
    /// `0..0` for a request that was made.
    pub submit_objects: Range<usize>,
}

impl SubmitObjectsRequest {
    /// Reads the element. Its byte range is [`Element::source_range`].
    ///
    /// # Errors
    /// [`MessageError`] where it is not as `lcm.xsd` and `rim.xsd` have it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::LCM, "SubmitObjectsRequest")?;
        let list = required_child(element, ns::RIM, "RegistryObjectList")?;
        Ok(Self { objects: RegistryObjectList::read(list)? })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_submit_objects(out, &self.objects);
    }
}

impl ProvideAndRegisterDocumentSetRequest {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it, or a reference is not a `cid:` URI.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::XDSB, "ProvideAndRegisterDocumentSetRequest")?;
        let submit = required_child(element, ns::LCM, "SubmitObjectsRequest")?;
        let objects = SubmitObjectsRequest::read(submit)?.objects;
        let parent = Place(element.path());
        let mut documents = Vec::new();
        for (index, document) in element.children_named(ns::XDSB, "Document").enumerate() {
            let id = document.attr("id").ok_or_else(|| Kind::MissingAttribute("id").at(document.path()))?;
            let place = Place(parent.child("Document", index + 1));
            documents.push(DocumentPart { id: id.to_owned(), content: DocumentContent::read(document)?, place });
        }
        Ok(Self { objects, documents, submit_objects: submit.source_range() })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<xdsb:ProvideAndRegisterDocumentSetRequest xmlns:xdsb=\"");
        raw(out, ns::XDSB);
        raw(out, "\">");
        write_submit_objects(out, &self.objects);
        for document in &self.documents {
            raw(out, "<xdsb:Document");
            attr(out, "id", &document.id);
            raw(out, ">");
            document.content.write(out);
            raw(out, "</xdsb:Document>");
        }
        raw(out, "</xdsb:ProvideAndRegisterDocumentSetRequest>");
    }
}

fn write_submit_objects(out: &mut Vec<u8>, objects: &RegistryObjectList) {
    raw(out, "<lcm:SubmitObjectsRequest xmlns:lcm=\"");
    raw(out, ns::LCM);
    raw(out, "\"");
    raw(out, NAMESPACES);
    raw(out, ">");
    objects.write(out);
    raw(out, "</lcm:SubmitObjectsRequest>");
}
