//! Two spaces of one person made one: everything the one holds is sealed anew under the other's key and stands there, in
//! one transaction. What is left of it is its trace, its holder's identity, and where it went.

use std::sync::Arc;

use access::{Operation, Permit};
use serde::{Serialize, de::DeserializeOwned};
use space::{Cause, DocumentEntry, Folder, Ins, LocalId, SpaceId, SubmissionSet, hl7::Cx, trace::TraceEvent};

use crate::{
    Store, data,
    db::{Connection, Row, Sql},
    error::StoreError,
    holders::{Identity, space_id},
    identity::{self, NewNotice},
    links,
    records::{Deposit, Notification, json},
    vault::DataKey,
    writer::{Guard, Job, PreparedChange, SpaceChange},
};

/// Rows taken over at once.
const PAGE: i64 = 200;
/// Documents that one merge takes over at most: it keeps every other write waiting.
const MOST: i64 = 5_000;

/// A merge of two spaces, decided on both.
#[derive(Debug)]
pub struct Merge<'a> {
    /// Leave on the space that goes on.
    pub survivor: (&'a Permit, &'a TraceEvent),
    /// Leave on the space that is taken over.
    pub retired: (&'a Permit, &'a TraceEvent),
    /// The number that documents bear from then on.
    pub ins: &'a Ins,
    /// A structure's number that does not go on.
    pub dropped: Option<&'a LocalId>,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Consumers to be told.
    pub told: Vec<String>,
    /// What the holder is to be told.
    pub notifications: Vec<Notification>,
}

/// What a space needs to take another over.
#[derive(Debug, Clone)]
pub(crate) struct Absorption {
    retired: String,
    old: Arc<DataKey>,
    new: Arc<DataKey>,
    /// How the numbers of the retired space, and of those it had taken over, are found.
    ins_hashes: Vec<String>,
    patient_id: Cx,
    dropped: Option<String>,
    notices: Vec<NewNotice>,
}

impl Store {
    /// Makes one space of two, with a trace in both.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the settings of either changed since; [`StoreError::Conflict`] when both hold objects of
    /// one identifier, or the one that is taken over holds too many.
    pub async fn merge(&self, merge: Merge<'_>) -> Result<(), StoreError> {
        let (survivor, retired) = (merge.survivor.0, merge.retired.0);
        for permit in [survivor, retired] {
            crate::demand(permit, |o| o == Operation::Merge)?;
        }
        let (new, old) = (self.key_of(survivor).await?, self.key_of(retired).await?);
        let absorption = Absorption {
            retired: retired.space().to_string(),
            ins_hashes: self.numbers_of(&retired.space().to_string()).await?,
            patient_id: Cx(merge.ins.to_cx()),
            dropped: merge.dropped.map(|local| self.keys.local_hash(local)),
            notices: self.new_notices(merge.told, merge.at_ms),
            old,
            new,
        };
        let retire = PreparedChange::Retire { into: survivor.space().to_string(), at_ms: merge.at_ms };
        let parts = vec![
            SpaceChange {
                guard: Guard::on(survivor),
                change: PreparedChange::Absorb(Box::new(absorption)),
                trace: self.trace(merge.survivor.1)?,
                messages: self.sealed(&survivor.space().to_string(), merge.notifications)?,
            },
            SpaceChange {
                guard: Guard::on(retired),
                change: retire,
                trace: self.trace(merge.retired.1)?,
                messages: Vec::new(),
            },
        ];
        self.writer.submit(Job::Change(parts)).await.map(drop)
    }

    /// The number of a space's holder, as metadata bear it.
    pub(crate) async fn patient_id(&self, permit: &Permit, key: &DataKey) -> Result<Cx, StoreError> {
        let space = permit.space().to_string();
        let mut reader = self.readers.get().await?;
        let row = reader.one(Sql::new("SELECT sealed_identity FROM holder WHERE space_id = $1").bind(&space)).await?;
        reader.done();
        let row = row.ok_or(StoreError::Corrupt { what: "holder" })?;
        Ok(Cx(Identity::open(key, &space, row.bytes(0)?)?.ins()?.to_cx()))
    }

    /// How the number of a space's holder is found, and those of the spaces it took over. Taking one over raises the
    /// revision that a merge is decided on.
    async fn numbers_of(&self, space: &str) -> Result<Vec<String>, StoreError> {
        let mut reader = self.readers.get().await?;
        let mut spaces = absorbed(&mut reader, space).await?;
        spaces.push(space.to_owned());
        let mut hashes = Vec::with_capacity(spaces.len());
        for space in &spaces {
            let key = self.keys.read(&mut reader, space).await?;
            let sql = Sql::new("SELECT sealed_identity FROM holder WHERE space_id = $1").bind(space);
            let row = reader.one(sql).await?.ok_or(StoreError::Corrupt { what: "holder" })?;
            hashes.push(self.keys.ins_hash(&Identity::open(&key, space, row.bytes(0)?)?.ins()?));
        }
        reader.done();
        Ok(hashes)
    }
}

/// Lets a deposit bear a number.
pub(crate) fn rename(deposit: &mut Deposit, patient_id: &Cx) {
    let entries = deposit.entries.iter_mut().map(|new| &mut new.entry.patient_id);
    let folders = deposit.folders.iter_mut().map(|new| &mut new.folder.patient_id);
    for borne in entries.chain(folders).chain([&mut deposit.set.patient_id]) {
        borne.clone_from(patient_id);
    }
}

/// The spaces that one took over.
pub(crate) async fn absorbed(connection: &mut Connection, space: &str) -> Result<Vec<String>, StoreError> {
    let sql = Sql::new("SELECT space_id FROM merged_space WHERE into_space = $1").bind(space);
    connection.all(sql).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// The space that took one over.
pub(crate) async fn survivor(connection: &mut Connection, space: &str) -> Result<Option<SpaceId>, StoreError> {
    let sql = Sql::new("SELECT into_space FROM merged_space WHERE space_id = $1").bind(space);
    connection.one(sql).await?.map(|row| space_id(row.text(0)?)).transpose()
}

/// Looks at what stands against a merge.
pub(crate) async fn check(connection: &mut Connection, space: &str, absorption: &Absorption) -> Result<(), StoreError> {
    let sql = Sql::new("SELECT COUNT(*) FROM document_entry WHERE space_id = $1").bind(&absorption.retired);
    if connection.one(sql).await?.map_or(Ok(0), |row| row.int(0))? > MOST {
        return Err(StoreError::conflict(Cause::TooLarge, None));
    }
    links::check(connection, &absorption.retired, space).await?;
    // What is yet to be passed on is sealed for the space it came into.
    let sql = Sql::new("SELECT set_uuid FROM upstream WHERE space_id = $1 AND state <> 'sent' LIMIT 1");
    if connection.one(sql.bind(&absorption.retired)).await?.is_some() {
        return Err(StoreError::conflict(Cause::Busy, None));
    }
    for table in ["document_entry", "submission_set", "folder", "association"] {
        let text = format!(
            "SELECT a.entry_uuid FROM {table} a JOIN {table} b ON b.entry_uuid = a.entry_uuid \
             WHERE a.space_id = $1 AND b.space_id = $2 LIMIT 1"
        );
        if connection.one(Sql::new(&text).bind(&absorption.retired).bind(space)).await?.is_some() {
            return Err(StoreError::conflict(Cause::MergeRefused, None));
        }
    }
    Ok(())
}

/// Leaves of a space that it was merged, and nothing it could be found by.
pub(crate) async fn retire(connection: &mut Connection, space: &str, into: &str, at_ms: i64) -> Result<(), StoreError> {
    // Who followed the one follows the other only by asking again: it may not be open to him.
    for table in ["trait_index", "reference_notice", "subscription", "publication"] {
        let text = format!("DELETE FROM {table} WHERE space_id = $1");
        connection.execute(Sql::new(&text).bind(space)).await?;
    }
    let sql = Sql::new("UPDATE merged_space SET into_space = $1 WHERE into_space = $2").bind(into).bind(space);
    connection.execute(sql).await?;
    let sql = Sql::new("INSERT INTO merged_space (space_id, into_space, merged_ms) VALUES ($1, $2, $3)");
    connection.execute(sql.bind(space).bind(into).bind(at_ms)).await?;
    connection.execute(Sql::new("UPDATE space SET state = 'merged' WHERE space_id = $1").bind(space)).await.map(drop)
}

/// Takes over all that another space holds.
pub(crate) async fn absorb(connection: &mut Connection, space: &str, a: &Absorption) -> Result<(), StoreError> {
    if let Some(hash) = &a.dropped {
        identity::unlink(connection, &a.retired, hash, &[]).await?;
    }
    identity::move_numbers(connection, (&a.retired, &a.old), (space, &a.new)).await?;
    for hash in &a.ins_hashes {
        let sql = Sql::new("UPDATE ins_index SET space_id = $1 WHERE ins_hash = $2").bind(space);
        connection.execute(sql.bind(hash)).await?;
    }
    let moving = Moving { from: &a.retired, to: space, absorption: a };
    moving.sets(connection).await?;
    moving.entries(connection).await?;
    moving.folders(connection).await?;
    moving.bodies(connection).await?;
    moving.data(connection).await?;
    let sql = Sql::new("UPDATE association SET space_id = $1 WHERE space_id = $2");
    connection.execute(sql.bind(space).bind(&a.retired)).await?;
    settings(connection, &a.retired, space).await?;
    links::take_over(connection, &a.retired, space).await?;
    identity::queue(connection, space, &a.notices).await
}

/// What is set on the one comes to be set on the other: blocks and refusals of either hold.
async fn settings(connection: &mut Connection, from: &str, to: &str) -> Result<(), StoreError> {
    // A block takes the place of what stands; an authorisation stands only where nothing does.
    let blocks = "INSERT INTO authorisation (space_id, grantee, is_structure, kind, since_ms) \
         SELECT $1, a.grantee, a.is_structure, a.kind, a.since_ms FROM authorisation a \
         WHERE a.space_id = $2 AND a.kind <> 'given' \
         ON CONFLICT (space_id, grantee, is_structure) DO UPDATE SET kind = excluded.kind, since_ms = excluded.since_ms";
    let given = "INSERT INTO authorisation (space_id, grantee, is_structure, kind, since_ms) \
         SELECT $1, a.grantee, a.is_structure, a.kind, a.since_ms FROM authorisation a \
         WHERE a.space_id = $2 AND a.kind = 'given' ON CONFLICT (space_id, grantee, is_structure) DO NOTHING";
    let traitants = "INSERT INTO medecin_traitant (space_id, professional) \
         SELECT $1, m.professional FROM medecin_traitant m WHERE m.space_id = $2 ON CONFLICT DO NOTHING";
    for text in [blocks, given, traitants] {
        connection.execute(Sql::new(text).bind(to).bind(from)).await?;
    }
    for text in ["DELETE FROM authorisation WHERE space_id = $1", "DELETE FROM medecin_traitant WHERE space_id = $1"] {
        connection.execute(Sql::new(text).bind(from)).await?;
    }
    let sql = Sql::new("SELECT centre15, bris_de_glace, emergency_masked FROM space WHERE space_id = $1").bind(from);
    let row = connection.one(sql).await?.ok_or(StoreError::Corrupt { what: "space" })?;
    for (index, column) in ["centre15", "bris_de_glace", "emergency_masked"].into_iter().enumerate() {
        if !row.boolean(index)? {
            let text = format!("UPDATE space SET {column} = FALSE WHERE space_id = $1");
            connection.execute(Sql::new(&text).bind(to)).await?;
        }
    }
    let opposed = "UPDATE space SET feeding_opposed = TRUE WHERE space_id = $1 \
         AND EXISTS (SELECT 1 FROM space f WHERE f.space_id = $2 AND f.feeding_opposed)";
    connection.execute(Sql::new(opposed).bind(to).bind(from)).await?;
    Ok(())
}

/// Rows on their way from one space to the other.
struct Moving<'a> {
    from: &'a str,
    to: &'a str,
    absorption: &'a Absorption,
}

impl Moving<'_> {
    /// The next rows that are still in the space they come from.
    async fn page(&self, connection: &mut Connection, what: &str) -> Result<Vec<Row>, StoreError> {
        let text = format!("SELECT {what} WHERE space_id = $1 LIMIT $2");
        connection.all(Sql::new(&text).bind(self.from).bind(PAGE)).await
    }

    /// Metadata as they stand in the other space: they bear its number.
    fn sealed_anew<T: Serialize + DeserializeOwned>(
        &self,
        kind: &'static str,
        uuid: &str,
        sealed: &[u8],
        set: impl Fn(&mut T, Cx),
    ) -> Result<Vec<u8>, StoreError> {
        let text = self.absorption.old.open(&[kind, self.from, uuid], sealed)?;
        let mut object: T = serde_json::from_slice(&text).map_err(|_| StoreError::Corrupt { what: "metadata" })?;
        set(&mut object, self.absorption.patient_id.clone());
        self.absorption.new.seal(&[kind, self.to, uuid], json(&object, "metadata")?.as_bytes())
    }

    /// What is neither read nor changed on its way.
    fn carried(&self, kind: &str, id: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let text = self.absorption.old.open(&[kind, self.from, id], sealed)?;
        self.absorption.new.seal(&[kind, self.to, id], &text)
    }

    /// An identifier's binding comes along.
    async fn bind(&self, connection: &mut Connection, unique_id: &str) -> Result<(), StoreError> {
        let sql = Sql::new("UPDATE unique_key SET space_id = $1 WHERE unique_id = $2 AND space_id = $3");
        connection.execute(sql.bind(self.to).bind(unique_id).bind(self.from)).await.map(drop)
    }

    async fn sets(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let what = "entry_uuid, unique_id, sealed_metadata, sealed_original FROM submission_set";
        loop {
            let rows = self.page(connection, what).await?;
            for row in &rows {
                let uuid = row.text(0)?;
                let set = |set: &mut SubmissionSet, patient| set.patient_id = patient;
                let metadata = self.sealed_anew("set", uuid, row.bytes(2)?, set)?;
                let original = self.absorption.old.open(&["original", self.from, uuid], row.bytes(3)?)?;
                let original = self.absorption.new.seal_packed(&["original", self.to, uuid], &original)?;
                let sql = Sql::new(
                    "UPDATE submission_set SET space_id = $1, sealed_metadata = $2, sealed_original = $3 \
                     WHERE space_id = $4 AND entry_uuid = $5",
                );
                let sql = sql.bind(self.to).bind(metadata).bind(original).bind(self.from).bind(uuid);
                connection.execute(sql).await?;
                self.bind(connection, row.text(1)?).await?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }

    async fn entries(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let set = |entry: &mut DocumentEntry, patient| entry.patient_id = patient;
        self.objects(connection, "document_entry", "entry", set).await
    }

    async fn folders(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let set = |folder: &mut Folder, patient| folder.patient_id = patient;
        self.objects(connection, "folder", "folder", set).await
    }

    async fn objects<T: Serialize + DeserializeOwned>(
        &self,
        connection: &mut Connection,
        table: &str,
        kind: &'static str,
        set: impl Fn(&mut T, Cx) + Copy,
    ) -> Result<(), StoreError> {
        let what = format!("entry_uuid, unique_id, sealed_metadata FROM {table}");
        let update =
            format!("UPDATE {table} SET space_id = $1, sealed_metadata = $2 WHERE space_id = $3 AND entry_uuid = $4");
        loop {
            let rows = self.page(connection, &what).await?;
            for row in &rows {
                let uuid = row.text(0)?;
                let metadata = self.sealed_anew(kind, uuid, row.bytes(2)?, set)?;
                let sql = Sql::new(&update).bind(self.to).bind(metadata).bind(self.from).bind(uuid);
                connection.execute(sql).await?;
                self.bind(connection, row.text(1)?).await?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }

    /// Data come along under their own ids; a name that the other space has already is theirs no more.
    async fn data(&self, connection: &mut Connection) -> Result<(), StoreError> {
        loop {
            let what = "kind, datum_id, version, sealed_datum, present FROM datum";
            let rows = self.page(connection, what).await?;
            for row in &rows {
                let (kind, id, version) = (row.text(0)?, row.text(1)?, row.int(2)?);
                let (old, new) = (&self.absorption.old, &self.absorption.new);
                let moved = row.maybe_bytes(3)?;
                let moved = moved.map(|s| data::carried((self.from, old), (self.to, new), (kind, id, version), s));
                let (sealed, mut name) = moved.transpose()?.map_or((None, None), |(sealed, name)| (Some(sealed), name));
                if let Some(hash) = name.as_ref().filter(|_| row.boolean(4).unwrap_or_default())
                    && data::is_named(connection, self.to, kind, hash).await?
                {
                    name = None;
                }
                let name = name.filter(|_| row.boolean(4).unwrap_or_default());
                let sql = Sql::new(
                    "UPDATE datum SET space_id = $1, sealed_datum = $2, name_hash = $3 \
                     WHERE space_id = $4 AND kind = $5 AND datum_id = $6 AND version = $7",
                );
                let sql = sql.bind(self.to).bind(sealed).bind(name).bind(self.from).bind(kind).bind(id).bind(version);
                connection.execute(sql).await?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }

    async fn bodies(&self, connection: &mut Connection) -> Result<(), StoreError> {
        loop {
            let rows = self.page(connection, "body_id, sealed_content, sealed_key FROM body").await?;
            for row in &rows {
                let id = row.text(0)?;
                let content = row.maybe_bytes(1)?.map(|sealed| self.carried("body", id, sealed)).transpose()?;
                let key = row.maybe_bytes(2)?.map(|sealed| self.carried("body key", id, sealed)).transpose()?;
                let sql = Sql::new(
                    "UPDATE body SET space_id = $1, sealed_content = $2, sealed_key = $3 \
                     WHERE space_id = $4 AND body_id = $5",
                );
                let sql = sql.bind(self.to).bind(content).bind(key).bind(self.from).bind(id);
                connection.execute(sql).await?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }
}
