//! Sealing long bodies chunk by chunk, so that memory stays constant and any part can be opened alone.
//!
//! The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) as `aead-stream` carries it out, over AES-256-GCM:
//! a chunk is sealed with its number and whether it is the last, so that none can be changed, moved, left out or cut off.
//!
//! File: 8 bytes of head (`PBS1`, then zero), 7 bytes of random prefix, then chunks of 64 KiB, each with its tag of 16 bytes.

use aead_stream::{
    NewStream as _, Nonce as StreamNonce, StreamBE32, StreamPrimitive as _,
    aead::{
        self, AeadCore, AeadInOut, Error as AeadError, Nonce as AeadNonce, Payload, Tag, TagPosition,
        consts::{U12, U16},
        inout::InOutBuf,
    },
};
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};

use crate::error::StoreError;

const HEAD: &[u8; 8] = b"PBS1\0\0\0\0";
/// Bytes of the random prefix.
pub(crate) const PREFIX: usize = 7;
/// Bytes before the first chunk.
pub(crate) const START: usize = HEAD.len() + PREFIX;
/// Bytes of a chunk, in clear.
pub(crate) const CHUNK: usize = 64 * 1024;
/// Bytes that sealing adds to a chunk.
pub(crate) const TAG: usize = 16;

/// The library's AES-256-GCM behind the traits that STREAM is written for.
#[derive(Debug, Clone)]
struct Gcm<'k>(&'k LessSafeKey);

impl AeadCore for Gcm<'_> {
    type NonceSize = U12;
    type TagSize = U16;
    const TAG_POSITION: TagPosition = TagPosition::Postfix;
}

impl AeadInOut for Gcm<'_> {
    fn encrypt_inout_detached(
        &self,
        nonce: &AeadNonce<Self>,
        associated_data: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
    ) -> aead::Result<Tag<Self>> {
        let out = buffer.into_out_with_copied_in();
        let nonce = Nonce::assume_unique_for_key((*nonce).into());
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(associated_data), out).map_err(|_| AeadError)?;
        Tag::<Self>::try_from(tag.as_ref()).map_err(|_| AeadError)
    }

    fn decrypt_inout_detached(
        &self,
        nonce: &AeadNonce<Self>,
        associated_data: &[u8],
        buffer: InOutBuf<'_, '_, u8>,
        tag: &Tag<Self>,
    ) -> aead::Result<()> {
        let sealed = buffer.get_in().to_vec();
        let out = buffer.into_out_with_copied_in();
        let nonce = Nonce::assume_unique_for_key((*nonce).into());
        self.0.open_separate_gather(nonce, Aad::from(associated_data), &sealed, tag, out).map_err(|_| AeadError)
    }
}

/// One body's stream of chunks.
pub(crate) struct ChunkCipher<'k> {
    stream: StreamBE32<Gcm<'k>>,
    context: &'k [u8],
}

impl<'k> ChunkCipher<'k> {
    /// For the body that `context` names, with the prefix of its file.
    pub(crate) fn new(key: &'k LessSafeKey, prefix: &[u8; PREFIX], context: &'k [u8]) -> Self {
        let nonce = StreamNonce::<Gcm<'k>, StreamBE32<Gcm<'k>>>::from(*prefix);
        Self { stream: StreamBE32::from_aead(Gcm(key), &nonce), context }
    }

    /// Seals chunk `number` of `size` bytes in all.
    pub(crate) fn seal(&self, number: u32, last: bool, chunk: &[u8]) -> Result<Vec<u8>, StoreError> {
        let payload = Payload { msg: chunk, aad: self.context };
        self.stream.encrypt(number, last, payload).map_err(|_| StoreError::Corrupt { what: "body to seal" })
    }

    /// Opens chunk `number`.
    pub(crate) fn open(&self, number: u32, last: bool, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let payload = Payload { msg: sealed, aad: self.context };
        self.stream.decrypt(number, last, payload).map_err(|_| StoreError::Corrupt { what: "body" })
    }
}

/// The beginning of a sealed file.
pub(crate) fn head(prefix: &[u8; PREFIX]) -> [u8; START] {
    let mut head = [0; START];
    head[..HEAD.len()].copy_from_slice(HEAD);
    head[HEAD.len()..].copy_from_slice(prefix);
    head
}

/// The prefix of a sealed file.
pub(crate) fn prefix(head: &[u8]) -> Result<[u8; PREFIX], StoreError> {
    let corrupt = || StoreError::Corrupt { what: "body" };
    let rest = head.strip_prefix(HEAD).ok_or_else(corrupt)?;
    rest.first_chunk::<PREFIX>().copied().ok_or_else(corrupt)
}
