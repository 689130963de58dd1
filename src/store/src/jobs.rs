//! Work that the gateway does by itself: rows that a process leases, does and gives back. No process leads; one that dies
//! loses its lease and another takes up where the progress says.
//!
//! A job is done at least once: whoever carries one out makes it idempotent. A kind of job can be stopped by the operator,
//! and a partner that fails is left alone for longer and longer ([`PATIENCE`]), all jobs for it together: when the time is
//! over one of them tries, the others wait for how that ends.

use std::time::Duration;

use serde::Serialize;

use crate::{
    Store,
    db::{Connection, Kind, Sql},
    error::StoreError,
};

/// Failures in a row after which a partner is left alone.
const TOLERATED: i64 = 3;
/// How long it is left alone first; doubled with each further failure.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest it is left alone, and the longest between two attempts at a job.
const LONGEST: Duration = Duration::from_secs(900);

/// A job as it is set up.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// Which one: set up again under the same identifier, it is the same job.
    pub job_id: String,
    /// What kind: what the operator may stop.
    pub kind: &'static str,
    /// Whom it calls; empty = nobody.
    pub partner: String,
    /// How often it is done; zero = once, then it is gone.
    pub every: Duration,
}

/// A job that this process may do until its lease ends.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Which one.
    pub job_id: String,
    /// What kind.
    pub kind: String,
    /// Whom it calls.
    pub partner: String,
    /// How far it has come, as whoever did it last wrote it; empty at first.
    pub progress: String,
    /// How often it was tried since it last succeeded, this time included.
    pub attempts: i64,
    every_ms: i64,
    lease: String,
}

/// How jobs of one kind stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobState {
    /// Which one.
    pub job_id: String,
    /// What kind.
    pub kind: String,
    /// Whom it calls.
    pub partner: String,
    /// When it is done next, in milliseconds since 1970 UTC.
    pub due_ms: i64,
    /// Whether a process is at it.
    pub leased: bool,
    /// How often it failed in a row.
    pub attempts: i64,
    /// Why it failed last.
    pub failure: String,
    /// Whether its kind is stopped.
    pub stopped: bool,
    /// Until when its partner is left alone, in milliseconds since 1970 UTC; in the past when it is not.
    pub closed_until_ms: i64,
}

const LEASABLE: &str = "SELECT job_id FROM job WHERE due_ms <= $1 AND leased_until_ms <= $1 \
     AND NOT EXISTS (SELECT 1 FROM stopped s WHERE s.kind = job.kind OR s.kind = '*') \
     AND NOT EXISTS (SELECT 1 FROM partner p WHERE p.partner = job.partner AND p.closed_until_ms > $1) \
     ORDER BY due_ms, job_id LIMIT 1";

impl Store {
    /// Sets a job up, or takes over its new interval. One that exists keeps its progress.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_up(&self, job: &JobSpec) -> Result<(), StoreError> {
        let sql = Sql::new(
            "INSERT INTO job (job_id, kind, partner, every_ms, due_ms, holder, leased_until_ms, attempts, progress, \
             failure) VALUES ($1, $2, $3, $4, $5, '', 0, 0, '', '') \
             ON CONFLICT (job_id) DO UPDATE SET kind = excluded.kind, partner = excluded.partner, \
             every_ms = excluded.every_ms",
        );
        let sql = sql.bind(&job.job_id).bind(job.kind).bind(&job.partner).bind(millis(job.every)).bind(self.now_ms());
        self.operation(sql).await
    }

    /// Takes jobs away that are set up no more: those whose kind is one of `kinds` and whose identifier is not among
    /// `kept`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire(&self, kinds: &[&str], kept: &[String]) -> Result<(), StoreError> {
        let mut sql = Sql::new("DELETE FROM job WHERE kind IN ");
        sql.list(kinds.iter().copied());
        if !kept.is_empty() {
            sql.push(" AND job_id NOT IN ").list(kept.iter());
        }
        self.operation(sql).await
    }

    /// Leases the job that has been due longest, for `duration`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease(&self, duration: Duration) -> Result<Option<Leased>, StoreError> {
        let (now, lease) = (self.now_ms(), self.rng.uuid().to_string());
        // Asked many times for nothing: no transaction, and on SQLite no lock, unless there is something to do.
        let mut reader = self.readers.get().await?;
        let due = reader.one(Sql::new(LEASABLE).bind(now)).await?;
        reader.done();
        if due.is_none() {
            return Ok(None);
        }
        let mut c = self.operations.get().await?;
        c.begin().await?;
        let leased = take(&mut c, now, millis(duration), &lease).await?;
        c.commit().await?;
        c.done();
        Ok(leased)
    }

    /// Gives a job back, done: it is due again after its interval, or gone. `more` says that there is more to do at once.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the lease had run out and somebody else has the job; its progress is theirs.
    pub async fn job_done(&self, job: &Leased, progress: &str, more: bool) -> Result<(), StoreError> {
        let now = self.now_ms();
        let sql = if job.every_ms == 0 && !more {
            Sql::new("DELETE FROM job WHERE job_id = $1 AND holder = $2").bind(&job.job_id).bind(&job.lease)
        } else {
            let due = if more { now } else { now.saturating_add(job.every_ms) };
            Sql::new(
                "UPDATE job SET due_ms = $3, holder = '', leased_until_ms = 0, attempts = 0, progress = $4, \
                 failure = '' WHERE job_id = $1 AND holder = $2",
            )
            .bind(&job.job_id)
            .bind(&job.lease)
            .bind(due)
            .bind(progress)
        };
        let mut c = self.operations.get().await?;
        c.begin().await?;
        if c.execute(sql).await? == 0 {
            return Err(StoreError::Stale);
        }
        if !job.partner.is_empty() {
            let sql = Sql::new("DELETE FROM partner WHERE partner = $1").bind(&job.partner);
            c.execute(sql).await?;
        }
        c.commit().await?;
        c.done();
        Ok(())
    }

    /// Gives a job back that failed, for another attempt later. `failure` says why and nothing of anybody.
    ///
    /// # Errors
    /// As [`Store::job_done`].
    pub async fn job_failed(&self, job: &Leased, failure: &str) -> Result<(), StoreError> {
        let now = self.now_ms();
        let mut random = [0; 2];
        self.rng.fill(&mut random);
        // Between one and one and a half times the pause, so that many do not come back together.
        let jitter = |pause: i64| pause + pause * i64::from(u16::from_le_bytes(random)) / (2 * i64::from(u16::MAX));
        let again = now.saturating_add(jitter(pause(job.attempts)));
        let job_sql = Sql::new(
            "UPDATE job SET due_ms = $3, holder = '', leased_until_ms = 0, failure = $4 \
             WHERE job_id = $1 AND holder = $2",
        );
        let job_sql = job_sql.bind(&job.job_id).bind(&job.lease).bind(again).bind(failure);
        let mut c = self.operations.get().await?;
        c.begin().await?;
        if c.execute(job_sql).await? == 0 {
            return Err(StoreError::Stale);
        }
        if !job.partner.is_empty() {
            let sql = Sql::new(
                "INSERT INTO partner (partner, failures, closed_until_ms) VALUES ($1, 1, 0) \
                 ON CONFLICT (partner) DO UPDATE SET failures = partner.failures + 1",
            );
            c.execute(sql.bind(&job.partner)).await?;
            let failures = Sql::new("SELECT failures FROM partner WHERE partner = $1").bind(&job.partner);
            let failures = c.one(failures).await?.map_or(Ok(0), |row| row.int(0))?;
            let until = now.saturating_add(jitter(pause(failures - TOLERATED + 1)));
            if failures >= TOLERATED {
                let sql = Sql::new("UPDATE partner SET closed_until_ms = $2 WHERE partner = $1");
                c.execute(sql.bind(&job.partner).bind(until)).await?;
            }
        }
        c.commit().await?;
        c.done();
        Ok(())
    }

    /// Stops a kind of jobs (`*` all), or lets it go on. Jobs under way are not torn away.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stop_jobs(&self, kind: &str, stop: bool) -> Result<(), StoreError> {
        let sql = if stop {
            Sql::new("INSERT INTO stopped (kind, since_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(kind)
                .bind(self.now_ms())
        } else {
            // All of them: also those that were stopped one by one.
            Sql::new("DELETE FROM stopped WHERE kind = $1 OR $1 = '*'").bind(kind)
        };
        self.operation(sql).await
    }

    /// One statement on the connection for jobs.
    pub(crate) async fn operation(&self, sql: Sql) -> Result<(), StoreError> {
        let mut c = self.operations.get().await?;
        c.execute(sql).await?;
        c.done();
        Ok(())
    }

    /// How all jobs stand, by identifier.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs(&self) -> Result<Vec<JobState>, StoreError> {
        let sql = Sql::new(
            "SELECT j.job_id, j.kind, j.partner, j.due_ms, j.leased_until_ms, j.attempts, j.failure, \
             (SELECT COUNT(*) FROM stopped s WHERE s.kind = j.kind OR s.kind = '*'), p.closed_until_ms FROM job j \
             LEFT JOIN partner p ON p.partner = j.partner ORDER BY j.job_id",
        );
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        let now = self.now_ms();
        let state = |row: &crate::db::Row| {
            Ok(JobState {
                job_id: row.text(0)?.to_owned(),
                kind: row.text(1)?.to_owned(),
                partner: row.text(2)?.to_owned(),
                due_ms: row.int(3)?,
                leased: row.int(4)? > now,
                attempts: row.int(5)?,
                failure: row.text(6)?.to_owned(),
                stopped: row.int(7)? > 0,
                closed_until_ms: row.maybe_int(8)?.unwrap_or_default(),
            })
        };
        rows.iter().map(state).collect()
    }
}

/// Takes the job that has been due longest, inside a transaction.
async fn take(c: &mut Connection, now: i64, duration: i64, lease: &str) -> Result<Option<Leased>, StoreError> {
    // Others step over what this one takes. SQLite's transaction excludes them.
    let lock = if c.kind() == Kind::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
    let Some(row) = c.one(Sql::new(&format!("{LEASABLE}{lock}")).bind(now)).await? else { return Ok(None) };
    let until = now.saturating_add(duration);
    let sql = Sql::new(
        "UPDATE job SET holder = $2, leased_until_ms = $3, attempts = attempts + 1 WHERE job_id = $1 \
         RETURNING job_id, kind, partner, progress, attempts, every_ms",
    );
    let Some(row) = c.one(sql.bind(row.text(0)?).bind(lease).bind(until)).await? else { return Ok(None) };
    let leased = Leased {
        job_id: row.text(0)?.to_owned(),
        kind: row.text(1)?.to_owned(),
        partner: row.text(2)?.to_owned(),
        progress: row.text(3)?.to_owned(),
        attempts: row.int(4)?,
        every_ms: row.int(5)?,
        lease: lease.to_owned(),
    };
    // A partner that was left alone is tried by this one job: nobody else until it is given back, or its lease ends.
    let sql = Sql::new("UPDATE partner SET closed_until_ms = $2 WHERE partner = $1 AND failures >= $3");
    c.execute(sql.bind(&leased.partner).bind(until).bind(TOLERATED)).await?;
    Ok(Some(leased))
}

/// How long to wait after so many failures, in milliseconds.
fn pause(failures: i64) -> i64 {
    let doublings = u32::try_from((failures - 1).clamp(0, 20)).unwrap_or_default();
    millis(PATIENCE).saturating_mul(1 << doublings).min(millis(LONGEST))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        assert_eq!([pause(0), pause(1), pause(2), pause(4)], [5_000, 5_000, 10_000, 40_000]);
        assert_eq!([pause(50), pause(i64::MAX)], [900_000, 900_000]);
    }
}
