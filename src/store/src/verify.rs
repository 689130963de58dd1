//! Proving the store: every link of every trace log, every entry's bytes, every body's entry.

use aws_lc_rs::digest;
use futures::TryStreamExt as _;
use serde::Serialize;
use space::trace::TraceEvent;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::{
    Store,
    blobs::{StoredBody, hex},
    error::StoreError,
    trace_log::link_hash,
};

/// What was looked at and what is wrong.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Trace logs.
    pub origins: u64,
    /// Events in them.
    pub events: u64,
    /// Entries.
    pub entries: u64,
    /// Bodies whose bytes were read and hashed.
    pub bodies: u64,
    /// Bodies in files that no row publishes, of uploads not yet given up (collected later).
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
    pub async fn verify(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        // One snapshot, so that what is written meanwhile is not half seen.
        let mut reader = self.readers.get().await?;
        let mut snapshot = reader.begin().await?;
        verify_traces(&mut snapshot, &mut report).await?;
        verify_entries(&mut snapshot, &mut report).await?;
        self.verify_bodies(&mut snapshot, &mut report).await?;
        snapshot.commit().await?;
        reader.done();
        Ok(report)
    }

    async fn verify_bodies(&self, snapshot: &mut SqliteConnection, report: &mut Report) -> Result<(), StoreError> {
        // A set difference is one pass over each table; a join would look for every body among all entries of its space.
        let orphans: Vec<String> = sqlx::query_scalar(
            "SELECT o.body_id FROM (SELECT space_id, body_id FROM body \
             EXCEPT SELECT space_id, body_id FROM document_entry) AS o",
        )
        .fetch_all(&mut *snapshot)
        .await?;
        for body in orphans {
            report.wrong(format!("body {body}"), "the body has no entry");
        }
        let mut published = std::collections::HashSet::new();
        let mut rows = sqlx::query("SELECT body_id, size, sha256, content, content IS NULL FROM body").fetch(snapshot);
        while let Some(row) = rows.try_next().await? {
            report.bodies += 1;
            let (id, size): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            let in_file: bool = row.try_get(4)?;
            let found = if in_file {
                self.hash_file(&id, u64::try_from(size).unwrap_or(0)).await
            } else {
                Some(hash(row.try_get::<&[u8], _>(3)?))
            };
            let right = found.as_ref().is_some_and(|(hash, length)| {
                i64::try_from(*length) == Ok(size) && row.try_get::<&str, _>(2).is_ok_and(|sha| sha == hash)
            });
            if !right {
                report.wrong(format!("body {id}"), "the bytes are absent or not those that were stored");
            }
            if in_file {
                published.insert(id);
            }
        }
        for (id, _, over) in self.blobs.files()? {
            if !published.contains(&id) {
                report.leftovers += 1;
                if over {
                    report.wrong(format!("body {id}"), "a file that no entry publishes was not collected");
                }
            }
        }
        Ok(())
    }

    async fn hash_file(&self, body_id: &str, size: u64) -> Option<(String, u64)> {
        match self.blobs.read(body_id, size).await.ok()? {
            StoredBody::Whole(bytes) => Some(hash(&bytes)),
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
}

async fn verify_traces(snapshot: &mut SqliteConnection, report: &mut Report) -> Result<(), StoreError> {
    let mut rows =
        sqlx::query("SELECT origin, seq, space_id, event, hash, at_ms FROM trace ORDER BY origin, seq").fetch(snapshot);
    let (mut origin, mut expected, mut previous) = (String::new(), 1i64, String::new());
    while let Some(row) = rows.try_next().await? {
        let (this, seq): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let (space, event, hash): (&str, &str, &str) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
        let at_ms: i64 = row.try_get(5)?;
        if this != origin {
            report.origins += 1;
            (origin, expected, previous) = (this, 1, String::new());
        }
        report.events += 1;
        let place = || format!("trace {origin}/{seq}");
        if seq != expected {
            report.wrong(place(), "events are missing before this one");
        } else if link_hash(&previous, &origin, seq, space, event) != hash {
            report.wrong(place(), "the hash does not follow from the event and the one before");
        } else if serde_json::from_str::<TraceEvent>(event).is_ok_and(|e| e.at_ms != at_ms) {
            // The column is what listings are ordered and bounded by; the event is what is linked.
            report.wrong(place(), "the instant it is listed under is not that of the event");
        }
        (expected, previous) = (seq + 1, hash.to_owned());
    }
    Ok(())
}

async fn verify_entries(snapshot: &mut SqliteConnection, report: &mut Report) -> Result<(), StoreError> {
    let mut rows = sqlx::query(
        "SELECT e.entry_uuid, e.metadata, b.size, k.sha256, b.sha256 FROM document_entry e \
         LEFT JOIN body b ON b.space_id = e.space_id AND b.body_id = e.body_id \
         LEFT JOIN unique_key k ON k.unique_id = e.unique_id AND k.space_id = e.space_id",
    )
    .fetch(snapshot);
    while let Some(row) = rows.try_next().await? {
        report.entries += 1;
        let place = format!("entry {}", row.try_get::<&str, _>(0)?);
        let entry: Result<space::DocumentEntry, _> = serde_json::from_str(row.try_get(1)?);
        let size: Option<i64> = row.try_get(2)?;
        match (entry, size) {
            (Err(_), _) => report.wrong(place, "the metadata cannot be read back"),
            (Ok(_), None) => report.wrong(place, "the entry has no body"),
            (Ok(e), Some(size)) if i64::try_from(e.size) != Ok(size) => {
                report.wrong(place, "the entry and its body differ in size");
            }
            _ => {
                let (key, body): (Option<&str>, Option<&str>) = (row.try_get(3)?, row.try_get(4)?);
                if key != body {
                    report.wrong(place, "the entry's identifier is not bound to its body");
                }
            }
        }
    }
    Ok(())
}

fn hash(bytes: &[u8]) -> (String, u64) {
    (hex(digest::digest(&digest::SHA256, bytes).as_ref()), bytes.len() as u64)
}
