//! The schema, as numbered steps that are only ever added to. A store made by a newer program is refused, untouched.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{
    db::{Connection, Database, Kind, Sql, Use},
    error::StoreError,
};

/// A step: number, name, text for SQLite, text for PostgreSQL.
type Step = (i64, &'static str, &'static str, &'static str);

const STEPS: &[Step] = &[
    (
        1,
        "spine",
        include_str!("../migrations/sqlite/0001_spine.sql"),
        include_str!("../migrations/postgres/0001_spine.sql"),
    ),
    (
        2,
        "operations",
        include_str!("../migrations/sqlite/0002_operations.sql"),
        include_str!("../migrations/postgres/0002_operations.sql"),
    ),
    (
        3,
        "registry",
        include_str!("../migrations/sqlite/0003_registry.sql"),
        include_str!("../migrations/postgres/0003_registry.sql"),
    ),
    (
        4,
        "identity",
        include_str!("../migrations/sqlite/0004_identity.sql"),
        include_str!("../migrations/postgres/0004_identity.sql"),
    ),
    (
        5,
        "edge",
        include_str!("../migrations/sqlite/0005_edge.sql"),
        include_str!("../migrations/postgres/0005_edge.sql"),
    ),
    (
        6,
        "subscriptions",
        include_str!("../migrations/sqlite/0006_subscriptions.sql"),
        include_str!("../migrations/postgres/0006_subscriptions.sql"),
    ),
    (
        7,
        "links",
        include_str!("../migrations/sqlite/0007_links.sql"),
        include_str!("../migrations/postgres/0007_links.sql"),
    ),
    (
        8,
        "data",
        include_str!("../migrations/sqlite/0008_data.sql"),
        include_str!("../migrations/postgres/0008_data.sql"),
    ),
    (
        9,
        "feeding",
        include_str!("../migrations/sqlite/0009_feeding.sql"),
        include_str!("../migrations/postgres/0009_feeding.sql"),
    ),
];

/// Tables that PostgreSQL splits by a hash of their first key.
const SPLIT: &[&str] = &[
    "space",
    "space_key",
    "holder",
    "ins_index",
    "trait_index",
    "local_index",
    "local_identifier",
    "linked_space",
    "authorisation",
    "medecin_traitant",
    "submission_set",
    "document_entry",
    "association",
    "folder",
    "unique_key",
    "body",
    "trace",
    "outbox",
    "upstream",
    "subscription",
    "publication",
    "datum",
];

/// Held while a process of ours changes the schema (any number, the same for all).
const SCHEMA_LOCK: &str = "SELECT pg_advisory_lock(7727001)";

/// Released also with the connection, when a step fails; a pooler may keep that open.
const SCHEMA_UNLOCK: &str = "SELECT pg_advisory_unlock(7727001)";

/// Brings the schema up to date; on PostgreSQL, makes the parts of split tables when they are first made.
///
/// (The steps are embedded by hand: the library's macro would build the database a second time, for the compiler.)
pub(crate) async fn bring_up(database: &Database, parts: u32) -> Result<(), StoreError> {
    let mut connection = database.connect(Use::Write).await?;
    if connection.kind() == Kind::Postgres {
        // A step may rewrite a large table, and another process may be at it already: neither is a call that waits.
        connection.run("SET statement_timeout = 0; SET lock_timeout = 0").await?;
    }
    match &mut connection {
        Connection::Sqlite(c) => migrator(Kind::Sqlite).run(c).await?,
        Connection::Postgres(c) => {
            migrator(Kind::Postgres).run(c).await?;
            split(&mut connection, parts.max(1)).await?;
        }
    }
    connection.close().await
}

fn migrator(kind: Kind) -> Migrator {
    let step = |(version, name, sqlite, postgres): &Step| {
        let text = if kind == Kind::Sqlite { *sqlite } else { *postgres };
        Migration::new(*version, (*name).into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(STEPS.iter().map(step).collect())
}

/// Makes the parts that are missing. Their number is decided once and kept with the store.
async fn split(connection: &mut Connection, parts: u32) -> Result<(), StoreError> {
    connection.run(SCHEMA_LOCK).await?;
    let kept = Sql::new("INSERT INTO gateway (name, value) VALUES ('parts', $1) ON CONFLICT DO NOTHING");
    connection.execute(kept.bind(parts.to_string())).await?;
    let row = connection.one(Sql::new("SELECT value FROM gateway WHERE name = 'parts'")).await?;
    let parts: u32 = match row {
        Some(row) => row.text(0)?.parse().map_err(|_| StoreError::Corrupt { what: "number of parts" })?,
        None => parts,
    };
    for table in SPLIT {
        for part in 0..parts {
            let text = format!(
                "CREATE TABLE IF NOT EXISTS {table}_p{part} PARTITION OF {table} \
                 FOR VALUES WITH (MODULUS {parts}, REMAINDER {part})"
            );
            connection.execute(Sql::new(&text)).await?;
        }
    }
    connection.run(SCHEMA_UNLOCK).await
}
