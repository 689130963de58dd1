//! Reading documents of a space.

use access::{Operation, Permit};
use futures::StreamExt as _;
use space::{Association, AssociationKind, AvailabilityStatus, query::EntryQuery};

use crate::{
    Store,
    blobs::{BodyKey, StoredBody},
    db::{Row, Sql},
    error::StoreError,
    records::{EntryRow, SetRow, from_json},
    vault::DataKey,
};

const ENTRY: &str =
    "SELECT status, owners, sealed_metadata, body_id, deposited_ms, entry_uuid FROM document_entry WHERE space_id = ";

const fn reads(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Find | Operation::FindReference | Operation::Locate | Operation::Fetch | Operation::Deposit
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
        sql.push(" ORDER BY deposited_ms DESC, entry_uuid DESC LIMIT 1");
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql).await?;
        reader.done();
        row.map(|row| entry_row(&row, &key, &space)).transpose()
    }

    /// The submission sets of a space, oldest first.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn submission_sets(&self, permit: &Permit) -> Result<Vec<SetRow>, StoreError> {
        crate::demand(permit, reads)?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let sql = Sql::new(
            "SELECT owners, sealed_metadata, entry_uuid FROM submission_set WHERE space_id = $1 \
             ORDER BY deposited_ms, entry_uuid",
        );
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(&space)).await?;
        reader.done();
        rows.iter()
            .map(|row| {
                let set = key.open(&["set", &space, row.text(2)?], row.bytes(1)?)?;
                let set = serde_json::from_slice(&set).map_err(|_| StoreError::Corrupt { what: "submission set" })?;
                Ok(SetRow { owners: from_json(row.text(0)?, "owners")?, set })
            })
            .collect()
    }

    /// The links of a space that start from one of `sources`.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn associations_from(&self, permit: &Permit, sources: &[String]) -> Result<Vec<Association>, StoreError> {
        crate::demand(permit, reads)?;
        let space = permit.space().to_string();
        let mut found = Vec::new();
        let mut reader = self.readers.get().await?;
        for part in sources.chunks(500) {
            let mut sql = Sql::new("SELECT entry_uuid, kind, source, target, slots FROM association WHERE space_id = ");
            sql.value(&space);
            one_of(&mut sql, "source", part.iter().map(String::as_str));
            for row in reader.all(sql).await? {
                found.push(Association {
                    entry_uuid: row.text(0)?.to_owned(),
                    kind: AssociationKind::from_urn(row.text(1)?).ok_or(StoreError::Corrupt { what: "association" })?,
                    source: row.text(2)?.to_owned(),
                    target: row.text(3)?.to_owned(),
                    slots: from_json(row.text(4)?, "slots")?,
                });
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
    entry.status = AvailabilityStatus::parse(row.text(0)?).ok_or(StoreError::Corrupt { what: "status" })?;
    Ok(EntryRow {
        entry,
        owners: from_json(row.text(1)?, "owners")?,
        body_id: row.text(3)?.to_owned(),
        deposited_ms: row.int(4)?,
    })
}
