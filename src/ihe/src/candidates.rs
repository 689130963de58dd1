//! Who fits these traits: ITI-47 and TD0.5 (PRPA_IN201305 → 201306), and the rest of an answer that was asked for in
//! parts (QUQI_IN000003).
//!
//! ITI TF-2 §3.47; reference §1.1. What is told is decided and traced when it is told: of an answer in parts, each part by
//! itself.

use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use desk::{Caller, Fault, PersonKey, Record, Window};
use jiff::{SignedDuration, Timestamp};
use space::{Actor, Cause, InsOid, Oid, Refusal, Sex, SpaceId, TraitQuery, trace::Act};
use wire_soap::{
    hl7v3::{
        AcceptAcknowledgement, AcknowledgementType, Candidate, CandidateParameters, CandidateQuery, Candidates,
        ControlAct, FindCandidates, InstanceIdentifier, NamePartType, Nullable, QueryAck, QueryContinuation,
        QueryResponse,
    },
    ns::action,
};

use crate::{
    IheState,
    people::{Answering, named, patient, refusals_of, registration},
    pix,
    receive::Heading,
    service,
};

/// Answers in parts that are kept at once, of everybody and of one asker; past it the oldest is given up.
const MOST: usize = 1000;
const MOST_OF_ONE: usize = 8;
/// Longest query that is kept, to be said again with each part, in bytes.
const QUERY: usize = 16 * 1024;
/// How long the rest of an answer may be asked for.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// Answers whose rest may still be asked for, in this process: the query, and which spaces fitted it.
#[derive(Clone, Default)]
pub struct Continuations(Arc<Mutex<Vec<Rest>>>);

impl std::fmt::Debug for Continuations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Continuations").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Rest {
    asker: Arc<Actor>,
    query: CandidateQuery,
    spaces: Arc<[SpaceId]>,
    next: usize,
    until: Timestamp,
}

impl Rest {
    fn is_of(&self, actor: &Actor) -> bool {
        let asker = &self.asker;
        (&asker.role, &asker.id, &asker.structure) == (&actor.role, &actor.id, &actor.structure)
    }

    fn is(&self, actor: &Actor, query_id: Option<&InstanceIdentifier>) -> bool {
        let known = &self.query.query_id;
        self.is_of(actor) && query_id.is_some_and(|id| (&id.root, &id.extension) == (&known.root, &known.extension))
    }
}

impl Continuations {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Rest>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what is left of an answer, in the place of what was left before.
    fn keep(&self, rest: Rest, now: Timestamp) {
        self.with(|all| {
            all.retain(|one| one.until > now && !one.is(&rest.asker, Some(&rest.query.query_id)));
            if all.iter().filter(|one| one.is_of(&rest.asker)).count() >= MOST_OF_ONE
                && let Some(oldest) = all.iter().position(|one| one.is_of(&rest.asker))
            {
                all.remove(oldest);
            }
            if all.len() >= MOST {
                all.remove(0);
            }
            all.push(rest);
        });
    }

    /// A part was told: where the next begins. What was given up meanwhile stays given up.
    fn told(&self, rest: Rest) {
        self.with(|all| {
            // Of the same answer: another may have been begun under its identifier.
            if let Some(kept) = all.iter_mut().find(|one| Arc::ptr_eq(&one.spaces, &rest.spaces)) {
                *kept = rest;
            }
        });
    }

    fn find(&self, actor: &Actor, query_id: Option<&InstanceIdentifier>, now: Timestamp) -> Option<Rest> {
        self.with(|all| all.iter().find(|one| one.until > now && one.is(actor, query_id)).cloned())
    }

    fn drop(&self, actor: &Actor, query_id: Option<&InstanceIdentifier>) {
        self.with(|all| all.retain(|one| !one.is(actor, query_id)));
    }
}

/// What one answer tells.
struct Told {
    records: Vec<Record>,
    /// How many there are, told or not.
    total: usize,
    /// How many are left after these.
    left: usize,
}

/// Carries a search out.
pub(crate) async fn find(state: &IheState, heading: &Heading, caller: &Caller, message: FindCandidates) -> Response {
    let mut written = Vec::new();
    message.write(&mut written);
    let (length, FindCandidates { transmission, query, .. }) = (written.len(), message);
    let parameters = &query.parameters;
    let ids: Vec<&InstanceIdentifier> = parameters.living_subject_id.iter().flat_map(|p| &p.values).collect();
    // The DMP's own search knows no parts.
    let most = match query.initial_quantity.as_ref().and_then(|q| q.value()) {
        Some(said) if is_pdq(heading) => quantity(*said, "initialQuantity").map(Some),
        _ => Ok(None),
    };
    let most = match most {
        Ok(Some(_)) if length > QUERY => Err(Refusal::new(Cause::TooLarge).about("queryByParameter")),
        other => other,
    };
    let asked = sought(parameters).and_then(|traits| Ok((traits, most?)));
    let most = asked.as_ref().ok().and_then(|(_, most)| *most);
    let found = match asked.map(|(traits, _)| traits) {
        Err(refusal) => Err(state.desk.refused(caller, Act::Identify, vec![refusal]).await),
        Ok(traits) if ids.is_empty() => {
            let window = Window { from: 0, most: most.unwrap_or(usize::MAX), of: None };
            state.desk.search_part(caller, &traits, window).await.map(|found| {
                let now = state.desk.clock().now();
                let (told, total) = (found.told, found.spaces.len());
                let next = most.unwrap_or(total).min(total);
                let (asker, query) = (caller.actor.clone(), query.clone());
                match now.checked_add(KEPT) {
                    Ok(until) if next < total => {
                        state.continuations.keep(Rest { asker, query, spaces: found.spaces.into(), next, until }, now);
                    }
                    // Asked again under its identifier: what was left before is of no answer any more.
                    _ => state.continuations.drop(&asker, Some(&query.query_id)),
                }
                Told { records: told, total, left: total - next }
            })
        }
        // With a number it is a test of existence, and the other criteria are compared.
        Ok(traits) => match person(state, &ids) {
            Ok(key) => match state.desk.person(caller, &key).await {
                Ok(record) => Ok(Some(record).filter(|r| traits.matches(&r.holder.traits)).into_iter().collect()),
                Err(Fault::Refused(refusals)) if refusals.iter().all(|r| is_nobody(r.cause)) => Ok(Vec::new()),
                Err(fault) => Err(fault),
            }
            .map(|records: Vec<Record>| Told { total: records.len(), records, left: 0 }),
            Err(refusal) => Err(state.desk.refused(caller, Act::Identify, vec![refusal]).await),
        },
    };
    answer(&Answering { state, heading, asked: &transmission }, &query, found)
}

/// More of an answer (ITI TF-2 §3.47.4.3): from where it ended, or from where the caller says.
pub(crate) async fn more(
    state: &IheState,
    heading: &Heading,
    caller: &Caller,
    message: &QueryContinuation,
) -> Response {
    let asked = &message.continuation;
    let now = state.desk.clock().now();
    let Some(mut rest) = state.continuations.find(&caller.actor, asked.query_id.as_ref(), now) else {
        let refusal = Refusal::new(Cause::UnknownQuery).about("queryId");
        let refusal = asked.query_id.iter().fold(refusal, |refusal, id| refusal.at(&id.place.0));
        return service::refuse(state, heading, caller, Act::Identify, refusal).await;
    };
    let said = |number: &Option<Nullable<i64>>, name: &str| match number.as_ref().and_then(Nullable::value) {
        Some(said) => quantity(*said, name).map(Some),
        None => Ok(None),
    };
    let window = said(&asked.start_result_number, "startResultNumber")
        .and_then(|start| Ok((start, said(&asked.continuation_quantity, "continuationQuantity")?)));
    let (start, most) = match window {
        Ok(window) => window,
        Err(refusal) => return service::refuse(state, heading, caller, Act::Identify, refusal).await,
    };
    let from = start.map_or(rest.next, |number| number - 1).min(rest.spaces.len());
    let most = most.unwrap_or(usize::MAX);
    let found = match sought(&rest.query.parameters) {
        Ok(traits) => {
            let window = Window { from, most, of: Some(&rest.spaces) };
            state.desk.search_part(caller, &traits, window).await
        }
        Err(refusal) => Err(Fault::Refused(vec![refusal])),
    };
    let total = rest.spaces.len();
    rest.next = from.saturating_add(most).min(total);
    let left = total - rest.next;
    let query = rest.query.clone();
    if let (Ok(_), Ok(until)) = (&found, now.checked_add(KEPT)) {
        rest.until = until;
        state.continuations.told(rest);
    }
    let found = found.map(|found| Told { records: found.told, total, left });
    answer(&Answering { state, heading, asked: &message.transmission }, &query, found)
}

/// Nothing more is wanted of an answer.
pub(crate) fn cancel(state: &IheState, heading: &Heading, caller: &Caller, message: &QueryContinuation) -> Response {
    state.continuations.drop(&caller.actor, message.continuation.query_id.as_ref());
    let answering = Answering { state, heading, asked: &message.transmission };
    let mut acknowledgement = answering.acknowledgement(&[]);
    acknowledgement.type_code = AcknowledgementType::CommitAccept;
    let accepted =
        AcceptAcknowledgement { transmission: answering.head(AcceptAcknowledgement::INTERACTION), acknowledgement };
    answering.send(action::ACCEPT_ACKNOWLEDGEMENT, |out| accepted.write(out))
}

fn answer(answering: &Answering<'_>, query: &CandidateQuery, found: Result<Told, Fault>) -> Response {
    let state = answering.state;
    let (told, refusals, response) = match found {
        Ok(told) if told.total == 0 => (told, Vec::new(), QueryResponse::NotFound),
        Ok(told) => (told, Vec::new(), QueryResponse::Ok),
        Err(fault) => {
            let nothing = Told { records: Vec::new(), total: 0, left: 0 };
            (nothing, refusals_of(&fault, "candidates"), QueryResponse::ApplicationError)
        }
    };
    let count = |n: usize| Some(i64::try_from(n).unwrap_or(i64::MAX).into());
    let status = if told.left == 0 { "deliveredResponse" } else { "waitContinuedQueryResponse" };
    let query_ack = QueryAck {
        status_code: Some(status.into()),
        result_total_quantity: count(told.total),
        result_current_quantity: count(told.records.len()),
        result_remaining_quantity: count(told.left),
        ..QueryAck::of(query.query_id.clone(), response)
    };
    // IHE wants the record's standing, the DMP that of the act (ITI TF-2 §3.47.4.2.2; reference §1.3).
    let pdq = is_pdq(answering.heading);
    let (standing, weight) = if pdq { ("active", weight(&query.parameters)) } else { ("completed", 100) };
    let candidates = Candidates {
        transmission: answering.head(Candidates::INTERACTION),
        acknowledgement: answering.acknowledgement(&refusals),
        control_act: ControlAct::of("PRPA_TE201306UV02"),
        subjects: told
            .records
            .iter()
            .map(|r| registration(state, standing, Candidate::new(patient(state, r), weight)))
            .collect(),
        reasons: Vec::new(),
        query_ack,
        query: Some(query.clone()),
    };
    answering.send(action::FIND_CANDIDATES_RESPONSE, |out| candidates.write(out))
}

fn is_pdq(heading: &Heading) -> bool {
    heading.path.ends_with("/pdq")
}

/// A number of results, from one.
fn quantity(said: i64, name: &str) -> Result<usize, Refusal> {
    let number = usize::try_from(said).ok().filter(|n| *n > 0);
    number.ok_or_else(|| Refusal::new(Cause::QueryParameterInvalid).about(name.to_owned()))
}

/// How sure a match is, in percent: everybody told fits all that was asked, and what was not asked of the five strict
/// traits is not known to fit. With a number of the person's there is no doubt.
fn weight(parameters: &CandidateParameters) -> i64 {
    if parameters.living_subject_id.iter().any(|p| !p.values.is_empty()) {
        return 100;
    }
    let Ok(traits) = sought(parameters) else { return 0 };
    let asked = [
        traits.family.is_some(),
        traits.given.is_some(),
        traits.birth_date.is_some(),
        traits.sex.is_some(),
        traits.birth_place.is_some(),
    ];
    asked.iter().map(|&asked| 20 * i64::from(asked)).sum()
}

/// The one person a query names: by the INS, or by a structure's number where none is given.
fn person(state: &IheState, ids: &[&InstanceIdentifier]) -> Result<PersonKey, Refusal> {
    let is_register = |id: &&&InstanceIdentifier| id.root.as_deref().is_some_and(|root| InsOid::parse(root).is_some());
    match ids {
        [one] if !is_register(&one) && one.root.as_deref().is_some_and(|root| Oid::parse(root).is_ok()) => {
            pix::local(one).map(PersonKey::Local)
        }
        _ => named(state, ids).map(PersonKey::Ins),
    }
}

/// Whether a refusal says that nobody is there.
const fn is_nobody(cause: Cause) -> bool {
    matches!(cause, Cause::UnknownHolder | Cause::UnknownIdentifier)
}

/// What traits a query asks for. A criterion that is not looked at is refused: an answer that ignored it would be of
/// others.
fn sought(parameters: &CandidateParameters) -> Result<TraitQuery, Refusal> {
    let unserved = [
        (parameters.birth_place_name.is_empty(), "livingSubjectBirthPlaceName"),
        (parameters.deceased_time.is_empty(), "livingSubjectDeceasedTime"),
        (parameters.mothers_maiden_name.is_empty(), "mothersMaidenName"),
        (parameters.patient_address.is_empty(), "patientAddress"),
        (parameters.patient_status_code.is_empty(), "patientStatusCode"),
        (parameters.patient_telecom.is_empty(), "patientTelecom"),
        (parameters.principal_care_provider_id.is_empty(), "principalCareProviderId"),
        (parameters.principal_care_provision_id.is_empty(), "principalCareProvisionId"),
    ];
    if let Some((_, name)) = unserved.iter().find(|(absent, _)| !absent) {
        return Err(Refusal::new(Cause::QueryParameterUnknown).about(*name));
    }
    let invalid = |name: &str| Refusal::new(Cause::QueryParameterInvalid).about(name);
    let name = parameters.living_subject_name.iter().flat_map(|p| &p.values).next();
    let part = |kind: NamePartType| {
        name.and_then(|n| n.of(kind).next()).map(|p| p.value.trim().to_owned()).filter(|v| !v.is_empty())
    };
    let birth = parameters.birth_time.iter().flat_map(|p| &p.values).next();
    let birth_date = match birth {
        None => None,
        Some(interval) => {
            let day = interval.value.as_ref().map(|t| t.0.as_str()).and_then(|t| t.get(..8));
            Some(day.ok_or_else(|| invalid("livingSubjectBirthTime"))?.to_owned())
        }
    };
    let sex = match parameters.administrative_gender.iter().flat_map(|p| &p.values).next() {
        None => None,
        Some(code) => match code.code.as_deref() {
            Some("F") => Some(Sex::F),
            Some("M") => Some(Sex::M),
            _ => return Err(invalid("livingSubjectAdministrativeGender")),
        },
    };
    let place = parameters.birth_place_address.iter().flat_map(|p| &p.values).next();
    Ok(TraitQuery {
        family: part(NamePartType::Family),
        given: part(NamePartType::Given),
        birth_date,
        sex,
        birth_place: place.and_then(|a| a.part("county")).map(str::to_owned),
    })
}
