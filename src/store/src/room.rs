//! Room on the disks of the embedded store: deposits stop while there is still room for the traces of readings, so that a
//! full disk takes nothing away from who reads.

use std::path::{Path, PathBuf};

use crate::{db::Database, error::StoreError};

/// Folders that must have room. None where somebody else's server writes.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    folders: Vec<PathBuf>,
    reserve: u64,
}

impl Room {
    /// `blobs` is the address of the bodies.
    pub(crate) fn new(database: &Database, blobs: &str, reserve: u64) -> Self {
        let of_database = match database {
            Database::Sqlite(options) => options.get_filename().parent().map(Path::to_owned),
            Database::Postgres(_) => None,
        };
        let folders = of_database.into_iter().chain(blobs.strip_prefix("file:").map(PathBuf::from));
        Self { folders: folders.filter(|f| !f.as_os_str().is_empty()).collect(), reserve }
    }

    /// Whether there is more room than is kept for traces.
    ///
    /// # Errors
    /// [`StoreError::Io`] as of a full disk when there is not.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for folder in &self.folders {
            // A disk that does not tell is written to until it refuses.
            let Ok(disk) = rustix::fs::statvfs(folder) else { continue };
            if disk.f_bavail.saturating_mul(disk.f_frsize) < self.reserve {
                return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
            }
        }
        Ok(())
    }
}
