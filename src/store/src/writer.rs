//! The one task that writes: takes what has queued, commits it in one transaction with one sync, then answers all.
//!
//! A batch that fails as a whole is tried again job by job, so that no job can spoil the others' luck. A job that is
//! answered is on disk; a job that was never answered may or may not be, and its sender repeats it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use access::Permit;
use ambient::{SharedClock, SharedRng};
use space::SpaceId;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    batch,
    data::PreparedDatum,
    db::{Connection, Database, Use},
    error::StoreError,
    evidence::EvidenceKey,
    identity::{NewLink, NewNotice},
    merge::Absorption,
    metrics::StoreMetrics,
    records::{Change, Deposit, Deposited, StateChange},
    subscriptions::PreparedSubscription,
    trace_log::{Log, PendingTrace, SignedHead},
    upstream::{PreparedForward, Settled},
    vault::{DataKey, Wrapped},
};

/// Largest number of jobs that share one commit.
const BATCH: usize = 128;

/// How often a batch that met another process's is tried again before its jobs are tried one by one.
const RETRIES: u32 = 3;

/// How long a batch may take: a server that has gone without a word is given up then.
const SILENCE: Duration = Duration::from_secs(60);

/// The same for leaving a transaction.
const ROLLBACK: Duration = Duration::from_secs(5);

/// A write with everything that can be prepared before it queues.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// Traces alone, of one call: all of them, or none when one was decided on settings that changed.
    Record(Vec<Recorded>),
    /// A submission.
    Deposit(Box<PreparedDeposit>),
    /// A change of the state of objects.
    States {
        guard: Guard,
        states: Vec<StateChange>,
        trace: PendingTrace,
        messages: Vec<SealedMessage>,
        forward: Option<PreparedForward>,
    },
    /// Changes of what is set on spaces, of one call: all of them, or none.
    Change(Vec<SpaceChange>),
    /// What was passed on, or not, with the trace of it.
    Settle { settled: Settled, trace: PendingTrace },
    /// A change of who follows a space.
    Subscription { guard: Guard, change: PreparedSubscription, trace: PendingTrace },
    /// Versions of data.
    Data { guard: Guard, writes: Vec<PreparedDatum>, trace: PendingTrace, messages: Vec<SealedMessage> },
    /// The development clock.
    ClockOffset(i64),
}

/// A change of what is set on one space.
#[derive(Debug, Clone)]
pub(crate) struct SpaceChange {
    pub(crate) guard: Guard,
    pub(crate) change: PreparedChange,
    pub(crate) trace: PendingTrace,
    pub(crate) messages: Vec<SealedMessage>,
}

/// An act that is to be traced.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) guard: Option<Guard>,
    pub(crate) trace: PendingTrace,
    pub(crate) messages: Vec<SealedMessage>,
}

/// The space a decision was made on and the revision of its settings.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) space: String,
    pub(crate) revision: i64,
}

impl Guard {
    pub(crate) fn of(space: SpaceId, revision: i64) -> Self {
        Self { space: space.to_string(), revision }
    }

    pub(crate) fn on(permit: &Permit) -> Self {
        Self::of(permit.space(), permit.revision())
    }
}

/// A message of the outbox, sealed.
#[derive(Debug, Clone)]
pub(crate) struct SealedMessage {
    pub(crate) space: String,
    pub(crate) message_id: String,
    pub(crate) kind: &'static str,
    pub(crate) sealed: Vec<u8>,
}

/// A change with what it stores made ready.
#[derive(Debug, Clone)]
pub(crate) enum PreparedChange {
    /// A space is made.
    Create(Box<NewSpace>),
    /// A structure's number is linked.
    Link(Box<NewLink>),
    /// It is linked no more.
    Unlink { hash: String, notices: Vec<NewNotice> },
    /// Another space is linked, from when on.
    LinkSpace { other: String, since_ms: i64, notices: Vec<NewNotice> },
    /// It is linked no more.
    UnlinkSpace { other: String, notices: Vec<NewNotice> },
    /// Another space takes over all that this one holds.
    Retire { into: String, at_ms: i64 },
    /// This space takes over all that another holds.
    Absorb(Box<Absorption>),
    /// Anything else.
    Setting(Change),
}

/// A space that is made.
#[derive(Debug, Clone)]
pub(crate) struct NewSpace {
    pub(crate) ins_hash: String,
    pub(crate) trait_hashes: Vec<String>,
    pub(crate) sealed_identity: Vec<u8>,
    pub(crate) key: Wrapped,
    pub(crate) state: space::SpaceState,
    pub(crate) noticed_ms: i64,
}

/// A deposit, sealed.
#[derive(Debug, Clone)]
pub(crate) struct PreparedDeposit {
    pub(crate) guard: Guard,
    pub(crate) deposit: Deposit,
    pub(crate) set_metadata: Vec<u8>,
    pub(crate) set_owners: String,
    pub(crate) original: Vec<u8>,
    pub(crate) entries: Vec<PreparedEntry>,
    pub(crate) folders: Vec<PreparedFolder>,
    /// For each association: slots, and the code that documents it.
    pub(crate) links: Vec<(String, Option<String>)>,
    pub(crate) at_ms: i64,
    pub(crate) trace: PendingTrace,
    pub(crate) messages: Vec<SealedMessage>,
    pub(crate) forward: Option<PreparedForward>,
    pub(crate) data: Vec<PreparedDatum>,
    pub(crate) more: Vec<PendingTrace>,
}

/// A document of a deposit, sealed.
#[derive(Debug, Clone)]
pub(crate) struct PreparedEntry {
    pub(crate) metadata: Vec<u8>,
    pub(crate) owners: String,
    /// The body itself, when it is small.
    pub(crate) content: Option<Vec<u8>>,
    /// The key of a body outside.
    pub(crate) body_key: Option<Vec<u8>>,
}

/// A folder of a deposit, sealed.
#[derive(Debug, Clone)]
pub(crate) struct PreparedFolder {
    pub(crate) metadata: Vec<u8>,
    pub(crate) owners: String,
}

impl PreparedDeposit {
    /// Seals a deposit under the key of its space.
    pub(crate) fn of(
        permit: &Permit,
        deposit: Deposit,
        key: &DataKey,
        trace: PendingTrace,
        more: Vec<PendingTrace>,
        messages: Vec<SealedMessage>,
    ) -> Result<Self, StoreError> {
        use crate::records::json;
        let guard = Guard::on(permit);
        let space = guard.space.as_str();
        let entry = |new: &crate::NewEntry| {
            let uuid = new.entry.entry_uuid.as_str();
            let (mut inline, mut body_key) = (None, None);
            if let Some(body) = new.body.staged() {
                let whole = body.inline.as_ref();
                inline = whole.map(|b| key.seal(&["body", space, &body.body_id], b)).transpose()?;
                let outside = body.outside.as_ref();
                body_key = outside.map(|o| key.seal(&["body key", space, &body.body_id], o.key.bytes())).transpose()?;
            }
            Ok(PreparedEntry {
                metadata: key.seal(&["entry", space, uuid], json(&new.entry, "entry")?.as_bytes())?,
                owners: json(&new.owners, "owners")?,
                content: inline,
                body_key,
            })
        };
        let folder = |new: &crate::NewFolder| {
            let uuid = new.folder.entry_uuid.as_str();
            Ok(PreparedFolder {
                metadata: key.seal(&["folder", space, uuid], json(&new.folder, "folder")?.as_bytes())?,
                owners: json(&new.owners, "owners")?,
            })
        };
        let link = |link: &space::Association| {
            let documentation = link.documentation.as_ref().map(|code| json(code, "documentation")).transpose()?;
            Ok((json(&link.slots, "slots")?, documentation))
        };
        let data = deposit.data.iter().map(|w| PreparedDatum::of(space, w.clone(), key)).collect::<Result<_, _>>()?;
        let set = deposit.set.entry_uuid.as_str();
        Ok(Self {
            set_metadata: key.seal(&["set", space, set], json(&deposit.set, "submission set")?.as_bytes())?,
            set_owners: json(&deposit.owners, "owners")?,
            original: key.seal_packed(&["original", space, set], &deposit.original)?,
            entries: deposit.entries.iter().map(entry).collect::<Result<_, StoreError>>()?,
            folders: deposit.folders.iter().map(folder).collect::<Result<_, StoreError>>()?,
            links: deposit.associations.iter().map(link).collect::<Result<_, StoreError>>()?,
            forward: deposit.forward.as_ref().map(|f| PreparedForward::of(space, f, key)).transpose()?,
            data,
            more,
            at_ms: trace.at_ms,
            trace,
            messages,
            guard,
            deposit,
        })
    }
}

type Answer = Result<Deposited, StoreError>;

#[derive(Debug)]
enum Message {
    Work(Box<Job>, oneshot::Sender<Answer>),
    Close(oneshot::Sender<()>),
}

/// Handle on the writing task.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    clock: SharedClock,
    metrics: StoreMetrics,
    heads: Option<std::path::PathBuf>,
}

/// What the writing task works with.
#[derive(Debug)]
pub(crate) struct WriterOptions {
    pub(crate) database: Database,
    pub(crate) queue: usize,
    pub(crate) clock: SharedClock,
    pub(crate) rng: SharedRng,
    pub(crate) evidence: Option<Arc<EvidenceKey>>,
    /// How long traces may stand under no signed head.
    pub(crate) sign_every: Duration,
    /// Where signed heads are also appended, for who keeps them elsewhere.
    pub(crate) heads: Option<std::path::PathBuf>,
    pub(crate) metrics: StoreMetrics,
}

impl Writer {
    pub(crate) fn start(connection: Connection, options: WriterOptions) -> Self {
        let (sender, receiver) = mpsc::channel(options.queue);
        let log = Log::new(options.rng.uuid().to_string(), options.evidence.clone());
        let next = Instant::now() + options.sign_every;
        let (clock, metrics, heads) = (options.clock.clone(), options.metrics.clone(), options.heads.clone());
        tokio::spawn(
            Task { connection: Some(connection), log, options, sign_at: next, unkept: Vec::new(), kept: 0 }
                .run(receiver),
        );
        Self { queue: sender, clock, metrics, heads }
    }

    pub(crate) async fn submit(&self, job: Job) -> Answer {
        // The development clock is moved even then: it may be what is wrong.
        if !matches!(job, Job::ClockOffset(_)) && !self.metrics.is_open(self.clock.now().as_millisecond()) {
            return Err(StoreError::Unstamped);
        }
        let (answer, wait) = oneshot::channel();
        self.queue.try_send(Message::Work(Box::new(job), answer)).map_err(|_| StoreError::Busy)?;
        wait.await.map_err(|_| StoreError::Busy)?
    }

    /// Writes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Appends a signed head to the file beside the store.
    pub(crate) fn keep_outside(&self, note: &str) {
        keep_outside(self.heads.as_deref(), note);
    }

    /// Whether the writing task still takes work.
    pub(crate) fn is_alive(&self) -> bool {
        !self.queue.is_closed()
    }

    /// Commits what is queued, then closes the connection.
    pub(crate) async fn close(&self) {
        let (done, wait) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

/// The task that owns the writing connection and the log.
struct Task {
    /// Absent after it failed, until it is opened again.
    connection: Option<Connection>,
    log: Log,
    options: WriterOptions,
    sign_at: Instant,
    /// Heads signed that the store does not have yet.
    unkept: Vec<SignedHead>,
    /// Events of the log under a head that the store has.
    kept: u64,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(BATCH);
        loop {
            let came = timeout_at(self.sign_at, queue.recv_many(&mut messages, BATCH)).await;
            if came == Ok(0) {
                return;
            }
            let mut jobs = Vec::with_capacity(messages.len());
            let mut answers = Vec::with_capacity(messages.len());
            let mut closing = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Work(job, answer) => {
                        jobs.push(*job);
                        answers.push(answer);
                    }
                    Message::Close(done) => closing.push(done),
                }
            }
            if !jobs.is_empty() {
                self.options.metrics.commit_jobs.observe(f64::from(u32::try_from(jobs.len()).unwrap_or(u32::MAX)));
                for (answer, result) in answers.into_iter().zip(self.commit(&jobs).await) {
                    // A caller that has gone away has lost its answer, not its write.
                    let _ = answer.send(result);
                }
            }
            if Instant::now() >= self.sign_at || !closing.is_empty() {
                self.sign().await;
            }
            if !closing.is_empty() {
                if let Some(connection) = self.connection.take()
                    && let Err(error) = connection.close().await
                {
                    tracing::error!(error = %error, "the database did not close");
                }
                for done in closing {
                    let _ = done.send(());
                }
                return;
            }
        }
    }

    /// Signs the head of the log, and keeps what is signed in the store and in a file beside it.
    async fn sign(&mut self) {
        self.sign_at = Instant::now() + self.options.sign_every;
        self.unkept.extend(self.log.head(self.options.clock.now().as_millisecond()));
        while let Some(signed) = self.unkept.first().cloned() {
            let stored = match self.connection().await {
                Ok(connection) => batch::store_head(connection, &signed).await,
                Err(error) => Err(error),
            };
            if let Err(error) = stored {
                tracing::error!(error = %error, "evidence.head_not_stored");
                self.lost(&error);
                return;
            }
            keep_outside(self.options.heads.as_deref(), &signed.note);
            self.unkept.remove(0);
            if signed.head.origin == self.log.origin {
                self.kept = signed.head.size;
            }
        }
        self.options.metrics.unsigned.set(self.log.edge.size - self.kept);
    }

    async fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.database.connect(Use::Write).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Gives up a connection that may be broken or in the middle of something.
    fn lost(&mut self, error: &StoreError) {
        if error.is_database() {
            self.connection = None;
        }
    }

    async fn commit(&mut self, jobs: &[Job]) -> Vec<Answer> {
        match self.attempt(jobs).await {
            Ok(answers) => answers,
            Err(error) if jobs.len() == 1 => {
                tracing::error!(error = %error, "a write failed");
                vec![Err(error)]
            }
            // Without a database one by one is no better; their senders come back.
            Err(error) if self.connection.is_none() => {
                tracing::error!(error = %error, jobs = jobs.len(), "a batch failed");
                jobs.iter().map(|_| Err(StoreError::Busy)).collect()
            }
            Err(error) => {
                tracing::warn!(error = %error, jobs = jobs.len(), "a batch failed, trying its jobs one by one");
                let mut answers = Vec::with_capacity(jobs.len());
                for job in jobs {
                    let one = self.attempt(std::slice::from_ref(job)).await;
                    answers.push(one.and_then(|mut a| a.pop().unwrap_or(Err(StoreError::Busy))));
                }
                answers
            }
        }
    }

    /// Commits a batch; one that another process's batch was in the way of, or whose connection was lost before its commit,
    /// is tried again, a few times, with a pause that differs from the other's.
    async fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, StoreError> {
        let mut tries = 0;
        loop {
            let mut log = self.log.clone();
            let began = Instant::now();
            let connection = self.connection().await?;
            let done = timeout(SILENCE, batch::commit(connection, &mut log, jobs)).await;
            self.options.metrics.commit.observe(began.elapsed().as_secs_f64());
            match done.unwrap_or_else(|_| Err(StoreError::CommitUnknown(Box::new(StoreError::Busy)))) {
                Ok(answers) => {
                    self.log = log;
                    self.options.metrics.unsigned.set(self.log.edge.size - self.kept);
                    self.options.metrics.commits.fetch_add(1, Ordering::Relaxed);
                    return Ok(answers);
                }
                Err(error) => {
                    self.options.metrics.commit_failures.inc();
                    self.after(&error).await;
                    tries += 1;
                    let again = error.is_contention() || matches!(error, StoreError::Unavailable(_));
                    if !again || tries > RETRIES {
                        return Err(error);
                    }
                    let mut random = [0];
                    self.options.rng.fill(&mut random);
                    sleep(Duration::from_millis(u64::from(tries * 5) + u64::from(random[0] % 16))).await;
                }
            }
        }
    }

    /// Leaves the transaction that failed. Where the commit itself was lost, whether it was done is found out: the log of
    /// this process is written by nobody else, so what stands in it was ours.
    async fn after(&mut self, error: &StoreError) {
        let rolled_back = match &mut self.connection {
            // After a silence nothing more is asked of this connection.
            Some(_) if matches!(error, StoreError::CommitUnknown(_)) => false,
            Some(connection) => timeout(ROLLBACK, connection.rollback()).await.is_ok_and(|done| done.is_ok()),
            None => false,
        };
        if rolled_back && !matches!(error, StoreError::CommitUnknown(_)) {
            return;
        }
        self.connection = None;
        if !matches!(error, StoreError::CommitUnknown(_)) {
            return;
        }
        // From here on this log may hold events that we do not know of: it is closed, what we know of it signed for, and
        // another one begun.
        self.unkept.extend(self.log.head(self.options.clock.now().as_millisecond()));
        tracing::error!(origin = %self.log.origin, "evidence.log_closed_after_lost_commit");
        self.log = Log::new(self.options.rng.uuid().to_string(), self.options.evidence.clone());
        self.kept = 0;
    }
}

fn keep_outside(path: Option<&std::path::Path>, note: &str) {
    if let Some(path) = path
        && let Err(error) = append(path, note)
    {
        tracing::error!(error = %error, "evidence.head_not_written");
    }
}

/// Appends a signed head to a file.
fn append(path: &std::path::Path, note: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    // One write, so that several processes may append to one file; begun on a line of its own, whatever was cut off before.
    file.write_all(format!("\n{note}").as_bytes())?;
    file.sync_data()
}
