//! What processes tell one another of changes, so that what they remember is not old for longer than a message takes.
//!
//! Nothing depends on it being told: a decision on old settings is not committed, whoever made it.

use futures::Stream;
use space::SpaceId;
use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{
    Store,
    db::{Connection, Database, Kind, Sql},
    error::StoreError,
};

/// Channel of PostgreSQL.
const CHANNEL: &str = "passerelle";

/// Something changed that may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The settings of a space.
    Space(SpaceId),
    /// The development clock.
    Clock,
    /// Anything: messages may have been missed.
    Anything,
}

/// Tells the other processes, when the transaction commits.
pub(crate) async fn tell(connection: &mut Connection, changed: &str) -> Result<(), StoreError> {
    match connection.kind() {
        // SQLite serves one process.
        Kind::Sqlite => Ok(()),
        Kind::Postgres => {
            let sql = Sql::new("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(changed);
            connection.all(sql).await.map(drop)
        }
    }
}

fn read(told: &str) -> Changed {
    match told.split_once(' ') {
        Some(("space", id)) => id.parse().map_or(Changed::Anything, |id| Changed::Space(SpaceId(id))),
        _ if told == "clock" => Changed::Clock,
        _ => Changed::Anything,
    }
}

impl Store {
    /// What other processes change, as they tell it. Ends at once where there are none (SQLite), else never: a connection
    /// that is lost is opened again, and then anything may have changed.
    pub fn changes(&self) -> impl Stream<Item = Changed> + Send + 'static {
        let options = match &self.database {
            Database::Postgres(options) => Some(options.clone()),
            Database::Sqlite(_) => None,
        };
        futures::stream::unfold((options, None), |(options, listener)| async move {
            let options = options?;
            let mut listener: PgListener = match listener {
                Some(listener) => listener,
                None => {
                    let listener = listen(options.clone()).await;
                    return Some((Changed::Anything, (Some(options), Some(listener))));
                }
            };
            match listener.try_recv().await {
                Ok(Some(told)) => Some((read(told.payload()), (Some(options), Some(listener)))),
                Ok(None) | Err(_) => Some((Changed::Anything, (Some(options), None))),
            }
        })
    }
}

async fn listen(options: sqlx::postgres::PgConnectOptions) -> PgListener {
    loop {
        // Its own connection, which waits for as long as nothing is told.
        let options = options.clone().options([("idle_in_transaction_session_timeout", "0")]);
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let listener = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        match listener.await {
            Ok(listener) => return listener,
            Err(error) => tracing::warn!(error = %error, "store.changes_not_heard"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
