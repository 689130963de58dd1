//! Reading one document.

use access::{EntryFacts, Operation};
use space::{Cause, DocumentEntry, Refusal, query::EntryQuery, trace::Act};
use store::StoredBody;

use crate::{
    Caller, Desk, Fault,
    act::{Acting, on_settings},
};

/// How a document is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentKey {
    /// By its own identifier.
    UniqueId(String),
    /// By the identifier of its entry (`urn:uuid:…`).
    EntryUuid(String),
}

impl DocumentKey {
    fn text(&self) -> &str {
        match self {
            Self::UniqueId(id) | Self::EntryUuid(id) => id,
        }
    }
}

/// A document, to be sent.
#[derive(Debug)]
pub struct Fetched {
    /// Its metadata.
    pub entry: DocumentEntry,
    /// Bytes of the body.
    pub size: u64,
    /// The body, as it came.
    pub body: StoredBody,
}

impl Desk {
    /// Reads a document (IHE ITI-43, PDSm ITI-68).
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is unknown or may not be read.
    pub async fn fetch(&self, caller: &Caller, key: &DocumentKey) -> Result<Fetched, Fault> {
        let acting = Acting::new(self, caller, Act::Fetch, vec![key.text().to_owned()]);
        let space = self.enter_known(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let finding = self.tables.decide(&caller.actor, Operation::Locate, space, &settings)?;
            let row = match key {
                DocumentKey::UniqueId(id) => self.store.entry_by_unique_id(&finding, id).await?,
                DocumentKey::EntryUuid(id) => {
                    let query = EntryQuery { entry_uuids: vec![id.clone()], ..EntryQuery::default() };
                    self.store.entries(&finding, &query).await?.pop()
                }
            };
            let row = row.ok_or(Refusal::new(Cause::UnknownDocument))?;
            let facts = EntryFacts::of(&row.entry, row.owners, self.tables.matrix());
            let permit = self.tables.decide_entry(&caller.actor, Operation::Fetch, space, &facts, &settings)?;
            // The bytes are in another repository, or made when asked for: there are none here.
            if row.body_id.is_empty() {
                return Err(Refusal::new(Cause::UnknownDocument).into());
            }
            let (size, body) = self.store.body(&permit, &row.body_id).await?;
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(Fetched { entry: row.entry, size, body })
        })
    }
}
