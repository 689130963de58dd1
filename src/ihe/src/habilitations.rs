//! The DMP's own messages: TD0.3 (`setAuthorization`), TD1.6 (`listAuthorizationByPatient`), TD0.4 (`patientList`).
//!
//! Reference §1.4. Whom a message is about and who asks stand in the VIHF.

use axum::{http::StatusCode, response::Response};
use desk::{Caller, Fault, OwnChange, Since};
use space::{
    Cause, Dtm, Refusal,
    people::{PS_ID_NAT_OID, STRUCT_ID_NAT_OID},
    settings::AuthorisationKind,
    trace::Act,
};
use wire_soap::{
    dmp::{
        AuthorizationAction, AuthorizationByPatient, AuthorizationMode, AuthorizationRole, ListAuthorizationByPatient,
        ListAuthorizationByPatientResponse, PatientIdentifier, PatientList, PatientListData, PatientListDateType,
        PatientListResponse, SetAuthorization, SetAuthorizationResponse, status,
    },
    ns::action,
    xml::Element,
};

use crate::{IheState, answer, errors, receive::Heading};

/// A message, read.
pub(crate) enum Request {
    Set(SetAuthorization),
    ListAuthorised(ListAuthorizationByPatient),
    ListPatients(PatientList),
}

impl Request {
    pub(crate) fn set(body: Element<'_, '_>) -> Result<Self, Refusal> {
        SetAuthorization::read(body).map(Self::Set).map_err(|e| errors::of_message(&e))
    }

    pub(crate) fn list_authorised(body: Element<'_, '_>) -> Result<Self, Refusal> {
        ListAuthorizationByPatient::read(body).map(Self::ListAuthorised).map_err(|e| errors::of_message(&e))
    }

    pub(crate) fn list_patients(body: Element<'_, '_>) -> Result<Self, Refusal> {
        PatientList::read(body).map(Self::ListPatients).map_err(|e| errors::of_message(&e))
    }
}

/// Carries the transaction out.
pub(crate) async fn handle(state: &IheState, heading: &Heading, caller: &Caller, request: Request) -> Response {
    match request {
        Request::Set(message) => set(state, heading, caller, &message).await,
        Request::ListAuthorised(message) => list_authorised(state, heading, caller, &message).await,
        Request::ListPatients(message) => list_patients(state, heading, caller, &message).await,
    }
}

/// The word and the sentence of an answer. The DMP's list of words is not public: a cause it has no word for is told by
/// ours.
fn verdict(done: Result<(), &Fault>) -> (String, Option<String>) {
    let Err(fault) = done else { return (status::OK.to_owned(), None) };
    let refusals = fault.refusals();
    tracing::info!(cause = refusals.first().map(|r| r.cause.code()), "ihe.refused");
    if let Fault::Store(error) = fault {
        tracing::error!(error = %error, "ihe.failed");
    }
    let refusal = refusals.first().cloned().unwrap_or_else(|| Refusal::new(Cause::Internal));
    (word(refusal.cause), Some(errors::context(&refusal)))
}

/// `DMPClosed` where the DMP has a word; else `DMP` and the cause's code in one word.
pub(crate) fn word(cause: Cause) -> String {
    if cause == Cause::SpaceClosed {
        return status::CLOSED.to_owned();
    }
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    cause.code().split('_').fold(String::from("DMP"), |word, part| word + &capital(part))
}

fn send(state: &IheState, heading: &Heading, action: &str, body: impl FnOnce(&mut Vec<u8>)) -> Response {
    answer::plain(StatusCode::OK, answer::envelope(state, action, heading, 2048, body))
}

/// An instant as the DMP writes it.
fn instant(ms: i64) -> Option<String> {
    Dtm::from_millisecond(ms).map(|at| at.as_str().to_owned())
}

async fn set(state: &IheState, heading: &Heading, caller: &Caller, message: &SetAuthorization) -> Response {
    let role = message.role == Some(AuthorizationRole::MedecinTraitant);
    let change = match (message.action, role) {
        (Some(AuthorizationAction::Ajout), false) => Some(OwnChange::Declare),
        (Some(AuthorizationAction::Ajout), true) => Some(OwnChange::DeclareMedecinTraitant),
        (Some(AuthorizationAction::Suppression), false) => Some(OwnChange::Remove),
        (Some(AuthorizationAction::Suppression), true) => Some(OwnChange::RemoveMedecinTraitant),
        (None, _) => None,
    };
    let done = match change {
        Some(change) => state.desk.set_own(caller, None, change).await,
        None => {
            let refusal = Refusal::new(Cause::MalformedMessage).at("/setAuthorization/action");
            Err(state.desk.refused(caller, Act::Authorise, vec![refusal]).await)
        }
    };
    let (status, context) = verdict(done.as_ref().copied());
    let response = SetAuthorizationResponse { status: Some(status), context };
    send(state, heading, action::SET_AUTHORIZATION_RESPONSE, |out| response.write(out))
}

async fn list_authorised(
    state: &IheState,
    heading: &Heading,
    caller: &Caller,
    message: &ListAuthorizationByPatient,
) -> Response {
    let found = state.desk.authorised(caller, None).await;
    let (status, context) = verdict(found.as_ref().map(|_| ()));
    let wanted = message.mode.unwrap_or(AuthorizationMode::Toute);
    let mut authorizations = Vec::new();
    if let Ok((standing, traitants)) = found {
        for one in standing {
            let mode = match one.kind {
                AuthorisationKind::Given => AuthorizationMode::Active,
                AuthorisationKind::Blocked => AuthorizationMode::Interdite,
            };
            if wanted != AuthorizationMode::Toute && wanted != mode {
                continue;
            }
            let oid = if one.is_structure { STRUCT_ID_NAT_OID } else { PS_ID_NAT_OID };
            let traitant = !one.is_structure && traitants.contains(&one.grantee);
            authorizations.push(AuthorizationByPatient {
                national_id: Some(one.grantee),
                national_id_type: Some(oid.to_owned()),
                start_of_authorization: instant(one.since_ms),
                mode: Some(mode),
                specific_rights: traitant.then_some(AuthorizationRole::MedecinTraitant).into_iter().collect(),
                ..AuthorizationByPatient::default()
            });
        }
    }
    let response = ListAuthorizationByPatientResponse { authorizations, status: Some(status), context };
    send(state, heading, action::LIST_AUTHORIZATION_BY_PATIENT_RESPONSE, |out| response.write(out))
}

async fn list_patients(state: &IheState, heading: &Heading, caller: &Caller, message: &PatientList) -> Response {
    let found = match since(caller, message) {
        Ok(since) => state.desk.accessible(caller, since).await,
        Err(refusal) => Err(state.desk.refused(caller, Act::ListSpaces, vec![refusal]).await),
    };
    let (status, context) = verdict(found.as_ref().map(|_| ()));
    let patients = found.unwrap_or_default().into_iter().map(|one| {
        let holder = one.record.holder;
        PatientListData {
            patient_identifiers: vec![PatientIdentifier {
                national_id: Some(holder.ins.matricule().to_owned()),
                national_id_type: Some(holder.ins.oid().as_str().to_owned()),
            }],
            last_name: Some(holder.traits.used_family.clone().unwrap_or_else(|| holder.traits.family.clone())),
            patronymical_name: Some(holder.traits.family.clone()),
            first_name: holder.traits.given.first().cloned(),
            date_of_birth: Some(holder.traits.birth_date.as_str().to_owned()),
            medecin_traitant: one.record.medecin_traitant,
            last_update_date: instant(one.since_ms),
            last_add_date: one.last_deposit_ms.and_then(instant),
            ..PatientListData::default()
        }
    });
    let response = PatientListResponse { patients: patients.collect(), status: Some(status), context };
    send(state, heading, action::PATIENT_LIST_RESPONSE, |out| response.write(out))
}

/// From when on, and on whose behalf: one's own alone.
fn since(caller: &Caller, message: &PatientList) -> Result<Since, Refusal> {
    if let Some(owner) = message.ps_owner_id.as_deref().filter(|owner| !owner.is_empty())
        && caller.actor.id.as_ref().is_none_or(|id| id.as_str() != owner)
    {
        let refusal = Refusal::new(Cause::FunctionDenied).at("/patientList/psOwnerId");
        return Err(refusal.about("psOwnerId (another professional)"));
    }
    let Some(from) = message.start_date.as_deref().filter(|from| !from.is_empty()) else { return Ok(Since::Ever) };
    let invalid = |_| Refusal::new(Cause::MalformedMessage).at("/patientList/startDate");
    let from = Dtm::parse(from).map_err(invalid)?.first().as_millisecond();
    Ok(match message.date_type {
        Some(PatientListDateType::LastDoc) => Since::Deposited(from),
        _ => Since::Authorised(from),
    })
}
