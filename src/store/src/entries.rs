//! Reading documents of a space.

use access::{Operation, Permit};
use futures::StreamExt as _;
use space::{
    Association, AssociationKind, AvailabilityStatus, Dtm,
    query::{EntryQuery, Versions},
};

use crate::{
    Store,
    blobs::{BodyKey, StoredBody},
    db::{Row, Sql},
    error::StoreError,
    records::{EntryRow, FolderRow, LinkQuery, ObjectQuery, SetRow, from_json},
    vault::DataKey,
};

const ENTRY: &str = "SELECT status, owners, sealed_metadata, body_id, deposited_ms, entry_uuid, superseded FROM document_entry WHERE space_id = ";

/// Identifiers one statement looks for at most.
const LOOKED_FOR: usize = 500;

const fn reads(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Find
            | Operation::FindReference
            | Operation::Locate
            | Operation::Fetch
            | Operation::Deposit
            | Operation::Change(_)
    )
}

impl Store {
    /// The entries of a space that a query looks for, oldest first. What the database can tell by its columns it does;
    /// the rest of the query is applied to what it gives.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn entries(&self, permit: &Permit, query: &EntryQuery) -> Result<Vec<EntryRow>, StoreError> {
        crate::demand(permit, reads)?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let mut sql = Sql::new(ENTRY);
        sql.value(&space);
        one_of(&mut sql, "entry_uuid", query.entry_uuids.iter().map(String::as_str));
        one_of(&mut sql, "unique_id", query.unique_ids.iter().map(String::as_str));
        if !query.logical_ids.is_empty() {
            // A first version is its own logical identifier, and most entries have no other.
            sql.push(" AND (");
            sql.push("entry_uuid IN ").list(query.logical_ids.iter().map(String::as_str));
            sql.push(" OR logical_id IN ").list(query.logical_ids.iter().map(String::as_str));
            sql.push(")");
        }
        if query.versions == Versions::Last && query.entry_uuids.is_empty() {
            sql.push(" AND NOT superseded");
        }
        one_of(&mut sql, "status", query.statuses.iter().map(|s| s.as_str()));
        one_of(&mut sql, "type_code", query.types.iter().map(|t| t.code.as_str()));
        bound(&mut sql, "creation_time", " >= ", query.creation.from.as_ref());
        bound(&mut sql, "creation_time", " < ", query.creation.to.as_ref());
        bound(&mut sql, "service_start", " >= ", query.service_start.from.as_ref());
        bound(&mut sql, "service_start", " < ", query.service_start.to.as_ref());
        sql.push(" ORDER BY deposited_ms, entry_uuid");
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let row = entry_row(&row, &key, &space)?;
            if query.matches(&row.entry) {
                found.push(row);
            }
        }
        Ok(found)
    }

    /// The current entry of a document (or its last version).
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn entry_by_unique_id(&self, permit: &Permit, unique_id: &str) -> Result<Option<EntryRow>, StoreError> {
        crate::demand(permit, reads)?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let mut sql = Sql::new(ENTRY);
        sql.value(&space).push(" AND unique_id = ").value(unique_id);
        sql.push(" ORDER BY superseded, deposited_ms DESC, entry_uuid DESC LIMIT 1");
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql).await?;
        reader.done();
        row.map(|row| entry_row(&row, &key, &space)).transpose()
    }

    /// The submission sets of a space that are looked for, oldest first.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn submission_sets(&self, permit: &Permit, query: &ObjectQuery) -> Result<Vec<SetRow>, StoreError> {
        crate::demand(permit, reads)?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let mut sql =
            Sql::new("SELECT owners, sealed_metadata, entry_uuid, status FROM submission_set WHERE space_id = ");
        sql.value(&space);
        one_of(&mut sql, "entry_uuid", query.entry_uuids.iter().map(String::as_str));
        one_of(&mut sql, "unique_id", query.unique_ids.iter().map(String::as_str));
        sql.push(" AND status <> 'deleted' ORDER BY deposited_ms, entry_uuid");
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        rows.iter()
            .map(|row| {
                let set = key.open(&["set", &space, row.text(2)?], row.bytes(1)?)?;
                let mut set: space::SubmissionSet =
                    serde_json::from_slice(&set).map_err(|_| StoreError::Corrupt { what: "submission set" })?;
                set.status = status(row, 3)?;
                Ok(SetRow { owners: from_json(row.text(0)?, "owners")?, set })
            })
            .collect()
    }

    /// The folders of a space that are looked for.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn folders(&self, permit: &Permit, query: &ObjectQuery) -> Result<Vec<FolderRow>, StoreError> {
        crate::demand(permit, reads)?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let mut sql = Sql::new(
            "SELECT owners, sealed_metadata, entry_uuid, status, last_update, superseded FROM folder WHERE space_id = ",
        );
        sql.value(&space);
        one_of(&mut sql, "entry_uuid", query.entry_uuids.iter().map(String::as_str));
        one_of(&mut sql, "unique_id", query.unique_ids.iter().map(String::as_str));
        one_of(&mut sql, "logical_id", query.logical_ids.iter().map(String::as_str));
        if !query.superseded && query.entry_uuids.is_empty() {
            sql.push(" AND NOT superseded");
        }
        sql.push(" AND status <> 'deleted' ORDER BY last_update, entry_uuid");
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql).await?;
        reader.done();
        rows.iter()
            .map(|row| {
                let folder = key.open(&["folder", &space, row.text(2)?], row.bytes(1)?)?;
                let mut folder: space::Folder =
                    serde_json::from_slice(&folder).map_err(|_| StoreError::Corrupt { what: "folder" })?;
                folder.status = status(row, 3)?;
                folder.last_update =
                    Dtm::parse(row.text(4)?).map_err(|_| StoreError::Corrupt { what: "last update" })?;
                Ok(FolderRow { owners: from_json(row.text(0)?, "owners")?, folder, superseded: row.boolean(5)? })
            })
            .collect()
    }

    /// The links of a space that are looked for.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn associations(&self, permit: &Permit, query: &LinkQuery) -> Result<Vec<Association>, StoreError> {
        crate::demand(permit, reads)?;
        let space = permit.space().to_string();
        let lists = [("entry_uuid", &query.entry_uuids), ("source", &query.sources), ("target", &query.targets)];
        // The longest list is looked for part by part; the others are short, or absent.
        let (longest, names) =
            lists.iter().max_by_key(|(_, names)| names.len()).map_or(("", [].as_slice()), |l| (l.0, l.1));
        let parts = if names.is_empty() { vec![names] } else { names.chunks(LOOKED_FOR).collect() };
        let mut found = Vec::new();
        let mut reader = self.readers.get().await?;
        for part in parts {
            let mut sql = Sql::new(
                "SELECT entry_uuid, kind, source, target, slots, status, documentation FROM association \
                 WHERE space_id = ",
            );
            sql.value(&space);
            for (column, names) in lists {
                let names = if column == longest { part } else { names };
                one_of(&mut sql, column, names.iter().map(String::as_str));
            }
            sql.push(" AND status <> 'deleted'");
            for row in reader.all(sql).await? {
                found.push(association(&row)?);
            }
        }
        reader.done();
        Ok(found)
    }

    /// The bytes of a document, as they came.
    ///
    /// # Errors
    /// When the permit is not one to fetch, or database or disk fail.
    pub async fn body(&self, permit: &Permit, body_id: &str) -> Result<(u64, StoredBody), StoreError> {
        crate::demand(permit, |o| o == Operation::Fetch)?;
        self.body_of(permit, body_id).await
    }

    /// The bytes of a document of the permit's space, whatever the permit is for.
    pub(crate) async fn body_of(&self, permit: &Permit, body_id: &str) -> Result<(u64, StoredBody), StoreError> {
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let sql = Sql::new("SELECT size, sealed_content, sealed_key FROM body WHERE space_id = $1 AND body_id = $2");
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql.bind(&space).bind(body_id)).await?;
        reader.done();
        let row = row.ok_or(StoreError::Corrupt { what: "body" })?;
        let (size, body) = self.told(body_id, self.opened(&row, &key, &space, body_id).await)?;
        let StoredBody::Stream(chunks) = body else { return Ok((size, body)) };
        let (this, body_id) = (self.clone(), body_id.to_owned());
        Ok((size, StoredBody::Stream(chunks.map(move |chunk| this.told(&body_id, chunk)).boxed())))
    }

    /// Passes a result on; a body that is damaged is told to the operator.
    fn told<T>(&self, body_id: &str, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(StoreError::is_damage) {
            self.metrics.damaged.inc();
            tracing::error!(body_id, "store.body_damaged");
        }
        result
    }

    /// Opens the body of a row of `size, sealed_content, sealed_key`.
    pub(crate) async fn opened(
        &self,
        row: &Row,
        key: &DataKey,
        space: &str,
        body_id: &str,
    ) -> Result<(u64, StoredBody), StoreError> {
        let size = u64::try_from(row.int(0)?).map_err(|_| StoreError::Corrupt { what: "body" })?;
        if let Some(sealed) = row.maybe_bytes(1)? {
            return Ok((size, StoredBody::Whole(key.open(&["body", space, body_id], sealed)?.into())));
        }
        let sealed = row.maybe_bytes(2)?.ok_or(StoreError::Corrupt { what: "body" })?;
        let body_key = BodyKey::of(&key.open(&["body key", space, body_id], sealed)?)?;
        Ok((size, self.blobs.read(body_id, size, &body_key).await?))
    }
}

fn status(row: &Row, column: usize) -> Result<AvailabilityStatus, StoreError> {
    AvailabilityStatus::parse(row.text(column)?).ok_or(StoreError::Corrupt { what: "status" })
}

/// Reads a row of `entry_uuid, kind, source, target, slots, status, documentation`.
fn association(row: &Row) -> Result<Association, StoreError> {
    Ok(Association {
        entry_uuid: row.text(0)?.to_owned(),
        kind: AssociationKind::from_urn(row.text(1)?).ok_or(StoreError::Corrupt { what: "association" })?,
        source: row.text(2)?.to_owned(),
        target: row.text(3)?.to_owned(),
        slots: from_json(row.text(4)?, "slots")?,
        status: status(row, 5)?,
        documentation: row.maybe_text(6)?.map(|text| from_json(text, "documentation")).transpose()?,
    })
}

fn one_of<'v>(sql: &mut Sql, column: &str, values: impl Iterator<Item = &'v str>) {
    let mut values = values.peekable();
    if values.peek().is_some() {
        sql.push(" AND ").push(column).push(" IN ").list(values);
    }
}

fn bound(sql: &mut Sql, column: &str, sign: &str, at: Option<&space::Dtm>) {
    if let Some(at) = at {
        sql.push(" AND ").push(column).push(sign).value(at.sortable());
    }
}

fn entry_row(row: &Row, key: &DataKey, space: &str) -> Result<EntryRow, StoreError> {
    let metadata = key.open(&["entry", space, row.text(5)?], row.bytes(2)?)?;
    let mut entry: space::DocumentEntry =
        serde_json::from_slice(&metadata).map_err(|_| StoreError::Corrupt { what: "entry" })?;
    // The column is the truth: a replacement changes the state of an entry, never its metadata.
    entry.status = status(row, 0)?;
    Ok(EntryRow {
        entry,
        owners: from_json(row.text(1)?, "owners")?,
        body_id: row.text(3)?.to_owned(),
        deposited_ms: row.int(4)?,
        superseded: row.boolean(6)?,
    })
}
