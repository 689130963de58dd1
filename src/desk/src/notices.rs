//! Telling consumers that the numbers of a holder changed (ITI-46): what they are told is what their structure could ask
//! for when they are told, held to what the holder has set then.

use space::{Cause, Oid, Refusal, trace::Act};
use store::{Notice, StoreError};

use crate::{
    Caller, Desk, Fault, Reference,
    act::{Acting, Attempt, on_settings},
};

/// What a consumer is to be told of a holder.
#[derive(Debug, Clone)]
pub struct Notified {
    notice: Notice,
    /// The numbers in the domains it follows, as they stand; none when none are left.
    pub references: Vec<Reference>,
}

impl Desk {
    /// What a consumer is to be told next, longest waiting first. What may not be told is dropped, with a trace.
    ///
    /// # Errors
    /// [`Fault`] when the store fails.
    pub async fn next_notices(&self, consumer: &str, limit: usize) -> Result<Vec<Notified>, Fault> {
        let mut found = Vec::new();
        for notice in self.store.next_notices(consumer, limit).await? {
            match self.told_to(consumer, &notice).await {
                Ok(references) => found.push(Notified { notice, references }),
                Err(Fault::Refused(_)) => self.store.notice_done(consumer, &notice).await?,
                Err(fault) => return Err(fault),
            }
        }
        Ok(found)
    }

    /// A consumer has taken a notice.
    ///
    /// # Errors
    /// [`Fault`] when the store fails: it is told again.
    pub async fn notified(&self, consumer: &str, told: &Notified) -> Result<(), Fault> {
        Ok(self.store.notice_done(consumer, &told.notice).await?)
    }

    /// A consumer has refused a notice: it is told again, after the others.
    ///
    /// # Errors
    /// [`Fault`] when the store fails: it stays where it is.
    pub async fn notified_later(&self, consumer: &str, told: &Notified) -> Result<(), Fault> {
        Ok(self.store.notice_later(consumer, &told.notice).await?)
    }

    async fn told_to(&self, name: &str, notice: &Notice) -> Result<Vec<Reference>, Fault> {
        let operator = Caller::operator();
        let consumer = self.consumers.iter().find(|consumer| consumer.name == name);
        let consumer = consumer.ok_or_else(|| Fault::from(Refusal::new(Cause::FunctionDenied)))?;
        let targets = vec![consumer.structure.to_string()];
        let acting = Acting::new(self, &operator, Act::FeedIdentity, targets);
        let space = notice.space;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide_notice(&operator.actor, consumer, space, &settings)?;
            let (holder, _) = self.store.holder(&permit).await?;
            let mut references = vec![Reference::Ins(holder.ins)];
            references.extend(self.store.local_identifiers(&permit).await?.into_iter().map(Reference::Local));
            references.retain(|reference| {
                Oid::parse(reference.domain()).is_ok_and(|oid| self.tables.tells_consumer(consumer, &oid))
            });
            // Who is the patient of none of the structures it follows is none of its business, whatever else it follows.
            if !references.iter().any(|reference| matches!(reference, Reference::Local(_))) {
                references.clear();
            }
            let mut told = vec![acting.told(&permit)];
            if !references.is_empty() {
                for linked in self.store.linked_spaces(&permit).await? {
                    // What is remembered of it may be of before: the act's own space is all that is looked at again.
                    self.known.forget_settings(linked);
                    let settings = acting.settings(linked).await?;
                    let Ok(leave) = self.tables.decide_notice(&operator.actor, consumer, linked, &settings) else {
                        continue;
                    };
                    let Some(numbers) = self.numbers(&leave).await? else { continue };
                    let before = references.len();
                    references.extend(numbers.into_iter().filter(|reference| {
                        Oid::parse(reference.domain()).is_ok_and(|oid| self.tables.tells_consumer(consumer, &oid))
                    }));
                    if references.len() > before {
                        told.push(acting.told(&leave));
                    }
                }
            }
            let told_of_one = told.len() == 1;
            match self.store.record_all(told).await {
                Err(StoreError::Forgotten) if told_of_one => Ok(Vec::new()),
                Err(StoreError::Forgotten) => Err(Attempt::Stale),
                other => other.map(|()| references).map_err(Into::into),
            }
        })
    }
}
