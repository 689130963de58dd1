//! Bodies of documents: hashed as they arrive, small ones kept in the database row, larger ones in files.
//!
//! A file is synced, and its folder too, before the transaction that publishes it: what is acknowledged is on disk.
//! A file without a row was never acknowledged and is collected later ([`Blobs::collect`]).

use std::{
    collections::HashSet,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ambient::SharedRng;
use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as ObjectPath};
use sha1::Digest as _;

use crate::error::StoreError;

/// How long an upload may be under way before its leftovers are collected.
const GRACE: Duration = Duration::from_secs(3600);

/// Where bodies are kept.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    root: PathBuf,
    objects: Arc<dyn ObjectStore>,
    rng: SharedRng,
    inline_limit: usize,
    size_limit: u64,
    /// Files of uploads that are under way or waiting to be published: not leftovers, however old.
    held: Held,
}

type Held = Arc<Mutex<HashSet<String>>>;

/// Holds the file of a body that is staged. When the last holder lets go of a file that no transaction published, the
/// file is removed.
#[derive(Debug)]
pub(crate) struct Hold {
    body_id: String,
    path: PathBuf,
    held: Held,
    published: AtomicBool,
}

impl Hold {
    /// From here on the file may be published: it is no longer removed with its holder.
    pub(crate) fn publish(&self) {
        self.published.store(true, Ordering::Release);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.published.load(Ordering::Acquire) {
            // Best effort: what stays is collected later.
            let _ = std::fs::remove_file(&self.path);
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.body_id);
    }
}

/// A body that has arrived whole and is safe on disk (or small, in memory), not yet published.
#[derive(Debug, Clone)]
pub struct StagedBody {
    /// Its identifier: random, so that no two uploads meet.
    pub body_id: String,
    /// Bytes.
    pub size: u64,
    /// SHA-1 in hexadecimal, which XDS metadata carry.
    pub sha1: String,
    /// SHA-256 in hexadecimal, which the gateway trusts.
    pub sha256: String,
    /// The bytes themselves, when small.
    pub(crate) inline: Option<Bytes>,
    /// Its file, when not.
    pub(crate) hold: Option<Arc<Hold>>,
}

/// A stored body, to be sent.
pub enum StoredBody {
    /// In memory.
    Whole(Bytes),
    /// From disk, as it is read.
    Stream(BoxStream<'static, Result<Bytes, StoreError>>),
}

impl std::fmt::Debug for StoredBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "StoredBody::Whole",
            Self::Stream(_) => "StoredBody::Stream",
        })
    }
}

/// Bodies up to this size are read in one go.
const WHOLE: u64 = 1 << 20;

impl Blobs {
    /// Opens (and makes) the folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(root: &Path, rng: SharedRng, inline_limit: usize, size_limit: u64) -> Result<Self, StoreError> {
        std::fs::create_dir_all(root)?;
        // All folders are made, and synced, before any file stands in one.
        for shard in 0..=255u8 {
            let folder = root.join(hex(&[shard]));
            if !folder.exists() {
                std::fs::create_dir_all(folder)?;
            }
        }
        for folder in [Some(root), root.parent()].into_iter().flatten().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::File::open(folder)?.sync_all()?;
        }
        let objects = Arc::new(LocalFileSystem::new_with_prefix(root)?);
        Ok(Self { root: root.to_owned(), objects, rng, inline_limit, size_limit, held: Held::default() })
    }

    /// Starts receiving a body.
    pub(crate) fn stage(&self) -> BodyWriter {
        BodyWriter {
            blobs: self.clone(),
            body_id: self.rng.uuid().simple().to_string(),
            sha1: sha1::Sha1::new(),
            sha256: digest::Context::new(&digest::SHA256),
            size: 0,
            buffer: BytesMut::new(),
            file: None,
            hold: None,
        }
    }

    fn hold(&self, body_id: &str) -> Arc<Hold> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(body_id.to_owned());
        Arc::new(Hold {
            body_id: body_id.to_owned(),
            path: self.file_of(body_id),
            held: Arc::clone(&self.held),
            published: AtomicBool::new(false),
        })
    }

    fn file_of(&self, body_id: &str) -> PathBuf {
        self.root.join(&body_id[..2]).join(body_id)
    }

    fn is_held(&self, name: &std::ffi::OsStr) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        name.to_str().is_some_and(|name| held.contains(name))
    }

    /// Reads a body that stands in a file.
    pub(crate) async fn read(&self, body_id: &str, size: u64) -> Result<StoredBody, StoreError> {
        if size <= WHOLE {
            let path = self.file_of(body_id);
            let bytes = tokio::task::spawn_blocking(move || std::fs::read(path))
                .await
                .map_err(|_| StoreError::Corrupt { what: "body" })??;
            return Ok(StoredBody::Whole(bytes.into()));
        }
        let path = ObjectPath::from(format!("{}/{body_id}", &body_id[..2]));
        let object = self.objects.get(&path).await?;
        Ok(StoredBody::Stream(object.into_stream().map(|chunk| chunk.map_err(StoreError::from)).boxed()))
    }

    /// Identifiers of all bodies in files, and whether each is old enough for its upload to be over.
    pub(crate) fn files(&self) -> Result<Vec<(String, PathBuf, bool)>, StoreError> {
        let mut found = Vec::new();
        for folder in std::fs::read_dir(&self.root)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder)? {
                let file = file?;
                let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|m| m.elapsed().ok());
                let over = age.is_some_and(|age| age > GRACE) && !self.is_held(&file.file_name());
                if let Some(name) = file.file_name().to_str() {
                    found.push((name.to_owned(), file.path(), over));
                }
            }
        }
        Ok(found)
    }
}

/// Receives one body. Dropped before [`BodyWriter::finish`], it leaves nothing behind.
pub struct BodyWriter {
    blobs: Blobs,
    body_id: String,
    sha1: sha1::Sha1,
    sha256: digest::Context,
    size: u64,
    buffer: BytesMut,
    file: Option<std::fs::File>,
    hold: Option<Arc<Hold>>,
}

impl std::fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyWriter").field("body_id", &self.body_id).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Bytes gathered before they are written to the file.
const WRITE: usize = 256 * 1024;

impl BodyWriter {
    /// Bytes received so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the body grows larger than may be stored, or the disk fails.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        self.size += chunk.len() as u64;
        if self.size > self.blobs.size_limit {
            return Err(StoreError::TooLarge { limit: self.blobs.size_limit });
        }
        self.sha1.update(chunk);
        self.sha256.update(chunk);
        self.buffer.extend_from_slice(chunk);
        let full = if self.file.is_some() { WRITE } else { self.blobs.inline_limit.max(WRITE) };
        if self.buffer.len() > full {
            self.flush(false).await?;
        }
        Ok(())
    }

    /// Writes what is gathered; with `sync`, makes it durable.
    async fn flush(&mut self, sync: bool) -> Result<(), StoreError> {
        let path = self.blobs.file_of(&self.body_id);
        let bytes = self.buffer.split().freeze();
        if self.hold.is_none() {
            self.hold = Some(self.blobs.hold(&self.body_id));
        }
        let file = self.file.take();
        let file = tokio::task::spawn_blocking(move || -> std::io::Result<std::fs::File> {
            let mut file = match file {
                Some(file) => file,
                None => create(&path)?,
            };
            file.write_all(&bytes)?;
            if sync {
                file.sync_data()?;
                if let Some(folder) = path.parent() {
                    std::fs::File::open(folder)?.sync_all()?;
                }
            }
            Ok(file)
        })
        .await
        .map_err(|_| StoreError::Corrupt { what: "upload" })??;
        self.file = Some(file);
        Ok(())
    }

    /// The body is whole: makes it durable.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn finish(mut self) -> Result<StagedBody, StoreError> {
        let inline = if self.file.is_none() && self.buffer.len() <= self.blobs.inline_limit {
            Some(self.buffer.split().freeze())
        } else {
            self.flush(true).await?;
            None
        };
        let sha256 = std::mem::replace(&mut self.sha256, digest::Context::new(&digest::SHA256));
        Ok(StagedBody {
            body_id: self.body_id.clone(),
            size: self.size,
            sha1: hex(&std::mem::take(&mut self.sha1).finalize()),
            sha256: hex(sha256.finish().as_ref()),
            inline,
            hold: self.hold.take(),
        })
    }
}

fn create(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        out.push(DIGITS[usize::from(b >> 4)] as char);
        out.push(DIGITS[usize::from(b & 15)] as char);
    }
    out
}
