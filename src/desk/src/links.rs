//! Two spaces that are known to be one person's and stay two: where they may not be made one (yet). Decided on both, traced
//! in both, and taken back by who may say it. Who asks by which numbers the person is known is told of both; documents, settings and
//! traces stay apart.

use access::Operation;
use space::{Cause, Ins, LocalId, Refusal, Role, Settings, SpaceId, trace::Act};
use store::{Change, MOST_LINKS, Notification, StoreError};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings},
    merge::{by_a_source, one_person, refused},
};

impl Desk {
    /// Links two spaces, or links them no more, by the numbers of their holders (development data, at the command line).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not, or the two are not one person's.
    pub async fn link_holders(&self, caller: &Caller, one: &Ins, other: &Ins, linked: bool) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, Act::FeedIdentity, Vec::new());
        let (one, other) = (acting.space(one).await?, acting.space(other).await?);
        self.link_spaces(&acting, one, other, linked).await
    }

    /// Links the spaces of two numbers of a structure, or links them no more (ITI-104 seealso): who may say the one may take
    /// it back.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the numbers are not the caller's, or their holders not one person.
    pub async fn link_numbers(
        &self,
        caller: &Caller,
        one: &LocalId,
        other: &LocalId,
        linked: bool,
    ) -> Result<(), Fault> {
        let mut targets = vec![one.domain().as_str().to_owned()];
        if other.domain() != one.domain() {
            targets.push(other.domain().as_str().to_owned());
        }
        let acting = Acting::new(self, caller, Act::FeedIdentity, targets);
        let (first, second) = (self.space_of_own(&acting, one).await?, self.space_of_own(&acting, other).await?);
        // A credential that names somebody is about one of the two.
        if let Some(claimed) = &caller.patient {
            let named = acting.space(claimed).await?;
            if named != first && named != second {
                return Err(acting.refuse(Some(first), vec![Refusal::new(Cause::PatientMismatch)]).await);
            }
        }
        self.link_spaces(&acting, first, second, linked).await
    }

    async fn link_spaces(&self, acting: &Acting<'_>, one: SpaceId, other: SpaceId, linked: bool) -> Result<(), Fault> {
        on_settings!(acting, one, |settings| {
            if one == other {
                return Err(refused("a space and itself"));
            }
            // A refusal by what is remembered of the other would not be looked at again.
            self.known.forget_settings(other);
            let others = acting.settings(other).await?;
            let done = self.attempt_link(acting, (one, &settings), (other, &others), linked).await;
            self.known.forget_settings(one);
            self.known.forget_settings(other);
            done
        })
    }

    async fn attempt_link(
        &self,
        acting: &Acting<'_>,
        (one, settings): (SpaceId, &Settings),
        (other, others): (SpaceId, &Settings),
        linked: bool,
    ) -> Result<(), Attempt> {
        let actor = &acting.caller.actor;
        let first = self.tables.decide(actor, Operation::Merge, one, settings)?;
        let second = self.tables.decide(actor, Operation::Merge, other, others)?;
        let standing = self.store.linked_spaces(&first).await?;
        let (at_ms, told) = (self.clock.now().as_millisecond(), self.consumer_names());
        let change = |other: SpaceId| {
            let told = told.clone();
            if linked {
                Change::LinkSpace { other, since_ms: at_ms, told }
            } else {
                Change::UnlinkSpace { other, at_ms, told }
            }
        };
        if linked {
            let (holder, _) = self.store.holder(&first).await?;
            let (known, _) = self.store.holder(&second).await?;
            one_person(&holder, &known)?;
            if actor.role != Role::Operator {
                // Either may be the provisional one.
                by_a_source(&holder, &known).or_else(|_| by_a_source(&known, &holder))?;
            }
            let of_other = self.store.linked_spaces(&second).await?;
            if standing.len().max(of_other.len()) >= MOST_LINKS && !standing.contains(&other) {
                return Err(refused("linked to as many spaces as may be"));
            }
        } else if !standing.contains(&other) {
            return Err(refused("not linked"));
        }
        let (done, done_too) = (acting.done(&first), acting.done(&second));
        let told = || {
            vec![Notification {
                message_id: self.rng.uuid().to_string(),
                kind: if linked { "spaces_linked" } else { "spaces_unlinked" },
                payload: serde_json::json!({ "by": actor.name }).to_string(),
            }]
        };
        let changes = vec![(&first, change(other), &done, told()), (&second, change(one), &done_too, told())];
        match self.store.change_all_telling(changes).await {
            Err(StoreError::Conflict { cause, .. }) => Err(Refusal::new(cause).into()),
            other => Ok(other?),
        }
    }
}
