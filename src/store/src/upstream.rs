//! What an edge passes on to the gateway upstream of it: rows queued with the act that causes them, one a submission set,
//! sent by a job in their order within a space, kept with how they ended.
//!
//! What a row holds is sealed under its space's key; what it tells the operator (identifiers of documents, codes) names
//! nobody. A row is settled in the transaction of the trace that says so.

use std::time::Duration;

use access::{Operation, Permit};
use serde::{Deserialize, Serialize};
use space::{Actor, Association, DocumentEntry, Folder, Ins, SpaceId, SubmissionSet, hl7::Cx, trace::TraceEvent};

use crate::{
    Store, StoredBody,
    db::{Connection, Sql},
    error::StoreError,
    holders::space_id,
    records::json,
    vault::DataKey,
    writer::Job,
};

/// The breaker of everything that goes upstream.
pub const UPSTREAM: &str = "upstream";

/// What a row asks of the gateway upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardKind {
    /// A set of documents goes in (ITI-41).
    Provide,
    /// What went in changes (ITI-57).
    Update,
}

impl ForwardKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Provide => "provide",
            Self::Update => "update",
        }
    }
}

/// A document that is passed on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ForwardedDocument {
    /// Its metadata, under the identifiers they have here.
    pub entry: DocumentEntry,
    /// Its body here; empty when its bytes are elsewhere, or when only its metadata are passed on.
    pub body_id: String,
}

/// A submission that is passed on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forward {
    /// What is asked.
    pub kind: ForwardKind,
    /// Who did it here.
    pub actor: Actor,
    /// The set.
    pub set: SubmissionSet,
    /// Its documents.
    pub documents: Vec<ForwardedDocument>,
    /// Its folders.
    pub folders: Vec<Folder>,
    /// Its links and orders.
    pub associations: Vec<Association>,
    /// Documents that are changed and not sent, by `uniqueId`.
    pub touched: Vec<String>,
}

/// The same, sealed.
#[derive(Debug, Clone)]
pub(crate) struct PreparedForward {
    set_uuid: String,
    kind: &'static str,
    documents: String,
    sealed: Vec<u8>,
}

impl PreparedForward {
    pub(crate) fn of(space: &str, forward: &Forward, key: &DataKey) -> Result<Self, StoreError> {
        let set_uuid = forward.set.entry_uuid.clone();
        let own = forward.documents.iter().map(|d| d.entry.unique_id.as_str());
        let documents: Vec<&str> = own.chain(forward.touched.iter().map(String::as_str)).collect();
        let sealed = key.seal_packed(&["upstream", space, &set_uuid], json(forward, "forward")?.as_bytes())?;
        Ok(Self { set_uuid, kind: forward.kind.word(), documents: documents.join(" "), sealed })
    }
}

/// A row that is next in its space.
#[derive(Debug, Clone)]
pub struct DueForward {
    /// The space.
    pub space: SpaceId,
    /// The set's `entry_uuid`: which row.
    pub set_uuid: String,
    /// How often it was tried.
    pub attempts: i64,
    /// How often it failed by itself, not by the line.
    pub failures: i64,
}

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardEnd {
    /// The other has it.
    Sent,
    /// The other refused it: as it is, sending it again will not help.
    Refused,
    /// It failed too often, or cannot be sent.
    GivenUp,
}

impl ForwardEnd {
    const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
        }
    }
}

/// What the other said, without a word of content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForwardTold {
    /// Its code.
    pub code: String,
    /// The stable code of the cause, where the other has such.
    pub word: String,
    /// Where in the message.
    pub place: String,
}

/// A row as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForwardState {
    /// The set's `entry_uuid`: which row.
    pub set: String,
    /// `provide` or `update`.
    pub kind: String,
    /// `queued`, `sent`, `refused`, `given_up`.
    pub state: String,
    /// Documents it bears on, by `uniqueId`.
    pub documents: Vec<String>,
    /// When it was queued, in milliseconds since 1970 UTC.
    pub queued_ms: i64,
    /// When it ended.
    pub settled_ms: Option<i64>,
    /// How often it was tried.
    pub attempts: i64,
    /// What the other said last: its code.
    pub code: String,
    /// The stable code of the cause, where the other has such.
    pub cause: String,
    /// Where in the message.
    pub place: String,
}

/// How many rows are in which state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ForwardCounts {
    /// Waiting.
    pub queued: i64,
    /// Refused.
    pub refused: i64,
    /// Given up.
    pub given_up: i64,
    /// When the oldest that waits was queued, in milliseconds since 1970 UTC.
    pub oldest_ms: Option<i64>,
}

/// A row that ends, on its way to the writer.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    space: String,
    set_uuid: String,
    end: ForwardEnd,
    told: ForwardTold,
    at_ms: i64,
}

const STATE: &str = "SELECT set_uuid, kind, state, documents, queued_ms, settled_ms, attempts, code, word, told_place \
     FROM upstream WHERE ";

impl Store {
    /// The rows that may go now: the first that waits in each space, unless it was put off.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forwards_due(&self, limit: i64) -> Result<Vec<DueForward>, StoreError> {
        let sql = Sql::new(
            "SELECT space_id, set_uuid, attempts, failures FROM upstream u WHERE state = 'queued' AND due_ms <= $1 \
             AND NOT EXISTS (SELECT 1 FROM upstream e WHERE e.space_id = u.space_id AND e.state <> 'sent' \
             AND e.state = 'queued' AND e.place < u.place) ORDER BY due_ms, space_id LIMIT $2",
        );
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(self.now_ms()).bind(limit)).await?;
        reader.done();
        let due = |row: &crate::db::Row| {
            let space = space_id(row.text(0)?)?;
            Ok(DueForward { space, set_uuid: row.text(1)?.to_owned(), attempts: row.int(2)?, failures: row.int(3)? })
        };
        rows.iter().map(due).collect()
    }

    /// What a row holds, and whom it is about; none when somebody else has settled it.
    ///
    /// # Errors
    /// [`StoreError::Forgotten`] when the space's key was destroyed; when the permit is for something else.
    pub async fn forward(&self, permit: &Permit, due: &DueForward) -> Result<Option<(Ins, Forward)>, StoreError> {
        crate::demand(permit, |o| o == Operation::Forward)?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let sql =
            Sql::new("SELECT sealed_payload FROM upstream WHERE space_id = $1 AND set_uuid = $2 AND state = 'queued'");
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql.bind(&space).bind(&due.set_uuid)).await?;
        let ins = self.number_of(&mut reader, &space).await?;
        reader.done();
        let Some(row) = row else { return Ok(None) };
        let ins = ins.ok_or(StoreError::Forgotten)?;
        let sealed = row.maybe_bytes(0)?.ok_or(StoreError::Corrupt { what: "sealed value" })?;
        let text = key.open(&["upstream", &space, &due.set_uuid], sealed)?;
        let mut forward: Forward =
            serde_json::from_slice(&text).map_err(|_| StoreError::Corrupt { what: "sealed value" })?;
        // The number may have changed since, by a merge.
        let entries = forward.documents.iter_mut().map(|document| &mut document.entry.patient_id);
        let folders = forward.folders.iter_mut().map(|folder| &mut folder.patient_id);
        for borne in entries.chain(folders).chain([&mut forward.set.patient_id]) {
            *borne = Cx(ins.to_cx());
        }
        Ok(Some((ins, forward)))
    }

    /// The bytes of a document that is passed on.
    ///
    /// # Errors
    /// When the permit is for something else, or database or disk fail.
    pub async fn forwarded_body(&self, permit: &Permit, body_id: &str) -> Result<(u64, StoredBody), StoreError> {
        crate::demand(permit, |o| o == Operation::Forward)?;
        self.body_of(permit, body_id).await
    }

    /// Notes that a row is about to be tried.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forward_tried(&self, due: &DueForward) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE upstream SET attempts = attempts + 1 WHERE space_id = $1 AND set_uuid = $2");
        self.operation(sql.bind(due.space.to_string()).bind(&due.set_uuid)).await
    }

    /// Puts a row off that could not be sent yet: `by_itself`, or because of the line.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_forward_off(
        &self,
        due: &DueForward,
        pause: Duration,
        by_itself: bool,
        told: &ForwardTold,
    ) -> Result<(), StoreError> {
        let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let sql = Sql::new(
            "UPDATE upstream SET due_ms = $3, code = $4, word = $5, told_place = $6, failures = failures + $7 \
             WHERE space_id = $1 AND set_uuid = $2 AND state = 'queued'",
        );
        let sql = sql.bind(due.space.to_string()).bind(&due.set_uuid).bind(self.now_ms().saturating_add(pause));
        let sql = sql.bind(&told.code).bind(&told.word).bind(&told.place).bind(i64::from(by_itself));
        self.operation(sql).await
    }

    /// Ends a row, with the trace of it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when somebody else has ended it.
    pub async fn settle_forward(
        &self,
        due: &DueForward,
        end: ForwardEnd,
        told: ForwardTold,
        event: &TraceEvent,
    ) -> Result<(), StoreError> {
        let (space, set_uuid) = (due.space.to_string(), due.set_uuid.clone());
        let settled = Settled { space, set_uuid, end, told, at_ms: self.now_ms() };
        self.writer.submit(Job::Settle { settled, trace: self.trace(event)? }).await.map(drop)
    }

    /// Rows for the operator, oldest first: of one state, or all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forwards(&self, state: Option<&str>, limit: i64) -> Result<Vec<ForwardState>, StoreError> {
        let mut sql = Sql::new(STATE);
        match state {
            Some(state) => sql.push("state = ").value(state),
            None => sql.push("state <> ''"),
        };
        sql.push(" ORDER BY queued_ms, set_uuid LIMIT ").value(limit);
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        let state = |row: &crate::db::Row| {
            Ok(ForwardState {
                set: row.text(0)?.to_owned(),
                kind: row.text(1)?.to_owned(),
                state: row.text(2)?.to_owned(),
                documents: row.text(3)?.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
                queued_ms: row.int(4)?,
                settled_ms: row.maybe_int(5)?,
                attempts: row.int(6)?,
                code: row.text(7)?.to_owned(),
                cause: row.text(8)?.to_owned(),
                place: row.text(9)?.to_owned(),
            })
        };
        rows.iter().map(state).collect()
    }

    /// How many rows stand in which state; those that are sent are not counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forward_counts(&self) -> Result<ForwardCounts, StoreError> {
        let sql = "SELECT state, COUNT(*), MIN(queued_ms) FROM upstream WHERE state <> 'sent' GROUP BY state";
        let mut reader = self.readers.get().await?;
        let rows = reader.all(Sql::new(sql)).await?;
        reader.done();
        let mut counts = ForwardCounts::default();
        for row in rows {
            match row.text(0)? {
                "queued" => (counts.queued, counts.oldest_ms) = (row.int(1)?, row.maybe_int(2)?),
                "refused" => counts.refused = row.int(1)?,
                _ => counts.given_up = row.int(1)?,
            }
        }
        Ok(counts)
    }

    /// Queues again what was refused or given up (one set, or all), makes what waits due at once, and lets the partner be
    /// tried at once. Returns how many rows go again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retry_forwards(&self, set: Option<&str>) -> Result<u64, StoreError> {
        let now = self.now_ms();
        let one = if set.is_some() { " AND set_uuid = $2" } else { "" };
        let again = format!(
            "UPDATE upstream SET state = 'queued', due_ms = $1, settled_ms = NULL, failures = 0 \
             WHERE state IN ('refused', 'given_up') AND sealed_payload IS NOT NULL{one}"
        );
        let due = format!("UPDATE upstream SET due_ms = $1 WHERE state = 'queued' AND due_ms > $1{one}");
        let bound = |text: &str| set.into_iter().fold(Sql::new(text).bind(now), Sql::bind);
        let mut c = self.operations.get().await?;
        c.begin().await?;
        let count = c.execute(bound(&again)).await? + c.execute(bound(&due)).await?;
        c.execute(Sql::new("DELETE FROM partner WHERE partner = $1").bind(UPSTREAM)).await?;
        let sql = Sql::new("UPDATE job SET due_ms = $1 WHERE kind = $2 AND leased_until_ms <= $1 AND due_ms > $1");
        c.execute(sql.bind(now).bind(UPSTREAM)).await?;
        c.commit().await?;
        c.done();
        Ok(count)
    }

    /// The rows of a set that wait or were refused, with their documents: what may be given up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unsettled_forwards(&self, set: &str) -> Result<Vec<(DueForward, Vec<String>)>, StoreError> {
        let sql = Sql::new(
            "SELECT space_id, set_uuid, attempts, failures, documents FROM upstream WHERE set_uuid = $1 \
             AND state IN ('queued', 'refused')",
        );
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(set)).await?;
        reader.done();
        let row = |row: &crate::db::Row| {
            let due = DueForward {
                space: space_id(row.text(0)?)?,
                set_uuid: row.text(1)?.to_owned(),
                attempts: row.int(2)?,
                failures: row.int(3)?,
            };
            let documents = row.text(4)?.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect();
            Ok((due, documents))
        };
        rows.iter().map(row).collect()
    }
}

/// Queues rows, after what their spaces have queued before.
pub(crate) async fn queue(
    connection: &mut Connection,
    forwards: &[(i64, &str, &PreparedForward)],
) -> Result<(), StoreError> {
    for (at_ms, space, forward) in forwards {
        let sql = Sql::new(
            "INSERT INTO upstream (space_id, set_uuid, place, kind, state, documents, queued_ms, due_ms, attempts, failures, \
             code, word, told_place, sealed_payload) VALUES ($1, $2, \
             (SELECT COALESCE(MAX(place), 0) + 1 FROM upstream WHERE space_id = $1 AND state <> 'sent'), \
             $3, 'queued', $4, $5, $5, 0, 0, '', '', '', $6)",
        );
        let sql = sql.bind(*space).bind(&forward.set_uuid).bind(forward.kind).bind(&forward.documents);
        connection.execute(sql.bind(*at_ms).bind(forward.sealed.clone())).await?;
    }
    Ok(())
}

/// Ends a row; refused when somebody else has.
pub(crate) async fn settle(connection: &mut Connection, settled: &Settled) -> Result<(), StoreError> {
    let payload = if settled.end == ForwardEnd::Sent { ", sealed_payload = NULL" } else { "" };
    // Who gives up says nothing new: what the other said last stays.
    let told = if settled.told == ForwardTold::default() && settled.end == ForwardEnd::GivenUp {
        ", code = COALESCE(NULLIF($5, ''), code), word = COALESCE(NULLIF($6, ''), word), \
         told_place = COALESCE(NULLIF($7, ''), told_place)"
    } else {
        ", code = $5, word = $6, told_place = $7"
    };
    // What was refused may still be given up.
    let from = if settled.end == ForwardEnd::GivenUp { "IN ('queued', 'refused')" } else { "= 'queued'" };
    let sql = Sql::new(&format!(
        "UPDATE upstream SET state = $3, settled_ms = $4{told}{payload} \
         WHERE space_id = $1 AND set_uuid = $2 AND state {from}"
    ));
    let sql = sql.bind(&settled.space).bind(&settled.set_uuid).bind(settled.end.word()).bind(settled.at_ms);
    let told = &settled.told;
    match connection.execute(sql.bind(&told.code).bind(&told.word).bind(&told.place)).await? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}
