//! The store: spaces, documents, bodies, settings, traces, outbox — on SQLite (PostgreSQL comes with the same SQL).
//!
//! Knows no protocol and decides nothing: every function that reads or changes what a space holds asks for the
//! [`access::Permit`] that allows it. What it acknowledges is on disk. Concurrent writers share one commit
//! ([`writer`]): one transaction, one sync, then all are answered.

mod batch;
mod blobs;
mod entries;
mod error;
mod holders;
mod readers;
mod records;
mod schema;
mod trace_log;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

use access::{Operation, Permit};
use ambient::SharedRng;
use space::{SpaceId, trace::TraceEvent};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

pub use blobs::{BodyWriter, StagedBody, StoredBody, hex};
pub use error::StoreError;
pub use records::{Change, Deposit, Deposited, EntryRow, NewEntry, Notification, SetRow, TracePlace, TraceQuery};
pub use verify::{Problem, Report};

use blobs::Blobs;
use readers::Readers;
use writer::{Job, Writer};

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:PATH`.
    pub url: String,
    /// Folder of bodies.
    pub blobs: std::path::PathBuf,
    /// Bodies up to this many bytes stand in the database.
    pub inline_limit: usize,
    /// Largest body, in bytes.
    pub size_limit: u64,
    /// Connections that read.
    pub readers: u32,
    /// Writes that may wait; one more is answered [`StoreError::Busy`].
    pub queue: usize,
}

impl StoreOptions {
    /// A store in `folder`, with the defaults.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            url: format!("sqlite:{}", folder.join("passerelle.db").display()),
            blobs: folder.join("blobs"),
            inline_limit: 32 * 1024,
            size_limit: 2 << 30,
            readers: 4,
            queue: 4096,
        }
    }
}

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    readers: Arc<Readers>,
    writer: Writer,
    blobs: Blobs,
}

impl Store {
    /// Opens the store, brings its schema up to date and starts its writer.
    ///
    /// # Errors
    /// When the address is not served, or files or migrations fail.
    pub async fn open(options: &StoreOptions, rng: &SharedRng) -> Result<Self, StoreError> {
        let address = || StoreError::Address(options.url.clone());
        if !options.url.starts_with("sqlite:") {
            return Err(address());
        }
        let connect = SqliteConnectOptions::from_str(&options.url)
            .map_err(|_| address())?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            // A page written again before the checkpoint is copied once: the log may grow to 64 MiB.
            .pragma("wal_autocheckpoint", "16000")
            .pragma("journal_size_limit", "134217728")
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-32768")
            .statement_cache_capacity(1024);
        let mut writing = {
            use sqlx::ConnectOptions as _;
            connect.connect().await?
        };
        schema::sqlite().run(&mut writing).await?;
        let readers =
            Readers::open(connect.clone().read_only(true).statement_cache_capacity(256), options.readers).await?;
        let blobs = Blobs::open(&options.blobs, rng.clone(), options.inline_limit, options.size_limit)?;
        let writer = Writer::start(writing, rng.uuid().to_string(), options.queue);
        Ok(Self { readers, writer, blobs })
    }

    /// Starts receiving a body.
    #[must_use]
    pub fn stage(&self) -> BodyWriter {
        self.blobs.stage()
    }

    /// Stores a submission, its trace and its notifications in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the settings changed since the permit, [`StoreError::Conflict`] when something stored
    /// stands against it, [`StoreError::Busy`] when too much is waiting.
    pub async fn deposit(
        &self,
        permit: &Permit,
        deposit: Deposit,
        event: &TraceEvent,
    ) -> Result<Deposited, StoreError> {
        demand(permit, |o| o == Operation::Deposit)?;
        let job = Job::deposit(permit, deposit, event)?;
        self.writer.submit(job).await
    }

    /// Records that a permitted act was done, with what is to be told of it. The answer may be given only once this
    /// returns.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the settings changed since the permit.
    pub async fn record(
        &self,
        permit: &Permit,
        event: &TraceEvent,
        notifications: Vec<Notification>,
    ) -> Result<(), StoreError> {
        let guard = Some((permit.space(), permit.revision()));
        self.writer.submit(Job::record(guard, event, notifications)?).await.map(drop)
    }

    /// Records that an act was refused, on the settings it was refused by.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the settings changed since the refusal: it may be no refusal any more.
    pub async fn record_refusal(
        &self,
        decided_on: Option<(SpaceId, i64)>,
        event: &TraceEvent,
    ) -> Result<(), StoreError> {
        self.writer.submit(Job::record(decided_on, event, Vec::new())?).await.map(drop)
    }

    /// Changes what is set on a space, with its trace.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn change(&self, permit: &Permit, change: Change, event: &TraceEvent) -> Result<(), StoreError> {
        demand(permit, |o| matches!(o, Operation::Set | Operation::Create))?;
        self.writer.submit(Job::change(permit, change, event)?).await.map(drop)
    }

    /// Waits until everything queued is committed and closes the database.
    pub async fn close(&self) {
        // The writing connection last: closing it folds the write-ahead log into the database file.
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers and the writer lives (readiness).
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut reader = self.readers.get().await?;
        sqlx::query("SELECT 1").execute(&mut *reader).await?;
        reader.done();
        if self.writer.is_alive() { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// Milliseconds by which development data move the clock.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clock_offset_ms(&self) -> Result<i64, StoreError> {
        let mut reader = self.readers.get().await?;
        let value: Option<String> = sqlx::query_scalar("SELECT value FROM gateway WHERE name = 'clock_offset_ms'")
            .fetch_optional(&mut *reader)
            .await?;
        reader.done();
        Ok(value.and_then(|v| v.parse().ok()).unwrap_or(0))
    }

    /// Moves the clock of development data.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_clock_offset_ms(&self, offset_ms: i64) -> Result<(), StoreError> {
        self.writer.submit(Job::ClockOffset(offset_ms)).await.map(drop)
    }

    /// Removes bodies of uploads that were never acknowledged. Returns how many.
    ///
    /// # Errors
    /// When the folder or the database fails.
    pub async fn collect(&self) -> Result<u64, StoreError> {
        // Files first: one that is published meanwhile is then found among the rows.
        let blobs = self.blobs.clone();
        let files = tokio::task::spawn_blocking(move || blobs.files()).await;
        let files = files.map_err(|_| StoreError::Corrupt { what: "blobs" })??;
        let old: Vec<_> = files.into_iter().filter(|(_, _, over)| *over).collect();
        if old.is_empty() {
            return Ok(0);
        }
        let mut reader = self.readers.get().await?;
        let published: Vec<String> =
            sqlx::query_scalar("SELECT body_id FROM body WHERE content IS NULL").fetch_all(&mut *reader).await?;
        reader.done();
        let published: std::collections::HashSet<String> = published.into_iter().collect();
        let mut removed = 0;
        for (body_id, path, _) in old {
            if !published.contains(&body_id) {
                std::fs::remove_file(path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn demand(permit: &Permit, covers: impl Fn(Operation) -> bool) -> Result<(), StoreError> {
    if covers(permit.operation()) { Ok(()) } else { Err(StoreError::Permit) }
}
