//! What is to be removed: each object the caller's own, and nothing left that refers to it (ITI-62, ITI-86).

use access::Action;
use space::{AvailabilityStatus, Cause, Refusal, query::EntryQuery};
use store::{LinkQuery, ObjectKind, ObjectQuery, StateChange};

use super::Updating;
use crate::act::Attempt;

impl Updating<'_> {
    /// Objects of the registry that come to be deleted: each the caller's own, and nothing left that refers to them.
    pub(super) async fn remove_objects(&mut self, ids: &[String], place: &str) -> Result<(), Attempt> {
        let unknown = || Attempt::from(Refusal::new(Cause::UnknownAssociationTarget).at(place).about("ObjectRef"));
        let all = ids.to_vec();
        let rows = self.known(&EntryQuery { entry_uuids: all.clone(), ..EntryQuery::default() }).await?;
        for row in &rows {
            self.ask(Action::Delete, row, place)?;
            self.deleted(ObjectKind::Entry, &row.entry.entry_uuid, row.entry.status);
            self.plan.removed.push(row.clone());
        }
        let objects = ObjectQuery { entry_uuids: all.clone(), ..ObjectQuery::default() };
        for row in self.desk.store.folders(&self.finding, &objects).await? {
            self.ask_for_folder(&row.owners, Action::Delete, place)?;
            self.deleted(ObjectKind::Folder, &row.folder.entry_uuid, row.folder.status);
        }
        for row in self.desk.store.submission_sets(&self.finding, &objects).await? {
            self.ask_for_folder(&row.owners, Action::Delete, place)?;
            self.deleted(ObjectKind::Set, &row.set.entry_uuid, row.set.status);
        }
        let links = LinkQuery { entry_uuids: all, ..LinkQuery::default() };
        for link in self.desk.store.associations(&self.finding, &links).await? {
            let ours = |id: &str| self.plan.states.iter().any(|s| s.uuid == id);
            if !(ours(&link.source) || ours(&link.target))
                && self.own_link(&link.entry_uuid, Action::Delete, place).await?.is_none()
            {
                return Err(unknown());
            }
            self.deleted(ObjectKind::Association, &link.entry_uuid, link.status);
        }
        if ids.iter().any(|id| !self.plan.states.iter().any(|s| s.uuid == *id)) {
            return Err(unknown());
        }
        self.nothing_refers(ids, place).await
    }

    /// No link may be left that starts from or ends at what goes (ITI TF-2 §3.62.4.1.3).
    pub(super) async fn nothing_refers(&self, ids: &[String], place: &str) -> Result<(), Attempt> {
        let from = LinkQuery { sources: ids.to_vec(), ..LinkQuery::default() };
        let to = LinkQuery { targets: ids.to_vec(), ..LinkQuery::default() };
        for query in [from, to] {
            for link in self.desk.store.associations(&self.finding, &query).await? {
                if !ids.contains(&link.entry_uuid) {
                    return Err(Refusal::new(Cause::ReferencesExist).at(place).about("Association").into());
                }
            }
        }
        Ok(())
    }

    pub(super) async fn remove_documents(&mut self, ids: &[String], place: &str) -> Result<(), Attempt> {
        let rows = self.known(&EntryQuery { unique_ids: ids.to_vec(), ..EntryQuery::default() }).await?;
        for id in ids {
            let row = rows.iter().find(|r| r.entry.unique_id == *id && !r.body_id.is_empty());
            let row = row.ok_or_else(|| Refusal::new(Cause::UnknownDocument).at(place))?;
            self.ask(Action::Delete, row, place)?;
            self.deleted(ObjectKind::Entry, &row.entry.entry_uuid, row.entry.status);
            self.plan.removed.push(row.clone());
        }
        Ok(())
    }

    pub(super) fn deleted(&mut self, kind: ObjectKind, uuid: &str, from: AvailabilityStatus) {
        self.plan.states.push(StateChange {
            kind,
            uuid: uuid.to_owned(),
            from,
            to: AvailabilityStatus::Deleted,
            superseded: false,
            otherwise: Cause::MetadataUpdate,
        });
    }
}
