//! SQLite's write-ahead log folded into the database beside the writer, and not by it: a commit that had to wait for
//! thousands of pages to be written and synced would be the slowest of its second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    db::{Connection, Database, Kind, Sql, Use},
    error::StoreError,
};

/// How often the log is folded in, when something was committed.
const EVERY: Duration = Duration::from_millis(40);
/// Pages in the log past which it is begun anew, for which writers wait a moment: 32 MiB.
const LONG: i64 = 8_000;

/// The task that folds.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    stop: watch::Sender<bool>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Checkpoints {
    /// Starts it for SQLite; `commits` counts what was committed. PostgreSQL needs none.
    pub(crate) fn start(database: Database, commits: Arc<AtomicU64>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = (database.kind() == Kind::Sqlite).then(|| tokio::spawn(fold(database, commits, stopped)));
        Self { stop, task: tokio::sync::Mutex::new(task) }
    }

    /// Ends it; what is left in the log the last connection folds in.
    pub(crate) async fn close(&self) {
        let _ = self.stop.send(true);
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }
}

async fn fold(database: Database, commits: Arc<AtomicU64>, mut stopped: watch::Receiver<bool>) {
    let mut connection: Option<Connection> = None;
    let mut seen = 0;
    loop {
        if tokio::time::timeout(EVERY, stopped.wait_for(|stop| *stop)).await.is_ok() {
            break;
        }
        let now = commits.load(Ordering::Relaxed);
        if now == seen {
            continue;
        }
        seen = now;
        let folded = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => database.connect(Use::Write).await?,
            };
            let pages = checkpoint(&mut open, "PRAGMA wal_checkpoint(PASSIVE)").await?;
            if pages > LONG {
                // What is left is what came meanwhile.
                checkpoint(&mut open, "PRAGMA wal_checkpoint(RESTART)").await?;
            }
            Ok::<_, StoreError>(open)
        };
        match folded.await {
            Ok(open) => connection = Some(open),
            Err(error) => tracing::warn!(error = %error, "store.checkpoint_failed"),
        }
    }
    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

/// Pages in the log.
async fn checkpoint(connection: &mut Connection, how: &str) -> Result<i64, StoreError> {
    let row = connection.one(Sql::new(how)).await?;
    row.map_or(Ok(0), |row| row.int(1))
}
