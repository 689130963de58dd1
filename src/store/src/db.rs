//! One small face over the two databases: statements with `$n` in their text, values beside them, rows read by position.
//!
//! SQL that both run is written once. Where they differ the caller asks [`Connection::kind`], side by side in one place.

use std::str::FromStr as _;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    SqliteConnection,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

use crate::error::StoreError;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Read,
    Write,
}

/// Where the database is and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(15);

/// Statements kept prepared on one connection.
const PREPARED: usize = 512;

impl Database {
    /// Reads `sqlite:PATH` or `postgres://…`.
    pub(crate) fn at(url: &str, statement_timeout: Duration) -> Result<Self, StoreError> {
        let address = || StoreError::Address(redacted(url));
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)
                .map_err(|_| address())?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(10))
                // Folded in by a task of its own (checkpoints.rs); a process that has none does it when the log is long.
                .pragma("wal_autocheckpoint", "64000")
                .pragma("journal_size_limit", "134217728")
                .pragma("temp_store", "memory")
                .pragma("cache_size", "-32768")
                .statement_cache_capacity(PREPARED);
            return Ok(Self::Sqlite(options));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let timeout = statement_timeout.as_millis().to_string();
            let options = PgConnectOptions::from_str(url)
                .map_err(|_| address())?
                .application_name("passerelle")
                // Nothing of ours may hold a lock or a worker for longer than its caller waits.
                .options([
                    ("statement_timeout", timeout.as_str()),
                    ("lock_timeout", timeout.as_str()),
                    ("idle_in_transaction_session_timeout", timeout.as_str()),
                ])
                .statement_cache_capacity(PREPARED);
            return Ok(Self::Postgres(options));
        }
        Err(address())
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self, to: Use) -> Result<Connection, StoreError> {
        let opened = tokio::time::timeout(CONNECT, self.open(to)).await;
        opened.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()))
    }

    async fn open(&self, to: Use) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Sqlite(options) => Connection::Sqlite(options.clone().read_only(to == Use::Read).connect().await?),
            Self::Postgres(options) => {
                let options = match to {
                    Use::Read => options.clone().options([("default_transaction_read_only", "on")]),
                    // What is acknowledged is on the server's disk, whatever its configuration says.
                    Use::Write => options.clone().options([("synchronous_commit", "on")]),
                };
                Connection::Postgres(options.connect().await?)
            }
        })
    }
}

/// An address without what may be secret in it.
fn redacted(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

/// A value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Bytes(Option<Vec<u8>>),
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($v: $from) -> Self {
                $to
            }
        })*
    };
}

value_from! {
    &str => |v| Self::Text(Some(v.to_owned()));
    &String => |v| Self::Text(Some(v.clone()));
    String => |v| Self::Text(Some(v));
    Option<String> => |v| Self::Text(v);
    i64 => |v| Self::Int(Some(v));
    Option<i64> => |v| Self::Int(v);
    bool => |v| Self::Bool(v);
    Vec<u8> => |v| Self::Bytes(Some(v));
    Option<Vec<u8>> => |v| Self::Bytes(v);
}

/// A statement and its values.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

/// Text and values as the library wants them.
macro_rules! arguments {
    ($($name:ident -> $kind:ty;)*) => {
        $(fn $name(self) -> Result<(String, $kind), StoreError> {
            let mut arguments = <$kind>::default();
            for value in self.values {
                match value {
                    Value::Text(v) => arguments.add(v),
                    Value::Int(v) => arguments.add(v),
                    Value::Bool(v) => arguments.add(v),
                    Value::Bytes(v) => arguments.add(v),
                }
                .map_err(sqlx::Error::Encode)?;
            }
            Ok((self.text, arguments))
        })*
    };
}

impl Sql {
    /// A statement; its values are bound in the order of their numbers.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Gives the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends the next `$n` with its value.
    pub(crate) fn value(&mut self, value: impl Into<Value>) -> &mut Self {
        use std::fmt::Write as _;
        self.values.push(value.into());
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// Appends `(…, …)` of values.
    pub(crate) fn list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        self.push("(");
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.value(value);
        }
        self.push(")")
    }

    /// The same statement after other text.
    #[cfg(test)]
    pub(crate) fn after(mut self, text: &str) -> Self {
        self.text.insert_str(0, text);
        self
    }

    /// Its text.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    arguments! {
        sqlite -> SqliteArguments;
        postgres -> PgArguments;
    }
}

/// A row, read by position.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! get {
    ($($name:ident -> $kind:ty;)*) => {
        $(pub(crate) fn $name(&self, index: usize) -> Result<$kind, StoreError> {
            Ok(match self {
                Self::Sqlite(row) => row.try_get(index)?,
                Self::Postgres(row) => row.try_get(index)?,
            })
        })*
    };
}

impl Row {
    get! {
        text -> &str;
        maybe_text -> Option<&str>;
        int -> i64;
        maybe_int -> Option<i64>;
        boolean -> bool;
        bytes -> &[u8];
        maybe_bytes -> Option<&[u8]>;
    }
}

#[cfg(test)]
tokio::task_local! {
    /// Where a test has the statements of its task noted.
    pub(crate) static NOTED: std::cell::RefCell<Vec<Sql>>;
}

/// How long a database may be silent about one statement. The server's own limit ends a slow one well before; a server that
/// lost its power, or whose wire is cut, ends nothing. (What reads everything is streamed.)
const SILENCE: Duration = Duration::from_secs(60);

async fn answered<T>(kind: Kind, asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    if kind == Kind::Sqlite {
        return asked.await;
    }
    let silent = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into());
    tokio::time::timeout(SILENCE, asked).await.unwrap_or_else(silent)
}

/// Notes a statement for a test.
#[inline]
fn note(sql: &Sql) {
    #[cfg(test)]
    let _ = NOTED.try_with(|noted| noted.borrow_mut().push(sql.clone()));
    #[cfg(not(test))]
    let _ = sql;
}

/// A connection to either database.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    /// All rows.
    pub(crate) async fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        note(&sql);
        answered(self.kind(), self.all_rows(sql)).await
    }

    async fn all_rows(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(c) => {
                let (text, arguments) = sql.sqlite()?;
                let rows = sqlx::query_with(AssertSqlSafe(text), arguments).fetch_all(c).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(c) => {
                let (text, arguments) = sql.postgres()?;
                let rows = sqlx::query_with(AssertSqlSafe(text), arguments).fetch_all(c).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row, if there is one.
    pub(crate) async fn one(&mut self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// Rows as they come.
    pub(crate) fn stream(&mut self, sql: Sql) -> BoxStream<'_, Result<Row, StoreError>> {
        fn failed<'a>(error: StoreError) -> BoxStream<'a, Result<Row, StoreError>> {
            futures::stream::once(async { Err(error) }).boxed()
        }
        match self {
            Self::Sqlite(c) => match sql.sqlite() {
                Ok((text, arguments)) => {
                    sqlx::query_with(AssertSqlSafe(text), arguments).fetch(c).map_ok(Row::Sqlite).err_into().boxed()
                }
                Err(error) => failed(error),
            },
            Self::Postgres(c) => match sql.postgres() {
                Ok((text, arguments)) => {
                    sqlx::query_with(AssertSqlSafe(text), arguments).fetch(c).map_ok(Row::Postgres).err_into().boxed()
                }
                Err(error) => failed(error),
            },
        }
    }

    /// Carries out a statement; how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: Sql) -> Result<u64, StoreError> {
        note(&sql);
        answered(self.kind(), self.executed(sql)).await
    }

    async fn executed(&mut self, sql: Sql) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(c) => {
                let (text, arguments) = sql.sqlite()?;
                sqlx::query_with(AssertSqlSafe(text), arguments).execute(c).await?.rows_affected()
            }
            Self::Postgres(c) => {
                let (text, arguments) = sql.postgres()?;
                sqlx::query_with(AssertSqlSafe(text), arguments).execute(c).await?.rows_affected()
            }
        })
    }

    /// Carries out statements without values, as they are.
    pub(crate) async fn run(&mut self, text: &'static str) -> Result<(), StoreError> {
        let kind = self.kind();
        let done = async move {
            match self {
                Self::Sqlite(c) => c.execute(sqlx::raw_sql(text)).await.map(drop),
                Self::Postgres(c) => c.execute(sqlx::raw_sql(text)).await.map(drop),
            }
        };
        answered(kind, async { Ok(done.await?) }).await
    }

    /// Begins a transaction that writes. SQLite takes its one lock at once, so that no later statement can fail for it.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        match self.kind() {
            Kind::Sqlite => self.run("BEGIN IMMEDIATE").await,
            Kind::Postgres => self.run("BEGIN ISOLATION LEVEL READ COMMITTED").await,
        }
    }

    /// Begins a transaction that reads one state of the database.
    pub(crate) async fn snapshot(&mut self) -> Result<(), StoreError> {
        match self.kind() {
            Kind::Sqlite => self.run("BEGIN").await,
            Kind::Postgres => self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
    }

    /// Lets the statements of this transaction take as long as they need: a proof of everything is no call that waits.
    pub(crate) async fn unhurried(&mut self) -> Result<(), StoreError> {
        match self.kind() {
            Kind::Sqlite => Ok(()),
            Kind::Postgres => {
                self.run("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0").await
            }
        }
    }

    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        self.run("COMMIT").await
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), StoreError> {
        self.run("ROLLBACK").await
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(c) => c.close().await?,
            Self::Postgres(c) => c.close().await?,
        }
        Ok(())
    }
}
