//! Data of a space that are no documents: one row a version, sealed; the present one found by its kind, code and time.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
};

use access::{DataAction, Operation, Permit};
use space::{
    data::{Authorship, Content, Datum, DatumKind, Relation, StoredDatum, TimeTest},
    trace::TraceEvent,
};

use crate::{
    Store,
    batch::insert,
    db::{Connection, Row, Sql, Value},
    error::StoreError,
    records::{Notification, json},
    vault::DataKey,
    writer::{Guard, Job},
};

/// What the model knows of a datum.
#[derive(serde::Serialize, serde::Deserialize)]
struct Model<'a> {
    content: Cow<'a, Content>,
    author: Cow<'a, Authorship>,
}

const COLUMNS: &str = "SELECT datum_id, version, recorded_ms, sealed_datum FROM datum WHERE space_id = ";

/// A version of a datum to be stored.
#[derive(Debug, Clone)]
pub struct DatumWrite {
    /// What it is.
    pub kind: DatumKind,
    /// Its id, a UUID.
    pub id: String,
    /// The version it takes the place of; 0 of a datum that is new.
    pub base: u32,
    /// What it says; nothing to take it away, with all its versions.
    pub datum: Option<Datum>,
}

/// Which data are looked for, in order of time.
#[derive(Debug, Clone)]
pub struct DataQuery {
    /// What.
    pub kind: DatumKind,
    /// Of these codes; of any when empty.
    pub codes: Vec<String>,
    /// Times that all stand to theirs as is said.
    pub times: Vec<TimeTest>,
    /// Newest first, or oldest first.
    pub newest_first: bool,
    /// Only those after this one: the last of the page before.
    pub after: Option<(i64, String)>,
    /// At most so many.
    pub limit: usize,
}

impl DataQuery {
    /// Every datum of a kind, newest first.
    #[must_use]
    pub const fn of(kind: DatumKind, limit: usize) -> Self {
        Self { kind, codes: Vec::new(), times: Vec::new(), newest_first: true, after: None, limit }
    }
}

/// A version, sealed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PreparedDatum {
    kind: &'static str,
    id: String,
    base: i64,
    code: String,
    at_ms: i64,
    until_ms: i64,
    name_hash: Option<String>,
    sealed: Option<Vec<u8>>,
}

impl PreparedDatum {
    /// Seals a version under the key of its space.
    pub(crate) fn of(space: &str, write: DatumWrite, key: &DataKey) -> Result<Self, StoreError> {
        let (kind, base) = (write.kind.word(), i64::from(write.base));
        let sealed = write.datum.as_ref().map(|d| seal(key, space, &place(kind, &write.id, base + 1), d));
        let content = write.datum.as_ref().map(|d| &d.content);
        let name = write.datum.as_ref().and_then(Datum::natural_key);
        Ok(Self {
            kind,
            base,
            code: content.map_or("", |c| c.code()).to_owned(),
            at_ms: content.map_or(0, Content::at_ms),
            until_ms: content.map_or(0, Content::until_ms),
            name_hash: name.map(|name| name_hash(key, kind, &name)),
            sealed: sealed.transpose()?,
            id: write.id,
        })
    }
}

pub(crate) fn place(kind: &str, id: &str, version: i64) -> [String; 3] {
    [kind.to_owned(), id.to_owned(), version.to_string()]
}

/// What is sealed: the length of the model's JSON, that, and the text the datum came as, which is not written into JSON a
/// second time.
fn seal(key: &DataKey, space: &str, place: &[String; 3], datum: &Datum) -> Result<Vec<u8>, StoreError> {
    let model = json(&Model { content: Cow::Borrowed(&datum.content), author: Cow::Borrowed(&datum.author) }, "datum")?;
    let original = datum.original.as_deref().unwrap_or_default();
    let length = u32::try_from(model.len()).map_err(|_| StoreError::Corrupt { what: "datum" })?;
    let mut packed = Vec::with_capacity(4 + model.len() + original.len());
    packed.extend_from_slice(&length.to_le_bytes());
    packed.extend_from_slice(model.as_bytes());
    packed.extend_from_slice(original.as_bytes());
    key.seal(&["datum", space, &place[0], &place[1], &place[2]], &packed)
}

pub(crate) fn open(key: &DataKey, space: &str, place: &[String; 3], sealed: &[u8]) -> Result<Datum, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "datum" };
    let packed = key.open(&["datum", space, &place[0], &place[1], &place[2]], sealed)?;
    let (length, rest) = packed.split_first_chunk::<4>().ok_or_else(corrupt)?;
    let (model, original) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(corrupt)?;
    let Model { content, author } = serde_json::from_slice(model).map_err(|_| corrupt())?;
    let original = String::from_utf8(original.to_vec()).map_err(|_| corrupt())?;
    let original = Some(original).filter(|text| !text.is_empty());
    Ok(Datum { content: content.into_owned(), author: author.into_owned(), original })
}

fn name_hash(key: &DataKey, kind: &str, name: &str) -> String {
    key.lookup(&["datum", kind, name])
}

/// A version as another space keeps it, with the hash of its name there.
pub(crate) fn carried(
    (from, old): (&str, &DataKey),
    (to, new): (&str, &DataKey),
    (kind, id, version): (&str, &str, i64),
    sealed: &[u8],
) -> Result<(Vec<u8>, Option<String>), StoreError> {
    let place = place(kind, id, version);
    let datum = open(old, from, &place, sealed)?;
    let name = datum.natural_key().map(|name| name_hash(new, kind, &name));
    Ok((seal(new, to, &place, &datum)?, name))
}

/// Whether a space has a datum of that name.
pub(crate) async fn is_named(
    connection: &mut Connection,
    space: &str,
    kind: &str,
    hash: &str,
) -> Result<bool, StoreError> {
    let text = "SELECT 1 FROM datum WHERE space_id = $1 AND kind = $2 AND name_hash = $3 AND present";
    Ok(connection.one(Sql::new(text).bind(space).bind(kind).bind(hash)).await?.is_some())
}

/// What stands of the data a batch writes: kept up to date as its jobs are accepted.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// (space, kind, id) → the present version.
    versions: HashMap<(String, &'static str, String), i64>,
    /// (space, kind, hash) of names that are taken.
    names: HashSet<(String, &'static str, String)>,
}

impl Standing {
    pub(crate) async fn read(
        connection: &mut Connection,
        writes: &BTreeSet<(&str, &PreparedDatum)>,
    ) -> Result<Self, StoreError> {
        let mut standing = Self::default();
        for (space, write) in writes {
            // A new datum's id is random: nothing can stand under it.
            if write.base > 0 {
                let text = "SELECT version FROM datum WHERE space_id = $1 AND kind = $2 AND datum_id = $3 AND present";
                let sql = Sql::new(text).bind(*space).bind(write.kind).bind(&write.id);
                if let Some(row) = connection.one(sql).await? {
                    let place = ((*space).to_owned(), write.kind, write.id.clone());
                    standing.versions.insert(place, row.int(0)?);
                }
            } else if let Some(hash) = &write.name_hash
                && is_named(connection, space, write.kind, hash).await?
            {
                standing.names.insert(((*space).to_owned(), write.kind, hash.clone()));
            }
        }
        Ok(standing)
    }

    /// Whether versions are written on what they were decided on; else they are decided again.
    pub(crate) fn judge(&mut self, space: &str, writes: &[PreparedDatum]) -> Result<(), StoreError> {
        let name = |w: &PreparedDatum| w.name_hash.clone().map(|hash| (space.to_owned(), w.kind, hash));
        for write in writes {
            let place = (space.to_owned(), write.kind, write.id.clone());
            let taken = write.base == 0 && name(write).is_some_and(|name| self.names.contains(&name));
            if taken || (write.base > 0 && self.versions.get(&place) != Some(&write.base)) {
                return Err(StoreError::Stale);
            }
        }
        for write in writes {
            let place = (space.to_owned(), write.kind, write.id.clone());
            self.names.extend(name(write));
            match write.sealed {
                Some(_) => self.versions.insert(place, write.base + 1),
                None => self.versions.remove(&place),
            };
        }
        Ok(())
    }
}

/// Writes the versions of a batch: space, instant, version.
pub(crate) async fn write(
    connection: &mut Connection,
    writes: &[(&str, i64, &PreparedDatum)],
) -> Result<(), StoreError> {
    let (new, later): (Vec<_>, Vec<_>) = writes.iter().copied().partition(|(_, _, w)| w.base == 0);
    insert_rows(connection, &new).await?;
    for one in later {
        let (space, _, write) = one;
        let text = match write.sealed {
            Some(_) => {
                "UPDATE datum SET present = FALSE, name_hash = NULL \
                 WHERE space_id = $1 AND kind = $2 AND datum_id = $3 AND version = $4"
            }
            // Nothing of it is left, of no version.
            None => {
                "UPDATE datum SET present = FALSE, name_hash = NULL, sealed_datum = NULL, code = '', at_ms = 0, until_ms = 0 \
                 WHERE space_id = $1 AND kind = $2 AND datum_id = $3 AND version <= $4"
            }
        };
        connection.execute(Sql::new(text).bind(space).bind(write.kind).bind(&write.id).bind(write.base)).await?;
        insert_rows(connection, &[one]).await?;
    }
    Ok(())
}

async fn insert_rows(connection: &mut Connection, writes: &[(&str, i64, &PreparedDatum)]) -> Result<(), StoreError> {
    let text = "INSERT INTO datum (space_id, kind, datum_id, version, present, code, at_ms, until_ms, recorded_ms, name_hash, \
                sealed_datum)";
    insert(connection, text, writes, |(space, at_ms, write)| {
        [
            (*space).into(),
            write.kind.into(),
            (&write.id).into(),
            (write.base + 1).into(),
            write.sealed.is_some().into(),
            (&write.code).into(),
            write.at_ms.into(),
            write.until_ms.into(),
            (*at_ms).into(),
            write.name_hash.clone().into(),
            Value::Bytes(write.sealed.clone()),
        ]
    })
    .await
}

fn reads(operation: Operation) -> bool {
    matches!(operation, Operation::Data(_))
}

impl Store {
    /// Stores versions of data with the trace of it: all of them, or none.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the settings, or what the versions take the place of, changed since.
    pub async fn write_data(
        &self,
        permit: &Permit,
        writes: Vec<DatumWrite>,
        event: &TraceEvent,
        notifications: Vec<Notification>,
    ) -> Result<(), StoreError> {
        crate::demand(permit, |o| match o {
            Operation::Data(DataAction::Add | DataAction::Change) => writes.iter().all(|w| w.datum.is_some()),
            Operation::Data(DataAction::Remove) => writes.iter().all(|w| w.datum.is_none()),
            _ => false,
        })?;
        self.blobs.room().check()?;
        let key = self.key_of(permit).await?;
        let space = permit.space().to_string();
        let writes = writes.into_iter().map(|w| PreparedDatum::of(&space, w, &key)).collect::<Result<_, _>>()?;
        let messages = self.sealed(&space, notifications)?;
        let job = Job::Data { guard: Guard::on(permit), writes, trace: self.trace(event)?, messages };
        self.writer.submit(job).await.map(drop)
    }

    /// The last version of a datum; without content when it was taken away, none when it never was.
    ///
    /// # Errors
    /// When the permit is for something else, or the database fails.
    pub async fn datum(&self, permit: &Permit, kind: DatumKind, id: &str) -> Result<Option<StoredDatum>, StoreError> {
        let mut sql = self.of_space(permit, kind)?;
        sql.push(" AND datum_id = ").value(id).push(" ORDER BY version DESC LIMIT 1");
        Ok(self.opened_data(permit, kind, sql).await?.pop())
    }

    /// One version of a datum; without content when the datum was taken away, none when it never was.
    ///
    /// # Errors
    /// As [`Store::datum`].
    pub async fn datum_version(
        &self,
        permit: &Permit,
        kind: DatumKind,
        id: &str,
        version: u32,
    ) -> Result<Option<StoredDatum>, StoreError> {
        let mut sql = self.of_space(permit, kind)?;
        sql.push(" AND datum_id = ").value(id).push(" AND version = ").value(i64::from(version));
        Ok(self.opened_data(permit, kind, sql).await?.pop())
    }

    /// The versions of a datum, newest first, at most `limit`.
    ///
    /// # Errors
    /// As [`Store::datum`].
    pub async fn datum_versions(
        &self,
        permit: &Permit,
        kind: DatumKind,
        id: &str,
        limit: i64,
    ) -> Result<Vec<StoredDatum>, StoreError> {
        let mut sql = self.of_space(permit, kind)?;
        sql.push(" AND datum_id = ").value(id).push(" ORDER BY version DESC LIMIT ").value(limit);
        self.opened_data(permit, kind, sql).await
    }

    /// The datum that bears a name of its own.
    ///
    /// # Errors
    /// As [`Store::datum`].
    pub async fn datum_named(
        &self,
        permit: &Permit,
        kind: DatumKind,
        name: &str,
    ) -> Result<Option<StoredDatum>, StoreError> {
        let hash = name_hash(&*self.key_of(permit).await?, kind.word(), name);
        let mut sql = self.of_space(permit, kind)?;
        sql.push(" AND name_hash = ").value(hash).push(" AND present");
        Ok(self.opened_data(permit, kind, sql).await?.pop())
    }

    /// Whether there is a datum of a name of its own: what a deposit asks of a value that it would feed.
    ///
    /// # Errors
    /// As [`Store::datum`].
    pub async fn is_named(&self, permit: &Permit, kind: DatumKind, name: &str) -> Result<bool, StoreError> {
        crate::demand(permit, |o| o == Operation::Deposit)?;
        let hash = name_hash(&*self.key_of(permit).await?, kind.word(), name);
        let mut reader = self.readers.get().await?;
        let named = is_named(&mut reader, &permit.space().to_string(), kind.word(), &hash).await?;
        reader.done();
        Ok(named)
    }

    /// Data by their ids, in no order; those that are not there, or no more, are left out.
    ///
    /// # Errors
    /// As [`Store::datum`].
    pub async fn data_of(
        &self,
        permit: &Permit,
        kind: DatumKind,
        ids: &[String],
    ) -> Result<Vec<StoredDatum>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = self.of_space(permit, kind)?;
        sql.push(" AND present AND datum_id IN ").list(ids.iter().map(String::as_str));
        self.opened_data(permit, kind, sql).await
    }

    /// The data that a query looks for.
    ///
    /// # Errors
    /// As [`Store::datum`].
    pub async fn data(&self, permit: &Permit, query: &DataQuery) -> Result<Vec<StoredDatum>, StoreError> {
        let mut sql = self.of_space(permit, query.kind)?;
        criteria(&mut sql, query);
        if let Some((at_ms, id)) = &query.after {
            sql.push(if query.newest_first { " AND (at_ms, datum_id) < (" } else { " AND (at_ms, datum_id) > (" });
            sql.value(*at_ms).push(", ").value(id).push(")");
        }
        let order = if query.newest_first { " DESC" } else { "" };
        sql.push(&format!(" ORDER BY at_ms{order}, datum_id{order} LIMIT "));
        sql.value(i64::try_from(query.limit).unwrap_or(i64::MAX));
        self.opened_data(permit, query.kind, sql).await
    }

    /// How many data a query looks for, on whatever page.
    ///
    /// # Errors
    /// As [`Store::datum`].
    pub async fn count_data(&self, permit: &Permit, query: &DataQuery) -> Result<u64, StoreError> {
        crate::demand(permit, reads)?;
        let mut sql = Sql::new("SELECT COUNT(*) FROM datum WHERE space_id = ");
        sql.value(permit.space().to_string()).push(" AND kind = ").value(query.kind.word());
        criteria(&mut sql, query);
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql).await?;
        reader.done();
        let row = row.ok_or(StoreError::Corrupt { what: "count" })?;
        u64::try_from(row.int(0)?).map_err(|_| StoreError::Corrupt { what: "count" })
    }

    fn of_space(&self, permit: &Permit, kind: DatumKind) -> Result<Sql, StoreError> {
        crate::demand(permit, reads)?;
        let mut sql = Sql::new(COLUMNS);
        sql.value(permit.space().to_string()).push(" AND kind = ").value(kind.word());
        Ok(sql)
    }

    async fn opened_data(&self, permit: &Permit, kind: DatumKind, sql: Sql) -> Result<Vec<StoredDatum>, StoreError> {
        let key = self.key_of(permit).await?;
        let space = permit.space().to_string();
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        rows.iter().map(|row| stored(row, &key, &space, kind)).collect()
    }
}

fn criteria(sql: &mut Sql, query: &DataQuery) {
    sql.push(" AND present");
    match query.codes.as_slice() {
        [] => {}
        [one] => {
            sql.push(" AND code = ").value(one);
        }
        several => {
            sql.push(" AND code IN ").list(several.iter().map(String::as_str));
        }
    }
    for time in &query.times {
        test(sql, *time);
    }
}

/// No datum holds for longer than a year and a day: what is known of its end bounds its start, which the index has.
const LONGEST_MS: i64 = 367 * 24 * 3600 * 1000;

fn test(sql: &mut Sql, TimeTest { relation, from_ms, to_ms }: TimeTest) {
    let ends_after = |sql: &mut Sql, at: i64| {
        sql.push(" AND at_ms >= ").value(at.saturating_sub(LONGEST_MS)).push(" AND until_ms > ").value(at);
    };
    match relation {
        Relation::Within => {
            sql.push(" AND at_ms >= ").value(from_ms).push(" AND at_ms < ").value(to_ms);
            sql.push(" AND until_ms <= ").value(to_ms);
        }
        Relation::NotWithin => {
            sql.push(" AND (at_ms < ").value(from_ms).push(" OR until_ms > ").value(to_ms).push(")");
        }
        Relation::Above => ends_after(sql, to_ms),
        Relation::Below => {
            sql.push(" AND at_ms < ").value(from_ms);
        }
        Relation::AtLeast => {
            ends_after(sql, from_ms);
            sql.push(" AND (at_ms >= ").value(from_ms).push(" OR until_ms > ").value(to_ms).push(")");
        }
        Relation::AtMost => {
            sql.push(" AND at_ms < ").value(to_ms);
            sql.push(" AND (until_ms <= ").value(to_ms).push(" OR at_ms < ").value(from_ms).push(")");
        }
        Relation::After => {
            sql.push(" AND at_ms >= ").value(to_ms);
        }
        Relation::Before => {
            sql.push(" AND at_ms < ").value(from_ms).push(" AND until_ms <= ").value(from_ms);
        }
    }
}

fn stored(row: &Row, key: &DataKey, space: &str, kind: DatumKind) -> Result<StoredDatum, StoreError> {
    let (id, version) = (row.text(0)?, row.int(1)?);
    let place = place(kind.word(), id, version);
    let datum = row.maybe_bytes(3)?.map(|sealed| open(key, space, &place, sealed)).transpose()?;
    let version = u32::try_from(version).map_err(|_| StoreError::Corrupt { what: "version" })?;
    Ok(StoredDatum { id: id.to_owned(), version, recorded_ms: row.int(2)?, datum })
}
