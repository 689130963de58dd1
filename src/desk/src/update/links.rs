//! Links that an update makes, copies to a new version, or takes away.

use access::{Action, Rule};
use space::{Association, AssociationKind, AvailabilityStatus, Cause, Refusal, Submission, query::EntryQuery};
use store::{LinkQuery, ObjectKind, ObjectQuery, StateChange};

use super::Updating;
use crate::act::Attempt;

impl Updating<'_> {
    /// Copies the links of a former version to the new one (ITI TF-2 §3.57.4.1.3.3.1.3).
    pub(super) async fn propagate(&mut self, old: &str, new: &str) -> Result<(), Attempt> {
        let one = || vec![old.to_owned()];
        let mut links =
            self.desk.store.associations(&self.finding, &LinkQuery { sources: one(), ..LinkQuery::default() }).await?;
        links.extend(
            self.desk.store.associations(&self.finding, &LinkQuery { targets: one(), ..LinkQuery::default() }).await?,
        );
        // What sent the former version holds it still; the new one has its own set.
        let holders = links.iter().filter(|l| l.kind == AssociationKind::HasMember && l.target == old);
        let holders = holders.map(|l| l.source.clone()).collect();
        let folders = ObjectQuery { entry_uuids: holders, superseded: true, ..ObjectQuery::default() };
        let folders = if folders.entry_uuids.is_empty() {
            Vec::new()
        } else {
            self.desk.store.folders(&self.finding, &folders).await?
        };
        let in_folder = |l: &Association| folders.iter().any(|f| f.folder.entry_uuid == l.source);
        for link in links {
            let holds = link.kind == AssociationKind::HasMember && link.target == old;
            if link.status != AvailabilityStatus::Approved || (holds && !in_folder(&link)) {
                continue;
            }
            let swap = |id: String| if id == old { new.to_owned() } else { id };
            self.plan.associations.push(Association {
                entry_uuid: self.desk.fresh(),
                source: swap(link.source),
                target: swap(link.target),
                ..link
            });
        }
        Ok(())
    }

    /// A link of which an end is a document (or folder) of the caller's own.
    pub(super) async fn own_link(
        &mut self,
        id: &str,
        action: Action,
        place: &str,
    ) -> Result<Option<Association>, Attempt> {
        let query = LinkQuery { entry_uuids: vec![id.to_owned()], ..LinkQuery::default() };
        let Some(link) = self.desk.store.associations(&self.finding, &query).await?.pop() else { return Ok(None) };
        let ends = vec![link.source.clone(), link.target.clone()];
        let rows = self.known(&EntryQuery { entry_uuids: ends.clone(), ..EntryQuery::default() }).await?;
        let mut refused = None;
        for row in &rows {
            match self.ask(action, row, place) {
                Ok(Rule::Own) => return Ok(Some(link)),
                Ok(_) => refused = Some(Refusal::new(Cause::NotAuthor).at(place).into()),
                Err(attempt) => refused = Some(attempt),
            }
        }
        let folders = ObjectQuery { entry_uuids: ends, ..ObjectQuery::default() };
        for row in self.desk.store.folders(&self.finding, &folders).await? {
            match self.ask_for_folder(&row.owners, action, place) {
                Ok(()) => return Ok(Some(link)),
                Err(attempt) => refused = Some(attempt),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    /// Links two objects that are there (ITI TF-2 §3.57.4.1.3.3.5).
    pub(super) async fn submit_link(
        &mut self,
        submission: &Submission,
        order: &Association,
        place: &str,
    ) -> Result<(), Attempt> {
        let refuse = |cause, about: &str| Attempt::from(Refusal::new(cause).at(place).about(about));
        let link = submission.associations.iter().map(|(a, _)| a).find(|a| a.entry_uuid == order.target);
        let link = link.ok_or_else(|| refuse(Cause::UnknownAssociationTarget, "targetObject"))?;
        let ends = vec![link.source.clone(), link.target.clone()];
        let rows = self.known(&EntryQuery { entry_uuids: ends, ..EntryQuery::default() }).await?;
        let row = |id: &str| rows.iter().find(|r| r.entry.entry_uuid == id);
        if row(&link.target).is_none() {
            return Err(refuse(Cause::UnknownAssociationTarget, "targetObject"));
        }
        let guard =
            |kind, uuid: &str| StateChange::guard(kind, uuid, AvailabilityStatus::Approved, Cause::MetadataUpdate);
        self.plan.states.push(guard(ObjectKind::Entry, &link.target));
        let between_documents =
            matches!(link.kind, AssociationKind::Append | AssociationKind::Transform | AssociationKind::IsSnapshotOf);
        match row(&link.source) {
            Some(source) if between_documents => {
                let source = source.clone();
                self.plan.states.push(guard(ObjectKind::Entry, &link.source));
                self.ask_owner(&source, place)?;
            }
            // What replaces comes with its document (ITI-41): it deprecates what it replaces.
            _ if link.kind != AssociationKind::HasMember => {
                return Err(refuse(Cause::MetadataOperation, "associationType"));
            }
            Some(_) => return Err(refuse(Cause::MetadataOperation, "sourceObject")),
            None => {
                let query = ObjectQuery { entry_uuids: vec![link.source.clone()], ..ObjectQuery::default() };
                let folder = self.desk.store.folders(&self.finding, &query).await?.pop();
                let folder = folder.filter(|f| !f.superseded);
                let folder = folder.ok_or_else(|| refuse(Cause::UnknownAssociationTarget, "sourceObject"))?;
                self.ask_for_folder(&folder.owners, Action::Archive, place)?;
                self.plan.states.push(guard(ObjectKind::Folder, &link.source));
                self.plan.filled_folders.push(link.source.clone());
            }
        }
        self.plan.associations.push(Association {
            entry_uuid: self.desk.fresh(),
            status: AvailabilityStatus::Approved,
            ..link.clone()
        });
        Ok(())
    }
}
