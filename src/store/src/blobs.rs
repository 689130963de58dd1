//! Bodies of documents: hashed and sealed as they arrive, small ones kept in the database row, larger ones as files or
//! objects of a bucket.
//!
//! A file is synced, and its folder too, before the transaction that publishes it; an object is complete. What is
//! acknowledged is therefore kept. A file or object without a row was never acknowledged and is collected later
//! ([`crate::Store::collect`]). Each has a key of its own, sealed under its space's key in its row: an upload needs no
//! space yet, and is unreadable before it is published.

mod receive;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ambient::SharedRng;
use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use bytes::{Buf as _, Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt as _, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt as _, ObjectStoreScheme, RetryConfig, path::Path as ObjectPath};

use crate::{
    cipher_stream::{self, CHUNK, ChunkCipher, PREFIX, START, TAG},
    error::StoreError,
    room::Room,
    vault::KEY_BYTES,
};

pub use receive::BodyWriter;

/// How long an upload may be under way before its leftovers are collected.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// How long a body may wait, once it has arrived, for the transaction that publishes it: well within [`GRACE`], so that
/// no process collects what another is about to publish.
const PUBLISH_WITHIN: Duration = Duration::from_secs(3600);

/// Where bodies are kept.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    place: Place,
    rng: SharedRng,
    inline_limit: usize,
    size_limit: u64,
    /// Uploads that are under way or waiting to be published: not leftovers, however old.
    held: Held,
    room: Room,
}

#[derive(Debug, Clone)]
enum Place {
    /// Files in a folder.
    Folder(Arc<PathBuf>),
    /// Objects of a bucket, under a prefix.
    Bucket(Arc<dyn ObjectStore>, ObjectPath),
}

type Held = Arc<Mutex<HashSet<String>>>;

/// Holds a body that is staged. When the last holder lets go of one that no transaction published, it is removed.
#[derive(Debug)]
pub(crate) struct Hold {
    body_id: String,
    place: Place,
    held: Held,
    published: AtomicBool,
}

impl Hold {
    /// From here on the body may be published: it is no longer removed with its holder.
    pub(crate) fn publish(&self) {
        self.published.store(true, Ordering::Release);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Best effort: what stays is collected later.
        if !self.published.load(Ordering::Acquire) {
            match &self.place {
                Place::Folder(root) => drop(std::fs::remove_file(file_of(root, &self.body_id))),
                Place::Bucket(objects, prefix) => {
                    let (objects, path) = (objects.clone(), object_of(prefix, &self.body_id));
                    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                        runtime.spawn(async move { objects.delete(&path).await });
                    }
                }
            }
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.body_id);
    }
}

/// The key of one body in a file or object.
#[derive(Clone)]
pub(crate) struct BodyKey([u8; KEY_BYTES]);

impl std::fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BodyKey")
    }
}

impl BodyKey {
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, StoreError> {
        bytes.try_into().map(Self).map_err(|_| StoreError::Corrupt { what: "body key" })
    }

    pub(crate) const fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    fn cipher(&self) -> Result<LessSafeKey, StoreError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.0).map_err(|_| StoreError::Corrupt { what: "body key" })?;
        Ok(LessSafeKey::new(key))
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
    /// Its file or object, when not.
    pub(crate) outside: Option<Outside>,
    /// Its first bytes, when it stands outside.
    head: Bytes,
}

impl StagedBody {
    /// Its first bytes, as they came: all of a small one, 256 KiB of others.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.inline.as_ref().unwrap_or(&self.head)
    }
}

/// A staged body outside the database.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) key: BodyKey,
    pub(crate) hold: Arc<Hold>,
    arrived: Instant,
}

impl Outside {
    /// Whether it may still be published.
    pub(crate) fn is_fresh(&self) -> bool {
        self.arrived.elapsed() < PUBLISH_WITHIN
    }
}

/// A stored body, to be sent.
pub enum StoredBody {
    /// In memory.
    Whole(Bytes),
    /// Opened as it is read.
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

/// Bytes read from a file at a time.
const READ: usize = 1 << 20;

impl Blobs {
    /// Opens `file:FOLDER` (made when absent) or `s3://BUCKET/PREFIX`, whose credentials and endpoint come from the
    /// environment (`AWS_…`).
    ///
    /// # Errors
    /// When the folder cannot be made, or the address is not served.
    pub(crate) fn open(
        address: &str,
        rng: SharedRng,
        inline_limit: usize,
        size_limit: u64,
        room: Room,
    ) -> Result<Self, StoreError> {
        let place = match address.strip_prefix("file:") {
            Some(folder) => Place::folder(Path::new(folder))?,
            None => Place::bucket(address)?,
        };
        Ok(Self { place, rng, inline_limit, size_limit, held: Held::default(), room })
    }

    /// The room there is for them.
    pub(crate) const fn room(&self) -> &Room {
        &self.room
    }

    /// Reads a body that stands outside the database.
    pub(crate) async fn read(&self, body_id: &str, size: u64, key: &BodyKey) -> Result<StoredBody, StoreError> {
        let whole = size <= WHOLE;
        let source: BoxStream<'static, Result<Bytes, StoreError>> = match &self.place {
            Place::Folder(root) if whole => {
                let path = file_of(root, body_id);
                let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
                let bytes = read.map_err(|_| StoreError::Corrupt { what: "body" })??;
                futures::stream::once(async { Ok(Bytes::from(bytes)) }).boxed()
            }
            Place::Folder(root) => {
                let file = tokio::fs::File::open(file_of(root, body_id)).await?;
                tokio_util::io::ReaderStream::with_capacity(file, READ).err_into().boxed()
            }
            Place::Bucket(objects, prefix) => {
                let object = objects.get(&object_of(prefix, body_id)).await?;
                object.into_stream().err_into().boxed()
            }
        };
        let mut opened = Opening::new(source, key, body_id, size)?;
        if !whole {
            let chunks = futures::stream::try_unfold(opened, |mut opening| async move {
                Ok(opening.next().await?.map(|chunk| (chunk, opening)))
            });
            return Ok(StoredBody::Stream(chunks.boxed()));
        }
        let mut bytes = BytesMut::with_capacity(usize::try_from(size).unwrap_or_default());
        while let Some(chunk) = opened.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(StoredBody::Whole(bytes.freeze()))
    }

    /// All bodies outside the database — or those whose identifier begins with one byte — and whether each is old enough
    /// for its upload to be over.
    pub(crate) async fn outside(&self, of: Option<u8>) -> Result<Vec<(String, bool)>, StoreError> {
        let of = of.map(|byte| hex(&[byte]));
        let found = match &self.place {
            Place::Folder(root) => {
                let root = root.clone();
                let listed = tokio::task::spawn_blocking(move || files(&root, of.as_deref())).await;
                listed.map_err(|_| StoreError::Corrupt { what: "blobs" })??
            }
            Place::Bucket(objects, prefix) => {
                let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
                let prefix = of.map_or_else(|| prefix.clone(), |of| prefix.clone().join(of));
                let listed: Vec<_> = objects.list(Some(&prefix)).try_collect().await?;
                let age = |at: i64| Duration::from_secs(now.saturating_sub(u64::try_from(at).unwrap_or_default()));
                let named = listed.iter().filter_map(|object| {
                    let name = object.location.filename()?.to_owned();
                    Some((name, age(object.last_modified.timestamp()) > GRACE))
                });
                named.collect()
            }
        };
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(found
            .into_iter()
            .map(|(name, over)| {
                let held = held.contains(&name);
                (name, over && !held)
            })
            .collect())
    }

    /// Copies all bodies to a folder, except those that it has: how many were copied, and how many were there. `None` when
    /// they stand in a bucket.
    pub(crate) async fn copy_to(&self, folder: &Path) -> Result<Option<(u64, u64)>, StoreError> {
        let Place::Folder(root) = &self.place else { return Ok(None) };
        let (root, folder) = (root.clone(), folder.to_owned());
        let copied = tokio::task::spawn_blocking(move || -> Result<(u64, u64), StoreError> {
            let Place::Folder(_) = Place::folder(&folder)? else { return Ok((0, 0)) };
            let (mut copied, mut kept) = (0, 0);
            for (name, _) in files(&root, None)? {
                let (from, to) = (file_of(&root, &name), file_of(&folder, &name));
                let length = |path: &Path| std::fs::metadata(path).map(|m| m.len()).ok();
                // A body is never changed: one of the same length was copied whole.
                if length(&to).is_some() && length(&to) == length(&from) {
                    kept += 1;
                    continue;
                }
                match std::fs::copy(&from, &to) {
                    Ok(_) => std::fs::File::open(&to)?.sync_all()?,
                    // A leftover that was collected meanwhile.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error.into()),
                }
                copied += 1;
            }
            for shard in std::fs::read_dir(&folder)? {
                std::fs::File::open(shard?.path())?.sync_all()?;
            }
            Ok((copied, kept))
        });
        copied.await.map_err(|_| StoreError::Corrupt { what: "blobs" })?.map(Some)
    }

    /// Removes a body that no row publishes.
    pub(crate) async fn remove(&self, body_id: &str) -> Result<(), StoreError> {
        match &self.place {
            Place::Folder(root) => match std::fs::remove_file(file_of(root, body_id)) {
                // Another process was quicker.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                done => Ok(done?),
            },
            Place::Bucket(objects, prefix) => match objects.delete(&object_of(prefix, body_id)).await {
                Err(object_store::Error::NotFound { .. }) => Ok(()),
                done => Ok(done?),
            },
        }
    }
}

impl Place {
    fn folder(root: &Path) -> Result<Self, StoreError> {
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
        Ok(Self::Folder(Arc::new(root.to_owned())))
    }

    fn bucket(address: &str) -> Result<Self, StoreError> {
        let wrong = || StoreError::Address(address.to_owned());
        let url = url::Url::parse(address).map_err(|_| wrong())?;
        let (ObjectStoreScheme::AmazonS3, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| wrong())? else {
            return Err(wrong());
        };
        // Tried again for less time than a caller waits.
        let retry = RetryConfig { max_retries: 4, retry_timeout: Duration::from_secs(15), ..RetryConfig::default() };
        let objects = object_store::aws::AmazonS3Builder::from_env().with_url(address).with_retry(retry).build()?;
        Ok(Self::Bucket(Arc::new(objects), prefix))
    }
}

fn file_of(root: &Path, body_id: &str) -> PathBuf {
    root.join(body_id.get(..2).unwrap_or("00")).join(body_id)
}

fn object_of(prefix: &ObjectPath, body_id: &str) -> ObjectPath {
    prefix.clone().join(body_id.get(..2).unwrap_or("00")).join(body_id)
}

fn files(root: &Path, of: Option<&str>) -> Result<Vec<(String, bool)>, StoreError> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root)? {
        let folder = folder?.path();
        if !folder.is_dir() || of.is_some_and(|of| folder.file_name().is_none_or(|name| name != of)) {
            continue;
        }
        for file in std::fs::read_dir(folder)? {
            let file = file?;
            let age = file.metadata().and_then(|m| m.modified()).ok().and_then(|m| m.elapsed().ok());
            if let Some(name) = file.file_name().to_str() {
                found.push((name.to_owned(), age.is_some_and(|age| age > GRACE)));
            }
        }
    }
    Ok(found)
}

/// A sealed body on its way out.
struct Opening {
    source: BoxStream<'static, Result<Bytes, StoreError>>,
    cipher: LessSafeKey,
    context: String,
    prefix: Option<[u8; PREFIX]>,
    buffer: BytesMut,
    number: u32,
    left: u64,
    ended: bool,
}

impl Opening {
    fn new(
        source: BoxStream<'static, Result<Bytes, StoreError>>,
        key: &BodyKey,
        body_id: &str,
        size: u64,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            source,
            cipher: key.cipher()?,
            context: body_id.to_owned(),
            prefix: None,
            buffer: BytesMut::new(),
            number: 0,
            left: size,
            ended: false,
        })
    }

    /// The next chunk in clear; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "body" };
        if self.ended {
            return Ok(None);
        }
        let prefix = match self.prefix {
            Some(prefix) => prefix,
            None => {
                self.fill(START).await?;
                let prefix = cipher_stream::prefix(&self.buffer.split_to(START))?;
                *self.prefix.insert(prefix)
            }
        };
        let plain = usize::try_from(self.left.min(CHUNK as u64)).map_err(|_| corrupt())?;
        self.fill(plain + TAG).await?;
        let sealed = self.buffer.split_to(plain + TAG);
        self.left -= plain as u64;
        let last = self.left == 0;
        if last && (self.buffer.has_remaining() || self.source.try_next().await?.is_some_and(|b| !b.is_empty())) {
            return Err(corrupt());
        }
        let cipher = ChunkCipher::new(&self.cipher, &prefix, self.context.as_bytes());
        let chunk = cipher.open(self.number, last, &sealed)?;
        self.number += 1;
        self.ended = last;
        Ok(Some(chunk.into()))
    }

    async fn fill(&mut self, length: usize) -> Result<(), StoreError> {
        while self.buffer.len() < length {
            let more = self.source.try_next().await?.ok_or(StoreError::Corrupt { what: "body" })?;
            self.buffer.extend_from_slice(&more);
        }
        Ok(())
    }
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
