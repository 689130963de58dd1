//! Passing on to the gateway upstream what was put in and changed here (role edge): what is next, what it holds, how it
//! ended. What is passed on was decided when it was done here; passing it on leaves a trace of its own.

use access::{Operation, Permit};
use space::{
    Actor, Association, AvailabilityStatus, Dtm, Ins, Submission, SubmissionSet,
    trace::{Act, Outcome, TraceEvent},
};
use store::{
    DueForward, EntryBody, Forward, ForwardEnd, ForwardKind, ForwardTold, ForwardedDocument, NewEntry, NewFolder,
    StoreError, StoredBody,
};

use crate::{Caller, Desk, Fault, update::orders};

/// Something that is passed on.
#[derive(Debug)]
pub struct Forwarding {
    /// Which row.
    pub due: DueForward,
    /// Whom it is about.
    pub ins: Ins,
    /// What it is.
    pub forward: Forward,
    permit: Permit,
}

impl Desk {
    /// What may be passed on now: the first of each holder's, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forwards_due(&self, limit: i64) -> Result<Vec<DueForward>, Fault> {
        Ok(self.store.forwards_due(limit).await?)
    }

    /// Opens what is to be passed on; none when somebody else has done it.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the space was forgotten meanwhile.
    pub async fn open_forward(&self, due: DueForward) -> Result<Option<Forwarding>, Fault> {
        let settings = self.store.settings(due.space).await?.ok_or(StoreError::Corrupt { what: "space" })?;
        let operator = Caller::operator();
        let permit = self.tables.decide(&operator.actor, Operation::Forward, due.space, &settings)?;
        let opened = self.store.forward(&permit, &due).await?;
        Ok(opened.map(|(ins, forward)| Forwarding { due, ins, forward, permit }))
    }

    /// The bytes of its documents, in their order.
    ///
    /// # Errors
    /// [`Fault::Refused`] when a document is damaged.
    pub async fn forwarded_bodies(&self, forwarding: &Forwarding) -> Result<Vec<(u64, StoredBody)>, Fault> {
        let mut bodies = Vec::with_capacity(forwarding.forward.documents.len());
        for document in &forwarding.forward.documents {
            bodies.push(self.store.forwarded_body(&forwarding.permit, &document.body_id).await?);
        }
        Ok(bodies)
    }

    /// Notes that it is about to be tried.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forward_tried(&self, due: &DueForward) -> Result<(), Fault> {
        Ok(self.store.forward_tried(due).await?)
    }

    /// Puts it off: it failed `by_itself`, or the line did.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_forward_off(
        &self,
        due: &DueForward,
        pause: std::time::Duration,
        by_itself: bool,
        told: &ForwardTold,
    ) -> Result<(), Fault> {
        Ok(self.store.put_forward_off(due, pause, by_itself, told).await?)
    }

    /// Ends it, with its trace; says whether it did. What somebody else has ended stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_forward(
        &self,
        due: &DueForward,
        targets: Vec<String>,
        end: ForwardEnd,
        told: ForwardTold,
    ) -> Result<bool, Fault> {
        let event = TraceEvent {
            space: Some(due.space),
            at_ms: self.clock.now().as_millisecond(),
            actor: Actor::operator("passerelle"),
            act: Act::Forward,
            targets,
            outcome: match end {
                ForwardEnd::Sent => Outcome::Done,
                ForwardEnd::Refused => Outcome::Refused("refused_upstream".to_owned()),
                ForwardEnd::GivenUp => Outcome::Refused("given_up".to_owned()),
            },
            rule: access::Rule::Operator.to_string(),
            face: "upstream".to_owned(),
            signature: None,
        };
        match self.store.settle_forward(due, end, told, &event).await {
            Ok(()) => Ok(true),
            Err(StoreError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives up a set that waits or was refused, with a trace of it: nothing more is tried, and what stands after it goes
    /// on. Says how many rows that were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_up_forward(&self, set: &str) -> Result<usize, Fault> {
        let mut given_up = 0;
        for (due, documents) in self.store.unsettled_forwards(set).await? {
            let done = self.settle_forward(&due, documents, ForwardEnd::GivenUp, ForwardTold::default()).await?;
            given_up += usize::from(done);
        }
        Ok(given_up)
    }

    /// What a deposit passes on, where this gateway does.
    pub(crate) fn provided(&self, caller: &Caller, submission: &Submission, entries: &[NewEntry]) -> Option<Forward> {
        self.options.forward.then(|| Forward {
            kind: ForwardKind::Provide,
            actor: (*caller.actor).clone(),
            set: submission.set.clone(),
            documents: entries.iter().map(forwarded).collect(),
            folders: submission.folders.iter().map(|f| f.folder.clone()).collect(),
            associations: submission.associations.iter().map(|(a, _)| a.clone()).collect(),
            touched: Vec::new(),
        })
    }

    /// What an update passes on: its new versions under the identifiers they were given, and its orders.
    pub(crate) fn updated(
        &self,
        caller: &Caller,
        submission: &Submission,
        set: &SubmissionSet,
        entries: &[NewEntry],
        folders: &[NewFolder],
    ) -> Option<Forward> {
        if !self.options.forward {
            return None;
        }
        let entry_ids = submission.documents.iter().zip(entries);
        let entry_ids = entry_ids.map(|(sent, new)| (&sent.entry.entry_uuid, &new.entry.entry_uuid));
        let folder_ids = submission.folders.iter().zip(folders);
        let folder_ids = folder_ids.map(|(sent, new)| (&sent.folder.entry_uuid, &new.folder.entry_uuid));
        let set_id = std::iter::once((&submission.set.entry_uuid, &set.entry_uuid));
        let given: Vec<(&String, &String)> = set_id.chain(entry_ids).chain(folder_ids).collect();
        let renamed = |id: &String| given.iter().find(|(sent, _)| *sent == id).map_or(id, |(_, new)| *new).clone();
        let link = |a: &Association| Association {
            source: renamed(&a.source),
            // An order on a version that stands keeps its name: only what is new was given another.
            target: if a.kind.is_order() { a.target.clone() } else { renamed(&a.target) },
            ..a.clone()
        };
        Some(Forward {
            kind: ForwardKind::Update,
            actor: (*caller.actor).clone(),
            set: set.clone(),
            documents: entries.iter().map(forwarded).collect(),
            folders: folders.iter().map(|f| f.folder.clone()).collect(),
            associations: submission.associations.iter().map(|(a, _)| link(a)).collect(),
            touched: orders(submission).map(|(order, _)| order.target.clone()).collect(),
        })
    }

    /// What a removal of documents passes on: the state they come to be in, as an update orders it.
    pub(crate) fn removed(&self, caller: &Caller, ins: &Ins, rows: &[store::EntryRow]) -> Option<Forward> {
        let first = rows.first().filter(|_| self.options.forward)?;
        let set = SubmissionSet {
            entry_uuid: self.fresh(),
            unique_id: format!("2.25.{}", self.rng.uuid().as_u128()),
            source_id: space::Oid::parse("1.2.250.1.213.4.1").ok()?,
            patient_id: space::hl7::Cx(ins.to_cx()),
            status: AvailabilityStatus::Approved,
            submission_time: Dtm::from_timestamp(self.clock.now()),
            authors: first.entry.authors.iter().take(1).cloned().collect(),
            content_type_code: space::Code {
                code: "04".to_owned(),
                scheme: "1.2.250.1.213.2.2".to_owned(),
                label: Vec::new(),
            },
            title: Vec::new(),
            comments: Vec::new(),
            intended_recipients: Vec::new(),
            home: None,
            extra: Vec::new(),
        };
        let slot = |name: &str, value: &str| space::Slot { name: name.to_owned(), values: vec![value.to_owned()] };
        let order = |row: &store::EntryRow| Association {
            entry_uuid: self.fresh(),
            kind: space::AssociationKind::UpdateAvailabilityStatus,
            source: set.entry_uuid.clone(),
            target: row.entry.entry_uuid.clone(),
            status: AvailabilityStatus::Approved,
            slots: vec![
                slot("OriginalStatus", row.entry.status.urn()),
                slot("NewStatus", AvailabilityStatus::Deleted.urn()),
            ],
            documentation: None,
        };
        Some(Forward {
            kind: ForwardKind::Update,
            actor: (*caller.actor).clone(),
            associations: rows.iter().map(order).collect(),
            touched: rows.iter().map(|row| row.entry.unique_id.clone()).collect(),
            set,
            documents: Vec::new(),
            folders: Vec::new(),
        })
    }
}

fn forwarded(new: &NewEntry) -> ForwardedDocument {
    let body_id = match &new.body {
        EntryBody::Staged(body) => body.body_id.clone(),
        EntryBody::Kept(_) | EntryBody::Elsewhere => String::new(),
    };
    ForwardedDocument { entry: new.entry.clone(), body_id }
}
