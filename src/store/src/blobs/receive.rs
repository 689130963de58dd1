//! Receiving a body: hashed and sealed while it arrives, and synced before it counts.

use std::{
    io::Write,
    path::PathBuf,
    sync::{Arc, PoisonError, atomic::AtomicBool},
    time::Instant,
};

use aws_lc_rs::{aead::LessSafeKey, digest};
use bytes::{Bytes, BytesMut};
use object_store::{ObjectStoreExt as _, WriteMultipart};
use sha1::Digest as _;

use super::{Blobs, BodyKey, Hold, Outside, Place, StagedBody, file_of, hex, object_of};
use crate::{
    cipher_stream::{self, CHUNK, ChunkCipher, PREFIX, START, TAG},
    error::StoreError,
    failpoint,
    vault::KEY_BYTES,
};

/// Receives one body. Dropped before [`BodyWriter::finish`], it leaves nothing behind.
pub struct BodyWriter {
    blobs: Blobs,
    body_id: String,
    sha1: sha1::Sha1,
    sha256: digest::Context,
    size: u64,
    buffer: BytesMut,
    sealing: Option<Sealing>,
    head: Bytes,
}

impl std::fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyWriter").field("body_id", &self.body_id).field("size", &self.size).finish_non_exhaustive()
    }
}

/// A body on its way out of the database's reach.
struct Sealing {
    key: BodyKey,
    cipher: LessSafeKey,
    prefix: [u8; PREFIX],
    number: u32,
    sink: Option<Sink>,
    hold: Arc<Hold>,
}

enum Sink {
    File(std::fs::File),
    Object(Upload),
}

/// An upload to a bucket. Dropped before its end it is called off, so that its parts are not kept and paid for.
struct Upload(Option<WriteMultipart>);

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(upload) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(upload.abort());
        }
    }
}

/// First bytes of a body that are looked at while it is received: what is written at once holds them.
const HEAD: usize = 256 << 10;

/// Bytes gathered before they are written.
const WRITE: usize = 256 * 1024;

/// Parts of one object under way at once.
const PARTS: usize = 4;

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
        let full = if self.sealing.is_some() { WRITE } else { self.blobs.inline_limit.max(WRITE) };
        if self.buffer.len() > full {
            self.flush(false).await?;
        }
        Ok(())
    }

    /// Seals and writes what is gathered; the last time with what remains, and makes it durable.
    async fn flush(&mut self, last: bool) -> Result<(), StoreError> {
        // A long body must not use up what is kept for traces before anybody looks.
        self.blobs.room.check()?;
        if self.sealing.is_none() {
            self.head = Bytes::copy_from_slice(&self.buffer[..self.buffer.len().min(HEAD)]);
        }
        let mut sealing = match self.sealing.take() {
            Some(sealing) => sealing,
            None => self.blobs.begin(&self.body_id).await?,
        };
        let mut sealed = BytesMut::with_capacity(self.buffer.len() + START + 8 * TAG);
        if sealing.number == 0 {
            sealed.extend_from_slice(&cipher_stream::head(&sealing.prefix));
        }
        let cipher = ChunkCipher::new(&sealing.cipher, &sealing.prefix, self.body_id.as_bytes());
        // The last chunk is sealed as such: one is kept back until it is known whether more comes.
        loop {
            let is_last = self.buffer.len() <= CHUNK;
            if is_last && !last {
                break;
            }
            let chunk = self.buffer.split_to(self.buffer.len().min(CHUNK));
            sealed.extend_from_slice(&cipher.seal(sealing.number, is_last, &chunk)?);
            sealing.number += 1;
            if is_last {
                break;
            }
        }
        sealing.sink = match sealing.sink.take() {
            Some(Sink::File(file)) => {
                let path = match (&self.blobs.place, last) {
                    (Place::Folder(root), true) => Some(file_of(root, &self.body_id)),
                    _ => None,
                };
                Some(Sink::File(append(file, sealed.freeze(), path).await?))
            }
            Some(Sink::Object(mut upload)) => {
                let Some(parts) = &mut upload.0 else { return Err(StoreError::Corrupt { what: "upload" }) };
                parts.wait_for_capacity(PARTS).await?;
                parts.write(&sealed);
                if !last {
                    Some(Sink::Object(upload))
                } else if let Some(parts) = upload.0.take() {
                    parts.finish().await?;
                    None
                } else {
                    None
                }
            }
            None => return Err(StoreError::Corrupt { what: "upload" }),
        };
        self.sealing = Some(sealing);
        Ok(())
    }

    /// The body is whole: makes it durable.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn finish(mut self) -> Result<StagedBody, StoreError> {
        let inline = if self.sealing.is_none() && self.buffer.len() <= self.blobs.inline_limit {
            Some(self.buffer.split().freeze())
        } else {
            self.flush(true).await?;
            None
        };
        let outside = self.sealing.map(|s| Outside { key: s.key, hold: s.hold, arrived: Instant::now() });
        Ok(StagedBody {
            body_id: self.body_id,
            size: self.size,
            sha1: hex(&self.sha1.finalize()),
            sha256: hex(self.sha256.finish().as_ref()),
            inline,
            outside,
            head: self.head,
        })
    }
}

impl Blobs {
    /// Starts receiving a body.
    pub(crate) fn stage(&self) -> BodyWriter {
        BodyWriter {
            blobs: self.clone(),
            body_id: self.rng.uuid().simple().to_string(),
            sha1: sha1::Sha1::new(),
            sha256: digest::Context::new(&digest::SHA256),
            size: 0,
            buffer: BytesMut::new(),
            sealing: None,
            head: Bytes::new(),
        }
    }

    async fn begin(&self, body_id: &str) -> Result<Sealing, StoreError> {
        let mut key = BodyKey([0; KEY_BYTES]);
        self.rng.fill(&mut key.0);
        let mut prefix = [0; PREFIX];
        self.rng.fill(&mut prefix);
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(body_id.to_owned());
        let hold = Arc::new(Hold {
            body_id: body_id.to_owned(),
            place: self.place.clone(),
            held: Arc::clone(&self.held),
            published: AtomicBool::new(false),
        });
        let sink = match &self.place {
            Place::Folder(root) => {
                let path = file_of(root, body_id);
                let made = tokio::task::spawn_blocking(move || {
                    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
                });
                Sink::File(made.await.map_err(|_| StoreError::Corrupt { what: "upload" })??)
            }
            Place::Bucket(objects, at) => {
                let upload = objects.put_multipart(&object_of(at, body_id)).await?;
                Sink::Object(Upload(Some(WriteMultipart::new(upload))))
            }
        };
        Ok(Sealing { cipher: key.cipher()?, key, prefix, number: 0, sink: Some(sink), hold })
    }
}

/// Appends to a file; with its path, makes it durable together with its place in the folder.
async fn append(mut file: std::fs::File, bytes: Bytes, path: Option<PathBuf>) -> Result<std::fs::File, StoreError> {
    let written = tokio::task::spawn_blocking(move || -> std::io::Result<std::fs::File> {
        failpoint::at("body.write")?;
        file.write_all(&bytes)?;
        if let Some(path) = path {
            failpoint::at("body.sync")?;
            file.sync_data()?;
            if let Some(folder) = path.parent() {
                std::fs::File::open(folder)?.sync_all()?;
            }
            failpoint::at("body.synced")?;
        }
        Ok(file)
    });
    Ok(written.await.map_err(|_| StoreError::Corrupt { what: "upload" })??)
}
