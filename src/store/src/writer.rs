//! The one task that writes: takes what has queued, commits it in one transaction with one sync, then answers all.
//!
//! A batch that fails as a whole is tried again job by job, so that no job can spoil the others' luck. A job that is
//! answered is on disk; a job that was never answered may or may not be, and its sender repeats it.

use access::Permit;
use space::{SpaceId, trace::TraceEvent};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::{
    batch,
    error::StoreError,
    records::{Change, Deposit, Deposited, Notification, json},
    trace_log::{Chain, PendingTrace},
};

/// Largest number of jobs that share one commit.
const BATCH: usize = 128;

/// A write with everything that can be prepared before it queues.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// A trace alone.
    Record { guard: Option<Guard>, trace: PendingTrace, notifications: Vec<Notification> },
    /// A submission.
    Deposit(Box<PreparedDeposit>),
    /// A change of settings.
    Change { guard: Guard, change: Change, trace: PendingTrace },
    /// The development clock.
    ClockOffset(i64),
}

/// The space a decision was made on and the revision of its settings.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) space: String,
    pub(crate) revision: i64,
}

impl Guard {
    fn of(space: SpaceId, revision: i64) -> Self {
        Self { space: space.to_string(), revision }
    }
}

/// A deposit with its JSON made.
#[derive(Debug, Clone)]
pub(crate) struct PreparedDeposit {
    pub(crate) guard: Guard,
    pub(crate) deposit: Deposit,
    pub(crate) set_metadata: String,
    pub(crate) set_owners: String,
    /// For each entry: metadata, owners.
    pub(crate) entries: Vec<(String, String)>,
    /// For each association: slots.
    pub(crate) slots: Vec<String>,
    pub(crate) at_ms: i64,
    pub(crate) trace: PendingTrace,
}

impl Job {
    pub(crate) fn record(
        guard: Option<(SpaceId, i64)>,
        event: &TraceEvent,
        notifications: Vec<Notification>,
    ) -> Result<Self, StoreError> {
        let guard = guard.map(|(space, revision)| Guard::of(space, revision));
        Ok(Self::Record { guard, trace: PendingTrace::of(event)?, notifications })
    }

    pub(crate) fn change(permit: &Permit, change: Change, event: &TraceEvent) -> Result<Self, StoreError> {
        let guard = Guard::of(permit.space(), permit.revision());
        Ok(Self::Change { guard, change, trace: PendingTrace::of(event)? })
    }

    pub(crate) fn deposit(permit: &Permit, deposit: Deposit, event: &TraceEvent) -> Result<Self, StoreError> {
        let entries = deposit.entries.iter().map(|e| Ok((json(&e.entry, "entry")?, json(&e.owners, "owners")?)));
        let slots = deposit.associations.iter().map(|a| json(&a.slots, "slots"));
        Ok(Self::Deposit(Box::new(PreparedDeposit {
            guard: Guard::of(permit.space(), permit.revision()),
            set_metadata: json(&deposit.set, "submission set")?,
            set_owners: json(&deposit.owners, "owners")?,
            entries: entries.collect::<Result<_, StoreError>>()?,
            slots: slots.collect::<Result<_, StoreError>>()?,
            at_ms: event.at_ms,
            trace: PendingTrace::of(event)?,
            deposit,
        })))
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
}

impl Writer {
    pub(crate) fn start(connection: SqliteConnection, origin: String, queue: usize) -> Self {
        let (sender, receiver) = mpsc::channel(queue);
        tokio::spawn(run(connection, Chain::new(origin), receiver));
        Self { queue: sender }
    }

    pub(crate) async fn submit(&self, job: Job) -> Answer {
        let (answer, wait) = oneshot::channel();
        self.queue.try_send(Message::Work(Box::new(job), answer)).map_err(|_| StoreError::Busy)?;
        wait.await.map_err(|_| StoreError::Busy)?
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

async fn run(mut connection: SqliteConnection, mut chain: Chain, mut queue: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut messages, BATCH).await > 0 {
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
            for (answer, result) in answers.into_iter().zip(commit(&mut connection, &mut chain, &jobs).await) {
                // A caller that has gone away has lost its answer, not its write.
                let _ = answer.send(result);
            }
        }
        if !closing.is_empty() {
            if let Err(error) = connection.close().await {
                tracing::error!(error = %error, "the database did not close");
            }
            for done in closing {
                let _ = done.send(());
            }
            return;
        }
    }
}

async fn commit(connection: &mut SqliteConnection, chain: &mut Chain, jobs: &[Job]) -> Vec<Answer> {
    match batch::commit(connection, chain, jobs).await {
        Ok(answers) => answers,
        Err(error) if jobs.len() == 1 => {
            tracing::error!(error = %error, "a write failed");
            vec![Err(error)]
        }
        Err(error) => {
            tracing::warn!(error = %error, jobs = jobs.len(), "a batch failed, trying its jobs one by one");
            let mut answers = Vec::with_capacity(jobs.len());
            for job in jobs {
                let one = batch::commit(connection, chain, std::slice::from_ref(job)).await;
                answers.push(one.and_then(|mut a| a.pop().unwrap_or(Err(StoreError::Busy))));
            }
            answers
        }
    }
}
