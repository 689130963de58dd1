//! Proofs made from the hashes that are kept: that one event is in a log, that a log only grew — and their checking,
//! which needs nothing but the proof and the gateway's public key.

use std::collections::HashMap;

use access::{Operation, Permit};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use space::trace::TraceEvent;
use tlog_tiles::tlog::{
    Hash, HashReader, check_record, check_tree, prove_record, prove_tree, split_stored_hash_index, stored_hash_index,
    stored_hashes_for_record_hash, tree_hash,
};

use crate::{
    Store,
    blobs::hex,
    db::{Connection, Row, Sql},
    error::StoreError,
    evidence::{BLOCK, Edge, EvidenceVerifier, Head, LeafText, commitment},
    records::TracePlace,
    trace_log::{SALT, SignedHead},
};

/// First line of a proof file (C2SP tlog-proof).
const PROOF: &str = "c2sp.org/tlog-proof@v1";
/// Longest proof file that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// An event with what proves it, as it is handed out.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    /// The event's text, exactly as it was committed to.
    event: String,
    /// Random bytes before it, in base64.
    salt: String,
    /// SHA-256 of the event as it stands sealed in the store, in hexadecimal.
    sealed_sha256: String,
    /// Number of the event in its log, from 1.
    seq: i64,
    /// The time stamp on the head, DER in base64, when an authority gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stamp: Option<String>,
}

/// What a proof proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// What happened.
    pub event: TraceEvent,
    /// The signed head it is under.
    pub head: Head,
    /// The head as it was signed: what a time stamp is over.
    pub note: String,
    /// The time stamp on the head (RFC 3161 token, DER), unchecked.
    pub stamp: Option<Vec<u8>>,
}

/// A proof that a log of `to.size` events begins with the log of `from.size` events.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Consistency {
    /// The earlier signed head.
    pub from: String,
    /// The later one.
    pub to: String,
    /// Hashes, in base64 (RFC 6962 §2.1.2).
    pub hashes: Vec<String>,
}

/// Hashes that were looked up; one that is missing is noted.
#[derive(Default)]
struct Given {
    hashes: HashMap<u64, Hash>,
    missing: std::cell::RefCell<Vec<u64>>,
}

impl HashReader for Given {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::tlog::Error> {
        let found: Vec<Hash> = indexes.iter().filter_map(|i| self.hashes.get(i).copied()).collect();
        if found.len() == indexes.len() {
            return Ok(found);
        }
        self.missing.borrow_mut().extend(indexes.iter().filter(|i| !self.hashes.contains_key(i)));
        Err(tlog_tiles::tlog::Error::IndexesNotInTree)
    }
}

/// Evaluates what asks for hashes of `origin`'s log, reading those it asks for.
async fn with_hashes<T>(
    connection: &mut Connection,
    origin: &str,
    ask: impl Fn(&Given) -> Result<T, tlog_tiles::tlog::Error>,
) -> Result<T, StoreError> {
    let mut given = Given::default();
    // Each function of the library asks for all it needs at once; a second time is one too many.
    for _ in 0..4 {
        if let Ok(found) = ask(&given) {
            return Ok(found);
        }
        let missing = given.missing.take();
        if missing.is_empty() {
            break;
        }
        given.hashes.extend(read(connection, origin, &missing).await?);
    }
    Err(StoreError::Corrupt { what: "hash of the trace log" })
}

/// Reads hashes of the tree: from the blocks that are full, from what was kept with the last head, and computed again from
/// the events after that.
async fn read(connection: &mut Connection, origin: &str, wanted: &[u64]) -> Result<HashMap<u64, Hash>, StoreError> {
    let mut found = read_blocks(connection, origin, wanted).await?;
    let lacks = |found: &HashMap<u64, Hash>| wanted.iter().any(|i| !found.contains_key(i));
    if lacks(&found) {
        let sql = Sql::new("SELECT number, hashes FROM log_tail WHERE origin = $1");
        if let Some(row) = connection.one(sql.bind(origin)).await? {
            let first = u64::try_from(row.int(0)?).map_or(u64::MAX, |n| n.saturating_mul(BLOCK as u64));
            let (hashes, _) = row.bytes(1)?.as_chunks::<32>();
            found.extend((first..).zip(hashes).filter(|(i, _)| wanted.contains(i)).map(|(i, hash)| (i, Hash(*hash))));
        }
    }
    if lacks(&found) {
        let tail = tail(connection, origin).await?;
        found.extend(wanted.iter().filter_map(|i| tail.get(i).map(|hash| (*i, *hash))));
    }
    Ok(found)
}

/// Those of the hashes that stand in full blocks.
async fn read_blocks(
    connection: &mut Connection,
    origin: &str,
    wanted: &[u64],
) -> Result<HashMap<u64, Hash>, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "hash of the trace log" };
    let mut numbers: Vec<i64> = wanted.iter().filter_map(|i| i64::try_from(i / BLOCK as u64).ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut blocks: HashMap<u64, Vec<u8>> = HashMap::new();
    for part in numbers.chunks(100) {
        let mut sql = Sql::new("SELECT number, hashes FROM log_block WHERE origin = ");
        sql.value(origin).push(" AND number IN ").list(part.iter().copied());
        for row in connection.all(sql).await? {
            blocks.insert(u64::try_from(row.int(0)?).map_err(|_| corrupt())?, row.bytes(1)?.to_vec());
        }
    }
    let mut found = HashMap::with_capacity(wanted.len());
    for index in wanted {
        let Some(block) = blocks.get(&(index / BLOCK as u64)) else { continue };
        let at = usize::try_from(index % BLOCK as u64).map_err(|_| corrupt())? * 32;
        let hash = block.get(at..at + 32).and_then(|b| b.try_into().ok()).ok_or_else(corrupt)?;
        found.insert(*index, Hash(hash));
    }
    Ok(found)
}

/// The hashes that fill no block yet.
async fn tail(connection: &mut Connection, origin: &str) -> Result<HashMap<u64, Hash>, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "hash of the trace log" };
    let sql = Sql::new("SELECT number, hashes FROM log_block WHERE origin = $1 ORDER BY number DESC LIMIT 1");
    let last = connection.one(sql.bind(origin)).await?;
    let full = last.map_or(Ok(0), |row| row.int(0).map(|n| n + 1))?;
    let begin = u64::try_from(full).map_err(|_| corrupt())? * BLOCK as u64;
    // The event whose hashes the last block may have cut: it and those after it are hashed again.
    let mut event = match begin.checked_sub(1) {
        None => 0,
        Some(last) => {
            let (level, n) = split_stored_hash_index(last);
            // The last leaf below that hash.
            (n << level) + (1 << level) - 1
        }
    };
    let mut given = Given::default();
    let sql = Sql::new(
        "SELECT origin, seq, space_id, at_ms, sealed_event, commitment FROM trace WHERE origin = $1 AND seq > $2 \
         ORDER BY seq",
    );
    let rows = connection.all(sql.bind(origin).bind(i64::try_from(event).map_err(|_| corrupt())?)).await?;
    for row in rows {
        let leaf = leaf_text(&row)?.hash();
        // Its left neighbours may be in full blocks: read those once, for the first event.
        let hashes = loop {
            match stored_hashes_for_record_hash(event, leaf, &given) {
                Ok(hashes) => break hashes,
                Err(_) => {
                    let missing = given.missing.take();
                    if missing.is_empty() || missing.iter().any(|i| *i >= begin || given.hashes.contains_key(i)) {
                        return Err(corrupt());
                    }
                    given.hashes.extend(read_blocks(connection, origin, &missing).await?);
                }
            }
        };
        let first = stored_hash_index(0, event);
        given.hashes.extend((first..).zip(hashes));
        event += 1;
    }
    Ok(given.hashes)
}

/// Reads a row of `origin, seq, space_id, at_ms, sealed_event, commitment`.
pub(crate) fn leaf_text(row: &Row) -> Result<LeafText, StoreError> {
    Ok(LeafText {
        origin: row.text(0)?.to_owned(),
        seq: row.int(1)?,
        space: row.text(2)?.to_owned(),
        at_ms: row.int(3)?,
        sealed_sha256: hex(&crate::verify::sha256(row.bytes(4)?)),
        commitment: hex(row.bytes(5)?),
    })
}

/// The root of a log of `size` events, from the hashes that are kept.
pub(crate) async fn root(connection: &mut Connection, origin: &str, size: u64) -> Result<[u8; 32], StoreError> {
    with_hashes(connection, origin, |given| tree_hash(size, given)).await.map(|hash| hash.0)
}

impl Store {
    /// The proof that one event of a space's trace was in the log when a head was signed: a small text that anybody can
    /// check with [`check_proof`] and the gateway's public key.
    ///
    /// # Errors
    /// [`StoreError::Unsigned`] when no head covers it yet; [`StoreError::Corrupt`] when it is not there, or its log is
    /// not what was signed.
    pub async fn prove(&self, permit: &Permit, place: &TracePlace) -> Result<String, StoreError> {
        crate::demand(permit, |o| o == Operation::ReadTrace)?;
        let mut reader = self.readers.get().await?;
        let mut spaces = crate::merge::absorbed(&mut reader, &permit.space().to_string()).await?;
        spaces.push(permit.space().to_string());
        let mut sql =
            Sql::new("SELECT origin, seq, space_id, at_ms, sealed_event, commitment FROM trace WHERE space_id IN ");
        sql.list(spaces.iter()).push(" AND origin = ").value(&place.origin).push(" AND seq = ").value(place.seq);
        let row = reader.one(sql).await?;
        let Some(row) = row else {
            reader.done();
            return Err(StoreError::Corrupt { what: "event" });
        };
        let leaf = leaf_text(&row)?;
        let sql =
            Sql::new("SELECT note, size, stamp FROM log_head WHERE origin = $1 AND size >= $2 ORDER BY size LIMIT 1");
        let Some(head) = reader.one(sql.bind(&place.origin).bind(place.seq)).await? else {
            reader.done();
            return Err(StoreError::Unsigned);
        };
        let corrupt = || StoreError::Corrupt { what: "event" };
        let size = u64::try_from(head.int(1)?).map_err(|_| corrupt())?;
        let index = u64::try_from(place.seq - 1).map_err(|_| corrupt())?;
        let hashes = with_hashes(&mut reader, &place.origin, |given| prove_record(size, index, given)).await?;
        reader.done();
        let salted = self.keys.traces().open(&["trace", row.text(2)?], row.bytes(4)?)?;
        let (salt, text) = salted.split_at_checked(SALT).ok_or_else(corrupt)?;
        let shown = Shown {
            event: String::from_utf8(text.to_vec()).map_err(|_| corrupt())?,
            salt: STANDARD.encode(salt),
            sealed_sha256: leaf.sealed_sha256,
            seq: place.seq,
            stamp: head.maybe_bytes(2)?.map(|der| STANDARD.encode(der)),
        };
        let extra = STANDARD.encode(crate::records::json(&shown, "proof")?);
        let hashes: String = hashes.iter().map(|h| STANDARD.encode(h.0) + "\n").collect();
        Ok(format!("{PROOF}\nextra {extra}\nindex {index}\n{hashes}\n{}", head.text(0)?))
    }

    /// The proof that the log `origin` only grew between two of its signed heads, given by their sizes.
    ///
    /// # Errors
    /// [`StoreError::Unsigned`] when there is no such head, or as [`Store::prove`].
    pub async fn prove_growth(&self, origin: &str, from: u64, to: u64) -> Result<Consistency, StoreError> {
        let mut reader = self.readers.get().await?;
        let mut notes = Vec::new();
        for size in [from, to] {
            let sql = Sql::new("SELECT note FROM log_head WHERE origin = $1 AND size = $2");
            let row = reader.one(sql.bind(origin).bind(i64::try_from(size).unwrap_or(i64::MAX))).await?;
            let Some(row) = row.filter(|_| from > 0 && from <= to) else {
                reader.done();
                return Err(StoreError::Unsigned);
            };
            notes.push(row.text(0)?.to_owned());
        }
        let hashes = with_hashes(&mut reader, origin, |given| prove_tree(to, from, given)).await?;
        reader.done();
        let to = notes.pop().unwrap_or_default();
        let from = notes.pop().unwrap_or_default();
        Ok(Consistency { from, to, hashes: hashes.iter().map(|h| STANDARD.encode(h.0)).collect() })
    }

    /// Signs for logs whose process is no more: those of which events stand under no head and that nobody has committed to
    /// since `silent` ago. Returns how many.
    ///
    /// What stands in the database is not believed for standing there: the log must grow out of its last signed head, and
    /// every event above it must have been sealed by this gateway.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_left_logs(&self, silent: std::time::Duration) -> Result<u64, StoreError> {
        let Some(key) = &self.evidence else { return Ok(0) };
        let now = self.now_ms();
        let before = now.saturating_sub(i64::try_from(silent.as_millis()).unwrap_or(i64::MAX));
        let sql = Sql::new(
            "SELECT origin, size FROM log l WHERE beat_ms < $1 AND size > 0 AND NOT EXISTS \
             (SELECT 1 FROM log_head h WHERE h.origin = l.origin AND h.size >= l.size) ORDER BY origin LIMIT 20",
        );
        let mut reader = self.readers.get().await?;
        let mut heads = Vec::new();
        for row in reader.all(sql.bind(before)).await? {
            let origin = row.text(0)?;
            let size = u64::try_from(row.int(1)?).map_err(|_| StoreError::Corrupt { what: "log" })?;
            match self.left_root(&mut reader, &key.verifier(), origin, size).await {
                Ok(root) => heads.push(Head { origin: origin.to_owned(), size, root, at_ms: now }),
                // Somebody changed it: `verify` says where. Nothing is signed for.
                Err(StoreError::Corrupt { .. }) => tracing::error!(origin, "evidence.left_log_is_broken"),
                Err(error) => return Err(error),
            }
        }
        reader.done();
        let signed = heads.len() as u64;
        for head in heads {
            let note = key.sign(&head);
            let mut c = self.operations.get().await?;
            crate::batch::store_head(&mut c, &SignedHead { head, note: note.clone(), tail: None }).await?;
            c.done();
            self.writer.keep_outside(&note);
        }
        Ok(signed)
    }

    /// The root of a log of `size` events that grew out of its last signed head.
    async fn left_root(
        &self,
        reader: &mut Connection,
        verifier: &EvidenceVerifier,
        origin: &str,
        size: u64,
    ) -> Result<[u8; 32], StoreError> {
        let corrupt = || StoreError::Corrupt { what: "log" };
        let sql = Sql::new("SELECT note FROM log_head WHERE origin = $1 ORDER BY size DESC LIMIT 1").bind(origin);
        let signed = match reader.one(sql).await? {
            None => 0,
            Some(row) => {
                let head = verifier.open(row.text(0)?).filter(|head| head.origin == origin).ok_or_else(corrupt)?;
                if root(reader, origin, head.size).await? != head.root {
                    return Err(corrupt());
                }
                head.size
            }
        };
        // Above it, from the events themselves and not from hashes that stand beside them.
        let mut edge = with_hashes(reader, origin, |given| Edge::of(signed, given)).await?;
        let mut after = i64::try_from(signed).map_err(|_| corrupt())?;
        while edge.size < size {
            let sql = Sql::new(
                "SELECT origin, seq, space_id, at_ms, sealed_event, commitment FROM trace \
                 WHERE origin = $1 AND seq > $2 ORDER BY seq LIMIT 1000",
            );
            let rows = reader.all(sql.bind(origin).bind(after)).await?;
            if rows.is_empty() {
                return Err(corrupt());
            }
            for row in rows {
                after += 1;
                if row.int(1)? != after || !self.is_committed(&row) || edge.size >= size {
                    return Err(corrupt());
                }
                edge.push(leaf_text(&row)?.hash());
            }
        }
        let root = edge.root().0;
        // The hashes kept for proofs must say the same: a proof under this head is made from them.
        if self::root(reader, origin, size).await? != root {
            return Err(corrupt());
        }
        Ok(root)
    }
}

/// Checks a proof of one event: says what it proves, or nothing.
#[must_use]
pub fn check_proof(text: &str, verifier: &EvidenceVerifier) -> Option<Proven> {
    if text.len() > LONGEST {
        return None;
    }
    let (proof, note) = text.split_once("\n\n")?;
    let mut lines = proof.lines();
    if lines.next()? != PROOF {
        return None;
    }
    let shown = STANDARD.decode(lines.next()?.strip_prefix("extra ")?).ok()?;
    let shown: Shown = serde_json::from_slice(&shown).ok()?;
    let index: u64 = lines.next()?.strip_prefix("index ")?.parse().ok()?;
    let hashes = lines.map(|line| Hash::parse_hash(line).ok()).collect::<Option<Vec<_>>>()?;
    let head = verifier.open(note)?;
    let event: TraceEvent = serde_json::from_str(&shown.event).ok()?;
    let mut salted = STANDARD.decode(&shown.salt).ok()?;
    if salted.len() != SALT || u64::try_from(shown.seq).ok()?.checked_sub(1)? != index {
        return None;
    }
    salted.extend_from_slice(shown.event.as_bytes());
    let leaf = LeafText {
        origin: head.origin.clone(),
        seq: shown.seq,
        space: event.space.map_or_else(|| crate::trace_log::NO_SPACE.to_owned(), |s| s.to_string()),
        at_ms: event.at_ms,
        sealed_sha256: shown.sealed_sha256,
        commitment: hex(&commitment(&salted)),
    };
    check_record(&hashes, head.size, Hash(head.root), index, leaf.hash()).ok()?;
    let stamp = shown.stamp.map(|s| STANDARD.decode(s)).transpose().ok()?;
    Some(Proven { event, head, note: note.to_owned(), stamp })
}

/// Checks a proof of growth: gives both heads, or nothing.
#[must_use]
pub fn check_growth(proof: &Consistency, verifier: &EvidenceVerifier) -> Option<(Head, Head)> {
    let (from, to) = (verifier.open(&proof.from)?, verifier.open(&proof.to)?);
    let hashes = proof.hashes.iter().map(|h| Hash::parse_hash(h).ok()).collect::<Option<Vec<_>>>()?;
    let grew = from.origin == to.origin
        && from.size > 0
        && from.size <= to.size
        && check_tree(&hashes, to.size, Hash(to.root), from.size, Hash(from.root)).is_ok();
    grew.then_some((from, to))
}
