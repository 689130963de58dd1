//! Reading documents of a space.

use access::{Operation, Permit};
use space::{Association, AssociationKind, AvailabilityStatus, query::EntryQuery};
use sqlx::{QueryBuilder, Row as _, Sqlite, sqlite::SqliteRow};

use crate::{
    Store,
    blobs::StoredBody,
    error::StoreError,
    records::{EntryRow, SetRow, from_json},
};

const ENTRY: &str = "SELECT status, owners, metadata, body_id, deposited_ms FROM document_entry WHERE space_id = ";

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
        let mut sql = QueryBuilder::<Sqlite>::new(ENTRY);
        sql.push_bind(permit.space().to_string());
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
        let rows = sql.build().fetch_all(&mut *reader).await?;
        reader.done();
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let row = entry_row(&row)?;
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
        let mut sql = QueryBuilder::<Sqlite>::new(ENTRY);
        sql.push_bind(permit.space().to_string());
        sql.push(" AND unique_id = ").push_bind(unique_id.to_owned());
        sql.push(" ORDER BY deposited_ms DESC, entry_uuid DESC LIMIT 1");
        let mut reader = self.readers.get().await?;
        let row = sql.build().fetch_optional(&mut *reader).await?;
        reader.done();
        row.as_ref().map(entry_row).transpose()
    }

    /// The submission sets of a space, oldest first.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn submission_sets(&self, permit: &Permit) -> Result<Vec<SetRow>, StoreError> {
        crate::demand(permit, reads)?;
        let mut reader = self.readers.get().await?;
        let rows = sqlx::query(
            "SELECT owners, metadata FROM submission_set WHERE space_id = $1 ORDER BY deposited_ms, entry_uuid",
        )
        .bind(permit.space().to_string())
        .fetch_all(&mut *reader)
        .await?;
        reader.done();
        rows.iter()
            .map(|row| {
                let (owners, set): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                Ok(SetRow { owners: from_json(&owners, "owners")?, set: from_json(&set, "submission set")? })
            })
            .collect()
    }

    /// The links of a space that start from one of `sources`.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn associations_from(&self, permit: &Permit, sources: &[String]) -> Result<Vec<Association>, StoreError> {
        crate::demand(permit, reads)?;
        let mut found = Vec::new();
        let mut reader = self.readers.get().await?;
        for part in sources.chunks(500) {
            let mut sql = QueryBuilder::<Sqlite>::new(
                "SELECT entry_uuid, kind, source, target, slots FROM association WHERE space_id = ",
            );
            sql.push_bind(permit.space().to_string());
            one_of(&mut sql, "source", part.iter().map(String::as_str));
            for row in sql.build().fetch_all(&mut *reader).await? {
                let (kind, slots): (String, String) = (row.try_get(1)?, row.try_get(4)?);
                found.push(Association {
                    entry_uuid: row.try_get(0)?,
                    kind: AssociationKind::from_urn(&kind).ok_or(StoreError::Corrupt { what: "association" })?,
                    source: row.try_get(2)?,
                    target: row.try_get(3)?,
                    slots: from_json(&slots, "slots")?,
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
        let mut reader = self.readers.get().await?;
        let row = sqlx::query("SELECT size, content FROM body WHERE space_id = $1 AND body_id = $2")
            .bind(permit.space().to_string())
            .bind(body_id)
            .fetch_one(&mut *reader)
            .await?;
        reader.done();
        let size = u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| StoreError::Corrupt { what: "body" })?;
        let body = match row.try_get::<Option<Vec<u8>>, _>(1)? {
            Some(content) => StoredBody::Whole(content.into()),
            None => self.blobs.read(body_id, size).await?,
        };
        Ok((size, body))
    }
}

fn one_of<'v>(sql: &mut QueryBuilder<Sqlite>, column: &str, values: impl Iterator<Item = &'v str>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        return;
    }
    sql.push(" AND ").push(column).push(" IN (");
    let mut list = sql.separated(", ");
    for value in values {
        list.push_bind(value.to_owned());
    }
    sql.push(")");
}

fn bound(sql: &mut QueryBuilder<Sqlite>, column: &str, sign: &str, at: Option<&space::Dtm>) {
    if let Some(at) = at {
        sql.push(" AND ").push(column).push(sign).push_bind(at.sortable());
    }
}

fn entry_row(row: &SqliteRow) -> Result<EntryRow, StoreError> {
    let (status, owners, metadata): (&str, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let mut entry: space::DocumentEntry = from_json(metadata, "entry")?;
    // The column is the truth: a replacement changes the state of an entry, never its metadata.
    entry.status = AvailabilityStatus::parse(status).ok_or(StoreError::Corrupt { what: "status" })?;
    Ok(EntryRow {
        entry,
        owners: from_json(owners, "owners")?,
        body_id: row.try_get(3)?,
        deposited_ms: row.try_get(4)?,
    })
}
