//! What can go wrong in the store, as its callers may react to it.

use space::Cause;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The settings of the space changed since the decision: decide again.
    #[error("the settings of the space changed since the decision")]
    Stale,
    /// Something already stored stands against it.
    #[error("{cause:?} at document {index:?}")]
    Conflict {
        /// What stands against it.
        cause: Cause,
        /// Which document of the submission, when it is one.
        index: Option<usize>,
    },
    /// The body is larger than may be stored.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The store takes no more work now.
    #[error("the store takes no more work now")]
    Busy,
    /// The permit is for another operation.
    #[error("the permit does not cover this operation")]
    Permit,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// The database cannot be reached, or is going down.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The connection was lost while a transaction was being committed: it may have been carried out.
    #[error("the outcome of a commit is unknown: {0}")]
    CommitUnknown(#[source] Box<StoreError>),
    /// What the space held was made unreadable for good.
    #[error("the key of the space was destroyed")]
    Forgotten,
    /// No signed head covers the event yet.
    #[error("no signed head covers this yet: try again in a minute")]
    Unsigned,
    /// No time stamp was had for longer than the configuration allows.
    #[error("the time-stamping authority has been out of reach for too long: nothing is written until it answers")]
    Unstamped,
    /// This store cannot do that. The text says what can.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A key is missing or unusable. The text names its identifier, never the key.
    #[error("{0}")]
    MasterKey(String),
    /// A migration failed.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The blob store failed.
    #[error("blobs: {0}")]
    Blob(#[from] object_store::Error),
    /// A file operation failed.
    #[error("file: {0}")]
    Io(#[from] std::io::Error),
    /// Something stored cannot be read back.
    #[error("a stored {what} cannot be read back")]
    Corrupt {
        /// What.
        what: &'static str,
    },
    /// The address of the store is none that is served.
    #[error("`{0}` is not served: sqlite:PATH or postgres://…, and file:FOLDER or s3://BUCKET")]
    Address(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let lost = match &error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
            // PostgreSQL: connection exceptions, operator intervention, too many connections.
            sqlx::Error::Database(e) => e.code().is_some_and(|code| {
                code.len() == 5 && (code.starts_with("08") || code.starts_with("57P") || code == "53300")
            }),
            _ => false,
        };
        if lost { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl StoreError {
    /// Whether what is stored is absent or not what was stored, rather than out of reach.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Corrupt { .. } | Self::Blob(object_store::Error::NotFound { .. }) => true,
            Self::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// Whether there was no room to write.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind as Io;
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                // SQLite: FULL. PostgreSQL: disk_full.
                matches!(error.code().as_deref(), Some("13" | "53100"))
            }
            Self::Io(error) => matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge),
            Self::CommitUnknown(error) => error.is_full(),
            _ => false,
        }
    }

    /// Whether the database itself failed, so that its connection may be of no more use.
    pub(crate) const fn is_database(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Unavailable(_) | Self::CommitUnknown(_))
    }

    /// Whether another transaction was in the way: done again, this one may succeed.
    pub(crate) fn is_contention(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        // PostgreSQL: serialization_failure, deadlock_detected, lock_not_available, unique_violation (another process
        // stored the same identifier meanwhile: it stands now, and the job is judged by it). SQLite: BUSY and its kinds.
        matches!(error.code().as_deref(), Some("40001" | "40P01" | "55P03" | "23505" | "5" | "261" | "517"))
    }

    pub(crate) const fn conflict(cause: Cause, index: Option<usize>) -> Self {
        Self::Conflict { cause, index }
    }
}
