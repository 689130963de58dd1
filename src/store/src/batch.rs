//! One transaction of the writer: look at what stands, judge each job in order, insert what is accepted, commit.

use std::collections::{BTreeSet, HashMap};

use space::{AvailabilityStatus, Cause};

use crate::{
    changes,
    data::{self, PreparedDatum},
    db::{Connection, Kind, Sql, Value},
    error::StoreError,
    failpoint, holders,
    records::{Deposited, EntryBody, ObjectKind, StateChange},
    subscriptions,
    trace_log::{Block, Log, SignedHead, TraceRow},
    upstream::{self, PreparedForward},
    writer::{Guard, Job, PreparedChange, PreparedDeposit, PreparedEntry, SealedMessage, SpaceChange},
};

type Answer = Result<Deposited, StoreError>;
/// Instant, message.
type Message<'a> = (i64, &'a SealedMessage);

/// Values a statement looks for at most.
const LOOKED_FOR: usize = 500;

/// Rows of one statement at most. Numbers of rows are powers of two, so that few different statements are prepared.
const ROWS: usize = 64;

/// What the jobs of a batch need to know of what is stored, read once for all of them, and kept up to date as earlier
/// jobs of the batch are accepted.
#[derive(Debug, Default)]
struct Standing {
    revisions: HashMap<String, i64>,
    /// uniqueId → space, SHA-256 (empty for a set).
    keys: HashMap<String, (String, String)>,
    /// Objects whose state is to change: (kind, space, entryUUID) → state, superseded.
    states: HashMap<(ObjectKind, String, String), (AvailabilityStatus, bool)>,
    /// Data that get a new version, and names that are to be given: what stands.
    data: data::Standing,
}

/// Commits `jobs` in one transaction and answers each. On error the transaction is still open.
pub(crate) async fn commit(
    connection: &mut Connection,
    log: &mut Log,
    jobs: &[Job],
) -> Result<Vec<Answer>, StoreError> {
    connection.begin().await?;
    failpoint::at("commit.begun")?;
    let mut standing = read_standing(connection, jobs).await?;
    let mut traces: Vec<TraceRow> = Vec::with_capacity(jobs.len());
    let mut blocks: Vec<Block> = Vec::new();
    let mut accepted: Vec<&PreparedDeposit> = Vec::new();
    let mut states: Vec<(&str, &StateChange)> = Vec::new();
    let mut messages: Vec<Message<'_>> = Vec::new();
    let mut versions: Vec<(&str, i64, &PreparedDatum)> = Vec::new();
    let mut forwards: Vec<(i64, &str, &PreparedForward)> = Vec::new();
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let (answer, trace) = match job {
            Job::Record(acts) => {
                let fresh = acts.iter().try_for_each(|act| standing.fresh(act.guard.as_ref()));
                // The last one is traced below, as that of every job is.
                let mut traced = acts.iter().map(|act| &act.trace).collect::<Vec<_>>();
                let last = traced.pop();
                if fresh.is_ok() {
                    for act in acts {
                        messages.extend(act.messages.iter().map(|m| (act.trace.at_ms, m)));
                    }
                    for trace in traced {
                        traces.push(log.link(trace.clone(), &mut blocks));
                    }
                }
                (fresh.map(|()| Deposited::Stored), last)
            }
            Job::Deposit(prepared) => {
                let verdict = standing.judge(prepared);
                if matches!(verdict, Ok(Deposited::Stored)) {
                    let space = prepared.guard.space.as_str();
                    versions.extend(prepared.data.iter().map(|w| (space, prepared.at_ms, w)));
                    for trace in &prepared.more {
                        traces.push(log.link(trace.clone(), &mut blocks));
                    }
                    accepted.push(prepared);
                    states.extend(prepared.deposit.states.iter().map(|s| (prepared.guard.space.as_str(), s)));
                    messages.extend(prepared.messages.iter().map(|m| (prepared.at_ms, m)));
                    let queued = prepared.forward.as_ref();
                    forwards.extend(queued.map(|f| (prepared.at_ms, prepared.guard.space.as_str(), f)));
                }
                (verdict, Some(&prepared.trace))
            }
            Job::States { guard, states: changes, trace, messages: told, forward } => {
                let verdict = standing.fresh(Some(guard)).and_then(|()| standing.judge_states(&guard.space, changes));
                if verdict.is_ok() {
                    messages.extend(told.iter().map(|m| (trace.at_ms, m)));
                    states.extend(changes.iter().map(|s| (guard.space.as_str(), s)));
                    forwards.extend(forward.as_ref().map(|f| (trace.at_ms, guard.space.as_str(), f)));
                }
                (verdict.map(|()| Deposited::Stored), Some(trace))
            }
            Job::Change(parts) => {
                let waiting = accepted.iter().map(|job| job.guard.space.as_str());
                let waiting = waiting.chain(states.iter().map(|(space, _)| *space));
                let done = match standing.may_change(parts, waiting) {
                    Ok(()) => holders::change(connection, parts).await,
                    Err(stale) => Err(stale),
                };
                // A conflict is found before anything is written; any other failure may be half done and ends the batch.
                if let Err(error) = &done
                    && !matches!(error, StoreError::Stale | StoreError::Conflict { .. })
                {
                    return done.map(|()| Vec::new());
                }
                // The last one is traced below, as that of every job is.
                let mut traced = parts.iter().map(|part| &part.trace).collect::<Vec<_>>();
                let last = traced.pop();
                if done.is_ok() {
                    for part in parts {
                        *standing.revisions.entry(part.guard.space.clone()).or_insert(0) += 1;
                        messages.extend(part.messages.iter().map(|m| (part.trace.at_ms, m)));
                    }
                    for trace in traced {
                        traces.push(log.link(trace.clone(), &mut blocks));
                    }
                }
                (done.map(|()| Deposited::Stored), last)
            }
            Job::Settle { settled, trace } => match upstream::settle(connection, settled).await {
                Ok(()) => (Ok(Deposited::Stored), Some(trace)),
                Err(StoreError::Stale) => (Err(StoreError::Stale), None),
                Err(error) => return Err(error),
            },
            Job::Subscription { guard, change, trace } => {
                let fresh = standing.fresh(Some(guard));
                if fresh.is_ok() {
                    subscriptions::change(connection, &guard.space, change).await?;
                }
                (fresh.map(|()| Deposited::Stored), Some(trace))
            }
            Job::Data { guard, writes, trace, messages: told } => {
                let done = standing.fresh(Some(guard)).and_then(|()| standing.data.judge(&guard.space, writes));
                if done.is_ok() {
                    versions.extend(writes.iter().map(|w| (guard.space.as_str(), trace.at_ms, w)));
                    messages.extend(told.iter().map(|m| (trace.at_ms, m)));
                }
                (done.map(|()| Deposited::Stored), Some(trace))
            }
            Job::ClockOffset(offset) => {
                set_clock_offset(connection, *offset).await?;
                (Ok(Deposited::Stored), None)
            }
        };
        if let (Ok(_), Some(trace)) = (&answer, trace) {
            traces.push(log.link(trace.clone(), &mut blocks));
        }
        answers.push(answer);
    }
    failpoint::at("commit.judged")?;
    // Before what takes their place: one that is put in and superseded in the same batch is both.
    insert_deposits(connection, &accepted).await?;
    change_states(connection, &states).await?;
    data::write(connection, &versions).await?;
    failpoint::at("commit.deposits")?;
    insert_messages(connection, &messages).await?;
    failpoint::at("commit.messages")?;
    upstream::queue(connection, &forwards).await?;
    let arrived = accepted.iter().map(|job| (&*job.guard.space, &*job.deposit.set.entry_uuid, job.at_ms));
    subscriptions::queue(connection, &arrived.collect::<Vec<_>>()).await?;
    insert_traces(connection, &log.origin, &traces, &blocks).await?;
    failpoint::at("commit.traces")?;
    // From here the rows may stand, whatever the commit answers: their bodies are no longer anybody's to remove.
    for outside in accepted.iter().flat_map(|job| &job.deposit.entries).filter_map(outside) {
        outside.hold.publish();
    }
    connection.commit().await.map_err(|e| StoreError::CommitUnknown(Box::new(e)))?;
    failpoint::at("commit.done")?;
    Ok(answers)
}

fn outside(new: &crate::NewEntry) -> Option<&crate::blobs::Outside> {
    new.body.staged().and_then(|body| body.outside.as_ref())
}

/// Keeps a signed head.
pub(crate) async fn store_head(connection: &mut Connection, signed: &SignedHead) -> Result<(), StoreError> {
    let head = &signed.head;
    if let Some(tail) = &signed.tail {
        let sql = Sql::new(
            "INSERT INTO log_tail (origin, number, hashes) VALUES ($1, $2, $3) \
             ON CONFLICT (origin) DO UPDATE SET number = excluded.number, hashes = excluded.hashes",
        );
        connection.execute(sql.bind(&head.origin).bind(tail.number).bind(tail.hashes.clone())).await?;
    }
    let sql = Sql::new("INSERT INTO log_head (origin, size, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
    let size = i64::try_from(head.size).unwrap_or(i64::MAX);
    connection.execute(sql.bind(&head.origin).bind(size).bind(&signed.note)).await.map(drop)
}

impl Standing {
    fn fresh(&self, guard: Option<&Guard>) -> Result<(), StoreError> {
        match guard {
            None => Ok(()),
            // Revision 0 is that of a space not made yet.
            Some(g) if self.revisions.get(&g.space).copied().unwrap_or(0) == g.revision => Ok(()),
            Some(_) => Err(StoreError::Stale),
        }
    }

    /// Whether changes were decided on what stands. A space that another takes over must have nothing waiting in this
    /// batch, which would be put into it after it was emptied: its caller decides again.
    fn may_change<'a>(
        &self,
        parts: &[SpaceChange],
        mut waiting: impl Iterator<Item = &'a str>,
    ) -> Result<(), StoreError> {
        parts.iter().try_for_each(|part| self.fresh(Some(&part.guard)))?;
        let emptied = |space: &str| {
            parts.iter().any(|p| matches!(p.change, PreparedChange::Retire { .. }) && p.guard.space == space)
        };
        if waiting.any(emptied) { Err(StoreError::Stale) } else { Ok(()) }
    }

    fn judge(&mut self, job: &PreparedDeposit) -> Answer {
        self.fresh(Some(&job.guard))?;
        if job.deposit.entries.iter().filter_map(outside).any(|o| !o.is_fresh()) {
            return Err(StoreError::Busy);
        }
        let space = &job.guard.space;
        let mut identical = 0;
        let mut documents = 0;
        let mut taken = None;
        for (index, new) in job.deposit.entries.iter().enumerate() {
            // A new version of metadata: its identifier stands.
            let Some(bound) = new.bound() else { continue };
            let signature = new.entry.is_signature();
            documents += usize::from(!signature);
            match self.keys.get(&new.entry.unique_id) {
                None => {}
                Some((_, sha256)) if sha256.is_empty() => {
                    taken.get_or_insert((Cause::DuplicateUniqueId, index));
                }
                Some((owner, sha256)) if owner == space && *sha256 == bound => {
                    identical += usize::from(!signature);
                }
                Some((owner, _)) if owner == space => {
                    return Err(StoreError::conflict(Cause::NonIdenticalHash, Some(index)));
                }
                // In another space: says only that the identifier is taken.
                Some(_) => {
                    taken.get_or_insert((Cause::DuplicateUniqueId, index));
                }
            }
        }
        if identical == documents && documents > 0 {
            return Ok(Deposited::Replayed);
        }
        if let Some((cause, index)) = taken {
            return Err(StoreError::conflict(cause, Some(index)));
        }
        let folders = new_folders(job);
        if identical > 0
            || self.keys.contains_key(&job.deposit.set.unique_id)
            || folders.clone().any(|f| self.keys.contains_key(&f.folder.unique_id))
        {
            return Err(StoreError::conflict(Cause::DuplicateUniqueId, None));
        }
        self.judge_states(space, &job.deposit.states)?;
        self.data.judge(space, &job.data)?;
        self.keys.insert(job.deposit.set.unique_id.clone(), (space.clone(), String::new()));
        for new in folders {
            self.keys.insert(new.folder.unique_id.clone(), (space.clone(), String::new()));
        }
        for new in &job.deposit.entries {
            if let Some(bound) = new.bound() {
                self.keys.insert(new.entry.unique_id.clone(), (space.clone(), bound));
            }
        }
        Ok(Deposited::Stored)
    }

    /// Whether objects are in the states their changes were decided on; if all are, they come to be in the new ones.
    fn judge_states(&mut self, space: &str, changes: &[StateChange]) -> Result<(), StoreError> {
        let place = |change: &StateChange| (change.kind, space.to_owned(), change.uuid.clone());
        let mut changed = BTreeSet::new();
        for change in changes {
            // Two changes of one object in one call: the second was decided on a state that the first ends.
            if !change.is_guard() && !changed.insert((change.kind, change.uuid.as_str())) {
                return Err(StoreError::conflict(change.otherwise, None));
            }
            match self.states.get(&place(change)) {
                Some((status, false)) if *status == change.from => {}
                Some(_) => return Err(StoreError::conflict(change.otherwise, None)),
                None => return Err(StoreError::conflict(Cause::UnknownAssociationTarget, None)),
            }
        }
        for change in changes.iter().filter(|change| !change.is_guard()) {
            self.states.insert(place(change), (change.to, change.superseded));
        }
        Ok(())
    }
}

/// Folders that are put in, not new versions of their metadata.
fn new_folders(job: &PreparedDeposit) -> impl Iterator<Item = &crate::NewFolder> + Clone {
    job.deposit.folders.iter().filter(|f| f.folder.version == 1)
}

async fn read_standing(connection: &mut Connection, jobs: &[Job]) -> Result<Standing, StoreError> {
    // In order, so that two processes take their locks the same way round.
    let (mut looked_at, mut held, mut changed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut keys = BTreeSet::new();
    let mut objects = BTreeSet::new();
    let mut data = BTreeSet::new();
    for job in jobs {
        match job {
            Job::Record(acts) => {
                looked_at.extend(acts.iter().filter_map(|act| act.guard.as_ref()).map(|g| g.space.as_str()));
            }
            Job::Change(parts) => {
                changed.extend(parts.iter().map(|part| part.guard.space.as_str()));
            }
            Job::Deposit(job) => {
                let space = job.guard.space.as_str();
                held.insert(space);
                keys.insert(job.deposit.set.unique_id.as_str());
                keys.extend(job.deposit.entries.iter().map(|e| e.entry.unique_id.as_str()));
                keys.extend(new_folders(job).map(|f| f.folder.unique_id.as_str()));
                data.extend(job.data.iter().map(|w| (space, w)));
                objects.extend(job.deposit.states.iter().map(|s| (s.kind, space, s.uuid.as_str())));
            }
            Job::States { guard, states, .. } => {
                held.insert(guard.space.as_str());
                objects.extend(states.iter().map(|s| (s.kind, guard.space.as_str(), s.uuid.as_str())));
            }
            Job::Data { guard, writes, .. } => {
                held.insert(guard.space.as_str());
                data.extend(writes.iter().map(|w| (guard.space.as_str(), w)));
            }
            Job::Subscription { guard, .. } => {
                held.insert(guard.space.as_str());
            }
            Job::Settle { .. } | Job::ClockOffset(_) => {}
        }
    }
    let mut standing = Standing::default();
    // SQLite's transaction excludes every other. On PostgreSQL a deposit keeps the settings it was decided on from changing
    // before it is committed, and a change keeps everybody out; a reading is over when its settings are looked at.
    let held: Vec<&str> = held.difference(&changed).copied().collect();
    let looked_at: Vec<&str> = looked_at.into_iter().filter(|s| !changed.contains(s) && !held.contains(s)).collect();
    let changed: Vec<&str> = changed.into_iter().collect();
    for (spaces, lock) in [(changed, " FOR NO KEY UPDATE"), (held, " FOR SHARE"), (looked_at, "")] {
        let lock = if connection.kind() == Kind::Sqlite { "" } else { lock };
        let tail = format!(" ORDER BY space_id{lock}");
        for row in
            rows_in(connection, "SELECT space_id, revision FROM space WHERE space_id IN ", &spaces, &tail).await?
        {
            standing.revisions.insert(row.text(0)?.to_owned(), row.int(1)?);
        }
    }
    let keys: Vec<&str> = keys.into_iter().collect();
    let text = "SELECT unique_id, space_id, sha256 FROM unique_key WHERE unique_id IN ";
    for row in rows_in(connection, text, &keys, "").await? {
        standing.keys.insert(row.text(0)?.to_owned(), (row.text(1)?.to_owned(), row.text(2)?.to_owned()));
    }
    standing.data = data::Standing::read(connection, &data).await?;
    for (kind, space, uuid) in objects {
        let lock = if connection.kind() == Kind::Sqlite { "" } else { " FOR UPDATE" };
        let superseded = if matches!(kind, ObjectKind::Entry | ObjectKind::Folder) { "superseded" } else { "FALSE" };
        let table = kind.table();
        let text = format!("SELECT status, {superseded} FROM {table} WHERE space_id = $1 AND entry_uuid = $2{lock}");
        let Some(row) = connection.one(Sql::new(&text).bind(space).bind(uuid)).await? else { continue };
        let status = AvailabilityStatus::parse(row.text(0)?).ok_or(StoreError::Corrupt { what: "status" })?;
        standing.states.insert((kind, space.to_owned(), uuid.to_owned()), (status, row.boolean(1)?));
    }
    Ok(standing)
}

pub(crate) async fn rows_in(
    connection: &mut Connection,
    text: &str,
    values: &[&str],
    tail: &str,
) -> Result<Vec<crate::db::Row>, StoreError> {
    let mut found = Vec::new();
    for part in values.chunks(LOOKED_FOR) {
        let mut sql = Sql::new(text);
        // As many places as the next power of two, filled up with the last value: few different statements.
        let places = part.len().next_power_of_two();
        let last = part.last().copied().unwrap_or_default();
        sql.list(part.iter().copied().chain(std::iter::repeat(last)).take(places)).push(tail);
        found.extend(connection.all(sql).await?);
    }
    Ok(found)
}

/// Inserts many rows in few statements.
pub(crate) async fn insert<T, const N: usize>(
    connection: &mut Connection,
    text: &str,
    rows: &[T],
    values: impl Fn(&T) -> [Value; N],
) -> Result<(), StoreError> {
    let mut rest = rows;
    while !rest.is_empty() {
        let length = if rest.len() >= ROWS { ROWS } else { 1 << rest.len().ilog2() };
        let (part, after) = rest.split_at(length);
        rest = after;
        let mut sql = Sql::new(text);
        sql.push(" VALUES ");
        for (index, row) in part.iter().enumerate() {
            if index > 0 {
                sql.push(", ");
            }
            sql.list(values(row));
        }
        connection.execute(sql).await?;
    }
    Ok(())
}

async fn insert_deposits(connection: &mut Connection, jobs: &[&PreparedDeposit]) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    insert(
        connection,
        "INSERT INTO submission_set (space_id, entry_uuid, unique_id, deposited_ms, submission_time, owners, \
         sealed_metadata, original_type, sealed_original)",
        jobs,
        |job| {
            let set = &job.deposit.set;
            [
                (&job.guard.space).into(),
                (&set.entry_uuid).into(),
                (&set.unique_id).into(),
                job.at_ms.into(),
                set.submission_time.sortable().into(),
                (&job.set_owners).into(),
                job.set_metadata.clone().into(),
                job.deposit.original_type.into(),
                job.original.clone().into(),
            ]
        },
    )
    .await?;
    let entries: Vec<(&PreparedDeposit, &crate::NewEntry, &PreparedEntry)> = jobs
        .iter()
        .flat_map(|job| job.deposit.entries.iter().zip(&job.entries).map(move |(new, sealed)| (*job, new, sealed)))
        .collect();
    failpoint::at("deposit.sets")?;
    insert(
        connection,
        "INSERT INTO document_entry (space_id, entry_uuid, unique_id, status, type_code, creation_time, \
         service_start, deposited_ms, owners, sealed_metadata, body_id, logical_id)",
        &entries,
        |(job, new, sealed)| {
            let entry = &new.entry;
            [
                (&job.guard.space).into(),
                (&entry.entry_uuid).into(),
                (&entry.unique_id).into(),
                entry.status.as_str().into(),
                (&entry.type_code.code).into(),
                entry.creation_time.sortable().into(),
                entry.service_start_time.as_ref().map(space::Dtm::sortable).into(),
                job.at_ms.into(),
                (&sealed.owners).into(),
                sealed.metadata.clone().into(),
                body_id(&new.body).into(),
                (entry.version > 1).then(|| entry.logical_id.clone()).into(),
            ]
        },
    )
    .await?;
    failpoint::at("deposit.entries")?;
    let bodies: Vec<_> = entries
        .iter()
        .filter_map(|(job, new, sealed)| new.body.staged().map(|body| (job.guard.space.as_str(), body, *sealed)))
        .collect();
    insert(
        connection,
        "INSERT INTO body (space_id, body_id, size, sha256, sealed_content, sealed_key)",
        &bodies,
        |(space, body, sealed)| {
            [
                (*space).into(),
                (&body.body_id).into(),
                i64::try_from(body.size).unwrap_or(i64::MAX).into(),
                (&body.sha256).into(),
                sealed.content.clone().into(),
                sealed.body_key.clone().into(),
            ]
        },
    )
    .await?;
    failpoint::at("deposit.bodies")?;
    insert_folders(connection, jobs).await?;
    insert_links(connection, jobs).await
}

fn body_id(body: &EntryBody) -> &str {
    match body {
        EntryBody::Staged(body) => &body.body_id,
        EntryBody::Kept(body_id) => body_id,
        EntryBody::Elsewhere => "",
    }
}

async fn insert_folders(connection: &mut Connection, jobs: &[&PreparedDeposit]) -> Result<(), StoreError> {
    let folders: Vec<_> = jobs
        .iter()
        .flat_map(|job| job.deposit.folders.iter().zip(&job.folders).map(move |(new, sealed)| (*job, new, sealed)))
        .collect();
    insert(
        connection,
        "INSERT INTO folder (space_id, entry_uuid, logical_id, unique_id, status, superseded, last_update, owners, \
         sealed_metadata)",
        &folders,
        |(job, new, sealed)| {
            let folder = &new.folder;
            [
                (&job.guard.space).into(),
                (&folder.entry_uuid).into(),
                (&folder.logical_id).into(),
                (&folder.unique_id).into(),
                folder.status.as_str().into(),
                false.into(),
                folder.last_update.as_str().into(),
                (&sealed.owners).into(),
                sealed.metadata.clone().into(),
            ]
        },
    )
    .await?;
    for job in jobs {
        for uuid in &job.deposit.filled_folders {
            let text = "UPDATE folder SET last_update = $1 WHERE space_id = $2 AND entry_uuid = $3";
            let sql = Sql::new(text).bind(job.deposit.at.as_str()).bind(&job.guard.space).bind(uuid);
            connection.execute(sql).await?;
        }
    }
    Ok(())
}

async fn change_states(connection: &mut Connection, states: &[(&str, &StateChange)]) -> Result<(), StoreError> {
    for (space, change) in states.iter().filter(|(_, change)| !change.is_guard()) {
        let superseded = if change.superseded { ", superseded = TRUE" } else { "" };
        let table = change.kind.table();
        let text = format!("UPDATE {table} SET status = $1{superseded} WHERE space_id = $2 AND entry_uuid = $3");
        connection.execute(Sql::new(&text).bind(change.to.as_str()).bind(*space).bind(&change.uuid)).await?;
    }
    Ok(())
}

async fn insert_links(connection: &mut Connection, jobs: &[&PreparedDeposit]) -> Result<(), StoreError> {
    let mut keys: Vec<(&str, &str, &str, String)> = Vec::new();
    let mut links = Vec::new();
    for job in jobs {
        let (space, set) = (job.guard.space.as_str(), &job.deposit.set);
        keys.push((&set.unique_id, space, &set.entry_uuid, String::new()));
        for new in &job.deposit.entries {
            if let Some(bound) = new.bound() {
                keys.push((&new.entry.unique_id, space, &new.entry.entry_uuid, bound));
            }
        }
        for new in new_folders(job) {
            keys.push((&new.folder.unique_id, space, &new.folder.entry_uuid, String::new()));
        }
        links.extend(job.deposit.associations.iter().zip(&job.links).map(|(a, sealed)| (space, a, sealed)));
    }
    // In order: two processes that bring the same identifiers wait for each other instead of both giving up.
    keys.sort_unstable();
    let text = "INSERT INTO unique_key (unique_id, space_id, entry_uuid, sha256)";
    insert(connection, text, &keys, |(id, space, uuid, sha256)| {
        [(*id).into(), (*space).into(), (*uuid).into(), sha256.into()]
    })
    .await?;
    let text = "INSERT INTO association (space_id, entry_uuid, kind, source, target, slots, status, documentation)";
    insert(connection, text, &links, |(space, a, (slots, documentation))| {
        [
            (*space).into(),
            (&a.entry_uuid).into(),
            a.kind.urn().into(),
            (&a.source).into(),
            (&a.target).into(),
            slots.into(),
            a.status.as_str().into(),
            documentation.clone().into(),
        ]
    })
    .await
}

async fn insert_messages(connection: &mut Connection, messages: &[Message<'_>]) -> Result<(), StoreError> {
    let text = "INSERT INTO outbox (space_id, message_id, kind, sealed_payload, queued_ms)";
    insert(connection, text, messages, |(at_ms, m)| {
        [(&m.space).into(), (&m.message_id).into(), m.kind.into(), m.sealed.clone().into(), (*at_ms).into()]
    })
    .await
}

async fn insert_traces(
    connection: &mut Connection,
    origin: &str,
    traces: &[TraceRow],
    blocks: &[Block],
) -> Result<(), StoreError> {
    let text = "INSERT INTO trace (origin, seq, space_id, at_ms, sealed_event, commitment)";
    insert(connection, text, traces, |trace| {
        let pending = &trace.pending;
        [
            origin.into(),
            trace.seq.into(),
            (&pending.space).into(),
            pending.at_ms.into(),
            pending.sealed.clone().into(),
            pending.commitment.clone().into(),
        ]
    })
    .await?;
    let text = "INSERT INTO log_block (origin, number, hashes)";
    insert(connection, text, blocks, |block| [origin.into(), block.number.into(), block.hashes.clone().into()]).await?;
    let Some(last) = traces.last() else { return Ok(()) };
    let sql = Sql::new(
        "INSERT INTO log (origin, size, beat_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (origin) DO UPDATE SET size = excluded.size, beat_ms = excluded.beat_ms",
    );
    connection.execute(sql.bind(origin).bind(last.seq).bind(last.pending.at_ms)).await.map(drop)
}

async fn set_clock_offset(connection: &mut Connection, offset_ms: i64) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO gateway (name, value) VALUES ('clock_offset_ms', $1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    connection.execute(sql.bind(offset_ms.to_string())).await?;
    changes::tell(connection, "clock").await
}
