//! Reading one document.

use access::{Operation, Permit, Rule};
use space::{Cause, DocumentEntry, Refusal, Settings, SpaceId, query::EntryQuery, trace::Act};
use store::{ActRecord, StoredBody};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings, outward},
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
    /// Reads a document (PDSm ITI-68).
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is unknown or may not be read.
    pub async fn fetch(&self, caller: &Caller, key: &DocumentKey) -> Result<Fetched, Fault> {
        let mut fetched = self.fetch_all(caller, vec![Ok(key.clone())]).await?;
        fetched.pop().ok_or(Fault::Busy)?.map_err(Fault::Refused)
    }

    /// Reads several documents of one holder (IHE ITI-43): each is decided and traced by itself, and all traces are
    /// committed together. What the face refused already is given with its refusal, and traced too.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the holder has no space; what is refused of one document stands in its place.
    pub async fn fetch_all(
        &self,
        caller: &Caller,
        keys: Vec<Result<DocumentKey, Refusal>>,
    ) -> Result<Vec<Result<Fetched, Vec<Refusal>>>, Fault> {
        Ok(self.fetch_beside(caller, keys, Vec::new()).await?.0)
    }

    /// The same, with leave to read documents that other servers have (`beyond`, by `uniqueId`): decided and traced with
    /// the rest, before anybody is asked.
    ///
    /// # Errors
    /// As [`Desk::fetch_all`]; why others are not to be asked stands in its place.
    pub async fn fetch_beside(
        &self,
        caller: &Caller,
        keys: Vec<Result<DocumentKey, Refusal>>,
        beyond: Vec<String>,
    ) -> Result<(Vec<Result<Fetched, Vec<Refusal>>>, Result<(), Vec<Refusal>>), Fault> {
        let named = keys.iter().filter_map(|key| key.as_ref().ok()).map(|key| key.text().to_owned()).collect();
        let acting = Acting::new(self, caller, Act::Fetch, named);
        let space = self.enter_known(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let decided_on = Some((space, settings.revision));
            let mut records = Vec::with_capacity(keys.len());
            let mut fetched = Vec::with_capacity(keys.len());
            for key in &keys {
                let targets = key.as_ref().map_or_else(|_| Vec::new(), |key| vec![key.text().to_owned()]);
                let one = Acting::new(self, caller, Act::Fetch, targets);
                let attempt = match key {
                    Ok(key) => self.read(caller, key, space, &settings).await,
                    Err(refusal) => Err(refusal.clone().into()),
                };
                match attempt {
                    Ok((permit, document)) => {
                        let (event, notifications) = (one.done(&permit), one.emergency_notice());
                        records.push(ActRecord { decided_on, event, notifications });
                        fetched.push(Ok(document));
                    }
                    Err(Attempt::Refused(refusals)) => {
                        let event = one.refused(Some(space), &refusals);
                        records.push(ActRecord { decided_on, event, notifications: Vec::new() });
                        fetched.push(Err(outward(refusals)));
                    }
                    // What is damaged is told of the one document, the others are given.
                    Err(Attempt::Fault(Fault::Refused(refusals))) => {
                        let event = one.refused(Some(space), &refusals);
                        records.push(ActRecord { decided_on, event, notifications: Vec::new() });
                        fetched.push(Err(refusals));
                    }
                    Err(other) => return Err(other),
                }
            }
            let mut leave = Ok(());
            if !beyond.is_empty() {
                let others = Acting::new(self, caller, Act::Fetch, beyond.clone());
                let (event, notifications) = match self.leave_beyond(caller, space, &settings) {
                    Ok(permit) => (others.done(&permit), others.emergency_notice()),
                    Err(refusal) => {
                        let event = others.refused(Some(space), std::slice::from_ref(&refusal));
                        leave = Err(outward(vec![refusal]));
                        (event, Vec::new())
                    }
                };
                records.push(ActRecord { decided_on, event, notifications });
            }
            self.store.record_all(records).await?;
            Ok((fetched, leave))
        })
    }

    async fn read(
        &self,
        caller: &Caller,
        key: &DocumentKey,
        space: SpaceId,
        settings: &Settings,
    ) -> Result<(Permit, Fetched), Attempt> {
        let finding = self.tables.decide(&caller.actor, Operation::Locate, space, settings)?;
        let row = match key {
            DocumentKey::UniqueId(id) => self.store.entry_by_unique_id(&finding, id).await?,
            DocumentKey::EntryUuid(id) => {
                let query = EntryQuery { entry_uuids: vec![id.clone()], ..EntryQuery::default() };
                self.store.entries(&finding, &query).await?.pop()
            }
        };
        let row = row.filter(|row| !row.superseded).ok_or(Refusal::new(Cause::UnknownDocument))?;
        let facts = self.facts(&row);
        let permit = self.tables.decide_entry(&caller.actor, Operation::Fetch, space, &facts, settings)?;
        if row.entry.is_signature() && permit.rule() != Rule::Own {
            let grant = self.tables.read_grant(&caller.actor, settings)?;
            let signature = vec![row.entry.entry_uuid.clone()];
            if !self.tell_of_others(&finding, &grant, signature).await?.is_empty() {
                return Err(Refusal::new(Cause::UnknownDocument).into());
            }
        }
        // The bytes are in another repository, or made when asked for: there are none here.
        if row.body_id.is_empty() {
            return Err(Refusal::new(Cause::UnknownDocument).into());
        }
        let (size, body) = self.store.body(&permit, &row.body_id).await?;
        Ok((permit, Fetched { entry: row.entry, size, body }))
    }
}
