//! Proving the store: every leaf and head of every trace log, every entry's bytes, every body's entry.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use aws_lc_rs::digest;
use futures::TryStreamExt as _;
use serde::Serialize;

use crate::{
    Store,
    blobs::{StoredBody, hex},
    db::{Connection, Sql},
    error::StoreError,
    evidence::{EvidenceVerifier, Head, LeafParts, leaf},
    trace_log::{Block, Log},
    vault::DataKey,
};

/// What was looked at and what is wrong.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Trace logs.
    pub origins: u64,
    /// Events in them.
    pub events: u64,
    /// Signed heads, each checked against the events below it.
    pub heads: u64,
    /// Events that no signed head covers yet (the newest).
    pub unsigned: u64,
    /// Entries.
    pub entries: u64,
    /// Entries of spaces whose key was destroyed: nothing of them can be read.
    pub forgotten: u64,
    /// Bodies whose bytes were read and hashed.
    pub bodies: u64,
    /// Bodies outside that no row publishes, of uploads not yet given up (collected later).
    pub leftovers: u64,
    /// What is wrong, each with its place.
    pub problems: Vec<Problem>,
}

/// Something that breaks the proof.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// Where: a trace by origin and number, an entry or body by identifier.
    pub place: String,
    /// What.
    pub what: &'static str,
}

/// By what heads are checked.
#[derive(Debug, Default)]
pub struct Witness {
    /// Whose signature heads must carry; without it signatures are not looked at.
    pub verifier: Option<EvidenceVerifier>,
    /// Heads kept outside the store: what its owner cannot have rewritten.
    pub heads: Vec<Head>,
}

impl Report {
    fn wrong(&mut self, place: String, what: &'static str) {
        self.problems.push(Problem { place, what });
    }
}

impl Store {
    /// Checks the trace logs and the bodies.
    ///
    /// # Errors
    /// When the database or the disk fails; what is wrong in the data is in the report.
    pub async fn verify(&self, witness: &Witness) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let mut reader = self.readers.get().await?;
        // One snapshot, so that what is written meanwhile is not half seen.
        reader.snapshot().await?;
        reader.unhurried().await?;
        verify_traces(&mut reader, witness, &mut report).await?;
        let keys = self.all_keys(&mut reader).await?;
        self.verify_entries(&mut reader, &keys, &mut report).await?;
        self.verify_bodies(&mut reader, &keys, &mut report).await?;
        reader.commit().await?;
        reader.done();
        Ok(report)
    }

    async fn all_keys(&self, snapshot: &mut Connection) -> Result<SpaceKeys, StoreError> {
        let rows = snapshot.all(Sql::new("SELECT space_id FROM space_key")).await?;
        let mut keys = HashMap::with_capacity(rows.len());
        for row in rows {
            let space = row.text(0)?;
            keys.insert(space.to_owned(), self.keys.read(snapshot, space).await?);
        }
        Ok(keys)
    }

    async fn verify_entries(
        &self,
        snapshot: &mut Connection,
        keys: &SpaceKeys,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "SELECT e.entry_uuid, e.sealed_metadata, b.size, k.sha256, b.sha256, e.space_id FROM document_entry e \
             LEFT JOIN body b ON b.space_id = e.space_id AND b.body_id = e.body_id \
             LEFT JOIN unique_key k ON k.unique_id = e.unique_id AND k.space_id = e.space_id",
        );
        let mut rows = snapshot.stream(sql);
        while let Some(row) = rows.try_next().await? {
            report.entries += 1;
            let uuid = row.text(0)?;
            let place = format!("entry {uuid}");
            let space = row.text(5)?;
            let Some(key) = keys.get(space) else {
                report.forgotten += 1;
                continue;
            };
            let opened = key.open(&["entry", space, uuid], row.bytes(1)?);
            let entry = opened.ok().and_then(|t| serde_json::from_slice::<space::DocumentEntry>(&t).ok());
            let size = row.maybe_int(2)?;
            match (entry, size) {
                (None, _) => report.wrong(place, "the metadata cannot be read back"),
                (Some(_), None) => report.wrong(place, "the entry has no body"),
                (Some(e), Some(size)) if i64::try_from(e.size) != Ok(size) => {
                    report.wrong(place, "the entry and its body differ in size");
                }
                _ if row.maybe_text(3)? != row.maybe_text(4)? => {
                    report.wrong(place, "the entry's identifier is not bound to its body");
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn verify_bodies(
        &self,
        snapshot: &mut Connection,
        keys: &SpaceKeys,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        // A set difference is one pass over each table; a join would look for every body among all entries of its space.
        let orphans = Sql::new(
            "SELECT o.body_id FROM (SELECT space_id, body_id FROM body \
             EXCEPT SELECT space_id, body_id FROM document_entry) AS o",
        );
        for row in snapshot.all(orphans).await? {
            report.wrong(format!("body {}", row.text(0)?), "the body has no entry");
        }
        let mut published = HashSet::new();
        let sql = Sql::new("SELECT size, sealed_content, sealed_key, body_id, sha256, space_id FROM body");
        let mut rows = snapshot.stream(sql);
        while let Some(row) = rows.try_next().await? {
            let (id, space) = (row.text(3)?.to_owned(), row.text(5)?);
            if row.maybe_bytes(1)?.is_none() {
                published.insert(id.clone());
            }
            let Some(key) = keys.get(space) else { continue };
            report.bodies += 1;
            let right = match self.opened(&row, key, space, &id).await {
                Ok((size, body)) => hash(body).await.is_some_and(|(sha256, length)| {
                    length == size && row.text(4).is_ok_and(|expected| expected == sha256)
                }),
                Err(_) => false,
            };
            if !right {
                report.wrong(format!("body {id}"), "the bytes are absent or not those that were stored");
            }
        }
        for (id, _) in self.blobs.outside().await? {
            report.leftovers += u64::from(!published.contains(&id));
        }
        Ok(())
    }
}

/// Keys of the spaces that have one.
type SpaceKeys = HashMap<String, Arc<DataKey>>;

/// What is known of one log while its events are read.
struct Checking {
    log: Log,
    blocks: Vec<Block>,
    expected: i64,
    heads: Vec<Head>,
}

async fn verify_traces(snapshot: &mut Connection, witness: &Witness, report: &mut Report) -> Result<(), StoreError> {
    let mut heads = read_heads(snapshot, witness, report).await?;
    let mut blocks: HashMap<(String, i64), [u8; 32]> = HashMap::new();
    {
        let mut rows = snapshot.stream(Sql::new("SELECT origin, number, hashes FROM log_block"));
        while let Some(row) = rows.try_next().await? {
            blocks.insert((row.text(0)?.to_owned(), row.int(1)?), sha256(row.bytes(2)?));
        }
    }
    let sql = Sql::new("SELECT origin, seq, space_id, at_ms, sealed_event, commitment FROM trace ORDER BY origin, seq");
    let mut current: Option<Checking> = None;
    let mut rows = snapshot.stream(sql);
    while let Some(row) = rows.try_next().await? {
        let (origin, seq) = (row.text(0)?, row.int(1)?);
        if current.as_ref().is_none_or(|c| c.log.origin != origin) {
            if let Some(done) = current.take() {
                conclude(done, &mut blocks, report);
            }
            report.origins += 1;
            current = Some(Checking {
                log: Log::new(origin.to_owned(), None),
                blocks: Vec::new(),
                expected: 1,
                heads: heads.remove(origin).unwrap_or_default(),
            });
        }
        let Some(checking) = &mut current else { continue };
        report.events += 1;
        if seq != checking.expected {
            report.wrong(format!("trace {origin}/{seq}"), "events are missing before this one");
        }
        checking.expected = seq + 1;
        let hash = leaf(&LeafParts {
            origin,
            seq,
            space: row.text(2)?,
            at_ms: row.int(3)?,
            sealed: row.bytes(4)?,
            commitment: row.bytes(5)?,
        });
        checking.log.append(hash, &mut checking.blocks);
        let (size, root) = (checking.log.edge.size, checking.log.edge.root().0);
        for head in checking.heads.iter().filter(|h| h.size == size) {
            report.heads += 1;
            checking.log.signed = size;
            if head.root != root {
                report.wrong(format!("head {origin}/{size}"), "events below this signed head are not those signed for");
            }
        }
    }
    drop(rows);
    if let Some(done) = current.take() {
        conclude(done, &mut blocks, report);
    }
    for (origin, missing) in heads {
        if missing.iter().any(|h| h.size > 0) {
            report.wrong(format!("log {origin}"), "a whole log is missing that heads were signed for");
        }
    }
    for (origin, number) in blocks.into_keys() {
        report.wrong(format!("block {origin}/{number}"), "hashes are kept of events that are not there");
    }
    Ok(())
}

async fn read_heads(
    snapshot: &mut Connection,
    witness: &Witness,
    report: &mut Report,
) -> Result<HashMap<String, Vec<Head>>, StoreError> {
    let mut heads: HashMap<String, Vec<Head>> = HashMap::new();
    for head in &witness.heads {
        heads.entry(head.origin.clone()).or_default().push(head.clone());
    }
    let Some(verifier) = &witness.verifier else { return Ok(heads) };
    for row in snapshot.all(Sql::new("SELECT origin, size, note FROM log_head")).await? {
        let (origin, size) = (row.text(0)?, row.int(1)?);
        match verifier.open(row.text(2)?) {
            Some(head) if head.origin == origin && i64::try_from(head.size) == Ok(size) => {
                heads.entry(head.origin.clone()).or_default().push(head);
            }
            _ => report.wrong(format!("head {origin}/{size}"), "the head is not signed by the gateway's key"),
        }
    }
    Ok(heads)
}

/// What can be told of a log once all its events were read.
fn conclude(done: Checking, blocks: &mut HashMap<(String, i64), [u8; 32]>, report: &mut Report) {
    let origin = &done.log.origin;
    let size = done.log.edge.size;
    if done.heads.iter().any(|h| h.size > size) {
        report.wrong(format!("log {origin}"), "events at its end are missing that a head was signed for");
    }
    report.unsigned += size - done.log.signed;
    for block in &done.blocks {
        if blocks.remove(&(origin.clone(), block.number)) != Some(sha256(&block.hashes)) {
            report.wrong(format!("block {origin}/{}", block.number), "the hashes kept for proofs are not the events'");
        }
    }
}

async fn hash(body: StoredBody) -> Option<(String, u64)> {
    match body {
        StoredBody::Whole(bytes) => Some((hex(&sha256(&bytes)), bytes.len() as u64)),
        StoredBody::Stream(mut stream) => {
            let mut context = digest::Context::new(&digest::SHA256);
            let mut length = 0;
            while let Some(chunk) = stream.try_next().await.ok()? {
                context.update(&chunk);
                length += chunk.len() as u64;
            }
            Some((hex(context.finish().as_ref()), length))
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}
