//! Changing what is registered: new versions of metadata, states, links (ITI-57, ITI-92; DMP TD3.3), and removal, which
//! is a state too (ITI-62, ITI-86): nothing leaves the back office (R.1111-51).
//!
//! Each change is decided on the document it bears on, by the row of the functional rights it is of; everything in one
//! message is carried out, or nothing.

mod links;
mod removal;
mod rules;

use std::collections::HashMap;

use access::{Action, EntryFacts, Operation, Permit, ReadGrant, Rule};
use space::{
    Association, AssociationKind, AvailabilityStatus, Cause, DocumentEntry, Dtm, Folder, Refusal, Settings, SpaceId,
    Submission, SubmittedDocument, SubmittedFolder, query::EntryQuery, trace::Act,
};
use store::{Deposit, EntryBody, EntryRow, NewEntry, NewFolder, ObjectKind, ObjectQuery, StateChange, StoreError};

use crate::{
    Caller, Desk, Fault, Original,
    act::{Acting, Attempt, on_settings},
};
use rules::{
    PREVIOUS_VERSION, act_for, action_of, altered, corrected, member, previous_version, propagates, unmodifiable,
    visibility_actions,
};

/// Objects of one update, at most.
const MOST: usize = 500;

/// An update of metadata.
#[derive(Debug, Clone)]
pub struct UpdateRequest {
    /// The set, with the new versions, and the links that order what is done.
    pub submission: Submission,
    /// The message as it came.
    pub original: Original,
    /// Only what a restricted update may (ITI-92): new versions of entries.
    pub restricted: bool,
}

/// What is to be removed.
#[derive(Debug, Clone)]
pub enum Removal {
    /// Objects of the registry, by `entryUUID` (ITI-62).
    Metadata(Vec<String>),
    /// Documents of the repository, by `uniqueId` (ITI-86).
    Documents(Vec<String>),
}

impl Desk {
    /// Updates metadata.
    ///
    /// # Errors
    /// [`Fault::Refused`] with what stands against it; nothing is then changed.
    pub async fn update(&self, caller: &Caller, request: &UpdateRequest) -> Result<(), Fault> {
        let submission = &request.submission;
        let targets = submission.documents.iter().map(|d| d.entry.unique_id.clone());
        let ordered = orders(submission).map(|(order, _)| order.target.clone());
        let acting = Acting::new(self, caller, act_of(submission), targets.chain(ordered).collect());
        let checked = submission.check_update(&self.terms, self.options.rules);
        let objects = submission.documents.len() + submission.folders.len() + submission.associations.len();
        if objects > MOST {
            let refusal = Refusal::new(Cause::TooManyResults).at(&submission.place).about(MOST.to_string());
            return Err(Acting { targets: Vec::new(), ..acting }.refuse(None, vec![refusal]).await);
        }
        let ins = match caller.patient_of(checked.as_ref().ok()) {
            Ok(ins) => ins,
            Err(refusal) => {
                let place = submission.place.clone();
                return Err(acting.refuse(None, vec![refusal.or_at(|| place)]).await);
            }
        };
        let space = acting.space(&ins).await?;
        if let Err(wrong) = checked {
            return Err(acting.refuse(Some(space), wrong).await);
        }
        on_settings!(acting, space, |settings| { self.attempt_update(&acting, request, space, &settings).await })
    }

    async fn attempt_update(
        &self,
        acting: &Acting<'_>,
        request: &UpdateRequest,
        space: SpaceId,
        settings: &Settings,
    ) -> Result<(), Attempt> {
        let submission = &request.submission;
        let actor = &acting.caller.actor;
        let grant = self.tables.reference_grant(actor, settings)?;
        let finding = self.tables.decide(actor, Operation::FindReference, space, settings)?;
        let mut update = Updating { desk: self, acting, finding, grant, space, settings, plan: Plan::default() };
        let orders: Vec<_> = orders(submission).collect();
        if let Some(place) = unordered(submission) {
            return Err(Refusal::new(Cause::MetadataOperation).at(place).about("associationType").into());
        }
        let nothing = orders.is_empty() && submission.documents.is_empty() && submission.folders.is_empty();
        if nothing || (request.restricted && !(orders.is_empty() && submission.folders.is_empty())) {
            return Err(Refusal::new(Cause::MetadataOperation).at(&submission.place).into());
        }
        for document in &submission.documents {
            update.new_entry_version(submission, document).await?;
        }
        for folder in &submission.folders {
            update.new_folder_version(submission, folder).await?;
        }
        for (order, place) in orders {
            match order.kind {
                AssociationKind::UpdateAvailabilityStatus => update.state(order, place).await?,
                _ => update.submit_link(submission, order, place).await?,
            }
        }
        let Plan { permit, act, entries, folders, associations, states, filled_folders, .. } = update.plan;
        let permit = permit.ok_or_else(|| Refusal::new(Cause::MetadataOperation).at(&submission.place))?;
        let acting = Acting { act: act.unwrap_or(acting.act), targets: acting.targets.clone(), ..*acting };
        if self.is_taken(&permit, submission).await? {
            return Err(Refusal::new(Cause::DuplicateUniqueId).at(&submission.place).about("entryUUID").into());
        }
        let mut set = submission.set.clone();
        if !set.entry_uuid.starts_with("urn:uuid:") {
            set.entry_uuid = self.fresh();
        }
        set.status = AvailabilityStatus::Approved;
        let forward = self.updated(acting.caller, submission, &set, &entries, &folders);
        let members = members_of(submission, &entries, &folders, &set.entry_uuid, || self.fresh());
        let deposit = Deposit {
            owners: EntryFacts::owners_of_authors(&set.authors, actor),
            set,
            entries,
            folders,
            associations: members.into_iter().chain(associations).collect(),
            states,
            filled_folders,
            data: Vec::new(),
            events: Vec::new(),
            at: Dtm::from_timestamp(self.clock.now()),
            original_type: request.original.media_type,
            original: request.original.bytes.clone(),
            notifications: acting.emergency_notice(),
            forward,
        };
        match self.store.deposit(&permit, deposit, &acting.done(&permit)).await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict { cause, .. }) => Err(Refusal::new(cause).at(&submission.place).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes objects of the registry, or documents of the repository: they are shown to nobody any more.
    ///
    /// # Errors
    /// [`Fault::Refused`] with what stands against it; nothing is then removed.
    pub async fn remove(&self, caller: &Caller, removal: &Removal, place: &str) -> Result<(), Fault> {
        let targets = match removal {
            Removal::Metadata(ids) | Removal::Documents(ids) => ids.clone(),
        };
        let acting = Acting::new(self, caller, Act::Delete, targets);
        let space = self.enter_known(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let actor = &caller.actor;
            let grant = self.tables.reference_grant(actor, &settings)?;
            let finding = self.tables.decide(actor, Operation::FindReference, space, &settings)?;
            let mut removing = Updating {
                desk: self,
                acting: &acting,
                finding,
                grant,
                space,
                settings: &settings,
                plan: Plan::default(),
            };
            match removal {
                Removal::Metadata(ids) => removing.remove_objects(ids, place).await?,
                Removal::Documents(ids) => removing.remove_documents(ids, place).await?,
            }
            let Plan { permit, states, removed, .. } = removing.plan;
            let permit = permit.ok_or_else(|| Refusal::new(Cause::MetadataOperation).at(place))?;
            let forward = caller.patient.as_ref().and_then(|ins| self.removed(caller, ins, &removed));
            let told = acting.emergency_notice();
            match self.store.change_states(&permit, states, &acting.done(&permit), told, forward).await {
                Ok(()) => Ok(()),
                Err(StoreError::Conflict { cause, .. }) => Err(Refusal::new(cause).at(place).into()),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// Whether an identifier that the sender chose for a new object is somebody's already.
    async fn is_taken(&self, permit: &Permit, submission: &Submission) -> Result<bool, Attempt> {
        let documents = submission.documents.iter().map(|d| (&d.entry.entry_uuid, &d.entry.logical_id));
        let folders = submission.folders.iter().map(|f| (&f.folder.entry_uuid, &f.folder.logical_id));
        // An update that names its object by the identifier of the first version gets a fresh one.
        let new = documents.chain(folders).filter(|(uuid, lid)| uuid != lid).map(|(uuid, _)| uuid);
        let all = std::iter::once(&submission.set.entry_uuid).chain(new);
        let ids: Vec<String> = all.filter(|id| id.starts_with("urn:uuid:")).cloned().collect();
        if ids.is_empty() {
            return Ok(false);
        }
        let objects = ObjectQuery { entry_uuids: ids.clone(), superseded: true, ..ObjectQuery::default() };
        let entries = EntryQuery { entry_uuids: ids, ..EntryQuery::default() };
        Ok(!self.store.submission_sets(permit, &objects).await?.is_empty()
            || !self.store.folders(permit, &objects).await?.is_empty()
            || !self.store.entries(permit, &entries).await?.is_empty())
    }

    pub(crate) fn fresh(&self) -> String {
        format!("urn:uuid:{}", self.rng.uuid())
    }
}

/// The links that order something, with their places.
pub(crate) fn orders(submission: &Submission) -> impl Iterator<Item = (&Association, &str)> {
    submission.associations.iter().filter(|(a, _)| a.kind.is_order()).map(|(a, place)| (a, place.as_str()))
}

/// Where a link stands that is part of no operation of an update.
fn unordered(submission: &Submission) -> Option<&str> {
    let set = submission.set.entry_uuid.as_str();
    let inside = |id: &str| {
        submission.documents.iter().any(|d| d.entry.entry_uuid == id)
            || submission.folders.iter().any(|f| f.folder.entry_uuid == id)
            || submission.associations.iter().any(|(a, _)| a.entry_uuid == id)
    };
    let submitted = |id: &str| orders(submission).any(|(order, _)| order.target == id);
    submission
        .associations
        .iter()
        .filter(|(a, _)| !a.kind.is_order() && !submitted(&a.entry_uuid))
        .find(|(a, _)| !(a.kind == AssociationKind::HasMember && a.source == set && inside(&a.target)))
        .map(|(_, place)| place.as_str())
}

/// What a message is about to do, as far as it says itself.
fn act_of(submission: &Submission) -> Act {
    let state =
        orders(submission).find_map(|(order, _)| order.slot("NewStatus").and_then(AvailabilityStatus::from_urn));
    let from =
        orders(submission).find_map(|(order, _)| order.slot("OriginalStatus").and_then(AvailabilityStatus::from_urn));
    match (state, from) {
        (Some(AvailabilityStatus::Deleted), _) => Act::Delete,
        (Some(AvailabilityStatus::Archived), _) => Act::Archive,
        (Some(AvailabilityStatus::Approved), Some(AvailabilityStatus::Archived)) => Act::Unarchive,
        _ => Act::Update,
    }
}

/// Links from the set to its members, under the identifiers they were given.
fn members_of(
    submission: &Submission,
    entries: &[NewEntry],
    folders: &[NewFolder],
    set: &str,
    fresh: impl Fn() -> String,
) -> Vec<Association> {
    let sent: HashMap<&str, &str> = submission
        .documents
        .iter()
        .zip(entries)
        .map(|(d, new)| (d.entry.entry_uuid.as_str(), new.entry.entry_uuid.as_str()))
        .chain(
            submission
                .folders
                .iter()
                .zip(folders)
                .map(|(f, new)| (f.folder.entry_uuid.as_str(), new.folder.entry_uuid.as_str())),
        )
        .collect();
    submission
        .associations
        .iter()
        .filter(|(a, _)| a.kind == AssociationKind::HasMember && a.source == submission.set.entry_uuid)
        .filter_map(|(a, _)| {
            let target = (*sent.get(a.target.as_str())?).to_owned();
            Some(Association { entry_uuid: fresh(), source: set.to_owned(), target, ..a.clone() })
        })
        .collect()
}

/// What an update comes to.
#[derive(Debug, Default)]
struct Plan {
    /// The first leave that was given.
    permit: Option<Permit>,
    /// What the first change turned out to be.
    act: Option<Act>,
    entries: Vec<NewEntry>,
    folders: Vec<NewFolder>,
    associations: Vec<Association>,
    states: Vec<StateChange>,
    filled_folders: Vec<String>,
    /// Documents that are removed, as they stood.
    removed: Vec<EntryRow>,
}

/// An update being worked out.
struct Updating<'a> {
    desk: &'a Desk,
    acting: &'a Acting<'a>,
    finding: Permit,
    grant: ReadGrant,
    space: SpaceId,
    settings: &'a Settings,
    plan: Plan,
}

impl Updating<'_> {
    /// The entries of a query that the caller may know of.
    async fn known(&self, query: &EntryQuery) -> Result<Vec<EntryRow>, Attempt> {
        let mut rows = self.desk.store.entries(&self.finding, query).await?;
        let matrix = self.desk.tables.matrix();
        rows.retain(|row| !row.superseded && self.grant.allows(&self.desk.facts(row), matrix).is_ok());
        Ok(rows)
    }

    /// Asks leave for a change of an entry, and keeps the first that was given.
    fn ask(&mut self, action: Action, row: &EntryRow, place: &str) -> Result<Rule, Attempt> {
        let facts = self.desk.facts(row);
        let actor = &self.acting.caller.actor;
        let operation = Operation::Change(action);
        let permit = self.desk.tables.decide_entry(actor, operation, self.space, &facts, self.settings);
        let permit = permit.map_err(|r| r.or_at(|| place.to_owned()))?;
        let rule = permit.rule();
        let act = act_for(action);
        match self.plan.act {
            // A trace tells one act: what deletes does nothing else.
            Some(other) if other != act && (act == Act::Delete || other == Act::Delete) => {
                return Err(Refusal::new(Cause::MetadataOperation)
                    .at(place)
                    .about("a deletion among other changes")
                    .into());
            }
            Some(other) if other != act => self.plan.act = Some(Act::Update),
            _ => self.plan.act = Some(act),
        }
        self.plan.permit.get_or_insert(permit);
        Ok(rule)
    }

    /// Leave for a change that no row of the functional rights opens but to whom the document belongs.
    fn ask_owner(&mut self, row: &EntryRow, place: &str) -> Result<(), Attempt> {
        // An author deletes what is his own: who may do that may correct it.
        let before = self.plan.act.take();
        let asked = self.ask(Action::Delete, row, place);
        self.plan.act = Some(before.map_or(Act::Update, |act| if act == Act::Delete { act } else { Act::Update }));
        match asked? {
            Rule::Own => Ok(()),
            _ => Err(Refusal::new(Cause::NotAuthor).at(place).into()),
        }
    }

    async fn new_entry_version(
        &mut self,
        submission: &Submission,
        document: &SubmittedDocument,
    ) -> Result<(), Attempt> {
        let place = document.place.as_str();
        let new = &document.entry;
        let refuse = |cause, about: &str| Attempt::from(Refusal::new(cause).at(place).about(about));
        let member = member(submission, &new.entry_uuid)
            .ok_or_else(|| refuse(Cause::MetadataOperation, "HasMember from the submission set"))?;
        let query = EntryQuery { logical_ids: vec![new.logical_id.clone()], ..EntryQuery::default() };
        let row = self.known(&query).await?.pop().ok_or_else(|| refuse(Cause::MetadataIdentifier, "lid"))?;
        let old = &row.entry;
        if previous_version(member) != Some(old.version) {
            return Err(refuse(Cause::MetadataVersion, PREVIOUS_VERSION));
        }
        // A document that was replaced is not brought back by its metadata.
        if !matches!(old.status, AvailabilityStatus::Approved | AvailabilityStatus::Archived) {
            return Err(refuse(Cause::MetadataVersion, "availabilityStatus"));
        }
        if let Some(attribute) = unmodifiable(old, document) {
            return Err(refuse(Cause::UnmodifiableMetadata, attribute));
        }
        let actions = visibility_actions(old, new);
        let mut own = None;
        for action in &actions {
            match action {
                Some(action) => own = Some(self.ask(*action, &row, place)?),
                None => self.ask_owner(&row, place)?,
            }
        }
        let mut entry = if actions.is_empty() || own == Some(Rule::Own) || corrected(old, new) {
            let wrong = document.check(&self.desk.terms, self.desk.options.rules);
            if altered(old, new) && !wrong.is_empty() {
                return Err(Attempt::Refused(wrong));
            }
            if corrected(old, new) || actions.is_empty() {
                self.ask_owner(&row, place).map_err(|attempt| match attempt {
                    Attempt::Refused(_) if !actions.is_empty() => {
                        refuse(Cause::UnmodifiableMetadata, "metadata other than confidentialityCode")
                    }
                    other => other,
                })?;
            }
            new.clone()
        } else {
            // Somebody else's document: what changes is who sees it, whatever else was sent again.
            DocumentEntry { confidentiality_codes: new.confidentiality_codes.clone(), ..old.clone() }
        };
        entry.entry_uuid = if new.entry_uuid.starts_with("urn:uuid:") && new.entry_uuid != old.entry_uuid {
            new.entry_uuid.clone()
        } else {
            self.desk.fresh()
        };
        entry.logical_id.clone_from(&old.logical_id);
        entry.version = old.version + 1;
        entry.status = old.status;
        entry.kind = old.kind;
        entry.repository.clone_from(&old.repository);
        if old.kind == space::EntryKind::OnDemand {
            entry.creation_time.clone_from(&old.creation_time);
        }
        entry.hash.clone_from(&old.hash);
        entry.size = old.size;
        self.plan.states.push(StateChange {
            kind: ObjectKind::Entry,
            uuid: old.entry_uuid.clone(),
            from: old.status,
            to: AvailabilityStatus::Deprecated,
            superseded: true,
            otherwise: Cause::MetadataVersion,
        });
        if propagates(member) {
            self.propagate(&old.entry_uuid, &entry.entry_uuid).await?;
        }
        let body = if row.body_id.is_empty() { EntryBody::Elsewhere } else { EntryBody::Kept(row.body_id.clone()) };
        self.plan.entries.push(NewEntry { entry, owners: row.owners.clone(), body });
        Ok(())
    }

    async fn new_folder_version(
        &mut self,
        submission: &Submission,
        submitted: &SubmittedFolder,
    ) -> Result<(), Attempt> {
        let SubmittedFolder { folder: new, place } = submitted;
        let refuse = |cause, about: &str| Attempt::from(Refusal::new(cause).at(place).about(about));
        let member = member(submission, &new.entry_uuid)
            .ok_or_else(|| refuse(Cause::MetadataOperation, "HasMember from the submission set"))?;
        let query = ObjectQuery { logical_ids: vec![new.logical_id.clone()], ..ObjectQuery::default() };
        let row = self.desk.store.folders(&self.finding, &query).await?.pop();
        let row = row.ok_or_else(|| refuse(Cause::MetadataIdentifier, "lid"))?;
        let old = &row.folder;
        if previous_version(member) != Some(old.version) {
            return Err(refuse(Cause::MetadataVersion, PREVIOUS_VERSION));
        }
        if new.unique_id != old.unique_id {
            return Err(refuse(Cause::UnmodifiableMetadata, "XDSFolder.uniqueId"));
        }
        self.ask_for_folder(&row.owners, Action::Archive, place)?;
        let entry_uuid = if new.entry_uuid.starts_with("urn:uuid:") && new.entry_uuid != old.entry_uuid {
            new.entry_uuid.clone()
        } else {
            self.desk.fresh()
        };
        let folder = Folder {
            entry_uuid,
            logical_id: old.logical_id.clone(),
            version: old.version + 1,
            status: old.status,
            last_update: Dtm::from_timestamp(self.desk.clock.now()),
            ..new.clone()
        };
        self.plan.states.push(StateChange {
            kind: ObjectKind::Folder,
            uuid: old.entry_uuid.clone(),
            from: old.status,
            to: AvailabilityStatus::Deprecated,
            superseded: true,
            otherwise: Cause::MetadataVersion,
        });
        if propagates(member) {
            self.propagate(&old.entry_uuid, &folder.entry_uuid).await?;
        }
        self.plan.folders.push(NewFolder { folder, owners: row.owners });
        Ok(())
    }

    /// Leave to change a folder: that of a document of the same owners, of no kind the matrix knows.
    fn ask_for_folder(&mut self, owners: &[access::Owner], action: Action, place: &str) -> Result<(), Attempt> {
        let facts = EntryFacts {
            kind: access::KindIndex::UNKNOWN,
            status: AvailabilityStatus::Approved,
            visibility: space::Visibility::default(),
            owners: owners.to_vec(),
        };
        let actor = &self.acting.caller.actor;
        let operation = Operation::Change(action);
        let permit = self.desk.tables.decide_entry(actor, operation, self.space, &facts, self.settings);
        let permit = permit.map_err(|r| r.or_at(|| place.to_owned()))?;
        if permit.rule() != Rule::Own {
            return Err(Refusal::new(Cause::NotAuthor).at(place).into());
        }
        self.plan.permit.get_or_insert(permit);
        Ok(())
    }

    /// Changes the state of one object (ITI TF-2 §3.57.4.1.3.3.2).
    async fn state(&mut self, order: &Association, place: &str) -> Result<(), Attempt> {
        let refuse = |cause, about: &str| Attempt::from(Refusal::new(cause).at(place).about(about));
        let read = |slot: &'static str| {
            let urn = order.slot(slot).ok_or_else(|| refuse(Cause::MetadataMissing, slot))?;
            AvailabilityStatus::from_urn(urn).ok_or_else(|| refuse(Cause::MetadataInvalid, slot))
        };
        let (from, to) = (read("OriginalStatus")?, read("NewStatus")?);
        let action = action_of(from, to).ok_or_else(|| refuse(Cause::MetadataOperation, "NewStatus"))?;
        let query = EntryQuery { entry_uuids: vec![order.target.clone()], ..EntryQuery::default() };
        let (kind, stands) = if let Some(row) = self.known(&query).await?.pop() {
            self.ask(action, &row, place)?;
            (ObjectKind::Entry, row.entry.status)
        } else {
            let query = ObjectQuery { entry_uuids: vec![order.target.clone()], ..ObjectQuery::default() };
            if let Some(row) = self.desk.store.folders(&self.finding, &query).await?.pop() {
                self.ask_for_folder(&row.owners, action, place)?;
                (ObjectKind::Folder, row.folder.status)
            } else {
                let link = self.own_link(&order.target, action, place).await?;
                let link = link.ok_or_else(|| refuse(Cause::UnknownAssociationTarget, "targetObject"))?;
                (ObjectKind::Association, link.status)
            }
        };
        if stands != from {
            return Err(refuse(Cause::MetadataUpdate, "OriginalStatus"));
        }
        self.plan.states.push(StateChange {
            kind,
            uuid: order.target.clone(),
            from,
            to,
            superseded: false,
            otherwise: Cause::MetadataUpdate,
        });
        Ok(())
    }
}
