//! Holders: who they are, making their space, reading its trace.

use access::{Operation, Rule};
use space::{
    Cause, Holder, Ins, Refusal, Settings, SpaceId, SpaceState, Traits,
    settings::EmergencyConsents,
    trace::{Act, TraceEvent},
};
use store::{Change, StoreError};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, on_settings},
};

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
            emergency: EmergencyConsents::default(),
            authorisations: Vec::new(),
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
        limit: i64,
        offset: i64,
    ) -> Result<Vec<TraceEvent>, Fault> {
        let acting = Acting::new(self, caller, Act::ReadTrace, Vec::new());
        let space = self.enter_known(&acting, patient).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.tables.decide(&caller.actor, Operation::ReadTrace, space, &settings)?;
            let mut events = self.store.traces(&permit, limit, offset).await?;
            if permit.rule() == Rule::Own {
                let (id, structure) = (&caller.actor.id, &caller.actor.structure);
                let by_structure = caller.actor.role == space::Role::Structure;
                events.retain(|e| if by_structure { e.actor.structure == *structure } else { e.actor.id == *id });
            }
            self.store.record(&permit, &acting.done(&permit), Vec::new()).await?;
            Ok(events)
        })
    }

    pub(crate) async fn enter_known(&self, acting: &Acting<'_>, patient: Option<&Ins>) -> Result<SpaceId, Fault> {
        match acting.caller.patient_of(patient) {
            Ok(ins) => acting.space(&ins).await,
            Err(refusal) => Err(acting.refuse(None, vec![refusal]).await),
        }
    }
}
