//! Two spaces that are one person's made one: a provisional number (NIA) that became definitive (NIR), an identity made
//! twice. Decided on both spaces, traced in both, and never undone.

use access::Operation;
use space::{
    Cause, Holder, Ins, InsOid, LocalId, Refusal, Role, Settings, SpaceId, SpaceState, TraitQuery, Traits,
    holder::comparable_name, trace::Act,
};
use store::{Change, Merge, Notification, StoreError};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings},
};

/// Why the one may not go on for the other.
pub(crate) fn refused(why: &str) -> Attempt {
    Refusal::new(Cause::MergeRefused).about(why).into()
}

/// Whether two holders are one person, by their traits, and both real or both of tests.
pub(crate) fn one_person(one: &Holder, other: &Holder) -> Result<(), Attempt> {
    let (here, there) = (&one.traits, &other.traits);
    let given = |traits: &Traits| traits.given.first().map(|g| comparable_name(g));
    let same_place = here.birth_place.is_none() || there.birth_place.is_none() || here.birth_place == there.birth_place;
    let same = comparable_name(&here.family) == comparable_name(&there.family)
        && given(here) == given(there)
        && same_place
        && TraitQuery { family: None, given: None, ..TraitQuery::of(here) }.matches(there);
    if !same {
        return Err(Refusal::new(Cause::IdentityMismatch).into());
    }
    let is_real = |holder: &Holder| matches!(holder.ins.oid(), InsOid::Nir | InsOid::Nia);
    if is_real(one) != is_real(other) {
        return Err(refused("a test number and a real one"));
    }
    Ok(())
}

/// Whether the one's number may take the place of the other's.
fn may_go_on(survivor: &Holder, retired: &Holder) -> Result<(), Attempt> {
    if survivor.ins.oid() == InsOid::Nia && retired.ins.oid() == InsOid::Nir {
        return Err(refused("a definitive number gives way to no provisional one"));
    }
    Ok(())
}

/// Whether a structure may say so by itself: that a provisional number became definitive, of somebody born in one place.
/// Two definitive numbers are two people until somebody has looked (RNIV): test numbers stand for neither.
pub(crate) fn by_a_source(survivor: &Holder, retired: &Holder) -> Result<(), Attempt> {
    let (to, from) = (survivor.ins.oid(), retired.ins.oid());
    let places = (&survivor.traits.birth_place, &retired.traits.birth_place);
    let is_provisional = from == InsOid::Nia && places.0.is_some() && places.0 == places.1;
    if matches!(to, InsOid::Nir | InsOid::Nia) && !is_provisional {
        return Err(refused("two definitive numbers, or birth places that are not known to be one"));
    }
    Ok(())
}

/// Whether a space is in a state to be merged.
fn in_use(settings: &Settings) -> Result<(), Attempt> {
    match settings.state {
        SpaceState::Open => Ok(()),
        SpaceState::Merged => Err(refused("merged already")),
        other => Err(refused(other.as_str())),
    }
}

impl Desk {
    /// Lets a space go on for two, by the numbers of their holders (development data, at the command line).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not, or the two may not be made one.
    pub async fn merge(&self, caller: &Caller, survivor: &Ins, retired: &Ins) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, Act::FeedIdentity, Vec::new());
        let to = acting.space(survivor).await?;
        let from = acting.space(retired).await?;
        self.merge_spaces(&acting, to, from, None).await
    }

    /// Lets one number of a structure go on for two that are one patient's (ITI-44 resolve duplicates, ITI-104 replaced-by):
    /// both of one holder, or of two spaces, which are then made one.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the numbers are not the caller's to merge, or their holders not one person.
    pub async fn merge_numbers(&self, caller: &Caller, survivor: &LocalId, retired: &LocalId) -> Result<(), Fault> {
        let mut targets = vec![survivor.domain().as_str().to_owned()];
        if retired.domain() != survivor.domain() {
            targets.push(retired.domain().as_str().to_owned());
        }
        let acting = Acting::new(self, caller, Act::FeedIdentity, targets);
        if survivor == retired {
            let refusal = Refusal::new(Cause::MergeRefused).about("a number and itself");
            return Err(acting.refuse(None, vec![refusal]).await);
        }
        let to = self.space_of_own(&acting, survivor).await?;
        let from = self.space_of_own(&acting, retired).await?;
        // A credential that names somebody is about one of the two.
        if let Some(claimed) = &caller.patient {
            let named = acting.space(claimed).await?;
            if named != to && named != from {
                return Err(acting.refuse(Some(to), vec![Refusal::new(Cause::PatientMismatch)]).await);
            }
        }
        if to != from {
            return self.merge_spaces(&acting, to, from, Some(retired)).await;
        }
        let space = to;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::LinkNumber, space, &settings)?;
            let (at_ms, told) = (self.clock.now().as_millisecond(), self.followers(retired.domain()));
            let change = Change::Unlink { local: retired.clone(), at_ms, told };
            self.store.change(&permit, change, &acting.done(&permit)).await?;
            self.known.forget_settings(space);
            Ok(())
        })
    }

    async fn merge_spaces(
        &self,
        acting: &Acting<'_>,
        survivor: SpaceId,
        retired: SpaceId,
        dropped: Option<&LocalId>,
    ) -> Result<(), Fault> {
        if survivor == retired {
            let refusal = Refusal::new(Cause::MergeRefused).about("a space and itself");
            return Err(acting.refuse(Some(survivor), vec![refusal]).await);
        }
        // Both may have been made one space meanwhile: that is asked again of what stands.
        on_settings!(acting, survivor, |settings| {
            if survivor == retired {
                return Err(refused("a space and itself"));
            }
            let others = acting.settings(retired).await?;
            let done = self.attempt_merge(acting, (survivor, &settings), (retired, &others), dropped).await;
            self.known.forget_settings(retired);
            done?;
            self.known.forget_settings(survivor);
            self.known.forget_space(retired);
            Ok(())
        })
    }

    async fn attempt_merge(
        &self,
        acting: &Acting<'_>,
        (survivor, settings): (SpaceId, &Settings),
        (retired, others): (SpaceId, &Settings),
        dropped: Option<&LocalId>,
    ) -> Result<(), Attempt> {
        let actor = &acting.caller.actor;
        // In which state a space is, is told only to whom it may be.
        if actor.role == Role::Operator {
            in_use(others)?;
            in_use(settings)?;
        }
        let onto = self.tables.decide(actor, Operation::Merge, survivor, settings)?;
        let from = self.tables.decide(actor, Operation::Merge, retired, others)?;
        in_use(others)?;
        in_use(settings)?;
        let (going_on, _) = self.store.holder(&onto).await?;
        let (ending, _) = self.store.holder(&from).await?;
        one_person(&going_on, &ending)?;
        may_go_on(&going_on, &ending)?;
        if actor.role != Role::Operator {
            by_a_source(&going_on, &ending)?;
        }
        let merge = Merge {
            survivor: (&onto, &acting.done(&onto)),
            retired: (&from, &acting.done(&from)),
            ins: &going_on.ins,
            dropped,
            at_ms: self.clock.now().as_millisecond(),
            told: self.consumer_names(),
            notifications: vec![Notification {
                message_id: self.rng.uuid().to_string(),
                kind: "spaces_merged",
                payload: serde_json::json!({ "by": actor.name }).to_string(),
            }],
        };
        match self.store.merge(merge).await {
            Err(StoreError::Conflict { cause: Cause::MergeRefused, .. }) => {
                Err(refused("both hold an object of the same identifier"))
            }
            Err(StoreError::Conflict { cause, .. }) => Err(Refusal::new(cause).into()),
            other => Ok(other?),
        }
    }
}
