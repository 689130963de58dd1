//! What software of professionals asks of the DMP about people and not about documents: does a record exist and what may I
//! do with it, which records am I authorised on, who is authorised on this one — and declaring or giving up an
//! authorisation of one's own (DMP TD0.2 to TD0.5, TD1.3a, TD1.6).

use std::collections::HashMap;

use access::{Action, Operation, Permit};
use space::{
    Actor, Authorisation, Cause, Holder, Ins, Refusal, Role, Settings, SpaceId, TraitQuery,
    settings::AuthorisationKind, trace::Act,
};
use store::{ActRecord, Change, StoreError};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, on_settings},
};

/// Spaces in one list, at most.
const MOST_SPACES: usize = 500;
/// People whose name fits, of whom the other traits are looked at, at most.
const MOST_LOOKED_AT: usize = 2000;

/// A record, as somebody may know of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Who.
    pub holder: Holder,
    /// What is set on the space.
    pub settings: Settings,
    /// Whether the caller, or the caller's structure, is authorised.
    pub authorised: bool,
    /// Whether the caller is a declared médecin traitant.
    pub medecin_traitant: bool,
}

/// A record the caller is authorised on.
#[derive(Debug, Clone)]
pub struct Accessible {
    /// The record.
    pub record: Record,
    /// Since when, in milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// When something was last put in.
    pub last_deposit_ms: Option<i64>,
}

/// Which of those that fit are told.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// How many are passed over.
    pub from: usize,
    /// How many are told, at most.
    pub most: usize,
    /// Those that fitted when they were looked for first, in their order; they are looked for when there are none.
    pub of: Option<&'a [SpaceId]>,
}

/// People found by their traits.
#[derive(Debug)]
pub struct PeopleFound {
    /// Those told.
    pub told: Vec<Record>,
    /// The spaces of all that fit among those looked at, told or not.
    pub spaces: Vec<SpaceId>,
}

/// From when on records are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// All of them.
    Ever,
    /// Authorised from this instant on, in milliseconds since 1970 UTC.
    Authorised(i64),
    /// Something put in from this instant on.
    Deposited(i64),
}

/// What a professional declares of itself on a record (TD0.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnChange {
    /// The holder consented to the professional's access (for staff: to that of the structure).
    Declare,
    /// The professional gives its authorisation up.
    Remove,
    /// The holder chose the professional as médecin traitant.
    DeclareMedecinTraitant,
    /// The professional is médecin traitant no more.
    RemoveMedecinTraitant,
}

impl OwnChange {
    const fn action(self) -> Action {
        match self {
            Self::Declare | Self::DeclareMedecinTraitant => Action::DeclareAuthorised,
            Self::Remove => Action::RemoveOwnAuthorisation,
            Self::RemoveMedecinTraitant => Action::RemoveOwnMt,
        }
    }

    const fn act(self) -> Act {
        match self {
            Self::Declare => Act::Authorise,
            Self::Remove => Act::Withdraw,
            Self::DeclareMedecinTraitant | Self::RemoveMedecinTraitant => Act::SetMedecinTraitant,
        }
    }
}

/// Under which identifiers somebody is authorised: the person, and the structure it works in.
fn identifiers(actor: &Actor) -> Vec<(String, bool)> {
    let person = actor.id.as_ref().filter(|_| actor.role == Role::Professional).map(|id| (id.to_string(), false));
    let structure = actor.structure.as_ref().filter(|_| actor.structure_proven).map(|id| (id.to_string(), true));
    person.into_iter().chain(structure).collect()
}

/// What of a record is the caller's standing.
pub(crate) fn known(actor: &Actor, holder: Holder, settings: &Settings) -> Record {
    let given =
        |(id, is_structure): &(String, bool)| settings.standing(id, *is_structure) == Some(AuthorisationKind::Given);
    let traitant = |id: &space::ProfessionalId| settings.medecins_traitants.iter().any(|mt| mt == id.as_str());
    Record {
        authorised: identifiers(actor).iter().any(given),
        medecin_traitant: actor.id.as_ref().is_some_and(traitant),
        settings: settings.clone(),
        holder,
    }
}

impl Desk {
    /// Whether a record exists, closed ones told as such, and what the caller may do with it (TD0.2).
    ///
    /// # Errors
    /// [`Fault::Refused`] when there is none, or the caller may not ask.
    pub async fn exists(&self, caller: &Caller, patient: Option<&Ins>) -> Result<Record, Fault> {
        self.know(caller, patient, Operation::Exists).await
    }

    /// Administrative data of an open record (TD1.3a).
    ///
    /// # Errors
    /// [`Fault::Refused`] when there is none, or the caller may not read them.
    pub async fn administrative(&self, caller: &Caller, patient: Option<&Ins>) -> Result<Record, Fault> {
        self.know(caller, patient, Operation::Administrative).await
    }

    async fn know(&self, caller: &Caller, patient: Option<&Ins>, operation: Operation) -> Result<Record, Fault> {
        let acting = Acting::new(self, caller, Act::Identify, Vec::new());
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, operation, space, &settings)?;
            let (holder, _) = self.store.holder(&permit).await?;
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(known(&caller.actor, holder, &settings))
        })
    }

    /// Who is authorised or blocked on a record, and its médecins traitants (TD1.6).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not read it.
    pub async fn authorised(
        &self,
        caller: &Caller,
        patient: Option<&Ins>,
    ) -> Result<(Vec<Authorisation>, Vec<String>), Fault> {
        let acting = Acting::new(self, caller, Act::ListAuthorised, Vec::new());
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::ListAuthorised, space, &settings)?;
            self.store.record(&permit, &acting.done(&permit), Vec::new()).await?;
            Ok((settings.authorisations.clone(), settings.medecins_traitants.clone()))
        })
    }

    /// Declares or gives up an authorisation or a role of the caller's own (TD0.3).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not.
    pub async fn set_own(&self, caller: &Caller, patient: Option<&Ins>, change: OwnChange) -> Result<(), Fault> {
        let actor = &caller.actor;
        let mine = identifiers(actor);
        let as_staff = matches!(actor.role, Role::Agent | Role::Structure);
        let grantee = mine.iter().find(|(_, is_structure)| *is_structure == as_staff).cloned();
        let targets = grantee.iter().map(|(id, _)| id.clone()).collect();
        let acting = Acting::new(self, caller, change.act(), targets);
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(actor, Operation::SetOwn(change.action()), space, &settings)?;
            let denied = || Refusal::new(Cause::FunctionDenied).about(change.action().word());
            let (who, is_structure) = grantee.clone().ok_or_else(denied)?;
            let kind = AuthorisationKind::Given;
            let since_ms = self.clock.now().as_millisecond();
            let record = match change {
                OwnChange::Declare => Change::Stand { grantee: who, is_structure, kind, since_ms },
                OwnChange::Remove => Change::Lift { grantee: who, is_structure, kind },
                // A médecin traitant is a physician (L.162-5-3 of the code of social security).
                OwnChange::DeclareMedecinTraitant if !actor.profession.is_physician() || is_structure => {
                    return Err(denied().into());
                }
                OwnChange::DeclareMedecinTraitant => {
                    // Who becomes médecin traitant is authorised with it.
                    Change::MedecinTraitant { professional: who, declared: true, authorised_ms: Some(since_ms) }
                }
                OwnChange::RemoveMedecinTraitant => {
                    Change::MedecinTraitant { professional: who, declared: false, authorised_ms: None }
                }
            };
            self.store.change(&permit, record, &acting.done(&permit)).await?;
            self.known.forget_settings(space);
            Ok(())
        })
    }

    /// The records the caller is authorised on (TD0.4), newest authorisation first. Each is traced for its holder.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not ask.
    pub async fn accessible(&self, caller: &Caller, since: Since) -> Result<Vec<Accessible>, Fault> {
        let acting = Acting::new(self, caller, Act::ListSpaces, Vec::new());
        let actor = &caller.actor;
        let leave = match self.tables.decide_at_large(actor, Action::ListAccessible) {
            Ok(leave) => leave,
            Err(refusal) => return Err(acting.refuse(None, vec![refusal]).await),
        };
        // Note (3) of the table: a structure's certificate lists by date of authorisation, and nothing else.
        if actor.role == Role::Structure && !matches!(since, Since::Authorised(_)) {
            let refusal = Refusal::new(Cause::FunctionDenied).about("LASTAUTORIZATION and startDate (note 3)");
            return Err(acting.refuse(None, vec![refusal]).await);
        }
        let from_ms = if let Since::Authorised(from) = since { from } else { 0 };
        let mut spaces: HashMap<SpaceId, i64> = HashMap::new();
        for (id, is_structure) in identifiers(actor) {
            for (space, since_ms) in
                self.store.spaces_authorising(&leave, &id, is_structure, from_ms, MOST_SPACES).await?
            {
                let known = spaces.entry(space).or_insert(since_ms);
                *known = (*known).max(since_ms);
            }
        }
        let mut spaces: Vec<(SpaceId, i64)> = spaces.into_iter().collect();
        spaces.sort_unstable_by_key(|(space, since_ms)| (std::cmp::Reverse(*since_ms), *space));
        spaces.truncate(MOST_SPACES);
        let mut found = Vec::new();
        for (space, since_ms) in spaces {
            let Some((permit, known)) = self.told(&acting, space).await? else { continue };
            let last_deposit_ms = self.store.last_deposit(&permit).await?;
            if matches!(since, Since::Deposited(from) if last_deposit_ms.is_none_or(|at| at < from)) {
                continue;
            }
            found.push((permit, Accessible { record: known, since_ms, last_deposit_ms }));
        }
        self.tell(&acting, found).await
    }

    /// The records of people known by traits alone: in regulation of emergency calls only (TD0.5). Each is traced for its
    /// holder.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not ask, or asks for too little to look for.
    pub async fn search_people(&self, caller: &Caller, query: &TraitQuery) -> Result<Vec<Record>, Fault> {
        let all = Window { from: 0, most: usize::MAX, of: None };
        Ok(self.search_part(caller, query, all).await?.told)
    }

    /// The same of a part of those that fit: only those told leave a trace.
    ///
    /// # Errors
    /// As [`Self::search_people`].
    pub async fn search_part(
        &self,
        caller: &Caller,
        query: &TraitQuery,
        window: Window<'_>,
    ) -> Result<PeopleFound, Fault> {
        let acting = Acting::new(self, caller, Act::Identify, Vec::new());
        let leave = match self.tables.decide_at_large(&caller.actor, Action::SearchWithoutIns) {
            Ok(leave) => leave,
            Err(refusal) => return Err(acting.refuse(None, vec![refusal]).await),
        };
        if !query.is_enough() {
            let refusal = Refusal::new(Cause::QueryParameterMissing);
            let refusal = refusal.about("family name with date of birth or given name");
            return Err(acting.refuse(None, vec![refusal]).await);
        }
        let candidates = match window.of {
            None => self.store.spaces_of_traits(&leave, query, MOST_LOOKED_AT + 1).await?,
            Some(before) => before.iter().copied().skip(window.from).take(window.most).collect(),
        };
        // An answer that left somebody out would be taken for all there are.
        let many = || Refusal::new(Cause::TooManyResults).about(format!("{MOST_SPACES} people"));
        if window.of.is_none() && candidates.len() > MOST_LOOKED_AT {
            return Err(acting.refuse(None, vec![many()]).await);
        }
        let mut found = Vec::new();
        for space in candidates {
            let Some((permit, known)) = self.told(&acting, space).await? else { continue };
            if query.matches(&known.holder.traits) {
                found.push((permit, known));
            }
        }
        if found.len() > MOST_SPACES {
            return Err(acting.refuse(None, vec![many()]).await);
        }
        let spaces = found.iter().map(|(permit, _)| permit.space()).collect();
        if window.of.is_none() {
            found = found.into_iter().skip(window.from).take(window.most).collect();
        }
        Ok(PeopleFound { told: self.tell(&acting, found).await?, spaces })
    }

    /// A record that may be told to the caller, or nothing: one that blocks him, or is not open, is not there.
    async fn told(&self, acting: &Acting<'_>, space: SpaceId) -> Result<Option<(Permit, Record)>, Fault> {
        let settings = acting.settings(space).await?;
        let actor = &acting.caller.actor;
        let Ok(permit) = self.tables.decide(actor, Operation::Identify, space, &settings) else { return Ok(None) };
        match self.store.holder(&permit).await {
            Ok((holder, _)) => Ok(Some((permit, known(actor, holder, &settings)))),
            // Its key was destroyed: there is nobody any more.
            Err(StoreError::Forgotten) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives what was found once its traces are committed, together.
    async fn tell<T>(&self, acting: &Acting<'_>, found: Vec<(Permit, T)>) -> Result<Vec<T>, Fault> {
        let record = |permit: &Permit| ActRecord {
            decided_on: Some((permit.space(), permit.revision())),
            event: acting.done(permit),
            // A list opens nobody's record: only who was searched for in an emergency is told.
            notifications: if acting.act == Act::ListSpaces { Vec::new() } else { acting.emergency_notice() },
        };
        let mut records: Vec<ActRecord> = found.iter().map(|(permit, _)| record(permit)).collect();
        if records.is_empty() {
            records.push(ActRecord { decided_on: None, event: acting.at_large(), notifications: Vec::new() });
        }
        if let Err(error) = self.store.record_all(records).await {
            // Something was set differently meanwhile: the caller asks again, of what stands then.
            found.iter().for_each(|(permit, _)| self.known.forget_settings(permit.space()));
            return Err(error.into());
        }
        Ok(found.into_iter().map(|(_, one)| one).collect())
    }
}
