//! Time stamps of an authority on signed heads: proof that a log was so before an instant, from somebody who is not us.
//!
//! The gateway goes on without the authority for as long as the configuration says; then it writes nothing more, and so
//! answers nothing more, until the authority is back. All processes count from the same last stamp.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{Store, db::Sql, error::StoreError};

/// Since when stamps are asked for, where none was had yet.
const SINCE: &str = "stamping_since_ms";

/// A head without a stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unstamped {
    /// Its log.
    pub origin: String,
    /// Events under it.
    pub size: i64,
    /// The signed head: what is stamped.
    pub note: String,
}

impl Store {
    /// The newest head of each log, where it has no stamp.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unstamped(&self) -> Result<Vec<Unstamped>, StoreError> {
        let sql = Sql::new(
            "SELECT h.origin, h.size, h.note FROM log l JOIN log_head h ON h.origin = l.origin AND h.size = \
             (SELECT MAX(size) FROM log_head n WHERE n.origin = l.origin) WHERE h.stamp IS NULL \
             ORDER BY h.origin LIMIT 100",
        );
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        let read = |row: &crate::db::Row| {
            Ok(Unstamped { origin: row.text(0)?.to_owned(), size: row.int(1)?, note: row.text(2)?.to_owned() })
        };
        rows.iter().map(read).collect()
    }

    /// Keeps the stamp (RFC 3161 token, DER) of a head, given at `at_ms` (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn store_stamp(&self, head: &Unstamped, stamp: Vec<u8>, at_ms: i64) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE log_head SET stamp = $3, stamped_ms = $4 WHERE origin = $1 AND size = $2");
        let sql = sql.bind(&head.origin).bind(head.size).bind(stamp).bind(at_ms);
        let mut c = self.operations.get().await?;
        c.execute(sql).await?;
        c.done();
        Ok(())
    }

    /// Notes that the authority answered, also when there was nothing to stamp.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn authority_answered(&self) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO gateway (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        );
        let mut c = self.operations.get().await?;
        c.execute(sql.bind(SINCE).bind(self.now_ms().to_string())).await?;
        c.done();
        Ok(())
    }

    /// Looks how long writes may go on without the authority, for `grace` after it last answered, and closes or opens the
    /// store accordingly. Returns what is left, in seconds (below zero when it is over).
    ///
    /// # Errors
    /// When the database fails: what was known stays in force.
    pub async fn look_at_stamps(&self, grace: Duration) -> Result<i64, StoreError> {
        let now = self.now_ms();
        let mut c = self.operations.get().await?;
        let first = Sql::new("INSERT INTO gateway (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        c.execute(first.bind(SINCE).bind(now.to_string())).await?;
        let row = c.one(Sql::new("SELECT value FROM gateway WHERE name = $1").bind(SINCE)).await?;
        c.done();
        let since = row.map_or(Ok(now), |row| row.text(0).map(|v| v.parse().unwrap_or(now)))?;
        let until = since.saturating_add(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX));
        self.metrics.open_until_ms.store(until, Ordering::Relaxed);
        let left = until.saturating_sub(now) / 1000;
        self.metrics.stamp_left.set(left);
        Ok(left)
    }

    /// All time stamps, each with the signed head it is on: what an auditor checks against the authority.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stamps(&self) -> Result<Vec<(Unstamped, Vec<u8>)>, StoreError> {
        let sql =
            Sql::new("SELECT origin, size, note, stamp FROM log_head WHERE stamp IS NOT NULL ORDER BY origin, size");
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        let read = |row: &crate::db::Row| {
            let head = Unstamped { origin: row.text(0)?.to_owned(), size: row.int(1)?, note: row.text(2)?.to_owned() };
            Ok((head, row.bytes(3)?.to_vec()))
        };
        rows.iter().map(read).collect()
    }
}
