//! The schema, as numbered steps that are only ever added to. A store made by a newer program is refused, untouched.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

/// Steps for SQLite: number, name, text.
const SQLITE: &[(i64, &str, &str)] = &[(1, "spine", include_str!("../migrations/sqlite/0001_spine.sql"))];

/// The steps for SQLite. (Embedded by hand: the library's macro would build the database a second time, for the compiler.)
pub(crate) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

fn migrator(steps: &'static [(i64, &'static str, &'static str)]) -> Migrator {
    let step = |(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(steps.iter().map(step).collect())
}
