//! Removal: `lcm:RemoveObjectsRequest` (ITI TF-2 3.62.4.1, ebRS 3.0 §5.7) and `rmd:RemoveDocumentsRequest`
//! (ITI TF-2 3.86.4.1).

use super::retrieve::{read_requests, write_requests};
use super::{DocumentRequest, expect, required_child};
use crate::ebxml::{NAMESPACES, ObjectRef};
use crate::ns;
use crate::xml::Element;
use crate::xml::escape::raw;
use crate::{MessageError, MessageErrorKind as Kind};

/// `lcm:RemoveObjectsRequest`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoveObjectsRequest {
    /// What is to go; at least one when read.
    pub objects: Vec<ObjectRef>,
}

impl RemoveObjectsRequest {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as `lcm.xsd` has it, or it names nothing.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::LCM, "RemoveObjectsRequest")?;
        let list = required_child(element, ns::RIM, "ObjectRefList")?;
        let objects: Vec<_> =
            list.children_named(ns::RIM, "ObjectRef").map(ObjectRef::read).collect::<Result<_, _>>()?;
        if objects.is_empty() {
            return Err(Kind::MissingElement("ObjectRef").at(list.path()));
        }
        Ok(Self { objects })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<lcm:RemoveObjectsRequest xmlns:lcm=\"");
        raw(out, ns::LCM);
        raw(out, "\"");
        raw(out, NAMESPACES);
        raw(out, "><rim:ObjectRefList>");
        self.objects.iter().for_each(|object| object.write(out));
        raw(out, "</rim:ObjectRefList></lcm:RemoveObjectsRequest>");
    }
}

/// `rmd:RemoveDocumentsRequest`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoveDocumentsRequest {
    /// What is to go; at least one when read.
    pub requests: Vec<DocumentRequest>,
}

impl RemoveDocumentsRequest {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::RMD, "RemoveDocumentsRequest")?;
        Ok(Self { requests: read_requests(element)? })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        raw(out, "<rmd:RemoveDocumentsRequest xmlns:rmd=\"");
        raw(out, ns::RMD);
        raw(out, "\" xmlns:xdsb=\"");
        raw(out, ns::XDSB);
        raw(out, "\">");
        write_requests(out, &self.requests);
        raw(out, "</rmd:RemoveDocumentsRequest>");
    }
}
