//! ITI-18 as a consumer, and ITI-38, which is the same question to a gateway of another community (ITI TF-2 §3.38).

use space::{DocumentEntry, Dtm};
use wire_soap::{
    ebxml::{RegistryObject, RegistryObjectList},
    ns::action,
    xds::{AdhocQueryRequest, AdhocQueryResponse, QueryParam, RegistryError, ResponseStatus, ReturnType},
};

use super::{Client, ClientError, OnBehalf, error};
use crate::translate;

/// GetDocuments.
pub(crate) const GET_DOCUMENTS: &str = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4";

/// As whom the other is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A registry and its repository (ITI-18, ITI-43).
    Xds,
    /// The gateway of a community (ITI-38, ITI-39): its `homeCommunityId`.
    Xca(String),
}

impl Way {
    pub(super) const fn query(&self) -> &'static str {
        match self {
            Self::Xds => action::REGISTRY_STORED_QUERY,
            Self::Xca(_) => action::CROSS_GATEWAY_QUERY,
        }
    }

    pub(super) const fn retrieve(&self) -> &'static str {
        match self {
            Self::Xds => action::RETRIEVE_DOCUMENT_SET,
            Self::Xca(_) => action::CROSS_GATEWAY_RETRIEVE,
        }
    }

    /// The community, where there is one.
    #[must_use]
    pub fn home(&self) -> Option<&str> {
        match self {
            Self::Xds => None,
            Self::Xca(home) => Some(home),
        }
    }
}

/// What a query found.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The objects.
    pub objects: RegistryObjectList,
    /// What was not found, and warnings.
    pub errors: Vec<RegistryError>,
}

impl Answered {
    /// Entries of documents, each as the model has it; none for one whose metadata cannot be read.
    pub fn entries(&self, at: &Dtm) -> impl Iterator<Item = Option<DocumentEntry>> {
        self.objects.extrinsic_objects().map(move |object| translate::registered_entry(object, at).ok())
    }
}

/// A stored query that looks documents up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredQuery {
    /// GetDocuments by `uniqueId`.
    ByUniqueId,
    /// GetDocuments by `entryUUID`.
    ByEntryUuid,
}

impl Client {
    /// Asks a stored query.
    ///
    /// # Errors
    /// [`ClientError`]; a partial answer is an answer.
    pub async fn stored_query(
        &self,
        who: OnBehalf<'_>,
        way: &Way,
        request: &AdhocQueryRequest,
    ) -> Result<Answered, ClientError> {
        let to = &self.endpoints.registry;
        self.ask(
            way.query(),
            to,
            who,
            |out| request.write(out),
            |body| {
                let response =
                    AdhocQueryResponse::read(body).map_err(|_| ClientError::Unreadable("AdhocQueryResponse"))?;
                match response.status {
                    ResponseStatus::Failure => Err(ClientError::Registry(error::of_registry(&response.errors))),
                    _ => Ok(Answered { objects: response.objects, errors: response.errors }),
                }
            },
        )
        .await
    }

    /// The entries of these documents, as the other has them.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_documents(
        &self,
        who: OnBehalf<'_>,
        by: StoredQuery,
        ids: &[String],
        at: &Dtm,
    ) -> Result<Vec<DocumentEntry>, ClientError> {
        let name = match by {
            StoredQuery::ByUniqueId => "$XDSDocumentEntryUniqueId",
            StoredQuery::ByEntryUuid => "$XDSDocumentEntryEntryUUID",
        };
        let quoted: Vec<String> = ids.iter().map(|id| format!("'{}'", id.replace('\'', "''"))).collect();
        let values = vec![format!("({})", quoted.join(","))];
        let request = AdhocQueryRequest {
            return_type: ReturnType::LeafClass,
            return_composed_objects: true,
            query_id: GET_DOCUMENTS.to_owned(),
            home: None,
            params: vec![QueryParam { name: name.to_owned(), values, ..QueryParam::default() }],
            start_index: None,
            max_results: None,
            place: Default::default(),
        };
        let answered = self.stored_query(who, &Way::Xds, &request).await?;
        Ok(answered.entries(at).flatten().collect())
    }
}

/// Sets the community on every object of an answer.
pub(crate) fn at_home(objects: &mut RegistryObjectList, home: &str) {
    for object in &mut objects.0 {
        match object {
            RegistryObject::ExtrinsicObject(o) => o.common.home = Some(home.to_owned()),
            RegistryObject::RegistryPackage(o) => o.common.home = Some(home.to_owned()),
            RegistryObject::Association(o) => o.common.home = Some(home.to_owned()),
            RegistryObject::ObjectRef(o) => o.home = Some(home.to_owned()),
            _ => {}
        }
    }
}
