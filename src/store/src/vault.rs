//! Encryption at rest: every space has a data key, wrapped by a master key that never enters the database.
//!
//! What identifies a person or says something of them is sealed under the space's key, together with where it stands, so
//! that a row cannot be moved to another place unseen. Destroying a space's wrapped key makes all of it unreadable,
//! in every copy and backup: that is how a space is forgotten for good.
//!
//! Algorithms: AES-256-GCM with random nonces ([`DataKey::seal`]; NIST SP 800-38D §8.2.2), HMAC-SHA-256 for look-ups,
//! all of them the library's. Long bodies: [`crate::cipher_stream`].

use std::{fmt, path::Path, sync::Arc};

use ambient::SharedRng;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, hmac,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;

use crate::{blobs::hex, error::StoreError};

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// First byte of what is sealed: the form of the rest.
const PLAIN: u8 = 1;
const COMPRESSED: u8 = 2;

/// Longest text that is unpacked, in bytes: more than any message may have.
const UNPACKED: usize = 64 << 20;

/// A key that wraps data keys. It may live in a file, a hardware module or a key service.
pub trait MasterKey: fmt::Debug + Send + Sync {
    /// Its identifier: what the wrapped keys say they need.
    fn id(&self) -> &str;

    /// Wraps a data key, bound to what it is for.
    fn wrap<'a>(&'a self, context: &'a [u8], key: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, StoreError>>;

    /// Unwraps a data key.
    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, StoreError>>;
}

/// A master key held by this process: 32 random bytes from a file or the environment.
pub struct LocalMaster {
    id: String,
    key: RandomizedNonceKey,
}

impl fmt::Debug for LocalMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalMaster").field("id", &self.id).finish_non_exhaustive()
    }
}

impl LocalMaster {
    /// Reads the key from its text: base64 of 32 bytes. Its id is the beginning of its hash, so that it needs no name.
    ///
    /// # Errors
    /// [`StoreError::MasterKey`] when it is anything else.
    pub fn from_text(text: &str) -> Result<Arc<dyn MasterKey>, StoreError> {
        let wrong = || StoreError::MasterKey("a master key is the base64 of 32 bytes".to_owned());
        let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
        if bytes.len() != KEY_BYTES {
            return Err(wrong());
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| wrong())?;
        let id = hex(&digest::digest(&digest::SHA256, &bytes).as_ref()[..8]);
        Ok(Arc::new(Self { id, key }))
    }

    /// Reads the key from a file that nobody else may read.
    ///
    /// # Errors
    /// [`StoreError::MasterKey`] when the file is absent, open to others or no key.
    pub fn from_file(path: &Path) -> Result<Arc<dyn MasterKey>, StoreError> {
        Self::from_text(&read_secret(path)?)
    }

    /// A new key, as text.
    #[must_use]
    pub fn make(rng: &SharedRng) -> String {
        let mut bytes = [0; KEY_BYTES];
        rng.fill(&mut bytes);
        STANDARD.encode(bytes)
    }
}

/// Reads a secret from a file that nobody else may read.
///
/// # Errors
/// [`StoreError::MasterKey`] when the file is absent or open to others.
pub fn read_secret(path: &Path) -> Result<String, StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = path.display();
    let wrong = |e: &dyn fmt::Display| StoreError::MasterKey(format!("{shown}: {e}"));
    let mode = std::fs::metadata(path).map_err(|e| wrong(&e))?.permissions().mode();
    // What a service manager hands over may be its group's (systemd: LoadCredential).
    let handed = std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|folder| path.starts_with(folder));
    let open_to_others = if handed { 0o037 } else { 0o077 };
    if mode & open_to_others != 0 {
        return Err(wrong(&"others may read it (chmod 600)"));
    }
    std::fs::read_to_string(path).map_err(|e| wrong(&e))
}

impl MasterKey for LocalMaster {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap<'a>(&'a self, context: &'a [u8], key: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        Box::pin(async move { seal(&self.key, context, key.to_vec()) })
    }

    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        Box::pin(async move { open(&self.key, context, wrapped) })
    }
}

/// The master keys of a gateway: the first wraps, all of them unwrap (rotation).
#[derive(Debug, Clone)]
pub struct MasterKeys {
    keys: Vec<Arc<dyn MasterKey>>,
}

impl MasterKeys {
    /// The present key and the former ones.
    #[must_use]
    pub fn new(current: Arc<dyn MasterKey>, former: Vec<Arc<dyn MasterKey>>) -> Self {
        let mut keys = vec![current];
        keys.extend(former);
        Self { keys }
    }

    /// These keys under another present one: what is needed while keys are rotated.
    #[must_use]
    pub fn under(&self, current: Arc<dyn MasterKey>) -> Self {
        Self::new(current, self.keys.clone())
    }

    fn named(&self, id: &str) -> Result<&Arc<dyn MasterKey>, StoreError> {
        self.keys.iter().find(|k| k.id() == id).ok_or_else(|| {
            StoreError::MasterKey(format!("the store is sealed under master key {id}, which is not configured"))
        })
    }

    /// The present key.
    pub(crate) fn current(&self) -> &dyn MasterKey {
        self.keys[0].as_ref()
    }

    /// Unwraps a data key for `purpose`.
    pub(crate) async fn data_key(&self, purpose: &str, wrapped: &Wrapped) -> Result<Arc<DataKey>, StoreError> {
        let bytes = self.named(&wrapped.master_id)?.unwrap(purpose.as_bytes(), &wrapped.wrapped).await?;
        Ok(Arc::new(DataKey::new(&bytes)?))
    }

    /// Makes a data key for `purpose`.
    pub(crate) async fn make(&self, purpose: &str, rng: &SharedRng) -> Result<(Arc<DataKey>, Wrapped), StoreError> {
        let mut bytes = [0; KEY_BYTES];
        rng.fill(&mut bytes);
        let master = self.current();
        let wrapped = master.wrap(purpose.as_bytes(), &bytes).await?;
        Ok((Arc::new(DataKey::new(&bytes)?), Wrapped { master_id: master.id().to_owned(), wrapped }))
    }

    /// Wraps a key again under the present master key; `None` when it is already.
    pub(crate) async fn rewrap(&self, purpose: &str, old: &Wrapped) -> Result<Option<Wrapped>, StoreError> {
        let master = self.current();
        if old.master_id == master.id() {
            return Ok(None);
        }
        let bytes = self.named(&old.master_id)?.unwrap(purpose.as_bytes(), &old.wrapped).await?;
        let wrapped = master.wrap(purpose.as_bytes(), &bytes).await?;
        Ok(Some(Wrapped { master_id: master.id().to_owned(), wrapped }))
    }
}

/// A data key as stored.
#[derive(Debug, Clone)]
pub(crate) struct Wrapped {
    pub(crate) master_id: String,
    pub(crate) wrapped: Vec<u8>,
}

/// A key under which rows and bodies are sealed.
pub(crate) struct DataKey {
    rows: RandomizedNonceKey,
    lookups: hmac::Key,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    /// The two uses have keys of their own, derived from the one that is wrapped (SP 800-108 by HMAC).
    fn new(bytes: &[u8]) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "data key" };
        if bytes.len() != KEY_BYTES {
            return Err(corrupt());
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let derive = |label: &[u8]| hmac::sign(&root, label);
        let rows = derive(b"passerelle rows");
        Ok(Self {
            rows: RandomizedNonceKey::new(&AES_256_GCM, rows.as_ref()).map_err(|_| corrupt())?,
            lookups: hmac::Key::new(hmac::HMAC_SHA256, derive(b"passerelle lookups").as_ref()),
        })
    }

    /// The keyed hash of a value, in hexadecimal: equal for equal values, telling nothing without the key.
    pub(crate) fn lookup(&self, parts: &[&str]) -> String {
        hex(hmac::sign(&self.lookups, &context_of(parts)).as_ref())
    }

    /// Seals bytes that stand at `place`.
    pub(crate) fn seal(&self, place: &[&str], bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut sealed = vec![PLAIN];
        sealed.extend(seal(&self.rows, &context_of(place), bytes.to_vec())?);
        Ok(sealed)
    }

    /// The same for a long text that is seldom read: packed first.
    pub(crate) fn seal_packed(&self, place: &[&str], bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let length = u32::try_from(bytes.len()).map_err(|_| StoreError::TooLarge { limit: UNPACKED as u64 })?;
        let mut packed = length.to_le_bytes().to_vec();
        packed.extend(zstd::bulk::compress(bytes, 1)?);
        let mut sealed = vec![COMPRESSED];
        sealed.extend(seal(&self.rows, &context_of(place), packed)?);
        Ok(sealed)
    }

    /// Opens what was sealed at `place`.
    pub(crate) fn open(&self, place: &[&str], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let corrupt = || StoreError::Corrupt { what: "sealed value" };
        let (form, rest) = sealed.split_first().ok_or_else(corrupt)?;
        let bytes = open(&self.rows, &context_of(place), rest)?;
        match *form {
            PLAIN => Ok(bytes),
            COMPRESSED => {
                let (length, packed) = bytes.split_first_chunk::<4>().ok_or_else(corrupt)?;
                let length = u32::from_le_bytes(*length) as usize;
                if length > UNPACKED {
                    return Err(corrupt());
                }
                zstd::bulk::decompress(packed, length).map_err(|_| corrupt())
            }
            _ => Err(corrupt()),
        }
    }
}

/// Parts with their lengths before them: no two places have the same bytes.
fn context_of(parts: &[&str]) -> Vec<u8> {
    let mut context = Vec::with_capacity(parts.iter().map(|p| p.len() + 4).sum());
    for part in parts {
        context.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        context.extend_from_slice(part.as_bytes());
    }
    context
}

/// Nonce, ciphertext, tag.
fn seal(key: &RandomizedNonceKey, context: &[u8], mut bytes: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    let nonce = key
        .seal_in_place_append_tag(Aad::from(context), &mut bytes)
        .map_err(|_| StoreError::Corrupt { what: "value to seal" })?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + bytes.len());
    sealed.extend_from_slice(nonce.as_ref());
    sealed.extend_from_slice(&bytes);
    Ok(sealed)
}

fn open(key: &RandomizedNonceKey, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "sealed value" };
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(corrupt)?;
    let mut bytes = rest.to_vec();
    let length = key.open_in_place(Nonce::from(nonce), Aad::from(context), &mut bytes).map_err(|_| corrupt())?.len();
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use ambient::SystemRng;

    use super::*;

    async fn keys() -> (MasterKeys, Arc<DataKey>, Wrapped) {
        let rng: SharedRng = SystemRng::new();
        let master = LocalMaster::from_text(&LocalMaster::make(&rng)).expect("a key");
        let keys = MasterKeys::new(master, Vec::new());
        let (key, wrapped) = keys.make("space 1", &rng).await.expect("made");
        (keys, key, wrapped)
    }

    #[tokio::test]
    async fn what_is_sealed_opens_only_where_it_stood() {
        let (keys, key, wrapped) = keys().await;
        let text = "Compte rendu ".repeat(500);
        let again = keys.data_key("space 1", &wrapped).await.expect("unwraps");
        for sealed in [key.seal(&["entry", "1"], text.as_bytes()), key.seal_packed(&["entry", "1"], text.as_bytes())] {
            let mut sealed = sealed.expect("sealed");
            assert_eq!(again.open(&["entry", "1"], &sealed).expect("opens"), text.as_bytes());
            assert!(key.open(&["entry", "2"], &sealed).is_err() && key.open(&["entry1"], &sealed).is_err());
            assert!(!sealed.windows(12).any(|w| w == b"Compte rendu"));
            for at in [0, 5, sealed.len() / 2, sealed.len() - 1] {
                sealed[at] ^= 1;
                assert!(key.open(&["entry", "1"], &sealed).is_err(), "byte {at}");
                sealed[at] ^= 1;
            }
        }
        assert!(key.seal_packed(&[], text.as_bytes()).expect("sealed").len() < 300);
        assert_eq!(key.lookup(&["a", "b"]), again.lookup(&["a", "b"]));
        assert_ne!(key.lookup(&["a", "b"]), key.lookup(&["ab"]));
    }

    #[tokio::test]
    async fn keys_are_bound_to_their_purpose_and_rotate() {
        let (keys, key, wrapped) = keys().await;
        assert!(keys.data_key("space 2", &wrapped).await.is_err());
        let sealed = key.seal(&["x"], b"y").expect("sealed");
        let rng: SharedRng = SystemRng::new();
        let new = LocalMaster::from_text(&LocalMaster::make(&rng)).expect("a key");
        let alone = MasterKeys::new(new.clone(), Vec::new());
        let missing = alone.data_key("space 1", &wrapped).await.expect_err("not configured").to_string();
        assert!(missing.contains(&wrapped.master_id), "{missing}");
        let both = MasterKeys::new(new, keys.keys.clone());
        let rewrapped = both.rewrap("space 1", &wrapped).await.expect("rewrapped").expect("another master");
        assert!(both.rewrap("space 1", &rewrapped).await.expect("looked at").is_none());
        let opened = alone.data_key("space 1", &rewrapped).await.expect("unwraps").open(&["x"], &sealed);
        assert_eq!(opened.expect("opens"), b"y");
    }
}
