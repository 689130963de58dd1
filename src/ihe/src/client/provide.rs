//! ITI-41 and ITI-57 as a source: a submission of the model goes out, its documents streamed.

use bytes::Bytes;
use futures::stream::BoxStream;
use space::{Association, DocumentEntry, Folder, SubmissionSet};
use wire_soap::{
    ebxml::{RegistryObject, RegistryObjectList},
    ns::action,
    xds::{
        DocumentContent, DocumentPart, ProvideAndRegisterDocumentSetRequest, RegistryResponse, ResponseStatus,
        SubmitObjectsRequest,
    },
    xml::Element,
};

use super::{Attached, Client, ClientError, OnBehalf, error, parse};
use crate::translate;

/// A document on its way out.
pub struct OutgoingBody {
    /// Its length.
    pub length: u64,
    /// Its bytes.
    pub bytes: BoxStream<'static, Result<Bytes, std::io::Error>>,
}

impl std::fmt::Debug for OutgoingBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutgoingBody({} bytes)", self.length)
    }
}

/// What is submitted, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Submitted<'a> {
    /// The set.
    pub set: &'a SubmissionSet,
    /// Its documents.
    pub documents: &'a [&'a DocumentEntry],
    /// Its folders.
    pub folders: &'a [Folder],
    /// Its links and orders.
    pub associations: &'a [Association],
}

impl Client {
    /// Provides and registers a set of documents (ITI-41). `bodies` are those of `what.documents`, in their order.
    ///
    /// # Errors
    /// [`ClientError`]; nothing was then registered, unless the connection was lost or the other had it before.
    pub async fn provide_and_register(
        &self,
        who: OnBehalf<'_>,
        what: Submitted<'_>,
        bodies: Vec<OutgoingBody>,
    ) -> Result<(), ClientError> {
        let content_id = |index: usize| format!("document{}@passerelle", index + 1);
        let part = |(index, entry): (usize, &&DocumentEntry)| DocumentPart {
            id: entry.entry_uuid.clone(),
            content: DocumentContent::Include(content_id(index)),
            place: Default::default(),
        };
        let request = ProvideAndRegisterDocumentSetRequest {
            objects: objects(what, false)?,
            documents: what.documents.iter().enumerate().map(part).collect(),
            submit_objects: 0..0,
        };
        let attached = what.documents.iter().zip(bodies).enumerate();
        let attached = attached.map(|(index, (entry, body))| Attached {
            content_id: content_id(index),
            mime_type: entry.mime_type.clone(),
            body,
        });
        let to = &self.endpoints.repository;
        let envelope = self.envelope(action::PROVIDE_AND_REGISTER, to, who, |out| request.write(out))?;
        let received = self.send(to, action::PROVIDE_AND_REGISTER, envelope, Some(attached.collect())).await?;
        parse(&received, &self.limits, registered)
    }

    /// Updates what is registered (ITI-57): new versions of metadata, states, links.
    ///
    /// # Errors
    /// [`ClientError`]; nothing was then changed, unless the connection was lost or the other had done it before.
    pub async fn update(&self, who: OnBehalf<'_>, what: Submitted<'_>) -> Result<(), ClientError> {
        let request = SubmitObjectsRequest { objects: objects(what, true)? };
        let to = self.endpoints.registry.clone();
        self.ask(action::UPDATE_DOCUMENT_SET, &to, who, |out| request.write(out), registered).await
    }
}

/// What a registry response comes to.
fn registered(body: Element<'_, '_>) -> Result<(), ClientError> {
    let response = RegistryResponse::read(body).map_err(|_| ClientError::Unreadable("RegistryResponse"))?;
    match response.status {
        ResponseStatus::Success => Ok(()),
        ResponseStatus::PartialSuccess | ResponseStatus::Failure => {
            Err(ClientError::Registry(error::of_registry(&response.errors)))
        }
    }
}

/// The objects of a message. What the registry sets is left out: states, repositories, and of what is new its logical
/// identifier, hash and size (reference §1.5).
fn objects(what: Submitted<'_>, is_update: bool) -> Result<RegistryObjectList, ClientError> {
    let mut set = translate::submission_set(what.set);
    (set.common.status, set.common.lid, set.common.home) = (None, None, None);
    let mut objects = vec![RegistryObject::RegistryPackage(set)];
    for entry in what.documents {
        let mut object = translate::extrinsic_object(entry).ok_or(ClientError::Unreadable("entry"))?;
        let common = &mut object.common;
        (common.status, common.home, common.version_info) = (None, None, None);
        common.slots.retain(|slot| match slot.name.as_str() {
            "repositoryUniqueId" => false,
            "hash" | "size" => is_update,
            _ => true,
        });
        if !is_update {
            common.lid = None;
        }
        objects.push(RegistryObject::ExtrinsicObject(object));
    }
    for folder in what.folders {
        let mut package = translate::folder(folder);
        (package.common.status, package.common.home, package.common.version_info) = (None, None, None);
        if !is_update {
            package.common.lid = None;
        }
        objects.push(RegistryObject::RegistryPackage(package));
    }
    for link in what.associations {
        let mut association = translate::association(link);
        (association.common.status, association.common.lid) = (None, None);
        objects.push(RegistryObject::Association(association));
    }
    Ok(RegistryObjectList(objects))
}
