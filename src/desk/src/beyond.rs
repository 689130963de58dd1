//! What other servers have of a holder (a gateway upstream, other communities), shown to a caller here: by the rules of
//! here, beside what is here, and traced as a reading here. The other decides for itself besides.

use std::collections::HashSet;

use access::{EntryFacts, Operation, Permit, ReadGrant};
use space::{Actor, DocumentEntry, Ins, Refusal, Settings, SpaceId, query::EntryQuery, trace::Act};
use store::StoreError;

use crate::{Caller, Desk, Fault, act::Acting};

/// Identifiers looked for at once.
const LOOKED_FOR: usize = 400;

/// By what a caller's question was allowed here: what others answer to it is judged by the same.
#[derive(Debug, Clone)]
pub struct Beyond {
    pub(crate) permit: Permit,
    pub(crate) grant: ReadGrant,
    /// Of whom others were asked: what they tell of anybody else is shown to nobody.
    pub(crate) ins: Ins,
}

impl Desk {
    /// Which of the documents that another server told are shown: those that are not registered here (here they are shown,
    /// or not, in the state they have here) and that the caller could read if they were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn shown_from_beyond(&self, beyond: &Beyond, entries: &[DocumentEntry]) -> Result<Vec<bool>, Fault> {
        let ids: Vec<String> = entries.iter().map(|entry| entry.unique_id.clone()).collect();
        let here = self.registered(&beyond.permit, &ids).await?;
        // Whose it is its authors say: who put it in there is not told.
        let nobody = Actor::operator("");
        let shown = |entry: &DocumentEntry| {
            let facts = EntryFacts::of(entry, EntryFacts::owners_of(entry, &nobody), self.tables.matrix());
            let of_holder = Ins::parse_cx(&entry.patient_id.0, self.ins_tolerance()).is_ok_and(|ins| ins == beyond.ins);
            of_holder && !here.contains(&entry.unique_id) && beyond.grant.allows(&facts, self.tables.matrix()).is_ok()
        };
        Ok(entries.iter().map(shown).collect())
    }

    /// Which of these documents are registered here, in whatever state. Answers no caller: it tells the face whom to ask.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the holder has no space here.
    pub async fn registered_here(&self, caller: &Caller, unique_ids: &[String]) -> Result<HashSet<String>, Fault> {
        let acting = Acting::new(self, caller, Act::Fetch, unique_ids.to_vec());
        let space = self.enter_known(&acting, None).await?;
        let settings = acting.settings(space).await?;
        match self.tables.decide(&caller.actor, Operation::Locate, space, &settings) {
            Ok(permit) => Ok(self.registered(&permit, unique_ids).await?),
            // Nobody else is asked for who may not enter here: the reading itself is refused, and traced.
            Err(_) => Ok(unique_ids.iter().cloned().collect()),
        }
    }

    /// Leave to read documents that another server has: the caller may read other people's documents in this space. Of
    /// what kind they are only the other knows, who decides on each.
    pub(crate) fn leave_beyond(&self, caller: &Caller, space: SpaceId, settings: &Settings) -> Result<Permit, Refusal> {
        let permit = self.tables.decide(&caller.actor, Operation::Find, space, settings)?;
        match self.tables.read_grant(&caller.actor, settings)?.refuses_listing() {
            Some(cause) => Err(Refusal::new(cause)),
            None => Ok(permit),
        }
    }

    async fn registered(&self, permit: &Permit, unique_ids: &[String]) -> Result<HashSet<String>, StoreError> {
        let mut here = HashSet::new();
        for part in unique_ids.chunks(LOOKED_FOR) {
            let query = EntryQuery { unique_ids: part.to_vec(), ..EntryQuery::default() };
            here.extend(self.store.entries(permit, &query).await?.into_iter().map(|row| row.entry.unique_id));
        }
        Ok(here)
    }
}
