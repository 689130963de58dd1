//! Reading bodies again, a few at a time, to see that they are still whole before somebody needs them.

use std::{collections::HashMap, sync::Arc};

use crate::{Store, db::Sql, error::StoreError, vault::DataKey, verify::hash};

/// Bodies looked at in one step.
const STEP: i64 = 64;

/// How one step went.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// Where to go on; empty when the end was reached.
    pub next: String,
    /// Bodies read.
    pub bodies: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Identifiers of bodies whose bytes are absent or not those that were stored.
    pub damaged: Vec<String>,
}

impl Store {
    /// Reads bodies and compares their hashes, from `after` on, until about `bytes` were read or the end is reached.
    ///
    /// # Errors
    /// When the database fails; a damaged body is no error but a finding.
    pub async fn scrub(&self, after: &str, bytes: u64) -> Result<Scrubbed, StoreError> {
        let mut found = Scrubbed { next: after.to_owned(), ..Scrubbed::default() };
        let mut keys: HashMap<String, Option<Arc<DataKey>>> = HashMap::new();
        'step: while found.bytes < bytes {
            let (space, body) = found.next.split_once('/').unwrap_or_default();
            let sql = Sql::new(
                "SELECT size, sealed_content, sealed_key, body_id, sha256, space_id FROM body \
                 WHERE (space_id, body_id) > ($1, $2) ORDER BY space_id, body_id LIMIT $3",
            );
            let mut reader = self.readers.get().await?;
            let rows = reader.all(sql.bind(space).bind(body).bind(STEP)).await?;
            for row in &rows {
                let space = row.text(5)?;
                if !keys.contains_key(space) {
                    let key = match self.keys.read(&mut reader, space).await {
                        Ok(key) => Some(key),
                        Err(StoreError::Forgotten) => None,
                        Err(error) => return Err(error),
                    };
                    keys.insert(space.to_owned(), key);
                }
            }
            reader.done();
            for row in &rows {
                let (id, space) = (row.text(3)?, row.text(5)?);
                let Some(Some(key)) = keys.get(space) else {
                    found.next = format!("{space}/{id}");
                    continue;
                };
                let read = async { hash(self.opened(row, key, space, id).await?.1).await };
                let whole = match read.await {
                    Ok((sha256, length)) => {
                        sha256 == row.text(4)? && i64::try_from(length).is_ok_and(|l| row.int(0).is_ok_and(|s| s == l))
                    }
                    // Out of reach is not damaged: what was found is told, and the next step begins here.
                    Err(error) if !error.is_damage() && found.damaged.is_empty() => return Err(error),
                    Err(error) if !error.is_damage() => break 'step,
                    Err(_) => false,
                };
                found.next = format!("{space}/{id}");
                found.bodies += 1;
                found.bytes += u64::try_from(row.int(0)?).unwrap_or_default();
                if !whole {
                    found.damaged.push(id.to_owned());
                }
                if found.bytes >= bytes {
                    break;
                }
            }
            if rows.is_empty() {
                found.next.clear();
                break;
            }
        }
        self.metrics.scrubbed.inc_by(found.bytes);
        self.metrics.damaged.inc_by(found.damaged.len() as u64);
        Ok(found)
    }
}
