//! Spaces that are known to be one person's and stay two: what stands in the one is not shown in the other, but whoever
//! asks by which numbers the person is known is told of both.

use access::{Operation, Permit};
use space::{Cause, SpaceId};

use crate::{
    Store,
    db::{Connection, Sql},
    error::StoreError,
    holders::space_id,
};

/// Links of one space, at most: each is opened when it is asked by which numbers its holder is known.
pub const MOST_LINKS: usize = 10;

/// Refuses a merge after which a space would have too many links.
pub(crate) async fn check(c: &mut Connection, from: &str, to: &str) -> Result<(), StoreError> {
    let sql = Sql::new(
        "SELECT COUNT(DISTINCT l.other_space) FROM linked_space l WHERE l.space_id IN ($1, $2) \
         AND l.other_space NOT IN ($3, $4)",
    );
    let row = c.one(sql.bind(from).bind(to).bind(from).bind(to)).await?;
    let count = row.map_or(Ok(0), |row| row.int(0))?;
    if usize::try_from(count).is_ok_and(|count| count <= MOST_LINKS) {
        Ok(())
    } else {
        Err(StoreError::conflict(Cause::TooManyResults, None))
    }
}

impl Store {
    /// The spaces that are known as the same person's, oldest link first.
    ///
    /// # Errors
    /// When the permit is for another operation, or the database fails.
    pub async fn linked_spaces(&self, permit: &Permit) -> Result<Vec<SpaceId>, StoreError> {
        crate::demand(permit, |o| matches!(o, Operation::CrossReference | Operation::Merge | Operation::Notify))?;
        let sql = Sql::new("SELECT other_space FROM linked_space WHERE space_id = $1 ORDER BY since_ms, other_space");
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(permit.space().to_string())).await?;
        reader.done();
        rows.iter().map(|row| space_id(row.text(0)?)).collect()
    }
}

/// One direction of a link; the other is the other space's change.
pub(crate) async fn link(c: &mut Connection, space: &str, other: &str, since_ms: i64) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO linked_space (space_id, other_space, since_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    );
    c.execute(sql.bind(space).bind(other).bind(since_ms)).await.map(drop)
}

/// Takes one direction of a link away.
pub(crate) async fn unlink(c: &mut Connection, space: &str, other: &str) -> Result<(), StoreError> {
    let sql = Sql::new("DELETE FROM linked_space WHERE space_id = $1 AND other_space = $2");
    c.execute(sql.bind(space).bind(other)).await.map(drop)
}

/// Takes away every link of a space, in both directions.
pub(crate) async fn forget(c: &mut Connection, space: &str) -> Result<(), StoreError> {
    let of_others = "DELETE FROM linked_space WHERE other_space = $1 AND space_id IN \
         (SELECT l.other_space FROM linked_space l WHERE l.space_id = $1)";
    for text in [of_others, "DELETE FROM linked_space WHERE space_id = $1"] {
        c.execute(Sql::new(text).bind(space)).await?;
    }
    Ok(())
}

/// Gives the links of one space to another, with which it becomes one.
pub(crate) async fn take_over(c: &mut Connection, from: &str, to: &str) -> Result<(), StoreError> {
    let own = "INSERT INTO linked_space (space_id, other_space, since_ms) SELECT $1, l.other_space, l.since_ms \
         FROM linked_space l WHERE l.space_id = $2 AND l.other_space <> $1 ON CONFLICT DO NOTHING";
    let of_others = "INSERT INTO linked_space (space_id, other_space, since_ms) SELECT l.other_space, $1, l.since_ms \
         FROM linked_space l WHERE l.space_id = $2 AND l.other_space <> $1 ON CONFLICT DO NOTHING";
    for text in [own, of_others] {
        c.execute(Sql::new(text).bind(to).bind(from)).await?;
    }
    forget(c, from).await
}
