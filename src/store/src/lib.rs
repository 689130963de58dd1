//! The store: spaces, documents, bodies, settings, traces, outbox — on SQLite or PostgreSQL, bodies in files or a bucket.
//!
//! Knows no protocol and decides nothing: every function that reads or changes what a space holds asks for the
//! [`access::Permit`] that allows it. What it acknowledges is on disk. Concurrent writers share one commit
//! ([`writer`]): one transaction, one sync, then all are answered. Several processes may work on one PostgreSQL; none
//! holds what another needs. What says something of a person is sealed ([`vault`]); what was done is evidence
//! ([`evidence`]).

mod backup;
mod batch;
mod blobs;
mod changes;
mod checkpoints;
mod cipher_stream;
mod connections;
mod data;
mod db;
mod entries;
mod error;
mod evidence;
mod failpoint;
mod feed;
mod holders;
mod identity;
mod jobs;
mod keys;
mod links;
mod merge;
mod metrics;
mod proofs;
mod records;
mod room;
mod schema;
mod scrub;
mod stamps;
mod subscriptions;
mod trace_log;
mod upstream;
mod vault;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use access::{Operation, Permit};
use ambient::{SharedClock, SharedRng};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use space::trace::TraceEvent;
use tokio::time::timeout;

pub use backup::BackedUp;
pub use blobs::{BodyWriter, StagedBody, StoredBody, hex};
pub use changes::Changed;
pub use data::{DataQuery, DatumWrite};
pub use error::StoreError;
pub use evidence::{EvidenceKey, EvidenceVerifier, Head};
pub use feed::FedEvent;
pub use identity::Notice;
pub use jobs::{JobSpec, JobState, Leased};
pub use links::MOST_LINKS;
pub use merge::Merge;
pub use metrics::StoreMetrics;
pub use proofs::{Consistency, Proven, check_growth, check_proof};
pub use records::{
    ActRecord, Change, Deposit, Deposited, EntryBody, EntryRow, FolderRow, LinkQuery, NewEntry, NewFolder,
    Notification, ObjectKind, ObjectQuery, SetRow, StateChange, TracePlace, TraceQuery,
};
pub use scrub::Scrubbed;
pub use stamps::Unstamped;
pub use subscriptions::Publication;
pub use upstream::{
    DueForward, Forward, ForwardCounts, ForwardEnd, ForwardKind, ForwardState, ForwardTold, ForwardedDocument, UPSTREAM,
};
pub use vault::{LocalMaster, MasterKey, MasterKeys, read_secret};
pub use verify::{Problem, Report, Witness, verify_export};

use blobs::Blobs;
use checkpoints::Checkpoints;
use connections::Connections;
use db::{Database, Sql, Use};
use holders::Identity;
use keys::{Keys, SpaceKey};
use room::Room;
use trace_log::{PendingTrace, SALT};
use upstream::PreparedForward;
use vault::DataKey;
use writer::{Guard, Job, NewSpace, PreparedChange, PreparedDeposit, Recorded, SealedMessage, Writer, WriterOptions};

/// How long closing waits for each of what is under way.
const CLOSE: Duration = Duration::from_secs(20);

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// `file:FOLDER` or `s3://BUCKET/PREFIX`.
    pub blobs: String,
    /// Keys that the data keys are wrapped by.
    pub masters: MasterKeys,
    /// Key that signs the heads of the trace log; without it none are signed.
    pub evidence: Option<Arc<EvidenceKey>>,
    /// How long traces may stand under no signed head.
    pub sign_every: Duration,
    /// File that signed heads are appended to, beside the store.
    pub heads: Option<PathBuf>,
    /// Parts that PostgreSQL's tables are split into when they are made.
    pub parts: u32,
    /// Longest a statement may take on PostgreSQL.
    pub statement_timeout: Duration,
    /// Bodies up to this many bytes stand in the database.
    pub inline_limit: usize,
    /// Largest body, in bytes.
    pub size_limit: u64,
    /// Room on the disk that deposits leave to traces, in bytes.
    pub reserve: u64,
    /// Connections that read.
    pub readers: u32,
    /// Writes that may wait; one more is answered [`StoreError::Busy`].
    pub queue: usize,
}

impl StoreOptions {
    /// A store in `folder`, with the defaults.
    #[must_use]
    pub fn in_folder(folder: &Path, masters: MasterKeys) -> Self {
        Self {
            url: format!("sqlite:{}", folder.join("passerelle.db").display()),
            blobs: format!("file:{}", folder.join("blobs").display()),
            masters,
            evidence: None,
            sign_every: Duration::from_secs(60),
            heads: None,
            parts: 16,
            statement_timeout: Duration::from_secs(10),
            inline_limit: 32 * 1024,
            size_limit: 2 << 30,
            reserve: 0,
            readers: 4,
            queue: 4096,
        }
    }
}

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    readers: Arc<Connections>,
    writer: Writer,
    blobs: Blobs,
    keys: Arc<Keys>,
    /// The connection that works on jobs.
    operations: Arc<Connections>,
    checkpoints: Arc<Checkpoints>,
    evidence: Option<Arc<EvidenceKey>>,
    metrics: StoreMetrics,
    clock: SharedClock,
    rng: SharedRng,
}

impl Store {
    /// Opens the store, brings its schema up to date and starts its writer.
    ///
    /// # Errors
    /// When the address is not served, a key is missing, or files or migrations fail.
    pub async fn open(options: &StoreOptions, clock: &SharedClock, rng: &SharedRng) -> Result<Self, StoreError> {
        let database = Database::at(&options.url, options.statement_timeout)?;
        schema::bring_up(&database, options.parts).await?;
        let mut writing = database.connect(Use::Write).await?;
        let keys = Arc::new(Keys::open(&mut writing, options.masters.clone(), rng.clone()).await?);
        holders::index_traits(&mut writing, &keys).await?;
        let metrics = StoreMetrics::default();
        let readers = Connections::open(database.clone(), Use::Read, options.readers, metrics.clone()).await?;
        let operations = Connections::open(database.clone(), Use::Write, 1, StoreMetrics::default()).await?;
        let checkpoints = Arc::new(Checkpoints::start(database.clone(), metrics.commits.clone()));
        let room = Room::new(&database, &options.blobs, options.reserve);
        let blobs = Blobs::open(&options.blobs, rng.clone(), options.inline_limit, options.size_limit, room)?;
        let writer_options = WriterOptions {
            database: database.clone(),
            queue: options.queue,
            clock: clock.clone(),
            rng: rng.clone(),
            evidence: options.evidence.clone(),
            sign_every: options.sign_every,
            heads: options.heads.clone(),
            metrics: metrics.clone(),
        };
        let writer = Writer::start(writing, writer_options);
        Ok(Self {
            readers,
            writer,
            blobs,
            keys,
            operations,
            checkpoints,
            evidence: options.evidence.clone(),
            metrics,
            clock: clock.clone(),
            rng: rng.clone(),
            database,
        })
    }

    /// The key of the space that a permit is for.
    async fn key_of(&self, permit: &Permit) -> Result<Arc<DataKey>, StoreError> {
        Ok(self.keys.of(&self.readers, permit.space(), permit.revision()).await?.key)
    }

    fn trace(&self, event: &TraceEvent) -> Result<PendingTrace, StoreError> {
        self.metrics.count(event);
        let mut salt = [0; SALT];
        self.rng.fill(&mut salt);
        PendingTrace::of(event, self.keys.traces(), salt)
    }

    fn sealed(&self, space: &str, messages: Vec<Notification>) -> Result<Vec<SealedMessage>, StoreError> {
        let seal = |m: Notification| {
            let sealed = self.keys.traces().seal(&["message", space, &m.message_id], m.payload.as_bytes())?;
            Ok(SealedMessage { space: space.to_owned(), message_id: m.message_id, kind: m.kind, sealed })
        };
        messages.into_iter().map(seal).collect()
    }

    /// Starts receiving a body.
    #[must_use]
    pub fn stage(&self) -> BodyWriter {
        self.blobs.stage()
    }

    /// The bytes of a body that was received and is not published yet; nothing when they are more than `most`.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read back.
    pub async fn staged(&self, body: &StagedBody, most: u64) -> Result<Option<Bytes>, StoreError> {
        if body.size > most {
            return Ok(None);
        }
        let (None, Some(outside)) = (&body.inline, &body.outside) else { return Ok(body.inline.clone()) };
        let mut bytes = BytesMut::with_capacity(usize::try_from(body.size).unwrap_or_default());
        match self.blobs.read(&body.body_id, body.size, &outside.key).await? {
            StoredBody::Whole(whole) => return Ok(Some(whole)),
            StoredBody::Stream(mut chunks) => {
                while let Some(chunk) = chunks.try_next().await? {
                    bytes.extend_from_slice(&chunk);
                }
            }
        }
        Ok(Some(bytes.freeze()))
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
        demand(permit, |o| matches!(o, Operation::Deposit | Operation::Change(_)))?;
        self.blobs.room().check()?;
        let SpaceKey { key, took_over, .. } = self.keys.of(&self.readers, permit.space(), permit.revision()).await?;
        let mut deposit = deposit;
        if took_over {
            // Put in under a number that is no more: it stands under the one that goes on.
            merge::rename(&mut deposit, &self.patient_id(permit, &key).await?);
        }
        let messages = self.sealed(&permit.space().to_string(), std::mem::take(&mut deposit.notifications))?;
        let more = deposit.events.iter().map(|event| self.trace(event)).collect::<Result<_, _>>()?;
        let prepared = PreparedDeposit::of(permit, deposit, &key, self.trace(event)?, more, messages)?;
        self.writer.submit(Job::Deposit(Box::new(prepared))).await
    }

    /// Changes the state of objects that stand, with the trace of it.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn change_states(
        &self,
        permit: &Permit,
        states: Vec<StateChange>,
        event: &TraceEvent,
        notifications: Vec<Notification>,
        forward: Option<Forward>,
    ) -> Result<(), StoreError> {
        demand(permit, |o| matches!(o, Operation::Change(_)))?;
        let space = permit.space().to_string();
        let messages = self.sealed(&space, notifications)?;
        let forward = match forward {
            Some(forward) => Some(PreparedForward::of(&space, &forward, &*self.key_of(permit).await?)?),
            None => None,
        };
        let job = Job::States { guard: Guard::on(permit), states, trace: self.trace(event)?, messages, forward };
        self.writer.submit(job).await.map(drop)
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
        let decided_on = Some((permit.space(), permit.revision()));
        self.record_all(vec![ActRecord { decided_on, event: event.clone(), notifications }]).await
    }

    /// Records all the acts of one call in one transaction: permitted ones and refused ones.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the settings changed since one of them was decided; none is then recorded.
    pub async fn record_all(&self, acts: Vec<ActRecord>) -> Result<(), StoreError> {
        let mut recorded = Vec::with_capacity(acts.len());
        for act in acts {
            let guard = act.decided_on.map(|(space, revision)| Guard::of(space, revision));
            let space = guard.as_ref().map(|g| g.space.clone()).unwrap_or_default();
            let messages = self.sealed(&space, act.notifications)?;
            recorded.push(Recorded { guard, trace: self.trace(&act.event)?, messages });
        }
        if recorded.is_empty() {
            return Ok(());
        }
        self.writer.submit(Job::Record(recorded)).await.map(drop)
    }

    /// Changes what is set on a space, with its trace.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn change(&self, permit: &Permit, change: Change, event: &TraceEvent) -> Result<(), StoreError> {
        self.change_all(vec![(permit, change, event)]).await
    }

    /// A change with what it stores made ready.
    async fn prepared(&self, permit: &Permit, change: Change) -> Result<PreparedChange, StoreError> {
        let on_numbers = matches!(change, Change::Link { .. } | Change::Unlink { .. });
        let on_spaces = matches!(change, Change::LinkSpace { .. } | Change::UnlinkSpace { .. });
        demand(permit, |o| match o {
            Operation::LinkNumber => on_numbers,
            Operation::Set | Operation::Create | Operation::SetOwn(_) => !on_numbers && !on_spaces,
            Operation::Merge => on_spaces,
            _ => false,
        })?;
        Ok(match change {
            Change::Create { ins, traits, state, noticed_ms } => {
                let space = permit.space();
                let (key, wrapped) = self.keys.make(space).await?;
                let trait_hashes = self.keys.trait_hashes(&traits);
                let identity =
                    Identity { matricule: ins.matricule().to_owned(), oid: ins.oid().as_str().to_owned(), traits };
                let text = records::json(&identity, "holder")?;
                PreparedChange::Create(Box::new(NewSpace {
                    ins_hash: self.keys.ins_hash(&ins),
                    trait_hashes,
                    sealed_identity: key.seal(&["holder", &space.to_string()], text.as_bytes())?,
                    key: wrapped,
                    state,
                    noticed_ms,
                }))
            }
            Change::Link { local, since_ms, told } => self.new_link(permit, &local, since_ms, told).await?,
            Change::Unlink { local, at_ms, told } => {
                PreparedChange::Unlink { hash: self.keys.local_hash(&local), notices: self.new_notices(told, at_ms) }
            }
            Change::LinkSpace { other, since_ms, told } => {
                let notices = self.new_notices(told, since_ms);
                PreparedChange::LinkSpace { other: other.to_string(), since_ms, notices }
            }
            Change::UnlinkSpace { other, at_ms, told } => {
                PreparedChange::UnlinkSpace { other: other.to_string(), notices: self.new_notices(told, at_ms) }
            }
            other => PreparedChange::Setting(other),
        })
    }

    /// Wraps every data key again that is not under the present master key; returns how many were. Rows and bodies stay
    /// as they are, and the gateway may go on meanwhile.
    ///
    /// # Errors
    /// When a former master key is missing, or the database fails.
    pub async fn rotate_keys(&self) -> Result<u64, StoreError> {
        let mut connection = self.database.connect(Use::Write).await?;
        let rewrapped = self.keys.rotate(&mut connection).await?;
        connection.close().await?;
        Ok(rewrapped)
    }

    /// Waits until everything queued is committed and closes the database.
    pub async fn close(&self) {
        // The writing connection last: closing it folds the write-ahead log into the database file.
        // A database that has gone away keeps nobody waiting.
        let _ = timeout(CLOSE, self.readers.close()).await;
        let _ = timeout(CLOSE, self.operations.close()).await;
        let _ = timeout(CLOSE, self.checkpoints.close()).await;
        let _ = timeout(CLOSE, self.writer.close()).await;
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// What the store counts about itself, brought up to date.
    #[must_use]
    pub fn metrics(&self) -> &StoreMetrics {
        self.metrics.queued.set(i64::try_from(self.writer.waiting()).unwrap_or(i64::MAX));
        &self.metrics
    }

    /// Whether the database answers and the writer lives (readiness).
    ///
    /// # Errors
    /// When it does not, or takes no writes for want of time stamps.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut reader = self.readers.get().await?;
        reader.one(Sql::new("SELECT 1")).await?;
        reader.done();
        if !self.metrics.is_open(self.now_ms()) {
            return Err(StoreError::Unstamped);
        }
        if self.writer.is_alive() { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// Milliseconds by which development data move the clock.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clock_offset_ms(&self) -> Result<i64, StoreError> {
        let mut reader = self.readers.get().await?;
        let row = reader.one(Sql::new("SELECT value FROM gateway WHERE name = 'clock_offset_ms'")).await?;
        reader.done();
        Ok(row.map(|row| row.text(0).map(|v| v.parse().unwrap_or(0))).transpose()?.unwrap_or(0))
    }

    /// Moves the clock of development data.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_clock_offset_ms(&self, offset_ms: i64) -> Result<(), StoreError> {
        self.writer.submit(Job::ClockOffset(offset_ms)).await.map(drop)
    }

    /// Removes bodies of uploads that were never acknowledged, of those whose identifier begins with the byte `of`: one
    /// part in 256, so that a look takes no long time however many there are. Returns how many.
    ///
    /// # Errors
    /// When the folder or the database fails.
    pub async fn collect(&self, of: u8) -> Result<u64, StoreError> {
        // Bodies first: one that is published meanwhile is then found among the rows.
        let old: Vec<String> =
            self.blobs.outside(Some(of)).await?.into_iter().filter(|(_, over)| *over).map(|(id, _)| id).collect();
        let mut removed = 0;
        for part in old.chunks(500) {
            // No space is known of a leftover: all parts of the table are looked into.
            let mut sql = Sql::new("SELECT body_id FROM body WHERE sealed_content IS NULL AND body_id IN ");
            sql.list(part.iter());
            let mut reader = self.readers.get().await?;
            let rows = reader.all(sql).await?;
            reader.done();
            let published: std::collections::HashSet<&str> =
                rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?;
            for body_id in part.iter().filter(|id| !published.contains(id.as_str())) {
                self.blobs.remove(body_id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn demand(permit: &Permit, covers: impl Fn(Operation) -> bool) -> Result<(), StoreError> {
    if covers(permit.operation()) { Ok(()) } else { Err(StoreError::Permit) }
}
