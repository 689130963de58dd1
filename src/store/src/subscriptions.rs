//! Who is to be told of what comes into a space, and what they are yet to be told: queued with the set that comes in,
//! taken by a job, told at least once.

use std::time::Duration;

use access::{Operation, Permit};
use space::{SpaceId, Subscription, trace::TraceEvent};

use crate::{
    Store,
    batch::rows_in,
    db::{Connection, Sql},
    error::StoreError,
    holders::space_id,
    records::json,
    writer::{Guard, Job},
};

/// A row that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The space.
    pub space: SpaceId,
    /// The subscription.
    pub subscription_id: String,
    /// The set that came in.
    pub set_uuid: String,
    /// How often it was tried.
    pub attempts: i64,
}

/// A change of what is subscribed to.
#[derive(Debug, Clone)]
pub(crate) enum PreparedSubscription {
    Made { subscription_id: String, sealed: Vec<u8>, since_ms: i64, ends_ms: i64 },
    Ended { subscription_id: String },
}

impl Store {
    /// Makes a subscription, with its trace.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn subscribe(
        &self,
        permit: &Permit,
        subscription_id: &str,
        subscription: &Subscription,
        event: &TraceEvent,
    ) -> Result<(), StoreError> {
        crate::demand(permit, |o| o == Operation::Find)?;
        let space = permit.space().to_string();
        let key = self.key_of(permit).await?;
        let text = json(subscription, "subscription")?;
        let sealed = key.seal(&["subscription", &space, subscription_id], text.as_bytes())?;
        let made = PreparedSubscription::Made {
            subscription_id: subscription_id.to_owned(),
            sealed,
            since_ms: event.at_ms,
            ends_ms: subscription.ends_ms,
        };
        self.change_subscription(permit, made, event).await
    }

    /// Ends a subscription, with its trace.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn unsubscribe(
        &self,
        permit: &Permit,
        subscription_id: &str,
        event: &TraceEvent,
    ) -> Result<(), StoreError> {
        crate::demand(permit, |o| o == Operation::Find)?;
        let ended = PreparedSubscription::Ended { subscription_id: subscription_id.to_owned() };
        self.change_subscription(permit, ended, event).await
    }

    async fn change_subscription(
        &self,
        permit: &Permit,
        change: PreparedSubscription,
        event: &TraceEvent,
    ) -> Result<(), StoreError> {
        let trace = self.trace(event)?;
        self.writer.submit(Job::Subscription { guard: Guard::on(permit), change, trace }).await.map(drop)
    }

    /// A subscription; none when it ended.
    ///
    /// # Errors
    /// When the permit is for something else, or the database fails.
    pub async fn subscription(
        &self,
        permit: &Permit,
        subscription_id: &str,
    ) -> Result<Option<Subscription>, StoreError> {
        crate::demand(permit, |o| o == Operation::Find)?;
        let key = self.key_of(permit).await?;
        self.opened_subscription(permit.space(), subscription_id, &key).await
    }

    async fn opened_subscription(
        &self,
        space: SpaceId,
        subscription_id: &str,
        key: &crate::vault::DataKey,
    ) -> Result<Option<Subscription>, StoreError> {
        let space = space.to_string();
        let sql = Sql::new("SELECT sealed_subscription FROM subscription WHERE space_id = $1 AND subscription_id = $2");
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql.bind(&space).bind(subscription_id)).await?;
        reader.done();
        let Some(row) = row else { return Ok(None) };
        let text = key.open(&["subscription", &space, subscription_id], row.bytes(0)?)?;
        serde_json::from_slice(&text).map(Some).map_err(|_| StoreError::Corrupt { what: "subscription" })
    }

    /// The subscription of a row that is due, for whom the gateway tells; none when it ended.
    ///
    /// # Errors
    /// [`StoreError::Forgotten`] when the space's key was destroyed; when the permit is for something else.
    pub async fn followed(&self, permit: &Permit, due: &Publication) -> Result<Option<Subscription>, StoreError> {
        crate::demand(permit, |o| o == Operation::Publish)?;
        let key = self.key_of(permit).await?;
        self.opened_subscription(permit.space(), &due.subscription_id, &key).await
    }

    /// Ends the subscription of a row that is due, whose follower may not follow any more, with its trace.
    ///
    /// # Errors
    /// As [`Store::deposit`].
    pub async fn unfollow(&self, permit: &Permit, due: &Publication, event: &TraceEvent) -> Result<(), StoreError> {
        crate::demand(permit, |o| o == Operation::Publish)?;
        let ended = PreparedSubscription::Ended { subscription_id: due.subscription_id.clone() };
        self.change_subscription(permit, ended, event).await
    }

    /// How many subscriptions a space has that have not ended.
    ///
    /// # Errors
    /// When the permit is for something else, or the database fails.
    pub async fn subscriptions(&self, permit: &Permit, now_ms: i64) -> Result<i64, StoreError> {
        crate::demand(permit, |o| o == Operation::Find)?;
        let sql = Sql::new("SELECT COUNT(*) FROM subscription WHERE space_id = $1 AND ends_ms > $2");
        let mut reader = self.readers.get().await?;
        let row = reader.one(sql.bind(permit.space().to_string()).bind(now_ms)).await?;
        reader.done();
        row.map_or(Ok(0), |row| row.int(0))
    }

    /// What is to be told now, longest waiting first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publications_due(&self, now_ms: i64, limit: i64) -> Result<Vec<Publication>, StoreError> {
        let sql = Sql::new(
            "SELECT space_id, subscription_id, set_uuid, attempts FROM publication WHERE due_ms <= $1 \
             ORDER BY due_ms, queued_ms LIMIT $2",
        );
        let mut reader = self.readers.get().await?;
        let rows = reader.all(sql.bind(now_ms).bind(limit)).await?;
        reader.done();
        rows.iter()
            .map(|row| {
                Ok(Publication {
                    space: space_id(row.text(0)?)?,
                    subscription_id: row.text(1)?.to_owned(),
                    set_uuid: row.text(2)?.to_owned(),
                    attempts: row.int(3)?,
                })
            })
            .collect()
    }

    /// It has been told, or never will be.
    ///
    /// # Errors
    /// When the database fails: it will be told again.
    pub async fn published(&self, due: &Publication) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM publication WHERE space_id = $1 AND subscription_id = $2 AND set_uuid = $3");
        self.operation(sql.bind(due.space.to_string()).bind(&due.subscription_id).bind(&due.set_uuid)).await
    }

    /// It could not be told: later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_publication_off(&self, due: &Publication, pause: Duration) -> Result<(), StoreError> {
        self.publication_later(due, pause, 1).await
    }

    /// It was not tried: later.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wait_for_consumer(&self, due: &Publication, pause: Duration) -> Result<(), StoreError> {
        self.publication_later(due, pause, 0).await
    }

    async fn publication_later(&self, due: &Publication, pause: Duration, attempts: i64) -> Result<(), StoreError> {
        let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let sql = Sql::new(
            "UPDATE publication SET due_ms = $4, attempts = attempts + $5 \
             WHERE space_id = $1 AND subscription_id = $2 AND set_uuid = $3",
        );
        let sql = sql.bind(due.space.to_string()).bind(&due.subscription_id).bind(&due.set_uuid);
        self.operation(sql.bind(self.now_ms().saturating_add(pause)).bind(attempts)).await
    }

    /// Takes away the subscriptions that ended, with what they were yet to be told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_subscriptions(&self, now_ms: i64) -> Result<(), StoreError> {
        self.operation(Sql::new("DELETE FROM subscription WHERE ends_ms <= $1").bind(now_ms)).await
    }
}

/// Carries a change out.
pub(crate) async fn change(
    connection: &mut Connection,
    space: &str,
    change: &PreparedSubscription,
) -> Result<(), StoreError> {
    let sql = match change {
        PreparedSubscription::Made { subscription_id, sealed, since_ms, ends_ms } => Sql::new(
            "INSERT INTO subscription (space_id, subscription_id, sealed_subscription, since_ms, ends_ms) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(space)
        .bind(subscription_id)
        .bind(sealed.clone())
        .bind(*since_ms)
        .bind(*ends_ms),
        PreparedSubscription::Ended { subscription_id } => {
            Sql::new("DELETE FROM subscription WHERE space_id = $1 AND subscription_id = $2")
                .bind(space)
                .bind(subscription_id)
        }
    };
    connection.execute(sql).await.map(drop)
}

/// Queues what came in for those who follow it. One statement asks for the whole batch: most spaces have no subscription.
pub(crate) async fn queue(connection: &mut Connection, sets: &[(&str, &str, i64)]) -> Result<(), StoreError> {
    if sets.is_empty() {
        return Ok(());
    }
    let mut spaces: Vec<&str> = sets.iter().map(|(space, ..)| *space).collect();
    spaces.sort_unstable();
    spaces.dedup();
    let text = "SELECT space_id, subscription_id, ends_ms FROM subscription WHERE space_id IN ";
    for row in rows_in(connection, text, &spaces, "").await? {
        for (space, set, at_ms) in sets {
            if *space != row.text(0)? || row.int(2)? <= *at_ms {
                continue;
            }
            let sql = Sql::new(
                "INSERT INTO publication (space_id, subscription_id, set_uuid, queued_ms, due_ms, attempts) \
                 VALUES ($1, $2, $3, $4, $4, 0) ON CONFLICT DO NOTHING",
            );
            connection.execute(sql.bind(*space).bind(row.text(1)?).bind(*set).bind(*at_ms)).await?;
        }
    }
    Ok(())
}
