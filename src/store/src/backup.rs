//! A copy of the embedded store while it works: one state of the database, and every body that this state publishes.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{
    Store,
    db::{Database, Sql, Use},
    error::StoreError,
};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The database's copy.
    pub database: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Bodies copied now; those that an earlier backup in the same folder has are left.
    pub bodies: u64,
    /// Bodies that were there already.
    pub kept: u64,
    /// Whether bodies stand in a bucket, which has its own copies.
    pub bodies_in_bucket: bool,
}

impl Store {
    /// Copies the store to `folder`: `passerelle.db` and `blobs/`. The gateway may go on meanwhile. Keys are not copied.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] on PostgreSQL, which has its own tools; or when files or the database fail.
    pub async fn backup(&self, folder: &Path) -> Result<BackedUp, StoreError> {
        if matches!(self.database, Database::Postgres(_)) {
            return Err(StoreError::Unsupported(
                "PostgreSQL is backed up by its own tools: pg_basebackup and its write-ahead log (docs/operations.md)",
            ));
        }
        tokio::fs::create_dir_all(folder).await?;
        let (whole, part) = (folder.join("passerelle.db"), folder.join("passerelle.db.part"));
        match tokio::fs::remove_file(&part).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut connection = self.database.connect(Use::Read).await?;
        // Reads one state, whatever is written meanwhile, and takes no lock that a writer waits for.
        connection.execute(Sql::new("VACUUM INTO $1").bind(part.display().to_string())).await?;
        connection.close().await?;
        // Bodies after the database: each one it publishes stands in its place by now, and is never changed.
        let (bodies, kept, bodies_in_bucket) = match self.blobs.copy_to(&folder.join("blobs")).await? {
            Some((copied, kept)) => (copied, kept, false),
            None => (0, 0, true),
        };
        let target = whole.clone();
        let finished = tokio::task::spawn_blocking(move || -> std::io::Result<u64> {
            let file = std::fs::File::open(&part)?;
            file.sync_all()?;
            // The copy before is replaced only by one that is whole.
            std::fs::rename(&part, &target)?;
            if let Some(folder) = target.parent() {
                std::fs::File::open(folder)?.sync_all()?;
            }
            Ok(file.metadata()?.len())
        });
        let bytes = finished.await.map_err(|_| StoreError::Corrupt { what: "backup" })??;
        Ok(BackedUp { database: whole, bytes, bodies, kept, bodies_in_bucket })
    }
}
