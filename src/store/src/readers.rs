//! The connections that read.
//!
//! Each is handed out without a question to the database and taken back without one: the general pool of the library asks
//! before and after every use, which on SQLite costs more than most of our queries. In return a connection comes back only
//! from who says it is [`Reader::done`]; one whose query failed or was given up halfway is closed and another opened.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::StoreError;

#[derive(Debug)]
pub(crate) struct Readers {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    slots: Arc<Semaphore>,
    size: u32,
}

impl Readers {
    /// At most `size` connections, the first opened now.
    pub(crate) async fn open(options: SqliteConnectOptions, size: u32) -> Result<Arc<Self>, StoreError> {
        let size = size.max(1);
        let first = options.connect().await?;
        let slots = Arc::new(Semaphore::new(size as usize));
        Ok(Arc::new(Self { options, idle: Mutex::new(vec![first]), slots, size }))
    }

    /// A connection, once one is free.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<Reader, StoreError> {
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| StoreError::Busy)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Reader { readers: self.clone(), connection, _slot: slot })
    }

    /// Waits for what is being read and closes all connections; nothing is read afterwards.
    pub(crate) async fn close(&self) {
        let all = self.slots.acquire_many(self.size).await;
        self.slots.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::error!(error = %error, "a reading connection did not close");
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropped before it is [`Reader::done`], it is closed.
#[derive(Debug)]
pub(crate) struct Reader {
    readers: Arc<Readers>,
    connection: SqliteConnection,
    _slot: OwnedSemaphorePermit,
}

impl Reader {
    /// Gives the connection back: every query on it was read to its end.
    pub(crate) fn done(self) {
        self.readers.idle().push(self.connection);
    }
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}
