//! The trace log as evidence: a Merkle tree over the traces of each origin, its heads signed.
//!
//! Hashing is RFC 6962's, by `tlog_tiles`. A leaf is made of where the event stands, the hash of its sealed bytes and a
//! commitment to its text ([`leaf`]): the log is checked without any key, and one event can be shown to somebody without
//! opening another. Heads are C2SP signed checkpoints (`c2sp.org/tlog-checkpoint`), Ed25519.

use aws_lc_rs::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use tlog_tiles::tlog::{Hash, HashReader, node_hash, record_hash, stored_hash_index};

use crate::{blobs::hex, error::StoreError};

/// Hashes kept in one row: 16 KiB.
pub(crate) const BLOCK: usize = 512;

/// Name of the log in its checkpoints; an origin follows it.
const LOG: &str = "passerelle";

/// Bytes of a signature in a note: the key's hash, and Ed25519's.
const SIGNATURE: usize = 4 + 64;

/// Algorithm byte of Ed25519 in a signed note.
const NOTE_ED25519: u8 = 1;

/// What of one event is in the tree: enough to compute its leaf, and nothing of anybody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LeafText {
    pub(crate) origin: String,
    pub(crate) seq: i64,
    pub(crate) space: String,
    pub(crate) at_ms: i64,
    pub(crate) sealed_sha256: String,
    pub(crate) commitment: String,
}

impl LeafText {
    /// The leaf.
    pub(crate) fn hash(&self) -> Hash {
        let Self { origin, seq, space, at_ms, sealed_sha256, commitment } = self;
        record_hash(format!("{origin}\n{seq}\n{space}\n{at_ms}\n{sealed_sha256}\n{commitment}\n").as_bytes())
    }
}

/// Binds an event to its leaf without showing it: SHA-256 of random salt and text.
pub(crate) fn commitment(salted: &[u8]) -> Vec<u8> {
    sha256(salted).as_ref().to_vec()
}

pub(crate) fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

/// The right edge of a growing tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    /// Whole subtrees from left to right: level and hash.
    subtrees: Vec<(u8, Hash)>,
    pub(crate) size: u64,
}

impl Edge {
    /// The edge of a tree of `size` leaves, from its stored hashes.
    ///
    /// # Errors
    /// When `stored` has not all of them.
    pub(crate) fn of(size: u64, stored: &impl HashReader) -> Result<Self, tlog_tiles::tlog::Error> {
        let levels: Vec<u8> = (0..64u8).rev().filter(|level| size >> level & 1 == 1).collect();
        let index = |level: &u8| stored_hash_index(*level, (size >> level) - 1);
        let hashes = stored.read_hashes(&levels.iter().map(index).collect::<Vec<_>>())?;
        Ok(Self { subtrees: levels.into_iter().zip(hashes).collect(), size })
    }

    /// Appends a leaf; gives the hashes it completes, in the order they are stored.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<Hash> {
        let (mut level, mut hash) = (0, leaf);
        let mut stored = vec![hash];
        while let Some((below, left)) = self.subtrees.last().copied() {
            if below != level {
                break;
            }
            self.subtrees.pop();
            hash = node_hash(left, hash);
            level += 1;
            stored.push(hash);
        }
        self.subtrees.push((level, hash));
        self.size += 1;
        stored
    }

    /// The root (RFC 6962 §2.1); of an empty tree, the hash of nothing.
    pub(crate) fn root(&self) -> Hash {
        let mut right = None;
        for (_, hash) in self.subtrees.iter().rev() {
            right = Some(right.map_or(*hash, |right| node_hash(*hash, right)));
        }
        right.unwrap_or_else(|| Hash(sha256(b"").as_ref().try_into().unwrap_or_default()))
    }
}

/// The key that signs tree heads.
pub struct EvidenceKey {
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for EvidenceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvidenceKey").field("id", &self.verifier().id()).finish_non_exhaustive()
    }
}

impl EvidenceKey {
    /// Reads a key from its PKCS#8 in base64.
    ///
    /// # Errors
    /// [`StoreError::MasterKey`] when it is none.
    pub fn from_text(text: &str) -> Result<Self, StoreError> {
        let wrong = || StoreError::MasterKey("an evidence key is the base64 of an Ed25519 PKCS#8".to_owned());
        let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
        Ok(Self { pair: Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes).map_err(|_| wrong())? })
    }

    /// A new key, as text.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn make() -> Result<String, StoreError> {
        let failed = |_| StoreError::MasterKey("no key could be made".to_owned());
        let pair = Ed25519KeyPair::generate().map_err(failed)?;
        let bytes = pair.to_pkcs8v1().map_err(failed)?;
        Ok(STANDARD.encode(bytes.as_ref()))
    }

    /// What checks its signatures.
    #[must_use]
    pub fn verifier(&self) -> EvidenceVerifier {
        EvidenceVerifier { public: self.pair.public_key().as_ref().to_vec() }
    }

    /// Signs the head of a log.
    pub(crate) fn sign(&self, head: &Head) -> String {
        let body = head.body();
        let verifier = self.verifier();
        let mut signature = verifier.hash(&head.name()).to_vec();
        signature.extend_from_slice(self.pair.sign(body.as_bytes()).as_ref());
        format!("{body}\n\u{2014} {} {}\n", head.name(), STANDARD.encode(signature))
    }
}

/// The public half of an evidence key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceVerifier {
    public: Vec<u8>,
}

impl EvidenceVerifier {
    /// Reads the base64 of a raw Ed25519 public key.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let public = STANDARD.decode(text.trim()).ok().filter(|p| p.len() == 32)?;
        Some(Self { public })
    }

    /// The key as text.
    #[must_use]
    pub fn text(&self) -> String {
        STANDARD.encode(&self.public)
    }

    /// The beginning of its hash.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&sha256(&self.public).as_ref()[..8])
    }

    /// Key hash of a signed note.
    fn hash(&self, name: &str) -> [u8; 4] {
        let mut bytes = name.as_bytes().to_vec();
        bytes.extend_from_slice(&[b'\n', NOTE_ED25519]);
        bytes.extend_from_slice(&self.public);
        let mut short = [0; 4];
        short.copy_from_slice(&sha256(&bytes).as_ref()[..4]);
        short
    }

    /// Reads a signed head; `None` when it is none, or not signed by this key.
    #[must_use]
    pub fn open(&self, note: &str) -> Option<Head> {
        let (body, signatures) = note.split_once("\n\n")?;
        let body = format!("{body}\n");
        let head = Head::read(&body)?;
        let name = head.name();
        let signed = signatures.lines().any(|line| {
            let signature = line.strip_prefix("\u{2014} ").and_then(|l| l.split_once(' '));
            let Some((by, bytes)) = signature else { return false };
            let Ok(bytes) = STANDARD.decode(bytes) else { return false };
            let Some((hash, signature)) = bytes.split_first_chunk::<4>() else { return false };
            by == name
                && *hash == self.hash(&name)
                && UnparsedPublicKey::new(&ED25519, &self.public).verify(body.as_bytes(), signature).is_ok()
        });
        signed.then_some(head)
    }
}

impl EvidenceVerifier {
    /// Reads a file of signed heads, one after another. What was cut off while it was written (no signature follows) is
    /// left out: it says nothing.
    ///
    /// # Errors
    /// The number of the first one, from 1, that is signed, and not by this key.
    pub fn open_all(&self, text: &str) -> Result<Vec<Head>, usize> {
        let start = format!("{LOG}/");
        let mut heads = Vec::new();
        let mut note = String::new();
        for line in text.split_inclusive('\n') {
            if line.starts_with(&start) {
                note.clear();
            }
            note.push_str(line);
            // A signature of another length was cut off too.
            let signature = line.strip_prefix("\u{2014} ").and_then(|l| l.trim_end().rsplit_once(' '));
            let whole = signature.is_some_and(|(_, s)| STANDARD.decode(s).is_ok_and(|s| s.len() == SIGNATURE));
            if whole {
                heads.push(self.open(&note).ok_or(heads.len() + 1)?);
                note.clear();
            }
        }
        Ok(heads)
    }
}

/// The head of a log: how many events it has, and the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which log.
    pub origin: String,
    /// Events in it.
    pub size: u64,
    /// Root over them.
    pub root: [u8; 32],
    /// When it was signed, in milliseconds since 1970 UTC.
    pub at_ms: i64,
}

impl Head {
    fn name(&self) -> String {
        format!("{LOG}/{}", self.origin)
    }

    fn body(&self) -> String {
        format!("{}\n{}\n{}\ntime {}\n", self.name(), self.size, STANDARD.encode(self.root), self.at_ms)
    }

    fn read(body: &str) -> Option<Self> {
        let mut lines = body.lines();
        let origin = lines.next()?.strip_prefix(LOG)?.strip_prefix('/')?.to_owned();
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let at_ms = lines.next()?.strip_prefix("time ")?.parse().ok()?;
        Some(Self { origin, size, root, at_ms })
    }
}

#[cfg(test)]
mod tests {
    use tlog_tiles::tlog::{stored_hash_count, tree_hash};

    use super::*;

    struct Stored(Vec<Hash>);

    impl HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::tlog::Error> {
            Ok(indexes.iter().map(|i| self.0[usize::try_from(*i).expect("small")]).collect())
        }
    }

    #[test]
    fn the_edge_says_what_the_library_says() {
        let (mut edge, mut stored) = (Edge::default(), Stored(Vec::new()));
        for n in 0..300u64 {
            stored.0.extend(edge.push(record_hash(&n.to_be_bytes())));
            assert_eq!(stored.0.len() as u64, stored_hash_count(n + 1));
            assert_eq!(edge.root().0, tree_hash(n + 1, &stored).expect("a root").0);
            assert_eq!(Edge::of(n + 1, &stored).expect("all are stored").root().0, edge.root().0);
        }
    }

    #[test]
    fn a_head_is_believed_only_as_it_was_signed() {
        let key = EvidenceKey::from_text(&EvidenceKey::make().expect("made")).expect("a key");
        let head = Head { origin: "o".into(), size: 7, root: [3; 32], at_ms: 12 };
        let note = key.sign(&head);
        assert_eq!(key.verifier().open(&note), Some(head));
        assert_eq!(key.verifier().open(&note.replace("\n7\n", "\n8\n")), None);
        let other = EvidenceKey::from_text(&EvidenceKey::make().expect("made")).expect("a key");
        assert_eq!(other.verifier().open(&note), None);
        assert_eq!(key.verifier().open_all(&format!("{note}\n{note}\n")).map(|h| h.len()), Ok(2));
        let torn = &note[..note.len() / 2];
        assert_eq!(key.verifier().open_all(&format!("{note}\n{torn}\n{note}\n{torn}")).map(|h| h.len()), Ok(2));
        let forged = note.replace("\ntime ", "\ntime 1");
        assert_eq!(key.verifier().open_all(&format!("{note}\n{forged}\n")), Err(2));
        assert_eq!(EvidenceVerifier::from_text(&key.verifier().text()), Some(key.verifier()));
    }
}
