//! One transaction of the writer: look at what stands, judge each job in order, insert what is accepted, commit.

use std::collections::{HashMap, HashSet};

use space::{AvailabilityStatus, Cause};
use sqlx::{Connection as _, QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::{
    error::StoreError,
    holders,
    records::{Deposited, Notification},
    trace_log::{Chain, TraceRow},
    writer::{Guard, Job, PreparedDeposit},
};

type Answer = Result<Deposited, StoreError>;
/// Space, instant, message.
type Message<'a> = (&'a str, i64, &'a Notification);

/// What the jobs of a batch need to know of what is stored, read once for all of them, and kept up to date as earlier
/// jobs of the batch are accepted.
#[derive(Debug, Default)]
struct Standing {
    revisions: HashMap<String, i64>,
    /// uniqueId → space, SHA-256 (empty for a set).
    keys: HashMap<String, (String, String)>,
    /// (space, entryUUID) → state.
    replaced: HashMap<(String, String), AvailabilityStatus>,
}

/// Commits `jobs` in one transaction and answers each.
pub(crate) async fn commit(
    connection: &mut SqliteConnection,
    chain: &mut Chain,
    jobs: &[Job],
) -> Result<Vec<Answer>, StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut standing = read_standing(&mut tx, jobs).await?;
    let mut next = chain.clone();
    let mut traces: Vec<TraceRow> = Vec::with_capacity(jobs.len());
    let mut accepted: Vec<&PreparedDeposit> = Vec::new();
    let mut messages: Vec<Message<'_>> = Vec::new();
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let (answer, trace) = match job {
            Job::Record { guard, trace, notifications } => {
                let fresh = standing.fresh(guard.as_ref());
                if fresh.is_ok() {
                    messages.extend(notifications.iter().map(|n| (trace.space.as_str(), trace.at_ms, n)));
                }
                (fresh.map(|()| Deposited::Stored), Some(trace))
            }
            Job::Deposit(prepared) => {
                let verdict = standing.judge(prepared);
                if matches!(verdict, Ok(Deposited::Stored)) {
                    accepted.push(prepared);
                }
                (verdict, Some(&prepared.trace))
            }
            Job::Change { guard, change, trace } => {
                let done = match standing.fresh(Some(guard)) {
                    Ok(()) => holders::apply(&mut tx, &guard.space, change).await,
                    Err(stale) => Err(stale),
                };
                // A conflict is found before anything is written; any other failure may be half done and ends the batch.
                if let Err(error) = &done
                    && !matches!(error, StoreError::Stale | StoreError::Conflict { .. })
                {
                    return done.map(|()| Vec::new());
                }
                if done.is_ok() {
                    *standing.revisions.entry(guard.space.clone()).or_insert(0) += 1;
                }
                (done.map(|()| Deposited::Stored), Some(trace))
            }
            Job::ClockOffset(offset) => {
                set_clock_offset(&mut tx, *offset).await?;
                (Ok(Deposited::Stored), None)
            }
        };
        if let (Ok(_), Some(trace)) = (&answer, trace) {
            traces.push(next.link(trace.clone()));
        }
        answers.push(answer);
    }
    insert_deposits(&mut tx, &accepted).await?;
    for job in &accepted {
        messages.extend(job.deposit.notifications.iter().map(|n| (job.guard.space.as_str(), job.at_ms, n)));
    }
    insert_messages(&mut tx, &messages).await?;
    insert_traces(&mut tx, &next.origin, &traces).await?;
    // From here the rows may stand, whatever the commit answers: their files are no longer anybody's to remove.
    for hold in accepted.iter().flat_map(|job| &job.deposit.entries).filter_map(|e| e.body.hold.as_ref()) {
        hold.publish();
    }
    tx.commit().await?;
    *chain = next;
    Ok(answers)
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

    fn judge(&mut self, job: &PreparedDeposit) -> Answer {
        self.fresh(Some(&job.guard))?;
        let space = &job.guard.space;
        let mut identical = 0;
        let mut documents = 0;
        let mut taken = None;
        for (index, new) in job.deposit.entries.iter().enumerate() {
            let signature = new.entry.is_signature();
            documents += usize::from(!signature);
            match self.keys.get(&new.entry.unique_id) {
                None => {}
                Some((_, sha256)) if sha256.is_empty() => {
                    taken.get_or_insert((Cause::DuplicateUniqueId, index));
                }
                Some((owner, sha256)) if owner == space && *sha256 == new.body.sha256 => {
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
        if identical > 0 || self.keys.contains_key(&job.deposit.set.unique_id) {
            return Err(StoreError::conflict(Cause::DuplicateUniqueId, None));
        }
        for target in &job.deposit.replaced {
            match self.replaced.get(&(space.clone(), target.clone())) {
                Some(AvailabilityStatus::Approved) => {}
                Some(_) => return Err(StoreError::conflict(Cause::ReplacedNotApproved, None)),
                None => return Err(StoreError::conflict(Cause::UnknownAssociationTarget, None)),
            }
        }
        for target in &job.deposit.replaced {
            self.replaced.insert((space.clone(), target.clone()), AvailabilityStatus::Deprecated);
        }
        self.keys.insert(job.deposit.set.unique_id.clone(), (space.clone(), String::new()));
        for new in &job.deposit.entries {
            self.keys.insert(new.entry.unique_id.clone(), (space.clone(), new.body.sha256.clone()));
        }
        Ok(Deposited::Stored)
    }
}

async fn read_standing(tx: &mut SqliteConnection, jobs: &[Job]) -> Result<Standing, StoreError> {
    let mut spaces = HashSet::new();
    let mut keys = Vec::new();
    let mut replaced = Vec::new();
    for job in jobs {
        match job {
            Job::Record { guard, .. } => spaces.extend(guard.as_ref().map(|g| g.space.as_str())),
            Job::Change { guard, .. } => {
                spaces.insert(guard.space.as_str());
            }
            Job::Deposit(job) => {
                spaces.insert(job.guard.space.as_str());
                keys.push(job.deposit.set.unique_id.as_str());
                keys.extend(job.deposit.entries.iter().map(|e| e.entry.unique_id.as_str()));
                replaced.extend(job.deposit.replaced.iter().map(|r| (job.guard.space.as_str(), r.as_str())));
            }
            Job::ClockOffset(_) => {}
        }
    }
    let mut standing = Standing::default();
    let spaces: Vec<&str> = spaces.into_iter().collect();
    for row in rows_in(tx, "SELECT space_id, revision FROM space WHERE space_id IN (", &spaces).await? {
        standing.revisions.insert(row.try_get(0)?, row.try_get(1)?);
    }
    for row in rows_in(tx, "SELECT unique_id, space_id, sha256 FROM unique_key WHERE unique_id IN (", &keys).await? {
        standing.keys.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
    }
    for (space, entry_uuid) in replaced {
        let status: Option<String> =
            sqlx::query_scalar("SELECT status FROM document_entry WHERE space_id = $1 AND entry_uuid = $2")
                .bind(space)
                .bind(entry_uuid)
                .fetch_optional(&mut *tx)
                .await?;
        if let Some(status) = status.as_deref().and_then(AvailabilityStatus::parse) {
            standing.replaced.insert((space.to_owned(), entry_uuid.to_owned()), status);
        }
    }
    Ok(standing)
}

async fn rows_in(
    tx: &mut SqliteConnection,
    sql: &str,
    values: &[&str],
) -> Result<Vec<sqlx::sqlite::SqliteRow>, StoreError> {
    let mut found = Vec::new();
    for part in values.chunks(500) {
        let mut query = QueryBuilder::<Sqlite>::new(sql);
        let mut list = query.separated(", ");
        for value in part {
            list.push_bind((*value).to_owned());
        }
        query.push(")");
        found.extend(query.build().fetch_all(&mut *tx).await?);
    }
    Ok(found)
}

/// Inserts many rows in as few statements as the number of bound values allows.
async fn insert<T>(
    tx: &mut SqliteConnection,
    sql: &str,
    rows: &[T],
    bind: impl Fn(&mut sqlx::query_builder::Separated<'_, Sqlite, &'static str>, &T),
) -> Result<(), StoreError> {
    for part in rows.chunks(256) {
        let mut query = QueryBuilder::<Sqlite>::new(sql);
        query.push_values(part, |mut row, value| bind(&mut row, value));
        query.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn insert_deposits(tx: &mut SqliteConnection, jobs: &[&PreparedDeposit]) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let entries: Vec<_> = jobs
        .iter()
        .flat_map(|job| job.deposit.entries.iter().zip(&job.entries).map(move |(new, texts)| (*job, new, texts)))
        .collect();
    insert(
        tx,
        "INSERT INTO submission_set (space_id, entry_uuid, unique_id, deposited_ms, submission_time, owners, metadata, \
         original_type, original) ",
        jobs,
        |row, job| {
            let set = &job.deposit.set;
            row.push_bind(job.guard.space.clone())
                .push_bind(set.entry_uuid.clone())
                .push_bind(set.unique_id.clone())
                .push_bind(job.at_ms)
                .push_bind(set.submission_time.sortable())
                .push_bind(job.set_owners.clone())
                .push_bind(job.set_metadata.clone())
                .push_bind(job.deposit.original_type)
                .push_bind(job.deposit.original.clone());
        },
    )
    .await?;
    insert(
        tx,
        "INSERT INTO document_entry (space_id, entry_uuid, unique_id, status, type_code, creation_time, \
         service_start, deposited_ms, owners, metadata, body_id) ",
        &entries,
        |row, (job, new, (metadata, owners))| {
            let entry = &new.entry;
            row.push_bind(job.guard.space.clone())
                .push_bind(entry.entry_uuid.clone())
                .push_bind(entry.unique_id.clone())
                .push_bind(entry.status.as_str())
                .push_bind(entry.type_code.code.clone())
                .push_bind(entry.creation_time.sortable())
                .push_bind(entry.service_start_time.as_ref().map(space::Dtm::sortable))
                .push_bind(job.at_ms)
                .push_bind(owners.clone())
                .push_bind(metadata.clone())
                .push_bind(new.body.body_id.clone());
        },
    )
    .await?;
    insert(tx, "INSERT INTO body (space_id, body_id, size, sha256, content) ", &entries, |row, (job, new, _)| {
        row.push_bind(job.guard.space.clone())
            .push_bind(new.body.body_id.clone())
            .push_bind(i64::try_from(new.body.size).unwrap_or(i64::MAX))
            .push_bind(new.body.sha256.clone())
            .push_bind(new.body.inline.as_ref().map(|b| b.to_vec()));
    })
    .await?;
    insert_links(tx, jobs).await
}

async fn insert_links(tx: &mut SqliteConnection, jobs: &[&PreparedDeposit]) -> Result<(), StoreError> {
    let mut keys: Vec<[&str; 4]> = Vec::new();
    let mut links = Vec::new();
    for job in jobs {
        let (space, set) = (job.guard.space.as_str(), &job.deposit.set);
        keys.push([&set.unique_id, space, &set.entry_uuid, ""]);
        for new in &job.deposit.entries {
            keys.push([&new.entry.unique_id, space, &new.entry.entry_uuid, &new.body.sha256]);
        }
        links.extend(job.deposit.associations.iter().zip(&job.slots).map(|(a, slots)| (space, a, slots)));
        for target in &job.deposit.replaced {
            sqlx::query("UPDATE document_entry SET status = 'deprecated' WHERE space_id = $1 AND entry_uuid = $2")
                .bind(space)
                .bind(target)
                .execute(&mut *tx)
                .await?;
        }
    }
    insert(tx, "INSERT INTO unique_key (unique_id, space_id, entry_uuid, sha256) ", &keys, |row, key| {
        for value in key {
            row.push_bind((*value).to_owned());
        }
    })
    .await?;
    insert(
        tx,
        "INSERT INTO association (space_id, entry_uuid, kind, source, target, slots) ",
        &links,
        |row, (space, a, slots)| {
            row.push_bind((*space).to_owned())
                .push_bind(a.entry_uuid.clone())
                .push_bind(a.kind.urn())
                .push_bind(a.source.clone())
                .push_bind(a.target.clone())
                .push_bind((*slots).clone());
        },
    )
    .await
}

async fn insert_messages(tx: &mut SqliteConnection, messages: &[Message<'_>]) -> Result<(), StoreError> {
    insert(
        tx,
        "INSERT INTO outbox (space_id, message_id, kind, payload, queued_ms) ",
        messages,
        |row, (space, at_ms, n)| {
            row.push_bind((*space).to_owned())
                .push_bind(n.message_id.clone())
                .push_bind(n.kind)
                .push_bind(n.payload.clone())
                .push_bind(*at_ms);
        },
    )
    .await
}

async fn insert_traces(tx: &mut SqliteConnection, origin: &str, traces: &[TraceRow]) -> Result<(), StoreError> {
    insert(tx, "INSERT INTO trace (origin, seq, space_id, at_ms, event, hash) ", traces, |row, trace| {
        row.push_bind(origin.to_owned())
            .push_bind(trace.seq)
            .push_bind(trace.pending.space.clone())
            .push_bind(trace.pending.at_ms)
            .push_bind(trace.pending.event.clone())
            .push_bind(trace.hash.clone());
    })
    .await
}

async fn set_clock_offset(tx: &mut SqliteConnection, offset_ms: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO gateway (name, value) VALUES ('clock_offset_ms', $1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(offset_ms.to_string())
    .execute(&mut *tx)
    .await?;
    Ok(())
}
