//! Putting a submission in: all of it or nothing, once however often it is sent.

use std::collections::HashMap;

use access::{EntryFacts, Operation, Permit};
use space::{AvailabilityStatus, Cause, Refusal, Settings, Submission, query::EntryQuery, trace::Act};
use store::{Deposit, Deposited, NewEntry, Notification, StagedBody, StoreError};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings},
};

/// The metadata as they came.
#[derive(Debug, Clone)]
pub struct Original {
    /// Their media type.
    pub media_type: &'static str,
    /// Their bytes.
    pub bytes: Vec<u8>,
}

/// A submission to be put in, its documents already received.
#[derive(Debug, Clone)]
pub struct DepositRequest {
    /// Its metadata.
    pub submission: Submission,
    /// Its documents, in the order of `submission.documents`.
    pub bodies: Vec<StagedBody>,
    /// The metadata as they came.
    pub original: Original,
}

/// What was put in.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// `entry_uuid` of the set; of a replay, the one just sent (the first one's stands).
    pub set_uuid: String,
    /// For each document in order: uniqueId and `entry_uuid` it is registered under.
    pub documents: Vec<(String, String)>,
    /// Whether it had been put in before, byte for byte.
    pub replayed: bool,
}

impl Desk {
    /// Whether the caller may put documents in at all: asked before the documents of a message are received, so that a
    /// refused caller fills no disk. The deposit decides again.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it may not; the trace of it is committed.
    pub async fn may_deposit(&self, caller: &Caller) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, Act::Deposit, Vec::new());
        let space = self.enter_known(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            self.tables.decide(&caller.actor, Operation::Deposit, space, &settings)?;
            Ok(())
        })
    }

    /// Puts a submission in.
    ///
    /// # Errors
    /// [`Fault::Refused`] with every cause; nothing is then stored.
    pub async fn deposit(&self, caller: &Caller, request: DepositRequest) -> Result<Receipt, Fault> {
        let targets = request.submission.documents.iter().map(|d| d.entry.unique_id.clone()).collect();
        let acting = Acting::new(self, caller, Act::Deposit, targets);
        let checked = request.submission.check(&self.terms, self.options.rules);
        let named = checked.as_ref().ok();
        let ins = match caller.patient_of(named) {
            Ok(ins) => ins,
            Err(refusal) => {
                let place = request.submission.place.clone();
                return Err(acting.refuse(None, vec![refusal.or_at(|| place)]).await);
            }
        };
        // An unknown holder is said before what is wrong in the message.
        let space = acting.space(&ins).await?;
        if let Err(wrong) = checked {
            return Err(acting.refuse(Some(space), wrong).await);
        }
        let DepositRequest { mut submission, bodies, original } = request;
        if let Err(wrong) = complete(&mut submission, &bodies) {
            return Err(acting.refuse(Some(space), wrong).await);
        }
        let chosen = submission.documents.iter().map(|d| &d.entry.entry_uuid).filter(|id| id.starts_with("urn:uuid:"));
        let chosen = chosen.cloned().collect();
        self.assign_identifiers(&mut submission);
        let prepared = Prepared { submission, bodies, original, chosen };
        on_settings!(acting, space, |settings| { self.attempt_deposit(&acting, &prepared, space, &settings).await })
    }

    async fn attempt_deposit(
        &self,
        acting: &Acting<'_>,
        prepared: &Prepared,
        space: space::SpaceId,
        settings: &Settings,
    ) -> Result<Receipt, Attempt> {
        let caller = acting.caller;
        let permit = self.tables.decide(&caller.actor, Operation::Deposit, space, settings)?;
        let wrong = secret_visibility(caller, &prepared.submission);
        if !wrong.is_empty() {
            return Err(Attempt::Refused(wrong));
        }
        self.fresh_identifiers(&permit, prepared).await?;
        let replaced = self.replaced(acting, &permit, prepared, settings).await?;
        let deposit = self.record_of(caller, prepared, replaced);
        let set_uuid = prepared.submission.set.entry_uuid.clone();
        let outcome = self.store.deposit(&permit, deposit, &acting.done(&permit)).await;
        match outcome {
            Ok(Deposited::Stored) => Ok(Receipt { set_uuid, documents: prepared.documents(), replayed: false }),
            Ok(Deposited::Replayed) => self.replayed(&permit, prepared, set_uuid).await,
            Err(StoreError::Conflict { cause, index }) => {
                Err(Refusal::new(cause).at(prepared.place_of(cause, index)).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Identifiers the sender chose for its entries must be nobody's yet, except in what was sent before.
    async fn fresh_identifiers(&self, permit: &Permit, prepared: &Prepared) -> Result<(), Attempt> {
        if prepared.chosen.is_empty() {
            return Ok(());
        }
        let query = EntryQuery { entry_uuids: prepared.chosen.clone(), ..EntryQuery::default() };
        for row in self.store.entries(permit, &query).await? {
            let again = |d: &&space::SubmittedDocument| {
                d.entry.entry_uuid == row.entry.entry_uuid && d.entry.unique_id == row.entry.unique_id
            };
            if !prepared.submission.documents.iter().any(|d| again(&d)) {
                let place = &prepared.submission.place;
                return Err(Refusal::new(Cause::DuplicateUniqueId).at(place).about("entryUUID").into());
            }
        }
        Ok(())
    }

    /// The entries the submission replaces: known here, and the caller's own.
    async fn replaced(
        &self,
        acting: &Acting<'_>,
        permit: &Permit,
        prepared: &Prepared,
        settings: &Settings,
    ) -> Result<Vec<String>, Attempt> {
        let mut targets = Vec::new();
        let mut wanted = Vec::new();
        for (association, place) in &prepared.submission.associations {
            let inside = prepared.is_inside(&association.target);
            if !inside {
                wanted.push((association, place));
            }
        }
        if wanted.is_empty() {
            return Ok(targets);
        }
        let query =
            EntryQuery { entry_uuids: wanted.iter().map(|(a, _)| a.target.clone()).collect(), ..EntryQuery::default() };
        let rows = self.store.entries(permit, &query).await?;
        let rows: HashMap<&str, _> = rows.iter().map(|r| (r.entry.entry_uuid.as_str(), r)).collect();
        let own = self.tables.reference_grant(&acting.caller.actor, settings)?;
        for (association, place) in wanted {
            let refuse = |cause| Attempt::from(Refusal::new(cause).at(place).about("targetObject"));
            let row = rows.get(association.target.as_str()).ok_or_else(|| refuse(Cause::UnknownAssociationTarget))?;
            let facts = EntryFacts::of(&row.entry, row.owners.clone(), self.tables.matrix());
            // What may not be read is not there, to whoever would link to it.
            let rule = own.allows(&facts, self.tables.matrix());
            let rule = rule.map_err(|_| refuse(Cause::UnknownAssociationTarget))?;
            if !association.kind.replaces() {
                continue;
            }
            if rule != access::Rule::Own {
                return Err(refuse(Cause::NotAuthor));
            }
            // Whether it is still the current version the store says, which knows a replay from a second replacement.
            targets.push(association.target.clone());
        }
        Ok(targets)
    }

    async fn replayed(&self, permit: &Permit, prepared: &Prepared, set_uuid: String) -> Result<Receipt, Attempt> {
        let unique_ids = prepared.submission.documents.iter().map(|d| d.entry.unique_id.clone()).collect();
        let rows = self.store.entries(permit, &EntryQuery { unique_ids, ..EntryQuery::default() }).await?;
        let registered: HashMap<_, _> = rows.into_iter().map(|r| (r.entry.unique_id, r.entry.entry_uuid)).collect();
        let documents = prepared.documents().into_iter().map(|(id, sent)| {
            let uuid = registered.get(&id).cloned().unwrap_or(sent);
            (id, uuid)
        });
        Ok(Receipt { set_uuid, documents: documents.collect(), replayed: true })
    }

    fn record_of(&self, caller: &Caller, prepared: &Prepared, replaced: Vec<String>) -> Deposit {
        let submission = &prepared.submission;
        let entries = submission.documents.iter().zip(&prepared.bodies).map(|(document, body)| NewEntry {
            owners: EntryFacts::owners_of(&document.entry, &caller.actor),
            entry: document.entry.clone(),
            body: body.clone(),
        });
        let entries: Vec<NewEntry> = entries.collect();
        let mut owners = Vec::new();
        for owner in entries.iter().flat_map(|e| &e.owners) {
            if !owners.contains(owner) {
                owners.push(owner.clone());
            }
        }
        let told: Vec<&str> = submission
            .documents
            .iter()
            .filter(|d| !d.entry.is_signature() && !d.entry.visibility().hidden_from_holder)
            .map(|d| d.entry.entry_uuid.as_str())
            .collect();
        let notifications = if told.is_empty() {
            Vec::new()
        } else {
            vec![Notification {
                message_id: self.rng.uuid().to_string(),
                kind: "documents_deposited",
                payload: serde_json::json!({ "entries": told }).to_string(),
            }]
        };
        Deposit {
            set: submission.set.clone(),
            owners,
            entries,
            associations: submission.associations.iter().map(|(a, _)| a.clone()).collect(),
            replaced,
            original_type: prepared.original.media_type,
            original: prepared.original.bytes.clone(),
            notifications,
        }
    }

    /// Gives symbolic identifiers their UUIDs, and sets what the registry sets (ITI TF-3 §4.2.3: logicalId, version,
    /// availabilityStatus).
    fn assign_identifiers(&self, submission: &mut Submission) {
        let mut given: HashMap<String, String> = HashMap::new();
        let fresh = |id: &str| {
            if id.starts_with("urn:uuid:") { id.to_owned() } else { format!("urn:uuid:{}", self.rng.uuid()) }
        };
        let mut rename = |id: &mut String| {
            let new = given.entry(id.clone()).or_insert_with(|| fresh(id)).clone();
            *id = new;
        };
        rename(&mut submission.set.entry_uuid);
        submission.set.status = AvailabilityStatus::Approved;
        for document in &mut submission.documents {
            rename(&mut document.entry.entry_uuid);
            document.entry.logical_id = document.entry.entry_uuid.clone();
            document.entry.version = 1;
            document.entry.status = AvailabilityStatus::Approved;
        }
        for (association, _) in &mut submission.associations {
            rename(&mut association.source);
            rename(&mut association.target);
            // Nobody refers to an association by its identifier: a fresh one can collide with none.
            association.entry_uuid = format!("urn:uuid:{}", self.rng.uuid());
        }
    }
}

struct Prepared {
    submission: Submission,
    bodies: Vec<StagedBody>,
    original: Original,
    /// `entry_uuid`s the sender chose.
    chosen: Vec<String>,
}

impl Prepared {
    fn documents(&self) -> Vec<(String, String)> {
        let pair = |d: &space::SubmittedDocument| (d.entry.unique_id.clone(), d.entry.entry_uuid.clone());
        self.submission.documents.iter().map(pair).collect()
    }

    /// Where a conflict with what is stored lies: at a document, at the replacement, or at the set as a whole.
    fn place_of(&self, cause: Cause, index: Option<usize>) -> &str {
        let Submission { place, documents, associations, .. } = &self.submission;
        let document = index.and_then(|i| documents.get(i)).map(|d| &d.place);
        let of_replacement = matches!(cause, Cause::ReplacedNotApproved | Cause::UnknownAssociationTarget);
        let replacement = associations.iter().find(|(a, _)| of_replacement && a.kind.replaces()).map(|(_, p)| p);
        document.or(replacement).unwrap_or(place)
    }

    fn is_inside(&self, uuid: &str) -> bool {
        self.submission.set.entry_uuid == uuid || self.submission.documents.iter().any(|d| d.entry.entry_uuid == uuid)
    }
}

/// Fills in hash and size, and refuses those announced that are wrong.
fn complete(submission: &mut Submission, bodies: &[StagedBody]) -> Result<(), Vec<Refusal>> {
    let mut wrong = Vec::new();
    if submission.documents.len() != bodies.len() {
        return Err(vec![Refusal::new(Cause::MissingDocument).at(&submission.place)]);
    }
    for (document, body) in submission.documents.iter_mut().zip(bodies) {
        if document.announced_hash.as_ref().is_some_and(|h| !h.eq_ignore_ascii_case(&body.sha1)) {
            wrong.push(Refusal::new(Cause::NonIdenticalHash).at(&document.place).about("hash"));
        }
        if document.announced_size.is_some_and(|s| s != body.size) {
            wrong.push(Refusal::new(Cause::NonIdenticalSize).at(&document.place).about("size"));
        }
        document.entry.hash.clone_from(&body.sha1);
        document.entry.size = body.size;
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// In a secret connection nothing may go in that a minor's representatives could see (EX_2.1-1050).
fn secret_visibility(caller: &Caller, submission: &Submission) -> Vec<Refusal> {
    if !caller.actor.secret {
        return Vec::new();
    }
    let seen =
        |d: &&space::SubmittedDocument| !d.entry.is_signature() && !d.entry.visibility().hidden_from_representatives;
    let refuse = |d: &space::SubmittedDocument| Refusal::new(Cause::SecretVisibility).at(&d.place);
    submission.documents.iter().filter(seen).map(refuse).collect()
}
