//! Connections that are lent: those that read, and the one that works on jobs.
//!
//! Each is handed out without a question to the database and taken back without one: the general pool of the library asks
//! before and after every use, which costs more than most of our queries (two crossings to SQLite's thread, two round
//! trips to PostgreSQL). In return a connection comes back only
//! from who says it is [`Lent::done`]; one whose query failed or was given up halfway is closed and another opened.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    db::{Connection, Database, Use},
    error::StoreError,
    metrics::StoreMetrics,
};

#[derive(Debug)]
pub(crate) struct Connections {
    database: Database,
    to: Use,
    idle: Mutex<Vec<Connection>>,
    slots: Arc<Semaphore>,
    size: u32,
    metrics: StoreMetrics,
}

impl Connections {
    /// At most `size` connections, the first opened now.
    pub(crate) async fn open(
        database: Database,
        to: Use,
        size: u32,
        metrics: StoreMetrics,
    ) -> Result<Arc<Self>, StoreError> {
        let size = size.max(1);
        let first = database.connect(to).await?;
        let slots = Arc::new(Semaphore::new(size as usize));
        Ok(Arc::new(Self { database, to, idle: Mutex::new(vec![first]), slots, size, metrics }))
    }

    /// A connection, once one is free.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<Lent, StoreError> {
        let began = Instant::now();
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| StoreError::Busy)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.database.connect(self.to).await?,
        };
        self.metrics.lend.observe(began.elapsed().as_secs_f64());
        Ok(Lent { connection, home: Home { all: self.clone(), done: false, _slot: slot } })
    }

    /// Waits for what is being read and closes all connections; nothing is read afterwards.
    pub(crate) async fn close(&self) {
        let all = self.slots.acquire_many(self.size).await;
        self.slots.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::error!(error = %error, "a connection did not close");
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropped before it is [`Lent::done`], it is closed, and with it those that wait: when one query
/// fails because the server went away, theirs would too.
#[derive(Debug)]
pub(crate) struct Lent {
    connection: Connection,
    home: Home,
}

/// The way back.
#[derive(Debug)]
struct Home {
    all: Arc<Connections>,
    done: bool,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.done {
            self.all.idle().clear();
        }
    }
}

impl Lent {
    /// Gives the connection back: every query on it was read to its end.
    pub(crate) fn done(self) {
        let Self { connection, mut home } = self;
        home.done = true;
        home.all.idle().push(connection);
    }
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
