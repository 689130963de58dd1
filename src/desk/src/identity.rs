//! By which numbers a holder is known: structures feed their own (ITI-44, ITI-104), and who may test that a record exists
//! is told of them (ITI-45, ITI-83).
//!
//! A number is linked to an INS that comes with it, and only when the strict traits that come with it are the holder's:
//! nothing is ever matched by traits alone. A structure feeds its own domains, and no other.

use access::{Consumer, Operation, Permit};
use space::{
    Cause, Holder, Ins, LocalId, Oid, Refusal, SpaceId, TraitQuery, Traits, holder::comparable_name, trace::Act,
};
use store::{Change, StoreError};

use crate::{
    Caller, Desk, Fault, Record,
    act::{Acting, Attempt, on_settings},
    patients::known,
};

/// What a feed does with a number that is somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    /// Refuses: the number is said to be new.
    Add,
    /// Takes it from there: the link was wrong.
    Revise,
}

/// A number of a structure's patient, and whose it is.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The number.
    pub local: LocalId,
    /// The INS that came with it.
    pub ins: Option<Ins>,
    /// The traits that came with it.
    pub traits: TraitQuery,
    /// New, or changed.
    pub kind: FeedKind,
}

/// What a feed came to.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Whom the number is linked to.
    pub holder: Holder,
    /// Whether it was not linked to them before.
    pub created: bool,
}

/// By what somebody is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonKey {
    /// The INS.
    Ins(Ins),
    /// A structure's number.
    Local(LocalId),
}

impl PersonKey {
    fn domain(&self) -> &str {
        match self {
            Self::Ins(ins) => ins.oid().as_str(),
            Self::Local(local) => local.domain().as_str(),
        }
    }
}

/// A number somebody is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The INS.
    Ins(Ins),
    /// A structure's number.
    Local(LocalId),
}

impl Reference {
    /// OID of its domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        match self {
            Self::Ins(ins) => ins.oid().as_str(),
            Self::Local(local) => local.domain().as_str(),
        }
    }

    /// The number in it.
    #[must_use]
    pub fn number(&self) -> &str {
        match self {
            Self::Ins(ins) => ins.matricule(),
            Self::Local(local) => local.number(),
        }
    }
}

/// By which other numbers somebody is known.
#[derive(Debug, Clone)]
pub struct CrossReferences {
    /// Who.
    pub holder: Holder,
    /// The numbers that may be told, without the one that was asked by.
    pub references: Vec<Reference>,
}

/// Whether traits that came with a number are a holder's, and enough to say so.
fn identified(told: &TraitQuery, traits: &Traits) -> Result<(), Refusal> {
    // A name in use is no strict trait.
    let birth_name = told.family.as_deref().is_some_and(|f| comparable_name(f) == comparable_name(&traits.family));
    if told.is_qualified() && birth_name && told.matches(traits) {
        Ok(())
    } else {
        Err(Refusal::new(Cause::IdentityMismatch))
    }
}

impl Desk {
    /// All consumers, by name.
    pub(crate) fn consumer_names(&self) -> Vec<String> {
        self.consumers.iter().map(|consumer| consumer.name.clone()).collect()
    }

    /// Consumers that follow a domain, by name.
    pub(crate) fn followers(&self, domain: &Oid) -> Vec<String> {
        let follows = |consumer: &&Consumer| self.tables.tells_consumer(consumer, domain);
        self.consumers.iter().filter(follows).map(|consumer| consumer.name.clone()).collect()
    }

    /// Links a structure's own number to the holder of an INS.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the domain is not the caller's, the message has no INS, or its traits are not the holder's.
    pub async fn feed(&self, caller: &Caller, feed: &Feed) -> Result<Linked, Fault> {
        let domain = feed.local.domain();
        let acting = Acting::new(self, caller, Act::FeedIdentity, vec![domain.as_str().to_owned()]);
        let allowed = self.tables.source_of(&caller.actor, domain).map(drop);
        let allowed = allowed.and_then(|()| feed.ins.clone().ok_or_else(|| Refusal::new(Cause::InsMissing)));
        let ins = match allowed {
            Ok(ins) => ins,
            Err(refusal) => return Err(acting.refuse(None, vec![refusal]).await),
        };
        // A source feeds many people under one credential, which then names nobody; one that it names is the one.
        if caller.patient.as_ref().is_some_and(|claimed| *claimed != ins) {
            return Err(acting.refuse(None, vec![Refusal::new(Cause::PatientMismatch)]).await);
        }
        let space = acting.space(&ins).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::LinkNumber, space, &settings)?;
            let (holder, _) = self.store.holder(&permit).await?;
            identified(&feed.traits, &holder.traits)?;
            let created = match self.store.space_of_local(&feed.local).await? {
                Some(standing) if standing == space => {
                    self.store.record(&permit, &acting.done(&permit), Vec::new()).await?;
                    false
                }
                Some(_) if feed.kind == FeedKind::Add => return Err(Refusal::new(Cause::IdentifierTaken).into()),
                former => {
                    self.link(&acting, &permit, feed, former).await?;
                    true
                }
            };
            Ok(Linked { holder, created })
        })
    }

    /// Stores a link, and takes the number from whom it was linked to before.
    async fn link(
        &self,
        acting: &Acting<'_>,
        permit: &Permit,
        feed: &Feed,
        former: Option<SpaceId>,
    ) -> Result<(), Attempt> {
        let at_ms = self.clock.now().as_millisecond();
        let told = self.followers(feed.local.domain());
        let link = Change::Link { local: feed.local.clone(), since_ms: at_ms, told: told.clone() };
        let done = acting.done(permit);
        let stored = match former {
            None => self.store.change(permit, link, &done).await,
            Some(former) => {
                let settings = acting.settings(former).await?;
                let leave = self.tables.decide(&acting.caller.actor, Operation::LinkNumber, former, &settings)?;
                let unlink = Change::Unlink { local: feed.local.clone(), at_ms, told };
                let (gone, changes) = (acting.done(&leave), vec![(&leave, unlink)]);
                let mut all: Vec<_> = changes.into_iter().map(|(permit, change)| (permit, change, &gone)).collect();
                all.push((permit, link, &done));
                let stored = self.store.change_all(all).await;
                self.known.forget_settings(former);
                stored
            }
        };
        self.known.forget_settings(permit.space());
        match stored {
            // Another process has linked it meanwhile: it is looked at again.
            Err(StoreError::Conflict { cause: Cause::IdentifierTaken, .. }) => Err(Attempt::Stale),
            other => Ok(other?),
        }
    }

    /// Links a number of a structure no more (ITI-104, removal).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the domain is not the caller's, or the number is linked to nobody.
    pub async fn unlink(&self, caller: &Caller, local: &LocalId) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, Act::FeedIdentity, vec![local.domain().as_str().to_owned()]);
        let space = self.space_of_own(&acting, local).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::LinkNumber, space, &settings)?;
            let (at_ms, told) = (self.clock.now().as_millisecond(), self.followers(local.domain()));
            let change = Change::Unlink { local: local.clone(), at_ms, told };
            self.store.change(&permit, change, &acting.done(&permit)).await?;
            self.known.forget_settings(space);
            Ok(())
        })
    }

    /// The space of a number of the caller's own domain.
    pub(crate) async fn space_of_own(&self, acting: &Acting<'_>, local: &LocalId) -> Result<SpaceId, Fault> {
        if let Err(refusal) = self.tables.source_of(&acting.caller.actor, local.domain()) {
            return Err(acting.refuse(None, vec![refusal]).await);
        }
        match self.store.space_of_local(local).await? {
            Some(space) => Ok(space),
            None => Err(acting.refuse(None, vec![Refusal::new(Cause::UnknownIdentifier)]).await),
        }
    }

    /// The space of whom somebody asks for. By a number of its own domain a structure may ask under a credential that
    /// names nobody; a credential that names somebody is about them.
    async fn space_of_person(&self, acting: &Acting<'_>, key: &PersonKey) -> Result<SpaceId, Fault> {
        let local = match key {
            PersonKey::Ins(ins) => return self.enter_known(acting, Some(ins)).await,
            PersonKey::Local(local) => local,
        };
        let caller = acting.caller;
        let claimed = caller.patient.as_ref();
        let allowed = match claimed {
            Some(_) => self.tables.asks_by(&caller.actor, local.domain()),
            None => self.tables.source_of(&caller.actor, local.domain()).map(drop),
        };
        if let Err(refusal) = allowed {
            return Err(acting.refuse(None, vec![refusal]).await);
        }
        let Some(space) = self.store.space_of_local(local).await? else {
            return Err(acting.refuse(None, vec![Refusal::new(Cause::UnknownIdentifier)]).await);
        };
        if let Some(claimed) = claimed
            && acting.space(claimed).await? != space
        {
            // Another's number is told from nobody's in the trace alone.
            return match acting.refuse(Some(space), vec![Refusal::new(Cause::PatientMismatch)]).await {
                Fault::Refused(_) => Err(Refusal::new(Cause::UnknownIdentifier).into()),
                untraced => Err(untraced),
            };
        }
        Ok(space)
    }

    /// By which other numbers somebody is known: those of `wanted` domains, or all that the caller may be told of.
    ///
    /// # Errors
    /// [`Fault::Refused`] when nobody is known so, or the caller may not ask or not be told.
    pub async fn cross_references(
        &self,
        caller: &Caller,
        key: &PersonKey,
        wanted: &[Oid],
    ) -> Result<CrossReferences, Fault> {
        let acting = Acting::new(self, caller, Act::Identify, vec![key.domain().to_owned()]);
        let untold: Vec<Refusal> = wanted
            .iter()
            .filter(|oid| !self.tables.may_be_told(&caller.actor, oid))
            .map(|oid| Refusal::new(Cause::UnknownTargetDomain).about(oid.as_str()))
            .collect();
        if !untold.is_empty() {
            return Err(acting.refuse(None, untold).await);
        }
        let space = self.space_of_person(&acting, key).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::CrossReference, space, &settings)?;
            let (holder, _) = self.store.holder(&permit).await?;
            let mut references: Vec<Reference> = vec![Reference::Ins(holder.ins.clone())];
            references.extend(self.store.local_identifiers(&permit).await?.into_iter().map(Reference::Local));
            let linked = self.linked_references(&acting, &permit).await?;
            let asked = match key {
                PersonKey::Ins(ins) => Reference::Ins(ins.clone()),
                PersonKey::Local(local) => Reference::Local(local.clone()),
            };
            let told = |reference: &Reference| {
                let wanted = wanted.is_empty() || wanted.iter().any(|oid| oid.as_str() == reference.domain());
                let domain = Oid::parse(reference.domain());
                wanted && domain.is_ok_and(|oid| self.tables.may_be_told(&caller.actor, &oid)) && *reference != asked
            };
            references.retain(told);
            let mut permits = vec![&permit];
            for (leave, known) in &linked {
                let before = references.len();
                references.extend(known.iter().filter(|reference| told(reference)).cloned());
                if references.len() > before {
                    permits.push(leave);
                }
            }
            let told = permits.into_iter().map(|permit| acting.told(permit)).collect();
            let recorded = self.store.record_all(told).await;
            if recorded.is_err() {
                linked.iter().for_each(|(permit, _)| self.known.forget_settings(permit.space()));
            }
            recorded?;
            Ok(CrossReferences { holder, references })
        })
    }

    /// The numbers under which linked spaces are known, of those where the caller may ask too, with leave on each.
    async fn linked_references(
        &self,
        acting: &Acting<'_>,
        permit: &Permit,
    ) -> Result<Vec<(Permit, Vec<Reference>)>, Attempt> {
        let mut leaves = Vec::new();
        for space in self.store.linked_spaces(permit).await? {
            // A space left out by what is remembered of it would not be looked at again.
            self.known.forget_settings(space);
            let settings = acting.settings(space).await?;
            let decided = self.tables.decide(&acting.caller.actor, Operation::CrossReference, space, &settings);
            let Ok(leave) = decided else { continue };
            if let Some(references) = self.numbers(&leave).await? {
                leaves.push((leave, references));
            }
        }
        Ok(leaves)
    }

    /// All numbers of the holder of a linked space; none of one who was forgotten.
    pub(crate) async fn numbers(&self, leave: &Permit) -> Result<Option<Vec<Reference>>, Attempt> {
        let (holder, _) = match self.store.holder(leave).await {
            Err(StoreError::Forgotten) => return Ok(None),
            found => found?,
        };
        let locals = self.store.local_identifiers(leave).await?.into_iter().map(Reference::Local);
        Ok(Some(std::iter::once(Reference::Ins(holder.ins)).chain(locals).collect()))
    }

    /// Whether a record exists of whom a number is of, and who that is (TD0.2, ITI-47 and ITI-78 by a structure's own
    /// number).
    ///
    /// # Errors
    /// [`Fault::Refused`] when nobody is known so, or the caller may not ask.
    pub async fn person(&self, caller: &Caller, key: &PersonKey) -> Result<Record, Fault> {
        let acting = Acting::new(self, caller, Act::Identify, Vec::new());
        let space = self.space_of_person(&acting, key).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::Exists, space, &settings)?;
            let (holder, _) = self.store.holder(&permit).await?;
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(known(&caller.actor, holder, &settings))
        })
    }
}
