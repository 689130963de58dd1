//! Putting a submission in: all of it or nothing, once however often it is sent.

use std::collections::{HashMap, HashSet};

use access::{EntryFacts, Operation, Permit};
use space::{
    Association, AssociationKind, AvailabilityStatus, Cause, Dtm, EntryKind, Refusal, Settings, Submission,
    query::EntryQuery,
    trace::{Act, TraceEvent},
};
use store::{
    Deposit, Deposited, EntryBody, LinkQuery, NewEntry, NewFolder, Notification, ObjectKind, ObjectQuery, StateChange,
    StoreError,
};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings},
    feeding::Fed,
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
    /// Where the bytes of its documents are, in the order of `submission.documents`: received with it, or in another
    /// repository (ITI-42), or nowhere yet (ITI-61).
    pub bodies: Vec<EntryBody>,
    /// The metadata as they came.
    pub original: Original,
    /// Whether metadata that are left out are taken from the documents.
    pub fill_in: bool,
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
    /// What is wrong with the documents and was let pass.
    pub warnings: Vec<Refusal>,
}

/// Warnings told of one submission, at most.
const MOST_WARNINGS: usize = 50;

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
    pub async fn deposit(&self, caller: &Caller, mut request: DepositRequest) -> Result<Receipt, Fault> {
        if request.fill_in {
            self.fill_in(&mut request.submission, &request.bodies);
        }
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
        let DepositRequest { mut submission, bodies, original, .. } = request;
        if let Err(wrong) = complete(&mut submission, &bodies) {
            return Err(acting.refuse(Some(space), wrong).await);
        }
        let (wrong, mut warnings) = self.examine(&submission, &bodies);
        if !wrong.is_empty() {
            return Err(acting.refuse(Some(space), wrong).await);
        }
        let verdict = self.signature_of(caller, &submission, &bodies).await?;
        if verdict.refuses {
            return Err(acting.refuse(Some(space), verdict.wrong.into_iter().collect()).await);
        }
        warnings.extend(verdict.wrong);
        warnings.truncate(MOST_WARNINGS);
        let chosen = chosen(&submission);
        self.assign_identifiers(&mut submission);
        let fed = self.values_of(&acting, &submission, &bodies).await;
        let prepared = Prepared { submission, bodies, original, chosen, signature: verdict.traced, fed };
        let done = on_settings!(acting, space, |settings| {
            self.attempt_deposit(&acting, &prepared, space, &settings).await
        });
        done.map(|receipt| Receipt { warnings, ..receipt })
    }

    /// Looks at the headers of documents: for what they are refused, and what is only told (`mappings/cda-header.tsv`).
    fn examine(&self, submission: &Submission, bodies: &[EntryBody]) -> (Vec<Refusal>, Vec<Refusal>) {
        let (mut wrong, mut warnings) = (Vec::new(), Vec::new());
        let Some((rules, policy)) = &self.cda else { return (wrong, warnings) };
        for (document, body) in submission.documents.iter().zip(bodies) {
            let Some(body) = body.staged() else { continue };
            let examined = cda::examine(body.head(), &document.entry, rules, policy);
            let refusal = |finding: &cda::Finding| {
                let clause = rules.clause(&finding.rule).unwrap_or_default();
                Refusal::new(Cause::ContentInvalid)
                    .at(format!("{} {}", document.place, finding.place))
                    .about(format!("{}: {clause}", finding.rule))
            };
            wrong.extend(examined.refusing().map(refusal));
            warnings.extend(examined.findings.iter().map(refusal));
        }
        (wrong, warnings)
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
        let touched = self.touched(acting, &permit, prepared, settings).await?;
        let mut deposit = self.record_of(caller, prepared, touched);
        deposit.notifications.extend(acting.emergency_notice());
        let feeding = self.feed_measures(acting, &permit, settings, &prepared.fed).await?;
        (deposit.data, deposit.events) = (feeding.data, feeding.events);
        deposit.notifications.extend(feeding.notifications);
        let set_uuid = prepared.submission.set.entry_uuid.clone();
        let event = TraceEvent { signature: prepared.signature.clone(), ..acting.done(&permit) };
        let outcome = self.store.deposit(&permit, deposit, &event).await;
        match outcome {
            Ok(Deposited::Stored) => {
                Ok(Receipt { set_uuid, documents: prepared.documents(), replayed: false, warnings: Vec::new() })
            }
            Ok(Deposited::Replayed) => self.replayed(&permit, prepared, set_uuid).await,
            Err(StoreError::Conflict { cause, index }) => {
                Err(Refusal::new(cause).at(prepared.place_of(cause, index)).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Identifiers the sender chose must be nobody's yet, except in what was sent before.
    async fn fresh_identifiers(&self, permit: &Permit, prepared: &Prepared) -> Result<(), Attempt> {
        if prepared.chosen.is_empty() {
            return Ok(());
        }
        let place = &prepared.submission.place;
        let taken = || Attempt::from(Refusal::new(Cause::DuplicateUniqueId).at(place).about("entryUUID"));
        let query = EntryQuery { entry_uuids: prepared.chosen.clone(), ..EntryQuery::default() };
        for row in self.store.entries(permit, &query).await? {
            let again = |d: &&space::SubmittedDocument| {
                d.entry.entry_uuid == row.entry.entry_uuid && d.entry.unique_id == row.entry.unique_id
            };
            if !prepared.submission.documents.iter().any(|d| again(&d)) {
                return Err(taken());
            }
        }
        let query = ObjectQuery { entry_uuids: prepared.chosen.clone(), ..ObjectQuery::default() };
        let Submission { set, folders, .. } = &prepared.submission;
        for row in self.store.submission_sets(permit, &query).await? {
            if set.entry_uuid != row.set.entry_uuid || set.unique_id != row.set.unique_id {
                return Err(taken());
            }
        }
        for row in self.store.folders(permit, &query).await? {
            let again = |f: &&space::SubmittedFolder| {
                f.folder.entry_uuid == row.folder.entry_uuid && f.folder.unique_id == row.folder.unique_id
            };
            if !folders.iter().any(|f| again(&f)) {
                return Err(taken());
            }
        }
        Ok(())
    }

    /// What the submission does to what stands: entries it replaces (the caller's own), folders it fills. Everything it
    /// links to must be known here, and to the caller.
    async fn touched(
        &self,
        acting: &Acting<'_>,
        permit: &Permit,
        prepared: &Prepared,
        settings: &Settings,
    ) -> Result<Touched, Attempt> {
        let mut touched = Touched::default();
        let outside = prepared.outside();
        if outside.is_empty() {
            return Ok(touched);
        }
        let ids: Vec<String> = outside.iter().map(|(_, id, ..)| (*id).to_owned()).collect();
        let query = EntryQuery { entry_uuids: ids.clone(), ..EntryQuery::default() };
        let rows = self.store.entries(permit, &query).await?;
        let rows: HashMap<&str, _> = rows.iter().map(|r| (r.entry.entry_uuid.as_str(), r)).collect();
        let folders = if outside.iter().all(|(_, id, ..)| rows.contains_key(id)) {
            Vec::new()
        } else {
            self.store.folders(permit, &ObjectQuery { entry_uuids: ids, ..ObjectQuery::default() }).await?
        };
        let own = self.tables.reference_grant(&acting.caller.actor, settings)?;
        for (association, id, end, place) in outside {
            let refuse = |cause| Attempt::from(Refusal::new(cause).at(place).about(end));
            if end == "sourceObject"
                || (association.source == prepared.submission.set.entry_uuid && !rows.contains_key(id))
            {
                // Whoever may put documents in may put them into a folder that is there.
                let row = folders.iter().find(|f| f.folder.entry_uuid == id && !f.superseded);
                let row = row.ok_or_else(|| refuse(Cause::UnknownAssociationTarget))?;
                if own.refuses_listing().is_some() && !own.is_of(&row.owners) {
                    return Err(refuse(Cause::UnknownAssociationTarget));
                }
                if end == "sourceObject" {
                    touched.fill(id);
                }
                continue;
            }
            let row = rows.get(id).ok_or_else(|| refuse(Cause::UnknownAssociationTarget))?;
            let facts = self.facts(row);
            // What may not be read is not there, to whoever would link to it.
            let rule = own.allows(&facts, self.tables.matrix());
            let rule = rule.map_err(|_| refuse(Cause::UnknownAssociationTarget))?;
            if !association.kind.relates() || association.kind == AssociationKind::Signs {
                continue;
            }
            if association.kind.replaces() && rule != access::Rule::Own {
                return Err(refuse(Cause::NotAuthor));
            }
            // Whether it still is the current version the store says, which knows a replay from a second replacement.
            let to =
                if association.kind.replaces() { AvailabilityStatus::Deprecated } else { AvailabilityStatus::Approved };
            touched.states.push(StateChange {
                kind: ObjectKind::Entry,
                uuid: id.to_owned(),
                from: AvailabilityStatus::Approved,
                to,
                superseded: false,
                otherwise: Cause::ReplacedNotApproved,
            });
            if association.kind.replaces() {
                let into = self.inherited_folders(permit, association, &prepared.submission).await?;
                into.iter().for_each(|link| touched.fill(&link.source));
                touched.links.extend(into);
            }
        }
        touched.filled_folders.sort_unstable();
        Ok(touched)
    }

    /// A replacement goes into the folders of what it replaces (ITI TF-2 §3.42.4.1.3.6).
    async fn inherited_folders(
        &self,
        permit: &Permit,
        replacement: &Association,
        submission: &Submission,
    ) -> Result<Vec<Association>, Attempt> {
        let query = LinkQuery { targets: vec![replacement.target.clone()], ..LinkQuery::default() };
        let mut links = self.store.associations(permit, &query).await?;
        links.retain(|l| l.kind == AssociationKind::HasMember);
        let named = links.iter().map(|l| l.source.clone()).collect();
        let folders = self.store.folders(permit, &ObjectQuery { entry_uuids: named, ..ObjectQuery::default() }).await?;
        let said = |folder: &str| {
            submission.associations.iter().any(|(a, _)| {
                a.kind == AssociationKind::HasMember && a.source == folder && a.target == replacement.source
            })
        };
        Ok(folders
            .into_iter()
            .filter(|row| !row.superseded)
            .map(|row| row.folder.entry_uuid)
            .filter(|folder| links.iter().any(|l| l.source == *folder) && !said(folder))
            .map(|source| Association {
                entry_uuid: format!("urn:uuid:{}", self.rng.uuid()),
                kind: AssociationKind::HasMember,
                source,
                target: replacement.source.clone(),
                status: AvailabilityStatus::Approved,
                slots: Vec::new(),
                documentation: None,
            })
            .collect())
    }

    async fn replayed(&self, permit: &Permit, prepared: &Prepared, set_uuid: String) -> Result<Receipt, Attempt> {
        let unique_ids = prepared.submission.documents.iter().map(|d| d.entry.unique_id.clone()).collect();
        let rows = self.store.entries(permit, &EntryQuery { unique_ids, ..EntryQuery::default() }).await?;
        let registered: HashMap<_, _> = rows.into_iter().map(|r| (r.entry.unique_id, r.entry.entry_uuid)).collect();
        let documents = prepared.documents().into_iter().map(|(id, sent)| {
            let uuid = registered.get(&id).cloned().unwrap_or(sent);
            (id, uuid)
        });
        Ok(Receipt { set_uuid, documents: documents.collect(), replayed: true, warnings: Vec::new() })
    }

    fn record_of(&self, caller: &Caller, prepared: &Prepared, touched: Touched) -> Deposit {
        let submission = &prepared.submission;
        let entries = submission.documents.iter().zip(&prepared.bodies).map(|(document, body)| NewEntry {
            owners: EntryFacts::owners_of(&document.entry, &caller.actor),
            entry: document.entry.clone(),
            body: body.clone(),
        });
        let entries: Vec<NewEntry> = entries.collect();
        let forward = self.provided(caller, submission, &entries);
        let at = Dtm::from_timestamp(self.clock.now());
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
            folders: submission
                .folders
                .iter()
                .map(|f| NewFolder {
                    folder: space::Folder { last_update: at.clone(), ..f.folder.clone() },
                    owners: EntryFacts::owners_of_authors(&submission.set.authors, &caller.actor),
                })
                .collect(),
            associations: submission.associations.iter().map(|(a, _)| a.clone()).chain(touched.links).collect(),
            states: touched.states,
            filled_folders: touched.filled_folders,
            at,
            original_type: prepared.original.media_type,
            original: prepared.original.bytes.clone(),
            notifications,
            forward,
            data: Vec::new(),
            events: Vec::new(),
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
        for folder in &mut submission.folders {
            rename(&mut folder.folder.entry_uuid);
            folder.folder.logical_id = folder.folder.entry_uuid.clone();
            folder.folder.version = 1;
            folder.folder.status = AvailabilityStatus::Approved;
        }
        for (association, _) in &mut submission.associations {
            // A fresh one can collide with none; what names it in the message names the fresh one.
            let fresh = format!("urn:uuid:{}", self.rng.uuid());
            let sent = std::mem::replace(&mut association.entry_uuid, fresh.clone());
            if !sent.is_empty() {
                given.insert(sent, fresh);
            }
        }
        let rename = |id: &mut String| {
            if let Some(new) = given.get(id) {
                id.clone_from(new);
            }
        };
        for (association, _) in &mut submission.associations {
            rename(&mut association.source);
            rename(&mut association.target);
            association.status = AvailabilityStatus::Approved;
        }
    }
}

/// What a submission does to what stands.
#[derive(Debug, Default)]
struct Touched {
    states: Vec<StateChange>,
    filled_folders: Vec<String>,
    /// Links that the registry adds.
    links: Vec<Association>,
}

impl Touched {
    /// Something goes into a folder, which must still be the present one when it does.
    fn fill(&mut self, folder: &str) {
        if !self.filled_folders.iter().any(|f| f == folder) {
            let cause = Cause::UnknownAssociationTarget;
            self.states.push(StateChange::guard(ObjectKind::Folder, folder, AvailabilityStatus::Approved, cause));
            self.filled_folders.push(folder.to_owned());
        }
    }
}

/// The identifiers a sender chose itself.
fn chosen(submission: &Submission) -> Vec<String> {
    let documents = submission.documents.iter().map(|d| &d.entry.entry_uuid);
    let folders = submission.folders.iter().map(|f| &f.folder.entry_uuid);
    let all = std::iter::once(&submission.set.entry_uuid).chain(documents).chain(folders);
    all.filter(|id| id.starts_with("urn:uuid:")).cloned().collect()
}

struct Prepared {
    submission: Submission,
    bodies: Vec<EntryBody>,
    original: Original,
    /// `entry_uuid`s the sender chose.
    chosen: Vec<String>,
    /// What was found of the set's signature.
    signature: Option<String>,
    /// Values of its documents that feed measures.
    fed: Vec<Fed>,
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

    /// The ends of links that are not in the message: link, identifier, which end, place.
    fn outside(&self) -> Vec<(&Association, &str, &'static str, &str)> {
        let Submission { set, documents, folders, associations, .. } = &self.submission;
        let inside: HashSet<&str> = std::iter::once(set.entry_uuid.as_str())
            .chain(documents.iter().map(|d| d.entry.entry_uuid.as_str()))
            .chain(folders.iter().map(|f| f.folder.entry_uuid.as_str()))
            .chain(associations.iter().map(|(a, _)| a.entry_uuid.as_str()))
            .collect();
        let mut outside = Vec::new();
        for (association, place) in associations {
            for (id, end) in [(&association.source, "sourceObject"), (&association.target, "targetObject")] {
                if !inside.contains(id.as_str()) {
                    outside.push((association, id.as_str(), end, place.as_str()));
                }
            }
        }
        outside
    }
}

/// Fills in hash and size, and refuses those announced that are wrong.
fn complete(submission: &mut Submission, bodies: &[EntryBody]) -> Result<(), Vec<Refusal>> {
    let mut wrong = Vec::new();
    if submission.documents.len() != bodies.len() {
        return Err(vec![Refusal::new(Cause::MissingDocument).at(&submission.place)]);
    }
    for (document, body) in submission.documents.iter_mut().zip(bodies) {
        let Some(body) = body.staged() else {
            wrong.extend(elsewhere(document));
            continue;
        };
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

/// What must be said of a document whose bytes are not here (ITI TF-3 Table 4.2.3.2-1): its repository, and of one that
/// stands its hash and size.
fn elsewhere(document: &mut space::SubmittedDocument) -> Vec<Refusal> {
    let missing = |what: &str| Refusal::new(Cause::MetadataMissing).at(&document.place).about(what);
    let mut wrong = Vec::new();
    if document.entry.repository.is_none() {
        wrong.push(missing("repositoryUniqueId"));
    }
    if document.entry.kind == EntryKind::Stable {
        let hash = document.announced_hash.as_deref();
        if hash.is_none_or(|h| h.len() != 40 || !h.bytes().all(|b| b.is_ascii_hexdigit())) {
            wrong.push(missing("hash"));
        }
        if document.announced_size.is_none() {
            wrong.push(missing("size"));
        }
    }
    document.entry.hash = document.announced_hash.clone().unwrap_or_default();
    document.entry.size = document.announced_size.unwrap_or_default();
    wrong
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
