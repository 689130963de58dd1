//! ITI-43 as a consumer, and ITI-39 from a gateway of another community (ITI TF-2 §3.39). Documents are held in memory,
//! all of one answer within one bound.

use bytes::{Bytes, BytesMut};
use wire_soap::{
    multipart::MultipartError,
    xds::{
        DocumentContent, DocumentRequest, RegistryError, ResponseStatus, RetrieveDocumentSetRequest,
        RetrieveDocumentSetResponse,
    },
};

use super::{Client, ClientError, OnBehalf, Received, TransportError, Way, error, parse};
use crate::receive::{self, Idle, TooLong};

/// A document to be retrieved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieval {
    /// `RepositoryUniqueId`.
    pub repository: String,
    /// `DocumentUniqueId`.
    pub document: String,
}

/// A document retrieved.
#[derive(Debug, Clone)]
pub struct Retrieved {
    /// `RepositoryUniqueId`.
    pub repository: String,
    /// `DocumentUniqueId`.
    pub document: String,
    /// Its media type.
    pub mime_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Client {
    /// Retrieves documents: those that are given, and what was said of the others.
    ///
    /// # Errors
    /// [`ClientError`] when none is given.
    pub async fn retrieve(
        &self,
        who: OnBehalf<'_>,
        way: &Way,
        wanted: &[Retrieval],
    ) -> Result<(Vec<Retrieved>, Vec<RegistryError>), ClientError> {
        let one = |r: &Retrieval| DocumentRequest {
            home: way.home().map(crate::beyond::urn),
            repository: r.repository.clone(),
            document: r.document.clone(),
            place: Default::default(),
        };
        let request = RetrieveDocumentSetRequest { requests: wanted.iter().map(one).collect() };
        let to = &self.endpoints.repository;
        let envelope = self.envelope(way.retrieve(), to, who, |out| request.write(out))?;
        let mut received = self.send(to, way.retrieve(), envelope, Some(Vec::new())).await?;
        let response = parse(&received, &self.limits, |body| {
            RetrieveDocumentSetResponse::read(body).map_err(|_| ClientError::Unreadable("RetrieveDocumentSetResponse"))
        })?;
        if response.response.status == ResponseStatus::Failure {
            return Err(ClientError::Registry(error::of_registry(&response.response.errors)));
        }
        let parts = parts_of(&mut received).await?;
        let mut wanted: Vec<&Retrieval> = wanted.iter().collect();
        let mut documents = Vec::with_capacity(wanted.len());
        for document in response.documents {
            // What was not asked for is nobody's to give, and each is given once.
            let asked =
                wanted.iter().position(|w| w.document == document.document && w.repository == document.repository);
            let asked = asked.ok_or(ClientError::Unreadable("DocumentUniqueId"))?;
            wanted.swap_remove(asked);
            let bytes = match document.content {
                DocumentContent::Inline(bytes) => Bytes::from(bytes),
                DocumentContent::Include(cid) => {
                    let part = parts.iter().find(|(headers, _)| receive::is_named(headers, &cid));
                    part.ok_or(ClientError::Unreadable("xop:Include"))?.1.clone()
                }
            };
            documents.push(Retrieved {
                repository: document.repository,
                document: document.document,
                mime_type: document.mime_type,
                bytes,
            });
        }
        Ok((documents, response.response.errors))
    }
}

/// The parts after an envelope, whole.
async fn parts_of(received: &mut Received) -> Result<Vec<(wire_soap::multipart::PartHeaders, Bytes)>, ClientError> {
    let mut all = Vec::new();
    let Some(parts) = &mut received.parts else { return Ok(all) };
    while let Some(headers) = parts.next_part().await.map_err(|e| of_multipart(&e))? {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = parts.next_chunk().await.map_err(|e| of_multipart(&e))? {
            bytes.extend_from_slice(&chunk);
        }
        all.push((headers, bytes.freeze()));
    }
    Ok(all)
}

fn of_multipart(error: &MultipartError) -> ClientError {
    match error {
        MultipartError::Truncated { .. } => TransportError::Broken.into(),
        MultipartError::Input(source) if source.is::<TooLong>() => ClientError::Unreadable("too long"),
        MultipartError::Input(source) if source.is::<Idle>() => TransportError::TooSlow.into(),
        MultipartError::Input(_) => TransportError::Broken.into(),
        _ => ClientError::Unreadable("multipart"),
    }
}
