//! Telling who follows a space what came in (ITI-53): at least once, and only what its follower may read when it is told.
//! A consumer that does not answer takes the time of no other: while it is away, what it is to be told waits without a call.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use desk::{Desk, Fault, Publication};
use futures::StreamExt as _;
use ihe::client::{Call, Transport as _};
use jiff::{SignedDuration, Timestamp};

use crate::{commands::Failure, config::Config, partner::Wire};

/// Rows looked at in one turn.
const PORTION: i64 = 16;
/// How long a consumer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one that could not be reached is not called.
const AWAY: SignedDuration = SignedDuration::from_secs(30);
/// Longest answer that is read of a consumer, in bytes.
const ANSWER: usize = 64 * 1024;

/// Tells.
#[derive(Debug)]
pub(crate) struct Publisher {
    desk: Arc<Desk>,
    wire: Arc<Wire>,
    repository: String,
    /// Addresses that could not be reached, and until when they are not called.
    away: Mutex<HashMap<String, Timestamp>>,
}

impl Publisher {
    /// The publisher of a configuration that admits consumers.
    pub(crate) fn of(config: &Config, desk: &Arc<Desk>) -> Result<Option<Arc<Self>>, Failure> {
        if config.dsub.consumers.is_empty() {
            return Ok(None);
        }
        let wire = Wire::of(config, PATIENCE)?;
        let repository = config.ihe.repository_unique_id.clone();
        Ok(Some(Arc::new(Self { desk: desk.clone(), wire, repository, away: Mutex::default() })))
    }

    /// Whether whom a row is for is away, as far as is known.
    async fn is_away(&self, due: &Publication) -> Result<bool, Fault> {
        let now = self.desk.clock().now();
        let away = |address: Option<&String>| {
            let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
            away.retain(|_, until| *until > now);
            address.map_or(!away.is_empty(), |address| away.contains_key(address))
        };
        if !away(None) {
            return Ok(false);
        }
        let consumer = self.desk.consumer(due).await?;
        Ok(consumer.is_some_and(|url| away(Some(&url))))
    }

    /// Tells what is due; says whether there is more at once. One consumer that is away keeps no other waiting.
    pub(crate) async fn publish(self: Arc<Self>) -> Result<bool, String> {
        let failed = |fault: Fault| fault.to_string();
        let due = self.desk.publications_due(PORTION).await.map_err(failed)?;
        let more = i64::try_from(due.len()).is_ok_and(|count| count == PORTION);
        let mut telling = tokio::task::JoinSet::new();
        for one in due {
            let this = self.clone();
            telling.spawn(async move {
                let done = this.one(&one).await;
                if done.is_err() {
                    this.desk.put_publication_off(&one, PATIENCE * 6).await?;
                }
                done
            });
        }
        // What fails here of one row is that row's: it waits, and the others are told.
        for told in telling.join_all().await {
            if let Err(fault) = told {
                tracing::error!(error = %fault, "dsub.failed");
            }
        }
        Ok(more)
    }

    async fn one(&self, due: &Publication) -> Result<(), Fault> {
        // Before it is decided: what nobody is told leaves no trace of having been told.
        if self.is_away(due).await? {
            tracing::info!(why = "away", attempts = due.attempts, "dsub.not_told");
            return self.desk.wait_for_consumer(due, PATIENCE).await;
        }
        let Some(published) = self.desk.publication(due).await? else {
            return self.desk.published(due).await;
        };
        let id = format!("urn:uuid:{}", self.desk.rng().uuid());
        let message = ihe::notification(&published, &self.repository, &id);
        match self.post(published.consumer.clone(), message).await {
            Ok(()) => self.desk.published(due).await,
            Err(why) => self.later(due, &why).await,
        }
    }

    /// Puts a row off, or gives it up after enough attempts.
    async fn later(&self, due: &Publication, why: &str) -> Result<(), Fault> {
        match ihe::pause_after(due.attempts) {
            Some(pause) => {
                tracing::info!(why, attempts = due.attempts, "dsub.not_told");
                self.desk.put_publication_off(due, pause).await
            }
            None => {
                tracing::warn!(why, "dsub.given_up");
                self.desk.published(due).await
            }
        }
    }

    async fn post(&self, url: String, message: Vec<u8>) -> Result<(), String> {
        let address = url.clone();
        let length = message.len() as u64;
        let body = futures::stream::once(async { Ok(bytes::Bytes::from(message)) }).boxed();
        let call = Call { url, content_type: ihe::notification_type(), length, body };
        let answer = match self.wire.post(call).await {
            Ok(answer) => answer,
            Err(error) => {
                let now = self.desk.clock().now();
                let until = now.checked_add(AWAY).unwrap_or(now);
                self.away.lock().unwrap_or_else(PoisonError::into_inner).insert(address, until);
                return Err(error.to_string());
            }
        };
        let mut read = 0;
        let mut body = answer.body;
        while let Some(Ok(chunk)) = body.next().await {
            read += chunk.len();
            if read > ANSWER {
                break;
            }
        }
        // A one-way message: that it was taken is all there is to know.
        if (200..300).contains(&answer.status) { Ok(()) } else { Err(format!("answered {}", answer.status)) }
    }
}
