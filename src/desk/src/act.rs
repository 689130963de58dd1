//! One act on its way: who, what, where, and the trace it leaves whichever way it ends.

use std::sync::Arc;

use access::Permit;
use space::{
    Cause, Ins, Refusal, Settings, SpaceId,
    trace::{Act, Outcome, TraceEvent},
};
use store::{ActRecord, Notification, StoreError};

use crate::{Caller, Desk, Fault};

/// By which door a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// SOAP services of the DMP and IHE.
    Ihe,
    /// FHIR.
    Fhir,
    /// The command line, on development data.
    Cli,
}

impl Face {
    const fn word(self) -> &'static str {
        match self {
            Self::Ihe => "ihe",
            Self::Fhir => "fhir",
            Self::Cli => "cli",
        }
    }
}

/// An act that is under way.
#[derive(Debug)]
pub(crate) struct Acting<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) caller: &'a Caller,
    pub(crate) act: Act,
    pub(crate) targets: Vec<String>,
}

/// Carries out an act on a space: evaluates `$body` with the settings as they stand, and again when they changed before
/// it was committed. (A macro and not a function: an async closure that borrows is not `Send` for every lifetime.)
macro_rules! on_settings {
    ($acting:expr, $space:ident, |$settings:ident| $body:block) => {{
        let mut attempts = 0;
        let mut $space = $space;
        loop {
            if attempts == $crate::ATTEMPTS {
                break Err($crate::Fault::Busy);
            }
            attempts += 1;
            let $settings = $acting.settings($space).await?;
            // Merged since it was looked up: what is asked of it is asked of the space that took it over.
            if let Some(survivor) = $settings.merged_into {
                $acting.desk.known.forget_space($space);
                $space = survivor;
                continue;
            }
            let attempt: Result<_, $crate::act::Attempt> = async { $body }.await;
            if let Some(done) = $acting.conclude($space, $settings.revision, attempt).await? {
                break Ok(done);
            }
        }
    }};
}
pub(crate) use on_settings;

/// How one attempt failed.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The settings changed under it.
    Stale,
    /// Refused.
    Refused(Vec<Refusal>),
    /// Something else.
    Fault(Fault),
}

impl From<Refusal> for Attempt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<Fault> for Attempt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::Stale,
            other => Self::Fault(other.into()),
        }
    }
}

impl<'a> Acting<'a> {
    pub(crate) fn new(desk: &'a Desk, caller: &'a Caller, act: Act, targets: Vec<String>) -> Self {
        Self { desk, caller, act, targets }
    }

    fn event(&self, space: Option<SpaceId>, outcome: Outcome, rule: String) -> TraceEvent {
        TraceEvent {
            space,
            at_ms: self.desk.clock.now().as_millisecond(),
            actor: (*self.caller.actor).clone(),
            act: self.act,
            targets: self.targets.clone(),
            outcome,
            rule,
            face: self.caller.face.word().to_owned(),
            signature: None,
        }
    }

    /// The trace of the act, done under `permit`.
    pub(crate) fn done(&self, permit: &Permit) -> TraceEvent {
        self.event(Some(permit.space()), Outcome::Done, permit.rule().to_string())
    }

    /// The same as it is recorded with others, each held to what it was decided on.
    pub(crate) fn told(&self, permit: &Permit) -> ActRecord {
        ActRecord {
            decided_on: Some((permit.space(), permit.revision())),
            event: self.done(permit),
            notifications: Vec::new(),
        }
    }

    /// The trace of an act that bore on no space.
    pub(crate) fn at_large(&self) -> TraceEvent {
        self.event(None, Outcome::Done, "PDT-INF-526/606".to_owned())
    }

    /// What the holder is told of an emergency access, without delay (R.1111-48).
    pub(crate) fn emergency_notice(&self) -> Vec<Notification> {
        if matches!(self.caller.actor.purpose, space::Purpose::Normal) {
            return Vec::new();
        }
        let payload = serde_json::json!({
            "act": self.act, "mode": self.caller.actor.purpose.vihf(), "by": self.caller.actor.name,
        });
        vec![Notification {
            message_id: self.desk.rng.uuid().to_string(),
            kind: "emergency_access",
            payload: payload.to_string(),
        }]
    }

    /// Commits the trace of a refusal that no space's settings decided, and gives the fault to answer with.
    pub(crate) async fn refuse(&self, space: Option<SpaceId>, refusals: Vec<Refusal>) -> Fault {
        match self.record_refusal(space, None, &refusals).await {
            Ok(()) => Fault::Refused(outward(refusals)),
            Err(error) => error.into(),
        }
    }

    async fn record_refusal(
        &self,
        space: Option<SpaceId>,
        decided_on: Option<i64>,
        refusals: &[Refusal],
    ) -> Result<(), StoreError> {
        let event = self.refused(space, refusals);
        let decided_on = space.zip(decided_on);
        self.desk.store.record_all(vec![ActRecord { decided_on, event, notifications: Vec::new() }]).await
    }

    /// The trace of the act, refused.
    pub(crate) fn refused(&self, space: Option<SpaceId>, refusals: &[Refusal]) -> TraceEvent {
        let cause = refusals.first().map_or(Cause::Internal, |r| r.cause);
        self.event(space, Outcome::Refused(cause.code().to_owned()), cause.rule().to_owned())
    }

    /// Finds the holder's space; no space is a refusal, traced.
    pub(crate) async fn space(&self, ins: &Ins) -> Result<SpaceId, Fault> {
        match self.desk.space_of(ins).await? {
            // What another process merged meanwhile is known by its settings, whatever is remembered of its number.
            Some(space) => Ok(self.settings(space).await?.merged_into.unwrap_or(space)),
            None => Err(self.refuse(None, vec![Refusal::new(Cause::UnknownHolder)]).await),
        }
    }

    /// Concludes one attempt decided on `revision`: its result, or `None` when the settings changed under it and it must
    /// be made again. A refusal is traced on the settings it was decided on.
    pub(crate) async fn conclude<T>(
        &self,
        space: SpaceId,
        revision: i64,
        attempt: Result<T, Attempt>,
    ) -> Result<Option<T>, Fault> {
        match attempt {
            Ok(done) => return Ok(Some(done)),
            Err(Attempt::Fault(fault)) => return Err(fault),
            Err(Attempt::Stale) => {}
            Err(Attempt::Refused(refusals)) => {
                match self.record_refusal(Some(space), Some(revision), &refusals).await {
                    Ok(()) => return Err(Fault::Refused(outward(refusals))),
                    Err(StoreError::Stale) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        self.desk.known.forget_settings(space);
        Ok(None)
    }

    /// The settings of a space, as last known.
    pub(crate) async fn settings(&self, space: SpaceId) -> Result<Arc<Settings>, Fault> {
        if let Some(settings) = self.desk.known.settings(space) {
            return Ok(settings);
        }
        let found = self.desk.store.settings(space).await?;
        let settings = Arc::new(found.ok_or(StoreError::Corrupt { what: "space" })?);
        self.desk.known.remember_settings(space, &settings);
        Ok(settings)
    }
}

/// What is told outside: that a document is masked or deleted is not, because masking hides the document itself. The
/// trace keeps the true cause.
pub(crate) fn outward(refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals
        .into_iter()
        .map(|r| match r.cause {
            Cause::Masked | Cause::DocumentDeleted => Refusal { cause: Cause::UnknownDocument, ..r },
            _ => r,
        })
        .collect()
}

impl Desk {
    /// Leaves the trace of a refusal that a face decided on a message whose caller is known: something is missing in it,
    /// or it cannot be read. Gives the fault to answer with.
    pub async fn refused(&self, caller: &Caller, act: Act, refusals: Vec<Refusal>) -> Fault {
        let acting = Acting::new(self, caller, act, Vec::new());
        let space = match &caller.patient {
            Some(ins) => match self.space_of(ins).await {
                Ok(space) => space,
                Err(fault) => return fault,
            },
            None => None,
        };
        acting.refuse(space, refusals).await
    }
}
