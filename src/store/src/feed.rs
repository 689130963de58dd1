//! Traces on their way to audit repositories: the log itself is the queue, and each repository has a place in each log.
//!
//! Events of a log are committed in the order of their numbers by one process, so that whoever has read up to a number has
//! missed nothing before it. A repository is given each event at least once, and a new one the whole log.

use std::{collections::HashMap, sync::Arc};

use space::{Ins, trace::TraceEvent};

use crate::{Store, db::Sql, error::StoreError, holders::Identity, trace_log::NO_SPACE, vault::DataKey};

/// Logs looked into for one portion.
const LOGS: i64 = 16;

/// An event for an audit repository.
#[derive(Debug, Clone)]
pub struct FedEvent {
    /// The log it stands in.
    pub origin: String,
    /// Its number there.
    pub seq: i64,
    /// What happened; none when it cannot be read back, which `verify` tells more of.
    pub event: Option<TraceEvent>,
    /// The holder's number; none when the event bears on no space, or when the space was forgotten.
    pub ins: Option<Ins>,
}

impl Store {
    /// The next events that `sink` was not given, at most `limit`, in order within each log; quiet logs first. Not for answering anybody:
    /// for the operator's audit repositories.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_to_feed(&self, sink: &str, limit: usize) -> Result<Vec<FedEvent>, StoreError> {
        let mut reader = self.readers.get().await?;
        let logs = Sql::new(
            "SELECT l.origin, COALESCE(f.seq, 0), l.size FROM log l LEFT JOIN fed f ON f.sink = $1 \
             AND f.origin = l.origin WHERE l.size > COALESCE(f.seq, 0) \
             ORDER BY l.beat_ms, l.origin LIMIT $2",
        );
        let logs = reader.all(logs.bind(sink).bind(LOGS)).await?;
        let mut rows = Vec::new();
        for log in logs {
            let left = i64::try_from(limit.saturating_sub(rows.len())).unwrap_or(i64::MAX);
            let sql = Sql::new(
                "SELECT origin, seq, space_id, sealed_event FROM trace WHERE origin = $1 AND seq > $2 AND seq <= $3 \
                 ORDER BY seq LIMIT $4",
            );
            let (after, size) = (log.int(1)?, log.int(2)?);
            rows.extend(reader.all(sql.bind(log.text(0)?).bind(after).bind(size).bind(left)).await?);
            if rows.len() >= limit {
                break;
            }
        }
        let mut holders: HashMap<String, Option<Ins>> = HashMap::new();
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let space = row.text(2)?;
            let ins = match holders.get(space) {
                Some(ins) => ins.clone(),
                None => {
                    let ins = if space == NO_SPACE { None } else { self.number_of(&mut reader, space).await? };
                    holders.insert(space.to_owned(), ins.clone());
                    ins
                }
            };
            // One that was damaged must not keep back all the others.
            let event = self.open_event(space, row.bytes(3)?).ok();
            events.push(FedEvent { origin: row.text(0)?.to_owned(), seq: row.int(1)?, event, ins });
        }
        reader.done();
        Ok(events)
    }

    /// The number of a space's holder; none when the space was forgotten.
    pub(crate) async fn number_of(
        &self,
        reader: &mut crate::db::Connection,
        space: &str,
    ) -> Result<Option<Ins>, StoreError> {
        let key: Arc<DataKey> = match self.keys.read(reader, space).await {
            Ok(key) => key,
            Err(StoreError::Forgotten) => return Ok(None),
            Err(error) => return Err(error),
        };
        let sql = Sql::new("SELECT sealed_identity FROM holder WHERE space_id = $1").bind(space);
        let Some(row) = reader.one(sql).await? else { return Ok(None) };
        Ok(Identity::open(&key, space, row.bytes(0)?).and_then(|identity| identity.ins()).ok())
    }

    /// Notes that `sink` has been given `events`, which [`Store::next_to_feed`] gave.
    ///
    /// # Errors
    /// When the database fails: the same events will be given again.
    pub async fn fed(&self, sink: &str, events: &[FedEvent]) -> Result<(), StoreError> {
        let mut upto: HashMap<&str, i64> = HashMap::new();
        for event in events {
            let seq = upto.entry(&event.origin).or_default();
            *seq = event.seq.max(*seq);
        }
        let mut c = self.operations.get().await?;
        c.begin().await?;
        for (origin, seq) in upto {
            // Never back: another process may have gone further meanwhile.
            let sql = Sql::new(
                "INSERT INTO fed (sink, origin, seq) VALUES ($1, $2, $3) ON CONFLICT (sink, origin) \
                 DO UPDATE SET seq = excluded.seq WHERE fed.seq < excluded.seq",
            );
            c.execute(sql.bind(sink).bind(origin).bind(seq)).await?;
        }
        c.commit().await?;
        c.done();
        Ok(())
    }

    /// How many events `sink` has yet to be given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn feed_lag(&self, sink: &str) -> Result<u64, StoreError> {
        let sql = Sql::new(
            "SELECT CAST(COALESCE(SUM(l.size - COALESCE(f.seq, 0)), 0) AS BIGINT) FROM log l \
             LEFT JOIN fed f ON f.sink = $1 AND f.origin = l.origin",
        );
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql.bind(sink)).await?;
        reader.done();
        row.map_or(Ok(0), |row| row.int(0)).map(|lag| u64::try_from(lag).unwrap_or_default())
    }
}
