//! Holders: who they are, making their space, reading its trace.

use access::{Operation, Permit, Rule};
use space::{
    Actor, Cause, Holder, Ins, Refusal, Role, Settings, SpaceId, SpaceState, Traits,
    settings::EmergencyConsents,
    trace::{Act, TraceEvent},
};
use store::{Change, StoreError, TracePlace, TraceQuery};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, on_settings},
};

/// Events read at a time where only some of them are the caller's.
const TRACE_PAGE: usize = 1000;

/// A holder whose space is to be made.
#[derive(Debug, Clone)]
pub struct NewHolder {
    /// The number.
    pub ins: Ins,
    /// The traits.
    pub traits: Traits,
    /// First state of the space.
    pub state: SpaceState,
}

impl Desk {
    /// Whether a holder has a space, and who they are (TD0.2, FHIR Patient search).
    ///
    /// # Errors
    /// [`Fault::Refused`] when there is none, or the caller may not ask.
    pub async fn identify(&self, caller: &Caller, patient: Option<&Ins>) -> Result<(Holder, i64, Settings), Fault> {
        let acting = Acting::new(self, caller, Act::Identify, Vec::new());
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::Identify, space, &settings)?;
            let (holder, noticed_ms) = self.store.holder(&permit).await?;
            self.store.record(&permit, &acting.done(&permit), Vec::new()).await?;
            Ok((holder, noticed_ms, (*settings).clone()))
        })
    }

    /// Makes a space (import, development data). Making it twice is refused.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not, or the holder already has one.
    pub async fn create(&self, caller: &Caller, new: NewHolder) -> Result<SpaceId, Fault> {
        let acting = Acting::new(self, caller, Act::Create, Vec::new());
        let space = SpaceId(self.rng.uuid());
        // A space not made yet has the settings of one at revision 0.
        let settings = Settings {
            revision: 0,
            state: new.state,
            merged_into: None,
            emergency: EmergencyConsents::default(),
            authorisations: Vec::new(),
            feeding_opposed: false,
            medecins_traitants: Vec::new(),
        };
        let permit = match self.tables.decide(&caller.actor, Operation::Create, space, &settings) {
            Ok(permit) => permit,
            Err(refusal) => return Err(acting.refuse(None, vec![refusal]).await),
        };
        let noticed_ms = self.clock.now().as_millisecond();
        let change = Change::Create { ins: new.ins, traits: new.traits, state: new.state, noticed_ms };
        match self.store.change(&permit, change, &acting.done(&permit)).await {
            Ok(()) => Ok(space),
            Err(StoreError::Conflict { .. }) => {
                Err(acting.refuse(None, vec![Refusal::new(Cause::DuplicateUniqueId).about("INS")]).await)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The trace of a space, newest first. The médecin traitant (and the operator of development data) reads all of it,
    /// another professional what he did himself.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not read it.
    pub async fn traces(
        &self,
        caller: &Caller,
        patient: Option<&Ins>,
        query: &TraceQuery,
    ) -> Result<Vec<(TracePlace, TraceEvent)>, Fault> {
        let acting = Acting::new(self, caller, Act::ReadTrace, Vec::new());
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::ReadTrace, space, &settings)?;
            let events = self.readable_traces(&permit, &caller.actor, query).await?;
            self.store.record(&permit, &acting.done(&permit), Vec::new()).await?;
            Ok(events)
        })
    }

    /// The proof that an event of a space's trace is in the log, as a small file ([`store::check_proof`]): for who may read
    /// the whole trace.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not read it; [`StoreError::Unsigned`] within [`Fault::Store`] when no head is
    /// signed over it yet.
    pub async fn proof(&self, caller: &Caller, patient: Option<&Ins>, place: &TracePlace) -> Result<String, Fault> {
        let acting = Acting::new(self, caller, Act::ReadTrace, Vec::new());
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::ReadTrace, space, &settings)?;
            if permit.rule() == Rule::Own {
                return Err(Refusal::new(Cause::FunctionDenied).into());
            }
            let proof = self.store.prove(&permit, place).await?;
            self.store.record(&permit, &acting.done(&permit), Vec::new()).await?;
            Ok(proof)
        })
    }

    /// Reads on until there are as many readable events as asked, or no more events.
    async fn readable_traces(
        &self,
        permit: &Permit,
        actor: &Actor,
        query: &TraceQuery,
    ) -> Result<Vec<(TracePlace, TraceEvent)>, StoreError> {
        if permit.rule() != Rule::Own {
            return self.store.traces(permit, query).await;
        }
        let by_structure = actor.role == Role::Structure;
        let own = |e: &TraceEvent| {
            if by_structure { e.actor.structure == actor.structure } else { e.actor.id == actor.id }
        };
        let mut found = Vec::new();
        let mut page = TraceQuery { limit: TRACE_PAGE, ..query.clone() };
        loop {
            let events = self.store.traces(permit, &page).await?;
            let (read, last) = (events.len(), events.last().map(|(place, _)| place.clone()));
            found.extend(events.into_iter().filter(|(_, event)| own(event)).take(query.limit - found.len()));
            if read < TRACE_PAGE || found.len() == query.limit {
                return Ok(found);
            }
            page.before = last;
        }
    }

    pub(crate) async fn enter_known(&self, acting: &Acting<'_>, patient: Option<&Ins>) -> Result<SpaceId, Fault> {
        match acting.caller.patient_of(patient) {
            Ok(ins) => acting.space(&ins).await,
            Err(refusal) => Err(acting.refuse(None, vec![refusal]).await),
        }
    }
}
