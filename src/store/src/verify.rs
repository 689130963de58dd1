//! Proving the store: every leaf and head of every trace log, every entry's bytes, every body's entry.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use aws_lc_rs::digest;
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    blobs::{StoredBody, hex},
    db::{Connection, Row, Sql},
    error::StoreError,
    evidence::{EvidenceVerifier, Head, LeafText, commitment},
    proofs::leaf_text,
    trace_log::{Block, Log, NO_SPACE},
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
    /// Versions of data that are no documents (measures…).
    pub data: u64,
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
        self.verify_traces(&mut reader, witness, &mut report).await?;
        let keys = self.all_keys(&mut reader).await?;
        self.verify_entries(&mut reader, &keys, &mut report).await?;
        Self::verify_data(&mut reader, &keys, &mut report).await?;
        self.verify_bodies(&mut reader, &keys, &mut report).await?;
        reader.commit().await?;
        reader.done();
        Ok(report)
    }

    async fn all_keys(&self, snapshot: &mut Connection) -> Result<SpaceKeys, StoreError> {
        let mut rows = snapshot.stream(Sql::new("SELECT master_id, wrapped, space_id FROM space_key"));
        let mut keys = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let space = row.text(2)?;
            keys.insert(space.to_owned(), self.keys.unwrap(space, &row).await?);
        }
        Ok(keys)
    }

    /// Every version that says something can be read back.
    async fn verify_data(snapshot: &mut Connection, keys: &SpaceKeys, report: &mut Report) -> Result<(), StoreError> {
        let text = "SELECT space_id, kind, datum_id, version, sealed_datum FROM datum WHERE sealed_datum IS NOT NULL";
        let mut rows = snapshot.stream(Sql::new(text));
        while let Some(row) = rows.try_next().await? {
            report.data += 1;
            let (space, kind, id, version) = (row.text(0)?, row.text(1)?, row.text(2)?, row.int(3)?);
            let Some(key) = keys.get(space) else {
                report.forgotten += 1;
                continue;
            };
            if crate::data::open(key, space, &crate::data::place(kind, id, version), row.bytes(4)?).is_err() {
                report.wrong(format!("{kind} {id}, version {version}"), "it cannot be read back");
            }
        }
        Ok(())
    }

    async fn verify_entries(
        &self,
        snapshot: &mut Connection,
        keys: &SpaceKeys,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let sql = Sql::new(
            "SELECT e.entry_uuid, e.sealed_metadata, b.size, k.sha256, b.sha256, e.space_id, e.body_id FROM document_entry e \
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
                // In another repository, or made on demand.
                (Some(_), None) if row.text(6)?.is_empty() => {}
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
        {
            let mut rows = snapshot.stream(orphans);
            while let Some(row) = rows.try_next().await? {
                report.wrong(format!("body {}", row.text(0)?), "the body has no entry");
            }
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
            let read = async { hash(self.opened(&row, key, space, &id).await?.1).await };
            let right = match read.await {
                Ok((sha256, length)) => {
                    i64::try_from(length).is_ok_and(|length| row.int(0).is_ok_and(|size| size == length))
                        && row.text(4)? == sha256
                }
                Err(error) if !error.is_damage() => return Err(error),
                Err(_) => false,
            };
            if !right {
                report.wrong(format!("body {id}"), "the bytes are absent or not those that were stored");
            }
        }
        for (id, _) in self.blobs.outside(None).await? {
            report.leftovers += u64::from(!published.contains(&id));
        }
        Ok(())
    }
}

/// Keys of the spaces that have one.
type SpaceKeys = HashMap<String, Arc<DataKey>>;

/// The logs while their events are read, log by log.
struct Checking {
    /// Signed heads by log.
    heads: HashMap<String, Vec<Head>>,
    /// Hashes of the blocks kept for proofs; none are looked for where none are kept.
    blocks: Option<HashMap<(String, i64), [u8; 32]>>,
    log: Option<Log>,
    full: Vec<Block>,
    expected: i64,
    /// Heads of the log at hand, the largest first: the next one is the last.
    of_log: Vec<Head>,
    /// How many events each log says it has; not known of an export.
    sizes: HashMap<String, i64>,
}

impl Checking {
    fn new(heads: HashMap<String, Vec<Head>>, blocks: Option<HashMap<(String, i64), [u8; 32]>>) -> Self {
        Self { heads, blocks, log: None, full: Vec::new(), expected: 1, of_log: Vec::new(), sizes: HashMap::new() }
    }

    /// The next event. Those of one log come together, in order.
    fn event(&mut self, leaf: &LeafText, report: &mut Report) {
        let LeafText { origin, seq, .. } = leaf;
        if self.log.as_ref().is_none_or(|log| log.origin != *origin) {
            self.conclude(report);
            report.origins += 1;
            self.log = Some(Log::new(origin.clone(), None));
            self.expected = 1;
            self.of_log = self.heads.remove(origin).unwrap_or_default();
            self.of_log.sort_by_key(|head| std::cmp::Reverse(head.size));
        }
        let Some(log) = &mut self.log else { return };
        report.events += 1;
        if *seq != self.expected {
            report.wrong(format!("trace {origin}/{seq}"), "events are missing before this one");
        }
        self.expected = seq.saturating_add(1);
        log.append(leaf.hash(), &mut self.full);
        if self.blocks.is_none() {
            self.full.clear();
        }
        let size = log.edge.size;
        while let Some(head) = self.of_log.pop_if(|head| head.size <= size) {
            // A head over nothing says nothing.
            if head.size != size {
                continue;
            }
            report.heads += 1;
            log.signed = size;
            if head.root != log.edge.root().0 {
                report.wrong(format!("head {origin}/{size}"), "events below this signed head are not those signed for");
            }
        }
    }

    /// What can be told of a log once all its events were read.
    fn conclude(&mut self, report: &mut Report) {
        let Some(log) = self.log.take() else { return };
        let (origin, size) = (&log.origin, log.edge.size);
        let told = self.sizes.remove(origin);
        if told.is_some_and(|told| u64::try_from(told) != Ok(size)) {
            report.wrong(format!("log {origin}"), "it has not as many events as it says");
        }
        if !self.of_log.is_empty() {
            report.wrong(format!("log {origin}"), "events at its end are missing that a head was signed for");
        }
        report.unsigned += size - log.signed;
        let Some(blocks) = &mut self.blocks else { return };
        for block in self.full.drain(..) {
            if blocks.remove(&(origin.clone(), block.number)) != Some(sha256(&block.hashes)) {
                let place = format!("block {origin}/{}", block.number);
                report.wrong(place, "the hashes kept for proofs are not the events'");
            }
        }
    }

    /// What can be told once all logs were read.
    fn finish(mut self, report: &mut Report) {
        self.conclude(report);
        for (origin, missing) in self.heads {
            if missing.iter().any(|h| h.size > 0) {
                report.wrong(format!("log {origin}"), "a whole log is missing that heads were signed for");
            }
        }
        for (origin, _) in self.sizes.into_iter().filter(|(_, size)| *size > 0) {
            report.wrong(format!("log {origin}"), "its events are missing");
        }
        for (origin, number) in self.blocks.unwrap_or_default().into_keys() {
            report.wrong(format!("block {origin}/{number}"), "hashes are kept of events that are not there");
        }
    }
}

/// The events of all logs, log by log, in order: what [`crate::proofs::leaf_text`] reads.
const LEAVES: &str = "SELECT origin, seq, space_id, at_ms, sealed_event, commitment FROM trace ORDER BY origin, seq";

impl Store {
    async fn verify_traces(
        &self,
        snapshot: &mut Connection,
        witness: &Witness,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let mut heads = outside_heads(witness);
        if let Some(verifier) = &witness.verifier {
            let mut rows = snapshot.stream(Sql::new("SELECT origin, size, note FROM log_head"));
            while let Some(row) = rows.try_next().await? {
                read_head(&mut heads, verifier, (row.text(0)?, row.int(1)?), row.text(2)?, report);
            }
        }
        let mut blocks: HashMap<(String, i64), [u8; 32]> = HashMap::new();
        {
            let mut rows = snapshot.stream(Sql::new("SELECT origin, number, hashes FROM log_block"));
            while let Some(row) = rows.try_next().await? {
                blocks.insert((row.text(0)?.to_owned(), row.int(1)?), sha256(row.bytes(2)?));
            }
        }
        let mut checking = Checking::new(heads, Some(blocks));
        for row in snapshot.all(Sql::new("SELECT origin, size FROM log")).await? {
            checking.sizes.insert(row.text(0)?.to_owned(), row.int(1)?);
        }
        let mut rows = snapshot.stream(Sql::new(LEAVES));
        while let Some(row) = rows.try_next().await? {
            let leaf = leaf_text(&row)?;
            if !self.is_committed(&row) {
                report.wrong(format!("trace {}/{}", leaf.origin, leaf.seq), "it is not an event of this gateway");
            }
            checking.event(&leaf, report);
        }
        drop(rows);
        checking.finish(report);
        Ok(())
    }

    /// Whether a row of `origin, seq, space_id, at_ms, sealed_event, commitment` was sealed by this gateway and is what its
    /// leaf commits to: who can write to the database but has no key makes none.
    pub(crate) fn is_committed(&self, row: &Row) -> bool {
        let committed = || -> Result<bool, StoreError> {
            let space = row.text(2)?;
            let salted = self.keys.traces().open(&["trace", space], row.bytes(4)?)?;
            let event = self.open_event(space, row.bytes(4)?)?;
            let of_space = event.space.map_or_else(|| NO_SPACE.to_owned(), |s| s.to_string());
            Ok(commitment(&salted) == row.bytes(5)? && event.at_ms == row.int(3)? && of_space == space)
        };
        committed().unwrap_or(false)
    }
}

fn outside_heads(witness: &Witness) -> HashMap<String, Vec<Head>> {
    let mut heads: HashMap<String, Vec<Head>> = HashMap::new();
    for head in &witness.heads {
        heads.entry(head.origin.clone()).or_default().push(head.clone());
    }
    heads
}

/// Takes a head from the store or an export, when it is signed and says what its place says.
fn read_head(
    heads: &mut HashMap<String, Vec<Head>>,
    verifier: &EvidenceVerifier,
    (origin, size): (&str, i64),
    note: &str,
    report: &mut Report,
) {
    match verifier.open(note) {
        Some(head) if head.origin == origin && i64::try_from(head.size) == Ok(size) => {
            heads.entry(head.origin.clone()).or_default().push(head);
        }
        _ => report.wrong(format!("head {origin}/{size}"), "the head is not signed by the gateway's key"),
    }
}

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Exported {
    /// A signed head; all of them stand before the events.
    Head { origin: String, size: i64, note: String },
    /// An event.
    Event(LeafText),
}

impl Store {
    /// Writes what the trace logs are proven by — signed heads and leaves, nothing of what they say — as JSON lines. It is
    /// checked by [`verify_export`], anywhere. Returns how many events it has.
    ///
    /// # Errors
    /// When the database fails or the text cannot be written.
    pub async fn export_logs(&self, out: &mut (dyn std::io::Write + Send)) -> Result<u64, StoreError> {
        let mut write = |line: &Exported| -> Result<(), StoreError> {
            serde_json::to_writer(&mut *out, line).map_err(|_| StoreError::Corrupt { what: "export" })?;
            Ok(out.write_all(b"\n")?)
        };
        let mut reader = self.readers.get().await?;
        reader.snapshot().await?;
        reader.unhurried().await?;
        for row in reader.all(Sql::new("SELECT origin, size, note FROM log_head ORDER BY origin, size")).await? {
            let (origin, note) = (row.text(0)?.to_owned(), row.text(2)?.to_owned());
            write(&Exported::Head { origin, size: row.int(1)?, note })?;
        }
        let mut events = 0;
        {
            let mut rows = reader.stream(Sql::new(LEAVES));
            while let Some(row) = rows.try_next().await? {
                write(&Exported::Event(leaf_text(&row)?))?;
                events += 1;
            }
        }
        reader.commit().await?;
        reader.done();
        Ok(events)
    }
}

/// Longest line of an export, in bytes.
const LINE: u64 = 16 * 1024;

/// Checks an export of trace logs: needs no store and no key but the public one.
///
/// # Errors
/// When the text cannot be read, or a line of it is none of an export.
pub fn verify_export(mut text: impl std::io::BufRead, witness: &Witness) -> Result<Report, StoreError> {
    use std::io::{BufRead as _, Read as _};
    let mut report = Report::default();
    let mut heads = outside_heads(witness);
    let mut checking: Option<Checking> = None;
    let mut line = String::new();
    loop {
        line.clear();
        if (&mut text).take(LINE).read_line(&mut line)? == 0 {
            break;
        }
        match serde_json::from_str(&line).map_err(|_| StoreError::Corrupt { what: "line of the export" })? {
            Exported::Head { origin, size, note } => {
                if checking.is_some() {
                    return Err(StoreError::Corrupt { what: "line of the export" });
                }
                if let Some(verifier) = &witness.verifier {
                    read_head(&mut heads, verifier, (&origin, size), &note, &mut report);
                }
            }
            Exported::Event(leaf) => {
                let checking = checking.get_or_insert_with(|| Checking::new(std::mem::take(&mut heads), None));
                checking.event(&leaf, &mut report);
            }
        }
    }
    checking.unwrap_or_else(|| Checking::new(heads, None)).finish(&mut report);
    Ok(report)
}

/// Hash and length of a body.
pub(crate) async fn hash(body: StoredBody) -> Result<(String, u64), StoreError> {
    match body {
        StoredBody::Whole(bytes) => Ok((hex(&sha256(&bytes)), bytes.len() as u64)),
        StoredBody::Stream(mut stream) => {
            let mut context = digest::Context::new(&digest::SHA256);
            let mut length = 0;
            while let Some(chunk) = stream.try_next().await? {
                context.update(&chunk);
                length += chunk.len() as u64;
            }
            Ok((hex(context.finish().as_ref()), length))
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}
