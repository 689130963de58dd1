//! Subscriptions to what comes into a space (ITI-52, ITI-53): made by who may search it, and told only what that actor may
//! still read when it is told.

use access::{Operation, Permit};
use space::{
    AvailabilityStatus, Cause, Followed, Ins, Refusal, SubmissionSet, Subscription, Topic, query::EntryQuery,
    trace::Act,
};
use store::{LinkQuery, ObjectQuery, Publication, StoreError};

use crate::{
    Caller, Desk, Face, Fault, Listed,
    act::{Acting, on_settings},
};

/// Subscriptions of one space at once.
const MOST: i64 = 100;

/// A subscription to be made.
#[derive(Debug, Clone)]
pub struct Following {
    /// What notifications carry.
    pub topic: Topic,
    /// What is told.
    pub followed: Followed,
    /// Where it is told.
    pub consumer: String,
    /// Under what subscriptions are managed: their identifier follows.
    pub base: String,
    /// Until when, in milliseconds since 1970 UTC.
    pub ends_ms: i64,
}

/// What is to be told.
#[derive(Debug, Clone)]
pub struct Published {
    /// Where the subscription is managed.
    pub address: String,
    /// What notifications carry.
    pub topic: Topic,
    /// Where it is told.
    pub consumer: String,
    /// The documents.
    pub documents: Vec<Listed>,
    /// The set.
    pub sets: Vec<SubmissionSet>,
}

impl Published {
    /// Whether there is anything to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.sets.is_empty()
    }
}

impl Desk {
    /// Follows a space; gives the address under which the subscription is managed.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not search here, or only in an emergency.
    pub async fn subscribe(
        &self,
        caller: &Caller,
        patient: Option<&Ins>,
        following: Following,
    ) -> Result<String, Fault> {
        let id = self.rng.uuid().to_string();
        let acting = Acting::new(self, caller, Act::Subscribe, vec![id.clone()]);
        // An emergency opens a space for a moment, not for what is to come.
        if !matches!(caller.actor.purpose, space::Purpose::Normal) {
            let refusal = Refusal::new(Cause::FunctionDenied).about(caller.actor.purpose.vihf());
            return Err(acting.refuse(None, vec![refusal]).await);
        }
        let Following { topic, followed, consumer, base, ends_ms } = following;
        let address = format!("{base}/{id}");
        let actor = (*caller.actor).clone();
        let subscription = Subscription { actor, topic, followed, consumer, address: address.clone(), ends_ms };
        let (_, space) = self.enter(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::Find, space, &settings)?;
            // Who could list nothing here would be told nothing.
            if let Some(cause) = self.tables.read_grant(&caller.actor, &settings)?.refuses_listing() {
                return Err(Refusal::new(cause).into());
            }
            if self.store.subscriptions(&permit, self.clock.now().as_millisecond()).await? >= MOST {
                return Err(Refusal::new(Cause::TooManyResults).about(format!("{MOST} subscriptions")).into());
            }
            self.store.subscribe(&permit, &id, &subscription, &acting.done(&permit)).await?;
            Ok(address.clone())
        })
    }

    /// Follows no longer: who subscribed ends it.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is not there, or somebody else's.
    pub async fn unsubscribe(&self, caller: &Caller, id: &str) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, Act::Subscribe, vec![id.to_owned()]);
        let space = self.enter_known(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::Find, space, &settings)?;
            let unknown = || Refusal::new(Cause::UnknownSubscription);
            let kept = self.store.subscription(&permit, id).await?.ok_or_else(unknown)?;
            if kept.actor.id != caller.actor.id {
                return Err(unknown().into());
            }
            self.store.unsubscribe(&permit, id, &acting.done(&permit)).await?;
            Ok(())
        })
    }

    /// What may be told now, at most `limit`; ended subscriptions are taken away first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn publications_due(&self, limit: i64) -> Result<Vec<Publication>, Fault> {
        let now = self.clock.now().as_millisecond();
        self.store.end_subscriptions(now).await?;
        Ok(self.store.publications_due(now, limit).await?)
    }

    /// What a follower is to be told of a set, decided and traced as its own search; empty when nothing of it fits, or may
    /// be told any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn publication(&self, due: &Publication) -> Result<Option<Published>, Fault> {
        let Some((publish, subscription)) = self.opened(due).await? else { return Ok(None) };
        if subscription.ends_ms <= self.clock.now().as_millisecond() {
            return Ok(None);
        }
        let follower =
            Caller { actor: std::sync::Arc::new(subscription.actor.clone()), patient: None, face: Face::Ihe };
        match self.told_of(&follower, due, &subscription).await {
            Ok(told) => Ok(Some(told).filter(|told| !told.is_empty())),
            // What he may not read any more is not told, and stands in the trace as any refusal.
            Err(Fault::Refused(refusals)) => {
                // A block is meant to last: who is blocked could not even end it himself.
                if refusals.iter().any(|r| r.cause == Cause::Blocked) {
                    let operator = Caller::operator();
                    let ending = Acting::new(self, &operator, Act::Subscribe, vec![due.subscription_id.clone()]);
                    self.store.unfollow(&publish, due, &ending.done(&publish)).await?;
                }
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Where the follower of a row is told; none when the subscription ended.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn consumer(&self, due: &Publication) -> Result<Option<String>, Fault> {
        Ok(self.opened(due).await?.map(|(_, subscription)| subscription.consumer))
    }

    /// The subscription of a row, with leave to tell by it.
    async fn opened(&self, due: &Publication) -> Result<Option<(Permit, Subscription)>, Fault> {
        let settings = match self.store.settings(due.space).await {
            Ok(Some(settings)) => settings,
            Ok(None) | Err(StoreError::Forgotten) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let publish = self.tables.decide(&Caller::operator().actor, Operation::Publish, due.space, &settings)?;
        match self.store.followed(&publish, due).await {
            Ok(subscription) => Ok(subscription.map(|subscription| (publish, subscription))),
            Err(StoreError::Forgotten) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn told_of(
        &self,
        follower: &Caller,
        due: &Publication,
        subscription: &Subscription,
    ) -> Result<Published, Fault> {
        let mut acting = Acting::new(self, follower, Act::Find, Vec::new());
        let space = due.space;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&follower.actor, Operation::Find, space, &settings)?;
            let grant = self.tables.read_grant(&follower.actor, &settings)?;
            let from = LinkQuery { sources: vec![due.set_uuid.clone()], ..LinkQuery::default() };
            let members = self.store.associations(&permit, &from).await?;
            let query = EntryQuery {
                entry_uuids: members.into_iter().map(|link| link.target).collect(),
                statuses: vec![AvailabilityStatus::Approved],
                ..EntryQuery::default()
            };
            let rows =
                if query.entry_uuids.is_empty() { Vec::new() } else { self.store.entries(&permit, &query).await? };
            let shown = self.shown(&permit, &grant, rows).await?;
            let mut published = Published {
                address: subscription.address.clone(),
                topic: subscription.topic,
                consumer: subscription.consumer.clone(),
                documents: Vec::new(),
                sets: Vec::new(),
            };
            if subscription.topic == Topic::SubmissionSetMetadata {
                // A set is told by one of its documents.
                if !shown.is_empty() {
                    let named = ObjectQuery { entry_uuids: vec![due.set_uuid.clone()], ..ObjectQuery::default() };
                    let sets = self.store.submission_sets(&permit, &named).await?;
                    published.sets.extend(sets.into_iter().map(|row| row.set));
                    published.sets.retain(|set| subscription.followed.set(set));
                }
            } else {
                published.documents =
                    shown.into_iter().filter(|listed| subscription.followed.document(&listed.entry)).collect();
            }
            // Nothing told is nothing to trace.
            if !published.is_empty() {
                let documents = published.documents.iter().map(|listed| listed.entry.unique_id.clone());
                acting.targets = documents.chain(published.sets.iter().map(|set| set.unique_id.clone())).collect();
                self.store.record(&permit, &acting.done(&permit), Vec::new()).await?;
            }
            Ok(published)
        })
    }

    /// It has been told, or never will be.
    ///
    /// # Errors
    /// When the store fails: it will be told again.
    pub async fn published(&self, due: &Publication) -> Result<(), Fault> {
        Ok(self.store.published(due).await?)
    }

    /// It was not tried, because whom it is for is away: later, and no less often tried for that.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wait_for_consumer(&self, due: &Publication, pause: std::time::Duration) -> Result<(), Fault> {
        Ok(self.store.wait_for_consumer(due, pause).await?)
    }

    /// It could not be told: later.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_publication_off(&self, due: &Publication, pause: std::time::Duration) -> Result<(), Fault> {
        Ok(self.store.put_publication_off(due, pause).await?)
    }
}
