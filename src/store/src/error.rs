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
    Database(#[from] sqlx::Error),
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
    #[error("the store `{0}` is not served: use sqlite:PATH")]
    Address(String),
}

impl StoreError {
    pub(crate) const fn conflict(cause: Cause, index: Option<usize>) -> Self {
        Self::Conflict { cause, index }
    }
}
