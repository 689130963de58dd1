//! Retrieval: `RetrieveDocumentSetRequest` and `RetrieveDocumentSetResponse` (ITI TF-2 3.43.4).

use super::{DocumentContent, RegistryResponse, expect, optional_text, required_child, required_text};
use crate::ebxml::Place;
use crate::ns;
use crate::xml::Element;
use crate::xml::escape::{element as write_element, raw};
use crate::{MessageError, MessageErrorKind as Kind};

/// One `DocumentRequest`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentRequest {
    /// `HomeCommunityId`.
    pub home: Option<String>,
    /// `RepositoryUniqueId`.
    pub repository: String,
    /// `DocumentUniqueId`.
    pub document: String,
    /// Where the element was read.
    pub place: Place,
}

/// `xdsb:RetrieveDocumentSetRequest`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetrieveDocumentSetRequest {
    /// What is asked for; at least one when read.
    pub requests: Vec<DocumentRequest>,
}

impl RetrieveDocumentSetRequest {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::XDSB, "RetrieveDocumentSetRequest")?;
        Ok(Self { requests: read_requests(element)? })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        open(out, "RetrieveDocumentSetRequest");
        write_requests(out, &self.requests);
        raw(out, "</xdsb:RetrieveDocumentSetRequest>");
    }
}

/// The `DocumentRequest`s of a message; at least one.
pub(super) fn read_requests(element: Element<'_, '_>) -> Result<Vec<DocumentRequest>, MessageError> {
    let parent = Place(element.path());
    let request = |(index, e): (usize, Element<'_, '_>)| {
        Ok(DocumentRequest {
            home: optional_text(e, ns::XDSB, "HomeCommunityId")?,
            repository: required_text(e, ns::XDSB, "RepositoryUniqueId")?,
            document: required_text(e, ns::XDSB, "DocumentUniqueId")?,
            place: Place(parent.child("DocumentRequest", index + 1)),
        })
    };
    let requests: Vec<_> =
        element.children_named(ns::XDSB, "DocumentRequest").enumerate().map(request).collect::<Result<_, _>>()?;
    if requests.is_empty() { Err(Kind::MissingElement("DocumentRequest").at(parent.0)) } else { Ok(requests) }
}

/// Appends `DocumentRequest`s.
pub(super) fn write_requests(out: &mut Vec<u8>, requests: &[DocumentRequest]) {
    for request in requests {
        raw(out, "<xdsb:DocumentRequest>");
        write_ids(out, request.home.as_deref(), &request.repository, &request.document);
        raw(out, "</xdsb:DocumentRequest>");
    }
}

/// One `DocumentResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentResponse {
    /// `HomeCommunityId`.
    pub home: Option<String>,
    /// `RepositoryUniqueId`.
    pub repository: String,
    /// `DocumentUniqueId`.
    pub document: String,
    /// `mimeType`.
    pub mime_type: String,
    /// Where the bytes are; in an answer, the Content-ID of a part.
    pub content: DocumentContent,
}

/// `xdsb:RetrieveDocumentSetResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrieveDocumentSetResponse {
    /// How it went.
    pub response: RegistryResponse,
    /// The documents.
    pub documents: Vec<DocumentResponse>,
}

impl RetrieveDocumentSetResponse {
    /// Reads the element.
    ///
    /// # Errors
    /// [`MessageError`] where it is not as its schema has it.
    pub fn read(element: Element<'_, '_>) -> Result<Self, MessageError> {
        let element = expect(element, ns::XDSB, "RetrieveDocumentSetResponse")?;
        let document = |e: Element<'_, '_>| {
            Ok(DocumentResponse {
                home: optional_text(e, ns::XDSB, "HomeCommunityId")?,
                repository: required_text(e, ns::XDSB, "RepositoryUniqueId")?,
                document: required_text(e, ns::XDSB, "DocumentUniqueId")?,
                mime_type: required_text(e, ns::XDSB, "mimeType")?,
                content: DocumentContent::read(required_child(e, ns::XDSB, "Document")?)?,
            })
        };
        Ok(Self {
            response: RegistryResponse::read(required_child(element, ns::RS, "RegistryResponse")?)?,
            documents: element.children_named(ns::XDSB, "DocumentResponse").map(document).collect::<Result<_, _>>()?,
        })
    }

    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        open(out, "RetrieveDocumentSetResponse");
        self.response.write(out);
        for document in &self.documents {
            raw(out, "<xdsb:DocumentResponse>");
            write_ids(out, document.home.as_deref(), &document.repository, &document.document);
            write_element(out, "xdsb:mimeType", &document.mime_type);
            raw(out, "<xdsb:Document>");
            document.content.write(out);
            raw(out, "</xdsb:Document></xdsb:DocumentResponse>");
        }
        raw(out, "</xdsb:RetrieveDocumentSetResponse>");
    }
}

fn open(out: &mut Vec<u8>, name: &str) {
    raw(out, "<xdsb:");
    raw(out, name);
    raw(out, " xmlns:xdsb=\"");
    raw(out, ns::XDSB);
    raw(out, "\">");
}

fn write_ids(out: &mut Vec<u8>, home: Option<&str>, repository: &str, document: &str) {
    if let Some(home) = home {
        write_element(out, "xdsb:HomeCommunityId", home);
    }
    write_element(out, "xdsb:RepositoryUniqueId", repository);
    write_element(out, "xdsb:DocumentUniqueId", document);
}
