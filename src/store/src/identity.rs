//! Numbers that structures give their patients: found by a keyed hash, told sealed under the space's key, and the notices
//! that say of whom they changed.

use access::{Operation, Permit};
use serde::{Deserialize, Serialize};
use space::{Cause, LocalId, SpaceId, trace::TraceEvent};

use crate::{
    Store,
    db::{Connection, Sql},
    error::StoreError,
    holders::space_id,
    records::{Change, Notification, json},
    vault::DataKey,
    writer::{Guard, Job, PreparedChange, SpaceChange},
};

/// A number, as it stands sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    domain: String,
    number: String,
}

/// A link that is made, ready to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewLink {
    pub(crate) hash: String,
    pub(crate) domain: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) since_ms: i64,
    pub(crate) notices: Vec<NewNotice>,
}

/// A notice to be queued: for whom, and its identifier.
#[derive(Debug, Clone)]
pub(crate) struct NewNotice {
    pub(crate) consumer: String,
    pub(crate) notice_id: String,
    pub(crate) queued_ms: i64,
}

/// A space that a consumer is to be told of.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The space.
    pub space: SpaceId,
    queued_ms: i64,
    notice_id: String,
}

impl Sealed {
    fn open(key: &DataKey, space: &str, hash: &str, sealed: &[u8]) -> Result<LocalId, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "number" };
        let text = key.open(&["local", space, hash], sealed)?;
        let sealed: Self = serde_json::from_slice(&text).map_err(|_| corrupt())?;
        LocalId::parse(&sealed.domain, &sealed.number).map_err(|_| corrupt())
    }

    fn seal(key: &DataKey, space: &str, hash: &str, local: &LocalId) -> Result<Vec<u8>, StoreError> {
        let sealed = Self { domain: local.domain().as_str().to_owned(), number: local.number().to_owned() };
        key.seal(&["local", space, hash], json(&sealed, "number")?.as_bytes())
    }
}

impl Store {
    /// The space of a structure's number. Says nothing else: it is a door from an outside identifier to a decision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn space_of_local(&self, local: &LocalId) -> Result<Option<SpaceId>, StoreError> {
        let mut reader = self.readers.get().await?;
        let sql = Sql::new("SELECT space_id FROM local_index WHERE number_hash = $1").bind(self.keys.local_hash(local));
        let row = reader.one(sql).await?;
        reader.done();
        row.map(|row| space_id(row.text(0)?)).transpose()
    }

    /// The numbers that structures know a holder by, oldest link first.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn local_identifiers(&self, permit: &Permit) -> Result<Vec<LocalId>, StoreError> {
        crate::demand(permit, |o| {
            matches!(o, Operation::CrossReference | Operation::LinkNumber | Operation::Notify | Operation::Exists)
        })?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let mut reader = self.readers.get().await?;
        let sql = Sql::new(
            "SELECT number_hash, sealed_number FROM local_identifier WHERE space_id = $1 ORDER BY since_ms, number_hash",
        );
        let rows = reader.all(sql.bind(&space)).await?;
        reader.done();
        rows.iter().map(|row| Sealed::open(&key, &space, row.text(0)?, row.bytes(1)?)).collect()
    }

    /// Changes what is set on several spaces, each with its trace: all of them, or none.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn change_all(&self, changes: Vec<(&Permit, Change, &TraceEvent)>) -> Result<(), StoreError> {
        let silent = changes.into_iter().map(|(permit, change, event)| (permit, change, event, Vec::new()));
        self.change_all_telling(silent.collect()).await
    }

    /// The same, each with what its holder is to be told.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn change_all_telling(
        &self,
        changes: Vec<(&Permit, Change, &TraceEvent, Vec<Notification>)>,
    ) -> Result<(), StoreError> {
        let mut prepared = Vec::with_capacity(changes.len());
        for (permit, change, event, told) in changes {
            let change = self.prepared(permit, change).await?;
            let messages = self.sealed(&permit.space().to_string(), told)?;
            prepared.push(SpaceChange { guard: Guard::on(permit), change, trace: self.trace(event)?, messages });
        }
        self.writer.submit(Job::Change(prepared)).await.map(drop)
    }

    /// A link made ready to be stored.
    pub(crate) async fn new_link(
        &self,
        permit: &Permit,
        local: &LocalId,
        since_ms: i64,
        told: Vec<String>,
    ) -> Result<PreparedChange, StoreError> {
        let key = self.key_of(permit).await?;
        let hash = self.keys.local_hash(local);
        Ok(PreparedChange::Link(Box::new(NewLink {
            sealed: Sealed::seal(&key, &permit.space().to_string(), &hash, local)?,
            domain: local.domain().as_str().to_owned(),
            notices: self.new_notices(told, since_ms),
            hash,
            since_ms,
        })))
    }

    pub(crate) fn new_notices(&self, told: Vec<String>, queued_ms: i64) -> Vec<NewNotice> {
        let notice = |consumer| NewNotice { consumer, notice_id: self.rng.uuid().to_string(), queued_ms };
        told.into_iter().map(notice).collect()
    }

    /// The spaces that a consumer is to be told of, longest waiting first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_notices(&self, consumer: &str, limit: usize) -> Result<Vec<Notice>, StoreError> {
        let sql = Sql::new(
            "SELECT space_id, queued_ms, notice_id FROM reference_notice WHERE consumer = $1 \
             ORDER BY queued_ms, notice_id LIMIT $2",
        );
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(consumer).bind(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
        reader.done();
        rows.iter()
            .map(|row| {
                let space = space_id(row.text(0)?)?;
                Ok(Notice { space, queued_ms: row.int(1)?, notice_id: row.text(2)?.to_owned() })
            })
            .collect()
    }

    /// A consumer has been told.
    ///
    /// # Errors
    /// When the database fails: it will be told again.
    pub async fn notice_done(&self, consumer: &str, notice: &Notice) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM reference_notice WHERE consumer = $1 AND queued_ms = $2 AND notice_id = $3");
        let mut c = self.operations.get().await?;
        c.execute(sql.bind(consumer).bind(notice.queued_ms).bind(&notice.notice_id)).await?;
        c.done();
        Ok(())
    }

    /// A consumer has refused a notice: it goes behind the others.
    ///
    /// # Errors
    /// When the database fails: it stays where it is.
    pub async fn notice_later(&self, consumer: &str, notice: &Notice) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE reference_notice SET queued_ms = $4 WHERE consumer = $1 AND queued_ms = $2 AND notice_id = $3",
        );
        let sql = sql.bind(consumer).bind(notice.queued_ms).bind(&notice.notice_id).bind(self.now_ms());
        self.operation(sql).await
    }
}

/// Looks at what stands against a link: the number is another space's, and the same job does not take it from there.
pub(crate) async fn check_link(
    connection: &mut Connection,
    space: &str,
    link: &NewLink,
    job: &[SpaceChange],
) -> Result<(), StoreError> {
    let sql = Sql::new("SELECT space_id FROM local_index WHERE number_hash = $1").bind(&link.hash);
    let Some(row) = connection.one(sql).await? else { return Ok(()) };
    let owner = row.text(0)?;
    let taken_away = |part: &SpaceChange| {
        matches!(&part.change, PreparedChange::Unlink { hash, .. } if *hash == link.hash) && part.guard.space == owner
    };
    if owner == space || job.iter().any(taken_away) {
        Ok(())
    } else {
        Err(StoreError::conflict(Cause::IdentifierTaken, None))
    }
}

/// Stores a link; one that stands is left as it is.
pub(crate) async fn link(connection: &mut Connection, space: &str, link: &NewLink) -> Result<(), StoreError> {
    let sql = Sql::new("INSERT INTO local_index (number_hash, space_id) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    if connection.execute(sql.bind(&link.hash).bind(space)).await? == 0 {
        // It stands, or another process linked it to somebody else since it was looked at: then all of this is undone.
        let sql = Sql::new("SELECT 1 FROM local_index WHERE number_hash = $1 AND space_id = $2");
        if connection.one(sql.bind(&link.hash).bind(space)).await?.is_none() {
            return Err(StoreError::Busy);
        }
    }
    let sql = Sql::new(
        "INSERT INTO local_identifier (space_id, number_hash, domain, sealed_number, since_ms) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    );
    let sql = sql.bind(space).bind(&link.hash).bind(&link.domain).bind(link.sealed.clone()).bind(link.since_ms);
    connection.execute(sql).await?;
    queue(connection, space, &link.notices).await
}

/// Takes a link away.
pub(crate) async fn unlink(
    connection: &mut Connection,
    space: &str,
    hash: &str,
    notices: &[NewNotice],
) -> Result<(), StoreError> {
    let sql = Sql::new("DELETE FROM local_index WHERE number_hash = $1 AND space_id = $2");
    connection.execute(sql.bind(hash).bind(space)).await?;
    let sql = Sql::new("DELETE FROM local_identifier WHERE space_id = $1 AND number_hash = $2");
    connection.execute(sql.bind(space).bind(hash)).await?;
    queue(connection, space, notices).await
}

/// Queues notices of a space.
pub(crate) async fn queue(connection: &mut Connection, space: &str, notices: &[NewNotice]) -> Result<(), StoreError> {
    for notice in notices {
        let sql =
            Sql::new("INSERT INTO reference_notice (consumer, queued_ms, notice_id, space_id) VALUES ($1, $2, $3, $4)");
        let sql = sql.bind(&notice.consumer).bind(notice.queued_ms).bind(&notice.notice_id).bind(space);
        connection.execute(sql).await?;
    }
    Ok(())
}

/// Gives the numbers of one space to another, sealed anew.
pub(crate) async fn move_numbers(
    connection: &mut Connection,
    (from, old): (&str, &DataKey),
    (to, new): (&str, &DataKey),
) -> Result<(), StoreError> {
    let sql = Sql::new("SELECT number_hash, sealed_number FROM local_identifier WHERE space_id = $1").bind(from);
    for row in connection.all(sql).await? {
        let hash = row.text(0)?;
        let sealed = Sealed::seal(new, to, hash, &Sealed::open(old, from, hash, row.bytes(1)?)?)?;
        let sql = Sql::new(
            "UPDATE local_identifier SET space_id = $1, sealed_number = $2 WHERE space_id = $3 AND number_hash = $4",
        );
        connection.execute(sql.bind(to).bind(sealed).bind(from).bind(hash)).await?;
        let sql = Sql::new("UPDATE local_index SET space_id = $1 WHERE number_hash = $2").bind(to);
        connection.execute(sql.bind(hash)).await?;
    }
    Ok(())
}

/// Takes away everything a holder could be looked for by.
pub(crate) async fn forget_numbers(connection: &mut Connection, space: &str) -> Result<(), StoreError> {
    let sql = Sql::new("SELECT number_hash FROM local_identifier WHERE space_id = $1").bind(space);
    for row in connection.all(sql).await? {
        unlink(connection, space, row.text(0)?, &[]).await?;
    }
    Ok(())
}
