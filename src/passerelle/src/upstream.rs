//! The edge's feeder: passes on, in order for each holder, what was put in and changed here, until the gateway upstream
//! has it, refuses it, or it is given up. What is sent twice arrives once: identifiers are those of here, and where the
//! other says that it knows them already it is asked whether it has the same.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use desk::{Desk, DueForward, Fault, ForwardEnd, ForwardKind, ForwardTold, Forwarding, StoredBody};
use futures::{StreamExt as _, TryStreamExt as _};
use ihe::client::{Client, ClientError, OnBehalf, OutgoingBody, StoredQuery, Submitted, TransportError, Use, Verdict};
use space::{AuthMode, AvailabilityStatus, Cause, Dtm, Refusal, Role};

use crate::{
    app::Core,
    commands::Failure,
    config::{self, Config},
    partner::{self, Seal},
    sealed_set::SealedSet,
};

/// How long one turn takes, about: a kind of jobs that the operator stops is at rest soon after.
const TURN: Duration = Duration::from_secs(10);
/// Rows looked for at once.
const PORTION: i64 = 50;
/// Pause after the first failure of a row; doubled with each further one.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(3600);
/// The longest pause of a row that broke the line: perhaps it was only the line.
const AWAY: Duration = Duration::from_secs(900);

/// Passes on.
pub(crate) struct Feeder {
    desk: Arc<Desk>,
    client: Client,
    /// Signs sets that came unsigned.
    seal: Option<Arc<Seal>>,
    attempts: i64,
    every: Duration,
}

impl std::fmt::Debug for Feeder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeder").finish_non_exhaustive()
    }
}

/// How one row went.
enum Went {
    /// It is ended.
    Ended,
    /// It stays, and others may go.
    Stays,
    /// The other is away: nothing else goes now.
    Away(String),
}

impl Feeder {
    /// The feeder of an edge.
    pub(crate) fn of(config: &Config, core: &Core) -> Result<Option<Self>, Failure> {
        if config.gateway.role != config::Role::Edge {
            return Ok(None);
        }
        let upstream = &config.upstream;
        let timeout = Duration::from_secs(upstream.feed_timeout_s.clamp(1, 75));
        let every = match upstream.sets_per_s {
            0 => Duration::ZERO,
            n => Duration::from_secs(1) / n,
        };
        let client = partner::upstream(config, core, timeout)?;
        let seal = match upstream.sign_sets {
            true => Some(Seal::of(config, core.clock.clone(), core.rng.clone())?),
            false => None,
        };
        Ok(Some(Self { desk: core.desk.clone(), client, seal, attempts: upstream.attempts.max(1), every }))
    }

    /// Passes on what may go, for one turn. Says whether there is more to do at once; why not, when the other is away.
    pub(crate) async fn pass_on(&self) -> Result<bool, String> {
        let began = Instant::now();
        loop {
            let due = self.desk.forwards_due(PORTION).await.map_err(|e| e.to_string())?;
            if due.is_empty() {
                return Ok(false);
            }
            for row in due {
                let sent = Instant::now();
                match self.one(&row).await.map_err(|e| e.to_string())? {
                    Went::Away(why) => return Err(why),
                    Went::Ended => tokio::time::sleep(self.every.saturating_sub(sent.elapsed())).await,
                    Went::Stays => {}
                }
                if began.elapsed() > TURN {
                    return Ok(true);
                }
            }
        }
    }

    async fn one(&self, due: &DueForward) -> Result<Went, Fault> {
        let opened = match self.desk.open_forward(due.clone()).await {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(Went::Stays),
            // Its key is gone, or it cannot be read any more: nobody will send it.
            Err(Fault::Refused(refusals)) => return self.give_up(due, Vec::new(), &refusals).await,
            Err(other) => return Err(other),
        };
        let forward = &opened.forward;
        let own = forward.documents.iter().map(|d| d.entry.unique_id.clone());
        let targets: Vec<String> = own.chain(forward.touched.iter().cloned()).collect();
        if forward.kind == ForwardKind::Provide && forward.documents.iter().any(|d| d.body_id.is_empty()) {
            let told = told("bytes_elsewhere", Cause::MissingDocument);
            return self.end(due, targets, ForwardEnd::Refused, told).await;
        }
        self.desk.forward_tried(due).await?;
        match self.send(&opened).await {
            Ok(Ok(())) => self.end(due, targets, ForwardEnd::Sent, ForwardTold::default()).await,
            Ok(Err(error)) => self.failed(&opened, targets, &error).await,
            Err(Fault::Refused(refusals)) => self.give_up(due, targets, &refusals).await,
            Err(other) => Err(other),
        }
    }

    /// What follows from a failure.
    async fn failed(&self, opened: &Forwarding, targets: Vec<String>, error: &ClientError) -> Result<Went, Fault> {
        let due = &opened.due;
        let said = error.told();
        let said = ForwardTold { code: said.code, word: said.word, place: said.place };
        let failures = due.failures + 1;
        match error.verdict() {
            Verdict::Away => {
                // One that breaks the line, or takes longer than a call may, must not be tried before all others.
                let breaks = !matches!(error, ClientError::Transport(TransportError::Unreachable));
                let pause = if breaks { pause(due.attempts).min(AWAY) } else { Duration::ZERO };
                self.desk.put_forward_off(due, pause, false, &said).await?;
                Ok(Went::Away(error.to_string()))
            }
            Verdict::Later if failures < self.attempts => {
                tracing::warn!(failures, code = said.code, "upstream.put_off");
                self.desk.put_forward_off(due, pause(due.failures), true, &said).await?;
                Ok(Went::Stays)
            }
            Verdict::Later => {
                tracing::error!(failures, code = said.code, "upstream.given_up");
                self.end(due, targets, ForwardEnd::GivenUp, said).await
            }
            Verdict::Refused => {
                match self.has_it(opened, error).await {
                    Ok(false) => {}
                    Ok(true) => return self.end(due, targets, ForwardEnd::Sent, ForwardTold::default()).await,
                    // Whether it has it is not known: asked again, not taken for a no.
                    Err(unknown) => {
                        self.desk.put_forward_off(due, pause(due.attempts).min(AWAY), false, &said).await?;
                        return Ok(Went::Away(unknown.to_string()));
                    }
                }
                tracing::error!(code = said.code, cause = said.word, "upstream.refused");
                self.end(due, targets, ForwardEnd::Refused, said).await
            }
        }
    }

    /// What cannot be read here any more is not sent.
    async fn give_up(&self, due: &DueForward, targets: Vec<String>, refusals: &[Refusal]) -> Result<Went, Fault> {
        let cause = refusals.first().map_or(Cause::Internal, |r| r.cause);
        tracing::error!(cause = cause.code(), "upstream.given_up");
        self.end(due, targets, ForwardEnd::GivenUp, told("unreadable_here", cause)).await
    }

    async fn end(
        &self,
        due: &DueForward,
        targets: Vec<String>,
        end: ForwardEnd,
        told: ForwardTold,
    ) -> Result<Went, Fault> {
        self.desk.settle_forward(due, targets, end, told).await?;
        Ok(Went::Ended)
    }

    async fn send(&self, opened: &Forwarding) -> Result<Result<(), ClientError>, Fault> {
        let forward = &opened.forward;
        let documents: Vec<_> = forward.documents.iter().map(|d| &d.entry).collect();
        let what = Submitted {
            set: &forward.set,
            documents: &documents,
            folders: &forward.folders,
            associations: &forward.associations,
        };
        if forward.kind == ForwardKind::Update {
            return Ok(self.client.update(who(opened), what).await);
        }
        let damaged = Arc::new(AtomicBool::new(false));
        let mut bodies = self.desk.forwarded_bodies(opened).await?;
        let sealed = match &self.seal {
            Some(seal) => SealedSet::of(seal, forward, &mut bodies).await?,
            None => None,
        };
        let mut bodies: Vec<OutgoingBody> = bodies.into_iter().map(|body| outgoing(body, &damaged)).collect();
        let done = match sealed {
            None => self.client.provide_and_register(who(opened), what, bodies).await,
            Some(SealedSet { entry, links, bytes }) => {
                bodies.push(outgoing((bytes.len() as u64, StoredBody::Whole(bytes)), &damaged));
                let documents: Vec<_> = documents.iter().copied().chain([&entry]).collect();
                let associations: Vec<_> = forward.associations.iter().cloned().chain(links).collect();
                let what = Submitted { documents: &documents, associations: &associations, ..what };
                self.client.provide_and_register(who(opened), what, bodies).await
            }
        };
        // The line is not what broke.
        if done.is_err() && damaged.load(Ordering::Relaxed) {
            return Err(Refusal::new(Cause::DocumentDamaged).into());
        }
        Ok(done)
    }

    /// Whether the other has what it refuses already: the answer to an earlier attempt was lost.
    async fn has_it(&self, opened: &Forwarding, error: &ClientError) -> Result<bool, ClientError> {
        let ClientError::Registry(said) = error else { return Ok(false) };
        // Who may not do it has not done it, whatever is seen there.
        let done_before = |code: &str| {
            [
                "Duplicate",
                "NonIdentical",
                "MetadataVersion",
                "MetadataUpdate",
                "MetadataIdentifier",
                "Unresolved",
                "Deprecated",
            ]
            .iter()
            .any(|word| code.contains(word))
        };
        let duplicate = said.iter().any(|e| e.code.contains("Duplicate"));
        if !said.iter().all(|e| done_before(&e.code)) || (!duplicate && opened.due.attempts == 0) {
            return Ok(false);
        }
        match opened.forward.kind {
            ForwardKind::Provide => self.has_documents(opened).await,
            ForwardKind::Update => self.has_changes(opened).await,
        }
    }

    /// Each document, byte for byte.
    async fn has_documents(&self, opened: &Forwarding) -> Result<bool, ClientError> {
        let ours = || opened.forward.documents.iter().map(|d| &d.entry);
        let ids: Vec<String> = ours().map(|entry| entry.unique_id.clone()).collect();
        let who = OnBehalf { actor: &opened.forward.actor, patient: Some(&opened.ins), to: Use::Structure };
        let at = &opened.forward.set.submission_time;
        let theirs = self.client.get_documents(who, StoredQuery::ByUniqueId, &ids, at).await?;
        Ok(ours().all(|our| {
            theirs.iter().any(|t| t.unique_id == our.unique_id && t.hash.eq_ignore_ascii_case(&our.hash))
                || our.is_signature()
        }))
    }

    /// Each new version of metadata, and each object in the state it was ordered into; what is deleted is not shown.
    async fn has_changes(&self, opened: &Forwarding) -> Result<bool, ClientError> {
        let forward = &opened.forward;
        let versions = forward.documents.iter().map(|d| (d.entry.entry_uuid.clone(), None));
        let orders = forward.associations.iter().filter(|a| a.kind.is_order());
        let orders = orders.map(|a| (a.target.clone(), a.slot("NewStatus").and_then(AvailabilityStatus::from_urn)));
        let wanted: Vec<(String, Option<AvailabilityStatus>)> = versions.chain(orders).collect();
        let ids: Vec<String> = wanted.iter().map(|(id, _)| id.clone()).collect();
        let at: &Dtm = &forward.set.submission_time;
        let theirs = self.client.get_documents(who(opened), StoredQuery::ByEntryUuid, &ids, at).await?;
        Ok(wanted.iter().all(|(id, state)| match (theirs.iter().find(|t| t.entry_uuid == *id), state) {
            (None, state) => *state == Some(AvailabilityStatus::Deleted),
            (Some(_), None) => true,
            (Some(entry), Some(state)) => entry.status == *state,
        }))
    }
}

/// For whom: what goes in, and what the structure takes back, is the structure's; who masks or puts aside does it himself.
fn who(opened: &Forwarding) -> OnBehalf<'_> {
    let actor = &opened.forward.actor;
    let personal = opened.forward.kind == ForwardKind::Update
        && matches!(actor.role, Role::Professional | Role::Agent)
        && actor.auth != AuthMode::Indirecte;
    OnBehalf { actor, patient: Some(&opened.ins), to: if personal { Use::Person } else { Use::Structure } }
}

/// A body on its way out; `damaged` is set when it cannot be read to its end.
fn outgoing((length, body): (u64, StoredBody), damaged: &Arc<AtomicBool>) -> OutgoingBody {
    let damaged = damaged.clone();
    let bytes = match body {
        StoredBody::Whole(bytes) => futures::stream::once(async move { Ok(bytes) }).boxed(),
        StoredBody::Stream(stream) => stream
            .map_err(move |error| {
                // A place for bodies that is away for a moment has lost nothing.
                damaged.fetch_or(error.is_damage(), Ordering::Relaxed);
                std::io::Error::other(error)
            })
            .boxed(),
    };
    OutgoingBody { length, bytes }
}

fn told(code: &str, cause: Cause) -> ForwardTold {
    ForwardTold { code: code.to_owned(), word: cause.code().to_owned(), place: String::new() }
}

/// How long a row waits that has failed so often.
fn pause(failures: i64) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or_default();
    PATIENCE.saturating_mul(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_of_a_row_grow_to_a_bound() {
        assert_eq!([pause(0), pause(1), pause(3)].map(|p| p.as_secs()), [5, 10, 40]);
        assert_eq!(pause(i64::MAX), LONGEST);
    }
}
